//! Machines.

use std::fmt;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::Tags;
use crate::id::{GroupId, IntentKey, MachineId, SubnetId};

/// Where a machine is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MachineState {
    /// It is being made.
    Creating,
    /// It is being started, or started anew.
    Starting,
    /// Its init runs, or, of a virtual machine, its kernel starts. Whether its services answer yet is not known.
    Running,
    /// It is being stopped.
    Stopping,
    /// It does not run: stopped, powered off from within, or ended with the machine that it is on.
    Stopped,
    /// It could not be made or started; `fault` says why.
    Failed,
    /// It is going.
    Deleting,
}

impl fmt::Display for MachineState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Creating => "creating",
            Self::Starting => "starting",
            Self::Running => "running",
            Self::Stopping => "stopping",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Deleting => "deleting",
        })
    }
}

/// How large a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size {
    /// Shares of a processor's time, at most; at least 1.
    pub vcpus: u32,
    /// At least 64.
    pub memory_mib: u64,
    /// At least 1. It is sparse.
    pub disk_gib: u32,
}

/// A port to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortSpec {
    /// Where.
    pub subnet: SubnetId,
    /// None: one that is free.
    pub fixed_address: Option<Ipv4Addr>,
    /// More addresses that it may send from.
    pub allowed_addresses: Vec<Ipv4Net>,
    /// It passes on packets of others: it may send from any address.
    pub forwards: bool,
}

/// A machine to be made.
#[derive(Clone, PartialEq, Eq)]
pub struct MachineSpec {
    /// Made before with this key: the answer is what was made.
    pub intent: IntentKey,
    /// Its host name: a label of `[a-z0-9-]`, at most 63 bytes.
    pub name: String,
    /// An image's id.
    pub image: String,
    /// How large.
    pub size: Size,
    /// The first has the default route. None: one on the public network.
    pub ports: Vec<PortSpec>,
    /// A public address of its own, which goes when it goes.
    pub public_address: bool,
    /// None: everything out, and in from its own subnets.
    pub groups: Vec<GroupId>,
    /// OpenSSH public keys of the image's login user.
    pub login_keys: Vec<String>,
    /// At most 64 KiB: a script, and cloud-config where the image knows it. Never printed.
    pub user_data: Vec<u8>,
    /// The plugin's own notes, given back as they are.
    pub attributes: Tags,
    /// The user's.
    pub tags: Tags,
}

impl fmt::Debug for MachineSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // User-data holds keys at times.
        f.debug_struct("MachineSpec")
            .field("intent", &self.intent)
            .field("name", &self.name)
            .field("image", &self.image)
            .field("size", &self.size)
            .field("ports", &self.ports)
            .field("user_data_bytes", &self.user_data.len())
            .finish_non_exhaustive()
    }
}

/// A port of a machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Where; none for the public network.
    pub subnet: Option<SubnetId>,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its hardware address.
    pub mac: String,
    /// More addresses that it may send from.
    pub allowed_addresses: Vec<Ipv4Net>,
    /// It may send from any address.
    pub forwards: bool,
}

/// A key that a machine's SSH server has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostKey {
    /// `ssh-ed25519`.
    pub algorithm: String,
    /// As in `known_hosts`: algorithm and base64.
    pub public_key: String,
    /// `SHA256:…`.
    pub fingerprint: String,
}

/// How far something is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// None where nobody knows.
    pub percent: Option<u8>,
    /// For people: `building the image debian-12`.
    pub note: String,
}

/// A machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Its id.
    pub id: MachineId,
    /// Its host name.
    pub name: String,
    /// Where it is in its life.
    pub state: MachineState,
    /// Set while the state is one that ends in `-ing`.
    pub progress: Option<Progress>,
    /// The id of its image.
    pub image: String,
    /// How large it is.
    pub size: Size,
    /// In the order given.
    pub ports: Vec<Port>,
    /// What leads to its first port.
    pub public_address: Option<Ipv4Addr>,
    /// Its security groups.
    pub groups: Vec<GroupId>,
    /// Made by us before the first boot; empty until then.
    pub host_keys: Vec<HostKey>,
    /// When it was asked for, RFC 3339.
    pub created_at: String,
    /// Why it is `failed`.
    pub fault: Option<String>,
    /// The plugin's own notes.
    pub attributes: Tags,
    /// The key it was made with.
    pub intent: IntentKey,
    /// The user's.
    pub tags: Tags,
}
