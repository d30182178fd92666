//! `skywright doctor`: what this machine lacks to run hosts of its own.

use clap::Args;
use skywright_core::{Backend, Finding, Leftovers, Severity, doctor, remove_leftovers};

use crate::error::Error;
use crate::output::{Printer, table};

/// What is done about it.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// Remove what homes left on this machine whose folder is gone: processes, mounts, networks. Files stay.
    #[arg(long)]
    remove_leftovers: bool,
    /// What hosts are to be run by, as the tenant's setting says it: containers or qemu.
    #[arg(long, value_name = "BACKEND", default_value_t)]
    backend: Backend,
}

pub(crate) fn run(args: &DoctorArgs, printer: &Printer) -> Result<(), Error> {
    if args.remove_leftovers {
        let removed = remove_leftovers().map_err(skywright_core::Error::from)?;
        return printer.list("leftovers", &removed, ["state", "removed"], leftover);
    }
    let findings = doctor(args.backend);
    let worst = findings.iter().filter(|finding| finding.severity == Severity::Error).count();
    let show = || match findings.is_empty() {
        true => "this machine can run hosts of its own".to_owned(),
        false => table(["", "what is missing", "what mends it"], findings.iter().map(row)),
    };
    if worst == 0 {
        return printer.result(&findings, show);
    }
    printer.failed_result(show)?;
    let report = serde_json::to_value(&findings).unwrap_or_default();
    Err(Error::Unfit { lacks: worst, report: Box::new(report) })
}

fn row(finding: &Finding) -> [String; 3] {
    let severity = match finding.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    [severity.to_owned(), finding.summary.clone(), finding.fix.clone().unwrap_or_default()]
}

fn leftover(home: &Leftovers) -> [String; 2] {
    let state = home.state.as_ref().map_or_else(|| home.tag.clone(), |state| state.display().to_string());
    [state, home.found.join(", ")]
}
