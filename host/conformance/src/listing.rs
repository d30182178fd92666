//! Whole listings, with their paging held against the contract on the way.

use std::collections::HashSet;

use skywright_runtime::provider::{
    Call, KeyValue, Provider, addresses, catalog, hosts, keypairs, networks, object_storage, security_groups,
    volumes,
};

use crate::context::Context;
use crate::failure::{Failure, expect};

const MOST_PAGES: usize = 2_000;

/// Items and the cursor of the next page.
type Page<'a, T> = Call<'a, (Vec<T>, Option<String>)>;

/// Every item of every page; the cursors come to an end and no id comes twice.
async fn pages<'s, T>(
    context: &Context,
    provider: &'s dyn Provider,
    function: &'static str,
    id: fn(&T) -> &str,
    call: impl Fn(&'s dyn Provider, Option<String>) -> Page<'s, T>,
) -> Result<Vec<T>, Failure> {
    let (mut items, mut ids, mut cursors) = (Vec::new(), HashSet::new(), HashSet::new());
    let mut cursor: Option<String> = None;
    for _ in 0..MOST_PAGES {
        let (page, next) = context.ask_of(provider, function, |p| call(p, cursor.clone())).await?;
        for item in page {
            let fresh = ids.insert(id(&item).to_owned());
            expect(fresh, format!("an id of {function}"), "each once in all pages", id(&item))?;
            items.push(item);
        }
        let Some(next) = next else { return Ok(items) };
        expect(cursors.insert(next.clone()), format!("a cursor of {function}"), "another one", &next)?;
        cursor = Some(next);
    }
    expect(false, format!("the pages of {function}"), format!("at most {MOST_PAGES}"), "more")?;
    Ok(items)
}

macro_rules! listings {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $ty:ty),*) -> $item:ty, $id:ident = $what:literal $method:ident;)+) => {
        $(
            $(#[$doc])*
            pub(crate) async fn $name<'s>(
                context: &'s Context,
                provider: &'s dyn Provider
                $(, $argument: $ty)*
            ) -> Result<Vec<$item>, Failure> {
                pages(context, provider, $what, |item: &$item| &item.$id, |p, cursor| {
                    Box::pin(async move {
                        let page = p.$method($($argument,)* cursor.as_deref()).await?;
                        Ok((page.items, page.next))
                    })
                })
                .await
            }
        )+
    };
}

listings! {
    /// All templates.
    templates() -> catalog::Template, id = "catalog.templates" templates;
    /// All images.
    images() -> catalog::Image, id = "catalog.images" images;
    /// Networks with these tags.
    networks(tags: &'s [KeyValue]) -> networks::Network, id = "networks.list" list_networks;
    /// Subnets of a network, or all.
    subnets(network: Option<&'s str>) -> networks::Subnet, id = "networks.list-subnets" list_subnets;
    /// Security groups with these tags.
    security_groups(tags: &'s [KeyValue]) -> security_groups::SecurityGroup, id = "security-groups.list" list_security_groups;
    /// Hosts with these tags.
    hosts(tags: &'s [KeyValue]) -> hosts::Host, id = "hosts.list" list_hosts;
    /// Volumes with these tags.
    volumes(tags: &'s [KeyValue]) -> volumes::Volume, id = "volumes.list" list_volumes;
    /// Public addresses with these tags.
    addresses(tags: &'s [KeyValue]) -> addresses::PublicAddress, id = "addresses.list" list_addresses;
    /// All virtual IPs.
    virtual_ips() -> addresses::VirtualIp, id = "addresses.list-virtual-ips" list_virtual_ips;
    /// All buckets.
    buckets() -> object_storage::Bucket, name = "object-storage.list" list_buckets;
    /// All keypairs.
    keypairs() -> keypairs::Keypair, id = "keypairs.list" list_keypairs;
}
