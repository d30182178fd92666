//! The ports of a host: one for each nic, made before the host and taken away after it.
//!
//! A port carries the intent of its host in its description, so that a create that is asked for again finds
//! it. When the host is about to be deleted, its ports are given a name that tells the server's id
//! ([`part`]): Nova empties the ports' `device_id` when the server is gone, and a delete that starts anew
//! after that knows nothing but the id.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skywright_sdk::hosts::Nic;
use skywright_sdk::prelude::*;
use skywright_sdk::{cache, log, url};

use crate::neutron::{Neutron, Resource, Standard, fields, stamp, unless_gone};
use crate::port::{FixedIp, Port};
use crate::{intent, profile};

/// How long it is believed which network a subnet is in, in seconds. That never changes.
const SUBNET_KEPT_S: u32 = 86_400;
/// Of how many servers the ports are asked for at once: some proxies take 4 KiB of a URL, and an id is 36 bytes.
const SERVERS_IN_A_URL: usize = 70;

/// Where a port is plugged in.
#[derive(Debug, Clone)]
pub(crate) enum Plug {
    /// A nic of the host, in the network of its subnet.
    Nic { nic: Nic, subnet: Subnet },
    /// The cloud's public network.
    Public { network: String },
}

impl Plug {
    fn network(&self) -> &str {
        match self {
            Self::Nic { subnet, .. } => &subnet.network_id,
            Self::Public { network } => network,
        }
    }

    /// Whether a port that was found is the one of this plug.
    pub(crate) fn fits(&self, port: &Port) -> bool {
        match self {
            Self::Nic { nic, .. } => port.fixed_ips.iter().any(|fixed| {
                fixed.subnet_id == nic.subnet
                    && nic.fixed_address.as_ref().is_none_or(|address| *address == fixed.ip_address)
            }),
            Self::Public { network } => port.network_id == *network,
        }
    }
}

/// What a port has to know of its subnet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Subnet {
    network_id: String,
    ip_version: u8,
}

#[derive(Deserialize)]
struct OneSubnet {
    subnet: Subnet,
}

/// A subnet, which is asked for once a day.
pub(crate) fn subnet(neutron: &Neutron, id: &str) -> Result<Subnet, Error> {
    cache::get_or(&format!("subnet {} {id}", neutron.client.base()), SUBNET_KEPT_S, || {
        let path = format!("/subnets/{}", url::encode(id));
        let one: OneSubnet = neutron.client.get(&path).json().map_err(|error| error.with_subject(id))?;
        Ok(one.subnet)
    })
}

/// Those of a host's intent.
pub(crate) fn of_intent(neutron: &Neutron, key: &str) -> Result<Vec<Port>, Error> {
    let mut ports = match profile::current().stamps_name(Port::ONE) {
        true => neutron.many::<Port>().own().all()?,
        false => neutron.many::<Port>().query("description", intent::stamped("", key)?).all()?,
    };
    // A cloud that does not know the filter gives them all.
    ports.retain(|port| port.standard.intent().as_deref() == Some(key));
    Ok(ports)
}

/// Of a port that is plugged into a server, what the server does not tell.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Plugged {
    #[serde(flatten)]
    standard: Standard,
    #[serde(default)]
    pub(crate) device_id: String,
    #[serde(default)]
    pub(crate) fixed_ips: Vec<FixedIp>,
    #[serde(default)]
    pub(crate) security_groups: Vec<String>,
}

impl Plugged {
    /// No more is asked for: a port has three times as much to tell.
    const FIELDS: [&'static str; 4] = ["id", "device_id", "fixed_ips", "security_groups"];
}

impl Resource for Plugged {
    const ONE: &'static str = Port::ONE;
    const MANY: &'static str = Port::MANY;

    fn standard(&self) -> &Standard {
        &self.standard
    }
}

/// Those that are plugged into these servers.
pub(crate) fn of_servers(neutron: &Neutron, servers: &[&str]) -> Result<Vec<Plugged>, Error> {
    let mut plugged = Vec::new();
    for servers in servers.chunks(SERVERS_IN_A_URL) {
        let many = servers.iter().fold(neutron.many::<Plugged>(), |many, id| many.query("device_id", id));
        let many = Plugged::FIELDS.iter().fold(many, |many, field| many.query("fields", field));
        plugged.append(&mut many.all()?);
    }
    Ok(plugged)
}

/// Those that a delete of the server left.
pub(crate) fn left_by(neutron: &Neutron, server: &str) -> Result<Vec<Port>, Error> {
    let name = parting_name(server);
    let mut ports = match profile::current().stamps_name(Port::ONE) {
        true => neutron.many::<Port>().own().all()?,
        false => neutron.many::<Port>().query("name", &name).all()?,
    };
    ports.retain(|port| port.standard.name() == name);
    Ok(ports)
}

/// The name of a port whose server is about to be deleted.
fn parting_name(server: &str) -> String {
    format!("skywright-leaving-{server}")
}

/// Tells on the port which server it was of. One that is gone is done.
pub(crate) fn part(neutron: &Neutron, port: &str, server: &str, key: &str) -> Result<(), Error> {
    let mut name = parting_name(server);
    if profile::current().stamps_name(Port::ONE) {
        name = intent::stamped(&name, key)?;
    }
    unless_gone(neutron.put::<Port>(port, &json!({ "name": name }))).map(|_| ())
}

/// What the ports of a host have in common.
#[derive(Debug)]
pub(crate) struct Wanted<'a> {
    pub(crate) name: &'a str,
    pub(crate) key: &'a str,
    pub(crate) security_groups: &'a [String],
}

/// The ids of the ports for these plugs, in their order: of those that are `there` those that fit, and new
/// ones.
pub(crate) fn ensure(
    neutron: &Neutron,
    wanted: &Wanted<'_>,
    plugs: &[Plug],
    mut there: Vec<Port>,
) -> Result<Vec<String>, Error> {
    let mut ids = Vec::with_capacity(plugs.len());
    for plug in plugs {
        let found = there.iter().position(|port| plug.fits(port));
        let port = match found {
            Some(index) => there.remove(index),
            None => create(neutron, wanted, plug)?,
        };
        ids.push(port.id().to_owned());
    }
    Ok(ids)
}

fn create(neutron: &Neutron, wanted: &Wanted<'_>, plug: &Plug) -> Result<Port, Error> {
    let body = body(wanted, plug)?;
    match (plug, neutron.post::<Port>(fields(body.clone()))) {
        (Plug::Nic { nic, .. }, Err(error)) if nic.forwards && refuses_pairs(&error) => {
            log::info!("the cloud refuses the pair of all addresses: {}", error.message; subnet = nic.subnet);
            neutron.post(fields(without_port_security(body)))
        }
        (Plug::Public { network }, Err(error)) if error.category == Category::Forbidden => {
            let error = error.with_subject(network);
            Err(error.with_hint("the cloud lets no host onto its public network; give it a subnet"))
        }
        (_, answer) => answer,
    }
}

fn body(wanted: &Wanted<'_>, plug: &Plug) -> Result<Value, Error> {
    let mut port = fields(json!({ "name": wanted.name, "network_id": plug.network() }));
    stamp::<Port>(&mut port, "", wanted.key)?;
    let mut port = Value::Object(port);
    if !wanted.security_groups.is_empty() {
        port["security_groups"] = json!(wanted.security_groups);
    }
    if let Plug::Nic { nic, subnet } = plug {
        port["fixed_ips"] = json!([match &nic.fixed_address {
            Some(address) => json!({ "subnet_id": nic.subnet, "ip_address": address }),
            None => json!({ "subnet_id": nic.subnet }),
        }]);
        let pairs = allowed_pairs(nic, subnet);
        if !pairs.is_empty() {
            port["allowed_address_pairs"] = json!(pairs);
        }
    }
    Ok(port)
}

/// One that forwards may send from any address: its security groups go on to protect it.
fn allowed_pairs(nic: &Nic, subnet: &Subnet) -> Vec<Value> {
    let all = if subnet.ip_version == 6 { "::/0" } else { profile::current().forward_pair };
    let pair = |range: &str| json!({ "ip_address": range });
    match nic.forwards {
        true => vec![pair(all)],
        false => nic.allowed_addresses.iter().map(|range| pair(range)).collect(),
    }
}

/// Some clouds refuse the pair of all addresses, and some have no pairs at all.
fn refuses_pairs(error: &Error) -> bool {
    matches!(error.category, Category::InvalidRequest | Category::Conflict | Category::Forbidden)
}

/// What is left where a gateway can be had no other way. Without port security there are no security groups.
fn without_port_security(mut port: Value) -> Value {
    if let Some(fields) = port.as_object_mut() {
        fields.remove("allowed_address_pairs");
    }
    port["port_security_enabled"] = json!(false);
    port["security_groups"] = json!([]);
    port
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tenant::recorded;

    const WANTED: Wanted<'_> = Wanted { name: "h", key: "k", security_groups: &[] };

    fn nic(forwards: bool, allowed: &[&str]) -> Plug {
        let nic = Nic {
            subnet: "s".to_owned(),
            fixed_address: None,
            allowed_addresses: allowed.iter().map(|range| (*range).to_owned()).collect(),
            forwards,
        };
        Plug::Nic { nic, subnet: Subnet { network_id: "n".to_owned(), ip_version: 4 } }
    }

    #[test]
    fn a_gateway_may_send_from_anywhere() {
        let pairs = |plug: Plug| body(&WANTED, &plug).unwrap().get("allowed_address_pairs").cloned();
        assert_eq!(pairs(nic(true, &["10.0.0.9"])), Some(json!([{ "ip_address": "0.0.0.0/0" }])));
        assert_eq!(pairs(nic(false, &["10.0.0.9"])), Some(json!([{ "ip_address": "10.0.0.9" }])));
        assert_eq!(pairs(nic(false, &[])), None);
    }

    #[test]
    fn without_port_security_there_are_no_groups() {
        let groups = ["g".to_owned()];
        let wanted = Wanted { security_groups: &groups, ..WANTED };
        let port = without_port_security(body(&wanted, &nic(true, &[])).unwrap());
        assert_eq!((&port["port_security_enabled"], &port["security_groups"]), (&json!(false), &json!([])));
        assert_eq!(port.get("allowed_address_pairs"), None);
    }

    #[test]
    fn the_intent_is_in_the_very_request() {
        for plug in [nic(false, &[]), Plug::Public { network: "n".to_owned() }] {
            let port = body(&WANTED, &plug).unwrap();
            assert_eq!(intent::read(port["description"].as_str().unwrap()).1, Some("k"));
        }
    }

    #[test]
    fn a_port_that_is_there_is_taken_once() {
        let port = |id: &str, subnet: &str, address: &str| -> Port {
            let fixed = json!([{ "subnet_id": subnet, "ip_address": address }]);
            serde_json::from_value(json!({ "id": id, "network_id": "n", "fixed_ips": fixed })).unwrap()
        };
        let there =
            vec![port("1", "other", "10.0.0.1"), port("2", "s", "10.0.1.2"), port("3", "s", "10.0.1.3")];
        let plugs = [nic(false, &[]), nic(false, &[])];
        let login = recorded("login-password");
        let ids = login.play(|| ensure(&Neutron::open().unwrap(), &WANTED, &plugs, there)).unwrap();
        assert_eq!(ids, ["2", "3"]);
    }
}
