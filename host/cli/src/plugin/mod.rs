//! `skywright plugin …`.

mod bench;
mod build;
mod call;
mod check;
pub(crate) mod conformance;
mod inspect;
mod list;
mod new;
pub(crate) mod test;

use skywright_core::{Home, Host, HostOptions};
use skywright_runtime::{Allocation, ArtefactCache, Compiler, EngineOptions, Limits};

use crate::COMPILE_CHILD;
use crate::args::{PluginCommand, Sandbox, Scope};
use crate::error::Error;
use crate::output::Printer;

/// Runs one command.
pub(crate) async fn run(command: PluginCommand, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    match command {
        PluginCommand::New(args) => new::run(args, printer),
        PluginCommand::Build(args) => build::run(args, printer),
        PluginCommand::Check(args) => check::run(args, printer).await,
        PluginCommand::Inspect(args) => inspect::run(args, printer).await,
        PluginCommand::Call(args) => call::run(*args, scope, printer).await,
        PluginCommand::Conformance(args) => conformance::run(*args, scope, printer).await,
        PluginCommand::Test(args) => test::run(*args, scope, printer).await,
        PluginCommand::Bench(args) => bench::run(*args, printer).await,
        PluginCommand::List(sandbox) => list::run(&sandbox, printer),
    }
}

/// The host as the command line asks for it.
pub(crate) fn host(sandbox: &Sandbox, core_dumps: bool) -> Result<Host, Error> {
    let home = Home::from_env()?;
    let mut limits = Limits::default();
    for (name, value) in &sandbox.limits {
        let value = value.parse().map_err(|_| Error::Usage {
            message: format!("the limit `{name}` takes a whole number, not `{value}`"),
            hint: None,
        })?;
        limits.set(name, value).map_err(|error| Error::Usage { message: error.to_string(), hint: None })?;
    }
    let program = std::env::current_exe().map_err(Error::Start)?;
    let engine = EngineOptions {
        limits,
        allocation: Allocation::OnDemand,
        compiler: Compiler::Child { program, args: vec![COMPILE_CHILD.into()] },
        cache: Some(ArtefactCache::open(home.artefacts())?),
        core_dumps,
    };
    Ok(Host::new(HostOptions { home, plugin_folders: sandbox.plugin_folders.clone(), engine })?)
}

/// A size for people, such as `312.4 KiB`.
fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1024.0, unit + 1);
    }
    if unit == 0 { format!("{bytes} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}
