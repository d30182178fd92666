//! What a publisher sends is looked at here, and put beside the others' as it is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::Value;
use skywright_contract::{Digest, check};

use super::Operator;
use super::change::Change;
use super::current::Current;
use super::refusal::Refusal;
use super::verify::{new_client, ready};
use crate::error::Error;
use crate::files;
use crate::sbom::Sbom;
use crate::tuf::document::{Delegation, Document, Keys, MetaFile, Signed, TargetEntry, Targets};
use crate::tuf::facts::PluginFacts;
use crate::tuf::key::Signer;
use crate::tuf::name::Namespace;
use crate::tuf::path::TargetPath;
use crate::tuf::target::Versions;
use crate::tuf::verifier::Verifier;

/// How long a role has to last when it is published.
const MIN_DAYS: i64 = 30;
/// The largest role that every client reads.
const MAX_ROLE_BYTES: u64 = 5_000_000;
/// The most files that a role may list.
const MAX_FILES: usize = 10_000;
/// The largest file.
const MAX_FILE_BYTES: u64 = 64 << 20;
/// The largest bytes of one publication, which is whole in memory.
const MAX_PUBLICATION_BYTES: u64 = 1 << 30;

/// What was admitted.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Admission {
    /// The versions of the repository with it.
    pub versions: Versions,
    /// The files that are new.
    pub added: Vec<TargetPath>,
    /// The files that are not listed any more.
    pub removed: Vec<TargetPath>,
}

impl Operator {
    /// Publishes what a publisher has staged: a folder with `metadata/VERSION.ROLE.json` for one or both of the
    /// namespace's roles, and the new files under `targets/`. The publisher's bytes are kept as they are.
    ///
    /// # Errors
    ///
    /// [`Error::NotAdmitted`]; [`Error::Signatures`] if too few of the online keys are given; those of reading and
    /// writing. Nothing was changed then.
    pub fn admit(
        &self,
        namespace: &Namespace,
        staged: &Path,
        signers: &[&dyn Signer],
        now: Timestamp,
    ) -> Result<Admission, Error> {
        let _held = self.hold()?;
        let current = Current::read(&self.folder)?;
        let admitted = Admitted::new(self, &current, &current.targets, namespace, staged, now)?;
        let mut change = Change::default();
        let mut meta = current.snapshot.meta.clone();
        admitted.put(&mut change, &mut meta);
        self.seal(&mut change, &current.root, current.versions(), meta, signers, now)?;
        admitted.check_as_client(self, &change, now)?;
        let versions = self.finish(&change, now)?;
        Ok(Admission { versions, added: admitted.added, removed: admitted.removed })
    }
}

/// A publication that was found good.
pub(super) struct Admitted {
    namespace: Namespace,
    roles: Vec<Role>,
    blobs: Vec<(TargetPath, Vec<u8>)>,
    added: Vec<TargetPath>,
    removed: Vec<TargetPath>,
}

/// A role, as it is published or as it is to be.
#[derive(Clone)]
struct Role {
    name: String,
    /// `None` if it is published already.
    bytes: Option<Vec<u8>>,
    signed: Signed,
    targets: Targets,
}

impl Admitted {
    /// `delegator` is the `targets` role under which it is judged.
    pub(super) fn new(
        operator: &Operator,
        current: &Current,
        delegator: &Targets,
        namespace: &Namespace,
        staged: &Path,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let nobody = || Refusal::NotDelegated(namespace.to_string());
        let (owner_name, release_name) = (namespace.owner_role(), namespace.release_role());
        let delegation = delegator.delegation(&owner_name).ok_or_else(nobody)?;
        let keys = &delegator.delegations.as_ref().ok_or_else(nobody)?.keys;
        let mut new = read_roles(staged, namespace)?;
        let before = Before::read(operator, current, namespace)?;

        let owner = settle(&owner_name, new.remove(&owner_name), before.owner.as_ref())?;
        check_role(&owner, delegation, keys, namespace, now)?;
        let mut release = None;
        if let Some((delegation, keys)) = release_delegation(&owner.targets, namespace)? {
            let role = settle(&release_name, new.remove(&release_name), before.release.as_ref())?;
            check_role(&role, delegation, keys, namespace, now)?;
            release = Some(role);
        }
        if let Some(name) = new.keys().next() {
            return Err(Refusal::Layout(format!("nothing is delegated to the role `{name}`")).into());
        }

        let listed = listed(&owner, release.as_ref())?;
        let added = before.added(&listed)?;
        let removed = before.removed(&listed);
        let blobs = read_blobs(operator, staged, &listed, &added)?;
        check_plugins(&listed, &blobs)?;
        let roles = [Some(owner), release].into_iter().flatten().collect();
        Ok(Self { namespace: namespace.clone(), roles, blobs, added, removed })
    }

    /// Adds it to a change and to what the next snapshot names.
    pub(super) fn put(&self, change: &mut Change, meta: &mut BTreeMap<String, MetaFile>) {
        for (path, bytes) in &self.blobs {
            change.target(path, bytes.clone());
        }
        for role in &self.roles {
            let Some(bytes) = &role.bytes else { continue };
            let version = role.targets.version;
            change.metadata(&format!("{version}.{}.json", role.name), bytes.clone());
            meta.insert(format!("{}.json", role.name), MetaFile::of(version, bytes));
        }
    }

    /// The last word has the verifier that users have.
    pub(super) fn check_as_client(
        &self,
        operator: &Operator,
        change: &Change,
        now: Timestamp,
    ) -> Result<(), Error> {
        let refuse = |error: Error| Error::from(Refusal::Client(Box::new(error)));
        let mut client = new_client(operator, change)?;
        ready(client.refresh(now))?.map_err(refuse)?;
        let listed = ready(client.list(&self.namespace, now))?.map_err(refuse)?;
        for target in listed.iter().filter(|target| self.added.contains(&target.path)) {
            ready(client.resolve(&target.path, now))?.map_err(refuse)?;
            ready(client.fetch(target))?.map_err(refuse)?;
        }
        match self.added.iter().find(|path| listed.iter().all(|target| target.path != **path)) {
            Some(path) => Err(refuse(Error::NotListed { what: path.to_string() })),
            None => Ok(()),
        }
    }
}

/// What is published of the namespace now.
struct Before {
    owner: Option<Role>,
    release: Option<Role>,
}

impl Before {
    fn read(operator: &Operator, current: &Current, namespace: &Namespace) -> Result<Self, Error> {
        let role = |name: String| match current.role(&operator.folder, &name)? {
            Some(signed) => Role::new(name, None, signed).map(Some),
            None => Ok(None),
        };
        Ok(Self { owner: role(namespace.owner_role())?, release: role(namespace.release_role())? })
    }

    fn files(&self) -> impl Iterator<Item = (&TargetPath, &TargetEntry)> {
        self.owner.iter().chain(&self.release).flat_map(|role| &role.targets.targets)
    }

    /// What is new, once it is sure that nothing changed which was there.
    fn added(&self, listed: &BTreeMap<TargetPath, TargetEntry>) -> Result<Vec<TargetPath>, Refusal> {
        let known: BTreeMap<_, _> = self.files().collect();
        let versions: BTreeSet<_> = known.keys().map(|path| folder_of(path)).collect();
        let mut added = Vec::new();
        for (path, entry) in listed {
            let changed = |what| Err(Refusal::Changed { path: path.clone(), what });
            match known.get(path) {
                Some(old) if old.hashes != entry.hashes => return changed("its digest"),
                Some(old) if old.length != entry.length => return changed("its length"),
                Some(old) if without_yanked(old) != without_yanked(entry) => {
                    return changed("what is said of it");
                }
                Some(_) => {}
                None if versions.contains(folder_of(path)) => {
                    return changed("the set of its version's files");
                }
                None => added.push(path.clone()),
            }
        }
        Ok(added)
    }

    fn removed(&self, listed: &BTreeMap<TargetPath, TargetEntry>) -> Vec<TargetPath> {
        self.files().map(|(path, _)| path).filter(|path| !listed.contains_key(*path)).cloned().collect()
    }
}

impl Role {
    fn new(name: String, bytes: Option<Vec<u8>>, signed: Signed) -> Result<Self, Error> {
        match &signed.document {
            Document::Targets(targets) => Ok(Self { targets: targets.clone(), name, bytes, signed }),
            _ => Err(Error::Metadata { what: name, reason: "it is no targets role".to_owned() }),
        }
    }
}

/// The staged roles, by name.
fn read_roles(staged: &Path, namespace: &Namespace) -> Result<BTreeMap<String, Role>, Error> {
    let layout = |reason: String| Error::from(Refusal::Layout(reason));
    let folder = staged.join("metadata");
    let failed = Error::file("read", &folder);
    let entries: Result<Vec<_>, _> = std::fs::read_dir(&folder).and_then(Iterator::collect);
    let mut roles = BTreeMap::new();
    for entry in entries.map_err(failed)? {
        let file = entry.file_name().to_string_lossy().into_owned();
        let known = |name: &String| {
            let version = file.strip_suffix(&format!(".{name}.json"))?;
            version.parse::<u64>().ok().map(|version| (name.clone(), version))
        };
        let names = [namespace.owner_role(), namespace.release_role()];
        let Some((name, version)) = names.iter().find_map(known) else {
            return Err(layout(format!("`metadata/{}` is no file of the namespace", file.escape_default())));
        };
        let bytes = files::read_if_there(&entry.path(), MAX_ROLE_BYTES)?.unwrap_or_default();
        let role = Role::new(name.clone(), Some(bytes.clone()), Signed::read(&file, &bytes)?)?;
        if role.targets.version != version {
            return Err(layout(format!("`metadata/{file}` has version {}", role.targets.version)));
        }
        if roles.insert(name.clone(), role).is_some() {
            return Err(layout(format!("there are two versions of `{name}`")));
        }
    }
    if roles.is_empty() {
        return Err(layout("there is nothing to publish".to_owned()));
    }
    Ok(roles)
}

/// The role as it will be: the new one, which has to be the next version, or the one that is published.
fn settle(name: &str, new: Option<Role>, before: Option<&Role>) -> Result<Role, Refusal> {
    let Some(new) = new else {
        let reason = "it is neither published nor among the files".to_owned();
        return before.cloned().ok_or_else(|| Refusal::Role { role: name.to_owned(), reason });
    };
    let expected = before.map_or(1, |before| before.targets.version + 1);
    let found = new.targets.version;
    if found != expected {
        return Err(Refusal::Version { role: name.to_owned(), expected, found });
    }
    Ok(new)
}

/// A role by itself, under what is said of it above.
fn check_role(
    role: &Role,
    delegation: &Delegation,
    keys: &Keys,
    namespace: &Namespace,
    now: Timestamp,
) -> Result<(), Refusal> {
    let name = || role.name.clone();
    for (id, signature) in &role.signed.signatures {
        let key = keys.0.get(id).filter(|_| delegation.keyids.contains(id));
        if !key.is_some_and(|key| key.verify(&role.signed.canonical, signature)) {
            return Err(Refusal::ForeignKey { role: name(), key_id: id.to_string() });
        }
    }
    let signed = role.signed.signed_by(&delegation.keyids, keys);
    if delegation.threshold == 0 || signed < delegation.threshold {
        return Err(Refusal::Threshold { role: name(), signed, threshold: delegation.threshold });
    }
    // What is published already may be near its end: another role of the publisher's is no reason to wait for it.
    let expires = role.targets.expires.time();
    let soonest = now.saturating_add(SignedDuration::from_hours(24 * MIN_DAYS)).unwrap_or(Timestamp::MAX);
    if role.bytes.is_some() && expires < soonest {
        return Err(Refusal::ExpiresTooSoon { role: name(), expires, min_days: MIN_DAYS });
    }
    if role.targets.targets.len() > MAX_FILES {
        return Err(Refusal::TooMuch {
            what: format!("{} lists too many files", role.name),
            limit: MAX_FILES as u64,
        });
    }
    match role.targets.targets.keys().find(|path| path.namespace().as_ref() != Some(namespace)) {
        Some(path) => Err(Refusal::OutsideNamespace { path: path.clone() }),
        None => Ok(()),
    }
}

/// What the owner's role says of the release role; it may say that there is none, and nothing else.
fn release_delegation<'a>(
    owner: &'a Targets,
    namespace: &Namespace,
) -> Result<Option<(&'a Delegation, &'a Keys)>, Refusal> {
    let Some(delegations) = &owner.delegations else { return Ok(None) };
    let refuse = |reason: &str| Refusal::Role { role: namespace.owner_role(), reason: reason.to_owned() };
    let [delegation] = delegations.roles.as_slice() else {
        return Err(refuse("it delegates to the release role alone, once"));
    };
    let known = delegation.keyids.iter().filter(|id| delegations.keys.0.contains_key(*id)).count();
    if delegation.name != namespace.release_role() {
        Err(refuse("it delegates to the release role alone"))
    } else if delegation.paths != [namespace.pattern()] {
        Err(refuse("it delegates other files than the namespace's"))
    } else if known != delegation.keyids.len() || known != delegations.keys.0.len() {
        Err(refuse("the keys that it lists are not those of the release role"))
    } else if delegation.threshold == 0 || delegation.threshold > known as u64 {
        Err(refuse("the release role's threshold cannot be met"))
    } else {
        Ok(Some((delegation, &delegations.keys)))
    }
}

/// The files of both roles, none of them in both.
fn listed(owner: &Role, release: Option<&Role>) -> Result<BTreeMap<TargetPath, TargetEntry>, Refusal> {
    let mut all = owner.targets.targets.clone();
    for (path, entry) in release.iter().flat_map(|role| &role.targets.targets) {
        if all.insert(path.clone(), entry.clone()).is_some() {
            let reason = "both roles list it".to_owned();
            return Err(Refusal::File { path: path.clone(), reason });
        }
    }
    match all.iter().find(|(_, entry)| entry.length > MAX_FILE_BYTES) {
        Some((path, _)) => {
            Err(Refusal::TooMuch { what: format!("{path} is too long"), limit: MAX_FILE_BYTES })
        }
        None => Ok(all),
    }
}

/// The bytes of what is new, held against what is signed.
fn read_blobs(
    operator: &Operator,
    staged: &Path,
    listed: &BTreeMap<TargetPath, TargetEntry>,
    added: &[TargetPath],
) -> Result<Vec<(TargetPath, Vec<u8>)>, Error> {
    let total: u64 = added.iter().filter_map(|path| listed.get(path)).map(|entry| entry.length).sum();
    if total > MAX_PUBLICATION_BYTES {
        let what = "the publication is too large".to_owned();
        return Err(Refusal::TooMuch { what, limit: MAX_PUBLICATION_BYTES }.into());
    }
    let mut blobs = Vec::new();
    for (path, entry) in added.iter().filter_map(|path| listed.get_key_value(path)) {
        let digest = entry.hashes.sha256.0;
        if was_published_otherwise(&operator.folder, path, &digest)? {
            return Err(Refusal::Changed { path: path.clone(), what: "its digest" }.into());
        }
        let file = staged.join("targets").join(path.hashed(&digest));
        let wrong = |reason: &str| Refusal::File { path: path.clone(), reason: reason.to_owned() };
        let bytes =
            files::read_if_there(&file, entry.length)?.ok_or_else(|| wrong("its bytes are not there"))?;
        if bytes.len() as u64 != entry.length || Digest::of(&bytes) != digest {
            return Err(wrong("its bytes are not those that were signed").into());
        }
        blobs.push((path.clone(), bytes));
    }
    Ok(blobs)
}

/// Whether other bytes lie in the repository under this name: a version that was withdrawn does not come back changed.
fn was_published_otherwise(folder: &Path, path: &TargetPath, digest: &Digest) -> Result<bool, Error> {
    let hashed = folder.join("targets").join(path.hashed(digest));
    let there = skywright_files::folder_of(&hashed);
    let entries = match std::fs::read_dir(there) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::file("read", there)(error)),
    };
    let file = path.as_str().rsplit_once('/').map_or("", |(_, file)| file);
    for entry in entries {
        let name = entry.map_err(Error::file("read", there))?.file_name().to_string_lossy().into_owned();
        if let Some((hash, rest)) = name.split_once('.')
            && rest == file
            && hash.len() == 64
            && hash != digest.hex()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Every new version has a component that the host would take, and a bill of what it was built of; what is signed
/// about it is what is in it. Of the versions before, it stays so.
fn check_plugins(
    listed: &BTreeMap<TargetPath, TargetEntry>,
    blobs: &[(TargetPath, Vec<u8>)],
) -> Result<(), Refusal> {
    let components = listed.keys().filter(|path| path.as_str().ends_with("/component.wasm"));
    let with_component: BTreeSet<_> = components.map(folder_of).collect();
    for (path, bytes) in blobs {
        if !with_component.contains(folder_of(path)) {
            let reason = "its version has no component".to_owned();
            return Err(Refusal::File { path: path.clone(), reason });
        }
        if path.as_str().ends_with("/component.wasm") {
            check_component(path, bytes, listed)?;
        }
        if path.as_str().ends_with("/sbom.cdx.json") {
            Sbom::read(path.as_str(), bytes)
                .map_err(|error| Refusal::Sbom { path: path.clone(), reason: error.to_string() })?;
        }
    }
    Ok(())
}

fn check_component(
    path: &TargetPath,
    bytes: &[u8],
    listed: &BTreeMap<TargetPath, TargetEntry>,
) -> Result<(), Refusal> {
    let wrong = |reason: String| Refusal::File { path: path.clone(), reason };
    let (package, _) = check(bytes).map_err(|source| Refusal::Component { path: path.clone(), source })?;
    let plugin = listed.get(path).and_then(|entry| entry.custom.as_ref()?.get("plugin"));
    let plugin = plugin.ok_or_else(|| wrong("nothing is said of the plugin".to_owned()))?;
    let facts = PluginFacts::deserialize(plugin).map_err(|error| wrong(error.to_string()))?;
    if let Some(fact) = facts.difference(&package.manifest) {
        return Err(Refusal::Disagrees { path: path.clone(), fact });
    }
    let manifest = &package.manifest;
    let named = path.plugin().is_some_and(|it| it.id == manifest.id && it.version == manifest.version);
    if !named {
        return Err(Refusal::Disagrees { path: path.clone(), fact: "path" });
    }
    let sbom = path.sibling(TargetPath::SBOM).map_err(|error| wrong(error.to_string()))?;
    match listed.get(&sbom) {
        None => Err(Refusal::Sbom { path: sbom, reason: "it is missing".to_owned() }),
        Some(entry) if entry.hashes.sha256 != facts.sbom => {
            Err(Refusal::Sbom { path: sbom, reason: "the component's metadata names another one".to_owned() })
        }
        Some(_) => Ok(()),
    }
}

/// The folder of a version.
fn folder_of(path: &TargetPath) -> &str {
    path.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// What is said of a file, but for the one thing that may change.
fn without_yanked(entry: &TargetEntry) -> Option<Value> {
    let mut custom = entry.custom.clone()?;
    if let Some(plugin) = custom.get_mut("plugin").and_then(Value::as_object_mut) {
        plugin.remove("yanked");
    }
    Some(custom)
}
