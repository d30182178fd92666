//! Cinder's volumes.

use serde::Deserialize;
use serde_json::json;
use skywright_sdk::prelude::*;
use skywright_sdk::volumes::{self, Attachment, State, VolumePage, VolumeSpec};
use skywright_sdk::{operation, url};

use crate::cloud::{Cloud, page_size};
use crate::families::{Dialect, Provider, of};
use crate::links::{Link, marker};
use crate::metadata::{INTENT, Metadata};
use crate::operation::Change;
use crate::volume_change;
use crate::volume_type;

impl<D: Dialect> volumes::Guest for Provider<D> {
    fn create(spec: VolumeSpec) -> Result<Outcome, Error> {
        of::<D, _>(|| operation::resume(volume_change::create(&spec)?.map(Change::Volume)))
    }

    fn get(id: String) -> Result<volumes::Volume, Error> {
        of::<D, _>(|| Ok(get(&client()?, &id)?.told()))
    }

    fn list(tags: Vec<KeyValue>, cursor: Option<String>) -> Result<VolumePage, Error> {
        of::<D, _>(|| page(&tags, cursor.as_deref()))
    }

    fn set_tags(id: String, tags: Vec<KeyValue>) -> Result<(), Error> {
        of::<D, _>(|| set_tags(&id, &tags))
    }

    fn delete(id: String) -> Result<Outcome, Error> {
        of::<D, _>(|| operation::resume(volume_change::delete(id)?.map(Change::Volume)))
    }

    fn abandon(key: String) -> Result<Outcome, Error> {
        of::<D, _>(|| operation::resume(volume_change::abandon(key)?.map(Change::Volume)))
    }

    fn attach(volume: String, host: String) -> Result<Outcome, Error> {
        of::<D, _>(|| operation::resume(volume_change::attach(volume, host)?.map(Change::Volume)))
    }

    fn detach(volume: String, host: String) -> Result<Outcome, Error> {
        of::<D, _>(|| operation::resume(volume_change::detach(volume, host)?.map(Change::Volume)))
    }

    fn extend(id: String, size_gib: u32) -> Result<Outcome, Error> {
        of::<D, _>(|| operation::resume(volume_change::extend(id, size_gib)?.map(Change::Volume)))
    }
}

/// A volume as Cinder shows it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Volume {
    pub(crate) id: String,
    #[serde(default)]
    name: Option<String>,
    pub(crate) size: u32,
    pub(crate) status: String,
    #[serde(default)]
    volume_type: Option<String>,
    #[serde(default)]
    pub(crate) created_at: Option<String>,
    #[serde(default)]
    attachments: Vec<VolumeAttachment>,
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

#[derive(Debug, Clone, Deserialize)]
struct VolumeAttachment {
    /// Of old releases there is the volume's id alone.
    #[serde(default)]
    attachment_id: Option<String>,
    server_id: String,
    #[serde(default)]
    device: Option<String>,
}

impl Volume {
    pub(crate) fn state(&self) -> State {
        match self.status.as_str() {
            "creating" | "downloading" | "restoring-backup" => State::Creating,
            "available" | "reserved" | "extending" | "retyping" | "backing-up"
                if self.attachments.is_empty() =>
            {
                State::Available
            }
            "attaching" => State::Attaching,
            "in-use" | "reserved" | "extending" | "retyping" | "backing-up" => State::Attached,
            "detaching" => State::Detaching,
            "deleting" => State::Deleting,
            status if status.starts_with("error") => State::Failed,
            _ => State::Unknown,
        }
    }

    /// Whether this server has it.
    pub(crate) fn is_attached_to(&self, server: &str) -> bool {
        self.attachments.iter().any(|attachment| attachment.server_id == server)
    }

    /// A server that has it.
    pub(crate) fn holder(&self) -> Option<&str> {
        self.attachments.first().map(|attachment| attachment.server_id.as_str())
    }

    /// The error of one that failed.
    pub(crate) fn failure(&self) -> Error {
        let message = format!("the volume is in the state {}", self.status);
        Error::new(Category::Internal, self.status.clone(), message).with_subject(&self.id)
    }

    /// The error of one that a server has.
    pub(crate) fn in_use(&self, server: &str) -> Error {
        let message = format!("the volume is attached to the host {server}");
        Error::new(Category::InUse, "in-use", message).with_subject(server)
    }

    fn told(self) -> volumes::Volume {
        let id = &self.id;
        let attachments = self.attachments.iter().map(|attachment| Attachment {
            id: attachment.attachment_id.clone().unwrap_or_else(|| id.clone()),
            volume: id.clone(),
            host: attachment.server_id.clone(),
            device: attachment.device.clone(),
        });
        volumes::Volume {
            attachments: attachments.collect(),
            state: self.state(),
            speed: self.volume_type.as_deref().and_then(volume_type::speed),
            size_gib: self.size,
            intent: self.metadata.intent().map(str::to_owned),
            tags: self.metadata.tags(),
            name: self.name.unwrap_or_default(),
            id: self.id,
        }
    }
}

#[derive(Deserialize)]
struct One {
    volume: Volume,
}

#[derive(Deserialize)]
struct Volumes {
    volumes: Vec<Volume>,
    #[serde(default)]
    volumes_links: Vec<Link>,
}

impl Listing for Volumes {
    type Item = Volume;

    fn next(&self) -> Option<Next> {
        marker(&self.volumes_links)
    }

    fn into_items(self) -> Vec<Volume> {
        self.volumes
    }
}

/// A client for the tenant's Cinder.
pub(crate) fn client() -> Result<Client, Error> {
    let cloud = Cloud::open()?;
    cloud.volume(&cloud.region()?)
}

/// The path of a volume.
pub(crate) fn path(id: &str) -> String {
    format!("/volumes/{}", url::encode(id))
}

/// Makes one.
pub(crate) fn post(volume: &Client, spec: &VolumeSpec) -> Result<Volume, Error> {
    let mut body = json!({
        "name": spec.name,
        "size": spec.size_gib,
        "metadata": Metadata::of(&spec.intent.key, &spec.tags)?,
    });
    if let Some(kind) = volume_type::of_speed(volume, spec.speed)? {
        body["volume_type"] = json!(kind);
    }
    if let Some(zone) = &spec.zone {
        body["availability_zone"] = json!(zone);
    }
    let one: One = volume.post("/volumes").json_body(&json!({ "volume": body })).json()?;
    Ok(one.volume)
}

/// One volume.
pub(crate) fn get(volume: &Client, id: &str) -> Result<Volume, Error> {
    let one: One = volume.get(&path(id)).json().map_err(|error| error.with_subject(id))?;
    Ok(one.volume)
}

/// One volume; `None` where it is gone.
pub(crate) fn find(volume: &Client, id: &str) -> Result<Option<Volume>, Error> {
    crate::neutron::unless_gone(get(volume, id))
}

/// Those that carry an intent's key, the oldest first.
pub(crate) fn of_intent(volume: &Client, key: &str) -> Result<Vec<Volume>, Error> {
    let filter = json!({ INTENT: key }).to_string();
    let mut found = volume.pages("/volumes/detail").query("metadata", filter).all::<Volumes>()?;
    // A cloud that does not know the filter gives them all.
    found.retain(|volume| volume.metadata.intent() == Some(key));
    found.sort_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));
    Ok(found)
}

fn page(tags: &[KeyValue], cursor: Option<&str>) -> Result<VolumePage, Error> {
    let volume = client()?;
    let pages = volume.pages("/volumes/detail").query("limit", page_size()?);
    let page = pages.page::<Volumes>(cursor)?;
    let items = page.items.into_iter().filter(|volume| volume.metadata.has(tags)).map(Volume::told);
    Ok(VolumePage { items: items.collect(), next: page.next })
}

fn set_tags(id: &str, tags: &[KeyValue]) -> Result<(), Error> {
    let volume = client()?;
    let items = get(&volume, id)?.metadata.with_tags(tags)?;
    volume.put(&format!("{}/metadata", path(id))).json_body(&json!({ "metadata": items })).send()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states() {
        let state = |status: &str, server: Option<&str>| {
            let attachments: Vec<_> = server.iter().map(|id| json!({ "server_id": id })).collect();
            let json = json!({ "id": "v", "size": 1, "status": status, "attachments": attachments });
            serde_json::from_value::<Volume>(json).unwrap().state()
        };
        assert_eq!(state("available", None), State::Available);
        assert_eq!(state("in-use", Some("s")), State::Attached);
        assert_eq!(
            (state("extending", None), state("extending", Some("s"))),
            (State::Available, State::Attached)
        );
        assert_eq!(state("error_deleting", None), State::Failed);
        assert_eq!(state("awaiting-transfer", None), State::Unknown);
    }
}
