//! Making and deleting security groups.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_runtime::provider::Intent;
use skywright_runtime::provider::security_groups::SecurityGroupSpec;
use skywright_state::{Found, Key, LeaseRequest, StoreExt as _, Transaction};

use super::{Bearers, GroupRef, NO_NETWORK, SecurityGroupBody, supported};
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Change, Operation, OperationId, Request};
use crate::resource::host::HostBody;
use crate::resource::network::NetworkBody;
use crate::resource::plan::{Plan, encode};
use crate::resource::record::{Kind, Record, cloud_tags};
use crate::resource::spec::Labels;
use crate::resource::subnet::SubnetBody;
use crate::tenancy::Tenancy;

/// How many records one transaction of the state changes at most.
const RECORDS_AT_ONCE: usize = 32;

/// `network security group create`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateSecurityGroup {
    /// The network whose hosts it is for, by name or id; `-` for any.
    pub network: String,
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub description: String,
    /// Labels and tags.
    pub labels: Labels,
}

#[async_trait]
impl Change for CreateSecurityGroup {
    fn title(&self) -> String {
        format!("network security group create {} {}", self.network, self.name)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("security-group-create", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let network = tenancy.network_of_group(&self.network).await?;
        let group = GroupRef { network: network.clone(), name: self.name.clone() };
        let mut leases =
            vec![LeaseRequest::exclusive(tenancy.record_key(Kind::SecurityGroup, &group.path())?)];
        if let Some(network) = network {
            let key = tenancy.record_key(Kind::Network, &[network.as_str()])?;
            leases.push(LeaseRequest::shared(key));
        }
        Ok(leases)
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        supported(tenancy)?;
        let (network, network_id) = match self.network.as_str() {
            NO_NETWORK => (None, None),
            reference => {
                let network = tenancy.record::<NetworkBody>(&[reference]).await?.value;
                let id = network.ready_id()?.to_owned();
                (Some(network.name), Some(id))
            }
        };
        let group = GroupRef { network, name: self.name.clone() };
        tenancy.free::<SecurityGroupBody>(&group.path()).await?;
        Ok(Plan::CreateSecurityGroup(PlannedSecurityGroup {
            group,
            network_id,
            description: self.description.clone(),
            labels: self.labels.clone(),
        }))
    }
}

/// A security group to be made. It has no rules at first: it lets nothing through.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedSecurityGroup {
    group: GroupRef,
    network_id: Option<String>,
    description: String,
    labels: Labels,
}

impl PlannedSecurityGroup {
    fn key(&self, tenancy: &Tenancy) -> Result<Key, Error> {
        tenancy.record_key(Kind::SecurityGroup, &self.group.path())
    }

    fn record(&self, operation: &OperationId) -> Record<SecurityGroupBody> {
        let body =
            SecurityGroupBody { network: self.group.network.clone(), description: self.description.clone() };
        Record::reserved(self.group.name.clone(), operation, &self.labels, body)
    }

    pub(in crate::resource) fn reserve(
        &self,
        tenancy: &Tenancy,
        operation: &OperationId,
    ) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        Ok(vec![(self.key(tenancy)?, encode(&self.record(operation))?)])
    }

    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let spec = SecurityGroupSpec {
            intent: Intent { key: String::new(), again: false },
            name: self.group.name.to_string(),
            description: self.description.clone(),
            network: self.network_id.clone(),
            rules: Vec::new(),
            tags: cloud_tags(&self.labels.labels, &self.labels.tags),
        };
        let title = format!("security group {}", self.group);
        let id = operation.step("group", &title, Request::CreateSecurityGroup(spec)).await?;
        let record = self.record(&operation.record().id).ready(&id);
        Ok(Transaction::new().put_json(self.key(operation.tenancy())?, &record)?)
    }
}

/// `network security group delete`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteSecurityGroups {
    /// Their network, by name or id; `-` for those of none.
    pub network: String,
    /// Names or ids.
    pub references: Vec<String>,
    /// Takes them off whatever has them first.
    pub force: bool,
}

impl DeleteSecurityGroups {
    async fn groups(&self, tenancy: &Tenancy) -> Result<Vec<Found<Record<SecurityGroupBody>>>, Error> {
        let mut groups = Vec::new();
        for reference in &self.references {
            groups.push(tenancy.group_record(&self.network, reference).await?);
        }
        Ok(groups)
    }
}

#[async_trait]
impl Change for DeleteSecurityGroups {
    fn title(&self) -> String {
        format!("network security group delete {} {}", self.network, self.references.join(" "))
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("security-group-delete", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let bearers = Bearers::of(tenancy).await?;
        let mut leases = Vec::new();
        for group in self.groups(tenancy).await? {
            let reference = group.value.reference();
            leases.push(LeaseRequest::exclusive(group.key));
            if !self.force {
                continue;
            }
            for host in bearers.hosts_with(&reference) {
                leases.push(LeaseRequest::exclusive(host.key.clone()));
            }
            for subnet in bearers.subnets_with(&reference) {
                let network = &subnet.value.body.network;
                leases.push(LeaseRequest::exclusive(tenancy.record_key(Kind::Network, &[network.as_str()])?));
            }
        }
        Ok(leases)
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let bearers = Bearers::of(tenancy).await?;
        let mut groups = Vec::new();
        for group in self.groups(tenancy).await? {
            let id = group.value.ready_id()?.to_owned();
            let reference = group.value.reference();
            if !self.force
                && let Some(by) = users(&bearers, &reference)
            {
                let name = reference.to_string();
                return Err(Error::InUse { kind: Kind::SecurityGroup.name(), name, by });
            }
            groups.push((reference, id));
        }
        Ok(Plan::DeleteSecurityGroups(PlannedGroupDeletion { groups }))
    }
}

/// By what a group is used, for people.
fn users(bearers: &Bearers, group: &GroupRef) -> Option<String> {
    let list = |kind: &str, names: Vec<String>| match names.as_slice() {
        [] => None,
        [one] => Some(format!("the {kind} {one}")),
        many => Some(format!("the {kind}s {}", many.join(", "))),
    };
    let hosts = bearers.hosts_with(group).map(|host| host.value.name.to_string()).collect();
    let subnets = bearers
        .subnets_with(group)
        .map(|subnet| format!("{}/{}", subnet.value.body.network, subnet.value.name))
        .collect();
    let users: Vec<_> = [list("host", hosts), list("subnet", subnets)].into_iter().flatten().collect();
    (!users.is_empty()).then(|| users.join(" and "))
}

/// Security groups to be deleted, and taken off whatever has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedGroupDeletion {
    groups: Vec<(GroupRef, String)>,
}

impl PlannedGroupDeletion {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        for (group, id) in &self.groups {
            delete_group(operation, group, id).await?;
        }
        Ok(Transaction::new())
    }
}

async fn delete_group(operation: &Operation<'_>, group: &GroupRef, id: &str) -> Result<(), Error> {
    let tenancy = operation.tenancy();
    let key = tenancy.record_key(Kind::SecurityGroup, &group.path())?;
    if tenancy.store().get(&key).await?.is_none() {
        // A process before this one has come that far.
        return Ok(());
    }
    let bearers = Bearers::of(tenancy).await?;
    let with_it = bearers.hosts.iter().filter(|host| bearers.has(&host.value, group));
    let hosts = with_it.filter_map(|host| Some((host.value.name.clone(), host.value.cloud_id.clone()?)));
    let unbound = hosts.map(|(name, host)| async move {
        let request = Request::UnbindSecurityGroup { group: id.to_owned(), host };
        let title = format!("security group {group} off {name}");
        operation.step(&format!("unbind {group} from {name}"), &title, request).await
    });
    operation.together(unbound.collect::<Vec<_>>()).await?;
    forget_bindings(operation, &bearers, group).await?;
    let title = format!("security group {group}");
    let request = Request::DeleteSecurityGroup { id: id.to_owned() };
    operation.step_then(&format!("delete {group}"), &title, request, |t, _| Ok(t.delete(key))).await?;
    Ok(())
}

/// Takes a group out of the records of hosts and subnets.
async fn forget_bindings(
    operation: &Operation<'_>,
    bearers: &Bearers,
    group: &GroupRef,
) -> Result<(), Error> {
    let mut changes = Vec::new();
    for host in bearers.hosts_with(group) {
        let mut record: Record<HostBody> = host.value.clone();
        record.body.groups.retain(|binding| binding.group != *group);
        changes.push((host.key.clone(), host.version, encode(&record)?));
    }
    for subnet in bearers.subnets_with(group) {
        let mut record: Record<SubnetBody> = subnet.value.clone();
        record.body.groups.retain(|binding| binding.group != *group);
        changes.push((subnet.key.clone(), subnet.version, encode(&record)?));
    }
    for some in changes.chunks(RECORDS_AT_ONCE) {
        let change = |transaction: Transaction, (key, version, value): &(Key, _, Vec<u8>)| {
            transaction.require(key.clone(), *version).put(key.clone(), value.clone())
        };
        operation.tenancy().store().commit(some.iter().fold(operation.transaction(), change)).await?;
    }
    Ok(())
}

/// Deletes the groups of a network whose hosts are gone.
pub(in crate::resource) async fn delete_groups_of(
    operation: &Operation<'_>,
    network: &Name,
) -> Result<(), Error> {
    let tenancy = operation.tenancy();
    let below = tenancy.record_key(Kind::SecurityGroup, &[network.as_str()])?.below();
    for group in tenancy.store().list_json::<Record<SecurityGroupBody>>(&below).await? {
        let id = group.value.ready_id()?;
        delete_group(operation, &group.value.reference(), id).await?;
    }
    Ok(())
}
