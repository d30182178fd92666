//! Networks and security groups between real machines.

use std::net::Ipv4Addr;

use skywright_machines::{
    Direction, GroupId, GroupSpec, IpVersion, Machine, MachineState, Machines, NetworkId, Peer, Protocol,
    Rule, VirtualIpSpec,
};

use crate::rig::{Rig, key, rig, traces};

pub(crate) fn rule(direction: Direction, protocol: Protocol, ports: Option<(u16, u16)>, peer: Peer) -> Rule {
    Rule { direction, ip_version: IpVersion::V4, protocol, ports, peer, description: String::new() }
}

pub(crate) fn anywhere() -> Peer {
    Peer::Cidr("0.0.0.0/0".parse().unwrap())
}

/// SSH in, everything out.
pub(crate) async fn open_group(rig: &Rig, network: NetworkId) -> GroupId {
    open_group_named(rig, "open", network).await
}

async fn open_group_named(rig: &Rig, name: &str, network: NetworkId) -> GroupId {
    let rules = vec![
        rule(Direction::Ingress, Protocol::Tcp, Some((22, 22)), anywhere()),
        rule(Direction::Egress, Protocol::Any, None, anywhere()),
    ];
    group(rig, name, network, rules).await
}

async fn group(rig: &Rig, name: &str, network: NetworkId, rules: Vec<Rule>) -> GroupId {
    let spec = GroupSpec {
        intent: key(name),
        name: name.to_owned(),
        description: String::new(),
        network: Some(network),
        rules,
        tags: Vec::new(),
    };
    rig.machines.create_group(spec).await.unwrap().id
}

/// A machine with a public address that answers on port 8000 as well.
async fn server(rig: &Rig, name: &str, spec: skywright_machines::MachineSpec) -> (Machine, Ipv4Addr) {
    let mut spec = spec;
    spec.public_address = true;
    let made = rig.machines.create_machine(spec).await.unwrap();
    let machine = rig.until(made.id, MachineState::Running).await;
    let address = machine.public_address.unwrap();
    let served = format!(
        "echo {name} > name; sudo systemd-run --quiet systemd-socket-activate --listen=8000 --accept --inetd \
         /bin/cat $PWD/name"
    );
    let said = rig.ssh(address, &machine, &served);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    (machine, address)
}

/// What one machine gets from another; nothing where it is not let through.
fn asks(rig: &Rig, from: &(Machine, Ipv4Addr), to: Ipv4Addr) -> String {
    // One that listens in a moment refuses first; one that is not let through does not answer at all.
    let command = format!(
        "for try in 1 2 3 4 5 6 7 8 9; do
            said=$(timeout 2 bash -c 'exec 3<>/dev/tcp/{to}/8000; cat <&3' 2>/dev/null)
            [ $? = 124 ] || [ -n \"$said\" ] && break; sleep 0.3
        done; echo \"$said\""
    );
    String::from_utf8(rig.ssh(from.1, &from.0, &command).stdout).unwrap().trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn security_groups_let_through_what_they_say_between_neighbours_too() {
    let Some(rig) = rig() else { return };
    let network = rig.network("net").await;
    let one = rig.subnet(network, "one", "10.77.1.0/24").await;
    let two = rig.subnet(network, "two", "10.77.2.0/24").await;
    let open = open_group(&rig, network).await;
    let with = |name: &str, subnet, group| {
        let mut spec = rig.spec(name, &[subnet]);
        spec.groups = vec![group];
        spec
    };
    let a = server(&rig, "a", with("a", one, open)).await;
    let b = server(&rig, "b", with("b", one, open)).await;
    let c = server(&rig, "c", with("c", two, open)).await;
    let inner = |machine: &(Machine, Ipv4Addr)| machine.0.ports[0].address;
    // Port 8000 is in no rule.
    assert_eq!([asks(&rig, &a, inner(&b)), asks(&rig, &a, inner(&c)), asks(&rig, &a, b.1)], ["", "", ""]);
    let members = rule(Direction::Ingress, Protocol::Tcp, Some((8000, 8000)), Peer::Group(open));
    let id = rig.machines.add_rule(open, members.clone()).await.unwrap();
    assert_eq!(rig.machines.add_rule(open, members).await.unwrap(), id);
    assert_eq!([asks(&rig, &a, inner(&b)), asks(&rig, &a, inner(&c))], ["b", "c"]);
    rig.machines.remove_rule(open, id).await.unwrap();
    assert_eq!([asks(&rig, &a, inner(&b)), asks(&rig, &a, inner(&c))], ["", ""]);
    // By its public address, which neighbours reach too.
    let web = rule(Direction::Ingress, Protocol::Tcp, Some((8000, 8000)), anywhere());
    let web = group(&rig, "web", network, vec![web]).await;
    rig.machines.bind_group(web, b.0.id).await.unwrap();
    assert_eq!([asks(&rig, &a, b.1), asks(&rig, &a, inner(&b)), asks(&rig, &b, inner(&a))], ["b", "b", ""]);
    assert_eq!(rig.machines.delete_group(web).await.unwrap_err().code(), "in-use");

    // An address that is not its own is not sent from, and not answered for, unless it is allowed.
    let spec = VirtualIpSpec { intent: key("vip"), name: "vip".to_owned(), subnet: one, tags: Vec::new() };
    let vip = rig.machines.create_virtual_ip(spec).await.unwrap();
    let taken = format!("sudo ip addr add {}/32 dev eth0", vip.address);
    assert!(rig.ssh(b.1, &b.0, &taken).status.success());
    assert_eq!(asks(&rig, &a, vip.address), "");
    rig.machines.bind_virtual_ip(vip.id, b.0.id).await.unwrap();
    assert_eq!(asks(&rig, &a, vip.address), "b");

    // Another network of the same range is another world.
    let network = rig.network("other").await;
    let subnet = rig.subnet(network, "other-one", "10.77.1.0/24").await;
    let ssh = open_group_named(&rig, "ssh", network).await;
    let d = server(&rig, "d", with("d", subnet, ssh)).await;
    assert_eq!(inner(&d), inner(&a));
    assert_eq!(asks(&rig, &d, inner(&b)), "");
    assert_eq!(asks(&rig, &d, b.1), "b");
    rig.clear().await;
    assert_eq!(traces(&rig), Default::default());
}
