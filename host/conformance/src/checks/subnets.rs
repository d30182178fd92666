//! The subnets of `networks`.

use skywright_runtime::provider::networks::Subnet;
use skywright_runtime::provider::{Intent, KeyValue};

use super::check;
use super::networks::{create_subnet, subnet_spec};
use crate::check::Check;
use crate::context::Context;
use crate::failure::{Failure, expect, same};
use crate::ledger::Kind;
use crate::listing;
use crate::name::unlike;
use crate::resource::{self, BAD_ID, NOT_FOUND, Resource, Thing};

pub(super) const CHECKS: &[Check] = &[
    check!("subnets", "life-cycle", life_cycle, "a subnet without a way out is made, read and deleted twice"),
    check!("subnets", "routed", routed, "a routed subnet is made with its way out, and deleted with it"),
    check!("subnets", "again", again, "a create that is asked for again makes no second subnet"),
    check!("subnets", "tags", tags, "tags are set and replaced"),
    check!("subnets", "abandon", abandon, "an intent is abandoned with its router, whole or not there"),
    check!("subnets", "unknown", unknown, "unknown subnets and networks are not found"),
    check!("subnets", "poll-after-restart", poll_after_restart, "another process polls what one began"),
];

pub(crate) struct SubnetResource;

impl Resource for SubnetResource {
    const KIND: Kind = Kind::Subnet;
    const GET: &'static str = "networks.get-subnet";

    async fn create(context: &Context, intent: &Intent) -> Result<String, Failure> {
        let network = context.network().await?;
        // Two that are there at once have to have ranges of their own.
        let third = if intent.key.ends_with("-lost") { 21 } else { 20 };
        let spec = subnet_spec(context, intent, network, &format!("10.203.{third}.0/24"), true);
        context.change("networks.create-subnet", |p| p.create_subnet(&spec)).await
    }

    async fn get(context: &Context, id: &str) -> Result<Thing, Failure> {
        context.ask(Self::GET, |p| p.get_subnet(id)).await.map(thing)
    }

    async fn list(context: &Context, tags: &[KeyValue]) -> Result<Vec<Thing>, Failure> {
        let all = listing::subnets(context, context.provider(), None).await?;
        // The contract has no filter here.
        let tagged = |thing: &Thing| tags.iter().all(|tag| thing.tags.contains(tag));
        Ok(all.into_iter().map(thing).filter(tagged).collect())
    }

    async fn set_tags(context: &Context, id: &str, tags: &[KeyValue]) -> Result<(), Failure> {
        context.ask("networks.set-subnet-tags", |p| p.set_subnet_tags(id, tags)).await
    }

    async fn delete(context: &Context, id: &str) -> Result<(), Failure> {
        context.change("networks.delete-subnet", |p| p.delete_subnet(id)).await.map(drop)
    }

    async fn abandon(context: &Context, key: &str) -> Result<(), Failure> {
        context.change("networks.abandon-subnet", |p| p.abandon_subnet(key)).await.map(drop)
    }

    async fn refuse_get(context: &Context, id: &str) -> Result<(), Failure> {
        context.refused(Self::GET, NOT_FOUND, |p| p.get_subnet(id)).await.map(drop)
    }
}

fn thing(from: Subnet) -> Thing {
    Thing { id: from.id, intent: from.intent, tags: from.tags }
}

async fn read(context: &Context, label: &str, cidr: &str, routed: bool) -> Result<String, Failure> {
    let network = context.network().await?;
    let id = create_subnet(context, label, network, cidr, routed).await?;
    let subnet = context.ask("networks.get-subnet", |p| p.get_subnet(&id)).await?;
    same("the id of a subnet", &id, &subnet.id)?;
    same("its name", &context.name(label), &subnet.name)?;
    same("its network", &network.to_owned(), &subnet.network)?;
    same("its range", &cidr.to_owned(), &subnet.cidr)?;
    same("whether it is routed", &routed, &subnet.routed)?;
    same("its intent", &Some(context.name(label)), &subnet.intent)?;
    same("its tags", &resource::sorted(&context.tags(&[])), &resource::sorted(&subnet.tags))?;
    if routed {
        expect(subnet.gateway.is_some(), "its gateway", "an address", &subnet.gateway)?;
    }
    let listed = listing::subnets(context, context.provider(), Some(network)).await?;
    expect(
        listed.iter().any(|other| other.id == id),
        "networks.list-subnets of its network",
        "with it",
        &listed,
    )?;
    Ok(id)
}

async fn life_cycle(context: &Context) -> Result<(), Failure> {
    let id = read(context, "plain", "10.203.1.0/24", false).await?;
    resource::delete_twice::<SubnetResource>(context, &id).await
}

async fn routed(context: &Context) -> Result<(), Failure> {
    let id = read(context, "routed", "10.203.2.0/24", true).await?;
    resource::delete_twice::<SubnetResource>(context, &id).await
}

async fn again(context: &Context) -> Result<(), Failure> {
    context.needs("networks")?;
    resource::again::<SubnetResource>(context, "subnet-again").await
}

async fn tags(context: &Context) -> Result<(), Failure> {
    let network = context.network().await?;
    let id = create_subnet(context, "subnet-tags", network, "10.203.4.0/24", false).await?;
    resource::tags::<SubnetResource>(context, &id, &context.name("subnet-tags")).await?;
    SubnetResource::delete(context, &id).await
}

async fn abandon(context: &Context) -> Result<(), Failure> {
    context.needs("networks")?;
    resource::abandon::<SubnetResource>(context, "subnet-abandon").await
}

async fn unknown(context: &Context) -> Result<(), Failure> {
    let id = context.subnet().await?;
    resource::unknown::<SubnetResource>(context, id).await?;
    let network = unlike(context.network().await?);
    let intent = context.intent(Kind::Subnet, "subnet-nowhere");
    let spec = subnet_spec(context, &intent, &network, "10.203.5.0/24", false);
    context.refused("networks.create-subnet", BAD_ID, |p| p.create_subnet(&spec)).await.map(drop)
}

async fn poll_after_restart(context: &Context) -> Result<(), Failure> {
    let network = context.network().await?;
    let intent = context.intent(Kind::Subnet, "subnet-restart");
    let spec = subnet_spec(context, &intent, network, "10.203.6.0/24", true);
    let outcome = context.ask("networks.create-subnet", |p| p.create_subnet(&spec)).await?;
    let id = context.finish_across_restarts("networks.create-subnet", outcome).await?;
    let outcome = context.ask("networks.delete-subnet", |p| p.delete_subnet(&id)).await?;
    context.finish_across_restarts("networks.delete-subnet", outcome).await?;
    SubnetResource::refuse_get(context, &id).await
}
