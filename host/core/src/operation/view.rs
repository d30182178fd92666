//! Operations, as they are shown. Nothing that is sealed is opened for it.

use std::collections::BTreeSet;

use serde::Serialize;
use skywright_state::StoreExt as _;

use super::id::OperationId;
use super::record::{Failure, OperationRecord, Phase, StepRecord, StepStatus};
use crate::error::Error;
use crate::tenancy::Tenancy;

/// What the names of kept values begin with that say what was begun on a host, `STEP HOST` behind it, and taken back.
pub(crate) const BEGUN: &str = "begun ";
pub(crate) const UNDONE: &str = "undone ";

/// An operation, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct OperationView {
    /// Its id.
    pub id: OperationId,
    /// What it is, such as `host create web`.
    pub title: String,
    /// How far it is.
    pub phase: Phase,
    /// Whether it is not over and the process that carried it out has ended.
    pub cut_off: bool,
    /// Whether a failure leaves what was made.
    pub keep_on_failure: bool,
    /// When it began, in milliseconds since 1970, UTC.
    pub started_unix_ms: u64,
    /// When it ended.
    pub ended_unix_ms: Option<u64>,
    /// The process that carries it out, or did last.
    pub process_id: u32,
    /// The machine of that process.
    pub host_name: String,
    /// What it failed with.
    pub failure: Option<Failure>,
}

impl From<&OperationRecord> for OperationView {
    fn from(record: &OperationRecord) -> Self {
        Self {
            id: record.id.clone(),
            title: record.title.clone(),
            phase: record.phase,
            cut_off: !record.phase.is_over() && !record.holder.is_alive(),
            keep_on_failure: record.keep_on_failure,
            started_unix_ms: record.started_unix_ms,
            ended_unix_ms: record.ended_unix_ms,
            process_id: record.holder.process_id,
            host_name: record.holder.host_name.clone(),
            failure: record.failure.clone(),
        }
    }
}

impl OperationView {
    /// Whether somebody has something to do about it: it is under way, was cut off, or left something.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.phase.is_settled()
    }
}

/// A step of an operation, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct StepView {
    /// Its name in the operation.
    pub name: String,
    /// `asked`, `pending`, `done`, `failed`, `undone` or `kept`; `begun` where only what may be left is listed.
    pub status: &'static str,
    /// When it was asked first, in milliseconds since 1970, UTC.
    pub asked_unix_ms: u64,
    /// What is waited for, or what it failed with.
    pub note: Option<String>,
    /// The cloud's id of what it made.
    pub id: Option<String>,
}

/// Those steps of which something may be left: what was asked of the cloud and not taken back, and what a feature
/// began on a host, as `STEP@HOST`.
pub(super) fn may_have_left(steps: Vec<StepView>) -> Vec<StepView> {
    let kept = |step: &StepView, what: &str| match step.status {
        "kept" => step.name.strip_prefix(what).map(str::to_owned),
        _ => None,
    };
    let undone: BTreeSet<String> = steps.iter().filter_map(|step| kept(step, UNDONE)).collect();
    let left = steps.into_iter().filter_map(|step| match (kept(&step, BEGUN), step.status) {
        (Some(place), _) if !undone.contains(&place) => {
            Some(StepView { name: place.replacen(' ', "@", 1), status: "begun", ..step })
        }
        (_, "undone" | "kept") => None,
        _ => Some(step),
    });
    left.collect()
}

impl From<StepRecord> for StepView {
    fn from(step: StepRecord) -> Self {
        let status = step.status.name();
        let (note, id) = match step.status {
            StepStatus::Pending { note, .. } => (Some(note), None),
            StepStatus::Failed { message } => (Some(message), None),
            StepStatus::Done { id } => (None, Some(id).filter(|id| !id.is_empty())),
            StepStatus::Asked | StepStatus::Undone | StepStatus::Kept => (None, None),
        };
        Self { name: step.name, status, asked_unix_ms: step.asked_unix_ms, note, id }
    }
}

impl Tenancy {
    /// The one operation whose id begins so.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`]; [`Error::Invalid`] if several begin so.
    pub async fn find_operation(&self, prefix: &str) -> Result<OperationRecord, Error> {
        let mut found = self.operations().await?;
        let known: Vec<_> = found.iter().rev().map(|record| record.id.to_string()).collect();
        found.retain(|record| !prefix.is_empty() && record.id.as_str().starts_with(prefix));
        match (found.pop(), found.len()) {
            (Some(only), 0) => Ok(only),
            (Some(_), others) => {
                let reason = format!("{} operations begin so; write more of the id", others + 1);
                Err(Error::Invalid { what: format!("operation {prefix}"), reason })
            }
            (None, _) => {
                let name = prefix.chars().take(40).flat_map(char::escape_debug).collect();
                Err(Error::NoSuch { kind: "operation", name, known })
            }
        }
    }

    /// The steps of an operation, in the order of asking. One that was carried out or taken back to its end
    /// keeps none.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn operation_steps(&self, id: &OperationId) -> Result<Vec<StepView>, Error> {
        let found = self.store().list_json::<StepRecord>(&self.steps_of(id)?.below()).await?;
        let mut steps: Vec<_> = found.into_iter().map(|found| found.value).collect();
        steps.sort_by_key(|step| step.index);
        Ok(steps.into_iter().map(StepView::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_feature_began_and_did_not_take_back_may_be_left() {
        let step = |name: &str, status| StepView {
            name: name.to_owned(),
            status,
            asked_unix_ms: 0,
            note: None,
            id: None,
        };
        let steps = vec![
            step("begun packages a", "kept"),
            step("ended packages a", "kept"),
            step("begun packages b", "kept"),
            step("undone packages b", "kept"),
            step("network", "done"),
            step("subnet", "undone"),
        ];
        let left: Vec<_> = may_have_left(steps).into_iter().map(|step| (step.name, step.status)).collect();
        assert_eq!(left, [("packages@a".to_owned(), "begun"), ("network".to_owned(), "done")]);
    }
}
