//! Security groups, as they are shown.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};
use skywright_contract::Category;
use skywright_runtime::provider::security_groups::{Direction, IpVersion, Peer, Rule, SecurityGroup};
use skywright_state::Found;

use super::rule::protocol_name;
use super::{Bearers, GroupRef, SecurityGroupBody, binding_of};
use crate::error::Error;
use crate::resource::host::HostBody;
use crate::resource::network::NetworkBody;
use crate::resource::record::{Record, Status};
use crate::resource::subnet::SubnetBody;
use crate::tenancy::Tenancy;

/// A security group, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct SecurityGroupView {
    /// The cloud's id.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// The network whose hosts it is for; any host's where there is none.
    pub network: Option<String>,
    /// What it is for.
    pub description: String,
    /// `creating`, `ready`, `missing` for one that the cloud does not have; `internal` for one that belongs to a
    /// subnet or a host and comes and goes with it; `unmanaged` for one that this product did not make.
    pub status: &'static str,
    /// What it lets through, as the cloud says.
    pub rules: Vec<RuleView>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Tags.
    pub tags: Vec<String>,
}

/// A rule, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct RuleView {
    /// The cloud's id.
    pub id: String,
    /// `ingress` or `egress`.
    pub direction: &'static str,
    /// `ipv4` or `ipv6`.
    pub ip_version: &'static str,
    /// `tcp`, `udp`, `icmp` or `any`.
    pub protocol: &'static str,
    /// The first port; all where there is none.
    pub port_from: Option<u16>,
    /// The last port.
    pub port_to: Option<u16>,
    /// The range that may send, or be sent to.
    pub cidr: Option<String>,
    /// The group whose hosts may: `NETWORK/NAME` of one that is managed, the cloud's id of another.
    pub group: Option<String>,
    /// What it is for.
    pub description: String,
}

/// What a group is bound to: JSON of `bonds`.
#[derive(Debug, Clone, Serialize)]
pub struct BondsView {
    /// Hosts that it was put on.
    pub hosts: Vec<BondView>,
    /// Subnets whose hosts get it.
    pub subnets: Vec<BondView>,
}

/// One that has a group.
#[derive(Debug, Clone, Serialize)]
pub struct BondView {
    /// The cloud's id.
    pub id: Option<String>,
    /// Its name; a subnet's as `network/subnet`.
    pub name: String,
    /// Whether it is remembered alone, without effect.
    pub disabled: bool,
}

/// Which of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BondKind {
    /// Both.
    All,
    /// Hosts.
    Hosts,
    /// Subnets.
    Subnets,
}

/// A group that a host or a subnet has.
#[derive(Debug, Clone, Serialize)]
pub struct HostGroupView {
    /// The cloud's id.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// The network whose hosts it is for; any host's where there is none.
    pub network: Option<String>,
    /// Whether it is remembered alone, without effect.
    pub disabled: bool,
    /// Where it comes from: `host`, `subnet`, or `internal` for one that comes and goes with its bearer.
    pub origin: &'static str,
}

/// The groups that belong to subnets and hosts, by the cloud's ids.
fn internal_groups(bearers: &Bearers) -> HashMap<&str, &Record<SubnetBody>> {
    let mut groups = HashMap::new();
    for subnet in &bearers.subnets {
        let body = &subnet.value.body;
        for id in [&body.internal_group, &body.gateway_group].into_iter().flatten() {
            groups.insert(id.as_str(), &subnet.value);
        }
    }
    groups
}

impl Tenancy {
    /// Every security group that is managed, by network and name, or those of one network (`-` for those of
    /// none); with `all` also those that the cloud has besides.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`] for the network, or what the cloud said.
    pub async fn security_groups(
        &self,
        network: Option<&str>,
        all: bool,
    ) -> Result<Vec<SecurityGroupView>, Error> {
        let wanted = match network {
            Some(reference) => Some(self.network_of_group(reference).await?),
            None => None,
        };
        let records = self.records::<SecurityGroupBody>().await?;
        if records.is_empty() && !all {
            return Ok(Vec::new());
        }
        let listed = self.cloud().security_groups().await?;
        let names = group_names(&records);
        let mut by_id: HashMap<String, SecurityGroup> =
            listed.into_iter().map(|group| (group.id.clone(), group)).collect();
        let mut views = Vec::new();
        for found in &records {
            let cloud = found.value.cloud_id.as_ref().and_then(|id| by_id.remove(id));
            if wanted.as_ref().is_none_or(|network| found.value.body.network == *network) {
                views.push(group_view(&found.value, cloud, &names));
            }
        }
        if all {
            let mut others = self.other_groups(by_id.into_values().collect(), &names).await?;
            if let Some(network) = &wanted {
                others.retain(|group| group.network.as_deref() == network.as_ref().map(|name| name.as_str()));
            }
            views.append(&mut others);
        }
        Ok(views)
    }

    /// Groups of the cloud without a record: those of subnets and hosts, and foreign ones.
    async fn other_groups(
        &self,
        groups: Vec<SecurityGroup>,
        names: &HashMap<String, GroupRef>,
    ) -> Result<Vec<SecurityGroupView>, Error> {
        let bearers = Bearers::of(self).await?;
        let internal = internal_groups(&bearers);
        let own: Vec<_> =
            bearers.hosts.iter().filter_map(|host| host.value.body.own_group.as_deref()).collect();
        let networks = self.records::<NetworkBody>().await?;
        let mut views = Vec::new();
        for group in groups {
            let subnet = internal.get(group.id.as_str());
            let by_id = networks.iter().find(|network| network.value.cloud_id == group.network);
            let of_network = group.network.as_ref().and(by_id).map(|network| network.value.name.to_string());
            let is_internal = subnet.is_some() || own.contains(&group.id.as_str());
            let tags = group.tags.into_iter();
            views.push(SecurityGroupView {
                network: subnet.map(|subnet| subnet.body.network.to_string()).or(of_network),
                status: if is_internal { "internal" } else { "unmanaged" },
                rules: group.rules.into_iter().map(|rule| rule_view(rule, names)).collect(),
                labels: tags.map(|tag| (tag.key, tag.value)).collect(),
                tags: Vec::new(),
                id: Some(group.id),
                name: group.name,
                description: group.description,
            });
        }
        views.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
        Ok(views)
    }

    /// One security group.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`], or what the cloud said.
    pub async fn security_group(&self, network: &str, reference: &str) -> Result<SecurityGroupView, Error> {
        let record = self.group_record(network, reference).await?.value;
        let names = group_names(&self.records::<SecurityGroupBody>().await?);
        let Some(id) = &record.cloud_id else { return Ok(group_view(&record, None, &names)) };
        match self.cloud().ask(|p| p.get_security_group(id)).await {
            Ok(group) => Ok(group_view(&record, Some(group), &names)),
            Err(error) if error.category() == Category::NotFound => Ok(group_view(&record, None, &names)),
            Err(error) => Err(error),
        }
    }

    /// What a security group is bound to.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`].
    pub async fn bonds(&self, network: &str, reference: &str, kind: BondKind) -> Result<BondsView, Error> {
        let group = self.group_record(network, reference).await?.value.reference();
        let bearers = Bearers::of(self).await?;
        let mut bonds = BondsView { hosts: Vec::new(), subnets: Vec::new() };
        if kind != BondKind::Subnets {
            let bond = |host: &Found<Record<HostBody>>| BondView {
                id: host.value.cloud_id.clone(),
                name: host.value.name.to_string(),
                disabled: binding_of(&host.value.body.groups, &group) == Some(false),
            };
            bonds.hosts = bearers.hosts_with(&group).map(bond).collect();
        }
        if kind != BondKind::Hosts {
            let bond = |subnet: &Found<Record<SubnetBody>>| BondView {
                id: subnet.value.cloud_id.clone(),
                name: format!("{}/{}", subnet.value.body.network, subnet.value.name),
                disabled: binding_of(&subnet.value.body.groups, &group) == Some(false),
            };
            bonds.subnets = bearers.subnets_with(&group).map(bond).collect();
        }
        Ok(bonds)
    }

    /// The groups of a host; with `all` also those that came with it.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`].
    pub async fn host_groups(&self, reference: &str, all: bool) -> Result<Vec<HostGroupView>, Error> {
        let host = self.record::<HostBody>(&[reference]).await?.value;
        let bearers = Bearers::of(self).await?;
        let names = self.records::<SecurityGroupBody>().await?;
        let own = &host.body.groups;
        let mut views: Vec<_> = own.iter().map(|b| bound_view(&names, &b.group, b.enabled, "host")).collect();
        let subnets = bearers.subnets_of(&host.body);
        if !host.body.role.is_gateway() {
            for subnet in &subnets {
                let others = subnet.groups.iter().filter(|b| binding_of(own, &b.group).is_none());
                views.extend(others.map(|b| bound_view(&names, &b.group, b.enabled, "subnet")));
            }
        }
        if all {
            for subnet in &subnets {
                views.extend(subnet.internal_group.as_deref().map(|id| internal_view(id, "internal")));
                let gateway = subnet.gateway_group.as_deref().filter(|_| host.body.role.is_gateway());
                views.extend(gateway.map(|id| internal_view(id, "gateway")));
            }
            views.extend(host.body.own_group.as_deref().map(|id| internal_view(id, "public")));
        }
        Ok(views)
    }

    /// The groups that the hosts of a subnet get; with `all` also those that came with it.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`].
    pub async fn subnet_groups(
        &self,
        network: &str,
        reference: &str,
        all: bool,
    ) -> Result<Vec<HostGroupView>, Error> {
        let network = self.record::<NetworkBody>(&[network]).await?.value.name;
        let subnet = self.record::<SubnetBody>(&[network.as_str(), reference]).await?.value.body;
        let names = self.records::<SecurityGroupBody>().await?;
        let mut views: Vec<_> =
            subnet.groups.iter().map(|b| bound_view(&names, &b.group, b.enabled, "subnet")).collect();
        if all {
            views.extend(subnet.internal_group.as_deref().map(|id| internal_view(id, "internal")));
            views.extend(subnet.gateway_group.as_deref().map(|id| internal_view(id, "gateway")));
        }
        Ok(views)
    }
}

fn bound_view(
    records: &[Found<Record<SecurityGroupBody>>],
    group: &GroupRef,
    enabled: bool,
    origin: &'static str,
) -> HostGroupView {
    let record = records.iter().find(|found| found.value.reference() == *group);
    HostGroupView {
        id: record.and_then(|found| found.value.cloud_id.clone()),
        name: group.name.to_string(),
        network: group.network.as_ref().map(ToString::to_string),
        disabled: !enabled,
        origin,
    }
}

fn internal_view(id: &str, name: &str) -> HostGroupView {
    HostGroupView {
        id: Some(id.to_owned()),
        name: name.to_owned(),
        network: None,
        disabled: false,
        origin: "internal",
    }
}

/// What managed groups are called, by the cloud's ids.
fn group_names(records: &[Found<Record<SecurityGroupBody>>]) -> HashMap<String, GroupRef> {
    let named = |found: &Found<Record<SecurityGroupBody>>| {
        Some((found.value.cloud_id.clone()?, found.value.reference()))
    };
    records.iter().filter_map(named).collect()
}

fn group_view(
    record: &Record<SecurityGroupBody>,
    cloud: Option<SecurityGroup>,
    names: &HashMap<String, GroupRef>,
) -> SecurityGroupView {
    let status = match (&cloud, record.status) {
        (_, Status::Creating) => "creating",
        (Some(_), Status::Ready) => "ready",
        (None, Status::Ready) => "missing",
    };
    let rules = cloud.map(|group| group.rules).unwrap_or_default();
    SecurityGroupView {
        id: record.cloud_id.clone(),
        name: record.name.to_string(),
        network: record.body.network.as_ref().map(ToString::to_string),
        description: record.body.description.clone(),
        status,
        rules: rules.into_iter().map(|rule| rule_view(rule, names)).collect(),
        labels: record.labels.clone(),
        tags: record.tags.iter().cloned().collect(),
    }
}

fn rule_view((id, rule): (String, Rule), names: &HashMap<String, GroupRef>) -> RuleView {
    let (cidr, group) = match rule.peer {
        Peer::Cidr(cidr) => (Some(cidr), None),
        Peer::Group(id) => (None, Some(names.get(&id).map_or(id, ToString::to_string))),
    };
    RuleView {
        id,
        direction: match rule.direction {
            Direction::Ingress => "ingress",
            Direction::Egress => "egress",
        },
        ip_version: match rule.ip_version {
            IpVersion::V4 => "ipv4",
            IpVersion::V6 => "ipv6",
        },
        protocol: protocol_name(rule.protocol),
        port_from: rule.ports.map(|(from, _)| from),
        port_to: rule.ports.map(|(_, to)| to),
        cidr,
        group,
        description: rule.description,
    }
}
