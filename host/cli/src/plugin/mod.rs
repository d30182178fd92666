//! `skywright plugin …`.

mod bench;
mod bill;
mod build;
mod call;
mod check;
pub(crate) mod conformance;
mod dev;
mod find;
mod inspect;
mod install;
pub(crate) mod list;
mod log;
mod new;
mod publish;
pub(crate) mod test;
pub(crate) mod trust_args;

use skywright_core::{Home, Host, HostOptions};
use skywright_registry::Installed;
use skywright_runtime::{Allocation, ArtefactCache, Compiler, EngineOptions, Limits};

use crate::COMPILE_CHILD;
use crate::args::{PluginCommand, Sandbox, Scope};
use crate::error::Error;
use crate::output::Printer;
use crate::plugin::trust_args::TrustCommand;

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
        PluginCommand::List(args) => list::run(*args, printer).await,
        PluginCommand::Trust(command) => trust(command, printer).await,
    }
}

/// What has to do with where plugins are from, and who vouches for them.
async fn trust(command: TrustCommand, printer: &Printer) -> Result<(), Error> {
    match command {
        TrustCommand::Search(args) => find::search(args, printer).await,
        TrustCommand::Install(args) => install::install(args, printer).await,
        TrustCommand::Update(args) => install::update(args, printer).await,
        TrustCommand::Rollback(args) => install::rollback(args, printer).await,
        TrustCommand::Remove(args) => install::remove(args, printer),
        TrustCommand::Explain(args) => find::explain(args, printer).await,
        TrustCommand::Verify(args) => find::verify(args, printer).await,
        TrustCommand::Publish(args) => publish::publish(*args, printer).await,
        TrustCommand::Yank(args) => publish::yank(*args, printer).await,
        TrustCommand::RotateKey(args) => publish::rotate_key(*args, printer).await,
        TrustCommand::Dev(args) => dev::run(args, printer),
        TrustCommand::Sbom(args) => bill::sbom(args, printer),
        TrustCommand::Audit(args) => bill::audit(args, printer),
        TrustCommand::Log(args) => log::run(&args, printer),
    }
}

/// The plugins that there are, without an engine to run them.
pub(crate) fn installed(sandbox: &Sandbox) -> Result<Installed, Error> {
    let home = Home::from_env()?;
    Ok(Installed::new(home.registry_places(sandbox.lock_file.clone()))
        .with_folders(sandbox.plugin_folders.clone())
        .with_drop_in(vec![home.plugins()])
        .with_allow_unsigned(sandbox.allow_unsigned))
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
    Ok(Host::new(HostOptions {
        home,
        plugin_folders: sandbox.plugin_folders.clone(),
        allow_unsigned: sandbox.allow_unsigned,
        lock_file: sandbox.lock_file.clone(),
        engine,
    })?)
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
