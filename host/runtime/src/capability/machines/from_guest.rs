//! What a guest says, as types. Whatever is not what it should be is refused by name.

use std::str::FromStr;

use skywright_machines::{
    Direction, DiskSpec, Error, GroupSpec, IntentKey, IpVersion, MachineSpec, NetworkSpec, Peer, PortSpec,
    Protocol, Rule, Size, SubnetSpec, Tags, VirtualIpSpec,
};

use super::wit;
use crate::bindings::skywright::host::types::KeyValue;

/// What a guest said, read.
pub(super) trait FromGuest {
    type Read;

    fn read(self) -> Result<Self::Read, Error>;
}

/// An id of any kind.
pub(super) fn id<T: FromStr<Err = Error>>(text: &str) -> Result<T, Error> {
    text.parse()
}

/// What needs no reading.
#[expect(clippy::unnecessary_wraps, reason = "it stands where others are read")]
pub(super) fn as_is<T>(value: T) -> Result<T, Error> {
    Ok(value)
}

fn ids<T: FromStr<Err = Error>>(texts: &[String]) -> Result<Vec<T>, Error> {
    texts.iter().map(|text| id(text)).collect()
}

/// An address, a range: something whose own error says little of where it stood.
fn parsed<T: FromStr>(text: &str, what: &str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::Invalid {
        what: what.to_owned(),
        reason: format!("{:?} is none", text.chars().take(80).collect::<String>()),
    })
}

fn all<T: FromStr>(texts: &[String], what: &str) -> Result<Vec<T>, Error> {
    texts.iter().map(|text| parsed(text, what)).collect()
}

impl FromGuest for String {
    type Read = IntentKey;

    fn read(self) -> Result<IntentKey, Error> {
        IntentKey::try_from(self)
    }
}

impl FromGuest for Vec<KeyValue> {
    type Read = Tags;

    fn read(self) -> Result<Tags, Error> {
        Ok(self.into_iter().map(|pair| (pair.key, pair.value)).collect())
    }
}

impl FromGuest for wit::NetworkSpec {
    type Read = NetworkSpec;

    fn read(self) -> Result<NetworkSpec, Error> {
        Ok(NetworkSpec {
            intent: self.intent.read()?,
            name: self.name,
            cidr: parsed(&self.cidr, "the network's range")?,
            tags: self.tags.read()?,
        })
    }
}

impl FromGuest for wit::SubnetSpec {
    type Read = SubnetSpec;

    fn read(self) -> Result<SubnetSpec, Error> {
        Ok(SubnetSpec {
            intent: self.intent.read()?,
            name: self.name,
            network: id(&self.network)?,
            cidr: parsed(&self.cidr, "the subnet's range")?,
            dns: all(&self.dns, "the address of a name server")?,
            routed: self.routed,
            tags: self.tags.read()?,
        })
    }
}

impl FromGuest for wit::GroupSpec {
    type Read = GroupSpec;

    fn read(self) -> Result<GroupSpec, Error> {
        Ok(GroupSpec {
            intent: self.intent.read()?,
            name: self.name,
            description: self.description,
            network: self.network.as_deref().map(id).transpose()?,
            rules: self.rules.into_iter().map(FromGuest::read).collect::<Result<_, _>>()?,
            tags: self.tags.read()?,
        })
    }
}

impl FromGuest for wit::Rule {
    type Read = Rule;

    fn read(self) -> Result<Rule, Error> {
        Ok(Rule {
            direction: match self.direction {
                wit::Direction::Ingress => Direction::Ingress,
                wit::Direction::Egress => Direction::Egress,
            },
            ip_version: match self.ip_version {
                wit::IpVersion::V4 => IpVersion::V4,
                wit::IpVersion::V6 => IpVersion::V6,
            },
            protocol: match self.protocol {
                wit::Protocol::Tcp => Protocol::Tcp,
                wit::Protocol::Udp => Protocol::Udp,
                wit::Protocol::Icmp => Protocol::Icmp,
                wit::Protocol::Any => Protocol::Any,
            },
            ports: self.ports,
            peer: match self.peer {
                wit::Peer::Cidr(cidr) => Peer::Cidr(parsed(&cidr, "the range of a rule")?),
                wit::Peer::Group(group) => Peer::Group(id(&group)?),
            },
            description: self.description,
        })
    }
}

impl FromGuest for wit::MachineSpec {
    type Read = MachineSpec;

    fn read(self) -> Result<MachineSpec, Error> {
        Ok(MachineSpec {
            intent: self.intent.read()?,
            name: self.name,
            image: self.image,
            size: Size { vcpus: self.vcpus, memory_mib: self.memory_mib, disk_gib: self.disk_gib },
            ports: self.ports.into_iter().map(FromGuest::read).collect::<Result<_, _>>()?,
            public_address: self.public_address,
            groups: ids(&self.groups)?,
            login_keys: self.login_keys,
            user_data: self.user_data,
            attributes: self.attributes.read()?,
            tags: self.tags.read()?,
        })
    }
}

impl FromGuest for wit::PortSpec {
    type Read = PortSpec;

    fn read(self) -> Result<PortSpec, Error> {
        let fixed = self.fixed_address.as_deref();
        Ok(PortSpec {
            subnet: id(&self.subnet)?,
            fixed_address: fixed.map(|text| parsed(text, "the fixed address")).transpose()?,
            allowed_addresses: self
                .allowed_addresses
                .iter()
                .map(|text| range(text))
                .collect::<Result<_, _>>()?,
            forwards: self.forwards,
        })
    }
}

/// A range, or an address as the range of itself.
fn range<T: FromStr>(text: &str) -> Result<T, Error> {
    let what = "an allowed address";
    if text.contains('/') { parsed(text, what) } else { parsed(&format!("{text}/32"), what) }
}

impl FromGuest for wit::DiskSpec {
    type Read = DiskSpec;

    fn read(self) -> Result<DiskSpec, Error> {
        Ok(DiskSpec {
            intent: self.intent.read()?,
            name: self.name,
            size_gib: self.size_gib,
            attributes: self.attributes.read()?,
            tags: self.tags.read()?,
        })
    }
}

impl FromGuest for wit::VirtualIpSpec {
    type Read = VirtualIpSpec;

    fn read(self) -> Result<VirtualIpSpec, Error> {
        Ok(VirtualIpSpec {
            intent: self.intent.read()?,
            name: self.name,
            subnet: id(&self.subnet)?,
            tags: self.tags.read()?,
        })
    }
}
