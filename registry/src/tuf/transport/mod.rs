//! How the bytes of a repository get here. Nothing that comes this way is trusted.

mod folder;
mod http;
mod memory;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use skywright_contract::Digest;

use super::path::TargetPath;
use crate::error::Error;

pub use folder::Folder;
pub use http::Http;
pub use memory::Memory;

/// The transport for a place as people write it: an `https` or `http` URL, a `file` URL, or a folder's path.
///
/// # Errors
///
/// [`Error::Transport`] for another scheme or a URL that cannot be used.
pub fn transport_for(location: &str, authorities: Option<&Path>) -> Result<Arc<dyn Transport>, Error> {
    if let Some(path) = location.strip_prefix("file://") {
        return Ok(Arc::new(Folder::new(Path::new(path))));
    }
    if location.contains("://") {
        return Ok(Arc::new(Http::new(location, authorities)?));
    }
    Ok(Arc::new(Folder::new(Path::new(location))))
}

/// A place that has a repository's files.
///
/// It only moves bytes. It must stop reading after `max_bytes`, and refuse with [`Error::Oversize`]
/// rather than cut short.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Where it is, for people; without secrets.
    fn location(&self) -> String;

    /// A metadata file by its whole name, such as `3.root.json` or `timestamp.json`. The name has no `/`.
    ///
    /// # Errors
    ///
    /// `Ok(None)` if there is certainly no such file; [`Error::Transport`] or [`Error::Oversize`] otherwise.
    async fn metadata(&self, file: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, Error>;

    /// A target: the file [`TargetPath::hashed`], or whatever else has the digest.
    ///
    /// # Errors
    ///
    /// As for [`metadata`](Self::metadata).
    async fn target(
        &self,
        path: &TargetPath,
        digest: &Digest,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, Error>;
}
