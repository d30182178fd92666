//! Keeping a repository: a folder that any web server, object store or file system serves.

mod admit;
mod change;
mod current;
mod owners;
mod refusal;
mod root;
mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use skywright_contract::Digest;

use self::change::Change;
use self::current::Current;
use super::document::{
    Document, LatestSnapshot, MetaFile, RoleKeys, Root, Snapshot, TargetEntry, Targets, WholeSecond,
};
use super::key::{KeyId, PublicKey, Signer};
use super::name::Namespace;
use super::path::TargetPath;
use super::revocation::{Revocations, RevokedPlugin};
use super::target::Versions;
use crate::error::Error;
use crate::files;

pub use admit::Admission;
pub use owners::OwnerRequest;
pub use refusal::Refusal;
pub use verify::{PublisherReport, Report};

const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How long another operator is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who signs the four top-level roles.
#[derive(Debug, Clone)]
pub struct TopLevelKeys {
    /// Offline. Two of three is a good start.
    pub root: RoleSigners,
    /// Offline. It delegates namespaces and revokes.
    pub targets: RoleSigners,
    /// Online.
    pub snapshot: RoleSigners,
    /// Online.
    pub timestamp: RoleSigners,
}

/// Keys, and how many of them have to sign.
#[derive(Debug, Clone)]
pub struct RoleSigners {
    /// The keys.
    pub keys: Vec<PublicKey>,
    /// How many of them have to.
    pub threshold: u64,
}

/// How long signatures last.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// Of `root`. 365 days.
    pub root: SignedDuration,
    /// Of `targets`. 365 days.
    pub targets: SignedDuration,
    /// Of `snapshot`. 7 days.
    pub snapshot: SignedDuration,
    /// Of `timestamp`: how long a client may be kept from news. One day.
    pub timestamp: SignedDuration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self { root: DAY * 365, targets: DAY * 365, snapshot: DAY * 7, timestamp: DAY }
    }
}

/// A repository, with the right to change it. Keys are given to each change: whichever of them a role needs are used.
///
/// A change holds the folder's lock, and is there altogether or not at all: a kill at any point leaves what was
/// there before, and what is left over of the change is written again by the next.
#[derive(Debug, Clone)]
pub struct Operator {
    folder: PathBuf,
    lifetimes: Lifetimes,
}

impl Operator {
    /// Makes a repository in a folder that has none.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`] if there is one already; [`Error::Signatures`] if a role's keys are too few for its
    /// threshold or too few of them are given; [`Error::Signer`], [`Error::File`].
    pub fn init(
        folder: &Path,
        keys: &TopLevelKeys,
        lifetimes: Lifetimes,
        signers: &[&dyn Signer],
        now: Timestamp,
    ) -> Result<Self, Error> {
        let operator = Self { folder: folder.to_owned(), lifetimes };
        let _held = operator.hold()?;
        let first = folder.join("metadata/1.root.json");
        if first.exists() {
            return Err(Error::Changed { path: first });
        }
        let root = keys.root_document(1, WholeSecond::after(now, lifetimes.root))?;
        let root_bytes = sign_as("root", &Document::Root(root.clone()), &root.roles["root"], signers)?;
        let targets = Document::Targets(Targets::new(1, WholeSecond::after(now, lifetimes.targets)));
        let targets = sign_as("targets", &targets, &root.roles["targets"], signers)?;
        let mut change = Change::default();
        change.metadata("1.root.json", root_bytes);
        let meta = BTreeMap::from([("targets.json".to_owned(), MetaFile::of(1, &targets))]);
        change.metadata("1.targets.json", targets);
        operator.seal(&mut change, &root, Versions::default(), meta, signers, now)?;
        change.write(folder)?;
        Ok(operator)
    }

    /// The repository in this folder. Nothing is read yet.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), lifetimes: Lifetimes::default() }
    }

    /// With other lifetimes for what is signed from here on.
    #[must_use]
    pub fn with_lifetimes(mut self, lifetimes: Lifetimes) -> Self {
        self.lifetimes = lifetimes;
        self
    }

    /// The folder, to be served as it is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The first root: what users are given on another way than the repository itself.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn first_root(&self) -> Result<Vec<u8>, Error> {
        current::read(&self.folder, "1.root.json")
    }

    /// Lets a namespace's owner publish, or the owner's new keys where the old ones are lost: the operator vouches
    /// for them. See [`OwnerRequest`] for a change that the owner asks for.
    ///
    /// # Errors
    ///
    /// [`Error::Signatures`] if too few of the `targets` keys are given, or the threshold cannot be met; those of
    /// writing.
    pub fn delegate(
        &self,
        namespace: &Namespace,
        owners: &RoleSigners,
        signers: &[&dyn Signer],
        now: Timestamp,
    ) -> Result<Versions, Error> {
        owners.check(&namespace.owner_role())?;
        self.change_targets(signers, now, |targets, _| {
            targets.delegate(&namespace.owner_role(), &owners.keys, owners.threshold, namespace.pattern());
            Ok(())
        })
    }

    /// Says that something must not run any more. What is listed stays listed: users are warned, and hosts refuse.
    ///
    /// # Errors
    ///
    /// As for [`delegate`](Self::delegate), and [`Error::Metadata`] for an entry without a reason.
    pub fn revoke(
        &self,
        entry: RevokedPlugin,
        signers: &[&dyn Signer],
        now: Timestamp,
    ) -> Result<Versions, Error> {
        let path = TargetPath::revocations();
        self.change_targets(signers, now, |targets, change| {
            let mut list = match targets.targets.get(&path) {
                Some(entry) => {
                    let file = self.folder.join("targets").join(path.hashed(&entry.hashes.sha256.0));
                    let bytes = std::fs::read(&file).map_err(Error::file("read", &file))?;
                    if Digest::of(&bytes) != entry.hashes.sha256.0 {
                        let reason = "its digest is another one".to_owned();
                        return Err(Error::Tampered { what: path.to_string(), reason });
                    }
                    Revocations::read(&bytes)?
                }
                None => Revocations::default(),
            };
            list.revoked.push(entry);
            let bytes = list.to_json()?;
            targets.targets.insert(path.clone(), TargetEntry::of(&bytes, None));
            change.target(&path, bytes);
            Ok(())
        })
    }

    /// Signs the timestamp anew, and the snapshot if half of its time is over. To be run more often than a timestamp
    /// lasts.
    ///
    /// # Errors
    ///
    /// [`Error::Signatures`] if too few of the online keys are given; those of writing.
    pub fn refresh(&self, signers: &[&dyn Signer], now: Timestamp) -> Result<Versions, Error> {
        let _held = self.hold()?;
        let current = Current::read(&self.folder)?;
        let mut change = Change::default();
        let half = self.lifetimes.snapshot / 2;
        let lasts = now.checked_add(half).is_ok_and(|later| later < current.snapshot.expires.time());
        if lasts && !current.is_stale() {
            let version = current.versions().timestamp + 1;
            let expires = WholeSecond::after(now, self.lifetimes.timestamp);
            let timestamp = LatestSnapshot::new(version, expires, current.snapshot_file.clone());
            let role = &current.root.roles["timestamp"];
            let bytes = sign_as("timestamp", &Document::Timestamp(timestamp), role, signers)?;
            change.metadata("timestamp.json", bytes);
        } else {
            let meta = current.snapshot.meta.clone();
            self.seal(&mut change, &current.root, current.versions(), meta, signers, now)?;
        }
        self.finish(&change, now)
    }

    /// A new version of `targets`, with everything above it.
    fn change_targets(
        &self,
        signers: &[&dyn Signer],
        now: Timestamp,
        edit: impl FnOnce(&mut Targets, &mut Change) -> Result<(), Error>,
    ) -> Result<Versions, Error> {
        let _held = self.hold()?;
        let current = Current::read(&self.folder)?;
        let mut change = Change::default();
        let mut targets = current.targets.clone();
        edit(&mut targets, &mut change)?;
        let entry = self.put_targets(&mut change, &current.root, targets, signers, now)?;
        let mut meta = current.snapshot.meta.clone();
        meta.insert("targets.json".to_owned(), entry);
        self.seal(&mut change, &current.root, current.versions(), meta, signers, now)?;
        self.finish(&change, now)
    }

    /// Signs `targets` at its next version.
    fn put_targets(
        &self,
        change: &mut Change,
        root: &Root,
        mut targets: Targets,
        signers: &[&dyn Signer],
        now: Timestamp,
    ) -> Result<MetaFile, Error> {
        targets.version += 1;
        targets.expires = WholeSecond::after(now, self.lifetimes.targets);
        let version = targets.version;
        let bytes = sign_as("targets", &Document::Targets(targets), &root.roles["targets"], signers)?;
        let entry = MetaFile::of(version, &bytes);
        change.metadata(&format!("{version}.targets.json"), bytes);
        Ok(entry)
    }

    /// Adds the snapshot of these files and the timestamp that names it.
    fn seal(
        &self,
        change: &mut Change,
        root: &Root,
        before: Versions,
        meta: BTreeMap<String, MetaFile>,
        signers: &[&dyn Signer],
        now: Timestamp,
    ) -> Result<(), Error> {
        let version = before.snapshot + 1;
        let snapshot = Snapshot::new(version, WholeSecond::after(now, self.lifetimes.snapshot), meta);
        let bytes = sign_as("snapshot", &Document::Snapshot(snapshot), &root.roles["snapshot"], signers)?;
        let file = MetaFile::of(version, &bytes);
        change.metadata(&format!("{version}.snapshot.json"), bytes);
        let expires = WholeSecond::after(now, self.lifetimes.timestamp);
        let timestamp = LatestSnapshot::new(before.timestamp + 1, expires, file);
        let bytes = sign_as("timestamp", &Document::Timestamp(timestamp), &root.roles["timestamp"], signers)?;
        change.metadata("timestamp.json", bytes);
        Ok(())
    }

    /// Writes the change, unless a new client would not accept the repository with it.
    fn finish(&self, change: &Change, now: Timestamp) -> Result<Versions, Error> {
        let versions = verify::as_new_client(self, change, now)?;
        change.write(&self.folder)?;
        Ok(versions)
    }

    fn hold(&self) -> Result<files::Held, Error> {
        files::hold_folder(&self.folder, PATIENCE)
    }
}

impl RoleSigners {
    /// One key alone.
    #[must_use]
    pub fn one(key: PublicKey) -> Self {
        Self { keys: vec![key], threshold: 1 }
    }

    fn role_keys(&self) -> RoleKeys {
        RoleKeys { keyids: self.keys.iter().map(PublicKey::id).collect(), threshold: self.threshold }
    }

    fn check(&self, role: &str) -> Result<(), Error> {
        let keys = self.role_keys().keyids.len() as u64;
        if self.threshold == 0 || self.threshold > keys {
            let reason = format!("{} of {keys} keys cannot sign it", self.threshold);
            return Err(Error::Signatures { role: role.to_owned(), reason });
        }
        Ok(())
    }
}

impl TopLevelKeys {
    /// One key for every role: for development, where there is nothing to lose.
    #[must_use]
    pub fn one(key: PublicKey) -> Self {
        let one = || RoleSigners::one(key);
        Self { root: one(), targets: one(), snapshot: one(), timestamp: one() }
    }

    fn roles(&self) -> [(&'static str, &RoleSigners); 4] {
        [
            ("root", &self.root),
            ("targets", &self.targets),
            ("snapshot", &self.snapshot),
            ("timestamp", &self.timestamp),
        ]
    }

    fn root_document(&self, version: u64, expires: WholeSecond) -> Result<Root, Error> {
        let mut roles = BTreeMap::new();
        for (role, signers) in self.roles() {
            signers.check(role)?;
            roles.insert(role, (signers.keys.clone(), signers.threshold));
        }
        Ok(Root::new(version, expires, &roles))
    }
}

/// Signs with those of the signers who may.
fn sign_as(
    role: &str,
    document: &Document,
    keys: &RoleKeys,
    signers: &[&dyn Signer],
) -> Result<Vec<u8>, Error> {
    let may_sign = |signer: &&&dyn Signer| keys.keyids.contains(&signer.public_key().id());
    let chosen: Vec<&dyn Signer> = signers.iter().filter(may_sign).copied().collect();
    let distinct: std::collections::BTreeSet<KeyId> =
        chosen.iter().map(|signer| signer.public_key().id()).collect();
    if (distinct.len() as u64) < keys.threshold {
        return Err(Error::Signatures {
            role: role.to_owned(),
            reason: format!(
                "{} of the {} keys that may sign it are here, and {} have to sign",
                distinct.len(),
                keys.keyids.len(),
                keys.threshold
            ),
        });
    }
    document.sign(&chosen)
}
