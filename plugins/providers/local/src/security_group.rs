//! Security groups. The host applies them outside of the machines.

use skywright_sdk::prelude::*;
use skywright_sdk::security_groups::{
    Direction, Guest, IpVersion, Peer, Protocol, Rule, SecurityGroup, SecurityGroupPage, SecurityGroupSpec,
};

use crate::Local;
use crate::bindings::machines;
use crate::change::{abandon_now, or_gone};
use crate::tag::{carries, intent};

impl Guest for Local {
    fn create(spec: SecurityGroupSpec) -> Result<SecurityGroup, Error> {
        machines::create_group(&machines::GroupSpec {
            intent: spec.intent.key,
            name: spec.name,
            description: spec.description,
            network: spec.network,
            rules: spec.rules.into_iter().map(to_rule).collect(),
            tags: spec.tags,
        })
        .map(of_group)
    }

    fn get(id: String) -> Result<SecurityGroup, Error> {
        machines::get_group(&id).map(of_group)
    }

    fn list(tags: Vec<KeyValue>, _cursor: Option<String>) -> Result<SecurityGroupPage, Error> {
        let all = machines::groups()?.into_iter().filter(|group| carries(&group.tags, &tags));
        Ok(SecurityGroupPage { items: all.map(of_group).collect(), next: None })
    }

    fn set_tags(id: String, tags: Vec<KeyValue>) -> Result<(), Error> {
        machines::set_tags(&id, &tags)
    }

    fn add_rule(group: String, rule: Rule) -> Result<String, Error> {
        machines::add_rule(&group, &to_rule(rule))
    }

    fn remove_rule(group: String, rule_id: String) -> Result<(), Error> {
        machines::remove_rule(&group, &rule_id)
    }

    fn delete(id: String) -> Result<(), Error> {
        or_gone(machines::delete_group(&id))
    }

    fn abandon(key: String) -> Result<(), Error> {
        abandon_now(&key)
    }

    fn bind(group: String, host: String) -> Result<(), Error> {
        machines::bind_group(&group, &host)
    }

    fn unbind(group: String, host: String) -> Result<(), Error> {
        machines::unbind_group(&group, &host)
    }
}

fn of_group(group: machines::Group) -> SecurityGroup {
    SecurityGroup {
        id: group.id,
        name: group.name,
        description: group.description,
        network: group.network,
        rules: group.rules.into_iter().map(|(id, rule)| (id, of_rule(rule))).collect(),
        intent: intent(group.intent),
        tags: group.tags,
    }
}

/// The same words on both sides, in types of their own.
macro_rules! same_words {
    ($(($to:ident, $of:ident): $type:ident { $($word:ident),+ })+) => {
        $(
            fn $to(value: $type) -> machines::$type {
                match value { $($type::$word => machines::$type::$word),+ }
            }

            fn $of(value: machines::$type) -> $type {
                match value { $(machines::$type::$word => $type::$word),+ }
            }
        )+
    };
}

same_words! {
    (to_direction, of_direction): Direction { Ingress, Egress }
    (to_protocol, of_protocol): Protocol { Tcp, Udp, Icmp, Any }
    (to_ip_version, of_ip_version): IpVersion { V4, V6 }
}

fn to_rule(rule: Rule) -> machines::Rule {
    machines::Rule {
        direction: to_direction(rule.direction),
        ip_version: to_ip_version(rule.ip_version),
        protocol: to_protocol(rule.protocol),
        ports: rule.ports,
        peer: match rule.peer {
            Peer::Cidr(cidr) => machines::Peer::Cidr(cidr),
            Peer::Group(group) => machines::Peer::Group(group),
        },
        description: rule.description,
    }
}

fn of_rule(rule: machines::Rule) -> Rule {
    Rule {
        direction: of_direction(rule.direction),
        ip_version: of_ip_version(rule.ip_version),
        protocol: of_protocol(rule.protocol),
        ports: rule.ports,
        peer: match rule.peer {
            machines::Peer::Cidr(cidr) => Peer::Cidr(cidr),
            machines::Peer::Group(group) => Peer::Group(group),
        },
        description: rule.description,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_comes_back_as_it_was() {
        for peer in [Peer::Cidr("10.0.0.0/8".to_owned()), Peer::Group("group-1".to_owned())] {
            let rule = Rule {
                direction: Direction::Egress,
                ip_version: IpVersion::V6,
                protocol: Protocol::Udp,
                ports: Some((53, 54)),
                peer,
                description: "names".to_owned(),
            };
            assert_eq!(of_rule(to_rule(rule.clone())), rule);
        }
    }
}
