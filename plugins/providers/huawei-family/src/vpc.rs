//! VPCs, which are networks with a range, and the family of networks.

use serde::Deserialize;
use serde_json::{Value, json};
use skywright_openstack_family::{NetworkApi, intent, pending, project_api};
use skywright_sdk::networks::{Network, NetworkPage, NetworkSpec, Subnet, SubnetPage, SubnetSpec};
use skywright_sdk::prelude::*;
use skywright_sdk::{log, url};

use crate::change::Change;
use crate::listing::{self, Item, unless_gone};
use crate::subnet::{self, VpcSubnet};

/// Networks by VPC v1.
#[derive(Debug)]
pub struct Vpc;

/// A VPC as it is answered.
#[derive(Debug, Deserialize)]
pub(crate) struct OneVpc {
    pub(crate) id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    created_at: Option<String>,
}

#[derive(Deserialize)]
struct Answer {
    vpc: OneVpc,
}

impl Item for OneVpc {
    const MANY: &'static str = "vpcs";

    fn id(&self) -> &str {
        &self.id
    }
}

impl OneVpc {
    fn intent(&self) -> Option<&str> {
        intent::read(self.description.as_deref()?).1
    }

    /// `OK`, after `CREATING`.
    pub(crate) fn is_ready(&self) -> Result<bool, Error> {
        match self.status.as_str() {
            "OK" => Ok(true),
            "ERROR" | "DOWN" => {
                let message = format!("the VPC is {} and not ready", self.status);
                Err(Error::new(Category::Internal, "vpc-failed", message).with_subject(&self.id))
            }
            _ => Ok(false),
        }
    }

    fn told(self) -> Network {
        let intent = self.intent().map(str::to_owned);
        Network { id: self.id, name: self.name, intent, tags: Vec::new() }
    }
}

fn path(id: &str) -> String {
    format!("/vpcs/{}", url::encode(id))
}

/// One, by its id.
pub(crate) fn one(api: &Client, id: &str) -> Result<OneVpc, Error> {
    let answer: Result<Answer, Error> = api.get(&path(id)).json();
    answer.map(|answer| answer.vpc).map_err(|error| error.with_subject(id))
}

/// Those that carry a key, the oldest first.
fn carrying(api: &Client, key: &str) -> Result<Vec<OneVpc>, Error> {
    let mut found = listing::all::<OneVpc>(api, &[])?;
    found.retain(|vpc| vpc.intent() == Some(key));
    found.sort_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));
    Ok(found)
}

fn delete(api: &Client, id: &str) -> Result<(), Error> {
    if let Some(subnet) = listing::all::<VpcSubnet>(api, &[("vpc_id", id)])?.first() {
        let message = format!("the network is in use by its subnet {}", subnet.neutron_subnet_id);
        return Err(Error::new(Category::InUse, "in-use", message).with_subject(&subnet.neutron_subnet_id));
    }
    unless_gone(api.delete(&path(id)).send()).map(|_| ()).map_err(|error| error.with_subject(id))
}

fn no_tags(id: &str) -> Error {
    Error::unsupported("no-tags", "the driver keeps no tags of networks on this cloud").with_subject(id)
}

/// Tags of a create cannot be kept, which is no reason to make nothing.
pub(crate) fn drop_tags(tags: &[KeyValue]) {
    if !tags.is_empty() {
        log::warn!("the driver keeps no tags of networks on this cloud: {} dropped", tags.len());
    }
}

impl NetworkApi for Vpc {
    fn create(&self, spec: &NetworkSpec) -> Result<Outcome, Error> {
        let api = project_api("v1")?;
        drop_tags(&spec.tags);
        let there = if spec.intent.again { carrying(&api, &spec.intent.key)? } else { Vec::new() };
        let mut there = there.into_iter();
        let vpc = match there.next() {
            Some(oldest) => oldest,
            None => {
                let description = intent::stamped("", &spec.intent.key)?;
                let body =
                    json!({ "vpc": { "name": spec.name, "cidr": spec.cidr, "description": description } });
                api.post("/vpcs").json_body(&body).json::<Answer>()?.vpc
            }
        };
        for younger in there {
            log::warn!("a request that was given up for lost came through after all"; id = younger.id);
            if let Err(error) = delete(&api, &younger.id) {
                log::warn!("it stays: {}", error.message; id = younger.id);
            }
        }
        match vpc.is_ready()? {
            true => Ok(Outcome::Done(vpc.id)),
            false => pending(Change::Vpc { id: vpc.id, polls: 0 }.wait()?),
        }
    }

    fn get(&self, id: &str) -> Result<Network, Error> {
        Ok(one(&project_api("v1")?, id)?.told())
    }

    fn list(&self, tags: &[KeyValue], cursor: Option<&str>) -> Result<NetworkPage, Error> {
        if !tags.is_empty() {
            // Nothing carries any.
            return Ok(NetworkPage { items: Vec::new(), next: None });
        }
        let page = listing::page::<OneVpc>(&project_api("v1")?, &[], cursor)?;
        Ok(NetworkPage { items: page.items.into_iter().map(OneVpc::told).collect(), next: page.next })
    }

    fn set_tags(&self, id: &str, _tags: &[KeyValue]) -> Result<(), Error> {
        Err(no_tags(id))
    }

    fn delete(&self, id: &str) -> Result<Outcome, Error> {
        delete(&project_api("v1")?, id)?;
        Ok(Outcome::Done(id.to_owned()))
    }

    fn abandon(&self, key: &str) -> Result<Outcome, Error> {
        let api = project_api("v1")?;
        carrying(&api, key)?.iter().try_for_each(|vpc| delete(&api, &vpc.id))?;
        Ok(Outcome::Done(key.to_owned()))
    }

    fn create_subnet(&self, spec: &SubnetSpec) -> Result<Outcome, Error> {
        subnet::create(spec)
    }

    fn get_subnet(&self, id: &str) -> Result<Subnet, Error> {
        subnet::get(id)
    }

    fn list_subnets(&self, network: Option<&str>, cursor: Option<&str>) -> Result<SubnetPage, Error> {
        subnet::list(network, cursor)
    }

    fn set_subnet_tags(&self, id: &str, _tags: &[KeyValue]) -> Result<(), Error> {
        Err(no_tags(id))
    }

    fn delete_subnet(&self, id: &str) -> Result<Outcome, Error> {
        subnet::delete(id)
    }

    fn abandon_subnet(&self, key: &str) -> Result<Outcome, Error> {
        subnet::abandon(key)
    }

    fn step(&self, state: Value) -> Result<Progress<Value>, Error> {
        Change::step(state)
    }
}
