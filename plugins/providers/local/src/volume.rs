//! Volumes: disks with the contract's words.

use skywright_sdk::operation;
use skywright_sdk::prelude::*;
use skywright_sdk::volumes::{Attachment, Guest, Speed, State, Volume, VolumePage, VolumeSpec};

use crate::Local;
use crate::bindings::machines::{self, Disk, DiskState};
use crate::change::{Change, or_gone};
use crate::tag::{attribute, carries, intent};

/// The attribute that keeps the speed that was asked for: a machine has one kind of disk.
const SPEED: &str = "speed";

impl Guest for Local {
    fn create(spec: VolumeSpec) -> Result<Outcome, Error> {
        let made = machines::create_disk(&machines::DiskSpec {
            intent: spec.intent.key,
            name: spec.name,
            size_gib: spec.size_gib,
            attributes: vec![KeyValue::new(SPEED, word(spec.speed))],
            tags: spec.tags,
        })?;
        operation::start(Change::Disk { id: made.id })
    }

    fn get(id: String) -> Result<Volume, Error> {
        machines::get_disk(&id).map(of_disk)
    }

    fn list(tags: Vec<KeyValue>, _cursor: Option<String>) -> Result<VolumePage, Error> {
        let all = machines::disks()?.into_iter().filter(|disk| carries(&disk.tags, &tags));
        Ok(VolumePage { items: all.map(of_disk).collect(), next: None })
    }

    fn set_tags(id: String, tags: Vec<KeyValue>) -> Result<(), Error> {
        machines::set_tags(&id, &tags)
    }

    fn delete(id: String) -> Result<Outcome, Error> {
        or_gone(machines::delete_disk(&id))?;
        Ok(Outcome::Done(id))
    }

    fn abandon(key: String) -> Result<Outcome, Error> {
        operation::start(Change::Abandon { key })
    }

    fn attach(volume: String, host: String) -> Result<Outcome, Error> {
        machines::attach_disk(&volume, &host)?;
        Ok(Outcome::Done(volume))
    }

    fn detach(volume: String, host: String) -> Result<Outcome, Error> {
        machines::detach_disk(&volume, &host)?;
        Ok(Outcome::Done(volume))
    }

    fn extend(id: String, size_gib: u32) -> Result<Outcome, Error> {
        machines::extend_disk(&id, size_gib)?;
        Ok(Outcome::Done(id))
    }
}

fn of_disk(disk: Disk) -> Volume {
    let attachment = disk.machine.map(|host| Attachment {
        id: format!("{}@{host}", disk.id),
        volume: disk.id.clone(),
        host,
        device: disk.device,
    });
    Volume {
        speed: attribute(&disk.attributes, SPEED).and_then(speed),
        id: disk.id,
        name: disk.name,
        size_gib: disk.size_gib,
        state: match disk.state {
            DiskState::Creating => State::Creating,
            DiskState::Available => State::Available,
            DiskState::Attached => State::Attached,
            DiskState::Deleting => State::Deleting,
        },
        attachments: attachment.into_iter().collect(),
        intent: intent(disk.intent),
        tags: disk.tags,
    }
}

fn word(speed: Speed) -> &'static str {
    match speed {
        Speed::Cold => "cold",
        Speed::Hdd => "hdd",
        Speed::Ssd => "ssd",
    }
}

fn speed(text: &str) -> Option<Speed> {
    [Speed::Cold, Speed::Hdd, Speed::Ssd].into_iter().find(|speed| word(*speed) == text)
}
