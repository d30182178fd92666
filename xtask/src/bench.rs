//! `cargo xtask bench`: what the host costs, as ratios within one run.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::error::Error;
use crate::places::Places;
use crate::plugins;
use crate::rig::{Openstack, Running};
use crate::run::{Interrupt, cargo, run};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Measure optimised builds: another build of everything
    #[arg(long)]
    release: bool,
    /// Where the figures go, as JSON; bench.json beside the build by default
    #[arg(long)]
    out: Option<PathBuf>,
    /// Fail if a goal is missed
    #[arg(long)]
    strict: bool,
    /// Measure against the OpenStack rig instead, which is started if it is not up
    #[arg(long)]
    rig: bool,
}

pub(crate) fn bench(places: &Places, interrupt: &Interrupt, arguments: &Arguments) -> Result<(), Error> {
    let fixtures = plugins::Arguments { fixtures: true, ..plugins::Arguments::default() };
    plugins::plugins(places, interrupt, &fixtures)?;
    let mut build = cargo(["build", "--workspace"]);
    build.args(arguments.release.then_some("--release"));
    build.current_dir(&places.root).env("CARGO_TARGET_DIR", &places.target);
    run(interrupt, "cargo build", &mut build)?;
    let built = places.target.join(if arguments.release { "release" } else { "debug" });
    let mut bench = Command::new(built.join("skywright-bench"));
    bench
        .arg("--skywright")
        .arg(built.join("skywright"))
        .arg("--plugins")
        .arg(places.plugins())
        .arg("--out")
        .arg(arguments.out.clone().unwrap_or_else(|| places.target.join("bench.json")))
        .args(arguments.strict.then_some("--strict"));
    if !arguments.rig {
        return run(interrupt, "skywright-bench", &mut bench);
    }
    let rig = Openstack::new(places)?;
    let _running = Running::start(&rig, interrupt)?;
    rig.seed(interrupt)?;
    bench.arg("--rig").arg(rig.write_access()?);
    run(interrupt, "skywright-bench", &mut bench)
}
