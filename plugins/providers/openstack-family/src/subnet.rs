//! Neutron's subnets, as they are read. How they are made and deleted, with the router behind them, is in
//! [`subnet_create`](crate::subnet_create) and [`subnet_delete`].

use std::collections::BTreeSet;

use serde::Deserialize;
use skywright_sdk::networks;
use skywright_sdk::prelude::*;

use crate::neutron::{Neutron, Resource, Standard, unless_gone};
use crate::port::Port;
use crate::router::Router;
use crate::subnet_delete;

/// A subnet.
#[derive(Debug, Deserialize)]
pub(crate) struct Subnet {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    pub(crate) network_id: String,
    cidr: String,
    gateway_ip: Option<String>,
    #[serde(default)]
    dns_nameservers: Vec<String>,
}

impl Resource for Subnet {
    const ONE: &'static str = "subnet";
    const MANY: &'static str = "subnets";

    fn standard(&self) -> &Standard {
        &self.standard
    }
}

impl Subnet {
    fn told(self, routed: &BTreeSet<String>) -> networks::Subnet {
        networks::Subnet {
            intent: self.standard.intent(),
            tags: self.standard.tags(),
            routed: routed.contains(&self.standard.id),
            id: self.standard.id,
            name: self.standard.name,
            network: self.network_id,
            cidr: self.cidr,
            gateway: self.gateway_ip,
            dns: self.dns_nameservers,
        }
    }
}

/// One, by its id.
pub(crate) fn get(id: &str) -> Result<networks::Subnet, Error> {
    let neutron = Neutron::open()?;
    let subnet = neutron.one::<Subnet>(id)?;
    let routed = routed(&neutron, Some(&subnet.network_id))?;
    Ok(subnet.told(&routed))
}

/// A page of the project's own, of one network if there is one.
pub(crate) fn list(network: Option<&str>, cursor: Option<&str>) -> Result<networks::SubnetPage, Error> {
    let neutron = Neutron::open()?;
    let mut own = neutron.many::<Subnet>().own();
    if let Some(network) = network {
        own = own.query("network_id", network);
    }
    let page = own.page(cursor)?;
    let routed = if page.items.is_empty() { BTreeSet::new() } else { routed(&neutron, network)? };
    let page = page.filter_map(|subnet| Some(subnet.told(&routed)));
    Ok(networks::SubnetPage { items: page.items, next: page.next })
}

/// Replaces its tags.
pub(crate) fn set_tags(id: &str, tags: &[KeyValue]) -> Result<(), Error> {
    Neutron::open()?.set_tags::<Subnet>(id, tags)
}

/// Deletes it, with the router that was made for it.
pub(crate) fn delete(id: &str) -> Result<Outcome, Error> {
    subnet_delete::delete(&Neutron::open()?, id)?;
    Ok(Outcome::Done(id.to_owned()))
}

/// Deletes what a create has left; the router comes after the subnet, and goes before it.
pub(crate) fn abandon(key: &str) -> Result<Outcome, Error> {
    let neutron = Neutron::open()?;
    for subnet in neutron.carrying::<Subnet>(key)? {
        subnet_delete::delete(&neutron, &subnet)?;
    }
    Ok(Outcome::Done(key.to_owned()))
}

/// The subnets behind routers that lead out of the cloud, whoever made those.
fn routed(neutron: &Neutron, network: Option<&str>) -> Result<BTreeSet<String>, Error> {
    let routers = unless_gone(neutron.many::<Router>().own().all())?.unwrap_or_default();
    let routers: BTreeSet<&str> = routers
        .iter()
        .filter(|router| router.has_gateway())
        .map(|router| router.standard.id.as_str())
        .collect();
    if routers.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut ports = neutron.many::<Port>().own();
    for owner in ["router_interface", "router_interface_distributed", "ha_router_replicated_interface"] {
        ports = ports.query("device_owner", format!("network:{owner}"));
    }
    if let Some(network) = network {
        ports = ports.query("network_id", network);
    }
    let ports = ports.all()?.into_iter().filter(|port| routers.contains(port.device_id.as_str()));
    Ok(ports.flat_map(|port| port.fixed_ips).map(|fixed| fixed.subnet_id).collect())
}
