//! The names of targets.

use std::fmt;
use std::str::FromStr;

use skywright_contract::{Digest, PluginId};

use super::name::Namespace;
use crate::error::Error;

const MAX_FILE: usize = 64;
const MAX_VERSION: usize = 64;

/// Where a file stands in a repository: `plugins/NAMESPACE/NAME/VERSION/FILE`, or `registry/FILE`.
///
/// Everything else is refused before any metadata is asked: `..`, empty segments, `%`, control
/// characters, whatever is not ASCII, capitals, and versions that are not written canonically or have
/// build metadata (two such versions are of equal rank).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TargetPath(String);

/// The parts of a plugin's [`TargetPath`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginFile {
    /// Whose it is.
    pub namespace: Namespace,
    /// The plugin.
    pub id: PluginId,
    /// The plugin's version.
    pub version: semver::Version,
    /// The file, such as [`TargetPath::COMPONENT`].
    pub file: String,
}

impl TargetPath {
    /// The file that is the plugin itself.
    pub const COMPONENT: &str = "component.wasm";
    /// The file that says what the component was built of, as CycloneDX.
    pub const SBOM: &str = "sbom.cdx.json";
    /// The plugin's documentation for people.
    pub const DOCS: &str = "docs.md";
    /// The path of the list of what must not run any more.
    pub const REVOCATIONS: &str = "registry/revocations.json";

    /// The path of a plugin's file.
    ///
    /// # Errors
    ///
    /// [`Error::TargetPath`] if the parts do not make a path of the grammar.
    pub fn of(id: &PluginId, version: &semver::Version, file: &str) -> Result<Self, Error> {
        format!("plugins/{id}/{version}/{file}").parse()
    }

    /// The path of the revocation list.
    #[must_use]
    pub fn revocations() -> Self {
        Self(Self::REVOCATIONS.to_owned())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The parts, unless it is one of the registry's own files.
    #[must_use]
    pub fn plugin(&self) -> Option<PluginFile> {
        let mut parts = self.0.strip_prefix("plugins/")?.split('/');
        let (namespace, name) = (parts.next()?, parts.next()?);
        let (version, file) = (parts.next()?, parts.next()?);
        Some(PluginFile {
            namespace: namespace.parse().ok()?,
            id: format!("{namespace}/{name}").parse().ok()?,
            version: version.parse().ok()?,
            file: file.to_owned(),
        })
    }

    /// The namespace, unless it is one of the registry's own files.
    #[must_use]
    pub fn namespace(&self) -> Option<Namespace> {
        self.0.strip_prefix("plugins/")?.split('/').next()?.parse().ok()
    }

    /// A sibling: another file of the same version.
    ///
    /// # Errors
    ///
    /// [`Error::TargetPath`] if `file` is no file name of the grammar.
    pub fn sibling(&self, file: &str) -> Result<Self, Error> {
        let folder = self.0.rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{folder}/{file}").parse()
    }

    /// Where a repository keeps the bytes: `FOLDER/HASH.FILE`.
    #[must_use]
    pub fn hashed(&self, digest: &Digest) -> String {
        match self.0.rsplit_once('/') {
            Some((folder, file)) => format!("{folder}/{}.{file}", digest.hex()),
            None => format!("{}.{}", digest.hex(), self.0),
        }
    }
}

impl fmt::Display for TargetPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TargetPath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match reason_against(text) {
            None => Ok(Self(text.to_owned())),
            Some(reason) => {
                Err(Error::TargetPath { text: text.escape_default().take(120).collect(), reason })
            }
        }
    }
}

impl TryFrom<String> for TargetPath {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<TargetPath> for String {
    fn from(path: TargetPath) -> Self {
        path.0
    }
}

/// Why it is not in the grammar, if it is not.
fn reason_against(text: &str) -> Option<&'static str> {
    let segments: Vec<_> = text.split('/').collect();
    match segments.as_slice() {
        ["registry", file] => {
            (!is_file(file)).then_some("its file name is not lower-case letters, digits, `.`, `-`, `_`")
        }
        ["plugins", namespace, name, version, file] => {
            if namespace.parse::<Namespace>().is_err()
                || format!("{namespace}/{name}").parse::<PluginId>().is_err()
            {
                Some("there is no plugin id in it")
            } else if !is_version(version) {
                Some("its version is not a canonical, lower-case semantic version without build metadata")
            } else if !is_file(file) {
                Some("its file name is not lower-case letters, digits, `.`, `-`, `_`")
            } else {
                None
            }
        }
        _ => Some("it is neither `plugins/NAMESPACE/NAME/VERSION/FILE` nor `registry/FILE`"),
    }
}

fn is_file(file: &str) -> bool {
    (1..=MAX_FILE).contains(&file.len())
        && file.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && !file.contains("..")
        && file
            .bytes()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'.' | b'-' | b'_'))
}

fn is_version(text: &str) -> bool {
    text.len() <= MAX_VERSION
        && !text.contains('+')
        && !text.bytes().any(|c| c.is_ascii_uppercase())
        && text.parse::<semver::Version>().is_ok_and(|version| version.to_string() == text)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_the_grammar_is_a_path() {
        for good in [
            "plugins/acme/cloud/1.2.3/component.wasm",
            "plugins/acme/cloud/1.2.3-rc.1/sbom.cdx.json",
            "registry/revocations.json",
        ] {
            assert_eq!(good.parse::<TargetPath>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            "/",
            "plugins/acme/cloud/1.2.3",
            "plugins/acme/cloud/1.2.3/",
            "plugins/acme/cloud/1.2.3/x/y",
            "/plugins/acme/cloud/1.2.3/x",
            "plugins//cloud/1.2.3/x",
            "plugins/acme/../1.2.3/x",
            "plugins/acme/cloud/1.2.3/..",
            "plugins/acme/cloud/1.2.3/.x",
            "plugins/acme/cloud/1.2.3/a..b",
            "plugins/acme/cloud/1.2.3/%2e%2e",
            "plugins/acme/cloud/1.2.3/x\0",
            "plugins/acme/cloud/1.2.3/x\n",
            "plugins/acme/cloud/1.2.3/X",
            "plugins/acme/cloud/1.2.3/x\\y",
            "plugins/acme/cloud/1.2.3/ü",
            "plugins/аcme/cloud/1.2.3/x",
            "plugins/acme/cloud/01.2.3/x",
            "plugins/acme/cloud/1.2/x",
            "plugins/acme/cloud/1.2.3+b/x",
            "plugins/acme/cloud/1.2.3-RC1/x",
            "plugins/targets/cloud/1.2.3/x",
            "plugins/acme-release/cloud/1.2.3/x",
            "registry/a/b",
            "other/x",
        ] {
            assert!(bad.parse::<TargetPath>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_hash_stands_before_the_file_name_alone() {
        let path: TargetPath = "plugins/acme/cloud/1.2.3/component.wasm".parse().unwrap();
        let digest = Digest::of(b"x");
        assert_eq!(path.hashed(&digest), format!("plugins/acme/cloud/1.2.3/{}.component.wasm", digest.hex()));
        assert_eq!(path.sibling("docs.md").unwrap().plugin().unwrap().file, "docs.md");
        assert!(path.sibling("../x").is_err());
    }

    proptest! {
        #[test]
        fn what_is_accepted_stays_in_its_folder(text in "(plugins|registry)?[a-z0-9./%_+-]{0,60}|.{0,40}") {
            if let Ok(path) = text.parse::<TargetPath>() {
                let shown = path.hashed(&Digest::of(b""));
                prop_assert!(shown.split('/').all(|part| !part.is_empty() && !part.starts_with('.')));
                prop_assert!(shown.is_ascii() && !shown.contains(['%', '\\', ':']));
            }
        }
    }
}
