//! What metadata says of a plugin beside its length and digest.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use skywright_contract::{Capability, Digest, Kind, Manifest, PluginId};

/// What a publisher signs about a component: the `plugin` object of a target's `custom`.
///
/// It repeats the manifest, so that a plugin can be chosen without fetching it. Admission holds the
/// two against each other, and whoever loads the component has to do it again.
///
/// Keys that are not known are passed over, so that later ones do not hide a plugin from this client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginFacts {
    /// `namespace/name`.
    pub id: PluginId,
    /// The plugin's version.
    pub version: semver::Version,
    /// Provider or feature.
    pub kind: Kind,
    /// The contract release that it was built for.
    pub contract: semver::Version,
    /// One line for people. Foreign text.
    pub title: String,
    /// SPDX expression. Foreign text.
    pub license: String,
    /// What it asks of the host.
    #[serde(default)]
    pub capabilities: BTreeSet<Capability>,
    /// Of `sbom.cdx.json`, which stands beside the component.
    pub sbom: HexDigest,
    /// The revision of the source that it was built from, if the publisher says. Foreign text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_revision: Option<String>,
    /// Not to be chosen any more; whoever has it locked keeps it and is warned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yanked: Option<Yanked>,
}

/// Why a version is not to be chosen any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Yanked {
    /// For people. Foreign text.
    pub reason: String,
    /// The version to take in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replacement: Option<semver::Version>,
}

/// A digest as 64 hexadecimal digits without the `sha256:` before it, as TUF spells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HexDigest(pub Digest);

impl TryFrom<String> for HexDigest {
    type Error = skywright_contract::PackageError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map(Self)
    }
}

impl From<HexDigest> for String {
    fn from(digest: HexDigest) -> Self {
        digest.0.hex()
    }
}

impl PluginFacts {
    /// What a manifest says, with the digest of the SBOM.
    #[must_use]
    pub fn of(manifest: &Manifest, sbom: Digest) -> Self {
        Self {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            kind: manifest.kind,
            contract: manifest.contract.clone(),
            title: manifest.title.clone(),
            license: manifest.license.clone(),
            capabilities: manifest.capabilities.clone(),
            sbom: HexDigest(sbom),
            source_revision: None,
            yanked: None,
        }
    }

    /// The name of the first fact in which a manifest differs, if any does.
    #[must_use]
    pub fn difference(&self, manifest: &Manifest) -> Option<&'static str> {
        let same = Self::of(manifest, self.sbom.0);
        [
            ("id", self.id == same.id),
            ("version", self.version == same.version),
            ("kind", self.kind == same.kind),
            ("contract", self.contract == same.contract),
            ("title", self.title == same.title),
            ("license", self.license == same.license),
            ("capabilities", self.capabilities == same.capabilities),
        ]
        .into_iter()
        .find_map(|(name, equal)| (!equal).then_some(name))
    }
}
