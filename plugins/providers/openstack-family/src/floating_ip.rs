//! Neutron's floating IPs: public addresses of their own.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;
use skywright_sdk::addresses::{PublicAddress, PublicAddressPage};
use skywright_sdk::prelude::*;
use skywright_sdk::{Intent, log};

use crate::address_api::AddressApi;
use crate::external_network;
use crate::neutron::{Neutron, Resource, Standard, fields, is_unknown_path};
use crate::port::{self, Port};
use crate::profile;
use crate::server_port::Plugged;

/// A floating IP.
#[derive(Debug, Deserialize)]
pub(crate) struct FloatingIp {
    #[serde(flatten)]
    standard: Standard,
    floating_ip_address: String,
    port_id: Option<String>,
    /// Where Neutron tells about the port as well.
    port_details: Option<PortDetails>,
}

#[derive(Debug, Deserialize)]
struct PortDetails {
    #[serde(default)]
    device_id: String,
}

impl Resource for FloatingIp {
    const ONE: &'static str = "floatingip";
    const MANY: &'static str = "floatingips";

    fn standard(&self) -> &Standard {
        &self.standard
    }
}

impl FloatingIp {
    /// The host, where Neutron tells about the port.
    fn host(&self) -> Option<&str> {
        self.port_details.as_ref().map(|port| port.device_id.as_str()).filter(|id| !id.is_empty())
    }

    fn told(self, devices: &BTreeMap<String, String>) -> PublicAddress {
        let device = || self.port_id.as_ref().and_then(|port| devices.get(port)).map(String::as_str);
        PublicAddress {
            host: self.host().or_else(device).map(str::to_owned),
            intent: self.standard.intent(),
            tags: self.standard.tags(),
            id: self.standard.id,
            address: self.floating_ip_address,
        }
    }
}

/// Takes one from the external network.
pub(crate) fn allocate(intent: &Intent, tags: &[KeyValue]) -> Result<PublicAddress, Error> {
    are_floating()?;
    let neutron = Neutron::open()?;
    if let Some(api) = profile::current().addresses {
        if !tags.is_empty() {
            log::warn!("the cloud keeps no tags of public addresses: {} dropped", tags.len());
        }
        let there = if intent.again { of_key(api, &intent.key)?.into_iter().next() } else { None };
        let id = there.map_or_else(|| api.allocate(&intent.key), Ok)?;
        let mut address = neutron.one::<FloatingIp>(&id)?.told(&BTreeMap::new());
        address.intent = Some(intent.key.clone());
        return Ok(address);
    }
    let wanted = fields(json!({ "floating_network_id": external_network::id(&neutron)? }));
    let made = neutron
        .create::<FloatingIp>(intent, tags, "", wanted)
        .map_err(|error| if is_unknown_path(&error) { not_floating("not of their own") } else { error })?;
    // Its tags came after it.
    told(&neutron, vec![neutron.one(&made.standard.id)?])?.pop().ok_or_else(|| lost(&made))
}

fn lost(made: &FloatingIp) -> Error {
    Error::new(Category::Internal, "lost", "the address was not told").with_subject(&made.standard.id)
}

/// Where addresses come with hosts, there are none of their own.
fn are_floating() -> Result<(), Error> {
    let mode = settings::text("public-address-mode");
    match mode.as_deref() {
        None | Some("floating") => Ok(()),
        Some(mode) => Err(not_floating(mode)),
    }
}

fn not_floating(mode: &str) -> Error {
    let message = format!("public addresses of this cloud are {mode}: they come and go with their host");
    Error::unsupported("no-floating-address", message)
}

/// Gives it to a host: to the first of its ports that is behind a router to the address's network.
pub(crate) fn associate(id: &str, host: &str) -> Result<(), Error> {
    are_floating()?;
    let neutron = Neutron::open()?;
    let address: FloatingIp = neutron.one(id)?;
    let ports = port::of_host(&neutron, host)?;
    if let Some(port) = &address.port_id {
        if ports.iter().any(|own| own.id() == port) {
            return Ok(());
        }
        let holder = address.host().unwrap_or(port);
        let message = format!("the address {} is of {holder}", address.floating_ip_address);
        return Err(Error::new(Category::InUse, "in-use", message).with_subject(holder));
    }
    let mut last = None;
    for port in ports.iter().filter(|port| port.fixed_ips.iter().any(|fixed| !fixed.ip_address.contains(':')))
    {
        match neutron.put::<FloatingIp>(id, &json!({ "port_id": port.id() })) {
            Ok(_) => return Ok(()),
            // Its subnet is not routed, or is the external network itself.
            Err(error) if error.code.contains("ExternalGatewayForFloatingIPNotFound") => last = Some(error),
            Err(error) => return Err(error),
        }
    }
    let error = Error::new(
        Category::Conflict,
        "no-routed-port",
        match last {
            Some(error) => error.message,
            None => "the host has no port with an IPv4 address".to_owned(),
        },
    );
    Err(error.with_subject(host).with_hint("put the host into a subnet that is made with `routed`"))
}

/// Takes it from its host.
pub(crate) fn dissociate(id: &str) -> Result<(), Error> {
    let neutron = Neutron::open()?;
    let address: FloatingIp = neutron.one(id)?;
    if address.port_id.is_some() {
        neutron.put::<FloatingIp>(id, &json!({ "port_id": null }))?;
    }
    Ok(())
}

/// Gives it back.
pub(crate) fn release(id: &str) -> Result<(), Error> {
    Neutron::open()?.delete::<FloatingIp>(id).map(|_| ())
}

/// Gives back what an allocation has left.
pub(crate) fn abandon(key: &str) -> Result<(), Error> {
    let neutron = Neutron::open()?;
    match profile::current().addresses {
        Some(api) => of_key(api, key)?.iter().try_for_each(|id| neutron.delete::<FloatingIp>(id).map(|_| ())),
        None => neutron.abandon::<FloatingIp>(key),
    }
}

/// The project's own.
pub(crate) fn list(tags: &[KeyValue], cursor: Option<&str>) -> Result<PublicAddressPage, Error> {
    let neutron = Neutron::open()?;
    let page = neutron.many::<FloatingIp>().own().tagged(tags)?.page(cursor)?;
    let mut items = told(&neutron, page.items)?;
    if let Some(api) = profile::current().addresses
        && !items.is_empty()
    {
        let mut keys = api.keys()?;
        for address in &mut items {
            address.intent = keys.remove(&address.id);
        }
    }
    Ok(PublicAddressPage { items, next: page.next })
}

/// The addresses that lead to these ports; none on a cloud without floating IPs.
pub(crate) fn of_ports(neutron: &Neutron, ports: &[Plugged]) -> Result<Vec<String>, Error> {
    if ports.is_empty() || are_floating().is_err() {
        return Ok(Vec::new());
    }
    let asked = ports
        .iter()
        .fold(neutron.many::<FloatingIp>(), |many, port| many.query("port_id", &port.standard().id));
    Ok(asked.all()?.into_iter().map(|address| address.floating_ip_address).collect())
}

/// The ids of those that carry a key, where a dialect knows.
fn of_key(api: &dyn AddressApi, key: &str) -> Result<Vec<String>, Error> {
    Ok(api.keys()?.into_iter().filter(|(_, of)| of == key).map(|(id, _)| id).collect())
}

/// With their hosts, which an older Neutron must be asked for.
fn told(neutron: &Neutron, addresses: Vec<FloatingIp>) -> Result<Vec<PublicAddress>, Error> {
    let unknown = addresses.iter().filter(|address| address.port_details.is_none());
    let unknown: Vec<&String> = unknown.filter_map(|address| address.port_id.as_ref()).collect();
    let mut devices = BTreeMap::new();
    if !unknown.is_empty() {
        let ports = unknown.iter().fold(neutron.many::<Port>(), |ports, port| ports.query("id", port));
        let ports = ports.all()?.into_iter().filter(|port| !port.device_id.is_empty());
        devices.extend(ports.map(|port| (port.standard.id, port.device_id)));
    }
    Ok(addresses.into_iter().map(|address| address.told(&devices)).collect())
}

#[cfg(test)]
mod tests {
    use skywright_sdk::addresses::Guest as _;

    use super::*;
    use crate::tenant::{HOST, Openstack, recorded};

    fn allocated(key: &str, again: bool) -> PublicAddress {
        let intent = Intent { key: key.to_owned(), again };
        Openstack::allocate(intent, vec![KeyValue::new("role", "gateway")]).unwrap()
    }

    #[test]
    fn an_address_goes_to_the_port_that_is_routed() {
        recorded("floating-ip").play(|| {
            let address = allocated("hn-fip-1", false);
            assert_eq!(address.tags, [KeyValue::new("role", "gateway")]);
            assert_eq!((address.host.as_deref(), address.intent.as_deref()), (None, Some("hn-fip-1")));
            assert_eq!(allocated("hn-fip-1", true), address);
            for _ in 0..2 {
                Openstack::associate(address.id.clone(), HOST.to_owned()).unwrap();
            }
            let listed = || Openstack::list(vec![KeyValue::new("role", "gateway")], None).unwrap().items;
            assert_eq!(listed()[0].host.as_deref(), Some(HOST));
            let other = allocated("hn-fip-2", false);
            let error = Openstack::associate(other.id.clone(), "no-such-host".to_owned()).unwrap_err();
            assert_eq!(error.category, Category::NotFound);
            for _ in 0..2 {
                Openstack::dissociate(address.id.clone()).unwrap();
                Openstack::abandon("hn-fip-2".to_owned()).unwrap();
            }
            assert_eq!(listed(), std::slice::from_ref(&address));
            for _ in 0..2 {
                Openstack::release(address.id.clone()).unwrap();
            }
        });
    }

    #[test]
    fn a_cloud_whose_addresses_come_with_hosts_has_none_of_their_own() {
        for mode in ["ephemeral", "extra-nic"] {
            let intent = Intent { key: "k".to_owned(), again: false };
            let tenant = skywright_sdk::replay::Recording::silent().setting("public-address-mode", mode);
            let error = tenant.play(|| Openstack::allocate(intent, Vec::new())).unwrap_err();
            assert_eq!((error.category, error.code.as_str()), (Category::Unsupported, "no-floating-address"));
        }
    }

    #[test]
    fn an_older_neutron_is_asked_for_the_host() {
        let json =
            r#"{"id":"f","floating_ip_address":"198.51.100.1","port_id":"p","fixed_ip_address":"10.0.0.3"}"#;
        let told = |devices: &[(&str, &str)]| {
            let devices =
                devices.iter().map(|(port, host)| ((*port).to_owned(), (*host).to_owned())).collect();
            serde_json::from_str::<FloatingIp>(json).unwrap().told(&devices)
        };
        assert_eq!(told(&[("p", "h")]).host.as_deref(), Some("h"));
        assert_eq!(told(&[("q", "h")]).host, None);
    }
}
