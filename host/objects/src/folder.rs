//! Files of this machine.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use jiff::Timestamp;
use md5::{Digest, Md5};
use tempfile::NamedTempFile;
use tokio::task::spawn_blocking;

use crate::error::Error;
use crate::plan::Skipped;

/// What files that are not complete are called; a scan leaves them out.
const PART_PREFIX: &str = ".skywright-";
const PART_SUFFIX: &str = ".part";

/// A regular file below a folder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LocalFile {
    pub(crate) size_bytes: u64,
    pub(crate) modified: Option<SystemTime>,
}

/// What is below a folder, by names with `/` between their segments.
#[derive(Debug, Default)]
pub(crate) struct Scan {
    pub(crate) files: BTreeMap<String, LocalFile>,
    pub(crate) skipped: Vec<Skipped>,
}

/// Runs what blocks where it may.
pub(crate) async fn blocking<T: Send + 'static>(
    path: &Path,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let lost = |_| Error::file(path, io::Error::other("the task ended early"));
    spawn_blocking(work).await.map_err(lost)?
}

/// Everything below a folder. Symbolic links are not followed.
pub(crate) fn scan(root: &Path) -> Result<Scan, Error> {
    let mut scan = Scan::default();
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let entries = fs::read_dir(&folder).map_err(|error| Error::file(&folder, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| Error::file(&folder, error))?;
            let Some(own) = entry.file_name().to_str().map(ToOwned::to_owned) else {
                let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
                scan.skipped.push(Skipped { name, reason: "its name is no UTF-8" });
                continue;
            };
            let name = format!("{prefix}{own}");
            let path = entry.path();
            let metadata = fs::symlink_metadata(&path).map_err(|error| Error::file(&path, error))?;
            if metadata.is_dir() {
                folders.push((path, format!("{name}/")));
            } else if !metadata.is_file() {
                scan.skipped.push(Skipped { name, reason: "it is a symbolic link or no regular file" });
            } else if !(own.starts_with(PART_PREFIX) && own.ends_with(PART_SUFFIX)) {
                let file = LocalFile { size_bytes: metadata.len(), modified: metadata.modified().ok() };
                scan.files.insert(name, file);
            }
        }
    }
    Ok(scan)
}

/// The MD5 of a file, in hexadecimal digits.
pub(crate) fn md5_of(path: &Path) -> Result<String, Error> {
    let mut file = fs::File::open(path).map_err(|error| Error::file(path, error))?;
    let mut hasher = Hasher(Md5::new());
    io::copy(&mut file, &mut hasher).map_err(|error| Error::file(path, error))?;
    Ok(hasher.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

struct Hasher(Md5);

impl io::Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes the folders that a file below `root` lies in. A symbolic link among them is refused: it would
/// lead out of `root`. (Whoever may write to `root` meanwhile can still put one there.)
pub(crate) fn make_parents(root: &Path, name: &str) -> Result<(), Error> {
    fs::create_dir_all(root).map_err(|error| Error::file(root, error))?;
    let Some((parents, _)) = name.rsplit_once('/') else { return Ok(()) };
    let mut path = root.to_owned();
    for segment in parents.split('/') {
        path.push(segment);
        match fs::symlink_metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {}
            Ok(_) => return Err(Error::Local { path, reason: "it is no folder, or a symbolic link to one" }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                fs::create_dir(&path)
                    .or_else(|error| if path.is_dir() { Ok(()) } else { Err(error) })
                    .map_err(|error| Error::file(&path, error))?;
            }
            Err(error) => return Err(Error::file(&path, error)),
        }
    }
    Ok(())
}

/// A file that is being written beside its place. Dropped before [`finish`](Target::finish) it is gone.
#[derive(Debug)]
pub(crate) struct Target {
    path: PathBuf,
    part: NamedTempFile,
}

impl Target {
    pub(crate) async fn create(path: &Path) -> Result<Self, Error> {
        let own = path.to_owned();
        blocking(path, move || Self::create_now(own)).await
    }

    pub(crate) fn create_now(path: PathBuf) -> Result<Self, Error> {
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir()) {
            return Err(Error::Local { path, reason: "a folder is in its place" });
        }
        let part = tempfile::Builder::new()
            .prefix(PART_PREFIX)
            .suffix(PART_SUFFIX)
            // As any other file: the process's mask takes from it.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder_of(&path))
            .map_err(|error| Error::file(&path, error))?;
        Ok(Self { path, part })
    }

    /// Another handle to the same file.
    pub(crate) fn file(&self) -> Result<tokio::fs::File, Error> {
        Ok(tokio::fs::File::from_std(self.handle()?))
    }

    pub(crate) fn handle(&self) -> Result<fs::File, Error> {
        self.part.as_file().try_clone().map_err(|error| Error::file(&self.path, error))
    }

    /// Brings it to disk and to its place, in this order.
    pub(crate) async fn finish(self, modified: Option<Timestamp>) -> Result<(), Error> {
        let path = self.path.clone();
        blocking(&path, move || self.finish_now(modified)).await
    }

    pub(crate) fn finish_now(self, modified: Option<Timestamp>) -> Result<(), Error> {
        let Self { path, part } = self;
        let tell = |error| Error::file(&path, error);
        if let Some(modified) = modified {
            part.as_file().set_modified(modified.into()).map_err(tell)?;
        }
        part.as_file().sync_all().map_err(tell)?;
        part.persist(&path).map_err(|error| tell(error.error))?;
        let folder = fs::File::open(folder_of(&path)).map_err(tell)?;
        folder.sync_all().map_err(tell)
    }
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
