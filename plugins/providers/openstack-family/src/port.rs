//! Neutron's ports: what has an address in a network.

use serde::Deserialize;
use serde_json::{Value, json};
use skywright_sdk::prelude::*;

use crate::neutron::{Neutron, Resource, Standard};
use crate::profile;

/// How often a port is read again because somebody changed it in between.
const TRIES: usize = 5;

/// A port.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Port {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    pub(crate) network_id: String,
    #[serde(default)]
    pub(crate) device_id: String,
    #[serde(default)]
    pub(crate) device_owner: String,
    #[serde(default)]
    pub(crate) fixed_ips: Vec<FixedIp>,
    #[serde(default)]
    pub(crate) security_groups: Vec<String>,
    #[serde(default)]
    pub(crate) allowed_address_pairs: Vec<AddressPair>,
    /// Where it can be switched off.
    pub(crate) port_security_enabled: Option<bool>,
}

/// An address of a port.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct FixedIp {
    pub(crate) subnet_id: String,
    pub(crate) ip_address: String,
}

/// An address, or a range, that a port may send from beside its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct AddressPair {
    pub(crate) ip_address: String,
    pub(crate) mac_address: Option<String>,
}

impl Resource for Port {
    const ONE: &'static str = "port";
    const MANY: &'static str = "ports";

    fn standard(&self) -> &Standard {
        &self.standard
    }
}

impl Port {
    /// Its id.
    pub(crate) fn id(&self) -> &str {
        &self.standard.id
    }

    /// Whether it is a router's interface in a subnet, of whatever kind of router.
    pub(crate) fn is_router_interface(&self) -> bool {
        matches!(
            self.device_owner.as_str(),
            "network:router_interface"
                | "network:router_interface_distributed"
                | "network:ha_router_replicated_interface"
        )
    }

    /// Whether Neutron made it for itself: it goes by itself, and hinders nothing.
    fn is_neutrons_own(&self) -> bool {
        matches!(
            self.device_owner.as_str(),
            "network:dhcp"
                | "network:distributed"
                | "network:router_centralized_snat"
                | "network:router_ha_interface"
        )
    }

    /// Whether it is in a subnet.
    pub(crate) fn is_in(&self, subnet: &str) -> bool {
        self.fixed_ips.iter().any(|fixed| fixed.subnet_id == subnet)
    }

    /// Whether it may send from an address beside its own.
    pub(crate) fn answers_for(&self, address: &str) -> bool {
        self.allowed_address_pairs.iter().any(|pair| is_of(pair, address))
    }

    /// The pairs as they are written, without one address.
    pub(crate) fn pairs_without(&self, address: &str) -> Vec<Value> {
        let pairs = self.allowed_address_pairs.iter().filter(|pair| !is_of(pair, address));
        pairs.map(written).collect()
    }

    /// The id of what holds it, and what that is.
    fn holder(&self) -> (&str, &'static str) {
        let what = match self.device_owner.as_str() {
            owner if owner.starts_with("compute:") => "the host",
            owner if owner == profile::current().virtual_ip_owner => return (self.id(), "the virtual IP"),
            _ if self.is_router_interface() => "the router",
            owner if owner.starts_with("network:") => "the network's own",
            _ => "the port",
        };
        if self.device_id.is_empty() { (self.id(), "the port") } else { (&self.device_id, what) }
    }
}

fn is_of(pair: &AddressPair, address: &str) -> bool {
    pair.ip_address.split('/').next() == Some(address)
        && matches!(pair.ip_address.split_once('/'), None | Some((_, "32" | "128")))
}

fn written(pair: &AddressPair) -> Value {
    match &pair.mac_address {
        Some(mac) => json!({ "ip_address": pair.ip_address, "mac_address": mac }),
        None => json!({ "ip_address": pair.ip_address }),
    }
}

/// The ports of a host, the oldest first.
///
/// # Errors
///
/// `no-such-host` if it has none.
pub(crate) fn of_host(neutron: &Neutron, host: &str) -> Result<Vec<Port>, Error> {
    let mut ports = if_any_of_host(neutron, host)?;
    if ports.is_empty() {
        let error = Error::new(Category::NotFound, "no-such-host", "there is no host of that id with a port");
        return Err(error.with_subject(host));
    }
    ports.sort_by(|a, b| a.standard.age().cmp(&b.standard.age()));
    Ok(ports)
}

/// The ports of a host, if it is there.
pub(crate) fn if_any_of_host(neutron: &Neutron, host: &str) -> Result<Vec<Port>, Error> {
    let ports = neutron.many::<Port>().query("device_id", host).all()?;
    // An empty id would be that of every port that has no device.
    Ok(ports.into_iter().filter(|port| !host.is_empty() && port.device_id == host).collect())
}

/// Changes a port by what it is, again where somebody else has changed it in between. `None` leaves it.
pub(crate) fn change(
    neutron: &Neutron,
    mut port: Port,
    fields: impl Fn(&Port) -> Option<Value>,
) -> Result<(), Error> {
    for _ in 0..TRIES {
        let Some(wanted) = fields(&port) else { return Ok(()) };
        if neutron.put_unless_changed(&port, &wanted)?.is_some() {
            return Ok(());
        }
        port = neutron.one(port.id())?;
    }
    let message = format!("the port was changed by others {TRIES} times while it was being changed");
    Err(Error::new(Category::Conflict, "port-changed", message).with_subject(port.id()).with_retry(1000))
}

/// The error of what cannot be deleted because of ports; `None` if it is only Neutron's own that are there.
pub(crate) fn in_use(what: &str, ports: &[Port]) -> Option<Error> {
    let port = ports.iter().find(|port| !port.is_neutrons_own())?;
    let (id, holder) = port.holder();
    let more = ports.iter().filter(|port| !port.is_neutrons_own() && port.holder().0 != id).count();
    let others = if more == 0 { String::new() } else { format!(" and {more} more") };
    let message = format!("{what} is in use by {holder} {id}{others}");
    Some(Error::new(Category::InUse, "in-use", message).with_subject(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(more: Value) -> Port {
        let mut port = json!({ "id": "p", "network_id": "n" });
        port.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(port).unwrap()
    }

    #[test]
    fn the_holder_is_named() {
        let dhcp = port(json!({ "device_owner": "network:dhcp", "device_id": "dhcp-1" }));
        assert_eq!(in_use("the subnet", std::slice::from_ref(&dhcp)), None);
        let host = port(json!({ "device_owner": "compute:nova", "device_id": "h" }));
        let other = port(json!({ "id": "q" }));
        let error = in_use("the subnet", &[dhcp, host.clone(), host, other]).unwrap();
        assert_eq!(error.message, "the subnet is in use by the host h and 1 more");
        assert_eq!((error.category, error.subject.as_deref()), (Category::InUse, Some("h")));
        let virtual_ip =
            port(json!({ "device_owner": profile::current().virtual_ip_owner, "device_id": "x" }));
        assert_eq!(in_use("it", &[virtual_ip]).unwrap().message, "it is in use by the virtual IP p");
    }

    #[test]
    fn a_pair_is_of_one_address() {
        let pairs = json!([{ "ip_address": "10.0.0.9" }, { "ip_address": "10.0.0.8/32", "mac_address": "m" },
            { "ip_address": "10.0.0.0/24" }]);
        let port = port(json!({ "allowed_address_pairs": pairs }));
        assert!(
            port.answers_for("10.0.0.9") && port.answers_for("10.0.0.8") && !port.answers_for("10.0.0.0")
        );
        assert_eq!(
            port.pairs_without("10.0.0.9"),
            [
                json!({ "ip_address": "10.0.0.8/32", "mac_address": "m" }),
                json!({ "ip_address": "10.0.0.0/24" })
            ]
        );
    }
}
