//! The lock file as TOML.

use std::collections::BTreeSet;
use std::path::Path;

use semver::Version;
use serde::{Deserialize, Serialize};
use skywright_contract::{Capability, Kind, PluginId};
use toml::Spanned;

use super::{LockFile, LockedPlugin, LockedRepository};
use crate::error::Error;
use crate::toml_text;
use crate::tuf::{HexDigest, KeyId, TargetPath, Versions};

const HEAD: &str = "# Written by skywright; to be kept under version control. It pins plugins, and whoever loads one\n\
                    # still checks that a repository vouches for it.\n";

/// The version of the format.
const VERSION: u32 = 1;

/// The keys in the order in which they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Read {
    version: Spanned<u32>,
    #[serde(default)]
    repository: Vec<Spanned<Repository>>,
    #[serde(default)]
    plugin: Vec<Spanned<Plugin>>,
}

#[derive(Serialize)]
struct Written {
    version: u32,
    repository: Vec<Repository>,
    plugin: Vec<Plugin>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Repository {
    name: String,
    root_sha256: HexDigest,
    root_version: u64,
    timestamp_version: u64,
    snapshot_version: u64,
    targets_version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plugin {
    id: PluginId,
    version: Version,
    kind: Kind,
    title: String,
    repository: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    site: Option<String>,
    path: TargetPath,
    length_bytes: u64,
    sha256: HexDigest,
    sbom_sha256: HexDigest,
    owner_key_ids: BTreeSet<KeyId>,
    signer_key_ids: BTreeSet<KeyId>,
    contract: Version,
    capabilities: BTreeSet<Capability>,
}

impl LockFile {
    /// Reads the bytes of a lock file; `path` is for messages.
    ///
    /// # Errors
    ///
    /// [`Error::Text`] with line and column: for keys that are not known, for an entry that is there
    /// twice, and for a plugin whose parts do not agree.
    pub fn parse(path: &Path, bytes: &[u8]) -> Result<Self, Error> {
        let text = toml_text::utf8(path, bytes)?;
        let read: Read = toml_text::read(path, text)?;
        let wrong = |span, reason: &str| toml_text::at(path, text, Some(span), reason);
        if *read.version.get_ref() != VERSION {
            return Err(wrong(read.version.span(), "this release reads version 1 of lock files"));
        }
        let mut lock = Self::default();
        for entry in read.repository {
            let span = entry.span();
            let (name, repository) = entry.into_inner().parts();
            if lock.repositories.insert(name, repository).is_some() {
                return Err(wrong(span, "the repository is there twice"));
            }
        }
        for entry in read.plugin {
            let span = entry.span();
            let entry = entry.into_inner();
            if let Some(reason) = entry.reason_against(&lock) {
                return Err(wrong(span, reason));
            }
            let (id, plugin) = entry.parts();
            if lock.plugins.insert(id, plugin).is_some() {
                return Err(wrong(span, "the plugin is there twice"));
            }
        }
        Ok(lock)
    }

    /// The text: the same for the same content, whoever writes it.
    ///
    /// # Errors
    ///
    /// [`Error::Encode`] for a length beyond 2^63, which TOML has no number for.
    pub fn to_text(&self) -> Result<String, Error> {
        let written = Written {
            version: VERSION,
            repository: self.repositories.iter().map(|(name, it)| Repository::of(name, it)).collect(),
            plugin: self.plugins.iter().map(|(id, it)| Plugin::of(id, it)).collect(),
        };
        let text = toml::to_string(&written)
            .map_err(|error| Error::Encode { what: "the lock file", reason: error.to_string() })?;
        Ok(format!("{HEAD}{text}"))
    }
}

impl Repository {
    fn of(name: &str, repository: &LockedRepository) -> Self {
        let floors = &repository.floors;
        Self {
            name: name.to_owned(),
            root_sha256: HexDigest(repository.root_sha256),
            root_version: floors.root,
            timestamp_version: floors.timestamp,
            snapshot_version: floors.snapshot,
            targets_version: floors.targets,
        }
    }

    fn parts(self) -> (String, LockedRepository) {
        let floors = Versions {
            root: self.root_version,
            timestamp: self.timestamp_version,
            snapshot: self.snapshot_version,
            targets: self.targets_version,
        };
        (self.name, LockedRepository { root_sha256: self.root_sha256.0, floors })
    }
}

impl Plugin {
    fn of(id: &PluginId, plugin: &LockedPlugin) -> Self {
        let plugin = plugin.clone();
        Self {
            id: id.clone(),
            version: plugin.version,
            kind: plugin.kind,
            title: plugin.title,
            repository: plugin.repository,
            site: plugin.site,
            path: plugin.path,
            length_bytes: plugin.length_bytes,
            sha256: HexDigest(plugin.sha256),
            sbom_sha256: HexDigest(plugin.sbom_sha256),
            owner_key_ids: plugin.owner_key_ids,
            signer_key_ids: plugin.signer_key_ids,
            contract: plugin.contract,
            capabilities: plugin.capabilities,
        }
    }

    fn parts(self) -> (PluginId, LockedPlugin) {
        let plugin = LockedPlugin {
            version: self.version,
            kind: self.kind,
            title: self.title,
            repository: self.repository,
            site: self.site,
            path: self.path,
            length_bytes: self.length_bytes,
            sha256: self.sha256.0,
            sbom_sha256: self.sbom_sha256.0,
            owner_key_ids: self.owner_key_ids,
            signer_key_ids: self.signer_key_ids,
            contract: self.contract,
            capabilities: self.capabilities,
        };
        (self.id, plugin)
    }

    /// A lock file that was put together by hand, or by a merge, may contradict itself.
    fn reason_against(&self, lock: &LockFile) -> Option<&'static str> {
        let component = self.path.plugin().filter(|file| file.file == TargetPath::COMPONENT);
        if !component.is_some_and(|file| file.id == self.id && file.version == self.version) {
            return Some("its path is not that of this plugin's component in this version");
        }
        if !lock.repositories.contains_key(&self.repository) {
            return Some("its repository is not in the file");
        }
        if self.site.as_ref().is_some_and(|site| !lock.repositories.contains_key(site)) {
            return Some("its site's repository is not in the file");
        }
        if self.owner_key_ids.is_empty() || !self.owner_key_ids.is_subset(&self.signer_key_ids) {
            return Some("its owner's keys are not among its signers");
        }
        None
    }
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;
    use skywright_contract::Digest;

    use super::*;

    pub(in super::super) fn plugin(id: &str, version: &str, repository: &str) -> (PluginId, LockedPlugin) {
        let key: KeyId = "11".repeat(32).parse().unwrap();
        let plugin = LockedPlugin {
            version: version.parse().unwrap(),
            kind: Kind::Provider,
            title: "A \"cloud\"".to_owned(),
            repository: repository.to_owned(),
            site: None,
            path: format!("plugins/{id}/{version}/component.wasm").parse().unwrap(),
            length_bytes: 7,
            sha256: Digest::of(id.as_bytes()),
            sbom_sha256: Digest::of(b"sbom"),
            owner_key_ids: [key].into(),
            signer_key_ids: [key].into(),
            contract: Version::new(0, 1, 0),
            capabilities: [Capability::Http].into(),
        };
        (id.parse().unwrap(), plugin)
    }

    pub(in super::super) fn lock(plugins: &[(&str, &str)]) -> LockFile {
        let repository = LockedRepository {
            root_sha256: Digest::of(b"root"),
            floors: Versions { root: 1, timestamp: 2, snapshot: 3, targets: 4 },
        };
        LockFile {
            repositories: [("main".to_owned(), repository)].into(),
            plugins: plugins.iter().map(|(id, version)| plugin(id, version, "main")).collect(),
        }
    }

    fn parse(text: &str) -> Result<LockFile, Error> {
        LockFile::parse(Path::new("skywright.lock"), text.as_bytes())
    }

    #[test]
    fn the_text_is_sorted_and_read_back() {
        let lock = lock(&[("acme/cloud", "1.2.3-rc.1")]);
        let text = lock.to_text().unwrap();
        assert_eq!(parse(&text).unwrap(), lock);
        let key = "11".repeat(32);
        let expected = format!(
            r#"# Written by skywright; to be kept under version control. It pins plugins, and whoever loads one
# still checks that a repository vouches for it.
version = 1

[[repository]]
name = "main"
root_sha256 = "{}"
root_version = 1
timestamp_version = 2
snapshot_version = 3
targets_version = 4

[[plugin]]
id = "acme/cloud"
version = "1.2.3-rc.1"
kind = "provider"
title = 'A "cloud"'
repository = "main"
path = "plugins/acme/cloud/1.2.3-rc.1/component.wasm"
length_bytes = 7
sha256 = "{}"
sbom_sha256 = "{}"
owner_key_ids = ["{key}"]
signer_key_ids = ["{key}"]
contract = "0.1.0"
capabilities = ["http"]
"#,
            Digest::of(b"root").hex(),
            Digest::of(b"acme/cloud").hex(),
            Digest::of(b"sbom").hex(),
        );
        assert_eq!(text, expected);
    }

    #[test]
    fn an_empty_file_and_one_that_contradicts_itself() {
        assert_eq!(parse("version = 1").unwrap(), LockFile::default());
        assert_eq!(parse(&LockFile::default().to_text().unwrap()).unwrap(), LockFile::default());
        let text = lock(&[("acme/cloud", "1.0.0")]).to_text().unwrap();
        let (head, plugin) = text.split_once("[[plugin]]").unwrap();
        for (text, place) in [
            (text.replace("version = 1\n", "version = 2\n"), "skywright.lock:3:11: this release reads"),
            (text.replace("title =", "tilte ="), "skywright.lock:17:1: unknown field `tilte`"),
            (text.replace("/1.0.0/", "/1.0.1/"), "skywright.lock:13:1: its path"),
            (text.replace("component.wasm", "sbom.cdx.json"), "skywright.lock:13:1: its path"),
            (
                text.replace("repository = \"main\"", "repository = \"other\""),
                "skywright.lock:13:1: its repository",
            ),
            (
                text.replace("signer_key_ids = [\"1", "signer_key_ids = [\"2"),
                "skywright.lock:13:1: its owner's keys",
            ),
            (text.replace("capabilities = [\"http\"]", "capabilities = [\"all\"]"), "skywright.lock:26:"),
            (format!("{text}\n[[plugin]]{plugin}"), "skywright.lock:28:1: the plugin is there twice"),
            (format!("{head}<<<<<<< ours\n[[plugin]]{plugin}"), "skywright.lock:13:"),
        ] {
            let error = parse(&text).unwrap_err().to_string();
            assert!(error.starts_with(place), "{place}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = LockFile::parse(Path::new("l"), &bytes);
        }

        #[test]
        fn whatever_is_read_is_written_the_same_again(
            names in prop::collection::btree_set("[a-z]{2,8}/[a-z]{1,8}", 0..6),
            title in "[^\\p{C}]{1,20}",
            drop in 0..30_usize,
            garble in any::<u8>(),
        ) {
            let names: Vec<_> = names.iter().filter(|it| format!("plugins/{it}/1.0.0/x").parse::<TargetPath>().is_ok()).collect();
            let mut lock = lock(&names.iter().map(|it| (it.as_str(), "1.0.0")).collect::<Vec<_>>());
            lock.plugins.values_mut().for_each(|plugin| plugin.title.clone_from(&title));
            let text = lock.to_text().unwrap();
            prop_assert_eq!(&parse(&text).unwrap(), &lock);
            // In another order, it means the same.
            let mut parts: Vec<_> = text.split("[[plugin]]").collect();
            parts[1..].reverse();
            let turned = parse(&parts.join("\n[[plugin]]")).unwrap();
            prop_assert_eq!(turned.to_text().unwrap(), text.clone());
            // Garbled, it is refused or means something that is written the same again.
            let mut bytes = text.into_bytes();
            if let Some(byte) = bytes.get_mut(drop * 17) {
                *byte = garble;
            }
            if let Ok(lock) = LockFile::parse(Path::new("l"), &bytes) {
                let text = lock.to_text().unwrap();
                prop_assert_eq!(parse(&text).unwrap().to_text().unwrap(), text);
            }
        }
    }
}
