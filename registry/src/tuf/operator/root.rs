//! New keys for the top-level roles.

use jiff::Timestamp;

use super::change::Change;
use super::current::Current;
use super::{Operator, TopLevelKeys};
use crate::error::Error;
use crate::tuf::document::{
    Document, Keys, LatestSnapshot, MetaFile, RoleKeys, Root, Signed, Snapshot, WholeSecond,
};
use crate::tuf::key::Signer;
use crate::tuf::target::Versions;

impl Operator {
    /// Replaces the keys of the top-level roles by these, or renews the root with the same ones.
    ///
    /// The old root keys and the new ones sign, each to their threshold. A role whose keys change is signed by its
    /// new keys at once, and by its old ones as far as they are here; where they are, clients never see a moment
    /// at which the two do not fit.
    ///
    /// # Errors
    ///
    /// [`Error::Signatures`] if too few signers of a role are here; those of writing.
    pub fn rotate_root(
        &self,
        keys: &TopLevelKeys,
        signers: &[&dyn Signer],
        now: Timestamp,
    ) -> Result<Versions, Error> {
        let _held = self.hold()?;
        let current = Current::read(&self.folder)?;
        let old = &current.root;
        let new = keys.root_document(old.version + 1, WholeSecond::after(now, self.lifetimes.root))?;
        let mut ceremony = Ceremony { old, new: &new, signers, overlaps: true };
        let root = ceremony.sign("root", &Document::Root(new.clone()))?;
        let mut below = Change::default();
        self.sign_anew(&mut ceremony, &current, &mut below, now)?;
        let mut change = Change::default();
        let name = format!("{}.root.json", new.version);
        // If the old keys could sign too, what is below is good under both roots, and goes first.
        if ceremony.overlaps {
            change = below;
            change.metadata(&name, root);
        } else {
            change.metadata(&name, root);
            change.append(below);
        }
        self.finish(&change, now)
    }

    /// The roles whose keys change, and those that name them.
    fn sign_anew(
        &self,
        ceremony: &mut Ceremony<'_>,
        current: &Current,
        change: &mut Change,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut meta = current.snapshot.meta.clone();
        let targets_change = ceremony.changes("targets") || current.is_stale();
        if targets_change {
            let mut targets = current.targets.clone();
            targets.version += 1;
            targets.expires = WholeSecond::after(now, self.lifetimes.targets);
            let version = targets.version;
            let bytes = ceremony.sign("targets", &Document::Targets(targets))?;
            meta.insert("targets.json".to_owned(), MetaFile::of(version, &bytes));
            change.metadata(&format!("{version}.targets.json"), bytes);
        }
        let mut snapshot_file = current.snapshot_file.clone();
        let snapshot_changes = targets_change || ceremony.changes("snapshot");
        if snapshot_changes {
            let version = current.snapshot.version + 1;
            let snapshot = Snapshot::new(version, WholeSecond::after(now, self.lifetimes.snapshot), meta);
            let bytes = ceremony.sign("snapshot", &Document::Snapshot(snapshot))?;
            snapshot_file = MetaFile::of(version, &bytes);
            change.metadata(&format!("{version}.snapshot.json"), bytes);
        }
        if snapshot_changes || ceremony.changes("timestamp") {
            let expires = WholeSecond::after(now, self.lifetimes.timestamp);
            let timestamp = LatestSnapshot::new(current.timestamp.version + 1, expires, snapshot_file);
            change.metadata("timestamp.json", ceremony.sign("timestamp", &Document::Timestamp(timestamp))?);
        }
        Ok(())
    }
}

/// Two roots, and whoever is there to sign.
struct Ceremony<'a> {
    old: &'a Root,
    new: &'a Root,
    signers: &'a [&'a dyn Signer],
    /// Whether everything so far is good under the old root too.
    overlaps: bool,
}

impl Ceremony<'_> {
    fn changes(&self, role: &str) -> bool {
        self.old.roles[role] != self.new.roles[role]
    }

    /// Signs with every key that either root names for the role. The new one's have to be enough, and for the root
    /// the old one's as well.
    fn sign(&mut self, role: &str, document: &Document) -> Result<Vec<u8>, Error> {
        let (old, new) = (&self.old.roles[role], &self.new.roles[role]);
        let may_sign = |signer: &&&dyn Signer| {
            let id = signer.public_key().id();
            old.keyids.contains(&id) || new.keyids.contains(&id)
        };
        let chosen: Vec<&dyn Signer> = self.signers.iter().filter(may_sign).copied().collect();
        let bytes = document.sign(&chosen)?;
        let signed = Signed::read(role, &bytes)?;
        let require = |keys: &RoleKeys, all: &Keys| signed.require(role, &keys.keyids, keys.threshold, all);
        require(new, &self.new.keys)?;
        match require(old, &self.old.keys) {
            Err(error) if role == "root" => return Err(error),
            Err(_) => self.overlaps = false,
            Ok(()) => {}
        }
        Ok(bytes)
    }
}
