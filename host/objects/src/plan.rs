//! What it takes to make a prefix like a folder, or a folder like a prefix.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use serde::Serialize;

use crate::error::Error;
use crate::folder::{LocalFile, Scan, blocking, md5_of, scan};
use crate::list::{Entry, EntryKind};
use crate::name::{ObjectName, Prefix};
use crate::store::Bucket;
use crate::transfer::is_segment;

/// Which side is made like the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The bucket like the folder.
    Upload,
    /// The folder like the bucket.
    Download,
}

/// When a file and an object of equal size are taken for the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compare {
    /// If times say so (upload: the object is not older than the file; download: the file has the
    /// object's time, as downloads give it), or else if the object's ETag is the file's MD5.
    ///
    /// Not seen: a file whose content changed while its size stayed and its time was set back, or an
    /// object that was written by someone else after the file.
    #[default]
    Time,
    /// Only if the ETag is the file's MD5: every file of equal size is read. Objects that went in
    /// several parts, or are encrypted with a key of the store's, have no such ETag and are always moved
    /// again; so is everything on [`crate::Protocol::Local`].
    Checksum,
}

/// How to plan.
#[derive(Debug, Clone, Copy, Default)]
pub struct SyncOptions {
    /// Whether what is only on the side that is changed is deleted. Off.
    pub delete: bool,
    /// When two are the same.
    pub compare: Compare,
}

/// What a step does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// File to object.
    Upload,
    /// Object to file.
    Download,
    /// The object goes.
    DeleteObject,
    /// The file goes.
    DeleteFile,
}

/// Why a step is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It is missing on the other side.
    Missing,
    /// The sizes differ.
    Size,
    /// The sizes are equal, and nothing shows that the content is.
    Content,
    /// It is only on the side that is changed.
    Extra,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// The name below folder and prefix, with `/` between segments.
    pub name: String,
    /// What is moved or deleted, in bytes.
    pub size_bytes: u64,
    /// Why.
    pub reason: Reason,
}

/// What is left out, on either side. It is never deleted either.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The name below folder or prefix; not always UTF-8 where it came from.
    pub name: String,
    /// Why.
    pub reason: &'static str,
}

/// What it takes, to be shown or run ([`Bucket::run`]). It knows the sides as they were.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Which side is made like the other.
    pub direction: Direction,
    /// The bucket's name.
    pub bucket: String,
    /// The prefix, ending with `/` unless it is empty.
    pub prefix: String,
    /// The folder.
    pub folder: PathBuf,
    /// What to do, sorted by name; deleting comes last.
    pub steps: Vec<Step>,
    /// How many are the same and stay.
    pub same: u64,
    /// What is left out.
    pub skipped: Vec<Skipped>,
    /// What is moved, in bytes.
    pub bytes_total: u64,
}

impl Bucket {
    /// Looks at both sides and says what to do. Nothing is changed.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if any folder cannot be read (for a download the folder may be missing), and
    /// those of a store.
    pub async fn plan(
        &self,
        direction: Direction,
        folder: &Path,
        prefix: &Prefix,
        options: SyncOptions,
    ) -> Result<Plan, Error> {
        let prefix = prefix.folder();
        let root = folder.to_owned();
        let absent = direction == Direction::Download && !tokio::fs::try_exists(folder).await.unwrap_or(true);
        let local = if absent { Scan::default() } else { blocking(folder, move || scan(&root)).await? };
        let mut skipped = local.skipped;
        let files = keep_names(local.files, prefix.as_str(), &mut skipped);
        let objects = self.objects_below(&prefix, direction, &mut skipped).await?;
        let mut plan = Plan {
            direction,
            bucket: self.name().as_str().to_owned(),
            prefix: prefix.as_str().to_owned(),
            folder: folder.to_owned(),
            steps: Vec::new(),
            same: 0,
            skipped,
            bytes_total: 0,
        };
        match direction {
            Direction::Upload => plan_uploads(&mut plan, &files, &objects, options.compare).await?,
            Direction::Download => plan_downloads(&mut plan, &files, &objects, options.compare).await?,
        }
        plan.bytes_total = plan.steps.iter().map(|step| step.size_bytes).sum();
        if options.delete {
            plan_deletions(&mut plan, &files, &objects);
        }
        Ok(plan)
    }

    async fn objects_below(
        &self,
        prefix: &Prefix,
        direction: Direction,
        skipped: &mut Vec<Skipped>,
    ) -> Result<BTreeMap<String, Entry>, Error> {
        let mut objects = BTreeMap::new();
        let mut lister = self.list(prefix, true).await?;
        while let Some(entry) = lister.next().await? {
            let name = entry.name.strip_prefix(prefix.as_str()).unwrap_or(&entry.name).to_owned();
            if entry.kind == EntryKind::Folder {
                continue;
            }
            if ObjectName::new(entry.name.as_str()).is_err() || ObjectName::new(name.as_str()).is_err() {
                skipped
                    .push(Skipped { name, reason: "its name could leave the folder, or is not supported" });
            } else {
                objects.insert(name, entry);
            }
        }
        if direction == Direction::Download {
            let clashing: Vec<_> =
                objects.keys().filter(|name| has_file_above(&objects, name)).cloned().collect();
            for name in clashing {
                objects.remove(&name);
                skipped.push(Skipped { name, reason: "another object has the name of a folder it is in" });
            }
        }
        Ok(objects)
    }
}

fn has_file_above(objects: &BTreeMap<String, Entry>, name: &str) -> bool {
    name.match_indices('/').any(|(end, _)| objects.contains_key(&name[..end]))
}

/// The files that can be objects.
fn keep_names(
    files: BTreeMap<String, LocalFile>,
    prefix: &str,
    skipped: &mut Vec<Skipped>,
) -> BTreeMap<String, LocalFile> {
    let mut kept = BTreeMap::new();
    for (name, file) in files {
        let whole = format!("{prefix}{name}");
        if ObjectName::new(name.as_str()).is_err()
            || ObjectName::new(whole.as_str()).is_err()
            || is_segment(&whole)
        {
            skipped.push(Skipped { name, reason: "an object cannot have this name" });
        } else {
            kept.insert(name, file);
        }
    }
    kept
}

async fn plan_uploads(
    plan: &mut Plan,
    files: &BTreeMap<String, LocalFile>,
    objects: &BTreeMap<String, Entry>,
    compare: Compare,
) -> Result<(), Error> {
    for (name, file) in files {
        let reason = match objects.get(name) {
            None => Some(Reason::Missing),
            Some(object) => difference(plan, name, file, object, compare).await?,
        };
        push(plan, Action::Upload, name, file.size_bytes, reason);
    }
    Ok(())
}

async fn plan_downloads(
    plan: &mut Plan,
    files: &BTreeMap<String, LocalFile>,
    objects: &BTreeMap<String, Entry>,
    compare: Compare,
) -> Result<(), Error> {
    for (name, object) in objects {
        let reason = match files.get(name) {
            None => Some(Reason::Missing),
            Some(file) => difference(plan, name, file, object, compare).await?,
        };
        push(plan, Action::Download, name, object.size_bytes, reason);
    }
    Ok(())
}

fn push(plan: &mut Plan, action: Action, name: &str, size_bytes: u64, reason: Option<Reason>) {
    match reason {
        Some(reason) => plan.steps.push(Step { action, name: name.to_owned(), size_bytes, reason }),
        None => plan.same += 1,
    }
}

fn plan_deletions(plan: &mut Plan, files: &BTreeMap<String, LocalFile>, objects: &BTreeMap<String, Entry>) {
    let left_out = |name: &str| {
        plan.skipped.iter().any(|skipped| {
            name.strip_prefix(&skipped.name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let step = |action, name: &String, size_bytes| Step {
        action,
        name: name.clone(),
        size_bytes,
        reason: Reason::Extra,
    };
    let steps: Vec<_> = match plan.direction {
        Direction::Upload => objects
            .iter()
            .filter(|(name, _)| !files.contains_key(*name) && !left_out(name))
            .map(|(name, object)| step(Action::DeleteObject, name, object.size_bytes))
            .collect(),
        Direction::Download => files
            .iter()
            .filter(|(name, _)| !objects.contains_key(*name) && !left_out(name))
            .map(|(name, file)| step(Action::DeleteFile, name, file.size_bytes))
            .collect(),
    };
    plan.steps.extend(steps);
}

/// Why a file and an object are not the same; `None` if they are.
async fn difference(
    plan: &Plan,
    name: &str,
    file: &LocalFile,
    object: &Entry,
    compare: Compare,
) -> Result<Option<Reason>, Error> {
    if file.size_bytes != object.size_bytes {
        return Ok(Some(Reason::Size));
    }
    if compare == Compare::Time && times_agree(plan.direction, file.modified, object.modified) {
        return Ok(None);
    }
    let Some(expected) = object.md5() else { return Ok(Some(Reason::Content)) };
    let path = plan.folder.join(name);
    let own = path.clone();
    let actual = blocking(&path, move || md5_of(&own)).await?;
    Ok((!actual.eq_ignore_ascii_case(expected)).then_some(Reason::Content))
}

/// Whole seconds, since stores and file systems keep fractions differently. Swift rounds down where it
/// lists an object and up where it shows one.
fn times_agree(direction: Direction, file: Option<SystemTime>, object: Option<Timestamp>) -> bool {
    let file = file.and_then(|file| Timestamp::try_from(file).ok()).map(Timestamp::as_second);
    let (Some(file), Some(object)) = (file, object.map(Timestamp::as_second)) else { return false };
    match direction {
        Direction::Upload => object >= file,
        Direction::Download => file == object || file == object + 1,
    }
}
