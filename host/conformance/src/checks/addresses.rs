//! `addresses`: public addresses of their own, and those that go with a host.

use skywright_runtime::driver::PublicAddressMode;
use skywright_runtime::provider::addresses::PublicAddress;
use skywright_runtime::provider::hosts::HostSpec;
use skywright_runtime::provider::{Intent, KeyValue};

use super::{check, hosts};
use crate::check::Check;
use crate::context::Context;
use crate::failure::{Failure, expect, same};
use crate::ledger::Kind;
use crate::listing;
use crate::name::unlike;
use crate::resource::{self, BAD_ID, Resource, Thing};

pub(super) const CHECKS: &[Check] = &[
    check!(
        "addresses",
        "life-cycle",
        life_cycle,
        "an address is allocated, listed by tag and released twice"
    ),
    check!("addresses", "again", again, "an allocation that is asked for again makes no second address"),
    check!("addresses", "associate", associate, "an address is given to a host and taken from it"),
    check!("addresses", "abandon", abandon, "an intent is abandoned, whole or not there"),
    check!("addresses", "of-a-host", of_a_host, "a host's own public address comes and goes with it"),
];

pub(crate) struct AddressResource;

impl Resource for AddressResource {
    const KIND: Kind = Kind::Address;
    const GET: &'static str = "addresses.list";

    async fn create(context: &Context, intent: &Intent) -> Result<String, Failure> {
        let tags = context.tags(&[]);
        let outcome = context.ask("addresses.allocate", |p| p.allocate_address(intent, &tags)).await?;
        Ok(outcome.id)
    }

    async fn get(context: &Context, id: &str) -> Result<Thing, Failure> {
        get(context, id).await.map(thing)
    }

    async fn list(context: &Context, tags: &[KeyValue]) -> Result<Vec<Thing>, Failure> {
        let all = listing::addresses(context, context.provider(), tags).await?;
        Ok(all.into_iter().map(thing).collect())
    }

    async fn set_tags(_: &Context, _: &str, _: &[KeyValue]) -> Result<(), Failure> {
        Err(Failure::skip("tags of addresses are set once"))
    }

    async fn delete(context: &Context, id: &str) -> Result<(), Failure> {
        context.ask("addresses.release", |p| p.release_address(id)).await
    }

    async fn abandon(context: &Context, key: &str) -> Result<(), Failure> {
        context.ask("addresses.abandon", |p| p.abandon_address(key)).await
    }

    /// The contract has no function that reads one.
    async fn refuse_get(context: &Context, id: &str) -> Result<(), Failure> {
        let all = Self::list(context, &[]).await?;
        let left = all.iter().any(|thing| thing.id == id);
        expect(!left, "addresses.list", "without what is not there", "with it")
    }
}

fn thing(from: PublicAddress) -> Thing {
    Thing { id: from.id, intent: from.intent, tags: from.tags }
}

/// By listing: the contract has no function that reads one.
async fn get(context: &Context, id: &str) -> Result<PublicAddress, Failure> {
    let all = listing::addresses(context, context.provider(), &[]).await?;
    let found = all.iter().find(|address| address.id == id).cloned();
    found.ok_or_else(|| Failure::Other {
        what: "addresses.list".to_owned(),
        expected: format!("with `{id}`"),
        found: format!("{all:?}"),
    })
}

async fn floating(context: &Context) -> Result<(), Failure> {
    context.needs("addresses")?;
    if context.capabilities().await?.public_address_mode == PublicAddressMode::Floating {
        return Ok(());
    }
    Err(Failure::skip("the provider declares no addresses of their own"))
}

async fn life_cycle(context: &Context) -> Result<(), Failure> {
    floating(context).await?;
    let intent = context.intent(Kind::Address, "address");
    let tags = context.tags(&[]);
    let made = context.ask("addresses.allocate", |p| p.allocate_address(&intent, &tags)).await?;
    same("the intent of an address", &Some(intent.key), &made.intent)?;
    same("its tags", &resource::sorted(&tags), &resource::sorted(&made.tags))?;
    same("its host", &None, &made.host)?;
    let is_address = made.address.parse::<std::net::IpAddr>().is_ok();
    expect(is_address, "the address", "an IP address", &made.address)?;
    same("the address as it is listed", &made, &get(context, &made.id).await?)?;
    let listed = AddressResource::list(context, &tags).await?;
    expect(listed.iter().any(|t| t.id == made.id), "addresses.list by tag", "with it", &listed)?;
    let others = AddressResource::list(context, &context.tags(&[("cf-none", "none")])).await?;
    expect(others.is_empty(), "addresses.list by a tag that none has", "nothing", &others)?;
    context.ask("addresses.dissociate", |p| p.dissociate_address(&made.id)).await?;
    resource::delete_twice::<AddressResource>(context, &made.id).await
}

async fn again(context: &Context) -> Result<(), Failure> {
    floating(context).await?;
    resource::again::<AddressResource>(context, "address-again").await
}

async fn associate(context: &Context) -> Result<(), Failure> {
    floating(context).await?;
    let host = context.host().await?;
    let id = AddressResource::create(context, &context.intent(Kind::Address, "address-host")).await?;
    let nobody = unlike(host);
    context.refused("addresses.associate", BAD_ID, |p| p.associate_address(&id, &nobody)).await?;
    for _ in 0..2 {
        context.ask("addresses.associate", |p| p.associate_address(&id, host)).await?;
    }
    let address = get(context, &id).await?;
    same("the host of an address", &Some(host.to_owned()), &address.host)?;
    let own = hosts::get(context, host).await?.addresses;
    let has = own.iter().any(|a| a.public && a.address == address.address);
    expect(has, "the addresses of the host", format!("with {}", address.address), &own)?;
    for _ in 0..2 {
        context.ask("addresses.dissociate", |p| p.dissociate_address(&id)).await?;
    }
    same("the host of an address that was taken from it", &None, &get(context, &id).await?.host)?;
    AddressResource::delete(context, &id).await
}

async fn abandon(context: &Context) -> Result<(), Failure> {
    floating(context).await?;
    resource::abandon::<AddressResource>(context, "address-abandon").await
}

async fn of_a_host(context: &Context) -> Result<(), Failure> {
    context.needs("hosts")?;
    let before = count(context).await?;
    let spec = HostSpec { public_address: true, ..hosts::spec(context, "host-public").await? };
    let id = hosts::create(context, &spec).await?;
    let own = hosts::get(context, &id).await?.addresses;
    let public = own.iter().any(|address| address.public);
    expect(public, "the addresses of a host that is to have a public one", "with one", &own)?;
    context.change("hosts.delete", |p| p.delete_host(&id)).await?;
    same("the number of addresses after the host is gone", &before, &count(context).await?)
}

async fn count(context: &Context) -> Result<usize, Failure> {
    if !context.has("addresses") {
        return Ok(0);
    }
    let all = AddressResource::list(context, &[]).await?;
    let own = |thing: &&Thing| {
        let key = thing.intent.as_deref().unwrap_or_default();
        key.starts_with(&context.options.name.prefix())
    };
    Ok(all.iter().filter(own).count())
}
