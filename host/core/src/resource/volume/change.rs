//! Attaching, detaching, extending and deleting volumes.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_contract::Category;
use skywright_state::{LeaseRequest, StoreExt as _, Transaction};

use super::mount::{self, MountRequest, Mounting, PlannedMount};
use super::{Unmount, VolumeAttachment, VolumeBody, detach, leases_with_host, refuse_attached};
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Change, Operation, Request, now_unix_ms};
use crate::resource::host::HostBody;
use crate::resource::plan::Plan;
use crate::resource::record::{Kind, Record};
use crate::tenancy::Tenancy;

/// `volume attach`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AttachVolume {
    /// The volume: a name or id.
    pub volume: String,
    /// The host: a name or id.
    pub host: String,
    /// Whether it is mounted there, over SSH.
    pub mount: Option<MountRequest>,
}

#[async_trait]
impl Change for AttachVolume {
    fn title(&self) -> String {
        format!("volume attach {} {}", self.volume, self.host)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("volume-attach", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let volume = tenancy.record::<VolumeBody>(&[&self.volume]).await?;
        let host = tenancy.record::<HostBody>(&[&self.host]).await?;
        leases_with_host(tenancy, &volume, Some(&host)).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let volume = tenancy.record::<VolumeBody>(&[&self.volume]).await?.value;
        let host = tenancy.record::<HostBody>(&[&self.host]).await?.value;
        refuse_attached(&volume)?;
        let (volume_id, host_id) = (volume.ready_id()?.to_owned(), host.ready_id()?.to_owned());
        let there = tenancy.cloud().ask(|p| p.get_volume(&volume_id)).await?;
        let was_there = there.attachments.iter().any(|at| at.host == host_id);
        let mount = self.mount.as_ref().map(|mount| PlannedMount::new(mount, &volume.name)).transpose()?;
        Ok(Plan::AttachVolume(PlannedAttachment {
            volume: volume.name,
            volume_id,
            host: host.name,
            host_id,
            was_there,
            mount,
        }))
    }
}

/// A volume to be attached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedAttachment {
    volume: Name,
    volume_id: String,
    host: Name,
    host_id: String,
    /// Whether somebody else attached it there before. Then there is nothing to ask, and nothing to take back.
    was_there: bool,
    #[serde(default)]
    mount: Option<PlannedMount>,
}

impl PlannedAttachment {
    /// The record changes with the operation's end, not with the step: what is taken back in between has
    /// changed nothing that would have to be changed back.
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let tenancy = operation.tenancy();
        let before = match &self.mount {
            Some(_) => Some(mount::disks_before(operation, &self.host).await?),
            None => None,
        };
        if !self.was_there {
            let request =
                Request::AttachVolume { volume: self.volume_id.clone(), host: self.host_id.clone() };
            let title = format!("volume {} at {}", self.volume, self.host);
            operation.step("attach", &title, request).await?;
        }
        let volume = tenancy.cloud().ask(|p| p.get_volume(&self.volume_id)).await?;
        let attachment = volume.attachments.into_iter().find(|at| at.host == self.host_id);
        let device = attachment.and_then(|at| at.device);
        let mount = match (&self.mount, &before) {
            (Some(mount), Some(before)) => {
                let mounting = Mounting {
                    volume: &self.volume,
                    volume_id: &self.volume_id,
                    host: &self.host,
                    device: device.as_deref(),
                    before,
                    mount,
                };
                Some(mounting.mount(operation).await?)
            }
            _ => None,
        };
        let mut record = tenancy.record::<VolumeBody>(&[self.volume.as_str()]).await?;
        record.value.body.attachment =
            Some(VolumeAttachment { host: self.host.clone(), device, since_unix_ms: now_unix_ms(), mount });
        Ok(Transaction::new().put_json(record.key, &record.value)?)
    }

    /// Unmounts what may be mounted by now, before the volume is taken off. Where that fails, the cloud says
    /// whether it can go.
    pub(in crate::resource) async fn prepare_undo(&self, operation: &Operation<'_>) {
        let Some(mount) = &self.mount else { return };
        if !operation.has_kept("file system") {
            return;
        }
        let tenancy = operation.tenancy();
        let done = mount::unmount(tenancy, &self.volume, &self.host, &self.host_id, &mount.path).await;
        if let Err(error) = done {
            tenancy.report().notice(&error.to_string());
        }
    }
}

/// `volume detach`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DetachVolume {
    /// The volume: a name or id.
    pub volume: String,
    /// The host: a name or id.
    pub host: String,
    /// Also where the host does not let it be unmounted. What was written last may be lost.
    pub force: bool,
}

#[async_trait]
impl Change for DetachVolume {
    fn title(&self) -> String {
        format!("volume detach {} {}", self.volume, self.host)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("volume-detach", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let volume = tenancy.record::<VolumeBody>(&[&self.volume]).await?;
        let host = tenancy.record::<HostBody>(&[&self.host]).await?;
        leases_with_host(tenancy, &volume, Some(&host)).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let volume = tenancy.record::<VolumeBody>(&[&self.volume]).await?.value;
        let host = tenancy.record::<HostBody>(&[&self.host]).await?.value;
        if volume.body.attachment.as_ref().is_some_and(|at| at.host != host.name) {
            refuse_attached(&volume)?;
        }
        volume.ready_id()?;
        let host_id = host.ready_id()?.to_owned();
        Ok(Plan::DetachVolume(PlannedDetachment { volume: volume.name, host_id, force: self.force }))
    }
}

/// A volume to be detached.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedDetachment {
    volume: Name,
    host_id: String,
    #[serde(default)]
    force: bool,
}

impl PlannedDetachment {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let volume = operation.tenancy().record::<VolumeBody>(&[self.volume.as_str()]).await?;
        let unmount = if self.force { Unmount::IfPossible } else { Unmount::Always };
        detach(operation, volume, &self.host_id, unmount).await?;
        Ok(Transaction::new())
    }
}

/// `volume extend`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ExtendVolume {
    /// A name or id.
    pub volume: String,
    /// The new size. Never smaller.
    pub size_gib: u32,
}

#[async_trait]
impl Change for ExtendVolume {
    fn title(&self) -> String {
        format!("volume extend {} --size {}", self.volume, self.size_gib)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("volume-extend", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let volume = tenancy.record::<VolumeBody>(&[&self.volume]).await?;
        leases_with_host(tenancy, &volume, None).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let volume = tenancy.record::<VolumeBody>(&[&self.volume]).await?.value;
        let id = volume.ready_id()?.to_owned();
        // The cloud's size is the one that must not shrink: somebody may have extended it elsewhere.
        let size_gib = tenancy.cloud().ask(|p| p.get_volume(&id)).await?.size_gib;
        if self.size_gib < size_gib {
            let reason = format!("the volume has {size_gib} GiB, and cannot be made smaller");
            return Err(Error::Invalid { what: format!("size {}", self.size_gib), reason });
        }
        Ok(Plan::ExtendVolume(PlannedExtension { volume: volume.name, size_gib: self.size_gib }))
    }
}

/// A volume to be made larger.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedExtension {
    volume: Name,
    size_gib: u32,
}

impl PlannedExtension {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let volume = operation.tenancy().record::<VolumeBody>(&[self.volume.as_str()]).await?;
        let (key, mut record) = (volume.key, volume.value);
        let request = Request::ExtendVolume { id: record.ready_id()?.to_owned(), size_gib: self.size_gib };
        record.body.size_gib = self.size_gib;
        let then = |transaction: Transaction, _: &str| Ok(transaction.put_json(key, &record)?);
        operation.step_then("extend", &format!("volume {}", self.volume), request, then).await?;
        Ok(Transaction::new())
    }
}

/// `volume delete`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteVolumes {
    /// Names or ids.
    pub references: Vec<String>,
}

#[async_trait]
impl Change for DeleteVolumes {
    fn title(&self) -> String {
        format!("volume delete {}", self.references.join(" "))
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("volume-delete", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        crate::resource::leases_of::<VolumeBody>(tenancy, &self.references).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let mut volumes = Vec::new();
        for reference in &self.references {
            let volume = tenancy.record::<VolumeBody>(&[reference]).await?.value;
            refuse_attached(&volume)?;
            refuse_foreign_attachment(tenancy, &volume).await?;
            volumes.push(volume.name);
        }
        Ok(Plan::DeleteVolumes(PlannedVolumeDeletion { volumes }))
    }
}

/// That nobody else attached it, so that several volumes are deleted or none.
async fn refuse_foreign_attachment(tenancy: &Tenancy, volume: &Record<VolumeBody>) -> Result<(), Error> {
    let id = volume.ready_id()?;
    let found = match tenancy.cloud().ask(|p| p.get_volume(id)).await {
        Err(error) if error.category() == Category::NotFound => return Ok(()),
        other => other?,
    };
    let Some(at) = found.attachments.first() else { return Ok(()) };
    let by = match tenancy.record::<HostBody>(&[&at.host]).await {
        Ok(host) => format!("the host {}", host.value.name),
        Err(_) => format!("the host {}, which is not managed here", skywright_runtime::printable(&at.host)),
    };
    Err(Error::InUse { kind: "volume", name: volume.name.to_string(), by })
}

/// Volumes to be deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedVolumeDeletion {
    volumes: Vec<Name>,
}

impl PlannedVolumeDeletion {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        operation.together(self.volumes.iter().map(|name| delete(operation, name))).await?;
        Ok(Transaction::new())
    }
}

async fn delete(operation: &Operation<'_>, name: &Name) -> Result<(), Error> {
    let tenancy = operation.tenancy();
    let key = tenancy.record_key(Kind::Volume, &[name.as_str()])?;
    let Some(volume) = tenancy.store().get_json::<Record<VolumeBody>>(&key).await? else {
        // Deleted, by a process before this one.
        return Ok(());
    };
    let request = Request::DeleteVolume { id: volume.value.ready_id()?.to_owned() };
    let then = |transaction: Transaction, _: &str| Ok(transaction.delete(key));
    operation.step_then(&format!("delete {name}"), &format!("volume {name}"), request, then).await?;
    Ok(())
}
