//! Metadata as we write it: the same bytes for the same content, readable by every client of The Update Framework.
//!
//! Whole seconds, key ids that are the digest of the key, no empty `custom`, no fractions, sorted keys, and
//! length and digest for every file that is named: other clients refuse or misread anything else.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use skywright_contract::Digest;

use super::facts::HexDigest;
use super::hex;
use super::key::{KeyId, PublicKey, Signature, Signer};
use super::path::TargetPath;
use super::strict;
use crate::error::Error;

/// The release of the specification that the metadata keeps to.
const SPEC_VERSION: &str = "1.0.31";

/// The signed part of a metadata file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "_type", rename_all = "kebab-case")]
pub enum Document {
    /// Who may sign the top-level roles.
    Root(Root),
    /// Files, and who may list more of them.
    Targets(Targets),
    /// The versions of all targets roles at one moment.
    Snapshot(Snapshot),
    /// Which snapshot is the latest.
    Timestamp(LatestSnapshot),
}

/// Who may sign the top-level roles.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// Always true: files are found by version and digest, so a repository can be changed while it is read.
    pub consistent_snapshot: bool,
    /// When it ends.
    pub expires: WholeSecond,
    /// Every key that a role names.
    pub keys: Keys,
    /// By the role's name: `root`, `targets`, `snapshot`, `timestamp`.
    pub roles: BTreeMap<String, RoleKeys>,
    spec_version: String,
    /// From 1, by 1.
    pub version: u64,
}

/// Who may sign a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleKeys {
    /// The keys.
    pub keyids: BTreeSet<KeyId>,
    /// How many of them have to.
    pub threshold: u64,
}

/// Files, and who may list more of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Targets {
    /// Who may list more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegations: Option<Delegations>,
    /// When it ends.
    pub expires: WholeSecond,
    spec_version: String,
    /// The files.
    pub targets: BTreeMap<TargetPath, TargetEntry>,
    /// From 1, by 1.
    pub version: u64,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetEntry {
    /// What else is said of it. Never an empty object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom: Option<Value>,
    /// Its digest.
    pub hashes: Hashes,
    /// In bytes.
    pub length: u64,
}

/// Who may list more.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegations {
    /// Every key that a role names.
    pub keys: Keys,
    /// In the order in which they are asked.
    pub roles: Vec<Delegation>,
}

/// One role that may list files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// The keys.
    pub keyids: BTreeSet<KeyId>,
    /// The role.
    pub name: String,
    /// Which files: patterns, where `*` stays within one segment.
    pub paths: Vec<String>,
    /// Whether no other role is asked for these files after it.
    pub terminating: bool,
    /// How many of the keys have to sign.
    pub threshold: u64,
}

/// The versions of all targets roles at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Snapshot {
    /// When it ends.
    pub expires: WholeSecond,
    /// By file name without version, such as `acme.json`.
    pub meta: BTreeMap<String, MetaFile>,
    spec_version: String,
    /// From 1, by 1.
    pub version: u64,
}

/// Which snapshot is the latest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatestSnapshot {
    /// When it ends.
    pub expires: WholeSecond,
    /// `snapshot.json` alone.
    pub meta: BTreeMap<String, MetaFile>,
    spec_version: String,
    /// From 1, by 1.
    pub version: u64,
}

/// One metadata file, as another one names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetaFile {
    /// Its digest.
    pub hashes: Hashes,
    /// In bytes.
    pub length: u64,
    /// Its version.
    pub version: u64,
}

/// The digests of a file: SHA-256, and no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hashes {
    /// 64 hexadecimal digits.
    pub sha256: HexDigest,
}

/// Keys by their ids. Reading refuses an id that is not the key's own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<KeyId, WireKey>", into = "BTreeMap<KeyId, WireKey>")]
pub struct Keys(pub BTreeMap<KeyId, PublicKey>);

/// A time without a fraction of a second, as `2026-11-22T00:00:00Z`: other clients refuse fractions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct WholeSecond(Timestamp);

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireKey {
    keytype: String,
    keyval: WireKeyValue,
    scheme: String,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireKeyValue {
    public: PublicKey,
}

/// A metadata file that was read: what is signed, and by whom, unchecked.
#[derive(Debug, Clone, PartialEq)]
pub struct Signed {
    /// What is signed.
    pub document: Document,
    /// The bytes that signatures are over.
    pub canonical: Vec<u8>,
    /// One for each key.
    pub signatures: BTreeMap<KeyId, Signature>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireFile {
    signatures: Vec<WireSignature>,
    signed: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireSignature {
    keyid: KeyId,
    sig: String,
}

impl WholeSecond {
    /// Rounds down.
    #[must_use]
    pub fn new(time: Timestamp) -> Self {
        Self(Timestamp::from_second(time.as_second()).unwrap_or(Timestamp::MAX))
    }

    /// So long after `now`, rounded down.
    #[must_use]
    pub fn after(now: Timestamp, time: SignedDuration) -> Self {
        Self::new(now.checked_add(time).unwrap_or(Timestamp::MAX))
    }

    /// The time.
    #[must_use]
    pub fn time(self) -> Timestamp {
        self.0
    }
}

impl TryFrom<String> for WholeSecond {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.parse::<Timestamp>() {
            Ok(time) if Self::new(time).0.to_string() == text => Ok(Self(time)),
            _ => Err("a time in UTC and whole seconds is expected, such as 2026-11-22T00:00:00Z".to_owned()),
        }
    }
}

impl From<WholeSecond> for String {
    fn from(time: WholeSecond) -> Self {
        time.0.to_string()
    }
}

impl TryFrom<BTreeMap<KeyId, WireKey>> for Keys {
    type Error = String;

    fn try_from(wire: BTreeMap<KeyId, WireKey>) -> Result<Self, String> {
        let mut keys = BTreeMap::new();
        for (id, key) in wire {
            if key.keytype != "ed25519" || key.scheme != "ed25519" {
                return Err(format!("the key {id} is not an ed25519 key"));
            }
            if key.keyval.public.id() != id {
                return Err(format!("the key {id} has another id"));
            }
            keys.insert(id, key.keyval.public);
        }
        Ok(Self(keys))
    }
}

impl From<Keys> for BTreeMap<KeyId, WireKey> {
    fn from(keys: Keys) -> Self {
        let ed25519 = || "ed25519".to_owned();
        let wire =
            |public| WireKey { keytype: ed25519(), keyval: WireKeyValue { public }, scheme: ed25519() };
        keys.0.into_iter().map(|(id, key)| (id, wire(key))).collect()
    }
}

impl FromIterator<PublicKey> for Keys {
    fn from_iter<I: IntoIterator<Item = PublicKey>>(keys: I) -> Self {
        Self(keys.into_iter().map(|key| (key.id(), key)).collect())
    }
}

impl MetaFile {
    /// Of a metadata file's bytes.
    #[must_use]
    pub fn of(version: u64, bytes: &[u8]) -> Self {
        Self { hashes: Hashes::of(bytes), length: bytes.len() as u64, version }
    }
}

impl TargetEntry {
    /// Of a file's bytes. An empty `custom` is left out.
    #[must_use]
    pub fn of(bytes: &[u8], custom: Option<Value>) -> Self {
        let custom = custom.filter(|custom| custom.as_object().is_none_or(|object| !object.is_empty()));
        Self { custom, hashes: Hashes::of(bytes), length: bytes.len() as u64 }
    }
}

impl Hashes {
    /// Of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self { sha256: HexDigest(Digest::of(bytes)) }
    }
}

impl Root {
    /// The first root: who signs each of the four roles, and how many of them have to.
    #[must_use]
    pub fn new(version: u64, expires: WholeSecond, roles: &BTreeMap<&str, (Vec<PublicKey>, u64)>) -> Self {
        let keys = roles.values().flat_map(|(keys, _)| keys.iter().copied()).collect();
        let role_keys = |keys: &[PublicKey], threshold| RoleKeys {
            keyids: keys.iter().map(PublicKey::id).collect(),
            threshold,
        };
        let roles =
            roles.iter().map(|(name, (keys, threshold))| ((*name).to_owned(), role_keys(keys, *threshold)));
        Self {
            consistent_snapshot: true,
            expires,
            keys,
            roles: roles.collect(),
            spec_version: SPEC_VERSION.to_owned(),
            version,
        }
    }
}

impl Targets {
    /// Without files and delegations.
    #[must_use]
    pub fn new(version: u64, expires: WholeSecond) -> Self {
        Self {
            delegations: None,
            expires,
            spec_version: SPEC_VERSION.to_owned(),
            targets: BTreeMap::new(),
            version,
        }
    }

    /// Lets a role list files, in the place of what was said of the role before.
    pub fn delegate(&mut self, role: &str, keys: &[PublicKey], threshold: u64, pattern: String) {
        let delegations = self.delegations.get_or_insert_default();
        delegations.keys.0.extend(keys.iter().map(|key| (key.id(), *key)));
        let new = Delegation {
            keyids: keys.iter().map(PublicKey::id).collect(),
            name: role.to_owned(),
            paths: vec![pattern],
            terminating: true,
            threshold,
        };
        match delegations.roles.iter_mut().find(|old| old.name == role) {
            Some(old) => *old = new,
            None => delegations.roles.push(new),
        }
        delegations.roles.sort_by(|a, b| a.name.cmp(&b.name));
        let used: BTreeSet<_> =
            delegations.roles.iter().flat_map(|role| role.keyids.iter().copied()).collect();
        delegations.keys.0.retain(|id, _| used.contains(id));
    }

    /// What is said of a role.
    #[must_use]
    pub fn delegation(&self, role: &str) -> Option<&Delegation> {
        self.delegations.as_ref()?.roles.iter().find(|delegation| delegation.name == role)
    }
}

impl Snapshot {
    /// Of these files.
    #[must_use]
    pub fn new(version: u64, expires: WholeSecond, meta: BTreeMap<String, MetaFile>) -> Self {
        Self { expires, meta, spec_version: SPEC_VERSION.to_owned(), version }
    }
}

impl LatestSnapshot {
    /// This one.
    #[must_use]
    pub fn new(version: u64, expires: WholeSecond, snapshot: MetaFile) -> Self {
        let meta = BTreeMap::from([("snapshot.json".to_owned(), snapshot)]);
        Self { expires, meta, spec_version: SPEC_VERSION.to_owned(), version }
    }
}

impl Document {
    /// The whole file: the document and a signature of each.
    ///
    /// # Errors
    ///
    /// [`Error::Signer`], and [`Error::Metadata`] for a fraction somewhere in a `custom`.
    pub fn sign(&self, signers: &[&dyn Signer]) -> Result<Vec<u8>, Error> {
        sign_value(&to_value(self)?, signers)
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> u64 {
        match self {
            Self::Root(root) => root.version,
            Self::Targets(targets) => targets.version,
            Self::Snapshot(snapshot) => snapshot.version,
            Self::Timestamp(timestamp) => timestamp.version,
        }
    }

    /// When it ends.
    #[must_use]
    pub fn expires(&self) -> Timestamp {
        match self {
            Self::Root(root) => root.expires.time(),
            Self::Targets(targets) => targets.expires.time(),
            Self::Snapshot(snapshot) => snapshot.expires.time(),
            Self::Timestamp(timestamp) => timestamp.expires.time(),
        }
    }
}

impl Signed {
    /// Reads a metadata file that keeps to the rules above; whoever wrote it otherwise is told where.
    ///
    /// # Errors
    ///
    /// [`Error::Metadata`]. Signatures are read and not checked.
    pub fn read(what: &str, bytes: &[u8]) -> Result<Self, Error> {
        let fail = |reason: String| Error::Metadata { what: what.to_owned(), reason };
        let value = strict::parse(bytes).map_err(fail)?;
        let file = WireFile::deserialize(&value).map_err(|error| fail(error.to_string()))?;
        let document = Document::deserialize(&file.signed).map_err(|error| fail(error.to_string()))?;
        let mut signatures = BTreeMap::new();
        for WireSignature { keyid, sig } in file.signatures {
            let signature =
                hex::decode(&sig).ok_or_else(|| fail(format!("the signature of {keyid} is none")))?;
            if signatures.insert(keyid, Signature::new(signature)).is_some() {
                return Err(fail(format!("{keyid} signed twice")));
            }
        }
        Ok(Self { document, canonical: canonical(what, &file.signed)?, signatures })
    }

    /// How many of these keys have signed.
    #[must_use]
    pub fn signed_by(&self, keyids: &BTreeSet<KeyId>, keys: &Keys) -> u64 {
        let valid = |id: &&KeyId| {
            let (key, signature) = (keys.0.get(id), self.signatures.get(id));
            key.zip(signature).is_some_and(|(key, signature)| key.verify(&self.canonical, signature))
        };
        keyids.iter().filter(valid).count() as u64
    }

    /// Whether enough of these keys have signed.
    ///
    /// # Errors
    ///
    /// [`Error::Signatures`].
    pub fn require(
        &self,
        role: &str,
        keyids: &BTreeSet<KeyId>,
        threshold: u64,
        keys: &Keys,
    ) -> Result<(), Error> {
        let signed = self.signed_by(keyids, keys);
        if threshold > 0 && signed >= threshold {
            return Ok(());
        }
        Err(Error::Signatures {
            role: role.to_owned(),
            reason: format!(
                "{signed} of the {} keys that may sign it did, and {threshold} have to",
                keyids.len()
            ),
        })
    }
}

/// Adds signatures to a metadata file, in the place of older ones of the same keys.
///
/// # Errors
///
/// [`Error::Metadata`] if it is none; [`Error::Signer`].
pub fn cosign(what: &str, bytes: &[u8], signers: &[&dyn Signer]) -> Result<Vec<u8>, Error> {
    let fail = |reason: String| Error::Metadata { what: what.to_owned(), reason };
    let value = strict::parse(bytes).map_err(fail)?;
    let file = WireFile::deserialize(&value).map_err(|error| fail(error.to_string()))?;
    let mut signatures: BTreeMap<_, _> = file.signatures.into_iter().map(|s| (s.keyid, s.sig)).collect();
    let message = canonical(what, &file.signed)?;
    for signer in signers {
        signatures.insert(signer.public_key().id(), hex::encode(signature(*signer, &message)?.bytes()));
    }
    let signatures = signatures.into_iter().map(|(keyid, sig)| WireSignature { keyid, sig });
    render(&WireFile { signatures: signatures.collect(), signed: file.signed })
}

/// Signs any JSON. For metadata that our own types cannot express; they are what tests need of it.
///
/// # Errors
///
/// As for [`Document::sign`].
pub fn sign_value(signed: &Value, signers: &[&dyn Signer]) -> Result<Vec<u8>, Error> {
    let message = canonical("metadata", signed)?;
    let mut signatures = BTreeMap::new();
    for signer in signers {
        signatures.insert(signer.public_key().id(), hex::encode(signature(*signer, &message)?.bytes()));
    }
    let signatures = signatures.into_iter().map(|(keyid, sig)| WireSignature { keyid, sig });
    render(&WireFile { signatures: signatures.collect(), signed: strict::sorted(signed.clone()) })
}

/// The document as JSON with its keys sorted.
///
/// # Errors
///
/// [`Error::Metadata`], which our own types do not cause.
pub fn to_value(document: &Document) -> Result<Value, Error> {
    let value = serde_json::to_value(document);
    value
        .map(strict::sorted)
        .map_err(|error| Error::Metadata { what: "metadata".to_owned(), reason: error.to_string() })
}

/// A signature that is known to be good: a signer may be a command or a card.
fn signature(signer: &dyn Signer, message: &[u8]) -> Result<Signature, Error> {
    let signature = signer.sign(message)?;
    if signer.public_key().verify(message, &signature) {
        return Ok(signature);
    }
    Err(Error::Signer {
        reason: format!("what was signed is not good for the key {}", signer.public_key().id()),
    })
}

fn canonical(what: &str, value: &Value) -> Result<Vec<u8>, Error> {
    sigstore_tuf::canonical_json::to_canonical_bytes(value)
        .map_err(|error| Error::Metadata { what: what.to_owned(), reason: error.to_string() })
}

fn render(file: &WireFile) -> Result<Vec<u8>, Error> {
    let mut bytes = serde_json::to_vec(file)
        .map_err(|error| Error::Metadata { what: "metadata".to_owned(), reason: error.to_string() })?;
    bytes.push(b'\n');
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::tuf::KeyPair;

    fn pair(seed: u8) -> KeyPair {
        KeyPair::from_seed(&[seed; 32]).unwrap()
    }

    fn targets() -> Targets {
        let expires = WholeSecond::new("2027-01-01T00:00:00.75Z".parse().unwrap());
        let mut targets = Targets::new(1, expires);
        let path = "plugins/acme/cloud/1.0.0/component.wasm".parse().unwrap();
        targets.targets.insert(path, TargetEntry::of(b"x", Some(json!({}))));
        targets.delegate("acme-release", &[pair(3).public_key()], 1, "plugins/acme/*/*/*".to_owned());
        targets.delegate("acme-release", &[pair(2).public_key()], 1, "plugins/acme/*/*/*".to_owned());
        targets
    }

    #[test]
    fn what_is_written_is_read_back_and_the_same_every_time() {
        let document = Document::Targets(targets());
        let (one, two) = (pair(1), pair(2));
        let bytes = document.sign(&[&one, &two]).unwrap();
        assert_eq!(bytes, document.sign(&[&two, &one]).unwrap());
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.contains(r#""expires":"2027-01-01T00:00:00Z""#), "{text}");
        assert!(!text.contains("custom") && !text.contains(&pair(3).public_key().to_string()), "{text}");
        let signed = Signed::read("acme", &bytes).unwrap();
        assert_eq!(signed.document, document);
        let keys: Keys = [one.public_key(), two.public_key()].into_iter().collect();
        let ids: BTreeSet<_> = keys.0.keys().copied().collect();
        signed.require("acme", &ids, 2, &keys).unwrap();
        assert!(signed.require("acme", &ids, 3, &keys).is_err());
        assert!(signed.require("acme", &ids, 0, &keys).is_err());
        let once = document.sign(&[&one]).unwrap();
        assert!(Signed::read("acme", &once).unwrap().require("acme", &ids, 2, &keys).is_err());
        assert_eq!(cosign("acme", &once, &[&two]).unwrap(), bytes);
    }

    #[test]
    fn what_other_clients_would_misread_is_refused() {
        let one = pair(1);
        let good = to_value(&Document::Targets(targets())).unwrap();
        let read = |change: &dyn Fn(&mut Value)| {
            let mut value = good.clone();
            change(&mut value);
            Signed::read("acme", &sign_value(&value, &[&one]).unwrap())
        };
        assert!(read(&|_| ()).is_ok());
        assert!(read(&|value| value["expires"] = json!("2027-01-01T00:00:00.5Z")).is_err());
        assert!(read(&|value| value["expires"] = json!("2027-01-01T01:00:00+01:00")).is_err());
        assert!(read(&|value| value["extra"] = json!(1)).is_err());
        assert!(read(&|value| value["targets"]["plugins/acme/../x"] = json!({})).is_err());
        assert!(
            read(&|value| value["delegations"]["keys"][pair(9).public_key().id().to_string()] =
                json!({"keytype": "ed25519", "scheme": "ed25519", "keyval": {"public": "00".repeat(32)}}))
            .is_err()
        );
        let mut fraction = good.clone();
        fraction["version"] = json!(1.5);
        assert!(sign_value(&fraction, &[&one]).is_err());
    }

    #[test]
    fn our_files_are_read_by_the_library() {
        let bytes = Document::Targets(targets()).sign(&[&pair(1)]).unwrap();
        let theirs = sigstore_tuf::Metadata::<sigstore_tuf::Targets>::from_slice(&bytes).unwrap();
        assert_eq!(theirs.signed_canonical(), Signed::read("acme", &bytes).unwrap().canonical);
    }
}
