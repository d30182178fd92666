//! What is done to volumes, and waited for.

use serde::{Deserialize, Serialize};
use serde_json::json;
use skywright_sdk::prelude::*;
use skywright_sdk::url;
use skywright_sdk::volumes::{State, VolumeSpec};

use crate::backoff;
use crate::cloud::Cloud;
use crate::neutron::unless_gone;
use crate::server;
use crate::volume::{self, Volume};

/// The version of Cinder's API from which a volume grows while a host has it.
const GROWS_IN_USE: &str = "volume 3.42";

/// What is waited for.
#[derive(Debug, Serialize, Deserialize)]
enum Goal {
    Available,
    /// Those of an abandoned intent, too.
    Gone {
        more: Vec<String>,
    },
    Attached {
        server: String,
    },
    Detached {
        server: String,
    },
    Size {
        gib: u32,
    },
}

/// A volume on its way to a state.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct VolumeChange {
    id: String,
    /// What the host calls the change's result.
    subject: String,
    goal: Goal,
    polls: u32,
}

fn change(id: String, goal: Goal) -> VolumeChange {
    VolumeChange { subject: id.clone(), id, goal, polls: 0 }
}

/// Makes a volume, or finds the one that the lost request made: the oldest, where there are several.
pub(crate) fn create(spec: &VolumeSpec) -> Result<Progress<VolumeChange>, Error> {
    let client = volume::client()?;
    let mut found = Vec::new();
    if spec.intent.again {
        found = volume::of_intent(&client, &spec.intent.key)?;
    }
    let mut found = found.into_iter();
    let volume = match found.next() {
        Some(oldest) => oldest,
        None => volume::post(&client, spec)?,
    };
    for younger in found {
        unless_gone(client.delete(&volume::path(&younger.id)).send())?;
    }
    arrived(&volume, &Goal::Available).map(|arrived| match arrived {
        true => Progress::Done(volume.id.clone()),
        false => change(volume.id.clone(), Goal::Available).wait(),
    })
}

/// Deletes a volume that no host has.
pub(crate) fn delete(id: String) -> Result<Progress<VolumeChange>, Error> {
    let client = volume::client()?;
    if ask_to_delete(&client, &id)? {
        return Ok(Progress::Done(id));
    }
    Ok(change(id, Goal::Gone { more: Vec::new() }).wait())
}

/// Whether it is gone already. Cinder refuses one that is in use with a 400 that says which states would do.
fn ask_to_delete(client: &Client, id: &str) -> Result<bool, Error> {
    match client.delete(&volume::path(id)).send() {
        Ok(_) => Ok(false),
        Err(error) if error.category == Category::NotFound => Ok(true),
        Err(error) if is_refusal(&error) => match volume::find(client, id)? {
            None => Ok(true),
            Some(volume) if volume.state() == State::Deleting => Ok(false),
            Some(volume) => Err(volume.holder().map_or(error, |server| volume.in_use(server))),
        },
        Err(error) => Err(error),
    }
}

fn is_refusal(error: &Error) -> bool {
    matches!(error.category, Category::InvalidRequest | Category::Conflict | Category::InUse)
}

/// Deletes every volume of an intent.
pub(crate) fn abandon(key: String) -> Result<Progress<VolumeChange>, Error> {
    let client = volume::client()?;
    let found = volume::of_intent(&client, &key)?;
    let mut ids = Vec::with_capacity(found.len());
    for volume in found {
        if !ask_to_delete(&client, &volume.id)? {
            ids.push(volume.id);
        }
    }
    Ok(match ids.pop() {
        None => Progress::Done(key),
        Some(id) => VolumeChange { id, subject: key, goal: Goal::Gone { more: ids }, polls: 0 }.wait(),
    })
}

fn compute() -> Result<Client, Error> {
    let cloud = Cloud::open()?;
    cloud.compute(&cloud.region()?)
}

fn attachments(server: &str) -> String {
    format!("{}/os-volume_attachments", server::path(server))
}

/// Gives a volume to a host. Where Nova refuses, the volume tells whether the host has it already.
pub(crate) fn attach(id: String, server: String) -> Result<Progress<VolumeChange>, Error> {
    let body = json!({ "volumeAttachment": { "volumeId": id } });
    // Twice is as once: the second is refused.
    let call = compute()?.post(&attachments(&server)).replay(Replay::Idempotent).json_body(&body).send();
    if let Err(error) = call {
        if !is_refusal(&error) {
            return Err(error);
        }
        let volume = volume::get(&volume::client()?, &id)?;
        if let Some(other) = volume.holder().filter(|_| !volume.is_attached_to(&server)) {
            return Err(volume.in_use(other));
        }
        if !volume.is_attached_to(&server) && !matches!(volume.status.as_str(), "attaching" | "reserved") {
            return Err(error);
        }
    }
    Ok(change(id, Goal::Attached { server }).wait())
}

/// Takes a volume from a host. That the host is gone, or never had it, is a 404: then it is done.
pub(crate) fn detach(id: String, server: String) -> Result<Progress<VolumeChange>, Error> {
    let path = format!("{}/{}", attachments(&server), url::encode(&id));
    match compute()?.delete(&path).send() {
        Ok(_) => {}
        Err(error) if error.category == Category::NotFound => return Ok(Progress::Done(id)),
        Err(error) if is_refusal(&error) => {
            let Some(volume) = volume::find(&volume::client()?, &id)? else { return Ok(Progress::Done(id)) };
            if volume.is_attached_to(&server) && volume.state() != State::Detaching {
                return Err(error);
            }
        }
        Err(error) => return Err(error),
    }
    Ok(change(id, Goal::Detached { server }).wait())
}

/// Makes a volume larger.
pub(crate) fn extend(id: String, gib: u32) -> Result<Progress<VolumeChange>, Error> {
    let client = volume::client()?;
    let volume = volume::get(&client, &id)?;
    if volume.size > gib {
        let message = format!("the volume has {} GiB, and volumes never become smaller", volume.size);
        return Err(Error::invalid("shrink", message).with_subject(id));
    }
    if volume.size < gib && volume.status != "extending" {
        let call = client.post(&format!("{}/action", volume::path(&id)));
        let call = call.json_body(&json!({ "os-extend": { "new_size": gib } })).replay(Replay::Idempotent);
        let call = match volume.holder() {
            Some(_) => call.header("openstack-api-version", GROWS_IN_USE),
            None => call,
        };
        call.send().map_err(|error| match (error.category, volume.holder()) {
            (Category::Unsupported, Some(_)) => {
                error.with_hint("this cloud lets volumes grow while no host has them")
            }
            _ => error,
        })?;
    }
    let goal = Goal::Size { gib };
    if arrived(&volume, &goal)? {
        return Ok(Progress::Done(id));
    }
    Ok(change(id, goal).wait())
}

/// Whether a volume is as wanted.
fn arrived(volume: &Volume, goal: &Goal) -> Result<bool, Error> {
    let state = volume.state();
    if state == State::Failed {
        return Err(volume.failure());
    }
    let rests = !matches!(volume.status.as_str(), "reserved" | "extending");
    Ok(match goal {
        Goal::Available => matches!(state, State::Available | State::Attached) && rests,
        Goal::Gone { .. } => false,
        Goal::Attached { server } => {
            // Nova sets it free again when the hypervisor could not plug it in.
            if state == State::Available && rests {
                let message = "the cloud took the request, and the volume is attached to no host";
                return Err(Error::new(Category::Conflict, "unchanged", message).with_subject(&volume.id));
            }
            state == State::Attached && rests && volume.is_attached_to(server)
        }
        Goal::Detached { server } => state != State::Detaching && !volume.is_attached_to(server),
        Goal::Size { gib } => volume.size >= *gib && rests,
    })
}

impl Operation for VolumeChange {
    fn step(mut self) -> Result<Progress<Self>, Error> {
        let client = volume::client()?;
        match (volume::find(&client, &self.id)?, &mut self.goal) {
            (None, Goal::Gone { more }) => Ok(match more.pop() {
                None => Progress::Done(self.subject),
                Some(id) => Progress::Next(Self { id, ..self }),
            }),
            (None, Goal::Detached { .. }) => Ok(Progress::Done(self.subject)),
            (None, _) => {
                let error = Error::new(Category::NotFound, "deleted", "the volume was deleted meanwhile");
                Err(error.with_subject(self.id))
            }
            (Some(volume), goal) => Ok(match arrived(&volume, goal)? {
                true => Progress::Done(self.subject),
                false => self.wait(),
            }),
        }
    }
}

impl VolumeChange {
    fn wait(mut self) -> Progress<Self> {
        let after_ms = backoff::after_ms(self.polls);
        self.polls = self.polls.saturating_add(1);
        let note = match self.goal {
            Goal::Available => "creating",
            Goal::Gone { .. } => "deleting",
            Goal::Attached { .. } => "attaching",
            Goal::Detached { .. } => "detaching",
            Goal::Size { .. } => "extending",
        };
        Progress::wait(self, after_ms, note)
    }
}
