//! The end of a run: what it asked for is abandoned, and nothing of it may be left.

use super::addresses::AddressResource;
use super::check;
use super::hosts::HostResource;
use super::networks::NetworkResource;
use super::security_groups::GroupResource;
use super::subnets::SubnetResource;
use super::virtual_ips::VirtualIpResource;
use super::volumes::VolumeResource;
use crate::check::Check;
use crate::context::Context;
use crate::failure::{Failure, expect};
use crate::ledger::Kind;
use crate::listing;
use crate::resource::{Resource, Thing};

/// Run after everything, whatever `only` says and however it ended.
pub(super) const CHECKS: &[Check] = &[
    check!("cleanup", "abandon", abandon, "all that was asked for is abandoned"),
    check!("cleanup", "nothing-left", nothing_left, "no listing shows anything of the run"),
];

async fn abandon(context: &Context) -> Result<(), Failure> {
    let mut first = None;
    for (kind, key) in context.ledger.backwards() {
        let abandoned = match kind {
            Kind::Host => HostResource::abandon(context, &key).await,
            Kind::VirtualIp => VirtualIpResource::abandon(context, &key).await,
            Kind::Address => AddressResource::abandon(context, &key).await,
            Kind::Volume => VolumeResource::abandon(context, &key).await,
            Kind::SecurityGroup => GroupResource::abandon(context, &key).await,
            Kind::Subnet => SubnetResource::abandon(context, &key).await,
            Kind::Network => NetworkResource::abandon(context, &key).await,
            Kind::Keypair => delete_keypair(context, &key).await,
            Kind::Bucket => context.ask("object-storage.delete", |p| p.delete_bucket(&key)).await,
        };
        if let Err(failure) = abandoned {
            tracing::warn!(%failure, key, "not abandoned");
            // The others are taken away all the same.
            first.get_or_insert(failure);
        }
    }
    first.map_or(Ok(()), Err)
}

async fn delete_keypair(context: &Context, name: &str) -> Result<(), Failure> {
    let all = listing::keypairs(context, context.provider()).await?;
    for keypair in all.iter().filter(|keypair| keypair.name == name) {
        context.ask("keypairs.delete", |p| p.delete_keypair(&keypair.id)).await?;
    }
    Ok(())
}

async fn nothing_left(context: &Context) -> Result<(), Failure> {
    if context.has("hosts") {
        none::<HostResource>(context, "hosts.list").await?;
    }
    if context.has("addresses") {
        none::<AddressResource>(context, "addresses.list").await?;
        none::<VirtualIpResource>(context, "addresses.list-virtual-ips").await?;
    }
    if context.has("volumes") {
        none::<VolumeResource>(context, "volumes.list").await?;
    }
    if context.has("security-groups") {
        none::<GroupResource>(context, "security-groups.list").await?;
    }
    if context.has("networks") {
        none::<SubnetResource>(context, "networks.list-subnets").await?;
        none::<NetworkResource>(context, "networks.list").await?;
    }
    let prefix = context.options.name.prefix();
    if context.has("keypairs") {
        let all = listing::keypairs(context, context.provider()).await?;
        let left: Vec<_> = all.iter().filter(|keypair| keypair.name.starts_with(&prefix)).collect();
        expect(left.is_empty(), "keypairs.list at the end", "nothing of the run", &left)?;
    }
    if context.has("object-storage") {
        let all = listing::buckets(context, context.provider()).await?;
        let left: Vec<_> = all.iter().filter(|bucket| bucket.name.starts_with(&prefix)).collect();
        expect(left.is_empty(), "object-storage.list at the end", "nothing of the run", &left)?;
    }
    Ok(())
}

/// By intent and by tag: either may be what a provider lost.
async fn none<R: Resource>(context: &Context, function: &str) -> Result<(), Failure> {
    let prefix = context.options.name.prefix();
    let run = context.tags(&[]);
    let own = |thing: &Thing| {
        let intent = thing.intent.as_deref().is_some_and(|key| key.starts_with(&prefix));
        intent || run.iter().any(|tag| thing.tags.contains(tag))
    };
    let all = match R::list(context, &[]).await {
        // A provider without the ability may refuse to list what it cannot have.
        Err(Failure::Call { source, .. })
            if source.category() == skywright_contract::Category::Unsupported =>
        {
            return Ok(());
        }
        listed => listed?,
    };
    let left: Vec<_> = all.into_iter().filter(own).collect();
    expect(left.is_empty(), format!("{function} at the end"), "nothing of the run", &left)
}
