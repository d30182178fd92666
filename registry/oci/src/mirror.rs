//! A repository behind a registry.

use async_trait::async_trait;
use oci_client::Reference;
use skywright_contract::Digest;
use skywright_registry::Error;
use skywright_registry::tuf::{TargetPath, Transport};
use tokio::sync::Mutex;

use crate::artifact::Listed;
use crate::connection::{Access, Connection};
use crate::location::Location;

/// A repository that was pushed to a registry. It only moves bytes; who reads it checks them.
pub struct Mirror {
    connection: Connection,
    /// The manifest of the metadata, as it was read last.
    metadata: Mutex<Option<Listed>>,
}

impl Mirror {
    /// Nothing is asked of the registry yet.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`] if this machine has no way to make requests.
    pub fn new(location: Location, access: &Access) -> Result<Self, Error> {
        Ok(Self { connection: Connection::open(location, access)?, metadata: Mutex::new(None) })
    }

    /// Which blob has the file. Whatever begins a look at the repository has the manifest read anew, so that one
    /// look sees one state of it.
    async fn find(&self, file: &str) -> Result<Option<Digest>, Error> {
        let mut known = self.metadata.lock().await;
        if known.is_none() || file == "timestamp.json" || file.ends_with(".root.json") {
            let reference = self.connection.location.metadata();
            let Some(bytes) = self.connection.manifest(&reference).await? else {
                return Ok(None);
            };
            *known = Some(Listed::read("the manifest of the metadata", &bytes)?);
        }
        let layer = known.as_ref().and_then(|listed| listed.titled(file));
        layer.map(crate::artifact::Descriptor::parsed_digest).transpose()
    }

    async fn read(
        &self,
        reference: &Reference,
        digest: &Digest,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let mut bytes = Vec::new();
        let take = |chunk: &[u8]| {
            bytes.extend_from_slice(chunk);
            Ok(())
        };
        let is_there = self.connection.blob(reference, digest, max_bytes, take).await?;
        Ok(is_there.then_some(bytes))
    }
}

#[async_trait]
impl Transport for Mirror {
    fn location(&self) -> String {
        self.connection.location.to_string()
    }

    async fn metadata(&self, file: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
        match self.find(file).await? {
            None => Ok(None),
            Some(digest) => self.read(&self.connection.location.metadata(), &digest, max_bytes).await,
        }
    }

    async fn target(
        &self,
        path: &TargetPath,
        digest: &Digest,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        self.read(&self.connection.location.artifact(path), digest, max_bytes).await
    }
}
