//! What there is, in the words of the interface.

use std::fmt::Display;

use skywright_contract::Category as ErrorCategory;
use skywright_machines::{
    Bucket, Direction, Disk, DiskState, Error, Facts, Group, HostKey, Image, IpVersion, Machine,
    MachineState, Network, Peer, Port, Progress, Protocol, PublicAddress, Rule, RuleId, Subnet, Tags,
    VirtualIp,
};

use super::wit;
use crate::bindings::skywright::host::types::{Category, Error as WitError, KeyValue, Retry};

/// What a guest is told.
pub(super) trait ToGuest {
    type Wit;

    fn to_guest(self) -> Self::Wit;
}

/// Why something was not done. What the machine is busy with may be asked for again.
pub(super) fn refusal(error: Error) -> WitError {
    WitError {
        category: match error.category() {
            ErrorCategory::InvalidRequest => Category::InvalidRequest,
            ErrorCategory::NotFound => Category::NotFound,
            ErrorCategory::InUse => Category::InUse,
            ErrorCategory::Conflict => Category::Conflict,
            ErrorCategory::Capacity => Category::Capacity,
            ErrorCategory::Unsupported => Category::Unsupported,
            ErrorCategory::Timeout => Category::Timeout,
            ErrorCategory::Internal => Category::Internal,
            _ => Category::Other,
        },
        code: error.code().to_owned(),
        message: error.to_string(),
        subject: match &error {
            Error::InUse { holder, .. } => Some(holder.clone()),
            _ => None,
        },
        http_status: None,
        retry: match &error {
            Error::Slow { .. } | Error::Late { .. } => Retry::AfterMs(1000),
            _ => Retry::Never,
        },
        hint: error.hint(),
    }
}

fn texts<T: Display>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn text<T: Display>(value: Option<T>) -> Option<String> {
    value.map(|value| value.to_string())
}

fn pairs(tags: Tags) -> Vec<KeyValue> {
    tags.into_iter().map(|(key, value)| KeyValue { key, value }).collect()
}

/// What is the same on both sides.
macro_rules! the_same {
    ($($type:ty),+) => {
        $(
            impl ToGuest for $type {
                type Wit = $type;

                fn to_guest(self) -> $type {
                    self
                }
            }
        )+
    };
}

the_same!((), bool, String);

impl<T: ToGuest> ToGuest for Vec<T> {
    type Wit = Vec<T::Wit>;

    fn to_guest(self) -> Self::Wit {
        self.into_iter().map(ToGuest::to_guest).collect()
    }
}

impl<T: ToGuest> ToGuest for Option<T> {
    type Wit = Option<T::Wit>;

    fn to_guest(self) -> Self::Wit {
        self.map(ToGuest::to_guest)
    }
}

impl ToGuest for RuleId {
    type Wit = String;

    fn to_guest(self) -> String {
        self.to_string()
    }
}

/// Records whose fields have the same names and types on both sides, each of them named: a new one on either side does
/// not compile until it is here.
macro_rules! field_by_field {
    ($($type:ident { $($field:ident),+ $(,)? })+) => {
        $(
            impl ToGuest for $type {
                type Wit = wit::$type;

                fn to_guest(self) -> wit::$type {
                    let Self { $($field),+ } = self;
                    wit::$type { $($field),+ }
                }
            }
        )+
    };
}

field_by_field! {
    Facts {
        backend,
        architecture,
        kernel,
        vcpus,
        memory_mib,
        disk_free_gib,
        shared_clock,
        shared_kernel,
        shows_machine_memory,
        memory_limits,
        cpu_limits,
        device_limits,
        ipvs,
        nfs_client,
        nfs_server,
        fuse,
        tun,
        bridge_filter,
        ipv6,
    }
    Image { id, name, os_family, os_version, login_user, cached, size_bytes, cloud_init }
}

impl ToGuest for Network {
    type Wit = wit::Network;

    fn to_guest(self) -> wit::Network {
        wit::Network {
            id: self.id.to_string(),
            name: self.name,
            cidr: self.cidr.to_string(),
            intent: self.intent.to_string(),
            tags: pairs(self.tags),
        }
    }
}

impl ToGuest for Subnet {
    type Wit = wit::Subnet;

    fn to_guest(self) -> wit::Subnet {
        wit::Subnet {
            id: self.id.to_string(),
            name: self.name,
            network: self.network.to_string(),
            cidr: self.cidr.to_string(),
            gateway: text(self.gateway),
            dns: texts(self.dns),
            routed: self.routed,
            intent: self.intent.to_string(),
            tags: pairs(self.tags),
        }
    }
}

impl ToGuest for Group {
    type Wit = wit::Group;

    fn to_guest(self) -> wit::Group {
        wit::Group {
            id: self.id.to_string(),
            name: self.name,
            description: self.description,
            network: text(self.network),
            rules: self.rules.into_iter().map(|(id, rule)| (id.to_string(), rule.to_guest())).collect(),
            intent: self.intent.to_string(),
            tags: pairs(self.tags),
        }
    }
}

impl ToGuest for Rule {
    type Wit = wit::Rule;

    fn to_guest(self) -> wit::Rule {
        wit::Rule {
            direction: match self.direction {
                Direction::Ingress => wit::Direction::Ingress,
                Direction::Egress => wit::Direction::Egress,
            },
            ip_version: match self.ip_version {
                IpVersion::V4 => wit::IpVersion::V4,
                IpVersion::V6 => wit::IpVersion::V6,
            },
            protocol: match self.protocol {
                Protocol::Tcp => wit::Protocol::Tcp,
                Protocol::Udp => wit::Protocol::Udp,
                Protocol::Icmp => wit::Protocol::Icmp,
                Protocol::Any => wit::Protocol::Any,
            },
            ports: self.ports,
            peer: match self.peer {
                Peer::Cidr(cidr) => wit::Peer::Cidr(cidr.to_string()),
                Peer::Group(group) => wit::Peer::Group(group.to_string()),
            },
            description: self.description,
        }
    }
}

impl ToGuest for Machine {
    type Wit = wit::Machine;

    fn to_guest(self) -> wit::Machine {
        wit::Machine {
            id: self.id.to_string(),
            name: self.name,
            state: match self.state {
                MachineState::Creating => wit::MachineState::Creating,
                MachineState::Starting => wit::MachineState::Starting,
                MachineState::Running => wit::MachineState::Running,
                MachineState::Stopping => wit::MachineState::Stopping,
                MachineState::Stopped => wit::MachineState::Stopped,
                MachineState::Failed => wit::MachineState::Failed,
                MachineState::Deleting => wit::MachineState::Deleting,
            },
            progress: self.progress.map(|Progress { percent, note }| wit::Progress { percent, note }),
            image: self.image,
            vcpus: self.size.vcpus,
            memory_mib: self.size.memory_mib,
            disk_gib: self.size.disk_gib,
            ports: self.ports.to_guest(),
            public_address: text(self.public_address),
            groups: texts(self.groups),
            host_keys: self.host_keys.to_guest(),
            created_at: self.created_at,
            fault: self.fault,
            attributes: pairs(self.attributes),
            intent: self.intent.to_string(),
            tags: pairs(self.tags),
        }
    }
}

impl ToGuest for Port {
    type Wit = wit::Port;

    fn to_guest(self) -> wit::Port {
        wit::Port {
            subnet: text(self.subnet),
            address: self.address.to_string(),
            mac: self.mac,
            allowed_addresses: texts(self.allowed_addresses),
            forwards: self.forwards,
        }
    }
}

impl ToGuest for HostKey {
    type Wit = wit::HostKey;

    fn to_guest(self) -> wit::HostKey {
        let Self { algorithm, public_key, fingerprint } = self;
        wit::HostKey { algorithm, public_key, fingerprint }
    }
}

impl ToGuest for Bucket {
    type Wit = wit::Bucket;

    fn to_guest(self) -> wit::Bucket {
        wit::Bucket { name: self.name, created_at: self.created_at }
    }
}

impl ToGuest for Disk {
    type Wit = wit::Disk;

    fn to_guest(self) -> wit::Disk {
        wit::Disk {
            id: self.id.to_string(),
            name: self.name,
            size_gib: self.size_gib,
            state: match self.state {
                DiskState::Creating => wit::DiskState::Creating,
                DiskState::Available => wit::DiskState::Available,
                DiskState::Attached => wit::DiskState::Attached,
                DiskState::Deleting => wit::DiskState::Deleting,
            },
            machine: text(self.machine),
            device: self.device,
            attributes: pairs(self.attributes),
            intent: self.intent.to_string(),
            tags: pairs(self.tags),
        }
    }
}

impl ToGuest for PublicAddress {
    type Wit = wit::PublicAddress;

    fn to_guest(self) -> wit::PublicAddress {
        wit::PublicAddress {
            id: self.id.to_string(),
            address: self.address.to_string(),
            machine: text(self.machine),
            // One that came with a machine has none of its own.
            intent: self.intent.map(String::from).unwrap_or_default(),
            tags: pairs(self.tags),
        }
    }
}

impl ToGuest for VirtualIp {
    type Wit = wit::VirtualIp;

    fn to_guest(self) -> wit::VirtualIp {
        wit::VirtualIp {
            id: self.id.to_string(),
            name: self.name,
            address: self.address.to_string(),
            subnet: self.subnet.to_string(),
            machines: texts(self.machines),
            intent: self.intent.to_string(),
            tags: pairs(self.tags),
        }
    }
}
