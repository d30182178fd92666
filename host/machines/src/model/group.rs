//! Security groups: what may reach a machine and what it may reach.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::Tags;
use crate::id::{GroupId, IntentKey, NetworkId, RuleId};

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// To the machine.
    Ingress,
    /// From it.
    Egress,
}

/// What is above IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
    /// Whatever it is.
    Any,
}

/// Which IP. There is no IPv6 between machines: rules for it are kept and have no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IpVersion {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// The other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Peer {
    /// Addresses of this range.
    Cidr(IpNet),
    /// Machines that have this group.
    Group(GroupId),
}

/// What is let through. Answers to it are, too.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Which way.
    pub direction: Direction,
    /// Which IP.
    pub ip_version: IpVersion,
    /// What is above it.
    pub protocol: Protocol,
    /// From and to, both included; for TCP and UDP alone. None: all.
    pub ports: Option<(u16, u16)>,
    /// The other side.
    pub peer: Peer,
    /// For people.
    pub description: String,
}

/// A security group: stateful, allow only, applied outside of the machines, whose root cannot change it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its id.
    pub id: GroupId,
    /// Its name; it need not be unique.
    pub name: String,
    /// For people.
    pub description: String,
    /// The network it was made for, as it was given.
    pub network: Option<NetworkId>,
    /// With their ids.
    pub rules: Vec<(RuleId, Rule)>,
    /// The key it was made with.
    pub intent: IntentKey,
    /// The user's.
    pub tags: Tags,
}

/// A security group to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupSpec {
    /// Made before with this key: the answer is what was made.
    pub intent: IntentKey,
    /// 1 to 255 bytes without control characters.
    pub name: String,
    /// For people.
    pub description: String,
    /// Kept and given back.
    pub network: Option<NetworkId>,
    /// All that it lets through.
    pub rules: Vec<Rule>,
    /// The user's.
    pub tags: Tags,
}
