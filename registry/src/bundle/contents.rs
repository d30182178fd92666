//! A bundle that was opened: which artifacts it lists, and their bytes.
//!
//! All that is known here is that the bundle is whole and well formed. Nothing in it is trusted yet.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use skywright_contract::Digest;

use super::archive::{self, BLOBS, INDEX_FILE, LAYOUT_FILE, Place, Table};
use super::limits::Limits;
use super::oci::{self, Descriptor, Index, LayoutVersion, Manifest, Prefixed};
use super::problem::BundleProblem;
use super::{ARTIFACT_TYPE, Artifact, ArtifactKind, Layer, METADATA_TYPE, REGISTRY_TYPE, SINCE, Side};
use crate::error::Error;
use crate::tuf::TargetPath;

/// How deep an index may name another.
pub(super) const MAX_DEPTH: u32 = 3;

/// A bundle's file: whole and well formed, and not trusted.
///
/// It is read through one open file from beginning to end, so a file that is swapped for another
/// afterwards is never looked at; one that is changed in place is found out when its bytes are used.
#[derive(Debug)]
pub struct Bundle {
    path: PathBuf,
    file: File,
    table: Table,
    limits: Limits,
    id: Digest,
    since: Option<Digest>,
    artifacts: Vec<Artifact>,
}

impl Bundle {
    /// Reads the bundle once, checking the digest of everything in it. Costs a pass over the file; what is
    /// in memory afterwards is its index and manifests.
    ///
    /// # Errors
    ///
    /// [`Error::File`], and [`Error::Bundle`] with what is wrong with it.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, Error> {
        let failed = Error::file("read", path);
        let file = File::open(path).map_err(&failed)?;
        let meta = file.metadata().map_err(&failed)?;
        if !meta.is_file() {
            return Err(failed(std::io::Error::other("it is not a regular file")));
        }
        let problem = |problem| Error::Bundle { path: path.to_owned(), problem };
        size(&meta, &limits).map_err(problem)?;
        let table = Table::read(BufReader::with_capacity(1 << 20, &file), &limits).map_err(problem)?;
        Self::of(path, file, table, limits).map_err(problem)
    }

    fn of(path: &Path, file: File, table: Table, limits: Limits) -> Result<Self, BundleProblem> {
        let layout: LayoutVersion = parse(LAYOUT_FILE, &table.layout)?;
        if layout.image_layout_version != "1.0.0" {
            return Err(wrong(LAYOUT_FILE, "its version is not 1.0.0"));
        }
        let index: Index = parse(INDEX_FILE, &table.index)?;
        if index.schema_version != 2 || index.artifact_type.as_deref() != Some(ARTIFACT_TYPE) {
            return Err(wrong(INDEX_FILE, &format!("it is not of the type {ARTIFACT_TYPE}")));
        }
        let since = match index.annotations.get(SINCE) {
            None => None,
            Some(text) => {
                Some(text.parse().map_err(|_| wrong(INDEX_FILE, "what it builds on is no digest"))?)
            }
        };
        let id = Digest::of(&table.index);
        let mut bundle =
            Self { path: path.to_owned(), file, table, limits, id, since, artifacts: Vec::new() };
        let mut seen = Seen::default();
        let (mut names, mut artifacts) = (BTreeSet::new(), Vec::new());
        for descriptor in index.manifests {
            let artifact = bundle.artifact(descriptor, &mut seen)?;
            if !names.insert(artifact.name.clone()) {
                return Err(wrong(INDEX_FILE, &format!("it names `{}` twice", artifact.name)));
            }
            artifacts.push(artifact);
        }
        bundle.artifacts = artifacts;
        match bundle.table.blobs.keys().find(|digest| !seen.blobs.contains_key(*digest)) {
            Some(stray) => Err(BundleProblem::Stray { digest: *stray }),
            None => Ok(bundle),
        }
    }

    /// The bundle's file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What tells it from every other bundle: the digest of its index.
    #[must_use]
    pub fn id(&self) -> Digest {
        self.id
    }

    /// The bundle that it leaves out the blobs of; `None` if it is complete.
    #[must_use]
    pub fn since(&self) -> Option<Digest> {
        self.since
    }

    /// Its index, byte for byte.
    #[must_use]
    pub fn index(&self) -> &[u8] {
        &self.table.index
    }

    /// What it lists, in its own order.
    #[must_use]
    pub fn artifacts(&self) -> &[Artifact] {
        &self.artifacts
    }

    /// Every blob that is named, whether or not it is in the bundle, with its length in bytes.
    #[must_use]
    pub fn named_blobs(&self) -> BTreeMap<Digest, u64> {
        let mut named = BTreeMap::new();
        for artifact in &self.artifacts {
            named.extend(artifact.blobs.iter().map(|(digest, length)| (*digest, *length)));
        }
        named
    }

    /// Whether the blob itself is in the bundle.
    #[must_use]
    pub fn holds(&self, digest: &Digest) -> bool {
        self.table.blobs.contains_key(digest)
    }

    /// How many bytes of blobs are in the bundle.
    #[must_use]
    pub fn held_bytes(&self) -> u64 {
        self.table.blobs.values().map(|place| place.length).sum()
    }

    /// The metadata files of a repository, by name; empty if the bundle has none of it.
    ///
    /// # Errors
    ///
    /// [`Error::Bundle`] if they are not all in the bundle, or too large; [`Error::File`].
    pub fn metadata(&self, side: Side) -> Result<BTreeMap<String, Vec<u8>>, Error> {
        let (mut files, mut total) = (BTreeMap::new(), 0);
        let wanted = ArtifactKind::Metadata(side);
        for layer in self.artifacts.iter().filter(|a| a.kind == wanted).flat_map(|a| &a.layers) {
            total += layer.length_bytes;
            if total > self.limits.all_metadata_bytes {
                let limit = format!("{} bytes", self.limits.all_metadata_bytes);
                return Err(
                    self.problem(BundleProblem::TooLarge { what: format!("the {side} metadata"), limit })
                );
            }
            files.insert(layer.title.clone(), self.bytes(&layer.digest, self.limits.metadata_bytes)?);
        }
        Ok(files)
    }

    /// The layer that is the target's file, if the bundle names one.
    #[must_use]
    pub fn layer(&self, path: &TargetPath) -> Option<&Layer> {
        self.targets().find(|(known, _)| *known == path).map(|(_, layer)| layer)
    }

    /// Every file of a repository that the bundle names.
    pub fn targets(&self) -> impl Iterator<Item = (&TargetPath, &Layer)> {
        let layers = self.artifacts.iter().flat_map(|artifact| &artifact.layers);
        layers.filter_map(|layer| Some((layer.path.as_ref()?, layer)))
    }

    /// A blob that is in the bundle, whole and checked again.
    ///
    /// # Errors
    ///
    /// [`Error::Bundle`] if it is not there, larger than `limit_bytes`, or other than it was; [`Error::File`].
    pub fn bytes(&self, digest: &Digest, limit_bytes: u64) -> Result<Vec<u8>, Error> {
        let place = self.place(digest)?;
        if place.length > limit_bytes {
            let what = format!("the blob {digest}");
            return Err(self.problem(BundleProblem::TooLarge { what, limit: format!("{limit_bytes} bytes") }));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(place.length).unwrap_or(0));
        self.reader(digest)?.read_to_end(&mut bytes).map_err(Error::file("read", &self.path))?;
        if Digest::of(&bytes) != *digest {
            return Err(self.problem(BundleProblem::Digest { digest: *digest }));
        }
        Ok(bytes)
    }

    /// A blob's bytes as they come, not checked again: the caller has to.
    ///
    /// # Errors
    ///
    /// As for [`bytes`](Self::bytes).
    pub fn reader(&self, digest: &Digest) -> Result<impl Read + '_, Error> {
        let place = self.place(digest)?;
        let mut file = &self.file;
        file.seek(SeekFrom::Start(place.offset)).map_err(Error::file("read", &self.path))?;
        Ok(file.take(place.length))
    }

    pub(super) fn problem(&self, problem: BundleProblem) -> Error {
        Error::Bundle { path: self.path.clone(), problem }
    }

    fn place(&self, digest: &Digest) -> Result<Place, Error> {
        self.table
            .blobs
            .get(digest)
            .copied()
            .ok_or_else(|| self.problem(BundleProblem::Absent { digest: *digest }))
    }

    /// An artifact of the index, and everything that it names.
    fn artifact(&self, descriptor: Descriptor, seen: &mut Seen) -> Result<Artifact, BundleProblem> {
        let name = descriptor
            .annotation(oci::REF_NAME)
            .filter(|name| is_name(name))
            .ok_or_else(|| wrong(INDEX_FILE, "an artifact in it has no name, or none that it can have"))?
            .to_owned();
        let mut blobs = BTreeMap::new();
        let manifest = self.named(&descriptor, &mut blobs, seen, 0)?;
        let kind = kind(&name, &descriptor, manifest.as_ref())?;
        let layers = match (&manifest, &kind) {
            (
                Some(manifest),
                ArtifactKind::Metadata(_) | ArtifactKind::Plugin { .. } | ArtifactKind::Registry,
            ) => {
                manifest.layers.iter().map(|layer| layer_of(&name, &kind, layer)).collect::<Result<_, _>>()?
            }
            _ => Vec::new(),
        };
        let titles: BTreeSet<_> = layers.iter().map(|layer: &Layer| &layer.title).collect();
        if titles.len() != layers.len() {
            return Err(wrong(&name, "two of its files have one name"));
        }
        let must_be_whole = self.since.is_none() || matches!(kind, ArtifactKind::Metadata(_));
        if must_be_whole && let Some(absent) = blobs.keys().find(|digest| !self.holds(digest)) {
            return Err(BundleProblem::Absent { digest: *absent });
        }
        Ok(Artifact { name, kind, digest: descriptor.digest.0, layers, blobs, descriptor })
    }

    /// Notes the blobs that a descriptor and what is below it name. The manifest, unless it is an index.
    fn named(
        &self,
        descriptor: &Descriptor,
        blobs: &mut BTreeMap<Digest, u64>,
        seen: &mut Seen,
        depth: u32,
    ) -> Result<Option<Manifest>, BundleProblem> {
        self.note(descriptor, blobs, seen)?;
        let what = descriptor.digest.0.to_string();
        match descriptor.media_type.as_str() {
            oci::MANIFEST => {
                let manifest: Manifest = parse(&what, &self.small(descriptor)?)?;
                if manifest.schema_version != 2 {
                    return Err(wrong(&what, "its schema version is not 2"));
                }
                for part in std::iter::once(&manifest.config).chain(&manifest.layers) {
                    self.note(part, blobs, seen)?;
                }
                Ok(Some(manifest))
            }
            oci::INDEX if depth < MAX_DEPTH => {
                let index: Index = parse(&what, &self.small(descriptor)?)?;
                for below in &index.manifests {
                    self.named(below, blobs, seen, depth + 1)?;
                }
                Ok(None)
            }
            _ => Err(wrong(&what, "it is neither a manifest nor an index, or too deep in one")),
        }
    }

    fn note(
        &self,
        descriptor: &Descriptor,
        blobs: &mut BTreeMap<Digest, u64>,
        seen: &mut Seen,
    ) -> Result<(), BundleProblem> {
        let (Prefixed(digest), length) = (descriptor.digest, descriptor.size);
        seen.count += 1;
        if seen.count > self.limits.entries * 2 {
            let limit = format!("{}", self.limits.entries * 2);
            return Err(BundleProblem::TooLarge { what: "the number of descriptors".to_owned(), limit });
        }
        let here = self.table.blobs.get(&digest).map(|place| place.length);
        let before = *seen.blobs.entry(digest).or_insert(length);
        if before != length || here.is_some_and(|here| here != length) {
            return Err(wrong(&digest.to_string(), "its length is said to be another than it is"));
        }
        blobs.insert(digest, length);
        Ok(())
    }

    /// A manifest or an index: always in the bundle, and small.
    fn small(&self, descriptor: &Descriptor) -> Result<Vec<u8>, BundleProblem> {
        let digest = descriptor.digest.0;
        let place = self.table.blobs.get(&digest).ok_or(BundleProblem::Absent { digest })?;
        if place.length > self.limits.json_bytes {
            let limit = format!("{} bytes", self.limits.json_bytes);
            return Err(BundleProblem::TooLarge { what: format!("the manifest {digest}"), limit });
        }
        let mut file = &self.file;
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(place.offset))
            .and_then(|_| file.take(place.length).read_to_end(&mut bytes))
            .map_err(archive::garbled)?;
        if Digest::of(&bytes) == digest { Ok(bytes) } else { Err(BundleProblem::Digest { digest }) }
    }
}

/// What descriptors have named so far.
#[derive(Debug, Default)]
struct Seen {
    blobs: BTreeMap<Digest, u64>,
    count: usize,
}

fn size(meta: &std::fs::Metadata, limits: &Limits) -> Result<(), BundleProblem> {
    let too_large = |limit: String| BundleProblem::TooLarge { what: "the archive".to_owned(), limit };
    if meta.len() > limits.archive_bytes {
        return Err(too_large(format!("{} bytes", limits.archive_bytes)));
    }
    // A file made of holes takes no room until it is unpacked. Small files are let be: some file systems
    // keep them where no block is counted.
    let taken_bytes = meta.blocks().saturating_mul(512).max(1 << 20);
    if meta.len() / taken_bytes > limits.expansion {
        return Err(too_large(format!("{} times the room that it takes", limits.expansion)));
    }
    Ok(())
}

fn kind(
    name: &str,
    descriptor: &Descriptor,
    manifest: Option<&Manifest>,
) -> Result<ArtifactKind, BundleProblem> {
    let Some(manifest) = manifest else { return Ok(ArtifactKind::Other) };
    let artifact_type = manifest.artifact_type.as_deref().or(descriptor.artifact_type.as_deref());
    match (name, artifact_type, manifest.config.media_type.as_str()) {
        ("upstream-metadata", Some(METADATA_TYPE), _) => Ok(ArtifactKind::Metadata(Side::Upstream)),
        ("site-metadata", Some(METADATA_TYPE), _) => Ok(ArtifactKind::Metadata(Side::Site)),
        ("registry", Some(REGISTRY_TYPE), _) => Ok(ArtifactKind::Registry),
        (_, _, oci::WASM_CONFIG) if name.starts_with("plugins/") => {
            let (id, version) = name
                .strip_prefix("plugins/")
                .and_then(|rest| rest.split_once(':'))
                .and_then(|(id, version)| Some((id.parse().ok()?, version.parse().ok()?)))
                .ok_or_else(|| wrong(name, "it is named like a plugin, and names none"))?;
            Ok(ArtifactKind::Plugin { id, version })
        }
        ("upstream-metadata" | "site-metadata" | "registry", _, _) => {
            Err(wrong(name, "it is not of the type that its name says"))
        }
        _ if name.starts_with("plugins/") => Err(wrong(name, "it is named like a plugin, and is none")),
        _ => Ok(ArtifactKind::Other),
    }
}

fn layer_of(artifact: &str, kind: &ArtifactKind, descriptor: &Descriptor) -> Result<Layer, BundleProblem> {
    let title = descriptor
        .annotation(oci::TITLE)
        .filter(|title| is_title(title))
        .ok_or_else(|| wrong(artifact, "a file in it has no name, or none that it can have"))?;
    let path = match kind {
        ArtifactKind::Plugin { id, version } => Some(format!("plugins/{id}/{version}/{title}")),
        ArtifactKind::Registry => Some(format!("registry/{title}")),
        _ => None,
    };
    let path = path.map(|path| path.parse::<TargetPath>()).transpose();
    Ok(Layer {
        title: title.to_owned(),
        path: path.map_err(|error| wrong(artifact, &error.to_string()))?,
        media_type: descriptor.media_type.clone(),
        digest: descriptor.digest.0,
        length_bytes: descriptor.size,
    })
}

/// A metadata or target file's name: one segment of a path, and never one that hides.
fn is_title(title: &str) -> bool {
    (1..=120).contains(&title.len())
        && !title.starts_with('.')
        && title.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_'))
}

/// A name for what this program only carries: not one that means something else.
pub(super) fn is_free_name(name: &str) -> bool {
    is_name(name)
        && !name.starts_with("plugins/")
        && !["upstream-metadata", "site-metadata", "registry"].contains(&name)
}

fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len())
        && name
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b'_' | b'/' | b':' | b'@'))
}

fn parse<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, BundleProblem> {
    serde_json::from_slice(bytes).map_err(|error| wrong(what, &error.to_string()))
}

fn wrong(what: &str, reason: &str) -> BundleProblem {
    // Parts of the reason may be foreign text.
    let reason = reason.chars().filter(|c| !c.is_control()).take(300).collect();
    BundleProblem::Layout { what: what.to_owned(), reason }
}

impl Artifact {
    pub(super) fn descriptor(&self) -> &Descriptor {
        &self.descriptor
    }
}

/// The name of a blob's file in the archive.
pub(super) fn blob_name(digest: &Digest) -> String {
    format!("{BLOBS}{}", digest.hex())
}
