//! Developer commands, run as `cargo xtask COMMAND`.

mod bench;
mod demo;
mod error;
mod fuzz;
mod machine;
mod places;
mod plugins;
mod publish;
mod recipes;
mod rig;
mod run;
mod say;
mod suite;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::Error;
use crate::places::Places;
use crate::run::Interrupt;

/// Developer commands for Skywright.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a network with a gateway and two real hosts on this machine, use them, and take them away
    Demo(demo::Arguments),
    /// Build the plugins of this repository
    Plugins(plugins::Arguments),
    /// Run a real control plane on loopback
    #[command(subcommand)]
    Rig(rig::Arguments),
    /// Run every test
    Test(test::Arguments),
    /// Kill every change at every request on the OpenStack rig; `test` takes a sample
    Sweep,
    /// Fuzz the parsers of foreign bytes
    Fuzz(fuzz::Arguments),
    /// Measure what the host costs
    Bench(bench::Arguments),
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Error> {
    let interrupt = Interrupt::catch()?;
    let places = Places::find()?;
    match command {
        Command::Demo(arguments) => demo::demo(&places, &interrupt, &arguments),
        Command::Plugins(arguments) => plugins::plugins(&places, &interrupt, &arguments),
        Command::Rig(rig::Arguments::Openstack(arguments)) => rig::openstack(&places, &interrupt, &arguments),
        Command::Test(arguments) => test::test(&places, &interrupt, &arguments),
        Command::Sweep => test::sweep(&places, &interrupt),
        Command::Fuzz(arguments) => fuzz::fuzz(&places, &interrupt, &arguments),
        Command::Bench(arguments) => bench::bench(&places, &interrupt, &arguments),
    }
}
