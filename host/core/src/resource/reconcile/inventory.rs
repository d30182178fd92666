//! All that the cloud has.

use std::collections::HashSet;

use skywright_contract::Category;
use skywright_runtime::provider::{addresses, hosts, networks, object_storage, security_groups, volumes};

use super::CloudKind;
use crate::cloud::Cloud;
use crate::error::Error;

/// All that the cloud has. A family that it lacks, or that this tenant may not use, is not there: nothing is
/// known of it, which is not the same as that there is nothing.
pub(super) struct Inventory {
    pub(super) networks: Option<Vec<networks::Network>>,
    pub(super) subnets: Option<Vec<networks::Subnet>>,
    pub(super) groups: Option<Vec<security_groups::SecurityGroup>>,
    pub(super) hosts: Option<Vec<hosts::Host>>,
    pub(super) volumes: Option<Vec<volumes::Volume>>,
    pub(super) addresses: Option<Vec<addresses::PublicAddress>>,
    pub(super) virtual_ips: Option<Vec<addresses::VirtualIp>>,
    pub(super) buckets: Option<Vec<object_storage::Bucket>>,
}

/// One thing in the cloud, whatever its kind.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) kind: CloudKind,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) intent: Option<String>,
}

impl Inventory {
    /// Lists everything, all kinds at once.
    ///
    /// # Errors
    ///
    /// What the cloud said.
    pub(super) async fn of(cloud: &Cloud) -> Result<Self, Error> {
        let (networks, subnets, groups, hosts, volumes, addresses, virtual_ips, buckets) = tokio::try_join!(
            listed(cloud, "networks", cloud.networks()),
            listed(cloud, "networks", cloud.subnets()),
            listed(cloud, "security-groups", cloud.security_groups()),
            listed(cloud, "hosts", cloud.hosts()),
            listed(cloud, "volumes", cloud.volumes()),
            listed(cloud, "addresses", cloud.addresses()),
            listed(cloud, "addresses", cloud.virtual_ips()),
            listed(cloud, "object-storage", cloud.buckets()),
        )?;
        let mut inventory =
            Self { networks, subnets, groups, hosts, volumes, addresses, virtual_ips, buckets };
        // What is on its way out is gone.
        if let Some(hosts) = &mut inventory.hosts {
            hosts.retain(|host| host.state != hosts::State::Deleted);
        }
        Ok(inventory)
    }

    /// Everything in it.
    pub(super) fn items(&self) -> Vec<Item> {
        let mut items = Vec::new();
        let mut add = |kind, id: &str, name: &str, intent: Option<&String>| {
            items.push(Item { kind, id: id.to_owned(), name: name.to_owned(), intent: intent.cloned() });
        };
        for it in self.hosts.iter().flatten() {
            add(CloudKind::Host, &it.id, &it.name, it.intent.as_ref());
        }
        for it in self.volumes.iter().flatten() {
            add(CloudKind::Volume, &it.id, &it.name, it.intent.as_ref());
        }
        for it in self.virtual_ips.iter().flatten() {
            add(CloudKind::VirtualIp, &it.id, &it.name, it.intent.as_ref());
        }
        for it in self.addresses.iter().flatten() {
            add(CloudKind::PublicAddress, &it.id, &it.address, it.intent.as_ref());
        }
        for it in self.groups.iter().flatten() {
            add(CloudKind::SecurityGroup, &it.id, &it.name, it.intent.as_ref());
        }
        for it in self.subnets.iter().flatten() {
            add(CloudKind::Subnet, &it.id, &it.name, it.intent.as_ref());
        }
        for it in self.networks.iter().flatten() {
            add(CloudKind::Network, &it.id, &it.name, it.intent.as_ref());
        }
        for it in self.buckets.iter().flatten() {
            add(CloudKind::Bucket, &it.name, &it.name, None);
        }
        items
    }

    /// Whether the cloud told of this kind at all.
    pub(super) fn covers(&self, kind: CloudKind) -> bool {
        match kind {
            CloudKind::Host => self.hosts.is_some(),
            CloudKind::Volume => self.volumes.is_some(),
            CloudKind::VirtualIp => self.virtual_ips.is_some(),
            CloudKind::PublicAddress => self.addresses.is_some(),
            CloudKind::SecurityGroup => self.groups.is_some(),
            CloudKind::Subnet => self.subnets.is_some(),
            CloudKind::Network => self.networks.is_some(),
            CloudKind::Bucket => self.buckets.is_some(),
        }
    }
}

/// The kinds and ids of items.
pub(super) fn ids(items: &[Item]) -> HashSet<(CloudKind, &str)> {
    items.iter().map(|item| (item.kind, item.id.as_str())).collect()
}

async fn listed<T>(
    cloud: &Cloud,
    family: &str,
    listing: impl Future<Output = Result<Vec<T>, Error>>,
) -> Result<Option<Vec<T>>, Error> {
    if !cloud.has(family) {
        return Ok(None);
    }
    match listing.await {
        Ok(items) => Ok(Some(items)),
        Err(error) if error.category() == Category::Unsupported => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether the cloud has nothing of this id: listings may lag behind.
pub(super) async fn is_gone(cloud: &Cloud, kind: CloudKind, id: &str) -> Result<bool, Error> {
    let answer = match kind {
        CloudKind::Host => {
            let host = cloud.ask(|p| p.get_host(id)).await;
            host.map(|host| host.state == hosts::State::Deleted)
        }
        CloudKind::Volume => cloud.ask(|p| p.get_volume(id)).await.map(|_| false),
        CloudKind::SecurityGroup => cloud.ask(|p| p.get_security_group(id)).await.map(|_| false),
        CloudKind::Subnet => cloud.ask(|p| p.get_subnet(id)).await.map(|_| false),
        CloudKind::Network => cloud.ask(|p| p.get_network(id)).await.map(|_| false),
        CloudKind::VirtualIp => cloud.ask(|p| p.get_virtual_ip(id)).await.map(|_| false),
        // These can be listed alone.
        CloudKind::PublicAddress | CloudKind::Bucket => Ok(true),
    };
    match answer {
        Err(error) if error.category() == Category::NotFound => Ok(true),
        other => other,
    }
}
