//! Where things are.

use std::path::{Path, PathBuf};

use crate::error::Error;

/// The folders that commands work in.
#[derive(Debug)]
pub(crate) struct Places {
    /// The repository.
    pub(crate) root: PathBuf,
    /// What cargo compiled for this machine.
    pub(crate) target: PathBuf,
    /// Ours in the user's cache folder: what may be lost, and is slow to make again.
    pub(crate) cache: PathBuf,
}

impl Places {
    pub(crate) fn find() -> Result<Self, Error> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("/")).to_owned();
        let target = match std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from) {
            Some(given) => std::path::absolute(&given).map_err(Error::io("open", given))?,
            None => root.join("target"),
        };
        let cache = std::env::var_os("XDG_CACHE_HOME")
            .map(PathBuf::from)
            .filter(|folder| folder.is_absolute())
            .or_else(|| Some(std::env::home_dir()?.join(".cache")))
            .ok_or(Error::NoCache)?
            .join("skywright");
        Ok(Self { root, target, cache })
    }

    /// Where other clients of The Update Framework are installed for tests.
    pub(crate) fn tuf_readers(&self) -> PathBuf {
        self.cache.join("tuf-readers")
    }

    /// What hosts on this machine start from; slow to make again.
    pub(crate) fn images(&self) -> PathBuf {
        self.cache.join("machines")
    }

    /// Where `plugins` puts plugin files, and tests look for them.
    pub(crate) fn plugins(&self) -> PathBuf {
        self.target.join("plugins")
    }

    /// Where `plugins` puts the signed repository of them.
    pub(crate) fn repository(&self) -> PathBuf {
        self.target.join("repository")
    }
}
