//! Mounting shares on hosts, and unmounting them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_runtime::provider::hosts::State;
use skywright_state::{LeaseRequest, Transaction};

use super::{ShareBody, access, leases, put};
use crate::error::Error;
use crate::name::Name;
use crate::on_host::Script;
use crate::operation::{Change, Operation};
use crate::resource::host::HostBody;
use crate::resource::mount::{self, HostMount, Mountable};
use crate::resource::plan::Plan;
use crate::resource::volume::HostPath;
use crate::tenancy::Tenancy;

fn share_named(name: &Name) -> Mountable<'_> {
    Mountable { kind: "share", name }
}

/// `share mount`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MountShare {
    /// The share's name.
    pub share: String,
    /// The host that mounts it: a name or id.
    pub host: String,
    /// Where on it; `/shares/NAME` by default.
    pub path: Option<HostPath>,
}

#[async_trait]
impl Change for MountShare {
    fn title(&self) -> String {
        format!("share mount {} {}", self.share, self.host)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("share-mount", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let share = tenancy.record::<ShareBody>(&[&self.share]).await?.value;
        leases(tenancy, &share.name, &[share.body.host.as_str(), &self.host]).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let share = tenancy.record::<ShareBody>(&[&self.share]).await?.value;
        share.ready_id()?;
        let host = tenancy.record::<HostBody>(&[&self.host]).await?.value;
        host.ready_id()?;
        let mount = share_named(&share.name).place(&share.body.mounts, host.name, self.path.as_ref())?;
        let server = tenancy.record::<HostBody>(&[share.body.host.as_str()]).await?.value;
        let address = server.body.private_address.ok_or_else(|| Error::Unsupported {
            what: format!("mounting a share of {}, which has no address inside,", server.name),
            hint: None,
        })?;
        Ok(Plan::MountShare(PlannedShareMount {
            source: format!("{address}:{}", share.body.path),
            share: share.name,
            host: mount.host,
            path: mount.path,
            read_only: share.body.read_only,
        }))
    }
}

/// A share to be mounted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedShareMount {
    share: Name,
    source: String,
    host: Name,
    path: HostPath,
    read_only: bool,
}

impl PlannedShareMount {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let tenancy = operation.tenancy();
        let arguments = [self.share.as_str(), &self.source, self.path.as_str(), access(self.read_only)];
        share_named(&self.share).mount(tenancy, &self.host, Script::MountShare, &arguments).await?;
        let mut share = tenancy.record::<ShareBody>(&[self.share.as_str()]).await?;
        mount::put(&mut share.value.body.mounts, &self.mount());
        Ok(Transaction::new().put_json(share.key, &share.value)?)
    }

    pub(in crate::resource) async fn prepare_undo(&self, operation: &Operation<'_>) {
        let tenancy = operation.tenancy();
        let unmounted = share_named(&self.share).unmount(tenancy, &self.mount(), Script::UnmountShare).await;
        if let Err(error) = unmounted {
            tenancy.report().notice(&error.to_string());
        }
    }

    fn mount(&self) -> HostMount {
        HostMount { host: self.host.clone(), path: self.path.clone() }
    }
}

/// `share umount`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnmountShare {
    /// The share's name.
    pub share: String,
    /// The host that has it mounted: a name or id.
    pub host: String,
}

#[async_trait]
impl Change for UnmountShare {
    fn title(&self) -> String {
        format!("share umount {} {}", self.share, self.host)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("share-umount", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let share = tenancy.record::<ShareBody>(&[&self.share]).await?.value;
        leases(tenancy, &share.name, &[&self.host]).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let share = tenancy.record::<ShareBody>(&[&self.share]).await?.value;
        share.ready_id()?;
        let host = tenancy.record::<HostBody>(&[&self.host]).await?.value;
        let mount = share_named(&share.name).mount_of(share.body.mounts, &host.name)?;
        let host_id = host.ready_id()?.to_owned();
        Ok(Plan::UnmountShare(PlannedShareUnmount { share: share.name, host_id, mount }))
    }
}

/// A share to be unmounted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedShareUnmount {
    share: Name,
    host_id: String,
    mount: HostMount,
}

impl PlannedShareUnmount {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let tenancy = operation.tenancy();
        // One that is switched off has nothing mounted; the line in its fstab is one that may fail.
        if tenancy.cloud().ask(|p| p.get_host(&self.host_id)).await?.state != State::Stopped {
            share_named(&self.share).unmount(tenancy, &self.mount, Script::UnmountShare).await?;
        }
        let mut share = tenancy.record::<ShareBody>(&[self.share.as_str()]).await?;
        share.value.body.mounts.retain(|mount| *mount != self.mount);
        put(operation, share).await?;
        Ok(Transaction::new())
    }
}
