//! Volumes: disks of their own life.

mod change;
mod create;
mod mount;
mod view;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use skywright_runtime::provider::volumes::Speed;
use skywright_state::{Found, LeaseRequest, Transaction};

use super::host::HostBody;
use super::record::{Body, Kind, Record};
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Operation, Request};
use crate::tenancy::Tenancy;

pub use change::{AttachVolume, DeleteVolumes, DetachVolume, ExtendVolume};
pub use create::CreateVolume;
pub use mount::{FileSystem, HostPath, MountRequest, VolumeMount};
pub use view::{AttachmentView, VolumeView};

pub(super) use change::{PlannedAttachment, PlannedDetachment, PlannedExtension, PlannedVolumeDeletion};
pub(super) use create::PlannedVolume;

/// How fast a volume is, and how dear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeSpeed {
    /// For what is seldom read.
    Cold,
    /// Turning disks, or what the cloud has in their place.
    #[default]
    Hdd,
    /// Flash.
    Ssd,
}

impl VolumeSpeed {
    /// The word for people and scripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Hdd => "hdd",
            Self::Ssd => "ssd",
        }
    }
}

impl fmt::Display for VolumeSpeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Upper or lower case.
impl FromStr for VolumeSpeed {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.to_ascii_lowercase().as_str() {
            "cold" => Ok(Self::Cold),
            "hdd" => Ok(Self::Hdd),
            "ssd" => Ok(Self::Ssd),
            _ => Err(Error::Invalid {
                what: "speed".to_owned(),
                reason: "it is `cold`, `hdd` or `ssd`".to_owned(),
            }),
        }
    }
}

impl From<VolumeSpeed> for Speed {
    fn from(speed: VolumeSpeed) -> Self {
        match speed {
            VolumeSpeed::Cold => Self::Cold,
            VolumeSpeed::Hdd => Self::Hdd,
            VolumeSpeed::Ssd => Self::Ssd,
        }
    }
}

impl From<Speed> for VolumeSpeed {
    fn from(speed: Speed) -> Self {
        match speed {
            Speed::Cold => Self::Cold,
            Speed::Hdd => Self::Hdd,
            Speed::Ssd => Self::Ssd,
        }
    }
}

/// What is a volume's alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VolumeBody {
    /// Its size.
    pub size_gib: u32,
    /// How fast it is.
    pub speed: VolumeSpeed,
    /// Where, if the cloud has several zones.
    pub zone: Option<String>,
    /// The host that has it.
    pub attachment: Option<VolumeAttachment>,
}

/// Where a volume is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeAttachment {
    /// The host.
    pub host: Name,
    /// The device, as the cloud calls it; the host's own system may call it otherwise.
    pub device: Option<String>,
    /// When it was attached, in milliseconds since 1970, UTC.
    pub since_unix_ms: u64,
    /// Where it is mounted there, if we mounted it.
    #[serde(default)]
    pub mount: Option<VolumeMount>,
}

impl Body for VolumeBody {
    const KIND: Kind = Kind::Volume;
}

/// That a volume is not attached.
fn refuse_attached(volume: &Record<VolumeBody>) -> Result<(), Error> {
    match &volume.body.attachment {
        None => Ok(()),
        Some(attachment) => Err(Error::InUse {
            kind: "volume",
            name: volume.name.to_string(),
            by: format!("the host {}", attachment.host),
        }),
    }
}

/// The right to change a volume alone, while its host, and that host's networks, stay.
async fn leases_with_host(
    tenancy: &Tenancy,
    volume: &Found<Record<VolumeBody>>,
    host: Option<&Found<Record<HostBody>>>,
) -> Result<Vec<LeaseRequest>, Error> {
    let attached = match &volume.value.body.attachment {
        Some(at) => match tenancy.record::<HostBody>(&[at.host.as_str()]).await {
            Ok(host) => Some(host),
            Err(Error::NoSuch { .. }) => None,
            Err(error) => return Err(error),
        },
        None => None,
    };
    let mut shared = std::collections::BTreeSet::new();
    for host in host.into_iter().chain(&attached) {
        shared.insert(host.key.clone());
        for at in &host.value.body.subnets {
            shared.insert(tenancy.record_key(Kind::Network, &[at.network.as_str()])?);
        }
    }
    let mut leases = vec![LeaseRequest::exclusive(volume.key.clone())];
    leases.extend(shared.into_iter().map(LeaseRequest::shared));
    Ok(leases)
}

/// The volumes that a host has.
pub(super) async fn volumes_at(
    tenancy: &Tenancy,
    host: &Name,
) -> Result<Vec<Found<Record<VolumeBody>>>, Error> {
    let mut volumes = tenancy.records::<VolumeBody>().await?;
    volumes.retain(|found| found.value.body.attachment.as_ref().is_some_and(|at| at.host == *host));
    Ok(volumes)
}

/// That none of these hosts has a volume: deleting the host would take it away from under its data.
pub(super) async fn refuse_volumes(tenancy: &Tenancy, hosts: &[Name]) -> Result<(), Error> {
    for host in hosts {
        let volumes = volumes_at(tenancy, host).await?;
        if !volumes.is_empty() {
            let names: Vec<_> = volumes.iter().map(|found| found.value.name.as_str()).collect();
            let by = format!("the attached volumes {}", names.join(", "));
            return Err(Error::InUse { kind: "host", name: host.to_string(), by });
        }
    }
    Ok(())
}

/// Takes every volume off a host that is about to go. The volumes stay. A host that does not let us in any more
/// keeps nobody from deleting it.
pub(super) async fn detach_all(operation: &Operation<'_>, host: &Record<HostBody>) -> Result<(), Error> {
    let host_id = host.ready_id()?;
    for volume in volumes_at(operation.tenancy(), &host.name).await? {
        detach(operation, volume, host_id, Unmount::IfPossible).await?;
    }
    Ok(())
}

/// Whether a volume has to be unmounted before it is taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unmount {
    Always,
    IfPossible,
}

/// Takes a volume off the host with this id, and says so in its record.
async fn detach(
    operation: &Operation<'_>,
    volume: Found<Record<VolumeBody>>,
    host_id: &str,
    unmount: Unmount,
) -> Result<(), Error> {
    let (key, mut record) = (volume.key, volume.value);
    if let Some(VolumeAttachment { host, mount: Some(mount), .. }) = &record.body.attachment {
        let tenancy = operation.tenancy();
        match mount::unmount(tenancy, &record.name, host, host_id, &mount.path).await {
            Err(error) if unmount == Unmount::Always => return Err(error),
            Err(error) => tenancy.report().notice(&error.to_string()),
            Ok(()) => {}
        }
    }
    let request = Request::DetachVolume { volume: record.ready_id()?.to_owned(), host: host_id.to_owned() };
    record.body.attachment = None;
    let (step, title) = (format!("detach {}", record.name), format!("volume {}", record.name));
    let then = |transaction: Transaction, _: &str| Ok(transaction.put_json(key, &record)?);
    operation.step_then(&step, &title, request, then).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_read_in_any_case() {
        for (text, speed) in
            [("HDD", VolumeSpeed::Hdd), ("ssd", VolumeSpeed::Ssd), ("Cold", VolumeSpeed::Cold)]
        {
            assert_eq!(text.parse::<VolumeSpeed>().unwrap(), speed);
            assert_eq!(speed.name().parse::<VolumeSpeed>().unwrap(), speed);
            assert_eq!(serde_json::to_value(speed).unwrap(), speed.name());
        }
        assert!("nvme".parse::<VolumeSpeed>().is_err());
    }
}
