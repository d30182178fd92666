//! `security-groups`: groups, their rules, and the hosts that have them.

use skywright_contract::Category;
use skywright_runtime::provider::security_groups::{
    Direction, IpVersion, Peer, Protocol, Rule, SecurityGroup, SecurityGroupSpec,
};
use skywright_runtime::provider::{Intent, KeyValue};

use super::check;
use crate::check::Check;
use crate::context::Context;
use crate::failure::{Failure, expect, same};
use crate::ledger::Kind;
use crate::listing;
use crate::resource::{self, IN_USE, NOT_FOUND, Resource, Thing};

pub(super) const CHECKS: &[Check] = &[
    check!("security-groups", "life-cycle", life_cycle, "a group has exactly the rules that it is made with"),
    check!("security-groups", "rules", rules, "rules are added, the same one once, and removed twice"),
    check!("security-groups", "again", again, "a create that is asked for again makes no second group"),
    check!("security-groups", "tags", tags, "tags are set, found by and replaced"),
    check!("security-groups", "abandon", abandon, "an intent is abandoned, whole or not there"),
    check!("security-groups", "unknown", unknown, "unknown groups and rules are not found"),
    check!("security-groups", "bind", bind, "a group is put on a host, is in use there, and taken off"),
];

pub(crate) struct GroupResource;

impl Resource for GroupResource {
    const KIND: Kind = Kind::SecurityGroup;
    const GET: &'static str = "security-groups.get";

    async fn create(context: &Context, intent: &Intent) -> Result<String, Failure> {
        let spec = spec(context, intent).await?;
        Ok(context.ask("security-groups.create", |p| p.create_security_group(&spec)).await?.id)
    }

    async fn get(context: &Context, id: &str) -> Result<Thing, Failure> {
        context.ask(Self::GET, |p| p.get_security_group(id)).await.map(thing)
    }

    async fn list(context: &Context, tags: &[KeyValue]) -> Result<Vec<Thing>, Failure> {
        let all = listing::security_groups(context, context.provider(), tags).await?;
        Ok(all.into_iter().map(thing).collect())
    }

    async fn set_tags(context: &Context, id: &str, tags: &[KeyValue]) -> Result<(), Failure> {
        context.ask("security-groups.set-tags", |p| p.set_security_group_tags(id, tags)).await
    }

    async fn delete(context: &Context, id: &str) -> Result<(), Failure> {
        context.ask("security-groups.delete", |p| p.delete_security_group(id)).await
    }

    async fn abandon(context: &Context, key: &str) -> Result<(), Failure> {
        context.ask("security-groups.abandon", |p| p.abandon_security_group(key)).await
    }

    async fn refuse_get(context: &Context, id: &str) -> Result<(), Failure> {
        context.refused(Self::GET, NOT_FOUND, |p| p.get_security_group(id)).await.map(drop)
    }
}

fn thing(from: SecurityGroup) -> Thing {
    Thing { id: from.id, intent: from.intent, tags: from.tags }
}

fn rule(direction: Direction, protocol: Protocol, ports: Option<(u16, u16)>, cidr: &str) -> Rule {
    Rule {
        direction,
        ip_version: IpVersion::V4,
        protocol,
        ports,
        peer: Peer::Cidr(cidr.to_owned()),
        description: String::new(),
    }
}

/// What hosts of the run need: everything out, SSH in.
fn first_rules() -> Vec<Rule> {
    vec![
        rule(Direction::Egress, Protocol::Any, None, "0.0.0.0/0"),
        rule(Direction::Ingress, Protocol::Tcp, Some((22, 22)), "192.0.2.0/24"),
    ]
}

async fn spec(context: &Context, intent: &Intent) -> Result<SecurityGroupSpec, Failure> {
    let network = if context.has("networks") { Some(context.network().await?.to_owned()) } else { None };
    Ok(SecurityGroupSpec {
        intent: intent.clone(),
        name: intent.key.clone(),
        description: "made by a conformance run".to_owned(),
        network,
        rules: first_rules(),
        tags: context.tags(&[]),
    })
}

/// A group of the run; its id.
pub(super) async fn create_group(context: &Context, label: &str) -> Result<String, Failure> {
    GroupResource::create(context, &context.intent(Kind::SecurityGroup, label)).await
}

/// Rules without their ids, in an order of their own: the contract has none.
fn sorted(rules: impl IntoIterator<Item = Rule>) -> Vec<String> {
    let mut rules: Vec<_> = rules.into_iter().map(|rule| format!("{rule:?}")).collect();
    rules.sort();
    rules
}

async fn rules_of(context: &Context, group: &str) -> Result<Vec<Rule>, Failure> {
    let group = context.ask("security-groups.get", |p| p.get_security_group(group)).await?;
    Ok(group.rules.into_iter().map(|(_, rule)| rule).collect())
}

async fn life_cycle(context: &Context) -> Result<(), Failure> {
    context.needs("security-groups")?;
    let id = create_group(context, "group").await?;
    let group = context.ask("security-groups.get", |p| p.get_security_group(&id)).await?;
    same("the name of a group", &context.name("group"), &group.name)?;
    same("its description", &"made by a conformance run".to_owned(), &group.description)?;
    same("its intent", &Some(context.name("group")), &group.intent)?;
    same("its tags", &resource::sorted(&context.tags(&[])), &resource::sorted(&group.tags))?;
    let rules = group.rules.into_iter().map(|(_, rule)| rule);
    same("its rules", &sorted(first_rules()), &sorted(rules))?;
    resource::delete_twice::<GroupResource>(context, &id).await
}

async fn rules(context: &Context) -> Result<(), Failure> {
    context.needs("security-groups")?;
    let group = create_group(context, "group-rules").await?;
    let peers =
        Rule { peer: Peer::Group(group.clone()), ..rule(Direction::Ingress, Protocol::Any, None, "") };
    let more = [
        rule(Direction::Ingress, Protocol::Udp, Some((5000, 5010)), "198.51.100.0/24"),
        rule(Direction::Ingress, Protocol::Icmp, None, "0.0.0.0/0"),
        peers,
    ];
    let mut ids = Vec::new();
    for rule in &more {
        let first = context.ask("security-groups.add-rule", |p| p.add_rule(&group, rule)).await?;
        let second = context.ask("security-groups.add-rule", |p| p.add_rule(&group, rule)).await?;
        same("the id of a rule that is added again", &first, &second)?;
        ids.push(first);
    }
    let all = first_rules().into_iter().chain(more.iter().cloned());
    same("the rules after more were added", &sorted(all), &sorted(rules_of(context, &group).await?))?;
    for id in &ids {
        for _ in 0..2 {
            context.ask("security-groups.remove-rule", |p| p.remove_rule(&group, id)).await?;
        }
    }
    same(
        "the rules after they were removed",
        &sorted(first_rules()),
        &sorted(rules_of(context, &group).await?),
    )?;
    GroupResource::delete(context, &group).await
}

async fn again(context: &Context) -> Result<(), Failure> {
    context.needs("security-groups")?;
    resource::again::<GroupResource>(context, "group-again").await
}

async fn tags(context: &Context) -> Result<(), Failure> {
    context.needs("security-groups")?;
    let id = create_group(context, "group-tags").await?;
    resource::tags::<GroupResource>(context, &id, &context.name("group-tags")).await?;
    GroupResource::delete(context, &id).await
}

async fn abandon(context: &Context) -> Result<(), Failure> {
    context.needs("security-groups")?;
    resource::abandon::<GroupResource>(context, "group-abandon").await
}

async fn unknown(context: &Context) -> Result<(), Failure> {
    context.needs("security-groups")?;
    let id = create_group(context, "group-unknown").await?;
    resource::unknown::<GroupResource>(context, &id).await?;
    let other = crate::name::unlike(&id);
    let rule = rule(Direction::Ingress, Protocol::Tcp, Some((1, 2)), "192.0.2.0/24");
    context.refused("security-groups.add-rule", NOT_FOUND, |p| p.add_rule(&other, &rule)).await?;
    let backwards = Rule { ports: Some((20, 10)), ..rule };
    let refused = [Category::InvalidRequest];
    context.refused("security-groups.add-rule", &refused, |p| p.add_rule(&id, &backwards)).await?;
    GroupResource::delete(context, &id).await
}

async fn bind(context: &Context) -> Result<(), Failure> {
    context.needs("security-groups")?;
    let host = context.host().await?;
    let group = create_group(context, "group-bind").await?;
    for _ in 0..2 {
        context.ask("security-groups.bind", |p| p.bind_security_group(&group, host)).await?;
    }
    let has = has_group(context, host, &group).await?;
    expect(has, "the groups of a host that one was put on", "with it", has)?;
    context.refused("security-groups.delete", IN_USE, |p| p.delete_security_group(&group)).await?;
    for _ in 0..2 {
        context.ask("security-groups.unbind", |p| p.unbind_security_group(&group, host)).await?;
    }
    let has = has_group(context, host, &group).await?;
    expect(!has, "the groups of a host that one was taken off", "without it", has)?;
    GroupResource::delete(context, &group).await
}

/// By id or, where the cloud tells no more, by name.
async fn has_group(context: &Context, host: &str, group: &str) -> Result<bool, Failure> {
    let host = context.ask("hosts.get", |p| p.get_host(host)).await?;
    let name = context.name("group-bind");
    Ok(host.security_groups.iter().any(|own| own == group || *own == name))
}
