//! `cargo xtask bench`: what the host costs, as ratios within one run.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::error::Error;
use crate::machine;
use crate::places::Places;
use crate::plugins;
use crate::rig::{Openstack, Running};
use crate::run::{Interrupt, cargo, run};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Measure what the tests use, which is built sooner, instead of a release
    #[arg(long)]
    dev: bool,
    /// Where the figures go, as JSON; bench.json beside the build by default
    #[arg(long)]
    out: Option<PathBuf>,
    /// Fail if a goal is missed
    #[arg(long)]
    strict: bool,
    /// Measure against the OpenStack rig instead, which is started if it is not up
    #[arg(long)]
    rig: bool,
    /// Measure hosts on this machine instead
    #[arg(long, conflicts_with = "rig")]
    local: bool,
    /// Measure a feature on fifty hosts of this machine instead, beside Ansible
    #[arg(long, conflicts_with_all = ["rig", "local"])]
    fleet: bool,
}

pub(crate) fn bench(places: &Places, interrupt: &Interrupt, arguments: &Arguments) -> Result<(), Error> {
    let fixtures = plugins::Arguments { fixtures: true, ..plugins::Arguments::default() };
    plugins::plugins(places, interrupt, &fixtures)?;
    let mut build = match arguments.dev {
        // As `test` does it: another choice of targets gives dependencies other features, and compiles them twice.
        true => cargo(["build", "--workspace", "--all-targets"]),
        false => cargo(["build", "--release", "--bin", "skywright", "--bin", "skywright-bench"]),
    };
    build.current_dir(&places.root).env("CARGO_TARGET_DIR", &places.target);
    run(interrupt, "cargo build", &mut build)?;
    let built = places.target.join(if arguments.dev { "debug" } else { "release" });
    let mut bench = Command::new(built.join("skywright-bench"));
    bench
        .arg("--skywright")
        .arg(built.join("skywright"))
        .arg("--plugins")
        .arg(places.plugins())
        .arg("--out")
        .arg(arguments.out.clone().unwrap_or_else(|| places.target.join("bench.json")))
        .args(arguments.strict.then_some("--strict"));
    if arguments.fleet {
        bench.arg("--ansible").arg(ansible(places, interrupt)?);
    }
    if arguments.local || arguments.fleet {
        machine::need_for_hosts(interrupt)?;
        bench.arg("--repository").arg(places.repository()).arg("--images").arg(places.images());
    }
    if !arguments.rig {
        return run(interrupt, "skywright-bench", &mut bench);
    }
    let rig = Openstack::new(places)?;
    let _running = Running::start(&rig, interrupt)?;
    rig.seed(interrupt)?;
    bench.arg("--rig").arg(rig.write_access()?).arg("--repository").arg(places.repository());
    run(interrupt, "skywright-bench", &mut bench)
}

/// Ansible, to be held beside.
const ANSIBLE: &str = "ansible-core==2.18.19";

/// Installs it where it may be lost. The stamp is the last that is written.
fn ansible(places: &Places, interrupt: &Interrupt) -> Result<PathBuf, Error> {
    let folder = places.cache.join("ansible");
    let stamp = folder.join("installed");
    if std::fs::read_to_string(&stamp).is_ok_and(|text| text == ANSIBLE) {
        return Ok(folder);
    }
    machine::need(interrupt, "python3", "python3-venv")?;
    run(interrupt, "python3 -m venv", Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = Command::new(folder.join("bin/pip"));
    run(
        interrupt,
        "pip install",
        install.args(["install", "--quiet", "--disable-pip-version-check", ANSIBLE]),
    )?;
    std::fs::write(&stamp, ANSIBLE).map_err(Error::io("write", stamp))?;
    Ok(folder)
}
