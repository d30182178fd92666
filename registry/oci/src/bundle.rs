//! A bundle, by way of a registry.
//!
//! It goes as one artifact, whose layers are its index and each of its blobs: an index of the image format
//! itself would be rewritten by older programs that copy it.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use oci_client::Reference;
use skywright_contract::Digest;
use skywright_registry::Error;
use skywright_registry::bundle::{ARTIFACT_TYPE, Bundle, pack};

use crate::artifact::{self, Descriptor, Listed, MANIFEST, wrong};
use crate::connection::{Access, Connection};
use crate::location::Location;

/// The largest blob that goes this way, in bytes: one at a time is in memory while it is sent.
const MAX_BLOB_BYTES: u64 = 2 << 30;
/// The most blobs of a bundle.
const MAX_BLOBS: usize = 20_000;

/// The name of the layer that is the bundle's index.
const INDEX_TITLE: &str = "index.json";

/// Puts a bundle into a registry under a tag of the location itself. Blobs that it leaves out are left out here
/// too.
///
/// # Errors
///
/// [`Error::Bundle`], [`Error::Transport`], [`Error::Oversize`].
pub async fn push_bundle(
    bundle: &Bundle,
    location: Location,
    tag: &str,
    access: &Access,
) -> Result<(), Error> {
    let connection = Connection::open(location, access)?;
    let reference = connection.location.bundle(checked(tag)?);
    let index = bundle.index();
    let mut layers = vec![Descriptor::titled("application/json", index, INDEX_TITLE)];
    connection.push_blob(&reference, index.to_vec()).await?;
    for (digest, length) in bundle.named_blobs() {
        if length > MAX_BLOB_BYTES {
            return Err(Error::Oversize { what: digest.to_string(), limit_bytes: MAX_BLOB_BYTES });
        }
        if bundle.holds(&digest) {
            let bytes = bundle.bytes(&digest, MAX_BLOB_BYTES)?;
            layers.push(Descriptor::untitled("application/octet-stream", &bytes));
            connection.push_blob(&reference, bytes).await?;
        }
    }
    let (manifest, config) = artifact::manifest(Some(ARTIFACT_TYPE), None, &layers);
    connection.push_blob(&reference, config).await?;
    connection.push_manifest(&reference, manifest, MANIFEST).await
}

/// Fetches a bundle into the file `out`: the bytes are those of the bundle that was pushed. Nothing but their
/// digests is checked; whoever opens it does the rest.
///
/// # Errors
///
/// [`Error::Missing`] if there is none of that tag; [`Error::Transport`], [`Error::Oversize`], [`Error::File`].
pub async fn pull_bundle(
    location: Location,
    tag: &str,
    access: &Access,
    out: &Path,
) -> Result<Digest, Error> {
    let connection = Connection::open(location, access)?;
    let reference = connection.location.bundle(checked(tag)?);
    let folder = out.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let failed = |source| Error::File { action: "create a folder in", path: folder.to_owned(), source };
    let staging = tempfile::Builder::new().prefix(".skywright-").tempdir_in(folder).map_err(failed)?;
    let mut pull =
        Pull { connection: &connection, reference, staging: staging.path(), blobs: BTreeMap::new() };
    let manifest = pull.connection.manifest(&pull.reference).await?;
    let manifest = manifest
        .ok_or_else(|| Error::Missing { location: connection.location.to_string(), file: tag.to_owned() })?;
    let listed = Listed::read("the bundle's manifest", &manifest)?;
    let index =
        listed.titled(INDEX_TITLE).ok_or_else(|| wrong("the bundle's manifest", "it names no index"))?;
    for layer in &listed.layers {
        pull.blob(layer).await?;
    }
    // The one that is not a blob of the bundle.
    let path = pull.blobs.remove(&index.parsed_digest()?).unwrap_or_default();
    let index = std::fs::read(&path).map_err(|source| Error::File { action: "read", path, source })?;
    pack(&index, &pull.blobs, out)
}

struct Pull<'a> {
    connection: &'a Connection,
    reference: Reference,
    staging: &'a Path,
    blobs: BTreeMap<Digest, PathBuf>,
}

impl Pull<'_> {
    async fn blob(&mut self, descriptor: &Descriptor) -> Result<(), Error> {
        let digest = descriptor.parsed_digest()?;
        if self.blobs.contains_key(&digest) {
            return Ok(());
        }
        let mut file = self.create(&digest)?;
        let limit = descriptor.size.min(MAX_BLOB_BYTES);
        let path = self.staging.join(digest.hex());
        let take = |chunk: &[u8]| {
            file.write_all(chunk).map_err(|source| Error::File {
                action: "write",
                path: path.clone(),
                source,
            })
        };
        match self.connection.blob(&self.reference, &digest, limit, take).await? {
            true => Ok(()),
            false => Err(self.missing(&digest)),
        }
    }

    fn create(&mut self, digest: &Digest) -> Result<std::fs::File, Error> {
        if self.blobs.len() == MAX_BLOBS {
            return Err(wrong("the bundle", "it has more blobs than are fetched"));
        }
        let path = self.staging.join(digest.hex());
        let file = std::fs::File::create(&path).map_err(|source| self.failed(digest, source))?;
        self.blobs.insert(*digest, path);
        Ok(file)
    }

    fn failed(&self, digest: &Digest, source: std::io::Error) -> Error {
        Error::File { action: "write", path: self.staging.join(digest.hex()), source }
    }

    fn missing(&self, digest: &Digest) -> Error {
        Error::Missing { location: self.connection.location.to_string(), file: digest.to_string() }
    }
}

/// As the distribution specification has it.
fn checked(tag: &str) -> Result<&str, Error> {
    let is_word = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    let is_tag = (1..=128).contains(&tag.len())
        && tag.bytes().next().is_some_and(is_word)
        && tag.bytes().all(|c| is_word(c) || matches!(c, b'.' | b'-'));
    if is_tag { Ok(tag) } else { Err(wrong("the tag", "letters, digits, `_`, `.` and `-` are expected")) }
}
