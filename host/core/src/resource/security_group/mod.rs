//! Security groups: what may reach hosts, and what they may reach.
//!
//! The cloud is the truth for a group's rules. The records say what people call it, and where it is bound: a
//! host's record lists the groups that were put on the host, a subnet's those that all its hosts get. A
//! disabled binding is in the record alone, and not on the host in the cloud.

mod bind;
mod change;
mod rule;
mod view;

use std::fmt;

use serde::{Deserialize, Serialize};
use skywright_state::Found;

use super::host::{HostBody, SubnetRef};
use super::network::NetworkBody;
use super::record::{Body, Kind, Record};
use super::subnet::SubnetBody;
use crate::error::Error;
use crate::name::Name;
use crate::tenancy::Tenancy;

pub use bind::{BindAction, BindHostGroup, BindSubnetGroup};
pub use change::{CreateSecurityGroup, DeleteSecurityGroups};
pub use rule::{ChangeRules, RuleChange, RuleRequest};
pub use view::{BondKind, BondView, BondsView, HostGroupView, RuleView, SecurityGroupView};

pub(super) use bind::PlannedBinding;
pub(super) use change::{PlannedGroupDeletion, PlannedSecurityGroup, delete_groups_of};
pub(super) use rule::PlannedRules;

/// What stands for "no network" in a path, and on the command line.
pub const NO_NETWORK: &str = "-";

/// What is a security group's alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecurityGroupBody {
    /// The network whose hosts it is for; any host's where there is none.
    pub network: Option<Name>,
    /// What it is for, in the user's words.
    pub description: String,
}

impl Body for SecurityGroupBody {
    const KIND: Kind = Kind::SecurityGroup;
}

/// A security group by its network and its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct GroupRef {
    /// The network, if it is one's.
    pub network: Option<Name>,
    /// The group.
    pub name: Name,
}

impl GroupRef {
    /// The path of its record.
    #[must_use]
    pub fn path(&self) -> [&str; 2] {
        [self.network.as_ref().map_or(NO_NETWORK, Name::as_str), self.name.as_str()]
    }
}

impl fmt::Display for GroupRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path().join("/"))
    }
}

impl Record<SecurityGroupBody> {
    /// What it is called elsewhere.
    #[must_use]
    pub fn reference(&self) -> GroupRef {
        GroupRef { network: self.body.network.clone(), name: self.name.clone() }
    }
}

/// That a host or a subnet has a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupBinding {
    /// Which.
    pub group: GroupRef,
    /// Whether it holds: one that does not is remembered alone.
    pub enabled: bool,
}

/// Whether a binding is there, and whether it holds.
fn binding_of(bindings: &[GroupBinding], group: &GroupRef) -> Option<bool> {
    bindings.iter().find(|binding| binding.group == *group).map(|binding| binding.enabled)
}

/// Whether a host has a group in the cloud: what its own record says goes before what its subnets say. A
/// subnet's groups are not for its gateways, which have a group of their own.
fn is_effective(host: &HostBody, subnets: &[&SubnetBody], group: &GroupRef) -> bool {
    if let Some(enabled) = binding_of(&host.groups, group) {
        return enabled;
    }
    !host.role.is_gateway()
        && subnets.iter().any(|subnet| binding_of(&subnet.groups, group).unwrap_or_default())
}

/// Whatever has groups: hosts and subnets, as they are now.
pub(super) struct Bearers {
    pub(super) hosts: Vec<Found<Record<HostBody>>>,
    pub(super) subnets: Vec<Found<Record<SubnetBody>>>,
}

impl Bearers {
    pub(super) async fn of(tenancy: &Tenancy) -> Result<Self, Error> {
        Ok(Self { hosts: tenancy.records().await?, subnets: tenancy.records().await? })
    }

    /// The subnets that a host is in.
    fn subnets_of(&self, host: &HostBody) -> Vec<&SubnetBody> {
        let of_it = |subnet: &&Found<Record<SubnetBody>>| {
            let at =
                SubnetRef { network: subnet.value.body.network.clone(), name: subnet.value.name.clone() };
            host.subnets.contains(&at)
        };
        self.subnets.iter().filter(of_it).map(|subnet| &subnet.value.body).collect()
    }

    /// Whether a host has the group in the cloud.
    fn has(&self, host: &Record<HostBody>, group: &GroupRef) -> bool {
        is_effective(&host.body, &self.subnets_of(&host.body), group)
    }

    /// The hosts whose own record names the group.
    pub(super) fn hosts_with<'a>(
        &'a self,
        group: &'a GroupRef,
    ) -> impl Iterator<Item = &'a Found<Record<HostBody>>> {
        self.hosts.iter().filter(|host| binding_of(&host.value.body.groups, group).is_some())
    }

    /// The subnets whose record names the group.
    pub(super) fn subnets_with<'a>(
        &'a self,
        group: &'a GroupRef,
    ) -> impl Iterator<Item = &'a Found<Record<SubnetBody>>> {
        self.subnets.iter().filter(|subnet| binding_of(&subnet.value.body.groups, group).is_some())
    }
}

/// The cloud's ids of the groups that new hosts of a subnet get.
pub(super) async fn groups_of_subnet(
    tenancy: &Tenancy,
    subnet: &Record<SubnetBody>,
) -> Result<Vec<String>, Error> {
    let mut ids = Vec::new();
    for binding in subnet.body.groups.iter().filter(|binding| binding.enabled) {
        let group = tenancy.record::<SecurityGroupBody>(&binding.group.path()).await?;
        ids.push(group.value.ready_id()?.to_owned());
    }
    Ok(ids)
}

impl Tenancy {
    /// The name of a network, or none for `-`.
    pub(super) async fn network_of_group(&self, network: &str) -> Result<Option<Name>, Error> {
        match network {
            NO_NETWORK => Ok(None),
            reference => Ok(Some(self.record::<NetworkBody>(&[reference]).await?.value.name)),
        }
    }

    /// A group by its network (`-` for none) and its name or id.
    pub(super) async fn group_record(
        &self,
        network: &str,
        reference: &str,
    ) -> Result<Found<Record<SecurityGroupBody>>, Error> {
        let network = self.network_of_group(network).await?;
        let network = network.as_ref().map_or(NO_NETWORK, Name::as_str);
        self.record::<SecurityGroupBody>(&[network, reference]).await
    }

    /// A group for something in these networks, by its name, its id or `NETWORK/NAME`.
    pub(super) async fn group_for(
        &self,
        networks: &[Name],
        reference: &str,
    ) -> Result<Found<Record<SecurityGroupBody>>, Error> {
        let unfit = |reason: String| Error::Invalid { what: format!("security group `{reference}`"), reason };
        let fits = |group: &Record<SecurityGroupBody>| {
            group.body.network.as_ref().is_none_or(|network| networks.contains(network))
        };
        if let Some((network, name)) = reference.split_once('/') {
            let found = self.group_record(network, name).await?;
            return match fits(&found.value) {
                true => Ok(found),
                false => Err(unfit(format!("it is for hosts of the network `{network}`"))),
            };
        }
        let groups = self.records::<SecurityGroupBody>().await?;
        let known = groups.iter().map(|found| found.value.reference().to_string()).collect();
        let meant = |found: &Found<Record<SecurityGroupBody>>| {
            let named = found.value.name.as_str() == reference && fits(&found.value);
            named || found.value.cloud_id.as_deref() == Some(reference)
        };
        let mut meant: Vec<_> = groups.into_iter().filter(meant).collect();
        match (meant.pop(), meant.is_empty()) {
            (Some(only), true) if fits(&only.value) => Ok(only),
            (Some(only), true) => {
                Err(unfit(format!("it is for hosts of the network `{}`", only.value.reference().path()[0])))
            }
            (Some(_), false) => {
                Err(unfit("there are several of that name; say which as NETWORK/NAME".to_owned()))
            }
            (None, _) => {
                let name = reference.chars().take(128).flat_map(char::escape_debug).collect();
                Err(Error::NoSuch { kind: Kind::SecurityGroup.name(), name, known })
            }
        }
    }
}

/// That the cloud has security groups.
fn supported(tenancy: &Tenancy) -> Result<(), Error> {
    if tenancy.cloud().has("security-groups") {
        return Ok(());
    }
    Err(Error::Unsupported { what: "a security group".to_owned(), hint: None })
}
