//! The plugins that there are on this machine, and the check that stands before each of them.
//!
//! Every load reads the bytes once, and decides on those: what is handed out is what was hashed, so it does
//! not matter what becomes of the file afterwards. Held against them are, anew each time, the lock file, the
//! [`Standing`] of the repository (what its signed metadata said of this component when it was last
//! verified here, and what it revoked), and the policy; the decision goes to the audit log.
//!
//! Not done again at a load: fetching metadata, and checking its signatures. `repo update` does both.

mod ground;
mod list;
mod load;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;
use semver::Version;
use skywright_contract::{Digest, PluginId};

use crate::audit_log::{AuditLog, AuditRecord, Outcome, TimeSource};
use crate::content_store::ContentStore;
use crate::development::DevelopmentFolders;
use crate::error::Error;
use crate::lock_file::{LockFile, LockFileStore};
use crate::places::Places;
use crate::policy::Policy;
use crate::standing::Standing;

pub(crate) use ground::Ground;
pub use list::{ListedFacts, ListedPlugin};
pub use load::Loaded;

/// Finds plugins, and hands out the bytes of those that may run.
#[derive(Debug, Clone)]
pub struct Installed {
    places: Places,
    folders: Vec<PathBuf>,
    drop_in: Vec<PathBuf>,
    allow_unsigned: bool,
}

/// Why a plugin may run.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Trust {
    /// Repositories vouch for it, and the lock file pins it.
    Signed {
        /// The repository that provides it.
        repository: String,
        /// The site's own that lists it too, if one does.
        #[serde(skip_serializing_if = "Option::is_none")]
        site: Option<String>,
    },
    /// It is of a folder that `plugin dev` registered. Nobody signed it.
    Development {
        /// The folder.
        folder: PathBuf,
    },
    /// Nobody signed it, and it lies in no such folder. It runs with `--allow-unsigned` alone.
    Unsigned,
}

impl Trust {
    /// One word for a table.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Signed { .. } => "signed",
            Self::Development { .. } => "development",
            Self::Unsigned => "unsigned",
        }
    }
}

impl Installed {
    /// Of these places.
    #[must_use]
    pub fn new(places: Places) -> Self {
        Self { places, folders: Vec::new(), drop_in: Vec::new(), allow_unsigned: false }
    }

    /// With folders of plugin files that come before everything else.
    #[must_use]
    pub fn with_folders(self, folders: Vec<PathBuf>) -> Self {
        Self { folders, ..self }
    }

    /// With folders of plugin files that come last.
    #[must_use]
    pub fn with_drop_in(self, drop_in: Vec<PathBuf>) -> Self {
        Self { drop_in, ..self }
    }

    /// Whether plugins that nobody signed run from anywhere.
    #[must_use]
    pub fn with_allow_unsigned(self, allow_unsigned: bool) -> Self {
        Self { allow_unsigned, ..self }
    }

    /// Where everything is.
    #[must_use]
    pub fn places(&self) -> &Places {
        &self.places
    }

    /// The bytes that are kept.
    #[must_use]
    pub fn content_store(&self) -> ContentStore {
        ContentStore::new(self.places.content_store())
    }

    /// What is pinned.
    ///
    /// # Errors
    ///
    /// Those of [`LockFileStore::read`].
    pub fn lock(&self) -> Result<LockFile, Error> {
        Ok(LockFileStore::new(self.places.lock_file()).read()?.lock)
    }

    /// Whom this user trusts with what.
    ///
    /// # Errors
    ///
    /// Those of [`Policy::read`].
    pub fn policy(&self) -> Result<Policy, Error> {
        Policy::read(&self.places.trust_file())
    }

    fn development(&self) -> Result<DevelopmentFolders, Error> {
        DevelopmentFolders::read(&self.places.development_file())
    }
}

/// A decision on its way to the audit log.
pub(crate) struct Decided<'a> {
    pub(crate) action: &'a str,
    pub(crate) plugin: String,
    pub(crate) version: &'a Version,
    pub(crate) path: String,
    pub(crate) sha256: Digest,
    pub(crate) repository: Option<String>,
    pub(crate) role_versions: Vec<String>,
    pub(crate) key_ids: BTreeSet<crate::tuf::KeyId>,
    pub(crate) outcome: Outcome,
    pub(crate) reasons: Vec<String>,
}

impl<'a> Decided<'a> {
    /// That it is allowed, for no reason but that none is against it.
    pub(crate) fn new(action: &'a str, plugin: &PluginId, version: &'a Version, sha256: Digest) -> Self {
        Self {
            action,
            plugin: plugin.to_string(),
            version,
            path: String::new(),
            sha256,
            repository: None,
            role_versions: Vec::new(),
            key_ids: BTreeSet::new(),
            outcome: Outcome::Allowed,
            reasons: Vec::new(),
        }
    }

    /// Which plugin it is about, for people.
    pub(crate) fn title(&self) -> String {
        format!("{} {}", self.plugin, self.version)
    }

    /// Writes it down. What cannot be is an error if the policy asks for the record, and a warning if not.
    pub(crate) fn record(
        self,
        places: &Places,
        policy: &Policy,
        now: Timestamp,
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let record = AuditRecord {
            action: self.action.to_owned(),
            plugin: self.plugin,
            version: Some(self.version.to_string()),
            path: self.path,
            sha256: Some(self.sha256.hex()),
            repository: self.repository,
            role_versions: self.role_versions,
            key_ids: self.key_ids.iter().map(ToString::to_string).collect(),
            policy: policy.file.map(|digest| digest.hex()),
            time_s: now.as_second(),
            time_source: TimeSource::SystemClock,
            outcome: self.outcome,
            reasons: self.reasons,
        };
        match AuditLog::new(places.audit_log()).append(&record) {
            Err(error) if policy.audit_required => Err(error),
            Err(error) => {
                warnings.push(format!("the decision is not in the audit log: {error}"));
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }
}

/// A repository's versions, for the audit log.
pub(crate) fn role_versions(name: &str, standing: &Standing) -> Vec<String> {
    let versions = standing.versions;
    [
        ("root", versions.root),
        ("timestamp", versions.timestamp),
        ("snapshot", versions.snapshot),
        ("targets", versions.targets),
    ]
    .map(|(role, version)| format!("{name} {role} {version}"))
    .into()
}
