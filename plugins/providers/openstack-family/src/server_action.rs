//! Starting, stopping, rebooting and resizing a host.
//!
//! The action is asked for first, without a look: where the server is in the way of it (a 409), a look tells
//! whether it is there already.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skywright_sdk::hosts::State;
use skywright_sdk::log;
use skywright_sdk::prelude::*;

use crate::backoff;
use crate::cloud::Cloud;
use crate::server::{self, Server};

/// What a server is to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Goal {
    Started,
    Stopped,
    Rebooted,
}

/// A server on its way to a state.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PowerChange {
    id: String,
    goal: Goal,
    polls: u32,
}

fn act(compute: &Client, id: &str, action: &Value) -> Result<(), Error> {
    let path = format!("{}/action", server::path(id));
    // Twice is as once: the second is a 409.
    let call = compute.post(&path).replay(Replay::Idempotent).json_body(action);
    call.send().map(|_| ()).map_err(|error| error.with_subject(id))
}

fn compute() -> Result<Client, Error> {
    let cloud = Cloud::open()?;
    cloud.compute(&cloud.region()?)
}

/// Starts a host; what was paused, suspended or shelved goes on.
pub(crate) fn start(id: String) -> Result<Progress<PowerChange>, Error> {
    let compute = compute()?;
    match act(&compute, &id, &json!({ "os-start": null })) {
        Err(error) if error.category == Category::Conflict => {
            let server = server::get(&compute, &id)?;
            match (server.status.as_str(), server.is_idle()) {
                ("ACTIVE", true) => return Ok(Progress::Done(id)),
                ("PAUSED", true) => act(&compute, &id, &json!({ "unpause": null }))?,
                ("SUSPENDED", true) => act(&compute, &id, &json!({ "resume": null }))?,
                ("SHELVED" | "SHELVED_OFFLOADED", true) => act(&compute, &id, &json!({ "unshelve": null }))?,
                ("ERROR", true) => return Err(server.failure()),
                (_, true) => return Err(error),
                (_, false) => {}
            }
        }
        answer => answer?,
    }
    Ok(PowerChange { id, goal: Goal::Started, polls: 0 }.wait())
}

/// Stops a host. Nova has one way alone: it asks the system to shut down, and switches off one that does not.
pub(crate) fn stop(id: String) -> Result<Progress<PowerChange>, Error> {
    let compute = compute()?;
    match act(&compute, &id, &json!({ "os-stop": null })) {
        Err(error) if error.category == Category::Conflict => {
            let server = server::get(&compute, &id)?;
            match (server.state(), server.is_idle()) {
                (State::Stopped, true) => return Ok(Progress::Done(id)),
                (State::Failed, true) => return Err(server.failure()),
                (_, true) => return Err(error),
                (_, false) => {}
            }
        }
        answer => answer?,
    }
    Ok(PowerChange { id, goal: Goal::Stopped, polls: 0 }.wait())
}

/// Reboots a host; one that is stopped is started.
pub(crate) fn reboot(id: String, force: bool) -> Result<Progress<PowerChange>, Error> {
    let compute = compute()?;
    let kind = if force { "HARD" } else { "SOFT" };
    match act(&compute, &id, &json!({ "reboot": { "type": kind } })) {
        Err(error) if error.category == Category::Conflict => {
            let server = server::get(&compute, &id)?;
            match (server.state(), server.is_idle()) {
                (State::Stopped, true) => return start(id),
                (_, true) => return Err(error),
                (_, false) => {}
            }
        }
        answer => answer?,
    }
    Ok(PowerChange { id, goal: Goal::Rebooted, polls: 0 }.wait())
}

impl Operation for PowerChange {
    fn step(self) -> Result<Progress<Self>, Error> {
        let server = server::get(&compute()?, &self.id)?;
        if !server.is_idle() {
            return Ok(self.wait());
        }
        match (self.goal, server.state()) {
            (Goal::Started | Goal::Rebooted, State::Running) | (Goal::Stopped, State::Stopped) => {
                Ok(Progress::Done(self.id))
            }
            (_, State::Failed) => Err(server.failure()),
            (_, State::Starting | State::Stopping) => Ok(self.wait()),
            _ => Err(stayed(&server)),
        }
    }
}

impl PowerChange {
    fn wait(mut self) -> Progress<Self> {
        let after_ms = backoff::after_ms(self.polls);
        self.polls = self.polls.saturating_add(1);
        let note = match self.goal {
            Goal::Started => "starting",
            Goal::Stopped => "stopping",
            Goal::Rebooted => "rebooting",
        };
        Progress::wait(self, after_ms, note)
    }
}

fn stayed(server: &Server) -> Error {
    let message = format!("the cloud took the request, and the server is still {}", server.status);
    Error::new(Category::Conflict, "unchanged", message).with_subject(&server.id)
}

/// A server that is getting another flavor.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Resizing {
    id: String,
    template: String,
    /// Whether the cloud took the request.
    asked: bool,
    polls: u32,
}

/// Gives a host another template.
pub(crate) fn resize(id: String, template: String) -> Progress<Resizing> {
    Progress::Next(Resizing { id, template, asked: false, polls: 0 })
}

/// Confirms a resize. Nova shows the server as one that waits for it for a moment before and after it does,
/// and refuses then.
fn confirm(compute: &Client, id: &str) -> Result<(), Error> {
    match act(compute, id, &json!({ "confirmResize": null })) {
        Err(error) if matches!(error.category, Category::InvalidRequest | Category::Conflict) => {
            log::debug!("the resize is not confirmed now: {}", error.message; id = id);
            Ok(())
        }
        answer => answer,
    }
}

impl Operation for Resizing {
    fn step(mut self) -> Result<Progress<Self>, Error> {
        let compute = compute()?;
        let server = server::get(&compute, &self.id)?;
        let has_it = server.flavor() == self.template;
        match (server.status.as_str(), server.is_idle()) {
            ("ERROR", true) => return Err(server.failure()),
            ("VERIFY_RESIZE", true) if has_it => confirm(&compute, &self.id)?,
            ("VERIFY_RESIZE", true) => {
                let message = "the server waits for another resize to be confirmed or taken back";
                return Err(Error::new(Category::Conflict, "verify-resize", message).with_subject(&self.id));
            }
            ("ACTIVE", true) if has_it => return Ok(Progress::Done(self.id)),
            ("SHUTOFF", true) if has_it => act(&compute, &self.id, &json!({ "os-start": null }))?,
            ("ACTIVE" | "SHUTOFF", true) if self.asked => {
                let message = "the cloud took the request, and the server kept its template";
                let error = Error::new(Category::Capacity, "unchanged", message).with_subject(&self.id);
                return Err(error.with_hint("most often no hypervisor has room for the new template"));
            }
            (_, true) => {
                act(&compute, &self.id, &json!({ "resize": { "flavorRef": self.template } }))?;
                self.asked = true;
            }
            (_, false) => {}
        }
        let after_ms = backoff::after_ms(self.polls);
        self.polls = self.polls.saturating_add(1);
        Ok(Progress::wait(self, after_ms, "resizing"))
    }
}
