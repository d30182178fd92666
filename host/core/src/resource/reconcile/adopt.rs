//! Taking in what others made: a record for it, and nothing that changes in the cloud.

use ipnet::Ipv4Net;
use skywright_runtime::provider::KeyValue;
use skywright_runtime::provider::hosts::Host;
use skywright_runtime::provider::networks::Subnet;
use skywright_state::{Key, Version};

use super::CloudKind;
use super::compare::{attachment, summaries};
use super::inventory::Inventory;
use super::records::Records;
use crate::error::Error;
use crate::name::Name;
use crate::operation::now_unix_ms;
use crate::resource::address::AddressBody;
use crate::resource::bucket::BucketBody;
use crate::resource::host::{HostBody, HostRole, ImageSummary, SubnetRef};
use crate::resource::images;
use crate::resource::network::NetworkBody;
use crate::resource::record::{Body, Kind, Record, Status};
use crate::resource::security_group::{GroupBinding, GroupRef, SecurityGroupBody};
use crate::resource::spec::GatewayMode;
use crate::resource::subnet::SubnetBody;
use crate::resource::template::TemplateSummary;
use crate::resource::virtual_ip::VirtualIpBody;
use crate::resource::volume::{VolumeBody, VolumeSpeed};
use crate::tenancy::Tenancy;

/// One that is taken in.
pub(super) struct Adoption<'a> {
    pub(super) tenancy: &'a Tenancy,
    pub(super) inventory: &'a Inventory,
    pub(super) records: &'a mut Records,
}

impl Adoption<'_> {
    /// Adds a record for it.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`] if the cloud has none of this id, [`Error::Exists`] for a name that is not free,
    /// [`Error::Invalid`] for one that cannot be taken in.
    pub(super) async fn add(&mut self, kind: CloudKind, id: &str, name: Option<&Name>) -> Result<(), Error> {
        match kind {
            CloudKind::Network => self.network(id, name),
            CloudKind::Subnet => self.subnet(id, name),
            CloudKind::SecurityGroup => self.group(id, name),
            CloudKind::Host => self.host(id, name).await,
            CloudKind::Volume => self.volume(id, name),
            CloudKind::Bucket => self.bucket(id),
            CloudKind::PublicAddress => self.address(id, name),
            CloudKind::VirtualIp => self.virtual_ip(id, name),
        }
    }

    fn network(&mut self, id: &str, name: Option<&Name>) -> Result<(), Error> {
        let networks = self.inventory.networks.iter().flatten();
        let network =
            networks.into_iter().find(|n| n.id == id).ok_or_else(|| none(CloudKind::Network, id))?;
        let name = chosen_name(CloudKind::Network, id, &network.name, name)?;
        let subnets: Vec<_> =
            self.inventory.subnets.iter().flatten().filter(|subnet| subnet.network == id).collect();
        let ranges: Vec<Ipv4Net> = subnets.iter().filter_map(|subnet| subnet.cidr.parse().ok()).collect();
        let record = adopted(&name, id, &network.tags, NetworkBody { cidr: covering(&ranges) });
        let key = self.key(Kind::Network, &[name.as_str()])?;
        insert(&mut self.records.networks, key, record)?;
        for subnet in subnets {
            // Ranges of IPv6 are nothing that records know.
            if subnet.cidr.parse::<Ipv4Net>().is_ok() {
                let own = subnet_name(&self.records.subnets, subnet, &name)?;
                self.add_subnet(subnet, &name, &own)?;
            }
        }
        Ok(())
    }

    fn subnet(&mut self, id: &str, name: Option<&Name>) -> Result<(), Error> {
        let mut subnets = self.inventory.subnets.iter().flatten();
        let subnet = subnets.find(|s| s.id == id).ok_or_else(|| none(CloudKind::Subnet, id))?;
        let Some(network) = self.records.network_name(&subnet.network).cloned() else {
            let reason = format!("take its network in first: network:{}", subnet.network);
            return Err(Error::Invalid { what: format!("subnet {id}"), reason });
        };
        let name = chosen_name(CloudKind::Subnet, id, &subnet.name, name)?;
        self.add_subnet(subnet, &network, &name)
    }

    fn add_subnet(&mut self, subnet: &Subnet, network: &Name, name: &Name) -> Result<(), Error> {
        let cidr = subnet.cidr.parse().map_err(|_| Error::Invalid {
            what: format!("subnet {}", subnet.id),
            reason: "its range is not of IPv4".to_owned(),
        })?;
        let body = SubnetBody {
            network: network.clone(),
            cidr,
            dns: subnet.dns.clone(),
            gateway: if subnet.routed { GatewayMode::Managed } else { GatewayMode::None },
            gateways: Vec::new(),
            internal_group: None,
            gateway_group: None,
            virtual_ip: None,
            groups: Vec::new(),
        };
        let key = self.key(Kind::Subnet, &[network.as_str(), name.as_str()])?;
        insert(&mut self.records.subnets, key, adopted(name, &subnet.id, &subnet.tags, body))
    }

    fn group(&mut self, id: &str, name: Option<&Name>) -> Result<(), Error> {
        let mut groups = self.inventory.groups.iter().flatten();
        let group = groups.find(|g| g.id == id).ok_or_else(|| none(CloudKind::SecurityGroup, id))?;
        let name = chosen_name(CloudKind::SecurityGroup, id, &group.name, name)?;
        let network = group.network.as_ref().and_then(|id| self.records.network_name(id).cloned());
        let reference = GroupRef { network: network.clone(), name: name.clone() };
        let body = SecurityGroupBody { network, description: group.description.clone() };
        let key = self.key(Kind::SecurityGroup, &reference.path())?;
        insert(&mut self.records.groups, key, adopted(&name, id, &group.tags, body))
    }

    async fn host(&mut self, id: &str, name: Option<&Name>) -> Result<(), Error> {
        let mut hosts = self.inventory.hosts.iter().flatten();
        let host = hosts.find(|h| h.id == id).ok_or_else(|| none(CloudKind::Host, id))?;
        let name = chosen_name(CloudKind::Host, id, &host.name, name)?;
        let templates = summaries(self.tenancy).await?;
        let template = templates.into_iter().find(|t| t.id == host.template || t.name == host.template);
        // Clouds take templates out of use while hosts still have them.
        let template = template.unwrap_or_else(|| TemplateSummary {
            id: host.template.clone(),
            name: host.template.clone(),
            vcpus: 0,
            memory_mib: 0,
            disk_gib: 0,
        });
        let all_images = images(self.tenancy.cloud()).await?;
        let image =
            host.image.as_ref().and_then(|id| all_images.iter().find(|image| image.id.as_str() == id));
        let user = image.and_then(|image| image.login_user.clone());
        let address = |public| host.addresses.iter().find(|a| a.public == public).map(|a| a.address.clone());
        let body = HostBody {
            role: HostRole::Plain,
            template,
            image: ImageSummary {
                id: host.image.clone().unwrap_or_default(),
                name: image.map_or_else(|| "unknown".to_owned(), |image| image.name.clone()),
            },
            boot_disk_gib: None,
            zone: host.zone.clone(),
            subnets: self.subnets_of(host),
            private_address: address(false),
            public_address: address(true),
            user: user.unwrap_or_else(|| self.tenancy.defaults().operator_user().to_owned()),
            ssh_port: 22,
            ssh_key: None,
            private_key: None,
            host_keys: Vec::new(),
            own_group: None,
            groups: self.groups_of(host),
        };
        let key = self.key(Kind::Host, &[name.as_str()])?;
        insert(&mut self.records.hosts, key, adopted(&name, id, &host.tags, body))
    }

    /// The recorded subnets that a host has an address in.
    fn subnets_of(&self, host: &Host) -> Vec<SubnetRef> {
        let mut places: Vec<SubnetRef> = Vec::new();
        for id in host.addresses.iter().filter_map(|at| at.subnet.as_deref()) {
            let mut subnets = self.records.subnets.values();
            let Some((subnet, _)) = subnets.find(|(s, _)| s.cloud_id.as_deref() == Some(id)) else {
                continue;
            };
            let at = SubnetRef { network: subnet.body.network.clone(), name: subnet.name.clone() };
            if !places.contains(&at) {
                places.push(at);
            }
        }
        places
    }

    /// The recorded groups that a host has.
    fn groups_of(&self, host: &Host) -> Vec<GroupBinding> {
        let mut groups: Vec<_> =
            host.security_groups.iter().filter_map(|id| self.records.group(id)).collect();
        groups.sort();
        groups.dedup();
        groups.into_iter().map(|group| GroupBinding { group, enabled: true }).collect()
    }

    fn volume(&mut self, id: &str, name: Option<&Name>) -> Result<(), Error> {
        let mut volumes = self.inventory.volumes.iter().flatten();
        let volume = volumes.find(|v| v.id == id).ok_or_else(|| none(CloudKind::Volume, id))?;
        let name = chosen_name(CloudKind::Volume, id, &volume.name, name)?;
        let body = VolumeBody {
            size_gib: volume.size_gib,
            speed: volume.speed.map(VolumeSpeed::from).unwrap_or_default(),
            zone: None,
            attachment: attachment(self.records, volume),
        };
        let key = self.key(Kind::Volume, &[name.as_str()])?;
        insert(&mut self.records.volumes, key, adopted(&name, id, &volume.tags, body))
    }

    fn bucket(&mut self, id: &str) -> Result<(), Error> {
        let mut buckets = self.inventory.buckets.iter().flatten();
        let bucket = buckets.find(|b| b.name == id).ok_or_else(|| none(CloudKind::Bucket, id))?;
        // A bucket's name is its id.
        let name: Name = bucket.name.parse()?;
        let key = self.key(Kind::Bucket, &[name.as_str()])?;
        insert(&mut self.records.buckets, key, adopted(&name, id, &[], BucketBody::default()))
    }

    fn address(&mut self, id: &str, name: Option<&Name>) -> Result<(), Error> {
        let mut addresses = self.inventory.addresses.iter().flatten();
        let there = addresses.find(|a| a.id == id).ok_or_else(|| none(CloudKind::PublicAddress, id))?;
        let name = chosen_name(CloudKind::PublicAddress, id, &there.address, name)?;
        let key = self.key(Kind::PublicAddress, &[name.as_str()])?;
        let body = AddressBody { address: Some(there.address.clone()) };
        insert(&mut self.records.addresses, key, adopted(&name, id, &there.tags, body))
    }

    fn virtual_ip(&mut self, id: &str, name: Option<&Name>) -> Result<(), Error> {
        let mut ips = self.inventory.virtual_ips.iter().flatten();
        let there = ips.find(|ip| ip.id == id).ok_or_else(|| none(CloudKind::VirtualIp, id))?;
        let name = chosen_name(CloudKind::VirtualIp, id, &there.name, name)?;
        let mut subnets = self.records.subnets.values();
        let subnet = subnets.find(|(subnet, _)| subnet.cloud_id.as_deref() == Some(there.subnet.as_str()));
        let Some((subnet, _)) = subnet else {
            let reason = format!("take its subnet in first: subnet:{}", there.subnet);
            return Err(Error::Invalid { what: format!("virtual-ip {id}"), reason });
        };
        let body = VirtualIpBody {
            network: subnet.body.network.clone(),
            subnet: subnet.name.clone(),
            address: Some(there.address.clone()),
        };
        let path = [body.network.as_str(), body.subnet.as_str(), name.as_str()];
        let key = self.key(Kind::VirtualIp, &path)?;
        insert(&mut self.records.virtual_ips, key, adopted(&name, id, &there.tags, body))
    }

    fn key(&self, kind: Kind, path: &[&str]) -> Result<Key, Error> {
        self.tenancy.record_key(kind, path)
    }
}

/// A record of something that is there.
fn adopted<T: Body>(name: &Name, id: &str, cloud_tags: &[KeyValue], body: T) -> Record<T> {
    // All its tags stay, whatever they are: the next change of one replaces them with those that are recorded.
    let tags = cloud_tags.iter().filter(|tag| tag.key != "managed-by");
    let (words, pairs): (Vec<_>, Vec<_>) = tags.partition(|tag| tag.value.is_empty());
    Record {
        name: name.clone(),
        status: Status::Ready,
        cloud_id: Some(id.to_owned()),
        operation: None,
        adopted: true,
        labels: pairs.into_iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
        tags: words.into_iter().map(|tag| tag.key.clone()).collect(),
        created_unix_ms: now_unix_ms(),
        body,
    }
}

fn insert<T: Body>(
    table: &mut std::collections::BTreeMap<Key, (Record<T>, Version)>,
    key: Key,
    record: Record<T>,
) -> Result<(), Error> {
    if table.contains_key(&key) {
        let name = record.name.to_string();
        return Err(Error::Exists { kind: T::KIND.name(), name, operation: None });
    }
    table.insert(key, (record, Version::ABSENT));
    Ok(())
}

fn none(kind: CloudKind, id: &str) -> Error {
    let name = id.chars().take(128).flat_map(char::escape_debug).collect();
    Error::NoSuch { kind: kind.name(), name, known: Vec::new() }
}

/// The name that is asked for, or the cloud's.
fn chosen_name(kind: CloudKind, id: &str, of_cloud: &str, asked: Option<&Name>) -> Result<Name, Error> {
    match asked {
        Some(name) => Ok(name.clone()),
        None => of_cloud.parse().map_err(|_| Error::Invalid {
            what: format!("{kind} {id}"),
            reason: format!("its name there is none here; give it one: {kind}:{id}=NAME"),
        }),
    }
}

/// The name of a subnet that comes with its network: the cloud's where that is one and free.
fn subnet_name(
    subnets: &std::collections::BTreeMap<Key, (Record<SubnetBody>, Version)>,
    subnet: &Subnet,
    network: &Name,
) -> Result<Name, Error> {
    let is_free = |name: &Name| {
        !subnets.values().any(|(other, _)| other.body.network == *network && other.name == *name)
    };
    match subnet.name.parse::<Name>() {
        Ok(name) if is_free(&name) => Ok(name),
        _ => {
            let id: String = subnet.id.chars().filter(char::is_ascii_alphanumeric).take(12).collect();
            format!("subnet-{id}").parse()
        }
    }
}

/// The smallest range that has all of these in it; all addresses, where there are none.
fn covering(ranges: &[Ipv4Net]) -> Ipv4Net {
    let Some(first) = ranges.first() else { return Ipv4Net::default() };
    let mut range = *first;
    while !ranges.iter().all(|other| range.contains(other)) {
        match range.supernet() {
            Some(wider) => range = wider,
            None => return Ipv4Net::default(),
        }
    }
    range.trunc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_of_a_network_is_that_of_its_subnets() {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        for (ranges, expected) in [
            (&[][..], "0.0.0.0/0"),
            (&["10.1.2.0/24"], "10.1.2.0/24"),
            (&["10.1.2.0/24", "10.1.3.0/24"], "10.1.2.0/23"),
            (&["10.0.0.0/24", "192.168.0.0/24"], "0.0.0.0/0"),
        ] {
            assert_eq!(covering(&nets(ranges)).to_string(), expected, "{ranges:?}");
        }
    }

    #[test]
    fn tags_of_others_stay() {
        let tag = |key: &str, value: &str| KeyValue { key: key.to_owned(), value: value.to_owned() };
        let tags = [tag("managed-by", "terraform"), tag("role", "db"), tag("odd one", "")];
        let record = adopted(&"a".parse().unwrap(), "id", &tags, BucketBody::default());
        assert!(record.adopted);
        assert_eq!(record.labels.get("role").map(String::as_str), Some("db"));
        assert!(record.tags.contains("odd one") && record.labels.len() == 1);
    }

    #[test]
    fn a_name_that_is_none_has_to_be_given() {
        let asked = "web".parse().unwrap();
        assert!(chosen_name(CloudKind::Host, "1", "a b", None).is_err());
        assert_eq!(chosen_name(CloudKind::Host, "1", "a b", Some(&asked)).unwrap(), asked);
        assert_eq!(chosen_name(CloudKind::Host, "1", "db", None).unwrap().as_str(), "db");
    }
}
