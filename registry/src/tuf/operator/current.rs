//! A repository as it stands, read by its operator.

use std::path::Path;

use crate::error::Error;
use crate::files;
use crate::tuf::document::{Delegation, Document, LatestSnapshot, MetaFile, Root, Signed, Snapshot, Targets};
use crate::tuf::target::Versions;

/// The longest metadata file that an operator reads.
const MAX_BYTES: u64 = 8 << 20;

/// The latest of each top-level role. Signatures were checked, expiry was not: what has ended is renewed.
pub(super) struct Current {
    pub root: Root,
    pub timestamp: LatestSnapshot,
    pub snapshot: Snapshot,
    pub snapshot_file: MetaFile,
    pub targets: Targets,
    /// Whether `targets` or `snapshot` are signed by keys that the root no longer names.
    stale: bool,
}

impl Current {
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let root = latest_root(folder)?;
        let timestamp = signed(folder, "timestamp.json")?;
        let Document::Timestamp(latest) = &timestamp.document else {
            return Err(other_role("timestamp.json"));
        };
        let missing = |what: &str| Error::Metadata {
            what: what.to_owned(),
            reason: "it does not name what it has to".to_owned(),
        };
        let snapshot_file =
            latest.meta.get("snapshot.json").ok_or_else(|| missing("timestamp.json"))?.clone();
        let name = format!("{}.snapshot.json", snapshot_file.version);
        let snapshot = pinned(folder, &name, &snapshot_file)?;
        let Document::Snapshot(state) = &snapshot.document else { return Err(other_role(&name)) };
        let targets_file = state.meta.get("targets.json").ok_or_else(|| missing(&name))?;
        let name = format!("{}.targets.json", targets_file.version);
        let targets = pinned(folder, &name, targets_file)?;
        let Document::Targets(listed) = &targets.document else { return Err(other_role(&name)) };
        let is_signed = |role: &str, signed: &Signed| {
            let keys = &root.roles[role];
            signed.require(role, &keys.keyids, keys.threshold, &root.keys).is_ok()
        };
        let stale = !is_signed("timestamp", &timestamp)
            || !is_signed("snapshot", &snapshot)
            || !is_signed("targets", &targets);
        Ok(Self {
            timestamp: latest.clone(),
            snapshot: state.clone(),
            snapshot_file,
            targets: listed.clone(),
            root,
            stale,
        })
    }

    pub(super) fn versions(&self) -> Versions {
        Versions {
            root: self.root.version,
            timestamp: self.timestamp.version,
            snapshot: self.snapshot.version,
            targets: self.targets.version,
        }
    }

    pub(super) fn is_stale(&self) -> bool {
        self.stale
    }

    pub(super) fn delegation(&self, role: &str) -> Option<&Delegation> {
        self.targets.delegation(role)
    }

    /// A publisher's role as it is published: its file's bytes, read.
    pub(super) fn role(&self, folder: &Path, role: &str) -> Result<Option<Signed>, Error> {
        let Some(file) = self.snapshot.meta.get(&format!("{role}.json")) else { return Ok(None) };
        pinned(folder, &format!("{}.{role}.json", file.version), file).map(Some)
    }
}

pub(super) fn read(folder: &Path, name: &str) -> Result<Vec<u8>, Error> {
    let path = folder.join("metadata").join(name);
    files::read_if_there(&path, MAX_BYTES)?.ok_or_else(|| Error::Missing {
        location: folder.display().to_string(),
        file: format!("metadata/{name}"),
    })
}

fn signed(folder: &Path, name: &str) -> Result<Signed, Error> {
    Signed::read(name, &read(folder, name)?)
}

/// What another file names: the operator's own disk may fail too.
fn pinned(folder: &Path, name: &str, file: &MetaFile) -> Result<Signed, Error> {
    let bytes = read(folder, name)?;
    if MetaFile::of(file.version, &bytes) != *file {
        let reason = "length or digest are others".to_owned();
        return Err(Error::Tampered { what: name.to_owned(), reason });
    }
    Signed::read(name, &bytes)
}

/// Follows the roots from the first, as a client would.
fn latest_root(folder: &Path) -> Result<Root, Error> {
    let mut latest = root_at(folder, 1)?;
    loop {
        let next = latest.version + 1;
        if !folder.join(format!("metadata/{next}.root.json")).exists() {
            return Ok(latest);
        }
        latest = root_at(folder, next)?;
    }
}

fn root_at(folder: &Path, version: u64) -> Result<Root, Error> {
    let name = format!("{version}.root.json");
    let signed = signed(folder, &name)?;
    let Document::Root(root) = &signed.document else { return Err(other_role(&name)) };
    for role in ["root", "targets", "snapshot", "timestamp"] {
        if !root.roles.contains_key(role) {
            let reason = format!("it says nothing of `{role}`");
            return Err(Error::Metadata { what: name, reason });
        }
    }
    let keys = &root.roles["root"];
    signed.require("root", &keys.keyids, keys.threshold, &root.keys)?;
    if root.version != version {
        return Err(Error::Metadata { what: name, reason: format!("it has version {}", root.version) });
    }
    Ok(root.clone())
}

fn other_role(name: &str) -> Error {
    Error::Metadata { what: name.to_owned(), reason: "it is another role's".to_owned() }
}
