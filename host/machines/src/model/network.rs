//! Networks and their subnets.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::Tags;
use crate::id::{IntentKey, NetworkId, SubnetId};

/// A network: a router of its own. Networks do not reach one another, and their ranges may overlap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Its id.
    pub id: NetworkId,
    /// Its name; it need not be unique.
    pub name: String,
    /// What its subnets are cut from.
    pub cidr: Ipv4Net,
    /// The key it was made with.
    pub intent: IntentKey,
    /// The user's.
    pub tags: Tags,
}

/// A network to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkSpec {
    /// Made before with this key: the answer is what was made.
    pub intent: IntentKey,
    /// 1 to 255 bytes without control characters.
    pub name: String,
    /// What its subnets will be cut from.
    pub cidr: Ipv4Net,
    /// The user's.
    pub tags: Tags,
}

/// A subnet: a bridge. Its first address is the router's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subnet {
    /// Its id.
    pub id: SubnetId,
    /// Its name; it need not be unique.
    pub name: String,
    /// Where it is.
    pub network: NetworkId,
    /// Its range.
    pub cidr: Ipv4Net,
    /// The router's address; none where it is not routed.
    pub gateway: Option<Ipv4Addr>,
    /// Name servers; none for the machine's own.
    pub dns: Vec<Ipv4Addr>,
    /// Whether the router has an address in it.
    pub routed: bool,
    /// The key it was made with.
    pub intent: IntentKey,
    /// The user's.
    pub tags: Tags,
}

/// A subnet to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubnetSpec {
    /// Made before with this key: the answer is what was made.
    pub intent: IntentKey,
    /// 1 to 255 bytes without control characters.
    pub name: String,
    /// Where.
    pub network: NetworkId,
    /// Within the network's, beside its other subnets; /8 to /29.
    pub cidr: Ipv4Net,
    /// Empty for the machine's own name servers.
    pub dns: Vec<Ipv4Addr>,
    /// The router has an address in it: public addresses work, and what has none reaches the internet by
    /// NAT. Otherwise it is isolated.
    pub routed: bool,
    /// The user's.
    pub tags: Tags,
}
