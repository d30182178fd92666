//! Repositories as an attacker would make them: every document and every signature may be wrong.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use skywright_contract::Digest;
use skywright_registry::tuf::document::sign_value;
use skywright_registry::tuf::{KeyPair, Signer};

use crate::support::{now, pair};

/// Where the plugin is.
pub(crate) const COMPONENT: &str = "plugins/acme/cloud/1.0.0/component.wasm";
/// What it is.
pub(crate) const BYTES: &[u8] = b"the component";

/// The files of a repository, by path.
pub(crate) type Files = BTreeMap<String, Vec<u8>>;

type Edit = Box<dyn Fn(&mut Value)>;

/// A document and the seeds of the keys that sign it.
#[derive(Clone)]
pub(crate) struct Part {
    pub(crate) signed: Value,
    pub(crate) signers: Vec<u8>,
}

/// A repository in the making. Keys are named by their seeds: 1 to 3 root (two of them), 4 to 6 targets (two of
/// them), 7 snapshot, 8 timestamp, 9 and 10 acme's owners (both), 11 acme's release.
pub(crate) struct Lab {
    /// From the first.
    pub(crate) roots: Vec<Part>,
    pub(crate) targets: Part,
    pub(crate) roles: BTreeMap<String, Part>,
    pub(crate) snapshot_version: u64,
    pub(crate) snapshot_signers: Vec<u8>,
    pub(crate) snapshot_edit: Edit,
    pub(crate) timestamp_version: u64,
    pub(crate) timestamp_signers: Vec<u8>,
    pub(crate) timestamp_edit: Edit,
    pub(crate) expires: String,
    pub(crate) blobs: Files,
}

pub(crate) fn signer(seed: u8) -> KeyPair {
    pair(seed)
}

pub(crate) fn id(seed: u8) -> String {
    pair(seed).public_key().id().to_string()
}

pub(crate) fn ids(seeds: &[u8]) -> Vec<String> {
    seeds.iter().map(|seed| id(*seed)).collect()
}

pub(crate) fn keys(seeds: &[u8]) -> Value {
    let key = |seed: &u8| {
        let public = pair(*seed).public_key().to_string();
        (id(*seed), json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": public } }))
    };
    Value::Object(seeds.iter().map(key).collect())
}

pub(crate) fn role(seeds: &[u8], threshold: u64) -> Value {
    json!({ "keyids": ids(seeds), "threshold": threshold })
}

pub(crate) fn sign(part: &Part) -> Vec<u8> {
    let pairs: Vec<_> = part.signers.iter().map(|seed| signer(*seed)).collect();
    let signers: Vec<&dyn Signer> = pairs.iter().map(|pair| pair as &dyn Signer).collect();
    sign_value(&part.signed, &signers).unwrap()
}

pub(crate) fn entry(bytes: &[u8]) -> Value {
    json!({ "length": bytes.len(), "hashes": { "sha256": Digest::of(bytes).hex() } })
}

/// Where a file's bytes lie.
pub(crate) fn hashed(path: &str, bytes: &[u8]) -> String {
    let (folder, file) = path.rsplit_once('/').unwrap();
    format!("targets/{folder}/{}.{file}", Digest::of(bytes).hex())
}

pub(crate) fn delegation(name: &str, seeds: &[u8], threshold: u64, paths: &[&str]) -> Value {
    json!({ "name": name, "keyids": ids(seeds), "threshold": threshold, "terminating": true, "paths": paths })
}

pub(crate) fn after(days: i64) -> String {
    let time: Timestamp = now() + crate::support::days(days);
    time.to_string()
}

fn targets_role(version: u64, targets: Value, delegations: Option<Value>) -> Value {
    let mut role = json!({
        "_type": "targets", "spec_version": "1.0.31", "version": version, "expires": after(100), "targets": targets,
    });
    if let Some(delegations) = delegations {
        role["delegations"] = delegations;
    }
    role
}

impl Lab {
    /// With acme's plugin listed by its release role, and nothing wrong.
    pub(crate) fn new() -> Self {
        let root = json!({
            "_type": "root", "spec_version": "1.0.31", "version": 1, "expires": after(300),
            "consistent_snapshot": true, "keys": keys(&[1, 2, 3, 4, 5, 6, 7, 8]),
            "roles": {
                "root": role(&[1, 2, 3], 2), "targets": role(&[4, 5, 6], 2),
                "snapshot": role(&[7], 1), "timestamp": role(&[8], 1),
            },
        });
        let all = &["plugins/acme/*/*/*"];
        let acme = json!({ "keys": keys(&[9, 10]), "roles": [delegation("acme", &[9, 10], 2, all)] });
        let release = json!({ "keys": keys(&[11]), "roles": [delegation("acme-release", &[11], 1, all)] });
        let listed = json!({ COMPONENT: entry(BYTES) });
        Self {
            roots: vec![Part { signed: root, signers: vec![1, 2] }],
            targets: Part { signed: targets_role(1, json!({}), Some(acme)), signers: vec![4, 5] },
            roles: BTreeMap::from([
                (
                    "acme".into(),
                    Part { signed: targets_role(1, json!({}), Some(release)), signers: vec![9, 10] },
                ),
                ("acme-release".into(), Part { signed: targets_role(1, listed, None), signers: vec![11] }),
            ]),
            snapshot_version: 1,
            snapshot_signers: vec![7],
            snapshot_edit: Box::new(|_| ()),
            timestamp_version: 1,
            timestamp_signers: vec![8],
            timestamp_edit: Box::new(|_| ()),
            expires: after(1),
            blobs: BTreeMap::from([(hashed(COMPONENT, BYTES), BYTES.to_vec())]),
        }
    }

    /// With another publisher, `globex`, whose release is listed by its one role.
    pub(crate) fn with_globex() -> Self {
        let mut lab = Self::new();
        lab.targets.signed["delegations"]["keys"] = keys(&[9, 10, 12]);
        let globex = delegation("globex", &[12], 1, &["plugins/globex/*/*/*"]);
        lab.targets.signed["delegations"]["roles"].as_array_mut().unwrap().push(globex);
        let listed = json!({ "plugins/globex/cloud/1.0.0/component.wasm": entry(BYTES) });
        let part = Part { signed: targets_role(1, listed, None), signers: vec![12] };
        lab.roles.insert("globex".into(), part);
        lab.blobs.insert(hashed("plugins/globex/cloud/1.0.0/component.wasm", BYTES), BYTES.to_vec());
        lab
    }

    pub(crate) fn acme(&mut self) -> &mut Part {
        self.roles.get_mut("acme").unwrap()
    }

    pub(crate) fn release(&mut self) -> &mut Part {
        self.roles.get_mut("acme-release").unwrap()
    }

    /// The entry of the plugin.
    pub(crate) fn component(&mut self) -> &mut Value {
        &mut self.release().signed["targets"][COMPONENT]
    }

    /// A root after the last, the same but for its version; the old and the new keys sign.
    pub(crate) fn next_root(&mut self) -> &mut Part {
        let mut next = self.roots.last().unwrap().clone();
        next.signed["version"] = json!(self.roots.len() + 1);
        self.roots.push(next);
        self.roots.last_mut().unwrap()
    }

    /// A later state of the repository: every version below the root is one more.
    pub(crate) fn later(mut self) -> Self {
        for part in self.roles.values_mut().chain([&mut self.targets]) {
            part.signed["version"] = json!(part.signed["version"].as_u64().unwrap() + 1);
        }
        self.snapshot_version += 1;
        self.timestamp_version += 1;
        self
    }

    /// All its files, with what they say of each other right.
    pub(crate) fn files(&self) -> Files {
        let mut files = self.blobs.clone();
        for (index, root) in self.roots.iter().enumerate() {
            files.insert(format!("metadata/{}.root.json", index + 1), sign(root));
        }
        let mut meta = serde_json::Map::new();
        for (name, part) in self.roles.iter().chain([(&"targets".to_owned(), &self.targets)]) {
            let bytes = sign(part);
            let version = part.signed["version"].clone();
            meta.insert(format!("{name}.json"), with_version(&bytes, &version));
            files.insert(format!("metadata/{version}.{name}.json"), bytes);
        }
        let mut snapshot = json!({
            "_type": "snapshot", "spec_version": "1.0.31", "version": self.snapshot_version,
            "expires": self.expires, "meta": meta,
        });
        (self.snapshot_edit)(&mut snapshot);
        let version = snapshot["version"].clone();
        let bytes = sign(&Part { signed: snapshot, signers: self.snapshot_signers.clone() });
        let mut timestamp = json!({
            "_type": "timestamp", "spec_version": "1.0.31", "version": self.timestamp_version,
            "expires": self.expires, "meta": { "snapshot.json": with_version(&bytes, &version) },
        });
        files.insert(format!("metadata/{version}.snapshot.json"), bytes);
        (self.timestamp_edit)(&mut timestamp);
        let part = Part { signed: timestamp, signers: self.timestamp_signers.clone() };
        files.insert("metadata/timestamp.json".to_owned(), sign(&part));
        files
    }
}

fn with_version(bytes: &[u8], version: &Value) -> Value {
    let mut entry = entry(bytes);
    entry["version"] = version.clone();
    entry
}
