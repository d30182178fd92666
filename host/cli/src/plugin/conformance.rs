//! `skywright plugin conformance`: holds a provider against the contract, on its live cloud.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use skywright_conformance::{
    Check, CheckReport, Identity, Launch, LaunchError, Launched, Listener, MachineChoice, Meter, Options,
    Outcome, Report, RunName, Subject, checks, run as run_suite,
};
use skywright_core::Tenant;
use skywright_egress::BoxFuture;
use skywright_runtime::{Clock, Plugin};
use tokio_util::sync::CancellationToken;

use super::{call, host};
use crate::args::{Sandbox, Scope, TenantArgs};
use crate::error::Error;
use crate::exit;
use crate::output::{Printer, complain, table};

#[derive(Debug, Args)]
pub(crate) struct Conformance {
    /// A provider: id, name, or the path of its file.
    pub(crate) plugin: String,
    #[command(flatten)]
    pub(crate) choice: Choice,
    /// List the checks and run none.
    #[arg(long)]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) tenant: TenantArgs,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

/// What of the suite is run, and with which machines.
#[derive(Debug, Args)]
pub(crate) struct Choice {
    /// Run the checks of this family alone; may be given more than once.
    #[arg(long = "only", value_name = "FAMILY")]
    pub(crate) only: Vec<String>,
    /// Go on after a check that failed; this is the default.
    #[arg(long, conflicts_with = "fail_fast")]
    pub(crate) keep_going: bool,
    /// Skip what comes after the first check that fails, but for taking away what was made.
    #[arg(long)]
    pub(crate) fail_fast: bool,
    /// The id or name of the template that hosts have; the smallest that an image fits on by default.
    #[arg(long)]
    pub(crate) template: Option<String>,
    /// The id or name of the image that hosts have; the smallest that fits by default.
    #[arg(long)]
    pub(crate) image: Option<String>,
}

impl Choice {
    /// The options of a run with a tenant.
    pub(super) fn options(&self, tenant: &Tenant) -> Options {
        let settings = tenant.settings.iter().map(|(key, value)| (key.clone(), value.to_string()));
        // That a secret is set is all a plugin may know.
        let secrets = tenant.secrets.keys().map(|key| (key.clone(), String::new()));
        Options {
            only: self.only.clone(),
            machine: MachineChoice { template: self.template.clone(), image: self.image.clone() },
            region: tenant.settings.get("region").map(ToString::to_string),
            settings: settings.chain(secrets).collect(),
            stop_at_first: self.fail_fast,
            ..Options::new(RunName::fresh())
        }
    }
}

pub(super) async fn run(args: Conformance, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    if args.list {
        return list(&args.choice.only, printer);
    }
    let (tenant, base) = call::tenant(scope, &args.tenant)?;
    let options = args.choice.options(&tenant);
    let plugin = host(&args.sandbox, false)?.load(&args.plugin).await?;
    let subject = LiveSubject {
        identity: identity(&plugin),
        plugin: args.plugin,
        sandbox: args.sandbox,
        tenant,
        base,
        clock: None,
    };
    let stop = stop_on_interrupt();
    let shown = Shown(printer);
    let report = run_suite(Arc::new(subject), options, Arc::new(Meter::new()), &shown, &stop).await?;
    show(&report, printer)
}

fn list(only: &[String], printer: &Printer) -> Result<(), Error> {
    let wanted = |check: &&Check| only.is_empty() || only.iter().any(|family| family == check.family);
    let wanted: Vec<_> = checks().filter(wanted).collect();
    let json: Vec<_> = wanted
        .iter()
        .map(|check| serde_json::json!({ "family": check.family, "name": check.name, "title": check.title }))
        .collect();
    printer.result(&json, || {
        let row = |check: &&Check| [format!("{}/{}", check.family, check.name), check.title.to_owned()];
        table(["check", "what it holds"], wanted.iter().map(row))
    })
}

/// A plugin with a tenant, started as a new process would: a new engine, a new session.
pub(super) struct LiveSubject {
    pub(super) identity: Identity,
    pub(super) plugin: String,
    pub(super) sandbox: Sandbox,
    pub(super) tenant: Tenant,
    pub(super) base: PathBuf,
    /// Another clock for the plugin than the system's.
    pub(super) clock: Option<Arc<dyn Clock>>,
}

pub(super) fn identity(plugin: &Plugin) -> Identity {
    let manifest = &plugin.package().manifest;
    Identity { id: manifest.id.to_string(), version: manifest.version.to_string() }
}

impl LiveSubject {
    async fn start(&self, launch: Launch) -> Result<Launched, Error> {
        let host = host(&self.sandbox, false)?;
        let plugin = host.load(&self.plugin).await?;
        let mut tenant = self.tenant.clone();
        for (key, value) in launch.settings {
            tenant.settings.insert(key, value.as_str().into());
        }
        let (session, report) = host.session(&plugin, &tenant, &self.base, Some(launch.meter)).await?;
        for left_out in &report.left_out {
            tracing::info!(endpoint = left_out.name, reason = left_out.reason, "endpoint not granted");
        }
        let session = match (&self.clock, Arc::try_unwrap(session)) {
            (Some(clock), Ok(session)) => Arc::new(session.with_clock(Arc::clone(clock))),
            (_, Ok(session)) => Arc::new(session),
            (_, Err(shared)) => shared,
        };
        Ok(Launched::plugin(&plugin, &session).await?)
    }
}

impl Subject for LiveSubject {
    fn identity(&self) -> Identity {
        self.identity.clone()
    }

    fn launch(&self, launch: Launch) -> BoxFuture<'_, Result<Launched, LaunchError>> {
        Box::pin(async move {
            self.start(launch).await.map_err(|error| LaunchError {
                message: error.to_string(),
                category: error.category(),
                blame: error.blame(),
                code: error.code(),
                hint: error.hint(),
            })
        })
    }
}

/// The first Ctrl-C ends the run and takes away what it made; the second leaves it.
pub(super) fn stop_on_interrupt() -> CancellationToken {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            stopped.cancel();
            complain("stopping: what was made is taken away; once more leaves it where it is");
        }
        if tokio::signal::ctrl_c().await.is_ok() {
            std::process::exit(exit::CANCELLED.into());
        }
    });
    stop
}

/// Tells people how far it is.
pub(super) struct Shown<'a>(pub(super) &'a Printer);

impl Listener for Shown<'_> {
    fn end(&self, report: &CheckReport) {
        let CheckReport { family, name, outcome, time_ms, .. } = report;
        self.0.progress(&format!("{:8} {family}/{name} ({time_ms} ms)", outcome.as_str()));
    }
}

/// Prints a report, and fails where a check did.
pub(super) fn show(report: &Report, printer: &Printer) -> Result<(), Error> {
    if report.is_conforming() {
        return printer.result(report, || human(report));
    }
    let error = Error::Checks {
        failed: report.summary.failed,
        blocked: report.summary.blocked,
        stopped: report.stopped,
        report: Box::new(serde_json::to_value(report).unwrap_or_default()),
    };
    printer.failed_result(|| human(report))?;
    Err(error)
}

fn human(report: &Report) -> String {
    let row = |check: &CheckReport| {
        [
            format!("{}/{}", check.family, check.name),
            check.outcome.as_str().to_owned(),
            format!("{:.1} s", check.time_ms as f64 / 1000.0),
            check.requests.to_string(),
        ]
    };
    let mut text = table(["check", "result", "time", "requests"], report.checks.iter().map(row));
    for (title, outcome) in
        [("Skipped", Outcome::Skipped), ("Blocked", Outcome::Blocked), ("Failed", Outcome::Failed)]
    {
        let of_it: Vec<_> = report.checks.iter().filter(|check| check.outcome == outcome).collect();
        if !of_it.is_empty() {
            text.push_str(&format!("\n\n{title}:"));
        }
        for check in of_it {
            let reason = check.reason.as_deref().unwrap_or_default();
            text.push_str(&format!("\n  {}/{} ({})\n    {reason}", check.family, check.name, check.title));
        }
    }
    let summary = &report.summary;
    text.push_str(&format!(
        "\n\n{} {}, run {}: {} passed, {} failed, {} blocked, {} skipped; {} requests in {:.0} s",
        report.plugin.id,
        report.plugin.version,
        report.run,
        summary.passed,
        summary.failed,
        summary.blocked,
        summary.skipped,
        report.requests,
        report.time_ms as f64 / 1000.0,
    ));
    text
}
