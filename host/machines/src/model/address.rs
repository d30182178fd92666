//! Public addresses, and addresses that move between machines.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use super::Tags;
use crate::id::{AddressId, IntentKey, MachineId, SubnetId, VirtualIpId};

/// An address that the machine skywright runs on reaches directly, and that leads to a machine's first port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicAddress {
    /// Its id.
    pub id: AddressId,
    /// The address, from the home's own private range.
    pub address: Ipv4Addr,
    /// Where it leads.
    pub machine: Option<MachineId>,
    /// The key it was made with; none where it came with a machine and goes with it.
    pub intent: Option<IntentKey>,
    /// The user's.
    pub tags: Tags,
}

/// An address of a subnet that several machines may answer for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualIp {
    /// Its id.
    pub id: VirtualIpId,
    /// Its name; it need not be unique.
    pub name: String,
    /// The address.
    pub address: Ipv4Addr,
    /// Where it belongs.
    pub subnet: SubnetId,
    /// Those that may answer for it.
    pub machines: Vec<MachineId>,
    /// The key it was made with.
    pub intent: IntentKey,
    /// The user's.
    pub tags: Tags,
}

/// A virtual IP to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualIpSpec {
    /// Made before with this key: the answer is what was made.
    pub intent: IntentKey,
    /// 1 to 255 bytes without control characters.
    pub name: String,
    /// Where.
    pub subnet: SubnetId,
    /// The user's.
    pub tags: Tags,
}
