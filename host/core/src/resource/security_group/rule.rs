//! Rules of security groups, as they are asked for and as the cloud has them.

use async_trait::async_trait;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use skywright_runtime::provider::security_groups::{Direction, IpVersion, Peer, Protocol, Rule};
use skywright_state::{LeaseRequest, Transaction};

use super::{GroupRef, supported};
use crate::error::Error;
use crate::operation::{Change, Operation, Request};
use crate::resource::plan::Plan;
use crate::tenancy::Tenancy;

/// Rules that differ in their peers alone: one for each range and each group; one for everywhere, where there is
/// neither.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleRequest {
    /// In or out.
    pub direction: Direction,
    /// The version of IP; that of the ranges where it is not said, and 4 where there are none.
    pub ip_version: Option<IpVersion>,
    /// What is let through.
    pub protocol: Protocol,
    /// From this port; TCP and UDP alone.
    pub port_from: Option<u16>,
    /// To this port, which is included; the first one where it is not said.
    pub port_to: Option<u16>,
    /// The ranges that may send, or be sent to.
    pub cidrs: Vec<IpNet>,
    /// The groups whose hosts may send, or be sent to, by name or id.
    pub groups: Vec<String>,
    /// What they are for. It does not count when a rule is looked for.
    pub description: String,
}

impl RuleRequest {
    /// The rules, with the groups' ids of the cloud.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for ports that make no sense, or ranges of the other version of IP.
    pub fn rules(&self, groups: &[String]) -> Result<Vec<Rule>, Error> {
        let ports = self.ports()?;
        let rule = |ip_version, peer| Rule {
            direction: self.direction,
            ip_version,
            protocol: self.protocol,
            ports,
            peer,
            description: self.description.clone(),
        };
        let mut rules = Vec::new();
        for cidr in &self.cidrs {
            let version = version_of(*cidr);
            if self.ip_version.is_some_and(|wanted| wanted != version) {
                return Err(invalid(
                    "cidr",
                    &format!("{cidr} is not of the version of IP that is asked for"),
                ));
            }
            rules.push(rule(version, Peer::Cidr(cidr.trunc().to_string())));
        }
        let version = self.ip_version.unwrap_or(IpVersion::V4);
        rules.extend(groups.iter().map(|group| rule(version, Peer::Group(group.clone()))));
        if rules.is_empty() {
            let everywhere = match version {
                IpVersion::V4 => "0.0.0.0/0",
                IpVersion::V6 => "::/0",
            };
            rules.push(rule(version, Peer::Cidr(everywhere.to_owned())));
        }
        Ok(rules)
    }

    fn ports(&self) -> Result<Option<(u16, u16)>, Error> {
        let with_ports = matches!(self.protocol, Protocol::Tcp | Protocol::Udp);
        match (self.port_from, self.port_to) {
            (None, None) => Ok(None),
            _ if !with_ports => Err(invalid("port", "only tcp and udp have ports")),
            (None, Some(_)) => Err(invalid("port", "say where the ports begin")),
            (Some(from), to) => {
                let to = to.unwrap_or(from);
                match from {
                    0 => Err(invalid("port", "ports begin at 1")),
                    from if from > to => Err(invalid("port", &format!("{from} is behind {to}"))),
                    from => Ok(Some((from, to))),
                }
            }
        }
    }
}

fn version_of(cidr: IpNet) -> IpVersion {
    match cidr {
        IpNet::V4(_) => IpVersion::V4,
        IpNet::V6(_) => IpVersion::V6,
    }
}

fn invalid(what: &str, reason: &str) -> Error {
    Error::Invalid { what: what.to_owned(), reason: reason.to_owned() }
}

/// Whether two rules let the same through. Their descriptions do not count.
fn says_the_same(one: &Rule, other: &Rule) -> bool {
    let peers = match (&one.peer, &other.peer) {
        (Peer::Cidr(one), Peer::Cidr(other)) => match (one.parse::<IpNet>(), other.parse::<IpNet>()) {
            (Ok(one), Ok(other)) => one.trunc() == other.trunc(),
            _ => one == other,
        },
        (Peer::Group(one), Peer::Group(other)) => one == other,
        _ => false,
    };
    peers
        && one.direction == other.direction
        && one.ip_version == other.ip_version
        && one.protocol == other.protocol
        && one.ports == other.ports
}

/// What is done to a group's rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RuleChange {
    /// Adds those that are not there yet.
    Add(RuleRequest),
    /// Removes those that say the same.
    Remove(RuleRequest),
    /// Removes those with these ids.
    RemoveIds(Vec<String>),
    /// Removes all.
    Clear,
}

impl RuleChange {
    fn name(&self) -> &'static str {
        match self {
            Self::Add(_) => "rule add",
            Self::Remove(_) | Self::RemoveIds(_) => "rule delete",
            Self::Clear => "clear",
        }
    }
}

/// `network security group rule add` and `delete`, and `clear`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeRules {
    /// The group's network, by name or id; `-` for none.
    pub network: String,
    /// The group: a name or an id.
    pub group: String,
    /// What is done.
    pub change: RuleChange,
}

#[async_trait]
impl Change for ChangeRules {
    fn title(&self) -> String {
        format!("network security group {} {} {}", self.change.name(), self.network, self.group)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("security-group-rules", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let group = tenancy.group_record(&self.network, &self.group).await?;
        Ok(vec![LeaseRequest::exclusive(group.key)])
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        supported(tenancy)?;
        let record = tenancy.group_record(&self.network, &self.group).await?.value;
        let id = record.ready_id()?.to_owned();
        let there = tenancy.cloud().ask(|p| p.get_security_group(&id)).await?.rules;
        let mut plan = PlannedRules { group: record.reference(), id, add: Vec::new(), remove: Vec::new() };
        match &self.change {
            RuleChange::Add(request) => {
                plan.add = self.wanted(tenancy, request).await?;
                plan.add.retain(|rule| !there.iter().any(|(_, other)| says_the_same(rule, other)));
            }
            RuleChange::Remove(request) => {
                for rule in self.wanted(tenancy, request).await? {
                    let same = there.iter().filter(|(_, other)| says_the_same(&rule, other));
                    let ids: Vec<_> = same.map(|(id, _)| id.clone()).collect();
                    if ids.is_empty() {
                        return Err(no_rule(&described(&rule)));
                    }
                    plan.remove.extend(ids);
                }
            }
            RuleChange::RemoveIds(ids) => {
                if let Some(id) = ids.iter().find(|id| !there.iter().any(|(other, _)| other == *id)) {
                    return Err(no_rule(id));
                }
                plan.remove.clone_from(ids);
            }
            RuleChange::Clear => plan.remove = there.into_iter().map(|(id, _)| id).collect(),
        }
        Ok(Plan::ChangeRules(plan))
    }
}

impl ChangeRules {
    async fn wanted(&self, tenancy: &Tenancy, request: &RuleRequest) -> Result<Vec<Rule>, Error> {
        let networks: Vec<_> = tenancy.network_of_group(&self.network).await?.into_iter().collect();
        let mut groups = Vec::new();
        for reference in &request.groups {
            groups.push(tenancy.group_for(&networks, reference).await?.value.ready_id()?.to_owned());
        }
        request.rules(&groups)
    }
}

fn no_rule(name: &str) -> Error {
    let name = name.chars().take(128).flat_map(char::escape_debug).collect();
    Error::NoSuch { kind: "rule", name, known: Vec::new() }
}

/// A rule, for people.
fn described(rule: &Rule) -> String {
    let direction = match rule.direction {
        Direction::Ingress => "in",
        Direction::Egress => "out",
    };
    let ports = match rule.ports {
        None => String::new(),
        Some((from, to)) if from == to => format!(" {from}"),
        Some((from, to)) => format!(" {from}-{to}"),
    };
    let peer = match &rule.peer {
        Peer::Cidr(cidr) => cidr,
        Peer::Group(group) => group,
    };
    format!("{direction} {}{ports} {peer}", protocol_name(rule.protocol))
}

pub(super) fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
        Protocol::Icmp => "icmp",
        Protocol::Any => "any",
    }
}

/// Rules to be added and removed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedRules {
    group: GroupRef,
    id: String,
    add: Vec<Rule>,
    remove: Vec<String>,
}

impl PlannedRules {
    pub(in crate::resource) fn is_reversible(&self) -> bool {
        self.remove.is_empty()
    }

    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let title = format!("security group {}", self.group);
        for (index, rule) in self.add.iter().enumerate() {
            let request = Request::AddRule { group: self.id.clone(), rule: rule.clone() };
            operation.step(&format!("add rule {index}"), &title, request).await?;
        }
        for (index, rule_id) in self.remove.iter().enumerate() {
            let request = Request::RemoveRule { group: self.id.clone(), rule_id: rule_id.clone() };
            operation.step(&format!("remove rule {index}"), &title, request).await?;
        }
        Ok(Transaction::new())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request() -> RuleRequest {
        RuleRequest {
            direction: Direction::Ingress,
            ip_version: None,
            protocol: Protocol::Tcp,
            port_from: Some(80),
            port_to: None,
            cidrs: Vec::new(),
            groups: Vec::new(),
            description: "web".to_owned(),
        }
    }

    #[test]
    fn one_rule_for_each_peer() {
        let everywhere = request().rules(&[]).unwrap();
        assert_eq!(everywhere.len(), 1);
        assert_eq!(everywhere[0].peer, Peer::Cidr("0.0.0.0/0".to_owned()));
        assert_eq!(everywhere[0].ports, Some((80, 80)));
        let cidrs = vec!["10.1.2.3/8".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
        let rules = RuleRequest { cidrs, ..request() }.rules(&["g".to_owned()]).unwrap();
        let peers: Vec<_> = rules.iter().map(|rule| (rule.ip_version, rule.peer.clone())).collect();
        assert_eq!(
            peers,
            [
                (IpVersion::V4, Peer::Cidr("10.0.0.0/8".to_owned())),
                (IpVersion::V6, Peer::Cidr("2001:db8::/32".to_owned())),
                (IpVersion::V4, Peer::Group("g".to_owned())),
            ]
        );
        let six = RuleRequest { ip_version: Some(IpVersion::V6), ..request() }.rules(&[]).unwrap();
        assert_eq!(six[0].peer, Peer::Cidr("::/0".to_owned()));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let cidrs = vec!["10.0.0.0/8".parse().unwrap()];
        for request in [
            RuleRequest { port_from: None, port_to: Some(80), ..request() },
            RuleRequest { port_to: Some(79), ..request() },
            RuleRequest { port_from: Some(0), port_to: Some(1), ..request() },
            RuleRequest { protocol: Protocol::Icmp, ..request() },
            RuleRequest { protocol: Protocol::Any, ..request() },
            RuleRequest { ip_version: Some(IpVersion::V6), cidrs, ..request() },
        ] {
            assert!(matches!(request.rules(&[]), Err(Error::Invalid { .. })), "{request:?}");
        }
    }

    #[test]
    fn rules_are_the_same_whatever_they_are_for() {
        let one = request().rules(&[]).unwrap().remove(0);
        let other = Rule { description: String::new(), ..one.clone() };
        assert!(says_the_same(&one, &other));
        let written_otherwise = Rule { peer: Peer::Cidr("1.2.3.4/0".to_owned()), ..one.clone() };
        assert!(says_the_same(&one, &written_otherwise));
        for different in [
            Rule { direction: Direction::Egress, ..one.clone() },
            Rule { protocol: Protocol::Udp, ..one.clone() },
            Rule { ports: None, ..one.clone() },
            Rule { peer: Peer::Group("g".to_owned()), ..one.clone() },
            Rule { peer: Peer::Cidr("10.0.0.0/8".to_owned()), ..one.clone() },
        ] {
            assert!(!says_the_same(&one, &different), "{different:?}");
        }
    }
}
