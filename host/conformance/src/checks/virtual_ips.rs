//! The virtual IPs of `addresses`.

use skywright_runtime::provider::addresses::VirtualIp;
use skywright_runtime::provider::{Intent, KeyValue};

use super::check;
use crate::check::Check;
use crate::context::Context;
use crate::failure::{Failure, expect, same};
use crate::ledger::Kind;
use crate::listing;
use crate::name::unlike;
use crate::resource::{self, BAD_ID, NOT_FOUND, Resource, Thing};

pub(super) const CHECKS: &[Check] = &[
    check!("virtual-ips", "life-cycle", life_cycle, "a virtual IP is made, read, listed and deleted twice"),
    check!("virtual-ips", "again", again, "a create that is asked for again makes no second virtual IP"),
    check!("virtual-ips", "bind", bind, "a host answers for a virtual IP, and then no more"),
    check!("virtual-ips", "abandon", abandon, "an intent is abandoned, whole or not there"),
    check!("virtual-ips", "unknown", unknown, "unknown virtual IPs and hosts are not found"),
];

pub(crate) struct VirtualIpResource;

impl Resource for VirtualIpResource {
    const KIND: Kind = Kind::VirtualIp;
    const GET: &'static str = "addresses.get-virtual-ip";

    async fn create(context: &Context, intent: &Intent) -> Result<String, Failure> {
        Ok(make(context, intent).await?.id)
    }

    async fn get(context: &Context, id: &str) -> Result<Thing, Failure> {
        get(context, id).await.map(thing)
    }

    async fn list(context: &Context, tags: &[KeyValue]) -> Result<Vec<Thing>, Failure> {
        let all = listing::virtual_ips(context, context.provider()).await?;
        // The contract has no filter here.
        let tagged = |thing: &Thing| tags.iter().all(|tag| thing.tags.contains(tag));
        Ok(all.into_iter().map(thing).filter(tagged).collect())
    }

    async fn set_tags(_: &Context, _: &str, _: &[KeyValue]) -> Result<(), Failure> {
        Err(Failure::skip("tags of virtual IPs are set once"))
    }

    async fn delete(context: &Context, id: &str) -> Result<(), Failure> {
        context.ask("addresses.delete-virtual-ip", |p| p.delete_virtual_ip(id)).await
    }

    async fn abandon(context: &Context, key: &str) -> Result<(), Failure> {
        context.ask("addresses.abandon-virtual-ip", |p| p.abandon_virtual_ip(key)).await
    }

    async fn refuse_get(context: &Context, id: &str) -> Result<(), Failure> {
        context.refused(Self::GET, NOT_FOUND, |p| p.get_virtual_ip(id)).await.map(drop)
    }
}

fn thing(from: VirtualIp) -> Thing {
    Thing { id: from.id, intent: from.intent, tags: from.tags }
}

async fn make(context: &Context, intent: &Intent) -> Result<VirtualIp, Failure> {
    let subnet = context.subnet().await?;
    let tags = context.tags(&[]);
    let function = "addresses.create-virtual-ip";
    context.ask(function, |p| p.create_virtual_ip(intent, &intent.key, subnet, &tags)).await
}

async fn get(context: &Context, id: &str) -> Result<VirtualIp, Failure> {
    context.ask("addresses.get-virtual-ip", |p| p.get_virtual_ip(id)).await
}

async fn declared(context: &Context) -> Result<(), Failure> {
    context.needs("addresses")?;
    context.needs("networks")?;
    if context.capabilities().await?.virtual_ip {
        return Ok(());
    }
    Err(Failure::skip("the provider declares no virtual IPs"))
}

async fn life_cycle(context: &Context) -> Result<(), Failure> {
    declared(context).await?;
    let intent = context.intent(Kind::VirtualIp, "vip");
    let made = make(context, &intent).await?;
    same("the name of a virtual IP", &intent.key, &made.name)?;
    same("its subnet", &context.subnet().await?.to_owned(), &made.subnet)?;
    same("its intent", &Some(intent.key), &made.intent)?;
    same("its tags", &resource::sorted(&context.tags(&[])), &resource::sorted(&made.tags))?;
    expect(made.hosts.is_empty(), "its hosts", "none", &made.hosts)?;
    let is_address = made.address.parse::<std::net::IpAddr>().is_ok();
    expect(is_address, "its address", "an IP address", &made.address)?;
    same("the virtual IP as it is read", &made, &get(context, &made.id).await?)?;
    let listed = VirtualIpResource::list(context, &[]).await?;
    expect(listed.iter().any(|t| t.id == made.id), "addresses.list-virtual-ips", "with it", &listed)?;
    resource::delete_twice::<VirtualIpResource>(context, &made.id).await
}

async fn again(context: &Context) -> Result<(), Failure> {
    declared(context).await?;
    resource::again::<VirtualIpResource>(context, "vip-again").await
}

async fn bind(context: &Context) -> Result<(), Failure> {
    declared(context).await?;
    let host = context.host().await?;
    let id = make(context, &context.intent(Kind::VirtualIp, "vip-bind")).await?.id;
    for _ in 0..2 {
        context.ask("addresses.bind-virtual-ip", |p| p.bind_virtual_ip(&id, host)).await?;
    }
    same("the hosts of a virtual IP", &vec![host.to_owned()], &get(context, &id).await?.hosts)?;
    for _ in 0..2 {
        context.ask("addresses.unbind-virtual-ip", |p| p.unbind_virtual_ip(&id, host)).await?;
    }
    same("its hosts after the unbind", &Vec::new(), &get(context, &id).await?.hosts)?;
    VirtualIpResource::delete(context, &id).await
}

async fn abandon(context: &Context) -> Result<(), Failure> {
    declared(context).await?;
    resource::abandon::<VirtualIpResource>(context, "vip-abandon").await
}

async fn unknown(context: &Context) -> Result<(), Failure> {
    declared(context).await?;
    let id = make(context, &context.intent(Kind::VirtualIp, "vip-unknown")).await?.id;
    resource::unknown::<VirtualIpResource>(context, &id).await?;
    let other = unlike(&id);
    context.refused("addresses.bind-virtual-ip", BAD_ID, |p| p.bind_virtual_ip(&id, &other)).await?;
    VirtualIpResource::delete(context, &id).await
}
