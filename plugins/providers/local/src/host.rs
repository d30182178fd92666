//! Hosts: machines with the contract's words.

use skywright_sdk::hosts::{Address, Guest, Host, HostPage, HostSpec, Nic, State};
use skywright_sdk::operation;
use skywright_sdk::prelude::*;

use crate::Local;
use crate::bindings::machines::{self, Machine, MachineState};
use crate::change::{Change, Goal, reached};
use crate::description::REGION;
use crate::tag::{attribute, carries, intent};
use crate::template::Size;

/// The attribute that keeps which template a machine was asked for with: its disk may be another.
const TEMPLATE: &str = "template";

impl Guest for Local {
    fn create(spec: HostSpec) -> Result<Outcome, Error> {
        let machine = machines::create_machine(&to_machine(spec)?)?;
        operation::resume(reached(&machine, Goal::Running)?)
    }

    fn get(id: String) -> Result<Host, Error> {
        machines::get_machine(&id).map(of_machine)
    }

    fn list(tags: Vec<KeyValue>, _cursor: Option<String>) -> Result<HostPage, Error> {
        let all = machines::machines()?.into_iter().filter(|machine| carries(&machine.tags, &tags));
        Ok(HostPage { items: all.map(of_machine).collect(), next: None })
    }

    fn delete(id: String) -> Result<Outcome, Error> {
        operation::start(Change::Machine { id, goal: Goal::Gone })
    }

    fn abandon(key: String) -> Result<Outcome, Error> {
        operation::start(Change::Abandon { key })
    }

    fn start(id: String) -> Result<Outcome, Error> {
        operation::resume(reached(&machines::start_machine(&id)?, Goal::Running)?)
    }

    fn stop(id: String, force: bool) -> Result<Outcome, Error> {
        operation::resume(reached(&machines::stop_machine(&id, force)?, Goal::Stopped)?)
    }

    fn reboot(id: String, force: bool) -> Result<Outcome, Error> {
        operation::resume(reached(&machines::reboot_machine(&id, force)?, Goal::Running)?)
    }

    fn resize(id: String, template: String) -> Result<Outcome, Error> {
        let Size { vcpus, memory_mib, disk_gib } = Size::parse(&template)?;
        let disk_gib = disk_gib.max(machines::get_machine(&id)?.disk_gib);
        let attributes = [KeyValue::new(TEMPLATE, template)];
        machines::resize_machine(&id, vcpus, memory_mib, disk_gib, &attributes)?;
        Ok(Outcome::Done(id))
    }

    fn set_tags(id: String, tags: Vec<KeyValue>) -> Result<(), Error> {
        machines::set_tags(&id, &tags)
    }

    fn console(id: String, lines: u32) -> Result<String, Error> {
        machines::console(&id, lines)
    }
}

fn to_machine(spec: HostSpec) -> Result<machines::MachineSpec, Error> {
    let Size { vcpus, memory_mib, disk_gib } = Size::parse(&spec.template)?;
    if spec.keypair.is_some() {
        return Err(Error::unsupported(
            "no-keypairs",
            "this machine has no keypairs: user data carries the keys",
        ));
    }
    if let Some(zone) = spec.zone.filter(|zone| zone != REGION) {
        let message = format!("there is no zone {zone}, {REGION} alone");
        return Err(Error::new(Category::NotFound, "no-zone", message).with_subject(zone));
    }
    Ok(machines::MachineSpec {
        intent: spec.intent.key,
        name: spec.name,
        image: spec.image,
        vcpus,
        memory_mib,
        disk_gib: spec.boot_disk_gib.unwrap_or(disk_gib),
        ports: spec.nics.into_iter().map(to_port).collect(),
        public_address: spec.public_address,
        groups: spec.security_groups,
        login_keys: Vec::new(),
        user_data: spec.user_data,
        attributes: vec![KeyValue::new(TEMPLATE, spec.template)],
        tags: spec.tags,
    })
}

fn to_port(nic: Nic) -> machines::PortSpec {
    machines::PortSpec {
        subnet: nic.subnet,
        fixed_address: nic.fixed_address,
        allowed_addresses: nic.allowed_addresses,
        forwards: nic.forwards,
    }
}

fn of_machine(machine: Machine) -> Host {
    let size = Size { vcpus: machine.vcpus, memory_mib: machine.memory_mib, disk_gib: machine.disk_gib };
    let template = attribute(&machine.attributes, TEMPLATE).map_or_else(|| size.id(), str::to_owned);
    let private = machine.ports.into_iter().map(|port| Address {
        address: port.address,
        // A port without a subnet is on the public network.
        public: port.subnet.is_none(),
        subnet: port.subnet,
    });
    let public = machine.public_address.map(|address| Address { address, subnet: None, public: true });
    let mut addresses: Vec<Address> = private.collect();
    if let Some(public) =
        public.filter(|public| addresses.iter().all(|known| known.address != public.address))
    {
        addresses.push(public);
    }
    Host {
        id: machine.id,
        name: machine.name,
        state: state(machine.state),
        template,
        image: Some(machine.image),
        zone: Some(REGION.to_owned()),
        addresses,
        security_groups: machine.groups,
        created_at: Some(machine.created_at),
        fault: machine.fault,
        intent: intent(machine.intent),
        tags: machine.tags,
    }
}

fn state(state: MachineState) -> State {
    match state {
        MachineState::Creating => State::Creating,
        MachineState::Starting => State::Starting,
        MachineState::Running => State::Running,
        MachineState::Stopping => State::Stopping,
        MachineState::Stopped => State::Stopped,
        MachineState::Failed => State::Failed,
        MachineState::Deleting => State::Deleting,
    }
}
