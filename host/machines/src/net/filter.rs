//! The rules of a network, as text for `nft`.
//!
//! Two tables each, replaced as one: what a port may send (its own hardware and IP addresses) is checked as
//! frames come in from its cable, and security groups as packets are forwarded, bridged ones too.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

use super::{cable, leading};
use crate::id::{GroupId, MachineId, NetworkId};
use crate::model::{Direction, IpVersion, Peer, Port, Protocol, Rule};
use crate::state::{MachineRecord, State};

/// The rules outside of namespaces: the home's public addresses reach the internet by NAT.
pub(super) fn for_machine(table: &str, uplink: &str, range: Ipv4Net) -> String {
    format!(
        "add table ip {table}\ndelete table ip {table}\ntable ip {table} {{\n\
         chain nat {{ type nat hook postrouting priority srcnat; policy accept;\n\
         ip saddr {range} oifname != \"{uplink}\" masquerade\n}}\n}}\n"
    )
}

/// The rules of one network; none is the public one.
pub(super) fn render(state: &State, network: Option<NetworkId>) -> String {
    let ports = ports(state, network);
    let mut text = "add table bridge skywright\ndelete table bridge skywright\n\
        add table inet skywright\ndelete table inet skywright\n"
        .to_owned();
    text += "table bridge skywright {\n";
    text += &senders(state, &ports);
    text += "}\ntable inet skywright {\n";
    text += &groups(state, &ports);
    if let Some(network) = network {
        text += &addresses(state, network);
    }
    text + "}\n"
}

/// A port with its machine and the name of its cable.
struct Plugged<'a> {
    machine: &'a MachineRecord,
    port: &'a Port,
    cable: String,
}

fn ports(state: &State, network: Option<NetworkId>) -> Vec<Plugged<'_>> {
    let of = |port: &Port| port.subnet.map(|subnet| state.subnets.get(&subnet).map(|found| found.network));
    let mut found = Vec::new();
    for machine in state.machines.values() {
        for (number, port) in machine.ports.iter().enumerate() {
            if of(port) == network.map(Some) {
                found.push(Plugged { machine, port, cable: cable(machine.id, number) });
            }
        }
    }
    found
}

/// All addresses that a port may answer for: its own, those it was allowed, and virtual IPs.
fn own_addresses(state: &State, machine: MachineId, port: &Port) -> BTreeSet<Ipv4Net> {
    let mut all: BTreeSet<Ipv4Net> = port.allowed_addresses.iter().map(Ipv4Net::trunc).collect();
    all.insert(port.address.into());
    let bound = state.virtual_ips.values();
    let bound = bound.filter(|vip| Some(vip.subnet) == port.subnet && vip.machines.contains(&machine));
    all.extend(bound.map(|vip| Ipv4Net::from(vip.address)));
    all
}

/// Checks on what comes in from a cable.
fn senders(state: &State, ports: &[Plugged<'_>]) -> String {
    let mut text = String::new();
    let mut jumps = String::new();
    for plugged in ports {
        let (cable, mac) = (&plugged.cable, &plugged.port.mac);
        let _ = writeln!(jumps, "iifname \"{cable}\" jump from_{cable}");
        let _ = writeln!(text, "chain from_{cable} {{\nether saddr != {mac} drop\nether type ip6 drop");
        if !plugged.port.forwards {
            let own = set(&own_addresses(state, plugged.machine.id, plugged.port));
            let _ = writeln!(
                text,
                "ether type arp arp saddr ip != {own} drop\nether type ip ip saddr != {own} drop"
            );
        }
        text += "}\n";
    }
    text + "chain prerouting { type filter hook prerouting priority -300; policy accept;\n" + &jumps + "}\n"
}

/// Security groups: a chain for each group and way, and one for each combination of them that ports have.
fn groups(state: &State, ports: &[Plugged<'_>]) -> String {
    let mut text = String::new();
    for group in state.groups.values() {
        for (way, direction) in [("in", Direction::Ingress), ("out", Direction::Egress)] {
            let _ = writeln!(text, "chain {way}_{} {{", group.id);
            for (_, rule) in group.rules.iter().filter(|(_, rule)| rule.direction == direction) {
                text += &rule_line(state, ports, rule);
            }
            text += "}\n";
        }
    }
    let mut answers: BTreeMap<Ipv4Net, BTreeSet<GroupId>> = BTreeMap::new();
    let mut open: BTreeMap<Ipv4Net, BTreeSet<Ipv4Net>> = BTreeMap::new();
    for plugged in ports {
        for address in own_addresses(state, plugged.machine.id, plugged.port) {
            match plugged.machine.groups.is_empty() {
                true => open.entry(address).or_default().extend(subnets_of(state, plugged.machine)),
                false => answers.entry(address).or_default().extend(&plugged.machine.groups),
            }
        }
    }
    let (mut ingress, mut egress) = (String::new(), String::new());
    for (address, groups) in &answers {
        let names: Vec<String> = groups.iter().map(ToString::to_string).collect();
        let name = names.join("_");
        let _ = writeln!(ingress, "ip daddr {address} jump into_{name}");
        let _ = writeln!(egress, "ip saddr {address} jump outof_{name}");
    }
    let combinations: BTreeSet<&BTreeSet<GroupId>> = answers.values().collect();
    for groups in combinations {
        let names: Vec<String> = groups.iter().map(ToString::to_string).collect();
        for (name, way) in [("into", "in"), ("outof", "out")] {
            let _ = writeln!(text, "chain {name}_{} {{", names.join("_"));
            for group in &names {
                let _ = writeln!(text, "jump {way}_{group}");
            }
            text += "drop\n}\n";
        }
    }
    for (address, near) in open.iter().filter(|(address, _)| !answers.contains_key(address)) {
        let _ =
            writeln!(ingress, "ip daddr {address} ip saddr {} accept\nip daddr {address} drop", set(near));
    }
    // Two chains, so that a packet has to be let out by one side and in by the other.
    for (name, priority, rules) in [("egress", -10, egress), ("ingress", 0, ingress)] {
        let _ = writeln!(
            text,
            "chain {name} {{ type filter hook forward priority {priority}; policy accept;\n\
             ct state established,related accept\n{rules}}}"
        );
    }
    text
}

fn subnets_of(state: &State, machine: &MachineRecord) -> Vec<Ipv4Net> {
    let subnets = machine.ports.iter().filter_map(|port| state.subnets.get(&port.subnet?));
    let own: Vec<_> = subnets.map(|subnet| subnet.cidr).collect();
    match own.is_empty() {
        true => state.public.into_iter().collect(),
        false => own,
    }
}

fn rule_line(state: &State, ports: &[Plugged<'_>], rule: &Rule) -> String {
    if rule.ip_version == IpVersion::V6 {
        return String::new();
    }
    let side = match rule.direction {
        Direction::Ingress => "saddr",
        Direction::Egress => "daddr",
    };
    let peer = match rule.peer {
        Peer::Cidr(IpNet::V4(range)) if range.prefix_len() == 0 => String::new(),
        Peer::Cidr(IpNet::V4(range)) => format!("ip {side} {} ", range.trunc()),
        Peer::Cidr(IpNet::V6(_)) => return String::new(),
        Peer::Group(group) => {
            let members = ports.iter().filter(|plugged| plugged.machine.groups.contains(&group));
            let members: BTreeSet<Ipv4Net> =
                members.flat_map(|plugged| own_addresses(state, plugged.machine.id, plugged.port)).collect();
            match members.is_empty() {
                true => return String::new(),
                false => format!("ip {side} {} ", set(&members)),
            }
        }
    };
    let what = match (rule.protocol, rule.ports) {
        (Protocol::Any, _) => String::new(),
        (Protocol::Icmp, _) => "meta l4proto icmp ".to_owned(),
        (Protocol::Tcp, None) => "meta l4proto tcp ".to_owned(),
        (Protocol::Udp, None) => "meta l4proto udp ".to_owned(),
        (Protocol::Tcp, Some((from, to))) => format!("tcp dport {from}-{to} "),
        (Protocol::Udp, Some((from, to))) => format!("udp dport {from}-{to} "),
    };
    format!("{peer}{what}accept\n")
}

/// Public addresses, and NAT for what has none.
fn addresses(state: &State, network: NetworkId) -> String {
    let (mut there, mut back) = (String::new(), String::new());
    let pairs: BTreeMap<Ipv4Addr, Ipv4Addr> = leading(state, network).collect();
    for (public, private) in &pairs {
        let _ = writeln!(there, "ip daddr {public} dnat ip to {private}");
        let _ = writeln!(back, "oifname \"uplink\" ip saddr {private} snat ip to {public}");
    }
    let near = state.subnets.values().filter(|subnet| subnet.network == network).map(|subnet| subnet.cidr);
    let near: BTreeSet<Ipv4Net> = near.collect();
    if !near.is_empty() {
        // Who asks for a neighbour by its public address has to get the answer from there.
        let _ = writeln!(back, "oifname != \"uplink\" ct status dnat ip saddr {} masquerade", set(&near));
    }
    format!(
        "chain nat_in {{ type nat hook prerouting priority dstnat; policy accept;\n{there}}}\n\
         chain nat_out {{ type nat hook postrouting priority srcnat; policy accept;\n{back}\
         oifname \"uplink\" masquerade\n}}\n\
         chain foreign {{ type filter hook forward priority -20; policy accept;\n\
         iifname \"uplink\" ct state new ct status & dnat == 0 drop\n}}\n"
    )
}

/// Ranges as a set that `nft` takes: none within another.
fn set(ranges: &BTreeSet<Ipv4Net>) -> String {
    let all: Vec<Ipv4Net> = ranges.iter().copied().collect();
    let texts: Vec<String> = Ipv4Net::aggregate(&all).iter().map(ToString::to_string).collect();
    format!("{{ {} }}", texts.join(", "))
}
