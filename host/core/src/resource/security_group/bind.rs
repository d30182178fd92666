//! Putting security groups on hosts and subnets, and taking them off.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_state::{Found, LeaseRequest, Transaction};

use super::{Bearers, GroupBinding, GroupRef, SecurityGroupBody, binding_of, supported};
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Change, Operation, Request};
use crate::resource::host::{HostBody, SubnetRef};
use crate::resource::network::NetworkBody;
use crate::resource::plan::Plan;
use crate::resource::record::{Kind, Record};
use crate::resource::subnet::SubnetBody;
use crate::tenancy::Tenancy;

/// What is done to a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BindAction {
    /// Puts the group on; one that is there already stays.
    Add {
        /// Remembers it alone, without effect.
        disabled: bool,
    },
    /// Takes it off.
    Remove,
    /// Lets one that was disabled hold.
    Enable,
    /// Takes it off, but remembers it.
    Disable,
}

impl BindAction {
    fn name(self) -> &'static str {
        match self {
            Self::Add { .. } => "add",
            Self::Remove => "remove",
            Self::Enable => "enable",
            Self::Disable => "disable",
        }
    }

    /// The binding afterwards; `None` for none at all.
    fn result(self) -> Option<bool> {
        match self {
            Self::Add { disabled } => Some(!disabled),
            Self::Enable => Some(true),
            Self::Disable => Some(false),
            Self::Remove => None,
        }
    }
}

/// `host security group add`, `remove`, `enable` and `disable`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BindHostGroup {
    /// The host: a name or an id.
    pub host: String,
    /// The group: a name, an id, or `NETWORK/NAME`.
    pub group: String,
    /// What is done.
    pub action: BindAction,
}

impl BindHostGroup {
    async fn found(
        &self,
        tenancy: &Tenancy,
    ) -> Result<(Found<Record<HostBody>>, Found<Record<SecurityGroupBody>>), Error> {
        let host = tenancy.record::<HostBody>(&[&self.host]).await?;
        let networks: Vec<Name> = host.value.body.subnets.iter().map(|at| at.network.clone()).collect();
        let group = tenancy.group_for(&networks, &self.group).await?;
        Ok((host, group))
    }
}

#[async_trait]
impl Change for BindHostGroup {
    fn title(&self) -> String {
        format!("host security group {} {} {}", self.action.name(), self.host, self.group)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("host-group", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let (host, group) = self.found(tenancy).await?;
        Ok(vec![LeaseRequest::exclusive(host.key), LeaseRequest::shared(group.key)])
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        supported(tenancy)?;
        let (host, group) = self.found(tenancy).await?;
        let bearers = Bearers::of(tenancy).await?;
        let reference = group.value.reference();
        let was = bearers.has(&host.value, &reference);
        let of_subnets: Vec<_> = bearers
            .subnets_of(&host.value.body)
            .into_iter()
            .filter(|_| !host.value.body.role.is_gateway())
            .filter_map(|subnet| binding_of(&subnet.groups, &reference))
            .collect();
        let own = binding_of(&host.value.body.groups, &reference);
        check_there(self.action, own.is_some() || !of_subnets.is_empty(), "host", &self.host, &reference)?;
        if self.action == BindAction::Remove && own.is_none() {
            let by = "its subnet, from which it comes; `disable` takes it off this host alone".to_owned();
            return Err(Error::InUse { kind: Kind::SecurityGroup.name(), name: reference.to_string(), by });
        }
        let shall = self.action.result().unwrap_or_else(|| of_subnets.contains(&true));
        let change =
            HostBinding { name: host.value.name.clone(), id: host.value.ready_id()?.to_owned(), was };
        Ok(Plan::BindSecurityGroup(PlannedBinding {
            id: group.value.ready_id()?.to_owned(),
            group: reference,
            bearer: Bearer::Host(host.value.name.clone()),
            binding: self.action.result(),
            on: if shall { vec![change.clone()] } else { Vec::new() },
            off: if shall { Vec::new() } else { vec![change] },
        }))
    }
}

/// That what is to be changed is there.
fn check_there(
    action: BindAction,
    there: bool,
    kind: &str,
    name: &str,
    group: &GroupRef,
) -> Result<(), Error> {
    if there || matches!(action, BindAction::Add { .. }) {
        return Ok(());
    }
    let reason = format!("it is not bound to the {kind} `{name}`");
    Err(Error::Invalid { what: format!("security group {group}"), reason })
}

/// `network subnet security group add`, `remove`, `enable` and `disable`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BindSubnetGroup {
    /// The subnet's network: a name or an id.
    pub network: String,
    /// The subnet: a name or an id.
    pub subnet: String,
    /// The group: a name, an id, or `NETWORK/NAME`.
    pub group: String,
    /// What is done.
    pub action: BindAction,
}

impl BindSubnetGroup {
    async fn found(
        &self,
        tenancy: &Tenancy,
    ) -> Result<(Found<Record<SubnetBody>>, Found<Record<SecurityGroupBody>>), Error> {
        let network = tenancy.record::<NetworkBody>(&[&self.network]).await?.value.name;
        let subnet = tenancy.record::<SubnetBody>(&[network.as_str(), &self.subnet]).await?;
        let group = tenancy.group_for(&[network], &self.group).await?;
        Ok((subnet, group))
    }
}

#[async_trait]
impl Change for BindSubnetGroup {
    fn title(&self) -> String {
        let action = self.action.name();
        format!("network subnet security group {action} {} {} {}", self.network, self.subnet, self.group)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("subnet-group", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let (subnet, group) = self.found(tenancy).await?;
        let mut leases = crate::resource::network_leases(tenancy, &self.network).await?;
        leases.push(LeaseRequest::shared(group.key));
        for host in hosts_of(&Bearers::of(tenancy).await?, &subnet.value) {
            leases.push(LeaseRequest::shared(host.key.clone()));
        }
        Ok(leases)
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        supported(tenancy)?;
        let (subnet, group) = self.found(tenancy).await?;
        subnet.value.ready_id()?;
        let reference = group.value.reference();
        let there = binding_of(&subnet.value.body.groups, &reference).is_some();
        check_there(self.action, there, "subnet", &self.subnet, &reference)?;
        let before = Bearers::of(tenancy).await?;
        let mut after = Bearers::of(tenancy).await?;
        for other in after.subnets.iter_mut().filter(|other| other.key == subnet.key) {
            set_binding(&mut other.value.body.groups, &reference, self.action.result());
        }
        let (mut on, mut off) = (Vec::new(), Vec::new());
        for host in hosts_of(&before, &subnet.value) {
            let Some(id) = host.value.cloud_id.clone() else { continue };
            let was = before.has(&host.value, &reference);
            let change = HostBinding { name: host.value.name.clone(), id, was };
            match after.has(&host.value, &reference) {
                true => on.push(change),
                false if was => off.push(change),
                // What was off stays off; the host may have it in other ways, such as its image's own.
                false => {}
            }
        }
        let at = SubnetRef { network: subnet.value.body.network.clone(), name: subnet.value.name.clone() };
        Ok(Plan::BindSecurityGroup(PlannedBinding {
            id: group.value.ready_id()?.to_owned(),
            group: reference,
            bearer: Bearer::Subnet(at),
            binding: self.action.result(),
            on,
            off,
        }))
    }
}

/// The hosts that get what a subnet has: all but its gateways.
fn hosts_of<'b>(bearers: &'b Bearers, subnet: &Record<SubnetBody>) -> Vec<&'b Found<Record<HostBody>>> {
    let at = SubnetRef { network: subnet.body.network.clone(), name: subnet.name.clone() };
    let of_it = |host: &&Found<Record<HostBody>>| {
        !host.value.body.role.is_gateway() && host.value.body.subnets.contains(&at)
    };
    bearers.hosts.iter().filter(of_it).collect()
}

/// Sets or removes a binding.
fn set_binding(bindings: &mut Vec<GroupBinding>, group: &GroupRef, binding: Option<bool>) {
    bindings.retain(|binding| binding.group != *group);
    if let Some(enabled) = binding {
        bindings.push(GroupBinding { group: group.clone(), enabled });
        bindings.sort_by(|a, b| a.group.cmp(&b.group));
    }
}

/// What has the binding in its record.
#[derive(Debug, Clone, Serialize, Deserialize)]
enum Bearer {
    Host(Name),
    Subnet(SubnetRef),
}

/// A host in the cloud, and whether it had the group.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct HostBinding {
    name: Name,
    id: String,
    was: bool,
}

/// A binding to be made, changed or removed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedBinding {
    group: GroupRef,
    id: String,
    bearer: Bearer,
    binding: Option<bool>,
    /// The hosts that shall have it. Those that had it already are asked again: somebody may have taken it off.
    on: Vec<HostBinding>,
    /// Those that shall not.
    off: Vec<HostBinding>,
}

impl PlannedBinding {
    /// Taking it back takes the group off every host that it was put on, so none may have had it before.
    pub(in crate::resource) fn is_reversible(&self) -> bool {
        self.off.is_empty() && self.on.iter().all(|host| !host.was)
    }

    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let on = self.on.iter().map(|host| (host, true));
        let off = self.off.iter().map(|host| (host, false));
        operation.together(on.chain(off).map(|(host, on)| self.ask(operation, host, on))).await?;
        let tenancy = operation.tenancy();
        let transaction = Transaction::new();
        match &self.bearer {
            Bearer::Host(name) => {
                let mut found = tenancy.record::<HostBody>(&[name.as_str()]).await?;
                set_binding(&mut found.value.body.groups, &self.group, self.binding);
                Ok(transaction.require(found.key.clone(), found.version).put_json(found.key, &found.value)?)
            }
            Bearer::Subnet(at) => {
                let mut found =
                    tenancy.record::<SubnetBody>(&[at.network.as_str(), at.name.as_str()]).await?;
                set_binding(&mut found.value.body.groups, &self.group, self.binding);
                Ok(transaction.require(found.key.clone(), found.version).put_json(found.key, &found.value)?)
            }
        }
    }

    async fn ask(&self, operation: &Operation<'_>, host: &HostBinding, on: bool) -> Result<(), Error> {
        let (group, id) = (self.id.clone(), host.id.clone());
        let (request, word) = match on {
            true => (Request::BindSecurityGroup { group, host: id }, "on"),
            false => (Request::UnbindSecurityGroup { group, host: id }, "off"),
        };
        let title = format!("security group {} {word} {}", self.group, host.name);
        operation.step(&format!("{word} {}", host.name), &title, request).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(name: &str) -> GroupRef {
        GroupRef { network: None, name: name.parse().unwrap() }
    }

    #[test]
    fn a_binding_is_one_for_each_group() {
        let mut bindings = Vec::new();
        set_binding(&mut bindings, &group("web"), Some(true));
        set_binding(&mut bindings, &group("db"), Some(false));
        set_binding(&mut bindings, &group("web"), Some(false));
        assert_eq!(binding_of(&bindings, &group("web")), Some(false));
        assert_eq!(bindings.len(), 2);
        set_binding(&mut bindings, &group("web"), None);
        assert_eq!(binding_of(&bindings, &group("web")), None);
        assert_eq!(binding_of(&bindings, &group("db")), Some(false));
    }
}
