//! The site's own repository: plain files in a folder, in which it lists what it vetted.
//!
//! It lists files and holds none: those travel in bundles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use skywright_contract::Digest;

use super::contents::Bundle;
use super::problem::BundleProblem;
use crate::error::Error;
use crate::files;
use crate::tuf::document::{
    Document, Hashes, LatestSnapshot, MetaFile, Root, Signed, Snapshot, TargetEntry, Targets, WholeSecond,
};
use crate::tuf::{HexDigest, Signer, Target, TargetPath};

/// The largest metadata file of a site that is read, in bytes.
const MAX_BYTES: u64 = 8 << 20;

/// How long others are waited for that use the folder.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long what a site signs is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// Root, and the list of what was vetted.
    pub list: SignedDuration,
    /// Snapshot and timestamp: how long bundles are good inside without being renewed.
    pub fresh: SignedDuration,
}

impl Default for Validity {
    /// A year, and 90 days.
    fn default() -> Self {
        Self { list: SignedDuration::from_hours(365 * 24), fresh: SignedDuration::from_hours(90 * 24) }
    }
}

/// The folder of a site's repository, held by one process.
#[derive(Debug)]
pub(super) struct Site {
    folder: PathBuf,
    _held: files::Held,
}

/// The metadata files of a site's repository, by their published names.
pub(super) type Metadata = BTreeMap<String, Vec<u8>>;

impl Site {
    /// The one in this folder, or an empty one in which `signer` signs everything.
    pub(super) fn open_or_make(
        folder: &Path,
        signer: &dyn Signer,
        validity: Validity,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let held = files::hold(&folder.join("lock"), PATIENCE)?;
        let site = Self { folder: folder.to_owned(), _held: held };
        if site.read("timestamp.json")?.is_none() {
            let keys = || (vec![signer.public_key()], 1);
            let roles = ["root", "targets", "snapshot", "timestamp"].map(|role| (role, keys())).into();
            let root = Root::new(1, WholeSecond::after(now, validity.list), &roles);
            site.write("1.root.json", &Document::Root(root).sign(&[signer])?)?;
        }
        Ok(site)
    }

    /// What was seen of the publisher's repository when something was last vetted.
    pub(super) fn upstream_store(&self) -> PathBuf {
        self.folder.join("upstream")
    }

    /// Lists these files beside what is listed, in a new state of the repository.
    pub(super) fn list(
        &self,
        entries: BTreeMap<TargetPath, TargetEntry>,
        signer: &dyn Signer,
        validity: Validity,
        now: Timestamp,
    ) -> Result<Metadata, Error> {
        let before = self.metadata()?;
        let mut targets = match latest(&before, "targets.json") {
            Some((name, bytes)) => match Signed::read(name, bytes)?.document {
                Document::Targets(targets) => targets,
                _ => return Err(wrong(name, "it is not of its kind")),
            },
            None => Targets::new(0, WholeSecond::after(now, validity.list)),
        };
        targets.targets.extend(entries);
        targets.version += 1;
        targets.expires = WholeSecond::after(now, validity.list);
        let version = targets.version;
        let targets = Document::Targets(targets).sign(&[signer])?;
        let mut after: Metadata =
            before.iter().filter(|(name, _)| name.ends_with(".root.json")).map(clone).collect();
        let meta = BTreeMap::from([("targets.json".to_owned(), MetaFile::of(version, &targets))]);
        after.insert(format!("{version}.targets.json"), targets);
        fresh(&before, &mut after, meta, signer, validity, now)?;
        // The timestamp last: until it is there, the state before is the one that is found.
        for (name, bytes) in after.iter().filter(|(name, _)| *name != "timestamp.json") {
            self.write(name, bytes)?;
        }
        if let Some(timestamp) = after.get("timestamp.json") {
            self.write("timestamp.json", timestamp)?;
        }
        Ok(after)
    }

    /// The files of the state that the timestamp names, and every root.
    fn metadata(&self) -> Result<Metadata, Error> {
        let mut files = Metadata::new();
        for version in 1_u64.. {
            let name = format!("{version}.root.json");
            match self.read(&name)? {
                Some(bytes) => files.insert(name, bytes),
                None => break,
            };
        }
        let Some(timestamp) = self.read("timestamp.json")? else { return Ok(files) };
        let snapshot = match Signed::read("timestamp.json", &timestamp)?.document {
            Document::Timestamp(timestamp) => version_of(&timestamp.meta, "snapshot.json"),
            _ => return Err(wrong("timestamp.json", "it is not of its kind")),
        };
        files.insert("timestamp.json".to_owned(), timestamp);
        let name = format!("{snapshot}.snapshot.json");
        let bytes = self.read(&name)?.ok_or_else(|| wrong(&name, "it is not there"))?;
        let targets = match Signed::read(&name, &bytes)?.document {
            Document::Snapshot(snapshot) => version_of(&snapshot.meta, "targets.json"),
            _ => return Err(wrong(&name, "it is not of its kind")),
        };
        files.insert(name, bytes);
        let name = format!("{targets}.targets.json");
        let bytes = self.read(&name)?.ok_or_else(|| wrong(&name, "it is not there"))?;
        files.insert(name, bytes);
        Ok(files)
    }

    fn read(&self, name: &str) -> Result<Option<Vec<u8>>, Error> {
        files::read_if_there(&self.folder.join("metadata").join(name), MAX_BYTES)
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        files::replace(&self.folder.join("metadata").join(name), bytes)
    }
}

/// The site's metadata of a bundle with a later end: snapshot and timestamp are signed anew, and what was vetted
/// stays as it is.
pub(super) fn renewed(
    bundle: &Bundle,
    before: &Metadata,
    signer: &dyn Signer,
    validity: Validity,
    now: Timestamp,
) -> Result<Metadata, Error> {
    let Some((name, bytes)) = latest(before, "snapshot.json") else {
        return Err(bundle.problem(BundleProblem::NotVetted));
    };
    let Document::Snapshot(snapshot) = Signed::read(name, bytes)?.document else {
        return Err(wrong(name, "it is not of its kind"));
    };
    let mut after: Metadata = before
        .iter()
        .filter(|(name, _)| name.ends_with(".root.json") || name.ends_with(".targets.json"))
        .map(clone)
        .collect();
    fresh(before, &mut after, snapshot.meta, signer, validity, now)?;
    Ok(after)
}

/// Adds a snapshot of `meta` and a timestamp to the files.
///
/// Their versions are the seconds since 1970, so that what the desk outside signs and what is renewed inside
/// never have one version for two things.
fn fresh(
    before: &Metadata,
    after: &mut Metadata,
    meta: BTreeMap<String, MetaFile>,
    signer: &dyn Signer,
    validity: Validity,
    now: Timestamp,
) -> Result<(), Error> {
    let mut last = 0;
    for (name, bytes) in
        before.iter().filter(|(name, _)| name.ends_with("snapshot.json") || *name == "timestamp.json")
    {
        last = last.max(Signed::read(name, bytes)?.document.version());
    }
    let version = u64::try_from(now.as_second()).unwrap_or(0).max(last + 1);
    let expires = WholeSecond::after(now, validity.fresh);
    let snapshot = Document::Snapshot(Snapshot::new(version, expires, meta)).sign(&[signer])?;
    let timestamp = LatestSnapshot::new(version, expires, MetaFile::of(version, &snapshot));
    after.insert(format!("{version}.snapshot.json"), snapshot);
    after.insert("timestamp.json".to_owned(), Document::Timestamp(timestamp).sign(&[signer])?);
    Ok(())
}

/// What the site signs of a file of the publisher's.
pub(super) fn entry(target: &Target, custom: serde_json::Value) -> TargetEntry {
    TargetEntry {
        custom: Some(custom),
        hashes: Hashes { sha256: HexDigest(target.digest) },
        length: target.length_bytes,
    }
}

/// The first root: what those inside have to be given another way.
pub(super) fn first_root(metadata: &Metadata) -> Option<Digest> {
    metadata.get("1.root.json").map(|bytes| Digest::of(bytes))
}

/// The file with the highest version before a name.
fn latest<'a>(files: &'a Metadata, name: &str) -> Option<(&'a String, &'a Vec<u8>)> {
    files
        .iter()
        .filter(|(file, _)| file.split_once('.').is_some_and(|(_, rest)| rest == name))
        .max_by_key(|(file, _)| file.split_once('.').and_then(|(version, _)| version.parse::<u64>().ok()))
}

fn version_of(meta: &BTreeMap<String, MetaFile>, name: &str) -> u64 {
    meta.get(name).map_or(0, |file| file.version)
}

fn clone((name, bytes): (&String, &Vec<u8>)) -> (String, Vec<u8>) {
    (name.clone(), bytes.clone())
}

fn wrong(what: &str, reason: &str) -> Error {
    Error::Metadata { what: what.to_owned(), reason: reason.to_owned() }
}
