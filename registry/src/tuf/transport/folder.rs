//! A repository in a folder: `metadata/` and `targets/`.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rustix::fs::OFlags;
use skywright_contract::Digest;

use super::Transport;
use crate::error::Error;
use crate::tuf::path::TargetPath;

/// A repository in a folder: metadata under `metadata/`, files under `targets/`.
///
/// It reads while it is asked, on the thread that asks.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// The folder that has both.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    fn read(&self, relative: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
        let path = self.root.join(relative);
        let failed = |error: std::io::Error| Error::Transport {
            location: path.display().to_string(),
            reason: error.to_string(),
        };
        // Without waiting: somebody else's folder may have a pipe in it, which nobody ever writes to.
        let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or(0);
        let file = match OpenOptions::new().read(true).custom_flags(flags).open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let meta = file.metadata().map_err(failed)?;
        if !meta.is_file() {
            return Err(failed(std::io::Error::other("it is not a regular file")));
        }
        let mut bytes = Vec::with_capacity(usize::try_from(meta.len().min(limit_bytes)).unwrap_or(0));
        file.take(limit_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > limit_bytes {
            return Err(Error::Oversize { what: path.display().to_string(), limit_bytes });
        }
        Ok(Some(bytes))
    }
}

#[async_trait]
impl Transport for Folder {
    fn location(&self) -> String {
        self.root.display().to_string()
    }

    async fn metadata(&self, file: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
        self.read(&format!("metadata/{file}"), max_bytes)
    }

    async fn target(
        &self,
        path: &TargetPath,
        digest: &Digest,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        self.read(&format!("targets/{}", path.hashed(digest)), max_bytes)
    }
}
