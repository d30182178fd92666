//! What was last verified of a repository, so that a plugin can be loaded without verifying it all again.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use semver::Version;
use serde::{Deserialize, Serialize};
use skywright_contract::{Capability, Digest, PluginId};

use crate::audit_log::TimeSource;
use crate::error::Error;
use crate::files;
use crate::policy::Attestation;
use crate::tuf::{Client, HexDigest, KeyId, Revocations, Target, TargetPath, Verifier, Versions};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 16 << 20;

/// How long others are waited for that write it.
const PATIENCE: Duration = Duration::from_secs(30);

/// The version of the format.
const VERSION: u32 = 1;

/// What a repository's signed metadata said when it was last verified here: of what is installed from it, and
/// of what must not run any more.
///
/// It is a note of this program to itself. Signatures are not checked again when it is read: whoever may
/// write to the user's own folders may change it, as well as the lock file and the policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standing {
    version: u32,
    /// Of the root that the repository was added with.
    pub root_sha256: HexDigest,
    /// The versions of its roles.
    pub versions: Versions,
    /// When its metadata was last seen fresh.
    pub seen_fresh: Timestamp,
    /// By which clock.
    pub time_source: TimeSource,
    /// When its metadata ends.
    pub expires: Timestamp,
    /// What it said of the components that are installed from it.
    #[serde(default)]
    pub authorised: BTreeMap<TargetPath, Authorised>,
    /// What must not run any more.
    pub revocations: Revocations,
}

/// What a repository said of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Authorised {
    /// In bytes.
    pub length_bytes: u64,
    /// Of the component.
    pub sha256: HexDigest,
    /// The keys that answer for its namespace.
    pub owner_key_ids: BTreeSet<KeyId>,
    /// Every key that any role on the way to it may be signed with.
    pub signer_key_ids: BTreeSet<KeyId>,
    /// What it asks of the host.
    pub capabilities: BTreeSet<Capability>,
    /// Why its publisher took it back, if it did. Foreign text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<String>,
    /// When this was last seen in fresh metadata: later than the repository's own time if the
    /// publisher's metadata ended meanwhile.
    pub seen_fresh: Timestamp,
}

impl Standing {
    /// Of a repository that was just verified, with nothing installed from it.
    #[must_use]
    pub fn new(
        root_sha256: Digest,
        versions: Versions,
        expires: Timestamp,
        (seen_fresh, time_source): (Timestamp, TimeSource),
    ) -> Self {
        Self {
            version: VERSION,
            root_sha256: HexDigest(root_sha256),
            versions,
            seen_fresh,
            time_source,
            expires,
            authorised: BTreeMap::new(),
            revocations: Revocations::default(),
        }
    }

    /// Reads it from the repository's folder.
    ///
    /// # Errors
    ///
    /// [`Error::StoreDamaged`] if it is no standing; [`Error::File`].
    pub fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join("standing.json");
        let Some(bytes) = files::read_if_there(&path, MAX_BYTES)? else { return Ok(None) };
        let standing: Self = serde_json::from_slice(&bytes)
            .map_err(|error| Error::StoreDamaged { path: path.clone(), reason: error.to_string() })?;
        if standing.version != VERSION {
            return Err(Error::StoreDamaged { path, reason: "another release wrote it".to_owned() });
        }
        Ok(Some(standing))
    }

    /// Writes it to the repository's folder, durably and all at once.
    ///
    /// # Errors
    ///
    /// [`Error::File`]: what was there before is there still.
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let bytes = serde_json::to_vec(self)
            .map_err(|error| Error::Encode { what: "what was verified", reason: error.to_string() })?;
        files::replace(&folder.join("standing.json"), &bytes)
    }

    /// Whether nothing older than these versions was verified: the lock file may have seen newer ones than what
    /// is left on this machine. Under a newer root the other roles may begin anew: that is how a registry gets
    /// rid of versions that somebody with stolen keys has run up.
    ///
    /// # Errors
    ///
    /// [`Error::Rollback`].
    pub fn check_floors(&self, floors: &Versions) -> Result<(), Error> {
        let have = self.versions;
        let roles = [
            ("root", have.root, floors.root),
            ("timestamp", have.timestamp, floors.timestamp),
            ("snapshot", have.snapshot, floors.snapshot),
            ("targets", have.targets, floors.targets),
        ];
        let is_same_root = have.root == floors.root;
        match roles.into_iter().find(|(role, have, floor)| have < floor && (is_same_root || *role == "root"))
        {
            Some((role, offered, trusted)) => {
                Err(Error::Rollback { role: role.to_owned(), trusted, offered })
            }
            None => Ok(()),
        }
    }

    /// Writes what was just found, while nobody else does. `looked_at` are the components that it says something
    /// of, if only that they are gone: what another process has installed meanwhile is kept. Nothing is written over
    /// what another process has found in newer metadata.
    ///
    /// # Errors
    ///
    /// As for [`write`](Self::write); [`Error::Busy`].
    pub(crate) fn put(mut self, folder: &Path, looked_at: &BTreeSet<TargetPath>) -> Result<(), Error> {
        let _held = files::hold(&folder.join("standing.lock"), PATIENCE)?;
        let there = Self::read(folder).ok().flatten().filter(|there| there.root_sha256 == self.root_sha256);
        if let Some(there) = there {
            let newness = |versions: &Versions| (versions.root, versions.timestamp);
            if newness(&there.versions) > newness(&self.versions) {
                return Ok(());
            }
            let meanwhile = there.authorised.into_iter().filter(|(path, _)| !looked_at.contains(path));
            self.authorised.extend(meanwhile);
        }
        self.write(folder)
    }

    /// Adds what a repository says of a component that is about to be pinned.
    ///
    /// # Errors
    ///
    /// [`Error::NotVerified`] if nothing is known of the repository; as for [`put`](Self::put).
    pub(crate) fn authorise(
        folder: &Path,
        repository: &str,
        path: &TargetPath,
        authorised: &Authorised,
    ) -> Result<(), Error> {
        let _held = files::hold(&folder.join("standing.lock"), PATIENCE)?;
        let standing = Self::read(folder)?;
        let mut standing = standing.ok_or_else(|| Error::NotVerified { name: repository.to_owned() })?;
        standing.authorised.insert(path.clone(), authorised.clone());
        standing.write(folder)
    }

    /// Why a component must not run any more, if it must not. Foreign text.
    #[must_use]
    pub fn revocation(
        &self,
        id: &PluginId,
        version: &Version,
        sha256: &Digest,
        keys: &BTreeSet<KeyId>,
    ) -> Option<String> {
        let entry = self.revocations.find(id, version, sha256, keys)?;
        let advisory = entry.advisory.as_ref().map(|advisory| format!(" ({advisory})"));
        Some(format!("{}{}", entry.reason, advisory.unwrap_or_default()))
    }
}

/// What a repository revoked, by what was just verified of it. One that lists no such file revoked nothing.
pub(crate) async fn fetch_revocations(client: &mut Client, time: Timestamp) -> Result<Revocations, Error> {
    match client.resolve(&TargetPath::revocations(), time).await {
        Ok(target) => Revocations::read(&client.fetch(&target).await?),
        Err(Error::NotListed { .. }) => Ok(Revocations::default()),
        Err(error) => Err(error),
    }
}

/// Floors with these versions in them: they only rise, but for what a newer root lets begin anew.
pub(crate) fn raised(floors: Versions, versions: Versions) -> Versions {
    match versions.root.cmp(&floors.root) {
        std::cmp::Ordering::Greater => versions,
        std::cmp::Ordering::Less => floors,
        std::cmp::Ordering::Equal => Versions {
            root: floors.root,
            timestamp: floors.timestamp.max(versions.timestamp),
            snapshot: floors.snapshot.max(versions.snapshot),
            targets: floors.targets.max(versions.targets),
        },
    }
}

impl Authorised {
    /// What a target that was just resolved says.
    ///
    /// # Errors
    ///
    /// [`Error::Metadata`] if it says nothing of a plugin.
    pub fn of(target: &Target, seen_fresh: Timestamp) -> Result<Self, Error> {
        let facts = target.facts()?;
        Ok(Self {
            length_bytes: target.length_bytes,
            sha256: HexDigest(target.digest),
            owner_key_ids: target.owner_key_ids().iter().copied().collect(),
            signer_key_ids: target.key_ids().into_iter().collect(),
            capabilities: facts.capabilities,
            yanked: facts.yanked.map(|yanked| yanked.reason),
            seen_fresh,
        })
    }

    /// As the policy sees it.
    #[must_use]
    pub fn attestation(&self, repository: &str, now: Timestamp) -> Attestation {
        Attestation {
            repository: repository.to_owned(),
            length: self.length_bytes,
            sha256: self.sha256.0,
            owner_keys: self.owner_key_ids.clone(),
            signer_keys: self.signer_key_ids.clone(),
            // A time to come says that some clock is wrong: nobody knows then.
            seen_fresh_ago: u64::try_from(now.as_second() - self.seen_fresh.as_second())
                .ok()
                .map(Duration::from_secs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing() -> Standing {
        let time = |second| Timestamp::from_second(second).unwrap();
        let seen = (time(1_795_000_000), TimeSource::SystemClock);
        Standing::new(Digest::of(b"root"), Versions::default(), time(1_795_100_000), seen)
    }

    fn authorised() -> Authorised {
        Authorised {
            length_bytes: 1,
            sha256: HexDigest(Digest::of(b"1")),
            owner_key_ids: BTreeSet::new(),
            signer_key_ids: BTreeSet::new(),
            capabilities: BTreeSet::new(),
            yanked: None,
            seen_fresh: standing().seen_fresh,
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Standing::read(folder.path()).unwrap(), None);
        standing().write(folder.path()).unwrap();
        assert_eq!(Standing::read(folder.path()).unwrap(), Some(standing()));
        let path = folder.path().join("standing.json");
        let text = std::fs::read_to_string(&path).unwrap();
        for damaged in [&text[..text.len() - 1], &text.replace("\"version\":1", "\"version\":2"), "{}", ""] {
            std::fs::write(&path, damaged).unwrap();
            assert!(matches!(Standing::read(folder.path()), Err(Error::StoreDamaged { .. })), "{damaged}");
        }
    }

    #[test]
    fn what_others_found_meanwhile_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path =
            |name: &str| format!("plugins/acme/{name}/1.0.0/component.wasm").parse::<TargetPath>().unwrap();
        let at = |timestamp, names: &[&str]| {
            let mut standing = standing();
            standing.versions.timestamp = timestamp;
            standing.authorised.extend(names.iter().map(|name| (path(name), authorised())));
            standing
        };
        let names = || -> Vec<TargetPath> {
            Standing::read(folder.path()).unwrap().unwrap().authorised.into_keys().collect()
        };
        at(5, &["one", "gone"]).put(folder.path(), &BTreeSet::new()).unwrap();
        Standing::authorise(folder.path(), "main", &path("new"), &authorised()).unwrap();
        at(6, &["one"]).put(folder.path(), &[path("one"), path("gone")].into()).unwrap();
        assert_eq!(names(), [path("new"), path("one")]);
        at(5, &["old"]).put(folder.path(), &BTreeSet::new()).unwrap();
        assert_eq!(names(), [path("new"), path("one")], "newer metadata said that");
    }

    #[test]
    fn what_is_revoked_is_told_with_its_advisory() {
        let mut standing = standing();
        let entry = r#"{"format":1,"revoked":[{"subject":{"versions":{"plugin":"acme/cloud","versions":"<2"}},
            "reason":"leaks","advisory":"SKY-1","revoked":"2026-11-22T00:00:00Z"}]}"#;
        standing.revocations = Revocations::read(entry.as_bytes()).unwrap();
        let reason = |version: &str| {
            let id = "acme/cloud".parse().unwrap();
            standing.revocation(&id, &version.parse().unwrap(), &Digest::of(b"1"), &BTreeSet::new())
        };
        assert_eq!(reason("1.0.0").as_deref(), Some("leaks (SKY-1)"));
        assert_eq!(reason("2.0.0"), None);
    }

    #[test]
    fn nothing_older_than_the_lock_file_has_seen() {
        let mut standing = standing();
        standing.versions = Versions { root: 2, timestamp: 5, snapshot: 5, targets: 3 };
        standing.check_floors(&standing.versions).unwrap();
        let floors = Versions { timestamp: 6, ..standing.versions };
        assert!(matches!(
            standing.check_floors(&floors),
            Err(Error::Rollback { trusted: 6, offered: 5, .. })
        ));
        // A newer root lets the others begin anew, and an older one is never good.
        let begun_anew = Versions { root: 3, timestamp: 1, snapshot: 1, targets: 3 };
        standing.versions = begun_anew;
        standing.check_floors(&floors).unwrap();
        assert_eq!(raised(floors, begun_anew), begun_anew);
        assert_eq!(raised(begun_anew, floors), begun_anew);
        standing.versions = Versions { root: 1, timestamp: 99, snapshot: 99, targets: 99 };
        assert!(standing.check_floors(&floors).is_err());
    }

    #[test]
    fn a_time_to_come_is_no_age() {
        let authorised = authorised();
        let ago =
            |second| authorised.attestation("main", Timestamp::from_second(second).unwrap()).seen_fresh_ago;
        assert_eq!(ago(1_795_000_060), Some(Duration::from_secs(60)));
        assert_eq!(ago(1_794_999_999), None);
    }
}
