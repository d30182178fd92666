//! Hosts.

mod boot;
mod change;
mod create;
mod names;
mod user_data;
mod view;

use serde::{Deserialize, Serialize};

use super::key::SshKey;
use super::record::{Body, Kind};
use super::security_group::GroupBinding;
use super::template::TemplateSummary;
use crate::name::Name;
use crate::operation::Sealed;

pub use change::{DeleteHosts, HostAction, ResizeHost, SwitchHosts};
pub use create::CreateHosts;
pub use view::{HostView, SshAccess};

pub(super) use change::{PlannedHostChange, delete_host};
pub(super) use create::{PlannedHost, PlannedHosts};
pub(super) use names::HostNames;

/// What a host is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostRole {
    /// The user's own work.
    #[default]
    Plain,
    /// The way into a subnet.
    Gateway,
}

impl HostRole {
    /// Whether it goes with its subnet.
    #[must_use]
    pub fn is_gateway(self) -> bool {
        self == Self::Gateway
    }
}

/// A subnet by the names of its network and itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubnetRef {
    /// The network.
    pub network: Name,
    /// The subnet.
    pub name: Name,
}

impl std::fmt::Display for SubnetRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.network, self.name)
    }
}

/// What is a host's alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostBody {
    /// What it is for.
    pub role: HostRole,
    /// What machine it is.
    pub template: TemplateSummary,
    /// What it was made of.
    pub image: ImageSummary,
    /// How large the volume is that it boots from, in GiB; `None` for one that boots from its template's disk.
    #[serde(default)]
    pub boot_disk_gib: Option<u32>,
    /// Where, if the cloud has several zones.
    pub zone: Option<String>,
    /// Where it is, the default route first.
    pub subnets: Vec<SubnetRef>,
    /// Its address inside.
    pub private_address: Option<String>,
    /// Its address outside.
    pub public_address: Option<String>,
    /// Who logs in.
    pub user: String,
    /// Where SSH listens.
    pub ssh_port: u16,
    /// The key that logs in, its public half.
    pub ssh_key: Option<SshKey>,
    /// The private half, sealed for the record's key.
    pub private_key: Option<Sealed>,
    /// Its SSH server's public keys, as `known_hosts` has them, or fingerprints of them; none where nobody has told
    /// them yet.
    #[serde(default)]
    pub host_keys: Vec<String>,
    /// The group that lets SSH in from outside, where the host has one of its own.
    #[serde(default)]
    pub own_group: Option<String>,
    /// The groups that were put on it, besides those of its subnets.
    #[serde(default)]
    pub groups: Vec<GroupBinding>,
}

/// What a host record remembers of its image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageSummary {
    /// The cloud's id.
    pub id: String,
    /// Its name.
    pub name: String,
}

impl Body for HostBody {
    const KIND: Kind = Kind::Host;
}
