//! `skywright plugin test`: the suite as a recording, and again from it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use skywright_conformance::{Meter, Recording, Replay, Script, run as run_suite};
use skywright_core::{Home, SecretContext, Tenant};
use skywright_egress::{Secret, Vault};
use skywright_runtime::Plugin;

use super::conformance::{Choice, LiveSubject, Shown, identity, show, stop_on_interrupt};
use super::{call, host};
use crate::args::{Sandbox, Scope, TenantArgs};
use crate::error::Error;
use crate::output::Printer;

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("way").required(true).args(["record", "replay"]))]
pub(crate) struct Test {
    /// A provider: id, name, or the path of its file.
    pub(crate) plugin: String,
    /// Run the suite against the live cloud and write what was asked and answered to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Run the recorded suite again: without cloud, tenant and secrets, and without waiting.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["only", "template", "image"])]
    pub(crate) replay: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) choice: Choice,
    #[command(flatten)]
    pub(crate) tenant: TenantArgs,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

pub(super) async fn run(args: Test, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    let plugin = host(&args.sandbox, false)?.load(&args.plugin).await?;
    match (&args.record, &args.replay) {
        (_, Some(file)) => replay(file, plugin, args.choice.fail_fast, printer).await,
        (Some(file), None) => {
            let file = file.clone();
            record(&file, &plugin, args, scope, printer).await
        }
        // The parser asks for one of the two.
        (None, None) => Ok(()),
    }
}

async fn record(
    file: &Path,
    plugin: &Plugin,
    args: Test,
    scope: &Scope,
    printer: &Printer,
) -> Result<(), Error> {
    let (tenant, base) = call::tenant(scope, &args.tenant)?;
    let options = args.choice.options(&tenant);
    let script = Script {
        plugin: identity(plugin),
        run: options.name.clone(),
        started_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
        settings: settings(plugin, &tenant, &base).await?,
        credentials: tenant.secrets.keys().cloned().collect(),
        only: options.only.clone(),
        machine: options.machine.clone(),
        region: options.region.clone(),
    };
    let recording = Recording::begin(file, &script)?;
    let subject = LiveSubject {
        identity: identity(plugin),
        plugin: args.plugin,
        sandbox: args.sandbox,
        tenant,
        base,
        clock: Some(recording.clock()),
    };
    let stop = stop_on_interrupt();
    let report = run_suite(Arc::new(subject), options, recording.meter(), &Shown(printer), &stop).await?;
    recording.finish()?;
    show(&report, printer)
}

/// The settings as they are recorded: one that holds a secret's value is masked, as it is in requests.
async fn settings(
    plugin: &Plugin,
    tenant: &Tenant,
    base: &Path,
) -> Result<std::collections::BTreeMap<String, String>, Error> {
    let home = Home::from_env()?;
    let context = SecretContext { tenant: &tenant.name, base, master_key: &home.master_key_file() };
    let mut secrets = Vec::new();
    for (key, source) in &tenant.secrets {
        secrets.push((key.clone(), Secret::new(source.resolve(key, &context).await?.as_str())));
    }
    let vault = Vault::new(secrets);
    let settings = tenant.checked_settings(&plugin.describe_provider().await?)?;
    Ok(settings.into_iter().map(|(key, value)| (key, vault.redact(&value))).collect())
}

async fn replay(file: &Path, plugin: Plugin, fail_fast: bool, printer: &Printer) -> Result<(), Error> {
    let replay = Arc::new(Replay::read(file, plugin)?);
    let options = skywright_conformance::Options { stop_at_first: fail_fast, ..replay.script().options() };
    let stop = stop_on_interrupt();
    let meter = Arc::new(Meter::new());
    let report = run_suite(replay.clone(), options, meter, &Shown(printer), &stop).await?;
    match (replay.difference(), replay.left()) {
        (Some(difference), _) => Err(Error::Replay { difference: difference.to_string() }),
        (None, Some((left, next))) if report.is_conforming() => Err(Error::Replay {
            difference: format!("{left} recorded exchanges were not asked for, the first: {next}"),
        }),
        _ => show(&report, printer),
    }
}
