//! Subnets of VPCs. To the contract a subnet's id is Neutron's; VPC's own is that of Neutron's network.

use serde::Deserialize;
use serde_json::json;
use skywright_openstack_family::{intent, network_in_use, network_of_subnet, pending, project_api};
use skywright_sdk::networks::{Subnet, SubnetPage, SubnetSpec};
use skywright_sdk::prelude::*;
use skywright_sdk::{log, url};

use crate::change::Change;
use crate::cidr;
use crate::listing::{self, Item, unless_gone};
use crate::vpc::drop_tags;

/// A subnet as it is answered.
#[derive(Debug, Deserialize)]
pub(crate) struct VpcSubnet {
    /// That of Neutron's network.
    id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: Option<String>,
    cidr: String,
    gateway_ip: Option<String>,
    #[serde(default, rename = "dnsList")]
    dns_list: Option<Vec<String>>,
    #[serde(default)]
    status: String,
    vpc_id: String,
    /// Not there yet while the subnet is being made.
    #[serde(default)]
    pub(crate) neutron_subnet_id: String,
    #[serde(default)]
    created_at: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    subnet: VpcSubnet,
}

impl Item for VpcSubnet {
    const MANY: &'static str = "subnets";

    fn id(&self) -> &str {
        &self.id
    }
}

impl VpcSubnet {
    fn intent(&self) -> Option<&str> {
        intent::read(self.description.as_deref()?).1
    }

    /// `ACTIVE`, with an id of Neutron's.
    pub(crate) fn is_ready(&self) -> Result<bool, Error> {
        match self.status.as_str() {
            "ACTIVE" => Ok(!self.neutron_subnet_id.is_empty()),
            "ERROR" => {
                let message = "the cloud could not make the subnet";
                Err(Error::new(Category::Internal, "subnet-failed", message).with_subject(&self.id))
            }
            _ => Ok(false),
        }
    }

    /// Each is behind its VPC's router, so that public addresses work in it.
    fn told(self) -> Subnet {
        Subnet {
            intent: self.intent().map(str::to_owned),
            id: self.neutron_subnet_id,
            name: self.name,
            network: self.vpc_id,
            cidr: self.cidr,
            gateway: self.gateway_ip,
            dns: self.dns_list.unwrap_or_default(),
            routed: true,
            tags: Vec::new(),
        }
    }
}

/// One, by the id of its network.
pub(crate) fn one(api: &Client, network: &str) -> Result<VpcSubnet, Error> {
    let answer: Result<Answer, Error> = api.get(&format!("/subnets/{}", url::encode(network))).json();
    answer.map(|answer| answer.subnet).map_err(|error| error.with_subject(network))
}

/// Those that carry a key, the oldest first.
fn carrying(api: &Client, key: &str) -> Result<Vec<VpcSubnet>, Error> {
    let mut found = listing::all::<VpcSubnet>(api, &[])?;
    found.retain(|subnet| subnet.intent() == Some(key));
    found.sort_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));
    Ok(found)
}

/// Makes one. With `routed` or without, it is behind the router of its VPC.
pub(crate) fn create(spec: &SubnetSpec) -> Result<Outcome, Error> {
    let gateway = cidr::gateway(&spec.cidr)?;
    let api = project_api("v1")?;
    drop_tags(&spec.tags);
    let there = if spec.intent.again { carrying(&api, &spec.intent.key)? } else { Vec::new() };
    let mut there = there.into_iter();
    let subnet = match there.next() {
        Some(oldest) => oldest,
        None => {
            let dns = dns_servers(&spec.dns);
            let mut wanted = json!({
                "name": spec.name,
                "description": intent::stamped("", &spec.intent.key)?,
                "cidr": spec.cidr,
                "gateway_ip": gateway.to_string(),
                "vpc_id": spec.network,
            });
            if !dns.is_empty() {
                wanted["dnsList"] = json!(dns);
            }
            for (field, server) in ["primary_dns", "secondary_dns"].into_iter().zip(&dns) {
                wanted[field] = json!(server);
            }
            let made: Answer = api.post("/subnets").json_body(&json!({ "subnet": wanted })).json()?;
            made.subnet
        }
    };
    for younger in there {
        log::warn!("a request that was given up for lost came through after all"; id = younger.id);
        if let Err(error) = delete_with(&api, &younger.vpc_id, &younger.id) {
            log::warn!("it stays: {}", error.message; id = younger.id);
        }
    }
    match subnet.is_ready()? {
        true => Ok(Outcome::Done(subnet.neutron_subnet_id)),
        false => pending(Change::Subnet { network: subnet.id, polls: 0 }.wait()?),
    }
}

/// The subnet's own, else those of the setting.
fn dns_servers(own: &[String]) -> Vec<String> {
    if !own.is_empty() {
        return own.to_vec();
    }
    let setting = settings::text("dns-servers").unwrap_or_default();
    setting.split(',').map(str::trim).filter(|server| !server.is_empty()).map(str::to_owned).collect()
}

/// One, by Neutron's id.
pub(crate) fn get(id: &str) -> Result<Subnet, Error> {
    let network = network_of_subnet(id)?.ok_or_else(|| {
        Error::new(Category::NotFound, "no-such-subnet", "there is no subnet of that id").with_subject(id)
    })?;
    Ok(one(&project_api("v1")?, &network)?.told())
}

/// A page, of one VPC if there is one. Subnets that are still being made have no id yet and are left out.
pub(crate) fn list(network: Option<&str>, cursor: Option<&str>) -> Result<SubnetPage, Error> {
    let query: Vec<(&str, &str)> = network.map(|network| ("vpc_id", network)).into_iter().collect();
    let page = listing::page::<VpcSubnet>(&project_api("v1")?, &query, cursor)?;
    let ready = page.items.into_iter().filter(|subnet| !subnet.neutron_subnet_id.is_empty());
    Ok(SubnetPage { items: ready.map(VpcSubnet::told).collect(), next: page.next })
}

/// Deletes it, and waits until it is gone: its VPC could not be deleted before.
pub(crate) fn delete(id: &str) -> Result<Outcome, Error> {
    let Some(network) = network_of_subnet(id)? else { return Ok(Outcome::Done(id.to_owned())) };
    let api = project_api("v1")?;
    let Some(subnet) = unless_gone(one(&api, &network))? else { return Ok(Outcome::Done(id.to_owned())) };
    delete_with(&api, &subnet.vpc_id, &network)?;
    pending(Change::Gone { subject: id.to_owned(), networks: vec![network], polls: 0 }.wait()?)
}

/// Deletes what a create has left.
pub(crate) fn abandon(key: &str) -> Result<Outcome, Error> {
    let api = project_api("v1")?;
    let mut networks = Vec::new();
    for subnet in carrying(&api, key)? {
        delete_with(&api, &subnet.vpc_id, &subnet.id)?;
        networks.push(subnet.id);
    }
    if networks.is_empty() {
        return Ok(Outcome::Done(key.to_owned()));
    }
    pending(Change::Gone { subject: key.to_owned(), networks, polls: 0 }.wait()?)
}

fn delete_with(api: &Client, vpc: &str, network: &str) -> Result<(), Error> {
    network_in_use(network)?;
    let path = format!("/vpcs/{}/subnets/{}", url::encode(vpc), url::encode(network));
    unless_gone(api.delete(&path).send()).map(|_| ()).map_err(|error| error.with_subject(network))
}
