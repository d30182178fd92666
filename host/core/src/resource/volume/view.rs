//! Volumes, as they are shown.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use skywright_contract::Category;
use skywright_runtime::printable;
use skywright_runtime::provider::volumes::{State, Volume};

use super::{VolumeBody, VolumeSpeed};
use crate::error::Error;
use crate::resource::host::HostNames;
use crate::resource::record::{Record, Status};
use crate::tenancy::Tenancy;

/// A volume, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct VolumeView {
    /// The cloud's id.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its size.
    pub size_gib: u32,
    /// How fast it is; not known of every foreign one.
    pub speed: Option<VolumeSpeed>,
    /// Where, if the cloud has several zones. Not known of foreign ones.
    pub zone: Option<String>,
    /// `creating`, `available`, `attaching`, `attached`, `detaching`, `deleting`, `failed`, `unknown`; `missing` for
    /// one that the cloud does not have.
    pub state: &'static str,
    /// Whether this product made it, or took it in.
    pub managed: bool,
    /// Which hosts have it, as the cloud says.
    pub attachments: Vec<AttachmentView>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Tags.
    pub tags: Vec<String>,
}

/// Where a volume is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttachmentView {
    /// The host's name, or its id if it is not managed.
    pub host: String,
    /// The device, as the cloud calls it.
    pub device: Option<String>,
    /// When it was attached, in milliseconds since 1970, UTC, if this product did it.
    pub since_unix_ms: Option<u64>,
    /// Where it is mounted there, if this product mounted it.
    pub mount_path: Option<String>,
    /// What is on it, if this product mounted it: `ext4`, for instance.
    pub file_system: Option<String>,
}

impl Tenancy {
    /// Every volume that is managed, by name; with `all` also those that the cloud has besides. One listing
    /// of the cloud tells the states of all.
    ///
    /// # Errors
    ///
    /// If the state cannot be read, or the cloud does not tell.
    pub async fn volumes(&self, all: bool) -> Result<Vec<VolumeView>, Error> {
        let records = self.records::<VolumeBody>().await?;
        if records.is_empty() && !all {
            return Ok(Vec::new());
        }
        let hosts = self.host_names().await?;
        let listed = self.cloud().volumes().await?;
        let mut by_id: HashMap<String, Volume> =
            listed.into_iter().map(|volume| (volume.id.clone(), volume)).collect();
        let mut views = Vec::new();
        for found in &records {
            let cloud = found.value.cloud_id.as_ref().and_then(|id| by_id.remove(id));
            views.push(volume_view(&found.value, cloud.as_ref(), &hosts));
        }
        if all {
            let mut others: Vec<_> =
                by_id.into_values().map(|volume| foreign_view(&volume, &hosts)).collect();
            others.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
            views.extend(others);
        }
        Ok(views)
    }

    /// One volume.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`], or what the cloud said.
    pub async fn volume(&self, reference: &str) -> Result<VolumeView, Error> {
        let record = self.record::<VolumeBody>(&[reference]).await?.value;
        let hosts = self.host_names().await?;
        let Some(id) = &record.cloud_id else { return Ok(volume_view(&record, None, &hosts)) };
        match self.cloud().ask(|p| p.get_volume(id)).await {
            Ok(volume) => Ok(volume_view(&record, Some(&volume), &hosts)),
            Err(error) if error.category() == Category::NotFound => Ok(volume_view(&record, None, &hosts)),
            Err(error) => Err(error),
        }
    }
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Creating => "creating",
        State::Available => "available",
        State::Attaching => "attaching",
        State::Attached => "attached",
        State::Detaching => "detaching",
        State::Deleting => "deleting",
        State::Failed => "failed",
        State::Unknown => "unknown",
    }
}

fn volume_view(record: &Record<VolumeBody>, cloud: Option<&Volume>, hosts: &HostNames) -> VolumeView {
    let body = &record.body;
    let state = match (cloud, record.status) {
        (Some(volume), _) => state_name(volume.state),
        (None, Status::Creating) => "creating",
        (None, Status::Ready) => "missing",
    };
    let mut attachments = cloud.map(|volume| attachments_of(volume, hosts)).unwrap_or_default();
    for attachment in &mut attachments {
        let known = body.attachment.as_ref().filter(|at| at.host.as_str() == attachment.host);
        attachment.since_unix_ms = known.map(|at| at.since_unix_ms);
        let mount = known.and_then(|at| at.mount.as_ref());
        attachment.mount_path = mount.map(|mount| mount.path.to_string());
        attachment.file_system = mount.map(|mount| printable(&mount.file_system));
    }
    VolumeView {
        id: record.cloud_id.clone(),
        name: record.name.to_string(),
        size_gib: cloud.map_or(body.size_gib, |volume| volume.size_gib),
        speed: Some(body.speed),
        zone: body.zone.clone(),
        state,
        managed: true,
        attachments,
        labels: record.labels.clone(),
        tags: record.tags.iter().cloned().collect(),
    }
}

fn foreign_view(volume: &Volume, hosts: &HostNames) -> VolumeView {
    VolumeView {
        id: Some(printable(&volume.id)),
        name: printable(&volume.name),
        size_gib: volume.size_gib,
        speed: volume.speed.map(Into::into),
        zone: None,
        state: state_name(volume.state),
        managed: false,
        attachments: attachments_of(volume, hosts),
        labels: BTreeMap::new(),
        tags: Vec::new(),
    }
}

fn attachments_of(volume: &Volume, hosts: &HostNames) -> Vec<AttachmentView> {
    let view = |at: &skywright_runtime::provider::volumes::Attachment| AttachmentView {
        host: hosts.of(&at.host),
        device: at.device.as_deref().map(printable),
        since_unix_ms: None,
        mount_path: None,
        file_system: None,
    };
    volume.attachments.iter().map(view).collect()
}
