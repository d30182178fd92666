//! The site's word on a bundle: given, and renewed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
use skywright_contract::{Digest, Package};

use super::contents::Bundle;
use super::judge::{root_digest, upstream};
use super::record::Vetting;
use super::site::{Site, Validity, entry, first_root, renewed};
use super::writer::Writer;
use super::{ArtifactKind, Side};
use crate::error::Error;
use crate::tuf::document::WholeSecond;
use crate::tuf::{HexDigest, Signer, Store, TargetPath, Verifier};

/// The largest component that is looked into, in bytes.
const MAX_COMPONENT_BYTES: u64 = 64 << 20;

/// Who vets, and in whose name.
pub struct Desk<'a> {
    /// The folder of the site's repository. The first vetting makes it, with the signer's key for everything.
    pub folder: &'a Path,
    /// The site's key.
    pub signer: &'a dyn Signer,
    /// The root of the publisher's repository, needed once: afterwards the folder remembers it.
    pub upstream_root: Option<&'a [u8]>,
    /// How long what is signed is good.
    pub validity: Validity,
    /// Who vetted it, for people.
    pub by: &'a str,
    /// Where that is written down, for people.
    pub ticket: Option<&'a str>,
}

/// What was vetted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Vetted {
    /// The id of the bundle that was written.
    pub id: Digest,
    /// The digest of the site's first root: those inside have to be given it, or the root, another way.
    pub site_root_sha256: Digest,
    /// What was signed for, by path.
    pub files: BTreeMap<TargetPath, Digest>,
    /// What was signed of it.
    pub vetting: Vetting,
}

/// Verifies what the publisher signed of everything in a bundle, signs for it in the site's repository, and
/// writes the bundle with that to `out`.
///
/// The publisher's metadata has to be fresh at `now`, which becomes the moment as of which it is judged inside.
/// A component has to be the plugin that its path names. Blobs that the bundle leaves out are signed for by the
/// digest that the publisher signed.
///
/// # Errors
///
/// As for verifying the publisher's side ([`super::verify`]); [`Error::Package`] or [`Error::Metadata`] for a component that is not what its path
/// says; [`Error::Signer`]; [`Error::File`]. Nothing is signed then.
pub async fn vet(bundle: &Bundle, desk: &Desk<'_>, now: Timestamp, out: &Path) -> Result<Vetted, Error> {
    let site = Site::open_or_make(desk.folder, desk.signer, desk.validity, now)?;
    let store = upstream_store(&site.upstream_store(), desk.upstream_root)?;
    let metadata = bundle.metadata(Side::Upstream)?;
    let mut repository = upstream(store, metadata.clone());
    let as_of = WholeSecond::new(now).time();
    let versions = repository.refresh(as_of).await?;
    let Some(root) = root_digest(&metadata, &versions) else {
        return Err(Error::Missing {
            location: bundle.path().display().to_string(),
            file: "root.json".to_owned(),
        });
    };
    let others = bundle.artifacts().iter().filter(|artifact| artifact.kind == ArtifactKind::Other);
    let vetting = Vetting {
        by: desk.by.to_owned(),
        ticket: desk.ticket.map(str::to_owned),
        upstream_as_of: as_of,
        upstream_root_sha256: root,
        upstream_versions: versions,
        artifacts: others.map(|artifact| HexDigest(artifact.digest)).collect(),
    };
    let (mut entries, mut files) = (BTreeMap::new(), BTreeMap::new());
    for (path, layer) in bundle.targets() {
        let target = repository.resolve(path, as_of).await?;
        if (layer.digest, layer.length_bytes) != (target.digest, target.length_bytes) {
            let reason = "the bundle holds other bytes".to_owned();
            return Err(Error::Tampered { what: path.to_string(), reason });
        }
        check_component(bundle, path, &target.digest)?;
        let custom = vetting.custom(target.custom.as_ref()).map_err(|error| Error::Encode {
            what: "the record of the vetting",
            reason: error.to_string(),
        })?;
        files.insert(path.clone(), target.digest);
        entries.insert(path.clone(), entry(&target, custom));
    }
    let signed = site.list(entries, desk.signer, desk.validity, now)?;
    let Some(site_root_sha256) = first_root(&signed) else {
        return Err(Error::Missing {
            location: desk.folder.display().to_string(),
            file: "1.root.json".to_owned(),
        });
    };
    let id = rewrite(bundle, signed, out)?;
    Ok(Vetted { id, site_root_sha256, files, vetting })
}

/// Signs the site's snapshot and timestamp in a bundle anew, for a site whose word ended while it was inside.
/// What was vetted stays what it was. Returns the id of the bundle that was written.
///
/// # Errors
///
/// [`Error::Bundle`] for one that was not vetted, [`Error::Metadata`], [`Error::Signer`], [`Error::File`].
/// Whether the signer may sign for the site shows when the bundle is verified.
pub fn renew(
    bundle: &Bundle,
    signer: &dyn Signer,
    validity: Validity,
    now: Timestamp,
    out: &Path,
) -> Result<Digest, Error> {
    let before = bundle.metadata(Side::Site)?;
    rewrite(bundle, renewed(bundle, &before, signer, validity, now)?, out)
}

/// The bundle with other metadata of the site.
fn rewrite(bundle: &Bundle, site: BTreeMap<String, Vec<u8>>, out: &Path) -> Result<Digest, Error> {
    let mut writer = Writer::default();
    writer.build_on(bundle.since());
    for artifact in bundle.artifacts().iter().filter(|a| a.kind != ArtifactKind::Metadata(Side::Site)) {
        writer.carry(bundle, artifact, &BTreeSet::new());
    }
    writer.metadata(Side::Site, site)?;
    writer.write(out)
}

fn upstream_store(folder: &Path, root: Option<&[u8]>) -> Result<Store, Error> {
    let store = Store::open(folder);
    match (store.pinned_root(), root) {
        (Ok(pinned), Some(root)) if pinned != root => Err(Error::StoreDamaged {
            path: folder.to_owned(),
            reason: "it remembers another root than the one that is given".to_owned(),
        }),
        (Ok(_), _) => Ok(store),
        (Err(_), Some(root)) if !folder.exists() => Store::create(folder, root),
        (Err(error), _) => Err(error),
    }
}

/// The site signs for what a plugin is, so a component has to be the one that its path names.
fn check_component(bundle: &Bundle, path: &TargetPath, digest: &Digest) -> Result<(), Error> {
    let Some(file) = path.plugin().filter(|file| file.file == "component.wasm") else { return Ok(()) };
    if !bundle.holds(digest) {
        return Ok(());
    }
    let bytes = bundle.bytes(digest, MAX_COMPONENT_BYTES)?;
    let package =
        Package::read(&bytes).map_err(|source| Error::Package { path: path.as_str().into(), source })?;
    if package.manifest.id == file.id && package.manifest.version == file.version {
        return Ok(());
    }
    let reason = format!("it is the component of {} {}", package.manifest.id, package.manifest.version);
    Err(Error::Metadata { what: path.to_string(), reason })
}
