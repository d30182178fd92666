//! Runs the checks.

use std::sync::Arc;
use std::time::Instant;

use tokio_util::sync::CancellationToken;

use crate::check::{Check, checks, families};
use crate::context::Context;
use crate::error::Error;
use crate::failure::Failure;
use crate::meter::Meter;
use crate::options::Options;
use crate::report::{CheckReport, Listener, Outcome, Report, Summary};
use crate::subject::{Launch, Subject};

/// The family that is run after everything.
const CLEANUP: &str = "cleanup";

/// Holds a subject against the contract, and takes away what that made.
///
/// `stop` ends it: the running check is left where it is, the others are skipped, and what was made is
/// abandoned all the same. Whoever drops the future instead leaves it behind.
///
/// # Errors
///
/// [`Error::UnknownFamily`], and [`Error::Launch`] if the subject does not even start. Checks that fail are
/// no error, but in the report.
pub async fn run(
    subject: Arc<dyn Subject>,
    options: Options,
    meter: Arc<Meter>,
    listener: &dyn Listener,
    stop: &CancellationToken,
) -> Result<Report, Error> {
    if let Some(family) = options.only.iter().find(|family| !families().contains(&family.as_str())) {
        return Err(Error::UnknownFamily { family: family.clone() });
    }
    let plugin = subject.identity();
    let launched = subject.launch(Launch { settings: Vec::new(), meter: Arc::clone(&meter) }).await?;
    let context = Context::new(subject, launched, options, meter);
    let start = Instant::now();
    let reports = run_all(&context, listener, stop).await;
    let mut summary = Summary::default();
    for report in &reports {
        *match report.outcome {
            Outcome::Passed => &mut summary.passed,
            Outcome::Failed => &mut summary.failed,
            Outcome::Blocked => &mut summary.blocked,
            Outcome::Skipped => &mut summary.skipped,
        } += 1;
    }
    Ok(Report {
        plugin,
        run: context.options.name.clone(),
        region: context.known_region().map(str::to_owned),
        summary,
        requests: context.meter.requests(),
        time_ms: milliseconds(start),
        stopped: stop.is_cancelled(),
        checks: reports,
    })
}

async fn run_all(context: &Context, listener: &dyn Listener, stop: &CancellationToken) -> Vec<CheckReport> {
    let mut reports: Vec<CheckReport> = Vec::new();
    let only = &context.options.only;
    for check in checks() {
        let cleanup = check.family == CLEANUP;
        if !cleanup && !only.is_empty() && !only.iter().any(|family| family == check.family) {
            continue;
        }
        let failed = reports.iter().any(|report| report.outcome == Outcome::Failed);
        let reason = match () {
            () if cleanup => None,
            () if stop.is_cancelled() => Some("the run was stopped"),
            () if failed && context.options.stop_at_first => Some("a check before it failed"),
            () => None,
        };
        listener.begin(check);
        let report = match reason {
            Some(reason) => report(check, Outcome::Skipped, Some(reason.to_owned())),
            None if cleanup => run_one(context, check, &CancellationToken::new()).await,
            None => run_one(context, check, stop).await,
        };
        listener.end(&report);
        reports.push(report);
    }
    reports
}

async fn run_one(context: &Context, check: &Check, stop: &CancellationToken) -> CheckReport {
    let (start, before) = (Instant::now(), context.meter.requests());
    let result = tokio::select! {
        biased;
        () = stop.cancelled() => Err(Failure::skip("the run was stopped")),
        result = (check.work)(context) => result,
    };
    let (outcome, reason) = match result {
        Ok(()) => (Outcome::Passed, None),
        Err(failure @ Failure::Skip { .. }) => (Outcome::Skipped, Some(failure)),
        Err(failure @ Failure::Blocked { .. }) => (Outcome::Blocked, Some(failure)),
        Err(failure) => (Outcome::Failed, Some(failure)),
    };
    let reason = reason.map(|failure| skywright_runtime::printable(&failure.to_string()));
    let requests = context.meter.requests() - before;
    CheckReport { time_ms: milliseconds(start), requests, ..report(check, outcome, reason) }
}

fn report(check: &Check, outcome: Outcome, reason: Option<String>) -> CheckReport {
    let Check { family, name, title, .. } = check;
    CheckReport { family, name, title, outcome, reason, time_ms: 0, requests: 0 }
}

fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}
