//! Public addresses and virtual IPs as they are written down.

use std::net::Ipv4Addr;

use super::network::first;
use super::{State, check_name};
use crate::error::Error;
use crate::id::{AddressId, IntentKey, MachineId, VirtualIpId};
use crate::model::{PublicAddress, Tags, VirtualIp, VirtualIpSpec};

impl State {
    /// A public address that nothing has. There has to be a range.
    pub(crate) fn free_public_address(&self) -> Result<Ipv4Addr, Error> {
        let none =
            || Error::Capacity { what: "a public address".to_owned(), available: "none left".to_owned() };
        let range = self.public.ok_or_else(none)?;
        let taken = |address: Ipv4Addr| {
            address == first(range)
                || self.networks.values().any(|network| network.uplink == Some(address))
                || self.addresses.values().any(|known| known.address == address)
                || self
                    .machines
                    .values()
                    .flat_map(|machine| &machine.ports)
                    .any(|port| port.subnet.is_none() && port.address == address)
        };
        range.hosts().find(|address| !taken(*address)).ok_or_else(none)
    }

    /// `intent` and `machine` as the record has them.
    pub(crate) fn allocate_address(
        &mut self,
        intent: Option<IntentKey>,
        machine: Option<MachineId>,
        tags: Tags,
    ) -> Result<PublicAddress, Error> {
        let made = self.addresses.values().find(|known| known.intent.is_some() && known.intent == intent);
        if let Some(made) = made {
            return Ok(made.clone());
        }
        let address = self.free_public_address()?;
        let address = PublicAddress { id: AddressId(self.number()), address, machine, intent, tags };
        self.addresses.insert(address.id, address.clone());
        Ok(address)
    }

    pub(crate) fn associate_address(&mut self, id: AddressId, machine: MachineId) -> Result<(), Error> {
        self.check_reachable(machine)?;
        let address = self.addresses.get_mut(&id).ok_or_else(|| Error::NoSuch(id.noun()))?;
        match address.machine {
            Some(holder) if holder != machine => Err(Error::InUse { what: id.noun(), holder: holder.noun() }),
            _ => {
                address.machine = Some(machine);
                Ok(())
            }
        }
    }

    /// Whether a public address can lead to the machine: its first port is in a routed subnet.
    fn check_reachable(&self, machine: MachineId) -> Result<(), Error> {
        let port = self.machine(machine)?.ports.first();
        let subnet = port.and_then(|port| port.subnet).map(|id| self.subnet(id)).transpose()?;
        match subnet {
            Some(subnet) if subnet.routed => Ok(()),
            Some(subnet) => {
                Err(Error::invalid("the public address", format!("{} is not routed", subnet.id.noun())))
            }
            None => Err(Error::invalid(
                "the public address",
                format!("{} is on the public network", machine.noun()),
            )),
        }
    }

    pub(crate) fn dissociate_address(&mut self, id: AddressId) -> Result<Option<MachineId>, Error> {
        let address = self.addresses.get_mut(&id).ok_or_else(|| Error::NoSuch(id.noun()))?;
        Ok(address.machine.take())
    }

    pub(crate) fn create_virtual_ip(&mut self, spec: VirtualIpSpec) -> Result<VirtualIp, Error> {
        if let Some(made) = self.virtual_ips.values().find(|known| known.intent == spec.intent) {
            return Ok(made.clone());
        }
        check_name(&spec.name)?;
        let address = self.free_address(spec.subnet, None)?;
        let made = VirtualIp {
            id: VirtualIpId(self.number()),
            name: spec.name,
            address,
            subnet: spec.subnet,
            machines: Vec::new(),
            intent: spec.intent,
            tags: spec.tags,
        };
        self.virtual_ips.insert(made.id, made.clone());
        Ok(made)
    }

    pub(crate) fn virtual_ip(&self, id: VirtualIpId) -> Result<&VirtualIp, Error> {
        self.virtual_ips.get(&id).ok_or_else(|| Error::NoSuch(id.noun()))
    }

    pub(crate) fn bind_virtual_ip(&mut self, id: VirtualIpId, machine: MachineId) -> Result<(), Error> {
        let subnet = self.virtual_ip(id)?.subnet;
        if !self.machine(machine)?.ports.iter().any(|port| port.subnet == Some(subnet)) {
            return Err(Error::invalid(id.noun(), format!("{} has no port in its subnet", machine.noun())));
        }
        let known = self.virtual_ips.get_mut(&id).ok_or_else(|| Error::NoSuch(id.noun()))?;
        if !known.machines.contains(&machine) {
            known.machines.push(machine);
        }
        Ok(())
    }

    pub(crate) fn unbind_virtual_ip(&mut self, id: VirtualIpId, machine: MachineId) -> Result<(), Error> {
        let known = self.virtual_ips.get_mut(&id).ok_or_else(|| Error::NoSuch(id.noun()))?;
        known.machines.retain(|bound| *bound != machine);
        Ok(())
    }
}
