//! Doing what a plan says.

use std::path::Path;

use futures_util::{StreamExt, stream};
use serde::Serialize;

use crate::error::Error;
use crate::folder::{blocking, make_parents};
use crate::name::ObjectName;
use crate::operator::configuration;
use crate::plan::{Action, Plan, Step};
use crate::progress::{Tracker, Watch};
use crate::store::Bucket;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Synced {
    /// Objects or files that were written.
    pub moved: u64,
    /// Objects or files that were deleted.
    pub deleted: u64,
    /// Bytes that were moved.
    pub bytes: u64,
}

impl Bucket {
    /// Does what a plan says, [`crate::Settings::concurrent_objects`] at once. Deleting comes last and
    /// only if all else went well. After an error or when dropped, plan again: what is done is the same
    /// then.
    ///
    /// # Errors
    ///
    /// [`Error::Partial`] if some failed: all others were done.
    pub async fn run(&self, plan: &Plan, watch: &dyn Watch) -> Result<Synced, Error> {
        if plan.bucket != self.name().as_str() {
            return Err(configuration("plan", "it is for another bucket"));
        }
        let total = plan.steps.len() as u64;
        let tracker = Tracker::new(watch, Some(plan.bytes_total), Some(total));
        let deletes = |step: &&Step| matches!(step.action, Action::DeleteObject | Action::DeleteFile);
        let mut synced = Synced::default();
        let moves = plan.steps.iter().filter(|step| !deletes(step));
        for bytes in self.run_steps(plan, moves, total, &tracker).await? {
            synced.moved += 1;
            synced.bytes += bytes;
        }
        let deletions = plan.steps.iter().filter(deletes);
        synced.deleted = self.run_steps(plan, deletions, total, &tracker).await?.len() as u64;
        Ok(synced)
    }

    async fn run_steps(
        &self,
        plan: &Plan,
        steps: impl Iterator<Item = &Step>,
        total: u64,
        tracker: &Tracker<'_>,
    ) -> Result<Vec<u64>, Error> {
        let steps: Vec<_> = steps.map(|step| self.run_step(plan, step, tracker)).collect();
        let mut running = stream::iter(steps).buffer_unordered(self.store.settings.concurrent_objects.max(1));
        let (mut done, mut failed, mut first) = (Vec::new(), 0, None);
        while let Some(result) = running.next().await {
            match result {
                Ok(bytes) => done.push(bytes),
                Err(error) => {
                    failed += 1;
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(first) => Err(Error::Partial { failed, total, first: Box::new(first) }),
            None => Ok(done),
        }
    }

    async fn run_step(&self, plan: &Plan, step: &Step, tracker: &Tracker<'_>) -> Result<u64, Error> {
        // A plan is plain data, and may have been changed: its names are looked at again.
        let whole = format!("{}{}", plan.prefix, step.name);
        ObjectName::new(step.name.as_str()).map_err(|reason| Error::name(&step.name, reason))?;
        let object = ObjectName::new(whole.as_str()).map_err(|reason| Error::name(&whole, reason))?;
        let file = plan.folder.join(&step.name);
        match step.action {
            Action::Upload => {
                refuse_link(&file).await?;
                Ok(self.upload_counted(&file, &object, tracker).await?.bytes)
            }
            Action::Download => {
                let (root, name) = (plan.folder.clone(), step.name.clone());
                blocking(&file, move || make_parents(&root, &name)).await?;
                Ok(self.download_counted(&object, &file, tracker).await?.bytes)
            }
            Action::DeleteObject => {
                self.delete(&object).await?;
                tracker.objects(1);
                Ok(0)
            }
            Action::DeleteFile => {
                let (root, name) = (plan.folder.clone(), step.name.clone());
                // It would make missing folders: then there is nothing to delete, which is said below.
                blocking(&file, move || make_parents(&root, &name)).await?;
                tokio::fs::remove_file(&file).await.map_err(|error| Error::file(&file, error))?;
                tracker.objects(1);
                Ok(0)
            }
        }
    }
}

async fn refuse_link(path: &Path) -> Result<(), Error> {
    let metadata = tokio::fs::symlink_metadata(path).await.map_err(|error| Error::file(path, error))?;
    if metadata.is_file() {
        return Ok(());
    }
    Err(Error::Local { path: path.to_owned(), reason: "it is no regular file any more" })
}
