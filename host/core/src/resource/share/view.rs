//! Shares, as they are shown.

use serde::Serialize;

use super::ShareBody;
use crate::error::Error;
use crate::resource::mount::HostMount;
use crate::resource::record::{Record, Status};
use crate::tenancy::Tenancy;

/// A share, as it is shown: as it was made. The hosts are not asked.
#[derive(Debug, Clone, Serialize)]
pub struct ShareView {
    /// Its name.
    pub name: String,
    /// `creating` or `ready`.
    pub status: &'static str,
    /// The host that has the files.
    pub host: String,
    /// Where they are on it.
    pub path: String,
    /// Whether nobody writes.
    pub read_only: bool,
    /// The ranges that it is exported to.
    pub allowed: Vec<String>,
    /// What serves it: `kernel` or `ganesha`.
    pub server: Option<String>,
    /// Who has mounted it.
    pub mounts: Vec<HostMount>,
}

impl Tenancy {
    /// Every share, by name.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn shares(&self) -> Result<Vec<ShareView>, Error> {
        Ok(self.records::<ShareBody>().await?.into_iter().map(|found| view(found.value)).collect())
    }

    /// One share.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`].
    pub async fn share(&self, reference: &str) -> Result<ShareView, Error> {
        Ok(view(self.record::<ShareBody>(&[reference]).await?.value))
    }
}

fn view(record: Record<ShareBody>) -> ShareView {
    let body = record.body;
    ShareView {
        name: record.name.to_string(),
        status: if record.status == Status::Ready { "ready" } else { "creating" },
        host: body.host.to_string(),
        path: body.path.to_string(),
        read_only: body.read_only,
        allowed: body.allowed.iter().map(ToString::to_string).collect(),
        server: body.server,
        mounts: body.mounts,
    }
}
