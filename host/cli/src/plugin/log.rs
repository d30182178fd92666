//! `skywright plugin log`: what was decided about plugins.

use jiff::Timestamp;
use serde_json::json;
use skywright_core::Home;
use skywright_registry::{AuditLog, AuditRecord, Outcome};

use super::trust_args::Log;
use crate::error::Error;
use crate::output::{Printer, table};

pub(super) fn run(args: &Log, printer: &Printer) -> Result<(), Error> {
    let log = match &args.file {
        Some(file) if !file.exists() => {
            let message = format!("there is no {}", file.display());
            return Err(Error::NotFound { message, hint: None });
        }
        Some(file) => AuditLog::new(file),
        None => AuditLog::new(Home::from_env()?.registry_places(args.sandbox.lock_file.clone()).audit_log()),
    };
    let verified = log.verify()?;
    let records = log.last(args.last)?;
    let result = json!({ "file": log.path(), "records": records, "verified": verified });
    printer.result(&result, || {
        let head = ["time", "action", "plugin", "version", "outcome", "because"];
        let chain =
            format!("{} decisions, each bound to the one before; head {}", verified.records, verified.head);
        match records.is_empty() {
            true => chain,
            false => format!("{}\n\n{chain}", table(head, records.iter().map(row))),
        }
    })
}

fn row(record: &AuditRecord) -> [String; 6] {
    let outcome = match record.outcome {
        Outcome::Allowed => "allowed",
        Outcome::Confirmed => "confirmed",
        Outcome::Denied => "denied",
    };
    [
        Timestamp::from_second(record.time_s).map_or_else(|_| record.time_s.to_string(), |at| at.to_string()),
        record.action.clone(),
        skywright_runtime::printable(&record.plugin),
        record.version.clone().unwrap_or_default(),
        outcome.to_owned(),
        record.reasons.join("; "),
    ]
}
