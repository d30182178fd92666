//! Deleting objects.

use futures_util::{StreamExt, stream};
use opendal::Operator;
use serde::Serialize;

use crate::error::{Error, FailureKind, Operation, from_opendal};
use crate::list::EntryKind;
use crate::name::{ObjectName, Prefix, SEGMENTS, check_object};
use crate::plane::Protocol;
use crate::progress::{Tracker, Watch};
use crate::store::Bucket;

/// What one request to delete several names holds: as many as S3 takes.
const BATCH: usize = 1000;

/// What was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Cleared {
    /// How many objects, folders and leftover segments were deleted.
    pub deleted: u64,
    /// Names that are no [`ObjectName`] and stay where they are: the library underneath would delete an
    /// object of another name. The store's own tools have to.
    pub left: Vec<String>,
}

impl Bucket {
    /// Deletes an object. That there is none is no error. On Swift its segments go as well, which takes
    /// one more request to look for them.
    ///
    /// # Errors
    ///
    /// Those of a store. If only deleting segments failed, the object is gone and they stay.
    pub async fn delete(&self, name: &ObjectName) -> Result<(), Error> {
        self.attempt(|operator| async move {
            let deleted = operator.delete(name.as_str()).await;
            deleted.map_err(|error| from_opendal(Operation::Delete, name.as_str(), &error))
        })
        .await?;
        let segments = self.segments(name).await?;
        self.delete_names(&segments).await
    }

    /// Deletes all objects whose names begin with `prefix`; the empty one stands for all of the bucket.
    /// Up to 1000 go with one request where the protocol can. Can be repeated after an error.
    ///
    /// # Errors
    ///
    /// Those of a store; what was deleted until then is gone.
    pub async fn clear(&self, prefix: &Prefix, watch: &dyn Watch) -> Result<Cleared, Error> {
        let tracker = Tracker::new(watch, None, None);
        let mut cleared = Cleared::default();
        self.clear_raw(prefix.as_str(), &tracker, &mut cleared).await?;
        if self.protocol() == Protocol::Swift && !prefix.as_str().is_empty() {
            let segments = format!("{SEGMENTS}{prefix}");
            self.clear_raw(&segments, &tracker, &mut cleared).await?;
        }
        Ok(cleared)
    }

    async fn clear_raw(
        &self,
        prefix: &str,
        tracker: &Tracker<'_>,
        cleared: &mut Cleared,
    ) -> Result<(), Error> {
        let mut lister = self.list_raw(prefix, true, false).await?;
        let mut batch = Vec::new();
        let mut folders = Vec::new();
        loop {
            let entry = lister.next().await?;
            let last = entry.is_none();
            match entry {
                Some(entry) if check_object(&entry.name).is_err() => cleared.left.push(entry.name),
                Some(entry) if entry.kind == EntryKind::Folder && self.protocol() == Protocol::Local => {
                    folders.push(entry.name);
                }
                Some(entry) => batch.push(entry.name),
                None => {}
            }
            if batch.len() >= BATCH || (last && !batch.is_empty()) {
                self.delete_names(&batch).await?;
                cleared.deleted += batch.len() as u64;
                tracker.objects(batch.len() as u64);
                batch.clear();
            }
            if last {
                break;
            }
        }
        // Deepest first: a folder of this machine goes only when it is empty.
        folders.sort_by_key(|name| std::cmp::Reverse(name.len()));
        for folder in folders {
            self.delete_names(&[folder]).await?;
            cleared.deleted += 1;
        }
        Ok(())
    }

    /// Deletes by exact names, with one request where the store can.
    pub(crate) async fn delete_names(&self, names: &[String]) -> Result<(), Error> {
        let [first, ..] = names else { return Ok(()) };
        self.attempt(|operator| async move {
            match delete_batch(&operator, names).await {
                Err(error) if names.len() > 1 && batch_is_unknown(&error) => {
                    delete_each(&operator, names, self.store.settings.concurrent_objects).await
                }
                other => other.map_err(|error| from_opendal(Operation::Delete, first, &error)),
            }
        })
        .await
    }
}

async fn delete_batch(operator: &Operator, names: &[String]) -> opendal::Result<()> {
    let mut deleter = operator.deleter().await?;
    deleter.delete_iter(names.iter().map(String::as_str)).await?;
    deleter.close().await
}

/// Whether a store seems not to know how to delete several at once: some S3 and Swift services do not.
fn batch_is_unknown(error: &opendal::Error) -> bool {
    let Error::Store { failure, .. } = from_opendal(Operation::Delete, "", error) else { return false };
    matches!(
        failure.kind,
        FailureKind::NotUnderstood | FailureKind::Unsupported | FailureKind::Refused | FailureKind::NotFound
    )
}

async fn delete_each(operator: &Operator, names: &[String], concurrent: usize) -> Result<(), Error> {
    let deletions = names.iter().map(|name| async move {
        let deleted = operator.delete(name).await;
        deleted.map_err(|error| from_opendal(Operation::Delete, name, &error))
    });
    let mut running = stream::iter(deletions).buffer_unordered(concurrent.max(1));
    while let Some(deleted) = running.next().await {
        deleted?;
    }
    Ok(())
}
