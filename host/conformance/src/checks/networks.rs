//! `networks`, but for subnets, which have checks of their own.

use skywright_runtime::provider::networks::{Network, NetworkSpec, SubnetSpec};
use skywright_runtime::provider::{Intent, KeyValue};

use super::check;
use crate::check::Check;
use crate::context::Context;
use crate::failure::{Failure, expect, same};
use crate::ledger::Kind;
use crate::listing;
use crate::resource::{self, IN_USE, NOT_FOUND, Resource, Thing};

pub(super) const CHECKS: &[Check] = &[
    check!("networks", "life-cycle", life_cycle, "a network is made, read, listed and deleted twice"),
    check!("networks", "again", again, "a create that is asked for again makes no second network"),
    check!("networks", "tags", tags, "tags are set, found by and replaced"),
    check!("networks", "abandon", abandon, "an intent is abandoned, whole or not there"),
    check!("networks", "unknown", unknown, "an unknown network is not found, and its delete is done"),
    check!("networks", "in-use", in_use, "a network with a subnet is in use"),
];

/// The range of every network of a run.
const CIDR: &str = "10.203.0.0/16";
/// The subnet of hosts.
pub(crate) const FIXTURE_CIDR: &str = "10.203.0.0/24";

pub(crate) struct NetworkResource;

impl Resource for NetworkResource {
    const KIND: Kind = Kind::Network;
    const GET: &'static str = "networks.get";

    async fn create(context: &Context, intent: &Intent) -> Result<String, Failure> {
        let spec = NetworkSpec {
            intent: intent.clone(),
            name: intent.key.clone(),
            cidr: CIDR.to_owned(),
            tags: context.tags(&[]),
        };
        context.change("networks.create", |p| p.create_network(&spec)).await
    }

    async fn get(context: &Context, id: &str) -> Result<Thing, Failure> {
        context.ask(Self::GET, |p| p.get_network(id)).await.map(thing)
    }

    async fn list(context: &Context, tags: &[KeyValue]) -> Result<Vec<Thing>, Failure> {
        let all = listing::networks(context, context.provider(), tags).await?;
        Ok(all.into_iter().map(thing).collect())
    }

    async fn set_tags(context: &Context, id: &str, tags: &[KeyValue]) -> Result<(), Failure> {
        context.ask("networks.set-tags", |p| p.set_network_tags(id, tags)).await
    }

    async fn delete(context: &Context, id: &str) -> Result<(), Failure> {
        context.change("networks.delete", |p| p.delete_network(id)).await.map(drop)
    }

    async fn abandon(context: &Context, key: &str) -> Result<(), Failure> {
        context.change("networks.abandon", |p| p.abandon_network(key)).await.map(drop)
    }

    async fn refuse_get(context: &Context, id: &str) -> Result<(), Failure> {
        context.refused(Self::GET, NOT_FOUND, |p| p.get_network(id)).await.map(drop)
    }
}

fn thing(from: Network) -> Thing {
    Thing { id: from.id, intent: from.intent, tags: from.tags }
}

/// A network of the run; its id.
pub(crate) async fn create_network(context: &Context, label: &str) -> Result<String, Failure> {
    NetworkResource::create(context, &context.intent(Kind::Network, label)).await
}

/// A subnet of the run; its id.
pub(crate) async fn create_subnet(
    context: &Context,
    label: &str,
    network: &str,
    cidr: &str,
    routed: bool,
) -> Result<String, Failure> {
    let intent = context.intent(Kind::Subnet, label);
    let spec = subnet_spec(context, &intent, network, cidr, routed);
    context.change("networks.create-subnet", |p| p.create_subnet(&spec)).await
}

pub(super) fn subnet_spec(
    context: &Context,
    intent: &Intent,
    network: &str,
    cidr: &str,
    routed: bool,
) -> SubnetSpec {
    SubnetSpec {
        intent: intent.clone(),
        name: intent.key.clone(),
        network: network.to_owned(),
        cidr: cidr.to_owned(),
        dns: Vec::new(),
        routed,
        tags: context.tags(&[]),
    }
}

async fn life_cycle(context: &Context) -> Result<(), Failure> {
    context.needs("networks")?;
    let id = create_network(context, "net").await?;
    let network = context.ask("networks.get", |p| p.get_network(&id)).await?;
    same("the id of a network", &id, &network.id)?;
    same("its name", &context.name("net"), &network.name)?;
    same("its intent", &Some(context.name("net")), &network.intent)?;
    same("its tags", &resource::sorted(&context.tags(&[])), &resource::sorted(&network.tags))?;
    let listed = NetworkResource::list(context, &context.tags(&[])).await?;
    expect(listed.iter().any(|thing| thing.id == id), "networks.list by tag", "with it", &listed)?;
    resource::delete_twice::<NetworkResource>(context, &id).await
}

async fn again(context: &Context) -> Result<(), Failure> {
    context.needs("networks")?;
    resource::again::<NetworkResource>(context, "net-again").await
}

async fn tags(context: &Context) -> Result<(), Failure> {
    context.needs("networks")?;
    let intent = context.intent(Kind::Network, "net-tags");
    let id = NetworkResource::create(context, &intent).await?;
    resource::tags::<NetworkResource>(context, &id, &intent.key).await?;
    NetworkResource::delete(context, &id).await
}

async fn abandon(context: &Context) -> Result<(), Failure> {
    context.needs("networks")?;
    resource::abandon::<NetworkResource>(context, "net-abandon").await
}

async fn unknown(context: &Context) -> Result<(), Failure> {
    let id = context.network().await?;
    resource::unknown::<NetworkResource>(context, id).await
}

async fn in_use(context: &Context) -> Result<(), Failure> {
    context.needs("networks")?;
    let network = create_network(context, "net-used").await?;
    let subnet = create_subnet(context, "net-used-subnet", &network, "10.203.9.0/24", false).await?;
    context.refused("networks.delete", IN_USE, |p| p.delete_network(&network)).await?;
    context.change("networks.delete-subnet", |p| p.delete_subnet(&subnet)).await?;
    NetworkResource::delete(context, &network).await
}
