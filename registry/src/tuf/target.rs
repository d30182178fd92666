//! What a repository says of one file, after every signature down to it was checked.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use skywright_contract::Digest;

use super::facts::PluginFacts;
use super::key::KeyId;
use super::path::TargetPath;
use crate::error::Error;

/// One file of a repository, as signed metadata has it.
///
/// It is a statement, not the bytes: those are checked against it by
/// [`Verifier::fetch`](super::Verifier::fetch), or by whoever has them already.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Target {
    /// Its name.
    pub path: TargetPath,
    /// In bytes.
    pub length_bytes: u64,
    /// Of the bytes.
    pub digest: Digest,
    /// What else the signer says of it; `None` if nothing.
    pub custom: Option<Value>,
    /// The roles from `targets` down to the one that lists it, each with whom it is trusted from.
    pub chain: Vec<RoleTrust>,
    /// The metadata that this was read from.
    pub versions: Versions,
}

/// A targets role, and what the role above it says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleTrust {
    /// Its name: `targets`, a namespace, or a namespace's release role.
    pub role: String,
    /// The version of its metadata.
    pub version: u64,
    /// When its metadata ends.
    pub expires: Timestamp,
    /// Who may sign it, sorted. `threshold` of them did.
    pub key_ids: Vec<KeyId>,
    /// How many of them have to.
    pub threshold: u64,
}

/// The versions of a repository's four top-level roles. They only grow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Versions {
    /// Of `root`.
    pub root: u64,
    /// Of `timestamp`.
    pub timestamp: u64,
    /// Of `snapshot`.
    pub snapshot: u64,
    /// Of `targets`.
    pub targets: u64,
}

impl Target {
    /// The keys that the registry names for the namespace: the owner's, or, for the registry's own
    /// files and in repositories without publishers, those of `targets`.
    #[must_use]
    pub fn owner_key_ids(&self) -> &[KeyId] {
        self.chain.get(1).or(self.chain.first()).map_or(&[], |owner| &owner.key_ids)
    }

    /// Every key that any role on the way down may be signed with, sorted. Whoever distrusts one of
    /// them distrusts this target.
    #[must_use]
    pub fn key_ids(&self) -> Vec<KeyId> {
        let mut ids: Vec<_> = self.chain.iter().flat_map(|role| role.key_ids.iter().copied()).collect();
        ids.sort();
        ids.dedup();
        ids
    }

    /// The role that lists it.
    #[must_use]
    pub fn role(&self) -> Option<&RoleTrust> {
        self.chain.last()
    }

    /// What the publisher says of the plugin: the `plugin` object of `custom`.
    ///
    /// # Errors
    ///
    /// [`Error::Metadata`] if there is none or it is not understood.
    pub fn facts(&self) -> Result<PluginFacts, Error> {
        let fail = |reason: String| Error::Metadata { what: self.path.to_string(), reason };
        let plugin = self.custom.as_ref().and_then(|custom| custom.get("plugin"));
        let plugin = plugin.ok_or_else(|| fail("nothing is said of the plugin".to_owned()))?;
        let facts = PluginFacts::deserialize(plugin).map_err(|error| fail(error.to_string()))?;
        match self.path.plugin() {
            Some(file) if file.id == facts.id && file.version == facts.version => Ok(facts),
            _ => Err(fail("what is said is of another plugin".to_owned())),
        }
    }

    /// Checks bytes against this statement.
    ///
    /// # Errors
    ///
    /// [`Error::Tampered`] if length or digest differ. Costs one SHA-256.
    pub fn check(&self, bytes: &[u8]) -> Result<(), Error> {
        let reason = if bytes.len() as u64 != self.length_bytes {
            format!("it has {} bytes in the place of {}", bytes.len(), self.length_bytes)
        } else if Digest::of(bytes) != self.digest {
            "its digest is another one".to_owned()
        } else {
            return Ok(());
        };
        Err(Error::Tampered { what: self.path.to_string(), reason })
    }
}
