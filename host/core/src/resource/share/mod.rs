//! Shares: folders of a host that others of its networks mount, by NFS.
//!
//! The cloud knows nothing of them: what is done is done on the hosts, over SSH.

mod change;
mod mount;
mod view;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use skywright_state::{Found, LeaseRequest, Transaction};

use super::host::HostBody;
use super::mount::HostMount;
use super::record::{Body, Kind, Record};
use super::volume::HostPath;
use crate::error::Error;
use crate::name::Name;
use crate::operation::Operation;
use crate::tenancy::Tenancy;

pub use change::{CreateShare, DeleteShares};
pub use mount::{MountShare, UnmountShare};
pub use view::ShareView;

pub(super) use change::{PlannedShare, PlannedShareDeletion};
pub(super) use mount::{PlannedShareMount, PlannedShareUnmount};

/// What is a share's alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ShareBody {
    /// The host that has the files.
    pub host: Name,
    /// Where they are on it.
    pub path: HostPath,
    /// Whether nobody writes.
    pub read_only: bool,
    /// The ranges of the networks that it is exported to.
    pub allowed: Vec<Ipv4Net>,
    /// `kernel` or `ganesha`, once it is exported.
    #[serde(default)]
    pub server: Option<String>,
    /// Who has mounted it.
    #[serde(default)]
    pub mounts: Vec<HostMount>,
}

impl Body for ShareBody {
    const KIND: Kind = Kind::Share;
}

/// As both servers and clients write it.
fn access(read_only: bool) -> &'static str {
    if read_only { "ro" } else { "rw" }
}

/// The right to change a share alone, while these hosts stay.
async fn leases(tenancy: &Tenancy, share: &Name, hosts: &[&str]) -> Result<Vec<LeaseRequest>, Error> {
    let mut shared = std::collections::BTreeSet::new();
    for host in hosts {
        shared.insert(tenancy.record::<HostBody>(&[host]).await?.key);
    }
    let mut leases = vec![LeaseRequest::exclusive(tenancy.record_key(Kind::Share, &[share.as_str()])?)];
    leases.extend(shared.into_iter().map(LeaseRequest::shared));
    Ok(leases)
}

/// Puts the record of a share as it is now.
async fn put(operation: &Operation<'_>, share: Found<Record<ShareBody>>) -> Result<(), Error> {
    let transaction = operation.transaction().put_json(share.key, &share.value)?;
    operation.tenancy().store().commit(transaction).await?;
    Ok(())
}

/// That none of these hosts has a share or mounts one: others would lose their files.
pub(super) async fn refuse_shares(tenancy: &Tenancy, hosts: &[Name]) -> Result<(), Error> {
    for found in tenancy.records::<ShareBody>().await? {
        let share = found.value;
        let mounted = share.body.mounts.iter().map(|mount| &mount.host);
        if let Some(host) = std::iter::once(&share.body.host).chain(mounted).find(|host| hosts.contains(host))
        {
            let by = format!("the share {}", share.name);
            return Err(Error::InUse { kind: "host", name: host.to_string(), by });
        }
    }
    Ok(())
}

/// Forgets the shares of a host that goes, and its mounts.
pub(super) async fn forget_host(operation: &Operation<'_>, host: &Name) -> Result<(), Error> {
    for found in operation.tenancy().records::<ShareBody>().await? {
        if found.value.body.host == *host {
            let transaction: Transaction = operation.transaction().delete(found.key);
            operation.tenancy().store().commit(transaction).await?;
        } else if found.value.body.mounts.iter().any(|mount| mount.host == *host) {
            let mut found = found;
            found.value.body.mounts.retain(|mount| mount.host != *host);
            put(operation, found).await?;
        }
    }
    Ok(())
}
