//! Neutron's security groups: of the project, not of a network.

use serde::Deserialize;
use serde_json::json;
use skywright_sdk::log;
use skywright_sdk::prelude::*;
use skywright_sdk::security_groups::{Rule, SecurityGroup, SecurityGroupPage, SecurityGroupSpec};

use crate::neutron::{Neutron, Resource, Standard, fields};
use crate::port::{self, Port};
use crate::security_group_rule::{NeutronRule, body};

/// A group.
#[derive(Debug, Deserialize)]
pub(crate) struct Group {
    #[serde(flatten)]
    standard: Standard,
    #[serde(default)]
    security_group_rules: Vec<NeutronRule>,
}

impl Resource for Group {
    const ONE: &'static str = "security_group";
    const MANY: &'static str = "security_groups";
    const DESCRIBED: bool = true;

    fn standard(&self) -> &Standard {
        &self.standard
    }
}

impl Group {
    fn told(self) -> SecurityGroup {
        let rule = |rule: NeutronRule| Some((rule.told()?, rule.standard.id)).map(|(told, id)| (id, told));
        SecurityGroup {
            intent: self.standard.intent(),
            description: self.standard.description(),
            tags: self.standard.tags(),
            network: None,
            rules: self.security_group_rules.into_iter().filter_map(rule).collect(),
            id: self.standard.id,
            name: self.standard.name,
        }
    }
}

/// Makes one with exactly these rules. `network` is for clouds whose groups belong to one.
pub(crate) fn create(spec: &SecurityGroupSpec) -> Result<SecurityGroup, Error> {
    // What cannot be is said before anything is made.
    for rule in &spec.rules {
        body("", rule)?;
    }
    let neutron = Neutron::open()?;
    let wanted = fields(json!({ "name": spec.name }));
    let group = neutron.create::<Group>(&spec.intent, &spec.tags, &spec.description, wanted)?;
    let id = group.standard.id.clone();
    match set_rules(&neutron, &group, &spec.rules) {
        Ok(()) => Ok(neutron.one::<Group>(&id)?.told()),
        Err(error) if spec.intent.again => Err(error),
        Err(error) => Err(neutron.undone::<Group>(&id, error)),
    }
}

/// Takes away what is not wanted, such as the egress that Neutron allows by itself, and adds what is missing.
fn set_rules(neutron: &Neutron, group: &Group, wanted: &[Rule]) -> Result<(), Error> {
    let there = &group.security_group_rules;
    for rule in there.iter().filter(|rule| !wanted.iter().any(|wanted| rule.says(wanted))) {
        neutron.delete::<NeutronRule>(&rule.standard.id)?;
    }
    for wanted in wanted.iter().filter(|wanted| !there.iter().any(|rule| rule.says(wanted))) {
        add(neutron, &group.standard.id, wanted)?;
    }
    Ok(())
}

/// One, by its id.
pub(crate) fn get(id: &str) -> Result<SecurityGroup, Error> {
    Ok(Neutron::open()?.one::<Group>(id)?.told())
}

/// The project's own, the default group included.
pub(crate) fn list(tags: &[KeyValue], cursor: Option<&str>) -> Result<SecurityGroupPage, Error> {
    let neutron = Neutron::open()?;
    let page = neutron.many::<Group>().own().tagged(tags)?.page(cursor)?;
    let page = page.filter_map(|group| Some(group.told()));
    Ok(SecurityGroupPage { items: page.items, next: page.next })
}

/// Replaces its tags.
pub(crate) fn set_tags(id: &str, tags: &[KeyValue]) -> Result<(), Error> {
    Neutron::open()?.set_tags::<Group>(id, tags)
}

/// Adds a rule, unless there is one that says the same.
pub(crate) fn add_rule(group: &str, rule: &Rule) -> Result<String, Error> {
    add(&Neutron::open()?, group, rule)
}

fn add(neutron: &Neutron, group: &str, rule: &Rule) -> Result<String, Error> {
    match neutron.post::<NeutronRule>(fields(body(group, rule)?)) {
        Ok(made) => Ok(made.standard.id),
        Err(error) if error.category == Category::AlreadyExists => {
            let rules = neutron.many::<NeutronRule>().query("security_group_id", group).all()?;
            let same = rules.into_iter().find(|there| there.says(rule));
            same.map(|rule| rule.standard.id).ok_or(error)
        }
        Err(error) => Err(if error.subject.is_some() { error } else { error.with_subject(group) }),
    }
}

/// Takes a rule away.
pub(crate) fn remove_rule(rule: &str) -> Result<(), Error> {
    Neutron::open()?.delete::<NeutronRule>(rule).map(|_| ())
}

/// Deletes it, if no port has it.
pub(crate) fn delete(id: &str) -> Result<(), Error> {
    let neutron = Neutron::open()?;
    let answer = neutron.delete::<Group>(id);
    if let Err(error) = &answer
        && error.category == Category::InUse
    {
        let mut ports = neutron.many::<Port>().own().all()?;
        ports.retain(|port| port.security_groups.iter().any(|group| group == id));
        if let Some(error) = port::in_use("the security group", &ports) {
            return Err(error);
        }
    }
    answer.map(|_| ())
}

/// Deletes what a create has left.
pub(crate) fn abandon(key: &str) -> Result<(), Error> {
    Neutron::open()?.abandon::<Group>(key)
}

/// Puts it on every port of a host.
pub(crate) fn bind(group: &str, host: &str) -> Result<(), Error> {
    let neutron = Neutron::open()?;
    let ports = port::of_host(&neutron, host)?;
    let (open, guarded): (Vec<Port>, Vec<Port>) =
        ports.into_iter().partition(|port| port.port_security_enabled == Some(false));
    if guarded.is_empty() {
        let message =
            "port security is switched off on every port of the host, so that no group can be on it";
        return Err(Error::new(Category::Conflict, "no-port-security", message).with_subject(host));
    }
    for port in open {
        log::warn!("a port without port security takes no group"; port = port.id(), host = host);
    }
    for port in guarded {
        port::change(&neutron, port, |port| {
            let has = port.security_groups.iter().any(|there| there == group);
            let with = port.security_groups.iter().map(String::as_str).chain([group]).collect::<Vec<_>>();
            (!has).then(|| json!({ "security_groups": with }))
        })?;
    }
    Ok(())
}

/// Takes it from every port of a host. A host that is gone has it no more.
pub(crate) fn unbind(group: &str, host: &str) -> Result<(), Error> {
    let neutron = Neutron::open()?;
    for port in port::if_any_of_host(&neutron, host)? {
        port::change(&neutron, port, |port| {
            let has = port.security_groups.iter().any(|there| there == group);
            let without: Vec<&String> = port.security_groups.iter().filter(|there| *there != group).collect();
            has.then(|| json!({ "security_groups": without }))
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use skywright_sdk::Intent;
    use skywright_sdk::security_groups::{Direction, Guest as _, IpVersion, Peer, Protocol};

    use super::*;
    use crate::tenant::{HOST, Openstack, recorded};

    fn rule(direction: Direction, protocol: Protocol, ports: Option<(u16, u16)>, cidr: &str) -> Rule {
        Rule {
            direction,
            ip_version: if cidr.contains(':') { IpVersion::V6 } else { IpVersion::V4 },
            protocol,
            ports,
            peer: Peer::Cidr(cidr.to_owned()),
            description: "of a test".to_owned(),
        }
    }

    fn spec(key: &str, again: bool) -> SecurityGroupSpec {
        SecurityGroupSpec {
            intent: Intent { key: key.to_owned(), again },
            name: key.to_owned(),
            description: "Web servers".to_owned(),
            network: None,
            rules: vec![
                rule(Direction::Ingress, Protocol::Tcp, Some((22, 22)), "10.0.0.0/8"),
                rule(Direction::Ingress, Protocol::Icmp, None, "::/0"),
                rule(Direction::Egress, Protocol::Any, None, "0.0.0.0/0"),
            ],
            tags: vec![KeyValue::new("role", "web")],
        }
    }

    type Said = (Direction, Protocol, Option<(u16, u16)>, Peer);

    fn said(group: &SecurityGroup) -> Vec<Said> {
        let mut said: Vec<_> = group.rules.iter().map(|(_, r)| r.clone()).collect();
        said.sort_by_key(|rule| (rule.direction as u8, rule.protocol as u8));
        said.into_iter().map(|rule| (rule.direction, rule.protocol, rule.ports, rule.peer)).collect()
    }

    #[test]
    fn a_group_has_the_rules_that_it_was_made_with_and_no_others() {
        recorded("security-group").play(|| {
            let made = Openstack::create(spec("hn-sg-1", false)).unwrap();
            assert_eq!((made.description.as_str(), made.intent.as_deref()), ("Web servers", Some("hn-sg-1")));
            assert_eq!(made.tags, [KeyValue::new("role", "web")]);
            let cidr = |cidr: &str| Peer::Cidr(cidr.to_owned());
            let wanted = [
                (Direction::Ingress, Protocol::Tcp, Some((22, 22)), cidr("10.0.0.0/8")),
                (Direction::Ingress, Protocol::Icmp, None, cidr("::/0")),
                (Direction::Egress, Protocol::Any, None, cidr("0.0.0.0/0")),
            ];
            assert_eq!(said(&made), wanted);

            // The earlier try died half-way through the rules.
            let (gone, _) = &made.rules[0];
            Openstack::remove_rule(made.id.clone(), gone.clone()).unwrap();
            Openstack::remove_rule(made.id.clone(), gone.clone()).unwrap();
            let again = Openstack::create(spec("hn-sg-1", true)).unwrap();
            assert_eq!((again.id.as_str(), said(&again)), (made.id.as_str(), wanted.to_vec()));

            let own = Rule {
                peer: Peer::Group(made.id.clone()),
                ..rule(Direction::Ingress, Protocol::Any, None, "0.0.0.0/0")
            };
            let first = Openstack::add_rule(made.id.clone(), own.clone()).unwrap();
            let other = Rule { description: "said otherwise".to_owned(), ..own.clone() };
            assert_eq!(Openstack::add_rule(made.id.clone(), other).unwrap(), first);
            let anywhere = rule(Direction::Egress, Protocol::Any, None, "0.0.0.0/0");
            let there = again.rules.iter().find(|(_, rule)| rule.direction == Direction::Egress).unwrap();
            assert_eq!(Openstack::add_rule(made.id.clone(), anywhere).unwrap(), there.0);
            assert_eq!(Openstack::get(made.id.clone()).unwrap().rules.len(), 4);

            Openstack::set_tags(made.id.clone(), Vec::new()).unwrap();
            assert_eq!(Openstack::list(vec![KeyValue::new("role", "web")], None).unwrap().items, []);
            Openstack::delete(made.id.clone()).unwrap();
            Openstack::delete(made.id.clone()).unwrap();
            assert_eq!(Openstack::get(made.id).unwrap_err().category, Category::NotFound);
        });
    }

    #[test]
    fn what_a_lost_create_left_is_taken_away() {
        recorded("security-group-abandoned").play(|| {
            let made = Openstack::create(spec("hn-sg-2", false)).unwrap();
            Openstack::abandon("hn-sg-2".to_owned()).unwrap();
            Openstack::abandon("hn-sg-2".to_owned()).unwrap();
            assert_eq!(Openstack::get(made.id).unwrap_err().category, Category::NotFound);
        });
    }

    #[test]
    fn a_group_that_cannot_be_finished_is_not_there() {
        recorded("security-group-refused").play(|| {
            let mut refused = spec("hn-sg-3", false);
            refused.rules[0].peer = Peer::Cidr("10.0.0.0/99".to_owned());
            assert_eq!(Openstack::create(refused.clone()).unwrap_err().category, Category::InvalidRequest);
            refused.intent.again = true;
            refused.rules[0].ports = Some((2, 1));
            assert_eq!(Openstack::create(refused).unwrap_err().code, "bad-ports");
            Openstack::abandon("hn-sg-3".to_owned()).unwrap();
        });
    }

    #[test]
    fn a_group_is_on_every_port_of_a_host() {
        recorded("security-group-bound").play(|| {
            let mut spec = spec("hn-sg-4", false);
            spec.rules.clear();
            let group = Openstack::create(spec).unwrap();
            assert_eq!(group.rules, []);
            for _ in 0..2 {
                Openstack::bind(group.id.clone(), HOST.to_owned()).unwrap();
            }
            let ports = || port::of_host(&Neutron::open().unwrap(), HOST).unwrap();
            assert_eq!(ports().len(), 2);
            assert!(
                ports()
                    .iter()
                    .all(|port| port.security_groups.len() == 2 && port.security_groups.contains(&group.id))
            );
            let error = Openstack::delete(group.id.clone()).unwrap_err();
            assert_eq!((error.category, error.subject.as_deref()), (Category::InUse, Some(HOST)));
            assert!(error.message.contains("the host"), "{}", error.message);
            for _ in 0..2 {
                Openstack::unbind(group.id.clone(), HOST.to_owned()).unwrap();
            }
            Openstack::unbind(group.id.clone(), "no-such-host".to_owned()).unwrap();
            assert!(ports().iter().all(|port| port.security_groups.len() == 1));
            Openstack::delete(group.id).unwrap();
        });
    }
}
