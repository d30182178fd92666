//! `skywright operation …`.

mod args;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;
use skywright_core::operation::{OperationView, StepView};

use args::Abort;
pub(crate) use args::OperationCommand;

use crate::details::details;
use crate::error::Error;
use crate::output::table;
use crate::site::Site;

pub(crate) async fn run(command: OperationCommand, site: &Site<'_>) -> Result<(), Error> {
    match command {
        OperationCommand::List { all } => list(all, site).await,
        OperationCommand::Show(which) => show(&which.id, site).await,
        OperationCommand::Resume(which) => {
            let tenancy = site.open().await?;
            let id = tenancy.find_operation(&which.id).await?.id;
            site.stoppable(async |stop| Ok(tenancy.resume(&id, stop).await?)).await?;
            site.printer.done()
        }
        OperationCommand::Abort(args) => abort(args, site).await,
        OperationCommand::Forget(args) => forget(args, site).await,
    }
}

async fn list(all: bool, site: &Site<'_>) -> Result<(), Error> {
    let records = site.open().await?.operations().await?;
    let mut views: Vec<_> = records.iter().map(OperationView::from).collect();
    views.retain(|view| all || view.is_open());
    let what = if all { "operations" } else { "operations that need anybody" };
    site.printer.list(what, &views, ["id", "phase", "since", "by", "what"], row)
}

async fn abort(args: Abort, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let record = tenancy.find_operation(&args.which.id).await?;
    site.confirm(&format!("take back `{}` and delete what it made?", record.title), &args.yes)?;
    // There is nothing to stop: it is being undone already. A kill leaves it to the next command.
    let outcome = tenancy.abort(&record.id).await;
    site.clear();
    outcome?;
    site.printer.done()
}

/// What an operation may have left, in the cloud or on hosts.
#[derive(Serialize)]
struct Left {
    id: String,
    title: String,
    may_be_left: Vec<StepView>,
}

async fn forget(args: Abort, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let record = tenancy.find_operation(&args.which.id).await?;
    let question = format!("forget `{}`, and leave what it made as it is?", record.title);
    site.confirm(&question, &args.yes)?;
    let may_be_left = tenancy.forget(&record.id).await?;
    let left = Left { id: record.id.to_string(), title: record.title, may_be_left };
    site.printer.result(&left, || {
        if left.may_be_left.is_empty() {
            return format!("`{}` is forgotten; it left nothing", left.title);
        }
        let head = format!("`{}` is forgotten. Of these steps something may be left:", left.title);
        let steps = steps_table(&left.may_be_left);
        // What a feature began is on hosts, where only its author can say what it is.
        let tail = match left.may_be_left.iter().all(|step| step.status == "begun") {
            true => "It is on these hosts; adding the feature again finishes it",
            false => "`skywright reconcile --plan` shows it",
        };
        format!("{head}\n\n{steps}\n\n{tail}")
    })
}

fn steps_table(steps: &[StepView]) -> String {
    let note = |step: &StepView| step.note.clone().or(step.id.clone()).unwrap_or_default();
    let rows = steps.iter().map(|step| [step.name.clone(), step.status.to_owned(), note(step)]);
    table(["step", "status", ""], rows)
}

/// An operation with its steps.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    operation: OperationView,
    steps: Vec<StepView>,
}

async fn show(id: &str, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let record = tenancy.find_operation(id).await?;
    let steps = tenancy.operation_steps(&record.id).await?;
    let shown = Shown { operation: OperationView::from(&record), steps };
    site.printer.result(&shown, || {
        let head = details(&shown.operation);
        if shown.steps.is_empty() {
            return head;
        }
        format!("{head}\n\n{}", steps_table(&shown.steps))
    })
}

fn row(view: &OperationView) -> [String; 5] {
    let by = match (view.phase.is_over(), view.cut_off) {
        (true, _) => String::new(),
        (false, true) => "cut off".to_owned(),
        (false, false) => format!("process {} on {}", view.process_id, view.host_name),
    };
    [view.id.to_string(), view.phase.name().to_owned(), since(view.started_unix_ms), by, view.title.clone()]
}

/// How long ago, in one unit.
fn since(unix_ms: u64) -> String {
    let then = UNIX_EPOCH + Duration::from_millis(unix_ms);
    in_words(SystemTime::now().duration_since(then).unwrap_or_default())
}

fn in_words(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds} s"),
        seconds @ 60..3_600 => format!("{} min", seconds / 60),
        seconds @ 3_600..86_400 => format!("{} h", seconds / 3_600),
        seconds => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_one_unit() {
        for (seconds, words) in [(0, "0 s"), (59, "59 s"), (60, "1 min"), (7_199, "1 h"), (86_400, "1 d")] {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }
}
