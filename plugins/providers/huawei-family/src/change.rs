//! What VPC v1 does in its own time.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skywright_openstack_family::project_api;
use skywright_sdk::prelude::*;

use crate::{subnet, vpc};

/// A change, by what is waited for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Change {
    /// A VPC that is being made.
    Vpc { id: String, polls: u32 },
    /// A subnet that is being made, by its network.
    Subnet { network: String, polls: u32 },
    /// Subnets that are being deleted, by their networks; the subject is what the change results in.
    Gone { subject: String, networks: Vec<String>, polls: u32 },
}

impl Change {
    /// Waits for it: from one second to five.
    pub(crate) fn wait(self) -> Result<Progress<Value>, Error> {
        let (polls, note) = match &self {
            Self::Vpc { polls, .. } | Self::Subnet { polls, .. } => (*polls, "creating"),
            Self::Gone { polls, .. } => (*polls, "deleting"),
        };
        let after_ms = polls.saturating_mul(500).saturating_add(1000).min(5000);
        let state = serde_json::to_value(self)
            .map_err(|error| Error::new(Category::Internal, "token", error.to_string()))?;
        Ok(Progress::wait(state, after_ms, note))
    }

    /// One look.
    pub(crate) fn step(state: Value) -> Result<Progress<Value>, Error> {
        let change: Self = serde_json::from_value(state).map_err(|error| {
            Error::invalid("unknown-token", format!("that is no change of VPC's: {error}"))
        })?;
        let api = project_api("v1")?;
        match change {
            Self::Vpc { id, polls } => match vpc::one(&api, &id)?.is_ready()? {
                true => Ok(Progress::Done(id)),
                false => Self::Vpc { id, polls: polls.saturating_add(1) }.wait(),
            },
            Self::Subnet { network, polls } => {
                let subnet = subnet::one(&api, &network)?;
                match subnet.is_ready()? {
                    true => Ok(Progress::Done(subnet.neutron_subnet_id)),
                    false => Self::Subnet { network, polls: polls.saturating_add(1) }.wait(),
                }
            }
            Self::Gone { subject, mut networks, polls } => {
                while let Some(network) = networks.last() {
                    if crate::listing::unless_gone(subnet::one(&api, network))?.is_some() {
                        return Self::Gone { subject, networks, polls: polls.saturating_add(1) }.wait();
                    }
                    networks.pop();
                }
                Ok(Progress::Done(subject))
            }
        }
    }
}
