//! The manifest: what a plugin says of itself.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Capability;

/// The name of the component's custom section that holds the manifest, as JSON.
pub const MANIFEST_SECTION: &str = "skywright:manifest";

/// The longest manifest that is read, in bytes.
const MAX_BYTES: usize = 64 << 10;

/// A plugin's identity: `namespace/name`, each of lower-case letters, digits and single hyphens.
///
/// The namespace is the publisher's; the name is what people type where it is unambiguous.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PluginId {
    namespace: String,
    name: String,
}

impl PluginId {
    /// The publisher's part.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// The plugin's part.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for PluginId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl FromStr for PluginId {
    type Err = ManifestError;

    fn from_str(text: &str) -> Result<Self, ManifestError> {
        let bad = || ManifestError::Id { id: text.chars().take(80).collect() };
        let (namespace, name) = text.split_once('/').ok_or_else(bad)?;
        if [namespace, name].into_iter().all(is_label) {
            Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
        } else {
            Err(bad())
        }
    }
}

impl TryFrom<String> for PluginId {
    type Error = ManifestError;

    fn try_from(text: String) -> Result<Self, ManifestError> {
        text.parse()
    }
}

impl From<PluginId> for String {
    fn from(id: PluginId) -> Self {
        id.to_string()
    }
}

/// Lower-case letters, digits and single hyphens, beginning with a letter, at most 40 long.
fn is_label(label: &str) -> bool {
    label.len() <= 40
        && label.starts_with(|c: char| c.is_ascii_lowercase())
        && !label.ends_with('-')
        && !label.contains("--")
        && label.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// What sort of plugin it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Drives a cloud: exports `skywright:provider/driver`.
    Provider,
    /// Says how a stack is installed: exports `skywright:feature/recipe` and imports nothing.
    Feature,
}

impl Kind {
    /// The kind's name, as manifests spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Feature => "feature",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a plugin says of itself. An author writes it as `plugin.toml`; the build embeds it as JSON
/// in the component, so that one file is the whole plugin and one signature covers it all.
///
/// Unknown keys are errors: a key that is not understood might be one that restricts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Who the plugin is, such as `skywright/openstack`.
    pub id: PluginId,
    /// The plugin's own version.
    pub version: semver::Version,
    /// Provider or feature.
    pub kind: Kind,
    /// The contract release that it was built for.
    pub contract: semver::Version,
    /// One line for people.
    pub title: String,
    /// SPDX expression, such as `Apache-2.0`.
    pub license: String,
    /// Where defects are reported: a URL or a mail address.
    pub report: String,
    /// Where its documentation is, if anywhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
    /// What it asks of the host. Every import must be covered by one of these.
    #[serde(default)]
    pub capabilities: BTreeSet<Capability>,
}

/// Why a manifest was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Not JSON, or not the JSON of a manifest; the parser's message, with line and column.
    #[error("the manifest does not parse: {0}")]
    Syntax(String),
    /// The identity is not `namespace/name`.
    #[error("the id {id:?} is not of the form namespace/name (lower-case letters, digits, single hyphens)")]
    Id {
        /// The first characters of what was found.
        id: String,
    },
    /// A text is empty, too long, or holds control characters.
    #[error("the manifest's {field} is empty, longer than {max} characters, or holds control characters")]
    Text {
        /// The key.
        field: String,
        /// Its longest accepted length, in characters.
        max: usize,
    },
    /// The section is larger than any manifest needs to be.
    #[error("the manifest is {bytes} bytes long; the limit is {MAX_BYTES}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A feature that asks for capabilities: a recipe imports nothing.
    #[error("a feature imports nothing, but its manifest asks for: {0}")]
    FeatureCapabilities(String),
}

impl Manifest {
    /// Reads the JSON of a manifest section.
    ///
    /// # Errors
    ///
    /// [`ManifestError`], for anything that [`validate`](Self::validate) refuses too.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_BYTES {
            return Err(ManifestError::TooLarge { bytes: bytes.len() });
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(syntax)?;
        manifest.validate()?;
        Ok(manifest)
    }

    /// The JSON that is embedded: keys in declaration order, no spaces, the same bytes every time.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] if the manifest does not [`validate`](Self::validate).
    pub fn to_json(&self) -> Result<Vec<u8>, ManifestError> {
        self.validate()?;
        serde_json::to_vec(self).map_err(syntax)
    }

    /// Checks what the types cannot express.
    ///
    /// # Errors
    ///
    /// [`ManifestError::Text`] for a text that could not be printed on one line, and
    /// [`ManifestError::FeatureCapabilities`].
    pub fn validate(&self) -> Result<(), ManifestError> {
        let texts = [
            ("title", Some(&self.title), 120),
            ("license", Some(&self.license), 120),
            ("report", Some(&self.report), 200),
            ("documentation", self.documentation.as_ref(), 200),
        ];
        for (field, text, max) in texts {
            let Some(text) = text else { continue };
            if text.trim().is_empty() || text.chars().count() > max || text.chars().any(is_unprintable) {
                return Err(ManifestError::Text { field: field.to_owned(), max });
            }
        }
        if self.kind == Kind::Feature && !self.capabilities.is_empty() {
            let names: Vec<_> = self.capabilities.iter().map(|c| c.name()).collect();
            return Err(ManifestError::FeatureCapabilities(names.join(", ")));
        }
        Ok(())
    }
}

fn syntax(error: serde_json::Error) -> ManifestError {
    ManifestError::Syntax(error.to_string())
}

/// Control characters, and those that change the direction of what is printed around them.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(extra: &str) -> String {
        format!(
            r#"{{"id":"acme/cloud","version":"1.2.3","kind":"provider","contract":"0.1.0","title":"Acme",
               "license":"MIT","report":"mail@example.org","capabilities":["http","log"]{extra}}}"#
        )
    }

    #[test]
    fn what_is_written_is_read_back() {
        let manifest = Manifest::from_json(json("").as_bytes()).unwrap();
        assert_eq!(manifest.id.to_string(), "acme/cloud");
        assert_eq!(Manifest::from_json(&manifest.to_json().unwrap()).unwrap(), manifest);
    }

    #[test]
    fn an_unknown_key_or_capability_is_an_error() {
        let error = Manifest::from_json(json(r#","sandbox":"off""#).as_bytes()).unwrap_err();
        assert!(error.to_string().contains("unknown field `sandbox`"), "{error}");
        let text = json("").replace("\"log\"", "\"root\"");
        assert!(Manifest::from_json(text.as_bytes()).is_err());
    }

    #[test]
    fn ids_are_strict() {
        for bad in ["", "a", "a/", "/b", "A/b", "a/b/c", "a/-b", "a/b-", "a/b--c", "a/../b", "a/b\n", "1a/b"]
        {
            assert!(bad.parse::<PluginId>().is_err(), "{bad:?} was accepted");
        }
        for good in ["a/b", "skywright/openstack", "a1/b-2"] {
            assert_eq!(good.parse::<PluginId>().unwrap().to_string(), good);
        }
    }

    #[test]
    fn texts_that_would_garble_a_terminal_are_refused() {
        for bad in ["\\u001b[2J", "", "a\\u202eb", &"x".repeat(121)] {
            let text = json("").replace("\"Acme\"", &format!("\"{bad}\""));
            assert!(
                matches!(Manifest::from_json(text.as_bytes()), Err(ManifestError::Text { field, .. }) if field == "title"),
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_feature_asks_for_nothing() {
        let text = json("").replace("\"provider\"", "\"feature\"");
        assert!(matches!(Manifest::from_json(text.as_bytes()), Err(ManifestError::FeatureCapabilities(_))));
    }
}
