//! `trust.toml`.

use std::collections::BTreeMap;
use std::path::Path;

use semver::VersionReq;
use serde::Deserialize;
use skywright_contract::{Digest, PluginId};
use toml::Spanned;

use super::{Denied, Deny, NamespaceRules, Permission, Policy};
use crate::error::Error;
use crate::tuf::{HexDigest, KeyId, Namespace};
use crate::{files, toml_text};

/// The key of the rules for whatever namespace has none of its own.
pub(super) const ANY: &str = "*";

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The version of the format.
const VERSION: u32 = 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<u32>,
    #[serde(default)]
    unsigned: Permission,
    #[serde(default)]
    audit: Audit,
    #[serde(default)]
    defaults: NamespaceRules,
    #[serde(default)]
    namespace: BTreeMap<Spanned<String>, NamespaceRules>,
    #[serde(default)]
    deny: Vec<Spanned<Entry>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Audit {
    #[default]
    BestEffort,
    Required,
}

/// One of `sha256`, `plugin` and `key`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    sha256: Option<HexDigest>,
    plugin: Option<PluginId>,
    versions: Option<VersionReq>,
    key: Option<KeyId>,
    reason: Option<String>,
}

impl Policy {
    /// Reads the file; if there is none, what holds without one.
    ///
    /// # Errors
    ///
    /// [`Error::Text`] with line and column, for keys that are not known too; [`Error::File`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        match files::read_if_there(path, MAX_BYTES)? {
            Some(bytes) => Self::parse(path, &bytes),
            None => Ok(Self::default()),
        }
    }

    /// Reads the bytes of a file; `path` is for messages.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let text = toml_text::utf8(path, bytes)?;
        let file: File = toml_text::read(path, text)?;
        let wrong = |span, reason: &str| toml_text::at(path, text, Some(span), reason);
        if *file.version.get_ref() != VERSION {
            return Err(wrong(file.version.span(), "this release reads version 1 of trust.toml"));
        }
        let mut namespaces = BTreeMap::new();
        for (name, rules) in file.namespace {
            if name.get_ref() != ANY && name.get_ref().parse::<Namespace>().is_err() {
                return Err(wrong(name.span(), "it is no namespace; `*` stands for every other"));
            }
            namespaces.insert(name.into_inner(), rules);
        }
        let mut denied = Vec::new();
        for entry in file.deny {
            let span = entry.span();
            denied.push(deny(entry.into_inner()).map_err(|reason| wrong(span, reason))?);
        }
        Ok(Self {
            unsigned: file.unsigned,
            audit_required: matches!(file.audit, Audit::Required),
            defaults: file.defaults,
            namespaces,
            denied,
            file: Some(Digest::of(bytes)),
        })
    }
}

fn deny(entry: Entry) -> Result<Deny, &'static str> {
    let what = match (entry.sha256, entry.plugin, entry.key) {
        (Some(_) | None, None, Some(_) | None) if entry.versions.is_some() => {
            return Err("`versions` are of a `plugin`");
        }
        (Some(digest), None, None) => Denied::Digest(digest.0),
        (None, Some(id), None) => Denied::Plugin(id, entry.versions.unwrap_or(VersionReq::STAR)),
        (None, None, Some(key)) => Denied::Key(key),
        _ => return Err("one of `sha256`, `plugin` and `key` is expected"),
    };
    Ok(Deny { what, reason: entry.reason })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::{KeyChange, Require};
    use super::*;

    const KEY: &str = "1111111111111111111111111111111111111111111111111111111111111111";

    fn parse(text: &str) -> Result<Policy, Error> {
        Policy::parse(Path::new("trust.toml"), text.as_bytes())
    }

    #[test]
    fn a_file_with_everything() {
        let policy = parse(&format!(
            r#"
version = 1
unsigned = "deny"
audit = "required"

[defaults]
key_change = "deny"
max_staleness = "30d"

[namespace.acme]
repositories = ["main"]
owner_keys = ["{KEY}"]
require = "both"
max_staleness = "36h"
capabilities = ["http", "log"]

[namespace."*"]
require = "site"

[[deny]]
sha256 = "{KEY}"
reason = "it leaks"

[[deny]]
plugin = "acme/cloud"
versions = "<1.2.3"

[[deny]]
key = "{KEY}"
"#
        ))
        .unwrap();
        let acme = policy.rules("acme").unwrap();
        assert_eq!((acme.require, acme.key_change), (Some(Require::Both), Some(KeyChange::Deny)));
        assert_eq!(acme.max_staleness.unwrap().to_string(), "36h");
        let other = policy.rules("globex").unwrap();
        assert_eq!((other.require, other.capabilities), (Some(Require::Site), None));
        assert_eq!(policy.denied.len(), 3);
        assert!(policy.audit_required && policy.unsigned == Permission::Deny && policy.file.is_some());
    }

    #[test]
    fn without_a_file_all_namespaces_have_the_defaults_and_with_one_only_those_named() {
        assert_eq!(Policy::default().rules("acme"), Some(NamespaceRules::default()));
        let policy = Policy::read(Path::new("/does/not/exist")).unwrap();
        assert_eq!(policy, Policy::default());
        assert_eq!(parse("version = 1\n[namespace.acme]\n").unwrap().rules("globex"), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let long = "[[deny]]\nversions = \"<1\"\nkey = \"".to_owned() + KEY + "\"";
        for (text, place) in [
            ("version = 2", "trust.toml:1:11: this release reads version 1"),
            ("unsigned = \"deny\"", "trust.toml:1:1: missing field `version`"),
            ("version = 1\nversoin = 2", "trust.toml:2:1: unknown field `versoin`"),
            ("version = 1\n[defaults]\nrequire = \"none\"", "trust.toml:3:11: unknown variant `none`"),
            ("version = 1\n[namespace.acme]\nmax_stale = 1", "trust.toml:3:1: unknown field"),
            ("version = 1\n[namespace.Acme]", "trust.toml:2:12: it is no namespace"),
            (
                "version = 1\n[namespace.acme]\nmax_staleness = \"90\"",
                "trust.toml:3:17: a whole number of hours",
            ),
            ("version = 1\n[namespace.acme]\nowner_keys = [\"12\"]", "trust.toml:3:14: "),
            ("version = 1\n[namespace.acme]\ncapabilities = [\"htp\"]", "trust.toml:3:17: unknown variant"),
            ("version = 1\n[[deny]]\nreason = \"x\"", "trust.toml:2:1: one of"),
            (&format!("version = 1\n{long}"), "trust.toml:2:1: `versions` are of"),
            ("version = 1\n[namespace.acme]\n[namespace.acme]", "trust.toml:3:"),
            ("version = ", "trust.toml:1:"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(place), "{text:?}: {error}");
        }
        let not_text = Policy::parse(Path::new("t"), b"version = 1\n\xff").unwrap_err();
        assert_eq!(not_text.to_string(), "t:2:1: it is not UTF-8");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Policy::parse(Path::new("t"), &bytes);
        }

        #[test]
        fn nor_does_text_that_is_nearly_right(
            text in r#"version = [01]\n(\[(defaults|namespace\.[a-z*"]{1,4})\]\n((require|key_change|max_staleness|owner_keys) = ("(both|deny|[0-9]{1,12}[hdx])"|\[\])\n){0,3}){0,3}(\[\[deny\]\]\n(plugin = "a/b"\n|versions = "[<>=^0-9.]{0,6}"\n){0,2}){0,2}"#
        ) {
            let _ = parse(&text);
        }
    }
}
