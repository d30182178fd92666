//! Taking a run back: what was begun last goes first.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};

use super::change::PlannedRun;
use super::remote::{Answer, Way, undo_call, undo_name};
use super::round::{Begun, ended_name};
use super::run::{Ended, Run};
use crate::error::Error;
use crate::operation::{BEGUN, Operation, UNDONE};
use crate::report::Step as Told;

impl PlannedRun {
    /// Takes back what was begun, in reverse, and says what could not be.
    pub(crate) async fn take_back(&self, operation: &Operation<'_>) -> Result<Vec<String>, Error> {
        let run = Run::new(operation, self);
        let mut begun: Vec<Begun> = Vec::new();
        for name in operation.kept_names() {
            let Some(text) = operation.kept(&name)? else { continue };
            let broken =
                |error: serde_json::Error| Error::Internal(format!("`{name}` cannot be read: {error}"));
            if name.starts_with(BEGUN) {
                begun.push(serde_json::from_str(&text).map_err(broken)?);
            } else if name.starts_with("ended ") {
                run.learn(serde_json::from_str::<Ended>(&text).map_err(broken)?);
            }
        }
        begun.reverse();
        let mut left = Vec::new();
        // The hosts of one step are taken back at once.
        for group in begun.chunk_by(|a, b| a.step == b.step) {
            let undone = stream::iter(group)
                .map(|one| async {
                    run.undo(one).await.err().map(|why| format!("{}@{}: {why}", one.step, one.host))
                })
                .buffer_unordered(64);
            left.extend(undone.collect::<Vec<_>>().await.into_iter().flatten());
        }
        if left.is_empty() {
            run.clean().await;
        }
        run.hosts.settle().await;
        let (phase, failure) = match left.is_empty() {
            true => ("undone", None),
            false => ("failed", Some(format!("not taken back: {}", left.join("; ")))),
        };
        run.note(phase, failure).await?;
        Ok(left)
    }
}

impl Run<'_> {
    async fn undo(&self, begun: &Begun) -> Result<(), String> {
        let told = |error: Error| self.redactor.redact(&error.to_string());
        let name = format!("{UNDONE}{} {}", begun.step, begun.host);
        let ended = self.operation.kept(&ended_name(&begun.step, &begun.host)).map_err(told)?.is_some();
        let changed = self.result(&begun.step, &begun.host).is_some_and(|own| own.changed);
        if begun.way == Way::Nothing
            || (ended && !changed)
            || self.operation.kept(&name).map_err(told)?.is_some()
        {
            return Ok(());
        }
        let title = format!("{}: take back {}", begun.host, begun.step);
        self.operation.tenancy().report().step(&Told::new(&title, "running"));
        for place in &begun.places {
            let answer = self.undo_at(begun, place).await.map_err(told)?;
            let answer = answer.ok_or_else(|| "the script says no way back".to_owned())?;
            if answer.code != 0 {
                let said = self.redactor.redact(&answer.log);
                let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
                return Err(format!("exit status {}: {}", answer.code, skywright_runtime::printable(last)));
            }
        }
        self.keep(&name, &true).await.map_err(told)?;
        self.operation.tenancy().report().step(&Told::new(&title, "done"));
        Ok(())
    }

    async fn undo_at(&self, begun: &Begun, place: &str) -> Result<Option<Answer>, Error> {
        if let Way::Work(work) = &begun.way {
            let limit = Duration::from_millis(u64::from(begun.timeout_ms));
            return self.perform(place, &undo_name(&begun.step), work, limit).await.map(Some);
        }
        match undo_call(&self.id(), &begun.step, &begun.way) {
            Some(call) => self.hosts.perform(place, &call).await.map(Some),
            None => Ok(None),
        }
    }
}
