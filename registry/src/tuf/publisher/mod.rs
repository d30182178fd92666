//! Publishing in a namespace: what is staged here is sent to the repository's operator.

mod staged;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use skywright_contract::{Package, PackageError};

use super::document::{Document, RoleKeys, Signed, TargetEntry, Targets, WholeSecond};
use super::facts::{PluginFacts, Yanked};
use super::key::Signer;
use super::name::Namespace;
use super::operator::RoleSigners;
use super::path::TargetPath;
use crate::error::Error;

pub use staged::Staged;

/// How long a role that is signed here lasts.
const LASTS: SignedDuration = SignedDuration::from_hours(24 * 365);

/// One version of a plugin, with what is published beside it.
#[derive(Debug)]
pub struct Release<'a> {
    /// The component, as it was built.
    pub component: &'a [u8],
    /// What it was built of, as CycloneDX in JSON.
    pub sbom: &'a [u8],
    /// Its documentation for people, as Markdown.
    pub docs: Option<&'a [u8]>,
    /// The revision of the source that it was built from.
    pub source_revision: Option<String>,
    /// Other files, by their names.
    pub others: BTreeMap<String, &'a [u8]>,
}

/// The next publication of a namespace, in the making.
#[derive(Debug)]
pub struct Draft {
    namespace: Namespace,
    owner: Role,
    release: Option<Role>,
    blobs: BTreeMap<TargetPath, Vec<u8>>,
}

#[derive(Debug)]
struct Role {
    targets: Targets,
    changed: bool,
}

impl Draft {
    /// On top of what is published: the metadata files that [`Verifier::metadata`](super::Verifier::metadata) gives
    /// for the namespace. If nothing of it is among them, this is to be the first publication.
    ///
    /// # Errors
    ///
    /// [`Error::Metadata`] for a role of the namespace that does not read.
    pub fn new(namespace: Namespace, metadata: &BTreeMap<String, Vec<u8>>) -> Result<Self, Error> {
        let owner = read_role(&namespace.owner_role(), metadata)?;
        let release = read_role(&namespace.release_role(), metadata)?;
        let first =
            || Role { targets: Targets::new(0, WholeSecond::new(Timestamp::UNIX_EPOCH)), changed: true };
        Ok(Self { owner: owner.unwrap_or_else(first), release, namespace, blobs: BTreeMap::new() })
    }

    /// Lets these keys release, in the place of those that did before. The owner's keys sign this, and the release
    /// role is signed anew by the new ones.
    pub fn set_release_keys(&mut self, keys: &RoleSigners) {
        let role = self.namespace.release_role();
        self.owner.targets.delegate(&role, &keys.keys, keys.threshold, self.namespace.pattern());
        self.owner.changed = true;
        self.release_role().changed = true;
    }

    /// Adds a version of a plugin.
    ///
    /// # Errors
    ///
    /// [`Error::Component`] if the component is none; [`Error::Namespace`] or [`Error::TargetPath`] if its id or
    /// version is none that can be published; [`Error::Exists`] if the version is there already.
    pub fn add(&mut self, release: &Release<'_>) -> Result<PluginFacts, Error> {
        let package = Package::read(release.component).map_err(Error::component)?;
        let manifest = &package.manifest;
        if Namespace::of(&manifest.id)? != self.namespace {
            return Err(Error::ForeignNamespace {
                id: manifest.id.to_string(),
                namespace: self.namespace.to_string(),
            });
        }
        let path = |file: &str| TargetPath::of(&manifest.id, &manifest.version, file);
        let component = path(TargetPath::COMPONENT)?;
        if self.lists(&component) {
            return Err(Error::Exists { path: component });
        }
        let mut facts = PluginFacts::of(manifest, skywright_contract::Digest::of(release.sbom));
        facts.source_revision.clone_from(&release.source_revision);
        let mut files = vec![(path(TargetPath::SBOM)?, release.sbom)];
        files.extend(release.docs.map(|docs| Ok::<_, Error>((path(TargetPath::DOCS)?, docs))).transpose()?);
        for (name, bytes) in &release.others {
            files.push((path(name)?, bytes));
        }
        for (path, bytes) in files {
            self.put(path, TargetEntry::of(bytes, None), bytes);
        }
        let custom = json!({ "plugin": facts });
        self.put(component, TargetEntry::of(release.component, Some(custom)), release.component);
        Ok(facts)
    }

    /// Takes a version back: it is not chosen any more, and whoever has it is warned. It stays where it is.
    ///
    /// # Errors
    ///
    /// [`Error::NotListed`] if there is no such version.
    pub fn yank(&mut self, component: &TargetPath, yanked: &Yanked) -> Result<(), Error> {
        let mut found = false;
        for role in std::iter::once(&mut self.owner).chain(&mut self.release) {
            let Some(entry) = role.targets.targets.get_mut(component) else { continue };
            if let Some(plugin) = entry.custom.as_mut().and_then(|custom| custom.get_mut("plugin")) {
                plugin["yanked"] = json!(yanked);
                role.changed = true;
                found = true;
            }
        }
        if found { Ok(()) } else { Err(Error::NotListed { what: component.to_string() }) }
    }

    /// Takes a version off the list: nobody can get it any more. For what was published by a thief.
    ///
    /// # Errors
    ///
    /// [`Error::NotListed`] if there is no such version.
    pub fn remove(&mut self, component: &TargetPath) -> Result<(), Error> {
        let folder = component.as_str().rsplit_once('/').map_or("", |(folder, _)| folder).to_owned() + "/";
        let mut found = false;
        for role in std::iter::once(&mut self.owner).chain(&mut self.release) {
            let before = role.targets.targets.len();
            role.targets.targets.retain(|path, _| !path.as_str().starts_with(&folder));
            let removed = role.targets.targets.len() < before;
            role.changed |= removed;
            found |= removed;
        }
        if found { Ok(()) } else { Err(Error::NotListed { what: component.to_string() }) }
    }

    /// Signs both roles anew, so that they last longer, even if nothing else changes.
    pub fn renew(&mut self) {
        self.owner.changed = true;
        if let Some(release) = &mut self.release {
            release.changed = true;
        }
    }

    /// Signs the owner's role anew, by keys that own the namespace from now on.
    pub fn renew_owner(&mut self) {
        self.owner.changed = true;
    }

    /// What is to be sent: the roles that changed, at their next versions, signed by whichever of the signers are
    /// given for them.
    ///
    /// # Errors
    ///
    /// [`Error::Signatures`] if a role changed and nobody is given who could sign it; [`Error::Signer`].
    pub fn sign(
        mut self,
        owners: &[&dyn Signer],
        releasers: &[&dyn Signer],
        now: Timestamp,
    ) -> Result<Staged, Error> {
        let mut staged = Staged::default();
        let names = [self.namespace.owner_role(), self.namespace.release_role()];
        let roles = [Some(&mut self.owner), self.release.as_mut()];
        for ((role, name), signers) in roles.into_iter().zip(names).zip([owners, releasers]) {
            let Some(role) = role.filter(|role| role.changed) else { continue };
            if signers.is_empty() {
                let reason = "it changed, and nobody is here to sign it".to_owned();
                return Err(Error::Signatures { role: name, reason });
            }
            role.targets.version += 1;
            role.targets.expires = WholeSecond::after(now, LASTS);
            let file = format!("metadata/{}.{name}.json", role.targets.version);
            staged.files.insert(file, Document::Targets(role.targets.clone()).sign(signers)?);
        }
        for (path, bytes) in self.blobs {
            let digest = skywright_contract::Digest::of(&bytes);
            staged.files.insert(format!("targets/{}", path.hashed(&digest)), bytes);
        }
        Ok(staged)
    }

    fn lists(&self, path: &TargetPath) -> bool {
        std::iter::once(&self.owner).chain(&self.release).any(|role| role.targets.targets.contains_key(path))
    }

    fn put(&mut self, path: TargetPath, entry: TargetEntry, bytes: &[u8]) {
        let role =
            if self.owner.targets.delegations.is_some() { self.release_role() } else { &mut self.owner };
        role.targets.targets.insert(path.clone(), entry);
        role.changed = true;
        self.blobs.insert(path, bytes.to_vec());
    }

    fn release_role(&mut self) -> &mut Role {
        let first =
            || Role { targets: Targets::new(0, WholeSecond::new(Timestamp::UNIX_EPOCH)), changed: true };
        self.release.get_or_insert_with(first)
    }
}

/// Who owns a namespace by these metadata files, as [`Verifier::metadata`](super::Verifier::metadata) gives them;
/// `None` if nobody does.
///
/// # Errors
///
/// [`Error::Metadata`] if the repository's own list of files does not read.
pub fn owners(
    namespace: &Namespace,
    metadata: &BTreeMap<String, Vec<u8>>,
) -> Result<Option<RoleKeys>, Error> {
    let Some(targets) = read_role("targets", metadata)? else { return Ok(None) };
    let owners = targets.targets.delegation(&namespace.owner_role());
    Ok(owners.map(|it| RoleKeys { keyids: it.keyids.clone(), threshold: it.threshold }))
}

/// The newest version of a role among the files.
fn read_role(name: &str, metadata: &BTreeMap<String, Vec<u8>>) -> Result<Option<Role>, Error> {
    let version = |file: &str| file.strip_suffix(&format!(".{name}.json"))?.parse::<u64>().ok();
    let newest = metadata.iter().filter_map(|(file, bytes)| Some((version(file)?, file, bytes))).max();
    let Some((_, file, bytes)) = newest else { return Ok(None) };
    match Signed::read(file, bytes)?.document {
        Document::Targets(targets) => Ok(Some(Role { targets, changed: false })),
        _ => Err(Error::Metadata { what: file.clone(), reason: "it is no targets role".to_owned() }),
    }
}

impl Error {
    fn component(source: PackageError) -> Self {
        Self::Package { path: TargetPath::COMPONENT.into(), source }
    }
}
