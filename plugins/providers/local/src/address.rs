//! Public addresses, which the machine routes to its hosts, and virtual IPs.

use skywright_sdk::Intent;
use skywright_sdk::addresses::{Guest, PublicAddress, PublicAddressPage, VirtualIp, VirtualIpPage};
use skywright_sdk::prelude::*;

use crate::Local;
use crate::bindings::machines;
use crate::change::{abandon_now, or_gone};
use crate::tag::{carries, intent};

impl Guest for Local {
    fn allocate(intent: Intent, tags: Vec<KeyValue>) -> Result<PublicAddress, Error> {
        machines::allocate_address(&intent.key, &tags).map(of_address)
    }

    fn associate(id: String, host: String) -> Result<(), Error> {
        machines::associate_address(&id, &host)
    }

    fn dissociate(id: String) -> Result<(), Error> {
        machines::dissociate_address(&id)
    }

    fn release(id: String) -> Result<(), Error> {
        or_gone(machines::release_address(&id))
    }

    fn abandon(key: String) -> Result<(), Error> {
        abandon_now(&key)
    }

    fn list(tags: Vec<KeyValue>, _cursor: Option<String>) -> Result<PublicAddressPage, Error> {
        let all = machines::addresses()?.into_iter().filter(|address| carries(&address.tags, &tags));
        Ok(PublicAddressPage { items: all.map(of_address).collect(), next: None })
    }

    fn create_virtual_ip(
        intent: Intent,
        name: String,
        subnet: String,
        tags: Vec<KeyValue>,
    ) -> Result<VirtualIp, Error> {
        let spec = machines::VirtualIpSpec { intent: intent.key, name, subnet, tags };
        machines::create_virtual_ip(&spec).map(of_virtual_ip)
    }

    fn get_virtual_ip(id: String) -> Result<VirtualIp, Error> {
        machines::get_virtual_ip(&id).map(of_virtual_ip)
    }

    fn list_virtual_ips(_cursor: Option<String>) -> Result<VirtualIpPage, Error> {
        let items = machines::virtual_ips()?.into_iter().map(of_virtual_ip).collect();
        Ok(VirtualIpPage { items, next: None })
    }

    fn bind_virtual_ip(id: String, host: String) -> Result<(), Error> {
        machines::bind_virtual_ip(&id, &host)
    }

    fn unbind_virtual_ip(id: String, host: String) -> Result<(), Error> {
        machines::unbind_virtual_ip(&id, &host)
    }

    fn delete_virtual_ip(id: String) -> Result<(), Error> {
        or_gone(machines::delete_virtual_ip(&id))
    }

    fn abandon_virtual_ip(key: String) -> Result<(), Error> {
        abandon_now(&key)
    }
}

fn of_address(address: machines::PublicAddress) -> PublicAddress {
    PublicAddress {
        id: address.id,
        address: address.address,
        host: address.machine,
        intent: intent(address.intent),
        tags: address.tags,
    }
}

fn of_virtual_ip(ip: machines::VirtualIp) -> VirtualIp {
    VirtualIp {
        id: ip.id,
        name: ip.name,
        address: ip.address,
        subnet: ip.subnet,
        hosts: ip.machines,
        intent: intent(ip.intent),
        tags: ip.tags,
    }
}
