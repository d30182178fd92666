//! What the host costs, as ratios within one run: `cargo xtask bench` runs this.
//!
//! "Raw" is wasmtime alone with the same component: an engine with neither epochs nor limiter, imports
//! defined by the shortest function that will do, no session, no time-out. Each pair is measured in
//! turns, so that a busy machine slows both; medians are compared.

mod cloud;
mod fleet;
mod inside;
mod installed;
mod local;
mod plan;
mod process;
mod raw;
mod registry;
mod report;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::report::Report;

/// Measure the host.
#[derive(Debug, Parser)]
struct Arguments {
    /// The `skywright` binary.
    #[arg(long)]
    skywright: PathBuf,
    /// A folder with openstack.wasm and measure.wasm.
    #[arg(long)]
    plugins: PathBuf,
    /// Where the figures go, as JSON.
    #[arg(long)]
    out: PathBuf,
    /// How the OpenStack rig is reached: measure against it, and nothing else.
    #[arg(long, requires = "repository")]
    rig: Option<PathBuf>,
    /// A signed repository with the providers of clouds and of this machine.
    #[arg(long)]
    repository: Option<PathBuf>,
    /// Where the images of hosts on this machine are kept: measure those, and nothing else.
    #[arg(long, requires = "repository", conflicts_with = "rig")]
    images: Option<PathBuf>,
    /// Where Ansible is installed: measure a feature on fifty hosts beside it instead.
    #[arg(long, requires = "repository")]
    ansible: Option<PathBuf>,
    /// Fail if a goal is missed.
    #[arg(long)]
    strict: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            report::complain(&error.to_string());
            ExitCode::from(2)
        }
    }
}

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn run(arguments: &Arguments) -> Outcome<bool> {
    let mut report = Report::default();
    if let (Some(access), Some(repository)) = (&arguments.rig, &arguments.repository) {
        let bench = cloud::Bench::new(&arguments.skywright, repository, access)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(bench.measure(&mut report))?;
        report.print();
        std::fs::write(&arguments.out, report.to_json()? + "\n")?;
        return Ok(!arguments.strict || report.met());
    }
    if let (Some(repository), Some(images)) = (&arguments.repository, &arguments.images) {
        let bench = local::Bench::new(&arguments.skywright, repository, images)?;
        match &arguments.ansible {
            Some(ansible) => fleet::measure(&bench, ansible, &mut report)?,
            None => bench.measure(&mut report)?,
        }
        report.print();
        std::fs::write(&arguments.out, report.to_json()? + "\n")?;
        return Ok(!arguments.strict || report.met());
    }
    let openstack = std::fs::read(arguments.plugins.join("openstack.wasm"))?;
    let measure = std::fs::read(arguments.plugins.join("measure.wasm"))?;
    process::measure(&arguments.skywright, &arguments.plugins, &mut report)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(inside::measure(&openstack, &measure, &mut report))?;
    runtime.block_on(registry::measure(&mut report))?;
    runtime.block_on(plan::measure(&arguments.plugins, &mut report))?;
    installed::measure(&arguments.skywright, &mut report)?;
    report.print();
    std::fs::write(&arguments.out, report.to_json()? + "\n")?;
    Ok(!arguments.strict || report.met())
}
