//! Networks, and subnets in them.

use skywright_sdk::networks::{Guest, Network, NetworkPage, NetworkSpec, Subnet, SubnetPage, SubnetSpec};
use skywright_sdk::operation;
use skywright_sdk::prelude::*;

use crate::Local;
use crate::bindings::machines;
use crate::change::{Change, or_gone};
use crate::tag::{carries, intent};

impl Guest for Local {
    fn create(spec: NetworkSpec) -> Result<Outcome, Error> {
        let made = machines::create_network(&machines::NetworkSpec {
            intent: spec.intent.key,
            name: spec.name,
            cidr: spec.cidr,
            tags: spec.tags,
        })?;
        Ok(Outcome::Done(made.id))
    }

    fn get(id: String) -> Result<Network, Error> {
        machines::get_network(&id).map(of_network)
    }

    fn list(tags: Vec<KeyValue>, _cursor: Option<String>) -> Result<NetworkPage, Error> {
        let all = machines::networks()?.into_iter().filter(|network| carries(&network.tags, &tags));
        Ok(NetworkPage { items: all.map(of_network).collect(), next: None })
    }

    fn set_tags(id: String, tags: Vec<KeyValue>) -> Result<(), Error> {
        machines::set_tags(&id, &tags)
    }

    fn delete(id: String) -> Result<Outcome, Error> {
        or_gone(machines::delete_network(&id))?;
        Ok(Outcome::Done(id))
    }

    fn abandon(key: String) -> Result<Outcome, Error> {
        operation::start(Change::Abandon { key })
    }

    fn create_subnet(spec: SubnetSpec) -> Result<Outcome, Error> {
        if spec.cidr.contains(':') {
            return Err(Error::unsupported("no-ipv6", "subnets on this machine have IPv4 alone"));
        }
        let made = machines::create_subnet(&machines::SubnetSpec {
            intent: spec.intent.key,
            name: spec.name,
            network: spec.network,
            cidr: spec.cidr,
            dns: spec.dns,
            routed: spec.routed,
            tags: spec.tags,
        })?;
        Ok(Outcome::Done(made.id))
    }

    fn get_subnet(id: String) -> Result<Subnet, Error> {
        machines::get_subnet(&id).map(of_subnet)
    }

    fn list_subnets(network: Option<String>, _cursor: Option<String>) -> Result<SubnetPage, Error> {
        let within = |subnet: &machines::Subnet| network.as_ref().is_none_or(|id| subnet.network == *id);
        let all = machines::subnets()?.into_iter().filter(within);
        Ok(SubnetPage { items: all.map(of_subnet).collect(), next: None })
    }

    fn set_subnet_tags(id: String, tags: Vec<KeyValue>) -> Result<(), Error> {
        machines::set_tags(&id, &tags)
    }

    fn delete_subnet(id: String) -> Result<Outcome, Error> {
        or_gone(machines::delete_subnet(&id))?;
        Ok(Outcome::Done(id))
    }

    fn abandon_subnet(key: String) -> Result<Outcome, Error> {
        operation::start(Change::Abandon { key })
    }
}

fn of_network(network: machines::Network) -> Network {
    Network { id: network.id, name: network.name, intent: intent(network.intent), tags: network.tags }
}

fn of_subnet(subnet: machines::Subnet) -> Subnet {
    Subnet {
        id: subnet.id,
        name: subnet.name,
        network: subnet.network,
        cidr: subnet.cidr,
        gateway: subnet.gateway,
        dns: subnet.dns,
        routed: subnet.routed,
        intent: intent(subnet.intent),
        tags: subnet.tags,
    }
}
