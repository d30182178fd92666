//! A repository in memory.

use std::collections::BTreeMap;

use async_trait::async_trait;
use skywright_contract::Digest;

use super::Transport;
use crate::error::Error;
use crate::tuf::path::TargetPath;

/// A repository in memory: what came out of a bundle, or what a test makes up.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    /// By file name.
    pub metadata: BTreeMap<String, Vec<u8>>,
    /// By the digest that they are asked for; nothing here checks that they have it.
    pub targets: BTreeMap<Digest, Vec<u8>>,
}

#[async_trait]
impl Transport for Memory {
    fn location(&self) -> String {
        "memory".to_owned()
    }

    async fn metadata(&self, file: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
        capped(self.metadata.get(file), file, max_bytes)
    }

    async fn target(
        &self,
        path: &TargetPath,
        digest: &Digest,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        capped(self.targets.get(digest), path.as_str(), max_bytes)
    }
}

fn capped(bytes: Option<&Vec<u8>>, what: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
    match bytes {
        Some(bytes) if bytes.len() as u64 > limit_bytes => {
            Err(Error::Oversize { what: what.to_owned(), limit_bytes })
        }
        other => Ok(other.cloned()),
    }
}
