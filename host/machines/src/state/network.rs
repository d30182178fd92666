//! Networks and subnets as they are written down.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use super::{State, check_name};
use crate::error::Error;
use crate::id::{NetworkId, SubnetId};
use crate::model::{Network, NetworkSpec, Subnet, SubnetSpec};

/// A network, and what of it nobody needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct NetworkRecord {
    pub(crate) network: Network,
    /// Its router's address on the public network, once it has one.
    pub(crate) uplink: Option<Ipv4Addr>,
}

impl State {
    pub(crate) fn create_network(&mut self, spec: NetworkSpec) -> Result<Network, Error> {
        if let Some(made) = self.networks.values().find(|n| n.network.intent == spec.intent) {
            return Ok(made.network.clone());
        }
        check_name(&spec.name)?;
        let network = Network {
            id: NetworkId(self.number()),
            name: spec.name,
            cidr: spec.cidr.trunc(),
            intent: spec.intent,
            tags: spec.tags,
        };
        let record = NetworkRecord { network: network.clone(), uplink: None };
        self.networks.insert(network.id, record);
        Ok(network)
    }

    pub(crate) fn network(&self, id: NetworkId) -> Result<&NetworkRecord, Error> {
        self.networks.get(&id).ok_or_else(|| Error::NoSuch(id.noun()))
    }

    pub(crate) fn delete_network(&mut self, id: NetworkId) -> Result<(), Error> {
        if let Some(subnet) = self.subnets.values().find(|subnet| subnet.network == id) {
            return Err(Error::InUse { what: id.noun(), holder: subnet.id.noun() });
        }
        self.networks.remove(&id);
        Ok(())
    }

    pub(crate) fn create_subnet(&mut self, spec: SubnetSpec) -> Result<Subnet, Error> {
        if let Some(made) = self.subnets.values().find(|subnet| subnet.intent == spec.intent) {
            return Ok(made.clone());
        }
        check_name(&spec.name)?;
        let cidr = self.check_range(&spec)?;
        let subnet = Subnet {
            id: SubnetId(self.number()),
            name: spec.name,
            network: spec.network,
            cidr,
            gateway: spec.routed.then(|| first(cidr)),
            dns: spec.dns,
            routed: spec.routed,
            intent: spec.intent,
            tags: spec.tags,
        };
        self.subnets.insert(subnet.id, subnet.clone());
        Ok(subnet)
    }

    fn check_range(&self, spec: &SubnetSpec) -> Result<Ipv4Net, Error> {
        let network = &self.network(spec.network)?.network;
        let what = format!("the subnet {}", spec.cidr);
        let cidr = spec.cidr.trunc();
        if !(8..=29).contains(&cidr.prefix_len()) {
            return Err(Error::invalid(what, "its prefix is not 8 to 29 long"));
        }
        if !network.cidr.contains(&cidr) {
            return Err(Error::invalid(what, format!("it is not within the network's {}", network.cidr)));
        }
        let mut others = self.subnets.values().filter(|other| other.network == spec.network);
        if let Some(other) = others.find(|other| overlap(other.cidr, cidr)) {
            return Err(Error::invalid(what, format!("it overlaps {}, {}", other.id.noun(), other.cidr)));
        }
        match self.public {
            Some(public) if overlap(public, cidr) => {
                Err(Error::invalid(what, format!("it overlaps this machine's public range {public}")))
            }
            _ => Ok(cidr),
        }
    }

    pub(crate) fn subnet(&self, id: SubnetId) -> Result<&Subnet, Error> {
        self.subnets.get(&id).ok_or_else(|| Error::NoSuch(id.noun()))
    }

    pub(crate) fn delete_subnet(&mut self, id: SubnetId) -> Result<Option<Subnet>, Error> {
        let in_use = |holder| Err(Error::InUse { what: id.noun(), holder });
        let inside = |machine: &&super::MachineRecord| machine.ports.iter().any(|p| p.subnet == Some(id));
        if let Some(machine) = self.machines.values().find(inside) {
            return in_use(machine.id.noun());
        }
        if let Some(address) = self.virtual_ips.values().find(|address| address.subnet == id) {
            return in_use(address.id.noun());
        }
        Ok(self.subnets.remove(&id))
    }

    /// An address of the subnet that nothing has: the one that is asked for, or else the lowest.
    pub(crate) fn free_address(&self, id: SubnetId, asked: Option<Ipv4Addr>) -> Result<Ipv4Addr, Error> {
        let subnet = self.subnet(id)?;
        let taken = |address: Ipv4Addr| {
            // The first is the router's, or may become a gateway's that is told so.
            address == first(subnet.cidr)
                || self
                    .machines
                    .values()
                    .flat_map(|machine| &machine.ports)
                    .any(|port| port.subnet == Some(id) && port.address == address)
                || self.virtual_ips.values().any(|vip| vip.subnet == id && vip.address == address)
        };
        match asked {
            Some(address) if !subnet.cidr.hosts().any(|host| host == address) => Err(Error::invalid(
                format!("the address {address}"),
                format!("it is no host's of {}", subnet.cidr),
            )),
            Some(address) if taken(address) => {
                Err(Error::InUse { what: format!("the address {address}"), holder: subnet.id.noun() })
            }
            Some(address) => Ok(address),
            None => subnet.cidr.hosts().find(|address| !taken(*address)).ok_or_else(|| Error::Capacity {
                what: format!("an address of {}", subnet.cidr),
                available: "none left".to_owned(),
            }),
        }
    }
}

/// The first address that a host may have.
pub(crate) fn first(cidr: Ipv4Net) -> Ipv4Addr {
    cidr.hosts().next().unwrap_or(cidr.addr())
}

pub(crate) fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

#[cfg(test)]
mod tests {
    use super::super::tests::key;
    use super::*;

    fn network(state: &mut State, intent: &str) -> NetworkId {
        let spec = NetworkSpec {
            intent: key(intent),
            name: "net".to_owned(),
            cidr: "10.0.0.0/16".parse().unwrap(),
            tags: Vec::new(),
        };
        state.create_network(spec).unwrap().id
    }

    fn subnet(state: &mut State, network: NetworkId, intent: &str, cidr: &str) -> Result<Subnet, Error> {
        state.create_subnet(SubnetSpec {
            intent: key(intent),
            name: "sub".to_owned(),
            network,
            cidr: cidr.parse().unwrap(),
            dns: Vec::new(),
            routed: true,
            tags: Vec::new(),
        })
    }

    #[test]
    fn a_create_of_the_same_intent_is_answered_with_what_it_made() {
        let mut state = State::default();
        let one = network(&mut state, "a");
        assert_eq!(network(&mut state, "a"), one);
        let other = network(&mut state, "b");
        assert_ne!(other, one);
        let made = subnet(&mut state, one, "c", "10.0.1.0/24").unwrap();
        assert_eq!(subnet(&mut state, one, "c", "10.0.9.0/24").unwrap(), made);
        assert_eq!(state.subnets.len(), 1);
    }

    #[test]
    fn subnets_stay_within_their_network_and_beside_one_another() {
        let mut state = State::default();
        let (one, other) = (network(&mut state, "a"), network(&mut state, "b"));
        subnet(&mut state, one, "c", "10.0.1.0/24").unwrap();
        for cidr in ["10.1.0.0/24", "10.0.1.128/25", "10.0.0.0/16", "10.0.2.0/30"] {
            assert_eq!(subnet(&mut state, one, "d", cidr).unwrap_err().code(), "argument", "{cidr}");
        }
        subnet(&mut state, other, "d", "10.0.1.0/24").unwrap();
        assert_eq!(state.delete_network(one).unwrap_err().code(), "in-use");
    }

    #[test]
    fn addresses_are_the_lowest_that_are_free_and_never_the_routers() {
        let mut state = State::default();
        let network = network(&mut state, "a");
        let subnet = subnet(&mut state, network, "b", "10.0.1.0/29").unwrap();
        assert_eq!(subnet.gateway.unwrap().to_string(), "10.0.1.1");
        assert_eq!(state.free_address(subnet.id, None).unwrap().to_string(), "10.0.1.2");
        let asked = |text: &str| state.free_address(subnet.id, Some(text.parse().unwrap()));
        assert!(asked("10.0.1.6").is_ok());
        for wrong in ["10.0.1.0", "10.0.1.7", "10.0.2.2"] {
            assert_eq!(asked(wrong).unwrap_err().code(), "argument", "{wrong}");
        }
        assert_eq!(asked("10.0.1.1").unwrap_err().code(), "in-use");
    }
}
