//! Security groups as they are written down.

use super::{State, check_name};
use crate::error::Error;
use crate::id::{GroupId, MachineId, RuleId};
use crate::model::{Group, GroupSpec, Peer, Protocol, Rule};

impl State {
    pub(crate) fn create_group(&mut self, spec: GroupSpec) -> Result<Group, Error> {
        if let Some(made) = self.groups.values().find(|group| group.intent == spec.intent) {
            return Ok(made.clone());
        }
        check_name(&spec.name)?;
        let id = GroupId(self.number());
        let mut group = Group {
            id,
            name: spec.name,
            description: spec.description,
            network: spec.network,
            rules: Vec::new(),
            intent: spec.intent,
            tags: spec.tags,
        };
        for rule in spec.rules {
            self.check_rule(&rule, id)?;
            let number = RuleId(self.number());
            if !group.rules.iter().any(|(_, known)| same(known, &rule)) {
                group.rules.push((number, rule));
            }
        }
        self.groups.insert(id, group.clone());
        Ok(group)
    }

    pub(crate) fn group(&self, id: GroupId) -> Result<&Group, Error> {
        self.groups.get(&id).ok_or_else(|| Error::NoSuch(id.noun()))
    }

    fn group_mut(&mut self, id: GroupId) -> Result<&mut Group, Error> {
        self.groups.get_mut(&id).ok_or_else(|| Error::NoSuch(id.noun()))
    }

    pub(crate) fn add_rule(&mut self, group: GroupId, rule: Rule) -> Result<RuleId, Error> {
        self.check_rule(&rule, group)?;
        let number = RuleId(self.number());
        let group = self.group_mut(group)?;
        if let Some((known, _)) = group.rules.iter().find(|(_, known)| same(known, &rule)) {
            return Ok(*known);
        }
        group.rules.push((number, rule));
        Ok(number)
    }

    pub(crate) fn remove_rule(&mut self, group: GroupId, rule: RuleId) -> Result<(), Error> {
        self.group_mut(group)?.rules.retain(|(id, _)| *id != rule);
        Ok(())
    }

    /// `own` may be the peer: it is being made.
    fn check_rule(&self, rule: &Rule, own: GroupId) -> Result<(), Error> {
        if let Peer::Group(peer) = rule.peer
            && peer != own
        {
            self.group(peer)?;
        }
        match rule.ports {
            Some(_) if !matches!(rule.protocol, Protocol::Tcp | Protocol::Udp) => {
                Err(Error::invalid("the rule", "only TCP and UDP have ports"))
            }
            Some((from, to)) if from > to => {
                Err(Error::invalid("the rule", format!("its ports {from} to {to} are none")))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn delete_group(&mut self, id: GroupId) -> Result<(), Error> {
        let in_use = |holder| Err(Error::InUse { what: id.noun(), holder });
        if let Some(machine) = self.machines.values().find(|machine| machine.groups.contains(&id)) {
            return in_use(machine.id.noun());
        }
        let names = |group: &&Group| {
            group.id != id && group.rules.iter().any(|(_, rule)| rule.peer == Peer::Group(id))
        };
        if let Some(group) = self.groups.values().find(names) {
            return in_use(group.id.noun());
        }
        self.groups.remove(&id);
        Ok(())
    }

    pub(crate) fn bind_group(&mut self, group: GroupId, machine: MachineId) -> Result<(), Error> {
        self.group(group)?;
        let machine = self.machine_mut(machine)?;
        if !machine.groups.contains(&group) {
            machine.groups.push(group);
        }
        Ok(())
    }

    pub(crate) fn unbind_group(&mut self, group: GroupId, machine: MachineId) -> Result<(), Error> {
        self.machine_mut(machine)?.groups.retain(|bound| *bound != group);
        Ok(())
    }
}

/// Whether two rules let through the same.
fn same(one: &Rule, other: &Rule) -> bool {
    let silent = |rule: &Rule| Rule { description: String::new(), ..rule.clone() };
    silent(one) == silent(other)
}
