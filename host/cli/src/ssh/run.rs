//! `skywright ssh run`.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Serialize;
use skywright_core::Tenancy;
use skywright_runtime::printable;
use skywright_ssh::{Client, Command, ExitStatus, Finished};

use super::args::Run;
use super::command;
use crate::error::Error;
use crate::site::Site;

/// How many hosts at once.
const AT_ONCE: usize = 32;

/// What it came to on one host.
#[derive(Debug, Serialize)]
struct Outcome {
    host: String,
    /// `null` where a signal ended it.
    exit_status: Option<u32>,
    signal: Option<String>,
    stdout: String,
    stderr: String,
    /// What of its output is not shown, in the middle of it.
    omitted_bytes: u64,
    elapsed_ms: u64,
}

pub(super) async fn run(args: Run, client: &Client, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let each = args.references.iter().map(|reference| on_one(reference, &args, client, &tenancy));
    let outcomes: Vec<Result<Outcome, Error>> = stream::iter(each).buffered(AT_ONCE).collect().await;
    site.clear();
    let outcomes = outcomes.into_iter().collect::<Result<Vec<_>, _>>()?;
    let failed = outcomes.iter().filter(|outcome| outcome.exit_status != Some(0)).count();
    let show = || outcomes.iter().map(|outcome| text(outcome, outcomes.len() > 1)).collect::<String>();
    if failed == 0 {
        return site.printer.result(&outcomes, show);
    }
    site.printer.failed_result(show)?;
    let report = serde_json::to_value(&outcomes).unwrap_or_default();
    Err(Error::RemoteFailed { failed, of: outcomes.len(), report: Box::new(report) })
}

async fn on_one(reference: &str, args: &Run, client: &Client, tenancy: &Tenancy) -> Result<Outcome, Error> {
    let connection = tenancy.connect(client, reference).await?;
    let mut command = match &args.line {
        Some(line) => Command::shell(line),
        None => command(args.words.clone()),
    };
    command = command.timeout(Duration::from_secs(args.timeout));
    if args.sudo {
        command = command.sudo();
    }
    let Finished { status, output, elapsed } = connection.run(command).await?;
    let (exit_status, signal) = match status {
        ExitStatus::Code(code) => (Some(code), None),
        ExitStatus::Signal { name, .. } => (None, Some(printable(&name))),
    };
    Ok(Outcome {
        host: reference.to_owned(),
        exit_status,
        signal,
        stdout: output.stdout.to_text(),
        stderr: output.stderr.to_text(),
        omitted_bytes: output.stdout.omitted_bytes() + output.stderr.omitted_bytes(),
        elapsed_ms: u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX),
    })
}

/// For people: lines without what would move their cursor.
fn text(outcome: &Outcome, with_name: bool) -> String {
    let mut text = String::new();
    if with_name {
        let end = match (outcome.exit_status, &outcome.signal) {
            (Some(0), _) => String::new(),
            (Some(code), _) => format!(" (exit status {code})"),
            (None, signal) => format!(" (SIG{})", signal.as_deref().unwrap_or("?")),
        };
        text.push_str(&format!("{}{end}:\n", outcome.host));
    }
    let indent = if with_name { "  " } else { "" };
    for line in outcome.stdout.lines().chain(outcome.stderr.lines()) {
        text.push_str(&format!("{indent}{}\n", printable(line)));
    }
    text
}
