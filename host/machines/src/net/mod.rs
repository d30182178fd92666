//! Networks on this machine.
//!
//! A home has a public bridge in a network namespace of its own, and each network is another namespace: a
//! router with a bridge for each subnet. A machine is a third kind, with one end of a cable for each port; that of a
//! virtual machine has nothing in it, as its ends are QEMU's.
//! So ranges may overlap between networks, and outside there is one link and one table of rules a home.

mod filter;
mod namespace;
mod range;

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use ipnet::Ipv4Net;

use crate::command::Command;
use crate::error::Error;
use crate::home::{self, Home};
use crate::id::{MachineId, NetworkId, SubnetId};
use crate::model::{Backend, Port};
use crate::state::{self, MachineRecord, State};

pub(crate) use namespace::{Namespace, names, of_home};

const FORWARDING: &str = "/proc/sys/net/ipv4/ip_forward";
/// Says that a home turned forwarding on. It goes with a restart, as the setting does.
const TURNED_ON: &str = "/run/lock/skywright-forwarding";

/// Makes the public bridge if need be, and finds a range for it the first time.
pub(crate) fn ensure_public(home: &Home) -> Result<(), Error> {
    let _lock = home.lock("net")?;
    let alias = Path::new("/sys/class/net").join(home.uplink()).join("ifalias");
    if fs::read_to_string(alias).is_ok_and(|alias| alias.trim() == namespace::READY) {
        return home.announce();
    }
    // Other homes look at the routes that there are. So nobody looks until ours is one.
    let _machine = home::machine_lock()?;
    let range = state::change(home, |state| {
        let range = match state.public {
            // What has an address of it keeps it, whatever other routes there are now.
            Some(range) if !state.is_idle() => range,
            known => range::choose(home.tag(), known)?,
        };
        state.public = Some(range);
        Ok(range)
    })?;
    home.announce()?;
    let namespace = Namespace::new(home.public_namespace());
    let uplink = home.uplink();
    namespace.ensure()?;
    if !Path::new("/sys/class/net").join(&uplink).exists() {
        namespace.remove_link("uplink")?;
        let link = format!("link add {uplink} type veth peer name uplink netns {}\n", namespace.name());
        Command::new("ip").args(["-batch", "-"]).input(link).run()?;
    }
    let here = format!(
        "addr replace {} dev {uplink}\nlink set {uplink} up\n",
        with_prefix(state::first(range), range)
    );
    Command::new("ip").args(["-batch", "-"]).input(here).run()?;
    namespace.add_link("public", "link add public type bridge")?;
    namespace.ip("link set lo up\nlink set public up\nlink set uplink master public up\n")?;
    namespace.settings()?;
    let rules = filter::for_machine(&home.table(), &uplink, range);
    Command::new("nft").args(["-f", "-"]).input(rules).run()?;
    turn_forwarding_on()?;
    Command::new("ip").args(["link", "set", &uplink, "alias", namespace::READY]).run().map(drop)
}

/// Under the machine's lock, as what turns it off.
fn turn_forwarding_on() -> Result<(), Error> {
    let now = fs::read_to_string(FORWARDING).map_err(Error::file(FORWARDING))?;
    if now.trim() == "0" {
        fs::write(TURNED_ON, "").map_err(Error::file(TURNED_ON))?;
        fs::write(FORWARDING, "1").map_err(Error::file(FORWARDING))?;
    }
    Ok(())
}

/// The last home on this machine puts it back as the first one found it.
fn turn_forwarding_off() -> Result<(), Error> {
    if Path::new(TURNED_ON).exists() && !other_homes()? {
        fs::write(FORWARDING, "0").map_err(Error::file(FORWARDING))?;
        fs::remove_file(TURNED_ON).map_err(Error::file(TURNED_ON))?;
    }
    Ok(())
}

/// Makes a machine's namespace anew, with its cables, and whatever they need on the other side.
pub(crate) fn connect(home: &Home, id: MachineId) -> Result<(), Error> {
    ensure_public(home)?;
    let _lock = home.lock("net")?;
    let state = state::read(home)?;
    let machine = state.machine(id)?;
    let namespace = Namespace::new(home.machine_namespace(id));
    namespace.remove()?;
    namespace.ensure()?;
    let mut networks: Vec<Option<NetworkId>> = Vec::new();
    for (number, port) in machine.ports.iter().enumerate() {
        let network = match port.subnet {
            Some(subnet) => Some(ensure_subnet(home, subnet)?),
            None => None,
        };
        match machine.backend {
            Backend::Containers => plug(home, id, number, port, network)?,
            Backend::Qemu => make_tap(home, id, number, network)?,
        }
        if !networks.contains(&network) {
            networks.push(network);
        }
    }
    match machine.backend {
        Backend::Containers => namespace.ip(&addresses(&state, machine)?)?,
        Backend::Qemu => namespace.ip("link set lo up\n")?,
    }
    let state = state::read(home)?;
    for network in networks {
        apply(home, &state, network)?;
    }
    Ok(())
}

/// Puts a cable between a port and its bridge.
fn plug(
    home: &Home,
    id: MachineId,
    number: usize,
    port: &Port,
    network: Option<NetworkId>,
) -> Result<(), Error> {
    let outer = of_bridge(home, network);
    let cable = cable(id, number);
    outer.remove_link(&cable)?;
    outer.ip(&format!(
        "link add {cable} type veth peer name eth{number} address {mac} netns {machine}\n\
         link set {cable} master {bridge} up\n",
        bridge = bridge(port),
        mac = port.mac,
        machine = home.machine_namespace(id),
    ))
}

/// Makes the cable of a virtual machine's port in the machine's namespace, where QEMU takes its end of it.
fn make_tap(home: &Home, id: MachineId, number: usize, network: Option<NetworkId>) -> Result<(), Error> {
    let cable = cable(id, number);
    of_bridge(home, network).remove_link(&cable)?;
    Namespace::new(home.machine_namespace(id)).ip(&format!("tuntap add dev {cable} mode tap\n"))
}

/// Brings the cables that QEMU has taken the ends of to their bridges.
pub(crate) fn plug_taps(home: &Home, id: MachineId) -> Result<(), Error> {
    let _lock = home.lock("net")?;
    let state = state::read(home)?;
    let machine = Namespace::new(home.machine_namespace(id));
    for (number, port) in state.machine(id)?.ports.iter().enumerate() {
        let network = match port.subnet {
            Some(subnet) => Some(state.subnet(subnet)?.network),
            None => None,
        };
        let (outer, cable) = (of_bridge(home, network), cable(id, number));
        machine.ip(&format!("link set {cable} netns {}\n", outer.name()))?;
        outer.ip(&format!("link set {cable} master {} up\n", bridge(port)))?;
    }
    Ok(())
}

/// Takes away the cables of virtual machines that no record knows, and answers with their names. Those of containers go
/// by themselves, with the namespace of their other end.
pub(crate) fn remove_strange_cables(home: &Home, state: &State) -> Result<Vec<String>, Error> {
    let networks = state.networks.keys().copied().map(Some).chain([None]);
    let mut removed = Vec::new();
    for outer in networks.map(|network| of_bridge(home, network)) {
        for link in outer.links()? {
            if machine_of_cable(&link).is_some_and(|id| !state.machines.contains_key(&id)) {
                outer.remove_link(&link)?;
                removed.push(link);
            }
        }
    }
    Ok(removed)
}

/// The bridge that a port is at.
fn bridge(port: &Port) -> String {
    port.subnet.map_or_else(|| "public".to_owned(), |subnet| subnet.to_string())
}

/// The address of a port with the length of its range, and the router's, where there is one.
pub(crate) fn place(state: &State, port: &Port) -> Result<(Ipv4Net, Option<Ipv4Addr>), Error> {
    let (range, gateway) = match port.subnet {
        Some(subnet) => {
            let subnet = state.subnet(subnet)?;
            (subnet.cidr, subnet.gateway)
        }
        None => {
            let range = state.public.ok_or_else(|| Error::Internal("there is no public range".to_owned()))?;
            (range, Some(state::first(range)))
        }
    };
    let address = Ipv4Net::new(port.address, range.prefix_len());
    Ok((address.map_err(|error| Error::Internal(error.to_string()))?, gateway))
}

/// What `ip` is told within a machine's namespace.
fn addresses(state: &State, machine: &MachineRecord) -> Result<String, Error> {
    let mut batch = "link set lo up\n".to_owned();
    for (number, port) in machine.ports.iter().enumerate() {
        let (address, gateway) = place(state, port)?;
        batch += &format!("addr replace {address} dev eth{number}\nlink set eth{number} up\n");
        if let (0, Some(gateway)) = (number, gateway) {
            batch += &format!("route replace default via {gateway} dev eth0\n");
        }
    }
    Ok(batch)
}

fn ensure_network(home: &Home, id: NetworkId) -> Result<Namespace, Error> {
    let namespace = Namespace::new(home.network_namespace(id));
    if namespace.is_ready("uplink")? {
        return Ok(namespace);
    }
    let uplink = state::change(home, |state| match state.network(id)?.uplink {
        Some(address) => Ok(address),
        None => {
            let address = state.free_public_address()?;
            if let Some(record) = state.networks.get_mut(&id) {
                record.uplink = Some(address);
            }
            Ok(address)
        }
    })?;
    let state = state::read(home)?;
    let range = state.public.ok_or_else(|| Error::Internal("there is no public range".to_owned()))?;
    let (public, namespace) =
        (Namespace::new(home.public_namespace()), Namespace::new(home.network_namespace(id)));
    namespace.ensure()?;
    if !namespace.links()?.iter().any(|link| link == "uplink") {
        let cable = id.to_string();
        public.remove_link(&cable)?;
        public.ip(&format!(
            "link add {cable} type veth peer name uplink netns {}\nlink set {cable} master public up\n",
            namespace.name()
        ))?;
    }
    namespace.ip(&format!(
        "link set lo up\naddr replace {} dev uplink\nlink set uplink up\nroute replace default via {}\n",
        with_prefix(uplink, range),
        state::first(range),
    ))?;
    namespace.settings()?;
    forget_neighbours(home, &state, &[uplink])?;
    namespace.ip(&format!("link set uplink alias {}\n", namespace::READY))?;
    Ok(namespace)
}

/// Has this machine and the home's routers ask anew who has these addresses. What they remember may be a router that
/// is gone, and whoever connects waits half a minute for it.
fn forget_neighbours(home: &Home, state: &State, addresses: &[Ipv4Addr]) -> Result<(), Error> {
    let batch = |link: &str| -> String {
        addresses.iter().map(|address| format!("neigh flush to {address} dev {link}\n")).collect()
    };
    if addresses.is_empty() {
        return Ok(());
    }
    Command::new("ip").args(["-batch", "-"]).input(batch(&home.uplink())).run()?;
    for network in state.networks.keys() {
        let namespace = Namespace::new(home.network_namespace(*network));
        if namespace.is_ready("uplink")? {
            namespace.ip(&batch("uplink"))?;
        }
    }
    Ok(())
}

fn ensure_subnet(home: &Home, id: SubnetId) -> Result<NetworkId, Error> {
    let state = state::read(home)?;
    let subnet = state.subnet(id)?;
    let namespace = ensure_network(home, subnet.network)?;
    let bridge = id.to_string();
    if namespace.is_ready(&bridge)? {
        return Ok(subnet.network);
    }
    namespace.add_link(&bridge, &format!("link add {bridge} type bridge"))?;
    let mut batch = format!("link set {bridge} up\n");
    if let Some(gateway) = subnet.gateway {
        batch += &format!("addr replace {} dev {bridge}\n", with_prefix(gateway, subnet.cidr));
    }
    batch += &format!("link set {bridge} alias {}\n", namespace::READY);
    namespace.ip(&batch)?;
    Ok(subnet.network)
}

/// Brings the rules of one network up to the state, with the public addresses that lead into it. None is the public network.
fn apply(home: &Home, state: &State, network: Option<NetworkId>) -> Result<(), Error> {
    let namespace = of_bridge(home, network);
    if !namespace.exists() {
        return Ok(());
    }
    if let (Some(network), Some(range)) = (network, state.public) {
        let uplink = state.network(network)?.uplink;
        let wanted: Vec<Ipv4Addr> =
            uplink.into_iter().chain(leading(state, network).map(|(public, _)| public)).collect();
        let known = namespace.addresses("uplink")?;
        let mut batch = String::new();
        for address in known.iter().filter(|address| !wanted.contains(address)) {
            batch += &format!("addr del {} dev uplink\n", with_prefix(*address, range));
        }
        for address in &wanted {
            batch += &format!("addr replace {} dev uplink\n", with_prefix(*address, range));
        }
        namespace.ip(&batch)?;
        let new: Vec<Ipv4Addr> = wanted.into_iter().filter(|address| !known.contains(address)).collect();
        forget_neighbours(home, state, &new)?;
    }
    namespace.nft(&filter::render(state, network))
}

/// Brings the rules of all networks up to the state.
pub(crate) fn refresh(home: &Home) -> Result<(), Error> {
    let _lock = home.lock("net")?;
    let state = state::read(home)?;
    for network in state.networks.keys().copied().map(Some).chain([None]) {
        apply(home, &state, network)?;
    }
    Ok(())
}

/// Takes away a machine's namespace and cables.
pub(crate) fn disconnect(home: &Home, id: MachineId) -> Result<(), Error> {
    let _lock = home.lock("net")?;
    let state = state::read(home)?;
    if let Some(machine) = state.machines.get(&id) {
        for (number, port) in machine.ports.iter().enumerate() {
            let network = port.subnet.and_then(|subnet| Some(state.subnets.get(&subnet)?.network));
            of_bridge(home, network).remove_link(&cable(id, number))?;
        }
    }
    Namespace::new(home.machine_namespace(id)).remove()
}

/// Takes away a subnet's bridge.
pub(crate) fn remove_subnet(home: &Home, id: SubnetId, network: NetworkId) -> Result<(), Error> {
    let _lock = home.lock("net")?;
    of_bridge(home, Some(network)).remove_link(&id.to_string())
}

/// Takes away a network's router.
pub(crate) fn remove_network(home: &Home, id: NetworkId) -> Result<(), Error> {
    let _lock = home.lock("net")?;
    of_bridge(home, None).remove_link(&id.to_string())?;
    Namespace::new(home.network_namespace(id)).remove()
}

/// Takes away the public bridge where the home has nothing left that needs it.
pub(crate) fn remove_public_if_idle(home: &Home) -> Result<(), Error> {
    let _lock = home.lock("net")?;
    let _machine = home::machine_lock()?;
    let state = state::read(home)?;
    if !state.is_idle() {
        return Ok(());
    }
    remove_public(home)?;
    home.renounce();
    turn_forwarding_off()
}

/// Takes away all networks of a home that is gone.
pub(crate) fn remove_all_of(home: &Home) -> Result<(), Error> {
    let _machine = home::machine_lock()?;
    for namespace in of_home(home) {
        namespace.remove()?;
    }
    remove_public(home)?;
    home.renounce();
    turn_forwarding_off()
}

fn remove_public(home: &Home) -> Result<(), Error> {
    let uplink = home.uplink();
    let is_there = || Path::new("/sys/class/net").join(&uplink).exists();
    if is_there() {
        let removed = Command::new("ip").args(["link", "del", &uplink]).run();
        // It goes by itself with the namespace of its other end.
        if is_there() {
            removed?;
        }
    }
    Namespace::new(home.public_namespace()).remove()?;
    let table = home.table();
    // Adding it first makes the deletion one that cannot fail.
    let rules = format!("add table ip {table}\ndelete table ip {table}\n");
    Command::new("nft").args(["-f", "-"]).input(rules).run().map(drop)
}

/// Whether other homes have an uplink on this machine.
fn other_homes() -> Result<bool, Error> {
    let path = "/sys/class/net";
    let links = fs::read_dir(path).map_err(Error::file(path))?;
    let names = links.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.into_iter().any(|name| tag_of_uplink(&name).is_some()))
}

/// The tag of the home whose uplink has this name.
pub(crate) fn tag_of_uplink(link: &str) -> Option<&str> {
    link.strip_prefix("sw")?.strip_suffix("up").filter(|tag| home::is_tag(tag))
}

/// The public addresses that lead into a network, with where each leads.
pub(crate) fn leading(state: &State, network: NetworkId) -> impl Iterator<Item = (Ipv4Addr, Ipv4Addr)> {
    state.addresses.values().filter_map(move |public| {
        let port = state.machines.get(&public.machine?)?.ports.first()?;
        let subnet = state.subnets.get(&port.subnet?)?;
        (subnet.network == network).then_some((public.address, port.address))
    })
}

fn of_bridge(home: &Home, network: Option<NetworkId>) -> Namespace {
    Namespace::new(network.map_or_else(|| home.public_namespace(), |id| home.network_namespace(id)))
}

/// The outer end of a port's cable.
pub(crate) fn cable(id: MachineId, number: usize) -> String {
    format!("{id}p{number}")
}

/// Whose cable a link of this name is.
fn machine_of_cable(link: &str) -> Option<MachineId> {
    let (machine, port) = link.split_once('p')?;
    port.parse::<usize>().ok()?;
    machine.parse().ok()
}

fn with_prefix(address: Ipv4Addr, range: Ipv4Net) -> String {
    format!("{address}/{}", range.prefix_len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cable_says_whose_it_is() {
        assert_eq!(machine_of_cable(&cable(MachineId(12), 3)), Some(MachineId(12)));
        for other in ["uplink", "public", "s3", "n1", "m3", "m3p", "mp0", "m3px", "lo"] {
            assert_eq!(machine_of_cable(other), None, "{other}");
        }
    }
}
