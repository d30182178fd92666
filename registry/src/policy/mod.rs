//! Whom a site trusts with what: the file `trust.toml`, and what it decides.
//!
//! Without the file, any repository that was added by hand may provide any namespace, plugins need what
//! their repository signed and no more, a change of owner keys or more capabilities need a yes, and
//! plugins of a development folder may run. With the file, a namespace that it does not name is refused.

mod age;
mod decision;
mod file;

use std::collections::{BTreeMap, BTreeSet};

use semver::VersionReq;
use serde::{Deserialize, Serialize};
use skywright_contract::{Capability, Digest, PluginId};

pub use age::Age;
pub use decision::{Attestation, Before, Decision, Facts, Origin, Reason, Stage};

use crate::tuf::KeyId;

/// Which repositories have to name a plugin before it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Require {
    /// The publisher's repository.
    #[default]
    Upstream,
    /// The site's own repository, which lists what was vetted.
    Site,
    /// Both, with the same path, length and digest.
    Both,
}

/// What happens when the owner keys of an installed plugin's namespace are not those that it was installed
/// with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyChange {
    /// It is refused.
    Deny,
    /// Somebody has to say yes.
    #[default]
    Prompt,
}

/// Whether something may happen at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Permission {
    /// It may.
    #[default]
    Allow,
    /// It may not.
    Deny,
}

/// What holds for the plugins of one namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceRules {
    /// The repositories that may provide it, by the names that `repo list` shows; all if not given.
    #[serde(default)]
    pub repositories: Option<BTreeSet<String>>,
    /// The owner keys that may answer for it, by their ids; whichever the repository names if not given.
    #[serde(default)]
    pub owner_keys: Option<BTreeSet<KeyId>>,
    /// Which repositories have to name a plugin.
    #[serde(default)]
    pub require: Option<Require>,
    /// What happens when owner keys change.
    #[serde(default)]
    pub key_change: Option<KeyChange>,
    /// How long ago the repository's metadata may have been seen fresh; any time if not given.
    #[serde(default)]
    pub max_staleness: Option<Age>,
    /// The most that a plugin may ask of the host; anything if not given.
    #[serde(default)]
    pub capabilities: Option<BTreeSet<Capability>>,
}

/// What is refused whatever else holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Denied {
    /// A component, by its digest.
    Digest(Digest),
    /// A plugin, or some of its versions.
    Plugin(PluginId, VersionReq),
    /// Whatever a key signed or answers for.
    Key(KeyId),
}

/// An entry of the list of what is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deny {
    /// What.
    pub what: Denied,
    /// Why, for people.
    pub reason: Option<String>,
}

/// What `trust.toml` says.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Policy {
    /// Whether plugins of a development folder, or with `--allow-unsigned`, may run.
    pub unsigned: Permission,
    /// Whether nothing is done whose record cannot be written to the audit log.
    pub audit_required: bool,
    /// What holds where a namespace says nothing of its own.
    pub defaults: NamespaceRules,
    /// By namespace; `*` is any other.
    pub namespaces: BTreeMap<String, NamespaceRules>,
    /// What is refused.
    pub denied: Vec<Deny>,
    /// The file's digest, if there is one: then a namespace that it does not name is refused.
    pub file: Option<Digest>,
}

impl Policy {
    /// The rules of a namespace, with the defaults in what it leaves open; `None` for one that the file
    /// does not name.
    #[must_use]
    pub fn rules(&self, namespace: &str) -> Option<NamespaceRules> {
        let own = self.namespaces.get(namespace).or_else(|| self.namespaces.get(file::ANY));
        match own {
            Some(own) => Some(self.with_defaults(own)),
            None if self.file.is_some() => None,
            None => Some(self.defaults.clone()),
        }
    }

    fn with_defaults(&self, own: &NamespaceRules) -> NamespaceRules {
        let defaults = &self.defaults;
        NamespaceRules {
            repositories: own.repositories.clone().or_else(|| defaults.repositories.clone()),
            owner_keys: own.owner_keys.clone().or_else(|| defaults.owner_keys.clone()),
            require: own.require.or(defaults.require),
            key_change: own.key_change.or(defaults.key_change),
            max_staleness: own.max_staleness.or(defaults.max_staleness),
            capabilities: own.capabilities.clone().or_else(|| defaults.capabilities.clone()),
        }
    }
}
