//! Files and folders that are one user's alone, and are never seen half written.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use skywright_files::folder_of;

use crate::error::Error;

/// The mode of files that are one user's alone.
const PRIVATE: u32 = 0o600;
/// How often a lock that somebody else holds is tried again.
const LOCK_INTERVAL: Duration = Duration::from_millis(20);

/// Makes the folder and those above it (mode 0700) if they are not there.
pub(crate) fn ensure_folder(folder: &Path) -> Result<(), Error> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(Error::file("create", folder))
}

/// The whole file, or `None` if there is none. Larger ones are refused before they are read.
pub(crate) fn read_if_there(path: &Path, limit_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::file("read", path)(error)),
    };
    let failed = Error::file("read", path);
    let meta = match file.metadata() {
        Ok(meta) if meta.is_file() => meta,
        Ok(_) => return Err(failed(std::io::Error::other("it is not a regular file"))),
        Err(error) => return Err(failed(error)),
    };
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len().min(limit_bytes)).unwrap_or(0));
    if let Err(error) = file.take(limit_bytes + 1).read_to_end(&mut bytes) {
        return Err(failed(error));
    }
    if bytes.len() as u64 > limit_bytes {
        return Err(Error::TooLarge { path: path.to_owned(), bytes: meta.len(), limit_bytes });
    }
    Ok(Some(bytes))
}

/// Puts these bytes in the file's place (mode 0600), durably and all at once: a kill or a full disk leaves
/// the file as it was.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    ensure_folder(folder_of(path))?;
    Ok(skywright_files::replace(path, bytes, PRIVATE)?)
}

/// Makes a file of these bytes (mode 0600), durably and all at once; `false` if there is one already.
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<bool, Error> {
    let file = written(path, bytes)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(skywright_files::sync_folder(folder_of(path)).map(|()| true)?),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Error::file("write", path)(error.error)),
    }
}

/// A temporary file beside `path` that holds these bytes, on the disk.
pub(crate) fn written(path: &Path, bytes: &[u8]) -> Result<tempfile::NamedTempFile, Error> {
    ensure_folder(folder_of(path))?;
    Ok(skywright_files::beside(path, bytes, PRIVATE)?)
}

/// A lock between processes, held until it is dropped. The file stays, empty.
#[derive(Debug)]
pub(crate) struct Held {
    _file: File,
}

/// Takes the lock, waiting up to `patience` for whoever holds it.
///
/// # Errors
///
/// [`Error::Busy`] if it is still held then.
pub(crate) fn hold(path: &Path, patience: Duration) -> Result<Held, Error> {
    ensure_folder(folder_of(path))?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(path)
        .map_err(Error::file("open", path))?;
    wait(file, path, patience)
}

/// Takes the lock on a folder itself, so that no file of ours is left in it.
///
/// # Errors
///
/// [`Error::Busy`] if it is still held then.
pub(crate) fn hold_folder(folder: &Path, patience: Duration) -> Result<Held, Error> {
    ensure_folder(folder)?;
    let file = File::open(folder).map_err(Error::file("open", folder))?;
    wait(file, folder, patience)
}

fn wait(file: File, path: &Path, patience: Duration) -> Result<Held, Error> {
    let start = Instant::now();
    loop {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(Held { _file: file }),
            Err(rustix::io::Errno::WOULDBLOCK | rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Error::file("lock", path)(error.into())),
        }
        if start.elapsed() >= patience {
            return Err(Error::Busy { path: path.to_owned() });
        }
        std::thread::sleep(LOCK_INTERVAL);
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn files_are_private_whole_and_made_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b");
        assert!(create(&path, b"one").unwrap());
        assert!(!create(&path, b"two").unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"one");
        replace(&path, b"three").unwrap();
        assert_eq!(read_if_there(&path, 5).unwrap().unwrap(), b"three");
        assert!(matches!(read_if_there(&path, 4), Err(Error::TooLarge { .. })));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        assert_eq!(read_if_there(&folder.path().join("none"), 4).unwrap(), None);
        assert!(matches!(read_if_there(folder.path(), 4), Err(Error::File { .. })));
    }

    #[test]
    fn a_lock_is_held_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = hold(&path, Duration::ZERO).unwrap();
        assert!(matches!(hold(&path, Duration::from_millis(1)), Err(Error::Busy { .. })));
        drop(held);
        assert!(hold(&path, Duration::ZERO).is_ok());
    }
}
