//! `skywright.lock`: exactly which plugins a site runs.

mod store;
mod text;

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;
use skywright_contract::{Capability, Digest, Kind, PluginId};

use crate::tuf::{KeyId, TargetPath, Versions};

pub use store::{LockFileStore, LockSnapshot};

/// What is pinned. It is the same on every machine: it has no path of this one in it, and its text is sorted.
///
/// It pins, and never vouches: what it names has to be authorised by a repository's metadata as well.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LockFile {
    /// The repositories that plugins are from, by the names that `repo list` shows.
    pub repositories: BTreeMap<String, LockedRepository>,
    /// The plugins, one version each.
    pub plugins: BTreeMap<PluginId, LockedPlugin>,
}

/// A repository that plugins are from, wherever it is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedRepository {
    /// The digest of the root metadata that it was added with: whose repository it is.
    pub root_sha256: Digest,
    /// The least versions that its roles may have from now on, whatever became of this machine's memory of
    /// them.
    pub floors: Versions,
}

/// A plugin that is pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockedPlugin {
    /// Its version.
    pub version: Version,
    /// Provider or feature.
    pub kind: Kind,
    /// One line for people.
    pub title: String,
    /// The publisher's repository that names it, or, where only the site has to, the site's.
    pub repository: String,
    /// The site's own repository that names it too, if one does.
    pub site: Option<String>,
    /// Where its component stands in the repository.
    pub path: TargetPath,
    /// The component's length.
    pub length_bytes: u64,
    /// The component's digest.
    pub sha256: Digest,
    /// The digest of its SBOM.
    pub sbom_sha256: Digest,
    /// The keys that answered for its namespace.
    pub owner_key_ids: BTreeSet<KeyId>,
    /// Every key that any role on the way to it may be signed with.
    pub signer_key_ids: BTreeSet<KeyId>,
    /// The contract release that it was built for.
    pub contract: Version,
    /// What it asks of the host.
    pub capabilities: BTreeSet<Capability>,
}

impl LockFile {
    /// The pinned plugins of this id or name.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a PluginId, &'a LockedPlugin)> {
        self.plugins.iter().filter(move |(id, _)| id.name() == name || id.to_string() == name)
    }

    /// Takes out the repositories that no plugin is from.
    pub fn tidy(&mut self) {
        let plugins = &self.plugins;
        self.repositories.retain(|name, _| {
            plugins.values().any(|plugin| plugin.repository == *name || plugin.site.as_ref() == Some(name))
        });
    }
}
