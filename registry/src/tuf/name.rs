//! Namespaces and the roles that belong to them.

use std::fmt;
use std::str::FromStr;

use skywright_contract::PluginId;

use crate::error::Error;

/// What the name of every release role ends in, and no namespace may.
const RELEASE: &str = "-release";

/// Names that mean something else in a repository.
const RESERVED: &[&str] = &["root", "targets", "snapshot", "timestamp", "registry", "plugins"];

/// A publisher's part of plugin ids: two to forty lower-case letters, digits and single hyphens, a letter first.
///
/// It is the name of the publisher's role too, so the names of top-level roles and whatever ends in
/// `-release` are refused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace(String);

impl Namespace {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The namespace of a plugin's id.
    ///
    /// # Errors
    ///
    /// [`Error::Namespace`] for one that a manifest may have and a registry not, such as of one letter.
    pub fn of(id: &PluginId) -> Result<Self, Error> {
        id.namespace().parse()
    }

    /// The role that the publisher's owner keys sign, and that registries delegate to.
    #[must_use]
    pub fn owner_role(&self) -> String {
        self.0.clone()
    }

    /// The role that publishes: the owner's delegates to it.
    #[must_use]
    pub fn release_role(&self) -> String {
        format!("{}{RELEASE}", self.0)
    }

    /// What the two roles may list: `plugins/NAMESPACE/*/*/*`.
    #[must_use]
    pub fn pattern(&self) -> String {
        format!("plugins/{}/*/*/*", self.0)
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Namespace {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_label = format!("{text}/x").parse::<PluginId>().is_ok();
        if is_label && text.len() >= 2 && !RESERVED.contains(&text) && !text.ends_with(RELEASE) {
            Ok(Self(text.to_owned()))
        } else {
            Err(Error::Namespace { text: text.chars().take(80).collect() })
        }
    }
}

impl TryFrom<String> for Namespace {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Namespace> for String {
    fn from(namespace: Namespace) -> Self {
        namespace.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_never_the_name_of_another_role() {
        for good in ["acme", "a1", "open-telekom-cloud", "release"] {
            assert_eq!(good.parse::<Namespace>().unwrap().owner_role(), good);
        }
        for bad in [
            "",
            "a",
            "root",
            "targets",
            "snapshot",
            "timestamp",
            "registry",
            "acme-release",
            "Acme",
            "a--b",
            "a/b",
        ] {
            assert!(bad.parse::<Namespace>().is_err(), "{bad:?}");
        }
        assert!("x".repeat(41).parse::<Namespace>().is_err());
    }
}
