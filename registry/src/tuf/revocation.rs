//! What must not run any more, whoever has it: `registry/revocations.json`.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use skywright_contract::{Digest, PluginId};

use super::facts::HexDigest;
use super::key::KeyId;
use super::path::TargetPath;
use super::strict;
use crate::error::Error;

const FORMAT: u64 = 1;
const MAX_REASON: usize = 500;

/// The registry's list of what must not run any more. It is signed by the `targets` keys as a file.
///
/// An entry is never taken out: what was malicious stays so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocations {
    format: u64,
    /// In the order in which they were added.
    pub revoked: Vec<RevokedPlugin>,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokedPlugin {
    /// What it is about.
    pub subject: RevokedSubject,
    /// Why, for people. Foreign text.
    pub reason: String,
    /// Where more is said: a URL or an advisory's number. Foreign text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advisory: Option<String>,
    /// When it was added.
    pub revoked: Timestamp,
}

/// What an entry is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum RevokedSubject {
    /// A file, wherever it is listed.
    Digest(HexDigest),
    /// Everything that a role lists which this key may sign.
    Key(KeyId),
    /// Versions of a plugin.
    Versions {
        /// The plugin.
        plugin: PluginId,
        /// Which of its versions, as Cargo writes requirements: `<1.2.3`, `=1.0.0`, `*`. A pre-release is meant if
        /// the version without it is.
        versions: semver::VersionReq,
    },
}

impl Default for Revocations {
    fn default() -> Self {
        Self { format: FORMAT, revoked: Vec::new() }
    }
}

impl Revocations {
    /// Reads the file.
    ///
    /// # Errors
    ///
    /// [`Error::Metadata`]: also for what a later release may have put there. Whoever cannot read it must not
    /// load anything that it might be about.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let fail = |reason: String| Error::Metadata { what: TargetPath::REVOCATIONS.to_owned(), reason };
        let value = strict::parse(bytes).map_err(fail)?;
        let list = Self::deserialize(&value).map_err(|error| fail(error.to_string()))?;
        if list.format != FORMAT {
            return Err(fail(format!("it has the format {}, and this release reads {FORMAT}", list.format)));
        }
        Ok(list)
    }

    /// The file: the same bytes for the same list.
    ///
    /// # Errors
    ///
    /// [`Error::Metadata`] for a reason that is empty or longer than 500 characters.
    pub fn to_json(&self) -> Result<Vec<u8>, Error> {
        let fail = |reason: String| Error::Metadata { what: TargetPath::REVOCATIONS.to_owned(), reason };
        let unfit = |text: &str| text.trim().is_empty() || text.chars().count() > MAX_REASON;
        if self
            .revoked
            .iter()
            .any(|entry| unfit(&entry.reason) || entry.advisory.as_deref().is_some_and(unfit))
        {
            return Err(fail(format!("a reason is empty or longer than {MAX_REASON} characters")));
        }
        let mut bytes = serde_json::to_vec_pretty(self).map_err(|error| fail(error.to_string()))?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// The first entry that is about this component.
    #[must_use]
    pub fn find(
        &self,
        id: &PluginId,
        version: &semver::Version,
        digest: &Digest,
        keys: &BTreeSet<KeyId>,
    ) -> Option<&RevokedPlugin> {
        self.revoked.iter().find(|entry| match &entry.subject {
            RevokedSubject::Digest(revoked) => revoked.0 == *digest,
            RevokedSubject::Key(revoked) => keys.contains(revoked),
            RevokedSubject::Versions { plugin, versions } => plugin == id && matches(versions, version),
        })
    }
}

/// Requirements pass over pre-releases, and a revocation must not.
fn matches(versions: &semver::VersionReq, version: &semver::Version) -> bool {
    let released = semver::Version::new(version.major, version.minor, version.patch);
    versions.matches(version) || versions.matches(&released)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_by_digest_key_or_version() {
        let json = br#"{"format":1,"revoked":[
            {"subject":{"versions":{"plugin":"acme/cloud","versions":"<1.2.0"}},"reason":"leaks","revoked":"2026-11-22T00:00:00Z"},
            {"subject":{"digest":"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},"reason":"mines","revoked":"2026-11-22T00:00:00Z"},
            {"subject":{"key":"1111111111111111111111111111111111111111111111111111111111111111"},"reason":"stolen","revoked":"2026-11-22T00:00:00Z"}]}"#;
        let list = Revocations::read(json).unwrap();
        assert_eq!(Revocations::read(&list.to_json().unwrap()).unwrap(), list);
        let key: KeyId = "11".repeat(32).parse().unwrap();
        let find = |id: &str, version: &str, bytes: &[u8], keys: &[KeyId]| {
            let keys = keys.iter().copied().collect();
            let (id, version) = (id.parse().unwrap(), version.parse().unwrap());
            list.find(&id, &version, &Digest::of(bytes), &keys).map(|entry| entry.reason.clone())
        };
        assert_eq!(find("acme/cloud", "1.1.9", b"x", &[]).as_deref(), Some("leaks"));
        assert_eq!(find("acme/cloud", "1.1.9-rc.1", b"x", &[]).as_deref(), Some("leaks"));
        assert_eq!(find("acme/cloud", "1.2.0", b"x", &[]), None);
        assert_eq!(find("acme/other", "1.1.9", b"x", &[]), None);
        assert_eq!(find("acme/other", "1.1.9", b"", &[]).as_deref(), Some("mines"));
        assert_eq!(find("acme/other", "1.1.9", b"x", &[key]).as_deref(), Some("stolen"));
        assert!(Revocations::read(br#"{"format":2,"revoked":[]}"#).is_err());
        assert!(Revocations::read(br#"{"format":1,"revoked":[],"more":1}"#).is_err());
    }
}
