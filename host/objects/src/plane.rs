//! Where objects live, and how this machine gets there.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use skywright_egress::{Grant, Resolver};

/// How a store is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Amazon's S3 and what speaks like it.
    S3,
    /// OpenStack's Swift.
    Swift,
    /// Google Cloud Storage's own protocol. Not supported: its S3-compatible endpoint is.
    Gcs,
    /// Folders of this machine: a bucket is a folder below the endpoint.
    Local,
}

impl Protocol {
    /// The name, as the contract and all output spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::S3 => "s3",
            Self::Swift => "swift",
            Self::Gcs => "gcs",
            Self::Local => "local",
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a tenant's objects live, as its driver says. Secrets are apart ([`crate::Credentials`]).
#[derive(Debug, Clone)]
pub struct DataPlane {
    /// How it is spoken to.
    pub protocol: Protocol,
    /// `s3`: the service's URL without bucket. `swift`: the account's storage URL, as the catalog has it
    /// (`https://…/v1/AUTH_…`). `local`: an absolute folder.
    pub endpoint: String,
    /// The region that S3 requests are signed for; `us-east-1` if there is none. The others need none.
    pub region: Option<String>,
    /// What else is known. `addressing` (s3): `path` (the default) or `virtual-host`. Unknown keys are
    /// ignored, so that a newer driver works with an older host.
    pub attributes: BTreeMap<String, String>,
}

/// What this site allows, and how names are resolved.
///
/// The endpoint must be one of the grant's, its address one that the grant permits, and without TLS the
/// endpoint must be one that takes credentials so. Whether the endpoint may have these credentials at
/// all is decided where their names are resolved, by the caller.
#[derive(Clone)]
pub struct Network {
    /// The tenant's grant: endpoints, networks, certificate authorities, proxy. Its limits and rates are
    /// for plugins and are not looked at.
    pub grant: Arc<Grant>,
    /// How names become addresses.
    pub resolver: Arc<dyn Resolver>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network").field("grant", &self.grant).finish_non_exhaustive()
    }
}

/// What a store may use up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Requests at once, over all buckets of a [`crate::Store`]; more wait. 8.
    pub concurrent: usize,
    /// Objects at once in [`crate::Bucket::run`]. 4.
    pub concurrent_objects: usize,
    /// The part that a large object is sent and read in, in bytes; at least 5 MiB. 8 MiB.
    pub part_bytes: usize,
    /// How often a request that failed for a passing reason is sent again. 4.
    pub retries: usize,
    /// The first wait before sending again; each further one doubles up to 20 s, plus a random part of
    /// the first. 500 ms. A store's `Retry-After` is not looked at.
    pub retry_delay: Duration,
    /// How long a store may take to begin its answer, besides a second for every 16 KiB that the request
    /// carries. 60 s.
    pub answer_timeout: Duration,
    /// How long a store may send nothing in the middle of an answer. 60 s.
    pub idle_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            concurrent: 8,
            concurrent_objects: 4,
            part_bytes: 8 << 20,
            retries: 4,
            retry_delay: Duration::from_millis(500),
            answer_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
        }
    }
}
