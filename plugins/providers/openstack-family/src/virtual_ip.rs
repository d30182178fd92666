//! Addresses that move between hosts: a port that nothing is plugged into keeps the address, and the ports of the
//! hosts may send from it.

use serde_json::json;
use skywright_sdk::Intent;
use skywright_sdk::addresses::{VirtualIp, VirtualIpPage};
use skywright_sdk::prelude::*;

use crate::neutron::{Neutron, fields};
use crate::port::{self, Port};
use crate::profile;
use crate::subnet::Subnet;

/// Keeps an address of a subnet.
pub(crate) fn create(
    intent: &Intent,
    name: &str,
    subnet: &str,
    tags: &[KeyValue],
) -> Result<VirtualIp, Error> {
    let neutron = Neutron::open()?;
    let network = neutron.one::<Subnet>(subnet)?.network_id;
    let wanted = json!({
        "name": name,
        "network_id": network,
        "fixed_ips": [{ "subnet_id": subnet }],
        "device_owner": profile::current().virtual_ip_owner,
    });
    let port: Port = neutron.create(intent, tags, "", fields(wanted))?;
    get(&port.standard.id)
}

/// One, by its id.
pub(crate) fn get(id: &str) -> Result<VirtualIp, Error> {
    let neutron = Neutron::open()?;
    let port = virtual_ip(&neutron, id)?;
    let around = around(&neutron, std::slice::from_ref(&port))?;
    told(port, &around)
}

/// The project's own.
pub(crate) fn list(cursor: Option<&str>) -> Result<VirtualIpPage, Error> {
    let neutron = Neutron::open()?;
    let page = neutron
        .many::<Port>()
        .own()
        .query("device_owner", profile::current().virtual_ip_owner)
        .page(cursor)?;
    let around = around(&neutron, &page.items)?;
    let items = page.items.into_iter().map(|port| told(port, &around)).collect::<Result<_, _>>()?;
    Ok(VirtualIpPage { items, next: page.next })
}

/// Lets a host answer for it.
pub(crate) fn bind(id: &str, host: &str) -> Result<(), Error> {
    let neutron = Neutron::open()?;
    let virtual_ip = virtual_ip(&neutron, id)?;
    let (subnet, address) = address(&virtual_ip)?;
    let mut ports = port::of_host(&neutron, host)?;
    ports.retain(|port| port.is_in(subnet));
    if ports.is_empty() {
        let message = format!("the host has no port in the subnet {subnet} of the virtual IP");
        return Err(Error::new(Category::Conflict, "other-subnet", message).with_subject(host));
    }
    for port in ports {
        port::change(&neutron, port, |port| {
            if port.answers_for(address) {
                return None;
            }
            let mut pairs = port.pairs_without(address);
            pairs.push(json!({ "ip_address": address }));
            Some(json!({ "allowed_address_pairs": pairs }))
        })?;
    }
    Ok(())
}

/// Takes it from a host. A host that is gone answers for nothing.
pub(crate) fn unbind(id: &str, host: &str) -> Result<(), Error> {
    let neutron = Neutron::open()?;
    let virtual_ip = virtual_ip(&neutron, id)?;
    let (_, address) = address(&virtual_ip)?;
    let mut ports = port::if_any_of_host(&neutron, host)?;
    ports.retain(|port| port.network_id == virtual_ip.network_id);
    forget(&neutron, ports, address)
}

/// Deletes it. No host answers for the address any more, which the next host in the subnet may get.
pub(crate) fn delete(id: &str) -> Result<(), Error> {
    let neutron = Neutron::open()?;
    match neutron.one_if_there::<Port>(id)? {
        Some(port) => delete_port(&neutron, &checked(port)?),
        None => Ok(()),
    }
}

/// Deletes what a create has left.
pub(crate) fn abandon(key: &str) -> Result<(), Error> {
    let neutron = Neutron::open()?;
    for id in neutron.carrying::<Port>(key)? {
        // A host's port carries the key of its host's intent.
        match neutron.one_if_there::<Port>(&id)? {
            Some(port) if port.device_owner == profile::current().virtual_ip_owner => {
                delete_port(&neutron, &port)?
            }
            _ => {}
        }
    }
    Ok(())
}

fn delete_port(neutron: &Neutron, virtual_ip: &Port) -> Result<(), Error> {
    if let Ok((_, address)) = address(virtual_ip) {
        forget(neutron, around(neutron, std::slice::from_ref(virtual_ip))?, address)?;
    }
    neutron.delete::<Port>(virtual_ip.id()).map(|_| ())
}

fn forget(neutron: &Neutron, ports: Vec<Port>, address: &str) -> Result<(), Error> {
    for port in ports.into_iter().filter(|port| port.answers_for(address)) {
        port::change(neutron, port, |port| {
            port.answers_for(address).then(|| json!({ "allowed_address_pairs": port.pairs_without(address) }))
        })?;
    }
    Ok(())
}

fn virtual_ip(neutron: &Neutron, id: &str) -> Result<Port, Error> {
    checked(neutron.one(id)?)
}

/// Other ports are not taken for virtual IPs: what is deleted by this family is what it made.
fn checked(port: Port) -> Result<Port, Error> {
    if port.device_owner == profile::current().virtual_ip_owner {
        return Ok(port);
    }
    let error = Error::new(Category::NotFound, "no-virtual-ip", "the port of that id is no virtual IP");
    Err(error.with_subject(port.standard.id))
}

/// Its subnet and its address.
fn address(virtual_ip: &Port) -> Result<(&str, &str), Error> {
    match virtual_ip.fixed_ips.first() {
        Some(fixed) => Ok((&fixed.subnet_id, &fixed.ip_address)),
        None => {
            let error =
                Error::new(Category::Conflict, "no-address", "the port of the virtual IP has no address");
            Err(error.with_subject(virtual_ip.id()))
        }
    }
}

/// All ports of their networks: whose pairs have an address cannot be asked for everywhere.
fn around(neutron: &Neutron, virtual_ips: &[Port]) -> Result<Vec<Port>, Error> {
    let mut networks: Vec<&str> = virtual_ips.iter().map(|port| port.network_id.as_str()).collect();
    networks.sort_unstable();
    networks.dedup();
    if networks.is_empty() {
        return Ok(Vec::new());
    }
    networks.iter().fold(neutron.many::<Port>(), |ports, network| ports.query("network_id", network)).all()
}

fn told(port: Port, around: &[Port]) -> Result<VirtualIp, Error> {
    let (subnet, address) = address(&port)?;
    let holders =
        around.iter().filter(|other| other.network_id == port.network_id && other.answers_for(address));
    let mut hosts: Vec<String> = holders.map(|holder| holder.device_id.clone()).collect();
    hosts.retain(|host| !host.is_empty());
    hosts.sort();
    hosts.dedup();
    Ok(VirtualIp {
        id: port.id().to_owned(),
        name: port.standard.name().to_owned(),
        address: address.to_owned(),
        subnet: subnet.to_owned(),
        hosts,
        intent: port.standard.intent(),
        tags: port.standard.tags(),
    })
}

#[cfg(test)]
mod tests {
    use skywright_sdk::addresses::Guest as _;

    use super::*;
    use crate::tenant::{HOST, Openstack, SUBNET, recorded};

    fn made(key: &str, again: bool) -> VirtualIp {
        let intent = Intent { key: key.to_owned(), again };
        let tags = vec![KeyValue::new("role", "vip")];
        Openstack::create_virtual_ip(intent, key.to_owned(), SUBNET.to_owned(), tags).unwrap()
    }

    #[test]
    fn an_address_moves_between_hosts() {
        recorded("virtual-ip").play(|| {
            let vip = made("hn-vip-1", false);
            assert_eq!((vip.subnet.as_str(), vip.intent.as_deref()), (SUBNET, Some("hn-vip-1")));
            assert_eq!(
                (vip.tags.as_slice(), vip.hosts.as_slice()),
                (&[KeyValue::new("role", "vip")][..], &[][..])
            );
            assert_eq!(made("hn-vip-1", true), vip);
            for _ in 0..2 {
                Openstack::bind_virtual_ip(vip.id.clone(), HOST.to_owned()).unwrap();
            }
            assert_eq!(Openstack::get_virtual_ip(vip.id.clone()).unwrap().hosts, [HOST]);
            let listed = Openstack::list_virtual_ips(None).unwrap().items;
            assert_eq!(listed.iter().find(|listed| listed.id == vip.id).unwrap().hosts, [HOST]);
            let error = Openstack::bind_virtual_ip(vip.id.clone(), "no-such-host".to_owned()).unwrap_err();
            assert_eq!(
                (error.category, error.subject.as_deref()),
                (Category::NotFound, Some("no-such-host"))
            );
            for _ in 0..2 {
                Openstack::unbind_virtual_ip(vip.id.clone(), HOST.to_owned()).unwrap();
            }
            assert_eq!(Openstack::get_virtual_ip(vip.id.clone()).unwrap().hosts, [""; 0]);
            for _ in 0..2 {
                Openstack::delete_virtual_ip(vip.id.clone()).unwrap();
            }
        });
    }

    #[test]
    fn no_host_answers_for_an_address_that_is_given_up() {
        recorded("virtual-ip-abandoned").play(|| {
            let vip = made("hn-vip-2", false);
            Openstack::bind_virtual_ip(vip.id.clone(), HOST.to_owned()).unwrap();
            for _ in 0..2 {
                Openstack::abandon_virtual_ip("hn-vip-2".to_owned()).unwrap();
            }
            let error = Openstack::get_virtual_ip(vip.id).unwrap_err();
            assert_eq!(error.category, Category::NotFound);
            let neutron = Neutron::open().unwrap();
            let ports = port::of_host(&neutron, HOST).unwrap();
            assert!(ports.iter().all(|port| !port.answers_for(&vip.address)));
            // Nor is another port taken for a virtual IP.
            let error = Openstack::delete_virtual_ip(ports[0].id().to_owned()).unwrap_err();
            assert_eq!(error.code, "no-virtual-ip");
        });
    }
}
