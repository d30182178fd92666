//! A bundle as it is written: the same archive for the same contents, and all at once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use skywright_contract::{Digest, Package};
use skywright_files::folder_of;
use tar::{Builder, EntryType, Header};

use super::archive::{INDEX_FILE, LAYOUT_FILE};
use super::contents::{Bundle, MAX_DEPTH, blob_name};
use super::oci::{self, Descriptor, Index, Manifest, WasmComponent, WasmConfig};
use super::problem::BundleProblem;
use super::{ARTIFACT_TYPE, Artifact, METADATA_TYPE, REGISTRY_TYPE, SINCE, Side};
use crate::error::Error;
use crate::files::read_if_there;
use crate::tuf::{PluginFile, Target};

/// The largest index or manifest that is read, in bytes.
const MAX_JSON_BYTES: u64 = 4 << 20;

/// Where the bytes of a blob are taken from when the archive is written.
#[derive(Debug, Clone)]
enum Source<'a> {
    Bytes(Vec<u8>),
    File(PathBuf),
    Bundle(&'a Bundle),
}

/// Collects what a bundle is to hold, then writes it.
#[derive(Debug, Default)]
pub(super) struct Writer<'a> {
    blobs: BTreeMap<Digest, (u64, Source<'a>)>,
    /// By name, which is the order of the index.
    artifacts: BTreeMap<String, Descriptor>,
    since: Option<Digest>,
}

impl<'a> Writer<'a> {
    /// The bundle leaves out blobs that `since` has.
    pub(super) fn build_on(&mut self, since: Option<Digest>) {
        self.since = since;
    }

    /// A repository's metadata.
    pub(super) fn metadata(&mut self, side: Side, files: BTreeMap<String, Vec<u8>>) -> Result<(), Error> {
        let mut layers = Vec::new();
        for (name, bytes) in files {
            let layer = self.bytes("application/json", bytes).annotated(oci::TITLE, &name);
            layers.push(layer);
        }
        let config = self.bytes(oci::EMPTY, b"{}".to_vec());
        self.artifact(format!("{side}-metadata"), Some(METADATA_TYPE), config, layers)
    }

    /// A plugin's files in one version: of each what was signed of it, and where its bytes are, unless they
    /// are left out. The component is among them and is not left out without a copy of `package`.
    pub(super) fn plugin(
        &mut self,
        of: &PluginFile,
        package: &Package,
        files: &[(Target, Option<PathBuf>)],
    ) -> Result<(), Error> {
        let mut layers: Vec<_> = files.iter().map(|(target, path)| self.file(target, path.clone())).collect();
        // A reader of WebAssembly artifacts takes the first layer.
        layers.sort_by_key(|layer| layer.media_type != oci::WASM);
        let config = WasmConfig {
            created: "1970-01-01T00:00:00Z",
            architecture: "wasm",
            os: "wasip2",
            layer_digests: layers.iter().map(|layer| layer.digest).collect(),
            component: WasmComponent { exports: package.exports.clone(), imports: package.imports.clone() },
        };
        let config = self.bytes(oci::WASM_CONFIG, json("an artifact's configuration", &config)?);
        self.artifact(format!("plugins/{}:{}", of.id, of.version), None, config, layers)
    }

    /// The repository's own files.
    pub(super) fn registry(&mut self, files: &[(Target, Option<PathBuf>)]) -> Result<(), Error> {
        let layers = files.iter().map(|(target, path)| self.file(target, path.clone())).collect();
        let config = self.bytes(oci::EMPTY, b"{}".to_vec());
        self.artifact("registry".to_owned(), Some(REGISTRY_TYPE), config, layers)
    }

    /// What an image layout in a folder holds, as `skopeo copy … oci:FOLDER` writes one, without the blobs in
    /// `leave_out`. It has one artifact, which may be an index of several.
    pub(super) fn layout(
        &mut self,
        name: &str,
        folder: &Path,
        leave_out: &BTreeSet<Digest>,
    ) -> Result<(), Error> {
        let index: Index = read_json(&folder.join(INDEX_FILE))?;
        let [descriptor] = index.manifests.as_slice() else {
            let reason = format!("it lists {} artifacts, and has to list one", index.manifests.len());
            return Err(Error::Metadata { what: folder.display().to_string(), reason });
        };
        self.layout_blobs(folder, descriptor, leave_out, 0)?;
        let mut descriptor = descriptor.clone();
        descriptor.annotations.clear();
        self.artifacts.insert(name.to_owned(), descriptor.annotated(oci::REF_NAME, name));
        Ok(())
    }

    fn layout_blobs(
        &mut self,
        folder: &Path,
        descriptor: &Descriptor,
        leave_out: &BTreeSet<Digest>,
        depth: u32,
    ) -> Result<(), Error> {
        let path = |descriptor: &Descriptor| folder.join(blob_name(&descriptor.digest.0));
        let own = path(descriptor);
        let below = match descriptor.media_type.as_str() {
            oci::MANIFEST => {
                let manifest: Manifest = read_json(&own)?;
                for part in std::iter::once(&manifest.config).chain(&manifest.layers) {
                    if !leave_out.contains(&part.digest.0) {
                        self.blobs.insert(part.digest.0, (part.size, Source::File(path(part))));
                    }
                }
                Vec::new()
            }
            oci::INDEX if depth < MAX_DEPTH => read_json::<Index>(&own)?.manifests,
            _ => {
                let reason = "it is neither a manifest nor an index of the image format".to_owned();
                return Err(Error::Metadata { what: own.display().to_string(), reason });
            }
        };
        self.blobs.insert(descriptor.digest.0, (descriptor.size, Source::File(own)));
        below.iter().try_for_each(|below| self.layout_blobs(folder, below, leave_out, depth + 1))
    }

    /// An artifact of another bundle as it is, without the blobs in `leave_out`.
    pub(super) fn carry(&mut self, from: &'a Bundle, artifact: &Artifact, leave_out: &BTreeSet<Digest>) {
        for (digest, length) in &artifact.blobs {
            if from.holds(digest) && !leave_out.contains(digest) {
                self.blobs.insert(*digest, (*length, Source::Bundle(from)));
            }
        }
        self.artifacts.insert(artifact.name.clone(), artifact.descriptor().clone());
    }

    /// Writes the archive and puts it in the place of `path`, all at once. Returns the bundle's id.
    pub(super) fn write(self, path: &Path) -> Result<Digest, Error> {
        let mut annotations = BTreeMap::new();
        if let Some(since) = self.since {
            annotations.insert(SINCE.to_owned(), since.to_string());
        }
        let index = Index {
            schema_version: 2,
            media_type: Some(oci::INDEX.to_owned()),
            artifact_type: Some(ARTIFACT_TYPE.to_owned()),
            manifests: self.artifacts.into_values().collect(),
            annotations,
        };
        let index = json("a bundle's index", &index)?;
        write_archive(&index, &self.blobs, path)?;
        Ok(Digest::of(&index))
    }

    fn file(&mut self, target: &Target, path: Option<PathBuf>) -> Descriptor {
        if let Some(path) = path {
            self.blobs.insert(target.digest, (target.length_bytes, Source::File(path)));
        }
        let title = target.path.as_str().rsplit_once('/').map_or("", |(_, file)| file);
        Descriptor::of(media_type(title), target.digest, target.length_bytes).annotated(oci::TITLE, title)
    }

    fn bytes(&mut self, media_type: &str, bytes: Vec<u8>) -> Descriptor {
        let (digest, length) = (Digest::of(&bytes), bytes.len() as u64);
        self.blobs.insert(digest, (length, Source::Bytes(bytes)));
        Descriptor::of(media_type, digest, length)
    }

    fn artifact(
        &mut self,
        name: String,
        artifact_type: Option<&str>,
        config: Descriptor,
        layers: Vec<Descriptor>,
    ) -> Result<(), Error> {
        let manifest = Manifest {
            schema_version: 2,
            media_type: Some(oci::MANIFEST.to_owned()),
            artifact_type: artifact_type.map(str::to_owned),
            config,
            layers,
            annotations: BTreeMap::new(),
        };
        let mut descriptor = self.bytes(oci::MANIFEST, json("an artifact's manifest", &manifest)?);
        descriptor.artifact_type = artifact_type.map(str::to_owned);
        let descriptor = descriptor.annotated(oci::REF_NAME, &name);
        self.artifacts.insert(name, descriptor);
        Ok(())
    }
}

/// Writes a bundle of an index and blobs that came apart from each other, as an OCI registry keeps them. The
/// same index and blobs give the same bytes; whether they fit together shows when the bundle is opened.
///
/// # Errors
///
/// [`Error::Bundle`] for a file with other bytes than its digest says; [`Error::File`].
pub fn pack(index: &[u8], blobs: &BTreeMap<Digest, PathBuf>, out: &Path) -> Result<Digest, Error> {
    let mut sources = BTreeMap::new();
    for (digest, path) in blobs {
        let length = fs::metadata(path).map_err(Error::file("read", path))?.len();
        sources.insert(*digest, (length, Source::File(path.clone())));
    }
    write_archive(index, &sources, out)?;
    Ok(Digest::of(index))
}

/// The archive, in the place of `path` and all at once.
fn write_archive(
    index: &[u8],
    blobs: &BTreeMap<Digest, (u64, Source<'_>)>,
    path: &Path,
) -> Result<(), Error> {
    let folder = folder_of(path);
    let mut file = tempfile::Builder::new()
        .prefix(".skywright-")
        .permissions(fs::Permissions::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(Error::file("create a file in", folder))?;
    let failed = Error::file("write", path);
    let mut archive = Builder::new(BufWriter::with_capacity(1 << 20, file.as_file_mut()));
    // In the order of the names.
    for (digest, (length, source)) in blobs {
        append_blob(&mut archive, digest, *length, source, path)?;
    }
    append(&mut archive, INDEX_FILE, index.len() as u64, index).map_err(&failed)?;
    let layout = br#"{"imageLayoutVersion":"1.0.0"}"#;
    append(&mut archive, LAYOUT_FILE, layout.len() as u64, layout.as_slice()).map_err(&failed)?;
    archive.into_inner().and_then(|mut out| out.flush()).map_err(&failed)?;
    file.as_file().sync_all().map_err(&failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}

fn json(what: &'static str, value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::Encode { what, reason: error.to_string() })
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let bytes = read_if_there(path, MAX_JSON_BYTES)?;
    let bytes = bytes.ok_or_else(|| Error::file("read", path)(std::io::ErrorKind::NotFound.into()))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Error::Metadata { what: path.display().to_string(), reason: error.to_string() })
}

fn media_type(file: &str) -> &'static str {
    match file {
        _ if file.ends_with(".wasm") => oci::WASM,
        _ if file.ends_with(".cdx.json") => "application/vnd.cyclonedx+json",
        _ if file.ends_with(".intoto.json") => "application/vnd.in-toto+json",
        _ if file.ends_with(".json") => "application/json",
        _ if file.ends_with(".md") => "text/markdown",
        _ => "application/octet-stream",
    }
}

fn append_blob(
    archive: &mut Builder<impl Write>,
    digest: &Digest,
    length: u64,
    source: &Source<'_>,
    out: &Path,
) -> Result<(), Error> {
    let name = blob_name(digest);
    let mut from: Box<dyn Read + '_> = match source {
        Source::Bytes(bytes) => Box::new(bytes.as_slice()),
        Source::File(path) => Box::new(File::open(path).map_err(Error::file("read", path))?),
        Source::Bundle(bundle) => Box::new(bundle.reader(digest)?),
    };
    let mut hashed = Hashed { from: &mut from, hash: Sha256::new() };
    append(archive, &name, length, &mut hashed).map_err(Error::file("write", out))?;
    // What was checked when it came may have changed since.
    if Digest::from(<[u8; 32]>::from(hashed.hash.finalize())) != *digest {
        return Err(Error::Bundle {
            path: out.to_owned(),
            problem: BundleProblem::Digest { digest: *digest },
        });
    }
    Ok(())
}

/// An entry with nothing of this machine in it.
fn append(
    archive: &mut Builder<impl Write>,
    name: &str,
    length: u64,
    from: impl Read,
) -> std::io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_path(name)?;
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(length);
    header.set_cksum();
    let mut from = from.take(length);
    archive.append(&header, &mut from)?;
    if from.limit() == 0 { Ok(()) } else { Err(std::io::Error::other("a file became shorter meanwhile")) }
}

struct Hashed<'a> {
    from: &'a mut dyn Read,
    hash: Sha256,
}

impl Read for Hashed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.from.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}
