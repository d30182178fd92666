//! A repository's folder, put into a registry.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use oci_client::Reference;
use serde::Serialize;
use skywright_contract::{Digest, Package};
use skywright_registry::Error;
use skywright_registry::bundle::{METADATA_TYPE, REGISTRY_TYPE};
use skywright_registry::tuf::TargetPath;

use crate::artifact::{self, Descriptor, MANIFEST, WASM};
use crate::connection::{Access, Connection};
use crate::location::Location;

/// The largest file of a repository that is pushed, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// What was pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pushed {
    /// Metadata files.
    pub metadata: usize,
    /// Artifacts, one for each plugin in each version.
    pub artifacts: usize,
    /// Files of them.
    pub files: usize,
}

/// Puts a repository's folder (`metadata/` and `targets/`) into a registry. Files come first and metadata last,
/// so that nobody finds a name before what it names. What is there already is not sent again.
///
/// Nothing is verified: whoever reads it does that.
///
/// # Errors
///
/// [`Error::File`]; [`Error::Package`] for a component that is none; [`Error::Transport`].
pub async fn push_repository(folder: &Path, location: Location, access: &Access) -> Result<Pushed, Error> {
    let connection = Connection::open(location, access)?;
    let mut groups = BTreeMap::<String, Vec<(TargetPath, PathBuf)>>::new();
    for (target, path) in targets(&folder.join("targets"))? {
        let reference = connection.location.artifact(&target);
        groups.entry(reference.whole()).or_default().push((target, path));
    }
    let mut files = 0;
    for group in groups.values() {
        files += group.len();
        push_group(&connection, group).await?;
    }
    let metadata = push_metadata(&connection, &folder.join("metadata")).await?;
    Ok(Pushed { metadata, artifacts: groups.len(), files })
}

async fn push_group(connection: &Connection, group: &[(TargetPath, PathBuf)]) -> Result<(), Error> {
    let Some((first, _)) = group.first() else { return Ok(()) };
    let reference = connection.location.artifact(first);
    let (mut layers, mut component) = (Vec::new(), None);
    for (target, path) in group {
        let bytes = read(path)?;
        let title = target.as_str().rsplit('/').next().unwrap_or_default();
        let media_type = if title.ends_with(".wasm") { WASM } else { "application/octet-stream" };
        if title == "component.wasm" {
            let package =
                Package::read(&bytes).map_err(|source| Error::Package { path: path.clone(), source })?;
            component = Some(package);
        }
        layers.push(Descriptor::titled(media_type, &bytes, title));
        connection.push_blob(&reference, bytes).await?;
    }
    // A reader of WebAssembly artifacts takes the first layer.
    layers.sort_by_key(|layer| layer.media_type != WASM);
    let artifact_type = first.plugin().is_none().then_some(REGISTRY_TYPE);
    push_artifact(connection, &reference, artifact_type, component.as_ref(), &layers).await
}

async fn push_metadata(connection: &Connection, folder: &Path) -> Result<usize, Error> {
    let reference = connection.location.metadata();
    let mut layers = Vec::new();
    for path in listed(folder)? {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        if path.is_dir() || !name.ends_with(".json") || name.starts_with('.') {
            continue;
        }
        let bytes = read(&path)?;
        layers.push(Descriptor::titled("application/json", &bytes, name));
        connection.push_blob(&reference, bytes).await?;
    }
    push_artifact(connection, &reference, Some(METADATA_TYPE), None, &layers).await?;
    Ok(layers.len())
}

async fn push_artifact(
    connection: &Connection,
    reference: &Reference,
    artifact_type: Option<&str>,
    component: Option<&Package>,
    layers: &[Descriptor],
) -> Result<(), Error> {
    let (manifest, config) = artifact::manifest(artifact_type, component, layers);
    connection.push_blob(reference, config).await?;
    connection.push_manifest(reference, manifest, MANIFEST).await
}

/// Every file below `targets`, with its path in the repository: what stands before its name is its digest.
fn targets(folder: &Path) -> Result<Vec<(TargetPath, PathBuf)>, Error> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(current) = folders.pop() {
        for path in listed(&current)? {
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let below = path.strip_prefix(folder).ok().and_then(|below| below.to_str());
            let target = below.and_then(|below| {
                let (folder, name) = below.rsplit_once('/')?;
                let (hash, file) = name.split_once('.')?;
                hash.parse::<Digest>().ok()?;
                format!("{folder}/{file}").parse::<TargetPath>().ok()
            });
            found.extend(target.map(|target| (target, path)));
        }
    }
    found.sort();
    Ok(found)
}

/// In the order of the names; nothing if there is no such folder.
fn listed(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::File { action: "read", path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
    let bytes = fs::metadata(path).map_err(failed)?.len();
    if bytes > MAX_BYTES {
        return Err(Error::TooLarge { path: path.to_owned(), bytes, limit_bytes: MAX_BYTES });
    }
    fs::read(path).map_err(failed)
}
