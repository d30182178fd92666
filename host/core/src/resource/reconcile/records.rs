//! All records of a tenant, to be changed together, and what of them then has to be written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use skywright_state::{Found, Key, Version};

use super::CloudKind;
use crate::error::Error;
use crate::name::Name;
use crate::resource::address::AddressBody;
use crate::resource::bucket::BucketBody;
use crate::resource::host::HostBody;
use crate::resource::network::NetworkBody;
use crate::resource::plan::encode;
use crate::resource::record::{Body, Record};
use crate::resource::security_group::{GroupBinding, GroupRef, SecurityGroupBody};
use crate::resource::subnet::SubnetBody;
use crate::resource::virtual_ip::VirtualIpBody;
use crate::resource::volume::VolumeBody;
use crate::tenancy::Tenancy;

type Table<T> = BTreeMap<Key, (Record<T>, Version)>;

/// All records of a tenant.
#[derive(Clone)]
pub(super) struct Records {
    pub(super) networks: Table<NetworkBody>,
    pub(super) subnets: Table<SubnetBody>,
    pub(super) groups: Table<SecurityGroupBody>,
    pub(super) hosts: Table<HostBody>,
    pub(super) volumes: Table<VolumeBody>,
    pub(super) buckets: Table<BucketBody>,
    pub(super) virtual_ips: Table<VirtualIpBody>,
    pub(super) addresses: Table<AddressBody>,
}

/// One record that is written or removed, if it still has the version.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Write {
    pub(super) key: Key,
    pub(super) version: Version,
    /// JSON; `None` removes it.
    pub(super) value: Option<String>,
}

/// What of a record does not depend on its kind.
pub(super) struct Outline<'a> {
    pub(super) kind: CloudKind,
    pub(super) key: &'a Key,
    pub(super) name: String,
    pub(super) id: Option<&'a str>,
    pub(super) operation: Option<&'a crate::operation::OperationId>,
    pub(super) ready: bool,
    pub(super) adopted: bool,
}

impl Records {
    pub(super) async fn of(tenancy: &Tenancy) -> Result<Self, Error> {
        Ok(Self {
            networks: table(tenancy.records().await?),
            subnets: table(tenancy.records().await?),
            groups: table(tenancy.records().await?),
            hosts: table(tenancy.records().await?),
            volumes: table(tenancy.records().await?),
            buckets: table(tenancy.records().await?),
            virtual_ips: table(tenancy.records().await?),
            addresses: table(tenancy.records().await?),
        })
    }

    /// All of them.
    pub(super) fn outlines(&self) -> Vec<Outline<'_>> {
        let mut all = Vec::new();
        outline(&self.hosts, &mut all);
        outline(&self.volumes, &mut all);
        outline(&self.virtual_ips, &mut all);
        outline(&self.addresses, &mut all);
        outline(&self.groups, &mut all);
        outline(&self.subnets, &mut all);
        outline(&self.networks, &mut all);
        outline(&self.buckets, &mut all);
        all
    }

    /// The cloud's ids of all that the records know, also what has no record of its own.
    pub(super) fn known_ids(&self) -> Vec<(CloudKind, String)> {
        let mut known: Vec<_> =
            self.outlines().iter().filter_map(|record| Some((record.kind, record.id?.to_owned()))).collect();
        for (subnet, _) in self.subnets.values() {
            let groups = [&subnet.body.internal_group, &subnet.body.gateway_group];
            known.extend(groups.into_iter().flatten().map(|id| (CloudKind::SecurityGroup, id.clone())));
            known.extend(subnet.body.virtual_ip.iter().map(|ip| (CloudKind::VirtualIp, ip.id.clone())));
        }
        for (host, _) in self.hosts.values() {
            known.extend(host.body.own_group.iter().map(|id| (CloudKind::SecurityGroup, id.clone())));
        }
        // A bucket's name is its id, also where the record has none.
        known.extend(self.buckets.values().map(|(bucket, _)| (CloudKind::Bucket, bucket.name.to_string())));
        known
    }

    /// Drops a record, and what others say of it.
    pub(super) fn forget(&mut self, kind: CloudKind, key: &Key) {
        match kind {
            CloudKind::Host => {
                let Some((host, _)) = self.hosts.remove(key) else { return };
                for (subnet, _) in self.subnets.values_mut() {
                    subnet.body.gateways.retain(|name| *name != host.name);
                }
                for (volume, _) in self.volumes.values_mut() {
                    if volume.body.attachment.as_ref().is_some_and(|at| at.host == host.name) {
                        volume.body.attachment = None;
                    }
                }
            }
            CloudKind::Subnet => {
                let Some((subnet, _)) = self.subnets.remove(key) else { return };
                for (host, _) in self.hosts.values_mut() {
                    let body = &mut host.body;
                    body.subnets.retain(|at| at.network != subnet.body.network || at.name != subnet.name);
                }
                let (network, name) = (&subnet.body.network, &subnet.name);
                self.virtual_ips.retain(|_, (ip, _)| ip.body.network != *network || ip.body.subnet != *name);
            }
            CloudKind::SecurityGroup => {
                let Some((group, _)) = self.groups.remove(key) else { return };
                self.each_bindings(|bindings| bindings.retain(|b| b.group != group.reference()));
            }
            CloudKind::Network => {
                let Some((network, _)) = self.networks.remove(key) else { return };
                for (host, _) in self.hosts.values_mut() {
                    host.body.subnets.retain(|at| at.network != network.name);
                }
            }
            CloudKind::Volume => drop(self.volumes.remove(key)),
            CloudKind::Bucket => drop(self.buckets.remove(key)),
            CloudKind::VirtualIp => drop(self.virtual_ips.remove(key)),
            CloudKind::PublicAddress => drop(self.addresses.remove(key)),
        }
    }

    fn each_bindings(&mut self, change: impl Fn(&mut Vec<GroupBinding>)) {
        self.hosts.values_mut().for_each(|(host, _)| change(&mut host.body.groups));
        self.subnets.values_mut().for_each(|(subnet, _)| change(&mut subnet.body.groups));
    }

    /// The name of the host with an id of the cloud's.
    pub(super) fn host_name(&self, id: &str) -> Option<&Name> {
        let of_id = |(host, _): &&(Record<HostBody>, Version)| host.cloud_id.as_deref() == Some(id);
        self.hosts.values().find(of_id).map(|(host, _)| &host.name)
    }

    /// The name of the network with an id of the cloud's.
    pub(super) fn network_name(&self, id: &str) -> Option<&Name> {
        let of_id = |(network, _): &&(Record<NetworkBody>, Version)| network.cloud_id.as_deref() == Some(id);
        self.networks.values().find(of_id).map(|(network, _)| &network.name)
    }

    /// The group with an id of the cloud's, or the only one of that name.
    pub(super) fn group(&self, id_or_name: &str) -> Option<GroupRef> {
        let mut groups = self.groups.values().map(|(group, _)| group);
        if let Some(group) = groups.clone().find(|group| group.cloud_id.as_deref() == Some(id_or_name)) {
            return Some(group.reference());
        }
        let first = groups.find(|group| group.name.as_str() == id_or_name)?.reference();
        groups.all(|group| group.name.as_str() != id_or_name).then_some(first)
    }

    /// What has to be written to get from one to the other.
    pub(super) fn writes(&self, after: &Self) -> Result<Vec<Write>, Error> {
        let mut writes = Vec::new();
        differences(&self.networks, &after.networks, &mut writes)?;
        differences(&self.subnets, &after.subnets, &mut writes)?;
        differences(&self.groups, &after.groups, &mut writes)?;
        differences(&self.hosts, &after.hosts, &mut writes)?;
        differences(&self.volumes, &after.volumes, &mut writes)?;
        differences(&self.buckets, &after.buckets, &mut writes)?;
        differences(&self.virtual_ips, &after.virtual_ips, &mut writes)?;
        differences(&self.addresses, &after.addresses, &mut writes)?;
        Ok(writes)
    }
}

fn table<T>(found: Vec<Found<Record<T>>>) -> Table<T> {
    found.into_iter().map(|found| (found.key, (found.value, found.version))).collect()
}

fn outline<'a, T: Body>(table: &'a Table<T>, all: &mut Vec<Outline<'a>>) {
    let Some(kind) = CloudKind::of(T::KIND) else { return };
    all.extend(table.iter().map(|(key, (record, _))| Outline {
        kind,
        key,
        // Behind the tenant and the kind comes the path.
        name: key.segments().skip(4).collect::<Vec<_>>().join("/"),
        id: record.cloud_id.as_deref(),
        operation: record.operation.as_ref(),
        ready: record.status == crate::resource::record::Status::Ready,
        adopted: record.adopted,
    }));
}

fn differences<T: Serialize>(
    before: &Table<T>,
    after: &Table<T>,
    writes: &mut Vec<Write>,
) -> Result<(), Error> {
    let text = |record: &Record<T>| -> Result<String, Error> {
        Ok(String::from_utf8_lossy(&encode(record)?).into_owned())
    };
    for (key, (record, version)) in before {
        let value = match after.get(key) {
            Some((changed, _)) => Some(text(changed)?),
            None => None,
        };
        if value.as_deref() != Some(text(record)?.as_str()) {
            writes.push(Write { key: key.clone(), version: *version, value });
        }
    }
    for (key, (record, _)) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
        writes.push(Write { key: key.clone(), version: Version::ABSENT, value: Some(text(record)?) });
    }
    Ok(())
}
