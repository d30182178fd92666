//! A repository with one publisher, and what is published in it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use skywright_contract::{MANIFEST_SECTION, Manifest, embed_manifest};
use skywright_registry::tuf::operator::{Lifetimes, Operator, RoleSigners, TopLevelKeys};
use skywright_registry::tuf::publisher::{Draft, Release, Staged};
use skywright_registry::tuf::{
    Client, Folder, KeyPair, Layout, Namespace, Signer, Store, TargetPath, Verifier,
};

/// The moment at which everything happens.
pub(crate) fn now() -> Timestamp {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

pub(crate) fn days(days: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * days)
}

pub(crate) fn pair(seed: u8) -> KeyPair {
    KeyPair::from_seed(&[seed; 32]).unwrap()
}

pub(crate) fn path(text: &str) -> TargetPath {
    text.parse().unwrap()
}

pub(crate) fn acme() -> Namespace {
    "acme".parse().unwrap()
}

/// A provider that keeps the contract, under this id and version.
pub(crate) fn component(id: &str, version: &str) -> Vec<u8> {
    component_asking(id, version, "")
}

/// One that asks for more of the host than it uses: such as `,"http"`.
pub(crate) fn component_asking(id: &str, version: &str, more: &str) -> Vec<u8> {
    let manifest = format!(
        r#"{{"id":"{id}","version":"{version}","kind":"provider","contract":"0.1.0","title":"T","license":"MIT",
            "report":"r","capabilities":["cache","clock","credentials","log","settings"{more}]}}"#
    );
    embed_manifest(&bare_component(), &Manifest::from_json(manifest.as_bytes()).unwrap()).unwrap()
}

/// The fixture without its manifest, which is its last section.
fn bare_component() -> Vec<u8> {
    let mut bytes = include_bytes!("../../../tests/fixtures/compat/0.1.0/by-hand.wasm").to_vec();
    let name = MANIFEST_SECTION.as_bytes();
    let at = bytes.windows(name.len()).rposition(|window| window == name).unwrap();
    // Section 0, its length in LEB128, the name's length, the name.
    let start = (0..at - 1).rev().find(|start| {
        let (mut length, mut shift, mut end) = (0_usize, 0, start + 1);
        loop {
            let byte = bytes[end];
            length |= usize::from(byte & 0x7f) << shift;
            (shift, end) = (shift + 7, end + 1);
            if byte & 0x80 == 0 || end >= at {
                break;
            }
        }
        bytes[*start] == 0 && end == at - 1 && end + length == bytes.len()
    });
    bytes.truncate(start.unwrap());
    bytes
}

pub(crate) fn sbom(id: &str, version: &str) -> Vec<u8> {
    format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{{"component":{{"type":"library","name":"{id}","version":"{version}"}}}},"components":[]}}"#
    )
    .into_bytes()
}

/// Everybody's keys.
pub(crate) struct Keys {
    pub(crate) root: [KeyPair; 3],
    pub(crate) targets: [KeyPair; 3],
    pub(crate) snapshot: KeyPair,
    pub(crate) timestamp: KeyPair,
    pub(crate) owner: [KeyPair; 2],
    pub(crate) release: KeyPair,
}

impl Keys {
    pub(crate) fn new() -> Self {
        Self {
            root: [pair(1), pair(2), pair(3)],
            targets: [pair(4), pair(5), pair(6)],
            snapshot: pair(7),
            timestamp: pair(8),
            owner: [pair(9), pair(10)],
            release: pair(11),
        }
    }

    pub(crate) fn top_level(&self) -> TopLevelKeys {
        let three = |pairs: &[KeyPair; 3]| RoleSigners {
            keys: pairs.iter().map(Signer::public_key).collect(),
            threshold: 2,
        };
        TopLevelKeys {
            root: three(&self.root),
            targets: three(&self.targets),
            snapshot: RoleSigners::one(self.snapshot.public_key()),
            timestamp: RoleSigners::one(self.timestamp.public_key()),
        }
    }

    pub(crate) fn owners(&self) -> RoleSigners {
        RoleSigners { keys: self.owner.iter().map(Signer::public_key).collect(), threshold: 2 }
    }

    /// Two of the three root and targets keys, and the online ones.
    pub(crate) fn operator(&self) -> Vec<&dyn Signer> {
        vec![
            &self.root[0],
            &self.root[1],
            &self.targets[0],
            &self.targets[1],
            &self.snapshot,
            &self.timestamp,
        ]
    }

    pub(crate) fn online(&self) -> Vec<&dyn Signer> {
        vec![&self.snapshot, &self.timestamp]
    }

    pub(crate) fn owner_signers(&self) -> Vec<&dyn Signer> {
        vec![&self.owner[0], &self.owner[1]]
    }
}

/// A repository in a folder of its own.
pub(crate) struct World {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) keys: Keys,
    pub(crate) operator: Operator,
}

impl World {
    /// With `acme` delegated and nothing published.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = Keys::new();
        let repository = folder.path().join("repository");
        let operator =
            Operator::init(&repository, &keys.top_level(), Lifetimes::default(), &keys.operator(), now())
                .unwrap();
        operator.delegate(&acme(), &keys.owners(), &keys.operator(), now()).unwrap();
        Self { folder, keys, operator }
    }

    /// With `acme/cloud` 1.0.0 published.
    pub(crate) fn published() -> Self {
        let world = Self::new();
        world.publish("acme/cloud", "1.0.0");
        world
    }

    pub(crate) fn repository(&self) -> &Path {
        self.operator.folder()
    }

    /// What is published of `acme`.
    pub(crate) fn metadata(&self) -> BTreeMap<String, Vec<u8>> {
        let mut client = self.client();
        block_on(client.refresh(now())).unwrap();
        block_on(client.metadata(&[acme()], now())).unwrap()
    }

    /// The next publication of `acme`; the first makes the release key.
    pub(crate) fn draft(&self) -> Draft {
        let metadata = self.metadata();
        let first = !metadata.keys().any(|name| name.ends_with(".acme.json"));
        let mut draft = Draft::new(acme(), &metadata).unwrap();
        if first {
            draft.set_release_keys(&RoleSigners::one(self.keys.release.public_key()));
        }
        draft
    }

    pub(crate) fn sign(&self, draft: Draft) -> Staged {
        draft.sign(&self.keys.owner_signers(), &[&self.keys.release], now()).unwrap()
    }

    /// Writes it to a folder of its own.
    pub(crate) fn stage(&self, staged: &Staged) -> tempfile::TempDir {
        let folder = tempfile::tempdir_in(self.folder.path()).unwrap();
        staged.write(folder.path()).unwrap();
        folder
    }

    pub(crate) fn publish(&self, id: &str, version: &str) {
        let mut draft = self.draft();
        add(&mut draft, id, version);
        let staged = self.stage(&self.sign(draft));
        self.operator.admit(&acme(), staged.path(), &self.keys.online(), now()).unwrap();
    }

    /// A user who has just added the repository.
    pub(crate) fn client(&self) -> Client {
        self.client_with(Store::in_memory(&self.operator.first_root().unwrap()))
    }

    pub(crate) fn client_with(&self, store: Store) -> Client {
        Client::new(store, Arc::new(Folder::new(self.repository())), Layout::Publishers)
    }
}

pub(crate) fn add(draft: &mut Draft, id: &str, version: &str) {
    let (component, sbom) = (component(id, version), sbom(id, version));
    let release = Release {
        component: &component,
        sbom: &sbom,
        docs: Some(b"# Cloud\n"),
        source_revision: Some("0123abc".to_owned()),
        others: BTreeMap::new(),
    };
    draft.add(&release).unwrap();
}

/// Runs what may wait.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Copies a folder whole.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
