//! How a subnet is made: itself, the router of its network, and its place behind that.

use serde::{Deserialize, Serialize};
use serde_json::json;
use skywright_sdk::log;
use skywright_sdk::networks::SubnetSpec;
use skywright_sdk::prelude::*;

use crate::neutron::{Fields, Neutron, fields};
use crate::subnet::Subnet;
use crate::{external_network, router, subnet_delete};

/// The change, by what is still to be done. The subnet is there already.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SubnetCreate {
    /// Find or make the network's router.
    Router { subnet: String, network: String, name: String },
    /// Put the subnet behind it.
    Interface { subnet: String, network: String, name: String, router: String },
}

/// Makes the subnet itself; with `routed` the rest comes with the polls, each of which can be repeated.
pub(crate) fn start(spec: &SubnetSpec) -> Result<Progress<SubnetCreate>, Error> {
    let neutron = Neutron::open()?;
    if spec.routed {
        // What cannot be is said before anything is made.
        external_network::id(&neutron)?;
    }
    let SubnetSpec { intent, tags, .. } = spec;
    let subnet = neutron.create::<Subnet>(intent, tags, "", wanted(spec))?.standard.id;
    if !spec.routed {
        return Ok(Progress::Done(subnet));
    }
    log::debug!("the subnet is there, its router is next"; id = subnet, intent = intent.key);
    let next = SubnetCreate::Router { subnet, network: spec.network.clone(), name: spec.name.clone() };
    Ok(step_by_step(next, "looking for the network's router"))
}

impl SubnetCreate {
    pub(crate) fn step(self) -> Result<Progress<Self>, Error> {
        let neutron = Neutron::open()?;
        match self {
            Self::Router { subnet, network, name } => {
                let router = router::ensure(&neutron, &network, &name)?;
                let next = Self::Interface { subnet, network, name, router };
                Ok(step_by_step(next, "putting the subnet behind its router"))
            }
            Self::Interface { subnet, network, name, router } => {
                if router::add_subnet(&neutron, &router, &subnet)? {
                    return Ok(Progress::Done(subnet));
                }
                // It went with another subnet between the two steps.
                Ok(step_by_step(
                    Self::Router { subnet, network, name },
                    "the router has gone: making another",
                ))
            }
        }
    }

    /// Deletes what is there. The id of the subnet.
    pub(crate) fn cancel(self) -> Result<String, Error> {
        let (Self::Router { subnet, .. } | Self::Interface { subnet, .. }) = self;
        subnet_delete::delete(&Neutron::open()?, &subnet)?;
        Ok(subnet)
    }
}

/// A token after each thing that is made, so that what is lost with a call is one step.
fn step_by_step(next: SubnetCreate, note: &str) -> Progress<SubnetCreate> {
    Progress::wait(next, 0, note)
}

fn wanted(spec: &SubnetSpec) -> Fields {
    let version = if spec.cidr.contains(':') { 6 } else { 4 };
    let mut wanted = fields(json!({
        "name": spec.name,
        "network_id": spec.network,
        "cidr": spec.cidr,
        "ip_version": version,
    }));
    let dns = if spec.dns.is_empty() { dns_servers(version) } else { spec.dns.clone() };
    if !dns.is_empty() {
        wanted.insert("dns_nameservers".to_owned(), json!(dns));
    }
    if version == 6 {
        // Hosts make up their own addresses where the range is one that they can do it in.
        let mode = if spec.cidr.ends_with("/64") { "slaac" } else { "dhcpv6-stateful" };
        wanted.insert("ipv6_address_mode".to_owned(), json!(mode));
        wanted.insert("ipv6_ra_mode".to_owned(), json!(mode));
    }
    wanted
}

/// Those of the setting, of the version that the subnet has.
fn dns_servers(version: u8) -> Vec<String> {
    let setting = settings::text("dns-servers").unwrap_or_default();
    let servers = setting.split(',').map(str::trim).filter(|server| !server.is_empty());
    servers.filter(|server| server.contains(':') == (version == 6)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use skywright_sdk::Intent;
    use skywright_sdk::replay::Recording;

    use super::*;

    fn spec(cidr: &str, dns: &[&str]) -> SubnetSpec {
        SubnetSpec {
            intent: Intent { key: "k".to_owned(), again: false },
            name: "s".to_owned(),
            network: "n".to_owned(),
            cidr: cidr.to_owned(),
            dns: dns.iter().map(|&server| server.to_owned()).collect(),
            routed: false,
            tags: Vec::new(),
        }
    }

    #[test]
    fn the_subnets_own_servers_come_before_those_of_the_setting() {
        let body = |cidr: &str, dns: &[&str]| {
            let tenant = Recording::silent().setting("dns-servers", "10.0.0.1, fd00::1");
            tenant.play(|| wanted(&spec(cidr, dns)))
        };
        assert_eq!(body("10.1.0.0/24", &["9.9.9.9"])["dns_nameservers"], json!(["9.9.9.9"]));
        assert_eq!(body("10.1.0.0/24", &[])["dns_nameservers"], json!(["10.0.0.1"]));
        let six = body("fd01::/64", &[]);
        assert_eq!((&six["dns_nameservers"], &six["ipv6_ra_mode"]), (&json!(["fd00::1"]), &json!("slaac")));
        assert_eq!(body("fd01::/80", &[])["ipv6_address_mode"], json!("dhcpv6-stateful"));
        assert!(
            Recording::silent().play(|| wanted(&spec("10.1.0.0/24", &[]))).get("dns_nameservers").is_none()
        );
    }
}
