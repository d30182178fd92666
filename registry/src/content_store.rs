//! Bytes by their digest.

use std::path::{Path, PathBuf};

use skywright_contract::Digest;

use crate::error::Error;
use crate::files;

/// The largest file that is kept, in bytes.
pub(crate) const MAX_BYTES: u64 = 64 << 20;

/// A folder of files that are named after their SHA-256: plugins, SBOMs. What is in it is never changed, and
/// nothing in it is trusted because of where it is.
#[derive(Debug, Clone)]
pub struct ContentStore {
    folder: PathBuf,
}

impl ContentStore {
    /// In this folder, which need not be there yet.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// The file of a digest, whether it is there or not.
    #[must_use]
    pub fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join("sha256").join(digest.hex())
    }

    /// Whether there is a file of that digest, of whatever content.
    #[must_use]
    pub fn has(&self, digest: &Digest) -> bool {
        self.path(digest).is_file()
    }

    /// Keeps bytes (mode 0600 in folders of mode 0700), durably and all at once. Those that are there
    /// already are left; if they were damaged, they are put in order.
    ///
    /// # Errors
    ///
    /// [`Error::File`]: what was there before is there still.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, Error> {
        let digest = Digest::of(bytes);
        let path = self.path(&digest);
        if !files::create(&path, bytes)? && self.get(&digest).is_err() {
            files::replace(&path, bytes)?;
        }
        Ok(digest)
    }

    /// The bytes of a digest, read once and checked.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if there are none, [`Error::Damaged`] if they are others.
    pub fn get(&self, digest: &Digest) -> Result<Vec<u8>, Error> {
        let path = self.path(digest);
        let bytes = files::read_if_there(&path, MAX_BYTES)?
            .ok_or_else(|| Error::file("read", &path)(std::io::ErrorKind::NotFound.into()))?;
        check(&path, Digest::of(&bytes), digest)?;
        Ok(bytes)
    }
}

/// Whether what was read has the digest.
pub(crate) fn check(path: &Path, found: Digest, expected: &Digest) -> Result<(), Error> {
    if found == *expected {
        Ok(())
    } else {
        Err(Error::Damaged { path: path.to_owned(), expected: *expected, found })
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn bytes_are_found_by_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let store = ContentStore::new(folder.path().join("store"));
        let digest = store.put(b"plugin").unwrap();
        assert_eq!(store.get(&digest).unwrap(), b"plugin");
        assert!(store.has(&digest) && !store.has(&Digest::of(b"other")));
        assert!(matches!(store.get(&Digest::of(b"other")), Err(Error::File { .. })));
        let meta = std::fs::metadata(store.path(&digest)).unwrap();
        assert_eq!(meta.mode() & 0o777, 0o600);
        assert_eq!(std::fs::metadata(folder.path().join("store/sha256")).unwrap().mode() & 0o777, 0o700);
        // What is there is not written again.
        store.put(b"plugin").unwrap();
        assert_eq!(std::fs::metadata(store.path(&digest)).unwrap().ino(), meta.ino());
    }

    #[test]
    fn damage_is_noticed_and_put_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let store = ContentStore::new(folder.path());
        let digest = store.put(b"plugin").unwrap();
        for damage in [&b"plugim"[..], b"", b"plugin and more"] {
            std::fs::write(store.path(&digest), damage).unwrap();
            assert!(matches!(store.get(&digest), Err(Error::Damaged { .. })));
            store.put(b"plugin").unwrap();
            assert_eq!(store.get(&digest).unwrap(), b"plugin");
        }
    }
}
