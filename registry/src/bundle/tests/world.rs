//! A publisher's repository, a site's desk, and a place inside, made on the spot.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use skywright_contract::{Digest, Manifest, embed_manifest};

use crate::bundle::{
    Bundle, Desk, Limits, Loaded, Policy, Roots, Saved, Selection, Validity, Verified, Vetted,
};
use crate::bundle::{save, vet};
use crate::content_store::ContentStore;
use crate::error::Error;
use crate::tuf::document::{
    Document, LatestSnapshot, MetaFile, Root, Snapshot, TargetEntry, Targets, WholeSecond,
};
use crate::tuf::{
    Client, HexDigest, KeyPair, Layout, Memory, PluginFacts, Signer, Store, TargetPath, Transport, Verifier,
};

pub(super) const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Everything that one flow needs, below one folder.
pub(super) struct World {
    pub(super) folder: tempfile::TempDir,
    pub(super) now: Timestamp,
    pub(super) upstream: Memory,
    registry_key: KeyPair,
    owner_key: KeyPair,
    pub(super) site_key: KeyPair,
    targets: BTreeMap<TargetPath, TargetEntry>,
    version: u64,
}

impl World {
    /// With a repository that has `acme/cloud` 1.0.0 and 1.1.0.
    pub(super) fn new() -> Self {
        let mut world = Self {
            folder: tempfile::tempdir().unwrap(),
            now: "2026-11-22T00:00:00Z".parse().unwrap(),
            upstream: Memory::default(),
            registry_key: KeyPair::from_seed(&[1; 32]).unwrap(),
            owner_key: KeyPair::from_seed(&[2; 32]).unwrap(),
            site_key: KeyPair::from_seed(&[3; 32]).unwrap(),
            targets: BTreeMap::new(),
            version: 0,
        };
        world.put("1.0.0", "first");
        world.put("1.1.0", "second");
        world.publish();
        world
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts a version of the plugin among what is published next. `title` makes its bytes its own.
    pub(super) fn put(&mut self, version: &str, title: &str) {
        let (component, sbom) = (component(version, title), bill(version));
        let manifest = skywright_contract::Package::read(&component).unwrap().manifest;
        let facts = PluginFacts::of(&manifest, Digest::of(&sbom));
        let custom = serde_json::json!({ "plugin": facts });
        for (file, bytes, custom) in [
            ("component.wasm", component, Some(custom)),
            ("sbom.cdx.json", sbom, None),
            ("docs.md", b"# It\n".to_vec(), None),
        ] {
            let path = path(version, file);
            self.targets.insert(path, TargetEntry::of(&bytes, custom));
            self.upstream.targets.insert(Digest::of(&bytes), bytes);
        }
    }

    /// Signs a new state of the repository: timestamp and snapshot are good for a day and a week.
    pub(super) fn publish(&mut self) {
        self.version += 1;
        let (version, registry) = (self.version, &self.registry_key);
        let after = |time| WholeSecond::after(self.now, time);
        let files = &mut self.upstream.metadata;
        if version == 1 {
            let keys = || (vec![registry.public_key()], 1);
            let roles = ["root", "targets", "snapshot", "timestamp"].map(|role| (role, keys())).into();
            let root = Document::Root(Root::new(1, after(DAY * 365), &roles));
            files.insert("1.root.json".into(), root.sign(&[registry]).unwrap());
        }
        let mut acme = Targets::new(version, after(DAY * 200));
        acme.targets = self.targets.clone();
        let acme = Document::Targets(acme).sign(&[&self.owner_key]).unwrap();
        let mut targets = Targets::new(version, after(DAY * 100));
        targets.delegate("acme", &[self.owner_key.public_key()], 1, "plugins/acme/*/*/*".into());
        let revocations = br#"{"version":1,"revoked":[]}"#.to_vec();
        targets.targets.insert(TargetPath::revocations(), TargetEntry::of(&revocations, None));
        self.upstream.targets.insert(Digest::of(&revocations), revocations);
        let targets = Document::Targets(targets).sign(&[registry]).unwrap();
        let meta = BTreeMap::from([
            ("acme.json".to_owned(), MetaFile::of(version, &acme)),
            ("targets.json".to_owned(), MetaFile::of(version, &targets)),
        ]);
        let snapshot =
            Document::Snapshot(Snapshot::new(version, after(DAY * 7), meta)).sign(&[registry]).unwrap();
        let timestamp = LatestSnapshot::new(version, after(DAY), MetaFile::of(version, &snapshot));
        files.insert(format!("{version}.acme.json"), acme);
        files.insert(format!("{version}.targets.json"), targets);
        files.insert(format!("{version}.snapshot.json"), snapshot);
        files.insert("timestamp.json".into(), Document::Timestamp(timestamp).sign(&[registry]).unwrap());
    }

    pub(super) fn root(&self) -> Vec<u8> {
        self.upstream.metadata["1.root.json"].clone()
    }

    pub(super) fn client(&self) -> Client {
        Client::new(Store::in_memory(&self.root()), Arc::new(self.upstream.clone()), Layout::Publishers)
    }

    pub(super) async fn save(&self, selection: &Selection, out: &str) -> Saved {
        save(&mut self.client(), selection, self.now, &self.path(out)).await.unwrap()
    }

    /// Saves both versions.
    pub(super) async fn save_all(&self, out: &str) -> Saved {
        self.save(&selection(&["1.0.0", "1.1.0"]), out).await
    }

    pub(super) async fn vet(&self, from: &str, out: &str) -> Result<Vetted, Error> {
        let bundle = self.open(from)?;
        let (folder, root) = (self.path("site"), self.root());
        let desk = Desk {
            folder: &folder,
            signer: &self.site_key,
            upstream_root: Some(&root),
            validity: Validity::default(),
            by: "Ada",
            ticket: Some("CHG-1"),
        };
        vet(&bundle, &desk, self.now, &self.path(out)).await
    }

    pub(super) fn open(&self, name: &str) -> Result<Bundle, Error> {
        Bundle::open(&self.path(name), Limits::default())
    }

    pub(super) fn site_root(&self) -> Vec<u8> {
        std::fs::read(self.path("site/metadata/1.root.json")).unwrap()
    }

    pub(super) fn content(&self) -> ContentStore {
        ContentStore::new(self.path("inside/store"))
    }

    pub(super) fn loaded(&self) -> Loaded {
        Loaded::new(self.path("inside/bundles"), self.content())
    }

    pub(super) async fn load(&self, name: &str, now: Timestamp) -> Result<Verified, Error> {
        let (upstream, site) = (self.root(), self.site_root());
        let roots = Roots { upstream: &upstream, site: Some(&site) };
        self.loaded().load(&self.open(name)?, roots, Policy::Vetted, now).await
    }

    /// What a client inside finds in what was brought in.
    pub(super) async fn find(&self, version: &str) -> Result<Vec<u8>, Error> {
        let loaded = self.loaded();
        let current = loaded.current()?.expect("something was brought in");
        let transport = loaded.repository(crate::bundle::Side::Upstream)?.unwrap();
        find(&self.root(), transport, current.as_of, version).await
    }

    pub(super) fn hex_of(&self, version: &str, file: &str) -> Digest {
        let HexDigest(digest) = self.targets[&path(version, file)].hashes.sha256;
        digest
    }
}

async fn find(
    root: &[u8],
    transport: Arc<dyn Transport>,
    as_of: Timestamp,
    version: &str,
) -> Result<Vec<u8>, Error> {
    let mut client = Client::new(Store::in_memory(root), transport, Layout::Publishers).as_of();
    client.refresh(as_of).await?;
    let target = client.resolve(&path(version, "component.wasm"), as_of).await?;
    client.fetch(&target).await
}

pub(super) fn selection(versions: &[&str]) -> Selection {
    let plugins =
        versions.iter().map(|version| ("acme/cloud".parse().unwrap(), version.parse().unwrap())).collect();
    Selection { plugins, ..Selection::default() }
}

pub(super) fn path(version: &str, file: &str) -> TargetPath {
    format!("plugins/acme/cloud/{version}/{file}").parse().unwrap()
}

pub(super) fn component(version: &str, title: &str) -> Vec<u8> {
    let json = format!(
        r#"{{"id":"acme/cloud","version":"{version}","kind":"provider","contract":"0.1.0","title":"{title}","license":"MIT","report":"r"}}"#
    );
    let bare = wat::parse_str("(component)").unwrap();
    embed_manifest(&bare, &Manifest::from_json(json.as_bytes()).unwrap()).unwrap()
}

fn bill(version: &str) -> Vec<u8> {
    format!(
        r#"{{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{{"component":{{"type":"application","name":"acme/cloud","version":"{version}"}}}}}}"#
    )
    .into_bytes()
}

/// The entries of a bundle: names and bytes.
pub(super) fn entries(bundle: &Path) -> Vec<(String, Vec<u8>)> {
    use std::io::Read;
    let mut archive = tar::Archive::new(std::fs::File::open(bundle).unwrap());
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (entry.path().unwrap().to_str().unwrap().to_owned(), bytes)
    });
    entries.collect()
}

impl World {
    /// Lists other bytes under a path.
    pub(super) fn swap(&mut self, path: &TargetPath, entry: TargetEntry, bytes: Vec<u8>) {
        self.targets.insert(path.clone(), entry);
        self.upstream.targets.insert(Digest::of(&bytes), bytes);
    }
}
