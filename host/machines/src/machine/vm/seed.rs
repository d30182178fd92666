//! What cloud-init reads at the first start: a folder that the machine sees as a disk (NoCloud).

use std::fs::{self, DirBuilder};
use std::net::Ipv4Addr;
use std::os::unix::fs::DirBuilderExt;

use ipnet::Ipv4Net;
use serde_json::{Map, Value, json};

use super::super::seed::{KeyPair, identity, resolvers, write_bytes};
use crate::error::Error;
use crate::home::Home;
use crate::model::HostKey;
use crate::net;
use crate::state::{MachineRecord, State};

/// The folder in the machine's own.
pub(super) const FOLDER: &str = "seed";

/// By which cloud-init finds it.
pub(super) const LABEL: &str = "cidata";

/// Writes all of it, and answers with the host keys that the machine will have. JSON is YAML, and quotes whatever is
/// in names and keys.
pub(super) fn write(home: &Home, state: &State, machine: &MachineRecord) -> Result<Vec<HostKey>, Error> {
    let folder = home.machine(machine.id).join(FOLDER);
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(Error::file(&folder))?;
    let user_data = home.machine(machine.id).join("user-data");
    let user_data = fs::read(&user_data).map_err(Error::file(&user_data))?;
    let key = KeyPair::new(&machine.name)?;
    let network = network(&ports(state, machine)?, &resolvers(state, machine)?).to_string();
    for (name, content) in [
        ("user-data", user_data.as_slice()),
        ("meta-data", meta_data(&identity(home, machine), machine).to_string().as_bytes()),
        ("vendor-data", vendor_data(&key).as_bytes()),
        ("network-config", network.as_bytes()),
    ] {
        write_bytes(&folder.join(name), 0o600, content)?;
    }
    Ok(vec![key.host_key])
}

fn meta_data(identity: &str, machine: &MachineRecord) -> Value {
    json!({
        "instance-id": identity,
        "local-hostname": machine.name,
        "public-keys": machine.login_keys,
    })
}

/// Its SSH server has the key that we told of, unless the user-data says another.
fn vendor_data(key: &KeyPair) -> String {
    let config = json!({
        "ssh_deletekeys": true,
        "ssh_keys": { "ed25519_private": *key.private, "ed25519_public": key.public },
    });
    format!("#cloud-config\n{config}\n")
}

/// A port as its system is told.
struct Port {
    mac: String,
    address: Ipv4Net,
    gateway: Option<Ipv4Addr>,
}

fn ports(state: &State, machine: &MachineRecord) -> Result<Vec<Port>, Error> {
    let placed = machine.ports.iter().map(|port| {
        let (address, gateway) = net::place(state, port)?;
        Ok(Port { mac: port.mac.clone(), address, gateway })
    });
    placed.collect()
}

/// Addresses as containers have them: the first port has the default route and the name servers.
fn network(ports: &[Port], servers: &[Ipv4Addr]) -> Value {
    let mut links = Map::new();
    for (number, port) in ports.iter().enumerate() {
        let name = format!("eth{number}");
        let mut link = json!({
            "match": { "macaddress": port.mac },
            "set-name": name,
            "addresses": [port.address],
        });
        if let (0, Some(gateway)) = (number, port.gateway) {
            // `default` fails in cloud-init 22.4, and `gateway4` is on its way out.
            link["routes"] = json!([{ "to": "0.0.0.0/0", "via": gateway }]);
        }
        if number == 0 && !servers.is_empty() {
            link["nameservers"] = json!({ "addresses": servers });
        }
        links.insert(name, link);
    }
    json!({ "version": 2, "ethernets": links })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(mac: &str, address: &str, gateway: Option<&str>) -> Port {
        let gateway = gateway.map(|text| text.parse().unwrap());
        Port { mac: mac.to_owned(), address: address.parse().unwrap(), gateway }
    }

    #[test]
    fn the_first_port_has_the_default_route() {
        let ports = [
            port("02:00:00:00:00:01", "10.77.1.2/24", Some("10.77.1.1")),
            port("02:00:00:00:00:02", "10.77.2.2/24", Some("10.77.2.1")),
        ];
        let expected = json!({
            "version": 2,
            "ethernets": {
                "eth0": {
                    "match": { "macaddress": "02:00:00:00:00:01" },
                    "set-name": "eth0",
                    "addresses": ["10.77.1.2/24"],
                    "routes": [{ "to": "0.0.0.0/0", "via": "10.77.1.1" }],
                    "nameservers": { "addresses": ["9.9.9.9"] },
                },
                "eth1": {
                    "match": { "macaddress": "02:00:00:00:00:02" },
                    "set-name": "eth1",
                    "addresses": ["10.77.2.2/24"],
                },
            },
        });
        assert_eq!(network(&ports, &["9.9.9.9".parse().unwrap()]), expected);
        let isolated = network(&[port("02:00:00:00:00:01", "10.77.1.2/24", None)], &[]);
        assert!(isolated["ethernets"]["eth0"].get("routes").is_none());
    }

    #[test]
    fn the_server_gets_the_very_key_that_is_told() {
        let key = KeyPair::new("web").unwrap();
        let text = vendor_data(&key);
        let config: Value = serde_json::from_str(text.strip_prefix("#cloud-config\n").unwrap()).unwrap();
        let private =
            ssh_key::PrivateKey::from_openssh(config["ssh_keys"]["ed25519_private"].as_str().unwrap())
                .unwrap();
        let public = private.public_key().to_openssh().unwrap();
        assert_eq!(config["ssh_keys"]["ed25519_public"], public);
        assert!(public.starts_with(&key.host_key.public_key));
    }
}
