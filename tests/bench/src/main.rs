//! What the host costs, as ratios within one run: `cargo xtask bench` runs this.
//!
//! "Raw" is wasmtime alone with the same component: an engine with neither epochs nor limiter, imports
//! defined by the shortest function that will do, no session, no time-out. Each pair is measured in
//! turns, so that a busy machine slows both; medians are compared.

mod cloud;
mod inside;
mod process;
mod raw;
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
    #[arg(long)]
    rig: Option<PathBuf>,
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
    if let Some(access) = &arguments.rig {
        let bench = cloud::Bench::new(&arguments.skywright, &arguments.plugins, access)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(bench.measure(&mut report))?;
        report.print();
        std::fs::write(&arguments.out, report.to_json()? + "\n")?;
        return Ok(!arguments.strict || report.met());
    }
    let openstack = std::fs::read(arguments.plugins.join("openstack.wasm"))?;
    let measure = std::fs::read(arguments.plugins.join("measure.wasm"))?;
    process::measure(&arguments.skywright, &arguments.plugins, &mut report)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(inside::measure(&openstack, &measure, &mut report))?;
    report.print();
    std::fs::write(&arguments.out, report.to_json()? + "\n")?;
    Ok(!arguments.strict || report.met())
}
