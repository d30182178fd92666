//! How a host goes, with everything that its create made.
//!
//! The order is such that whatever moment a delete ends at, one that starts anew finds the rest. First the
//! floating address, while the server still tells the intent. Then each port is told which server it was of
//! ([`server_port::part`]). Then the server, with its boot volume; and last the ports, which by then are found by
//! that name.

use serde::{Deserialize, Serialize};
use skywright_sdk::hosts::State;
use skywright_sdk::prelude::*;

use crate::backoff;
use crate::cloud::Cloud;
use crate::neutron::Neutron;
use crate::port::Port;
use crate::{server, server_address, server_port};

/// How often a deletion is asked for that ends in an error.
const ATTEMPTS: u32 = 3;

/// How many looks a deletion may take and still wait for a server to vanish that is shown as deleted.
const POLLS_OF_REMAINS: u32 = 20;

/// What is being taken away.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Deletion {
    /// What the host calls the change's result: the id, or the intent's key.
    subject: String,
    /// Set for all of an intent, whatever there is of it when the servers are gone.
    abandoned: Option<String>,
    servers: Vec<String>,
    ports: Vec<String>,
    attempts: u32,
    polls: u32,
}

/// Asks for the deletion of one host.
pub(crate) fn begin(id: String) -> Result<Deletion, Error> {
    let cloud = Cloud::open()?;
    let (compute, neutron) = (cloud.compute(&cloud.region()?)?, Neutron::open()?);
    let mut deletion = Deletion {
        subject: id.clone(),
        abandoned: None,
        servers: Vec::new(),
        ports: Vec::new(),
        attempts: 1,
        polls: 0,
    };
    let Some(server) = server::find(&compute, &id)? else {
        deletion.ports = ids(server_port::left_by(&neutron, &id)?);
        return Ok(deletion);
    };
    if let Some(key) = server.metadata.intent() {
        server_address::release(&neutron, key)?;
        let ports = server_port::of_intent(&neutron, key)?;
        let own = ports.into_iter().filter(|port| port.device_id.is_empty() || port.device_id == id);
        deletion.ports = ids(own);
        for port in &deletion.ports {
            server_port::part(&neutron, port, &id, key)?;
        }
    }
    server::delete(&compute, &id)?;
    deletion.servers.push(id);
    Ok(deletion)
}

/// Asks for the deletion of all that carries the key.
pub(crate) fn abandon(key: String) -> Result<Deletion, Error> {
    let cloud = Cloud::open()?;
    let (compute, neutron) = (cloud.compute(&cloud.region()?)?, Neutron::open()?);
    server_address::release(&neutron, &key)?;
    let servers: Vec<String> =
        server::of_intent(&compute, &key, None)?.into_iter().map(|server| server.id).collect();
    for id in &servers {
        server::delete(&compute, id)?;
    }
    Ok(Deletion {
        subject: key.clone(),
        abandoned: Some(key),
        servers,
        ports: Vec::new(),
        attempts: 1,
        polls: 0,
    })
}

impl Operation for Deletion {
    fn step(mut self) -> Result<Progress<Self>, Error> {
        let cloud = Cloud::open()?;
        let compute = cloud.compute(&cloud.region()?)?;
        for id in &self.servers {
            let Some(server) = server::find_remains(&compute, id)? else { continue };
            if server.state() == State::Deleted {
                if server.is_about_to_vanish() && self.polls < POLLS_OF_REMAINS {
                    return Ok(self.wait());
                }
                continue;
            }
            // A deletion that failed leaves it in error with nothing being done to it.
            if server.state() == State::Failed && server.is_idle() && self.polls > 0 {
                if self.attempts >= ATTEMPTS {
                    return Err(server.failure());
                }
                self.attempts += 1;
                server::delete(&compute, id)?;
            }
            return Ok(self.wait());
        }
        let neutron = Neutron::open()?;
        let ports = match &self.abandoned {
            Some(key) => ids(server_port::of_intent(&neutron, key)?),
            None => self.ports,
        };
        for port in &ports {
            neutron.delete::<Port>(port)?;
        }
        Ok(Progress::Done(self.subject))
    }
}

impl Deletion {
    /// The first look: later, where there is a server to wait for.
    pub(crate) fn first(self) -> Progress<Self> {
        if self.servers.is_empty() { Progress::Next(self) } else { self.wait() }
    }

    fn wait(mut self) -> Progress<Self> {
        let after_ms = backoff::after_ms(self.polls);
        self.polls = self.polls.saturating_add(1);
        Progress::wait(self, after_ms, "deleting")
    }
}

fn ids(ports: impl IntoIterator<Item = Port>) -> Vec<String> {
    ports.into_iter().map(|port| port.id().to_owned()).collect()
}
