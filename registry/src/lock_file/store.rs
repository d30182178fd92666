//! The lock file on the disk.

use std::path::{Path, PathBuf};
use std::time::Duration;

use skywright_contract::Digest;

use super::LockFile;
use crate::error::Error;
use crate::files;

/// The largest file that is read, in bytes: some ten thousand plugins.
const MAX_BYTES: u64 = 16 << 20;

/// A lock file that several processes, and people, may change.
#[derive(Debug, Clone)]
pub struct LockFileStore {
    path: PathBuf,
}

/// What the file held when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockSnapshot {
    /// Its content; nothing if there is no file.
    pub lock: LockFile,
    /// Of its bytes; `None` if there is no file.
    pub digest: Option<Digest>,
}

impl LockFileStore {
    /// The lock file of this path, which need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// [`Error::Text`], [`Error::File`], [`Error::TooLarge`].
    pub fn read(&self) -> Result<LockSnapshot, Error> {
        match files::read_if_there(&self.path, MAX_BYTES)? {
            Some(bytes) => Ok(LockSnapshot {
                lock: LockFile::parse(&self.path, &bytes)?,
                digest: Some(Digest::of(&bytes)),
            }),
            None => Ok(LockSnapshot { lock: LockFile::default(), digest: None }),
        }
    }

    /// Puts `lock` in the place of what was read, at once and durably. Nothing is written if the text would be the
    /// same.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`] if the file is not what it was when `before` was read: whoever changed it is not
    /// overwritten. [`Error::Busy`] and [`Error::File`] leave it as it was too.
    pub fn replace(&self, before: &LockSnapshot, lock: &LockFile) -> Result<LockSnapshot, Error> {
        let text = lock.to_text()?;
        let _held = files::hold_folder(skywright_files::folder_of(&self.path), Duration::from_secs(10))?;
        let now = files::read_if_there(&self.path, MAX_BYTES)?.map(|bytes| Digest::of(&bytes));
        if now != before.digest {
            return Err(Error::Changed { path: self.path.clone() });
        }
        let digest = Digest::of(text.as_bytes());
        if now != Some(digest) {
            files::replace(&self.path, text.as_bytes())?;
        }
        Ok(LockSnapshot { lock: lock.clone(), digest: Some(digest) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::text::tests::{lock, plugin};
    use super::*;

    #[test]
    fn a_change_by_somebody_else_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let store = LockFileStore::new(folder.path().join("below/skywright.lock"));
        let empty = store.read().unwrap();
        assert_eq!(empty.digest, None);
        let one = store.replace(&empty, &lock(&[("acme/one", "1.0.0")])).unwrap();
        assert_eq!(store.read().unwrap(), one);
        let late = store.replace(&empty, &lock(&[("acme/two", "1.0.0")])).unwrap_err();
        assert!(matches!(late, Error::Changed { .. }), "{late}");
        assert_eq!(store.read().unwrap(), one);
        std::fs::remove_file(store.path()).unwrap();
        assert!(matches!(store.replace(&one, &one.lock), Err(Error::Changed { .. })));
    }

    #[test]
    fn what_does_not_change_is_not_written() {
        let folder = tempfile::tempdir().unwrap();
        let store = LockFileStore::new(folder.path().join("skywright.lock"));
        let before = store.replace(&store.read().unwrap(), &lock(&[("acme/one", "1.0.0")])).unwrap();
        let written = || std::fs::metadata(store.path()).unwrap().modified().unwrap();
        let first = written();
        store.replace(&before, &before.lock.clone()).unwrap();
        assert_eq!(written(), first);
    }

    #[test]
    fn many_writers_lose_no_change() {
        let folder = tempfile::tempdir().unwrap();
        let store = LockFileStore::new(folder.path().join("skywright.lock"));
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let store = &store;
                scope.spawn(move || {
                    for number in 0..10 {
                        let (id, entry) = plugin(&format!("acme/p{writer}-{number}"), "1.0.0", "main");
                        loop {
                            let before = store.read().unwrap();
                            let mut after = before.lock.clone();
                            after.repositories = lock(&[]).repositories;
                            after.plugins.insert(id.clone(), entry.clone());
                            match store.replace(&before, &after) {
                                Ok(_) => break,
                                Err(Error::Changed { .. }) => {}
                                Err(error) => panic!("{error}"),
                            }
                        }
                    }
                });
            }
        });
        assert_eq!(store.read().unwrap().lock.plugins.len(), 40);
    }
}
