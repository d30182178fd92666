//! What differs between the state and the cloud.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use skywright_runtime::printable;
use skywright_runtime::provider::hosts::{Host, State};
use skywright_runtime::provider::volumes::Volume;
use skywright_state::Key;

use super::CloudKind;
use super::inventory::{Inventory, Item, ids, is_gone};
use super::records::{Outline, Records};
use crate::error::Error;
use crate::operation::{OperationId, OperationRecord, now_unix_ms, operation_of};
use crate::resource::host::HostBody;
use crate::resource::record::Record;
use crate::resource::template::{TemplateSummary, templates};
use crate::resource::volume::{VolumeAttachment, VolumeBody};
use crate::tenancy::Tenancy;

/// What is wrong with a resource, if anything is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is recorded, and the cloud does not have it.
    Gone,
    /// It was made here, and nothing knows of it any more.
    Orphan,
    /// Somebody else made it.
    Foreign,
    /// It is not as it is recorded.
    Changed,
    /// It is of an operation that did not come to its end.
    Unfinished,
}

/// What is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// To drop the record.
    Forget,
    /// To delete it in the cloud.
    Delete,
    /// To write the record anew.
    Update,
    /// Nothing.
    None,
}

/// Who made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Owner {
    /// This tenant of this home.
    Here,
    /// Another tenant of this home.
    OtherTenant,
    /// Another home of this product.
    OtherHome,
    /// Somebody without this product.
    Others,
}

/// A field that is not as it is recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FieldChange {
    /// Which, as it is called in the JSON of the kind.
    pub field: &'static str,
    /// What the record says.
    pub recorded: Option<String>,
    /// What the cloud says.
    pub actual: Option<String>,
}

/// A resource that is not as it should be, or that is not ours.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its kind.
    pub kind: CloudKind,
    /// Its name: the record's, behind its network where it has one, or the cloud's.
    pub name: String,
    /// The cloud's id.
    pub id: Option<String>,
    /// What is wrong.
    pub verdict: Verdict,
    /// What is proposed.
    pub remedy: Remedy,
    /// Who made it.
    pub owner: Owner,
    /// The operation that made it, or is at it.
    pub operation: Option<String>,
    /// What is not as it is recorded.
    pub changes: Vec<FieldChange>,
}

/// What differs between the state and the cloud: JSON of `reconcile`.
#[derive(Debug, Clone, Serialize)]
pub struct Comparison {
    /// What differs.
    pub findings: Vec<Finding>,
    /// How many resources are as they are recorded.
    pub in_order: usize,
    /// The kinds that the cloud does not tell of.
    pub not_covered: Vec<CloudKind>,
}

impl Comparison {
    /// The findings that something is proposed for.
    pub fn proposals(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.remedy != Remedy::None)
    }
}

/// A comparison, with what it was made of.
pub(super) struct Compared {
    pub(super) comparison: Comparison,
    pub(super) inventory: Inventory,
    pub(super) records: Records,
    /// The records as they shall be, where they differ.
    pub(super) updated: Records,
}

/// What all tenants of this home have.
struct Elsewhere {
    known: HashSet<String>,
    operations: HashMap<OperationId, OperationRecord>,
}

impl Tenancy {
    /// Holds the state against the cloud. Nothing is changed.
    ///
    /// # Errors
    ///
    /// If the state cannot be read, or the cloud does not tell.
    pub async fn compare(&self) -> Result<Comparison, Error> {
        Ok(Compared::of(self).await?.comparison)
    }

    /// What is known of resources and operations of all tenants of this home: two may share a cloud.
    async fn elsewhere(&self) -> Result<Elsewhere, Error> {
        let mut elsewhere = Elsewhere { known: HashSet::new(), operations: HashMap::new() };
        for entry in self.store().list(&Key::new("tenants")?.below()).await? {
            let segments: Vec<_> = entry.key.segments().map(str::to_owned).collect();
            match (segments.get(1), segments.get(2).map(String::as_str)) {
                (_, Some("operations")) => {
                    let record = entry.json::<OperationRecord>()?.value;
                    elsewhere.operations.insert(record.id.clone(), record);
                }
                (Some(tenant), Some("resources")) if tenant != self.name() => {
                    let value = entry.json::<serde_json::Value>()?.value;
                    remember_ids(&value, &mut elsewhere.known);
                }
                _ => {}
            }
        }
        Ok(elsewhere)
    }
}

/// The cloud's ids in a record of whatever kind: its own, and those of what came with it.
fn remember_ids(record: &serde_json::Value, known: &mut HashSet<String>) {
    let body = &record["body"];
    let places = [
        &record["cloud_id"],
        &body["internal_group"],
        &body["gateway_group"],
        &body["own_group"],
        &body["virtual_ip"]["id"],
    ];
    known.extend(places.into_iter().filter_map(|id| id.as_str().map(str::to_owned)));
}

impl Compared {
    /// # Errors
    ///
    /// As [`Tenancy::compare`].
    pub(super) async fn of(tenancy: &Tenancy) -> Result<Self, Error> {
        // The cloud first: what is made meanwhile is then in the records, and not taken for nobody's.
        let inventory = Inventory::of(tenancy.cloud()).await?;
        let records = Records::of(tenancy).await?;
        let elsewhere = tenancy.elsewhere().await?;
        let items = inventory.items();
        let mut findings = Vec::new();
        let gone = gone(tenancy, &inventory, &items, &records, &elsewhere).await?;
        let mut there = records.clone();
        for (finding, key) in &gone {
            there.forget(finding.kind, key);
        }
        let mut updated = records.clone();
        findings.extend(changed(tenancy, &inventory, &there, &mut updated).await?);
        let in_order = there.outlines().len().saturating_sub(findings.len());
        let prefix = tenancy.home_id().intent_prefix();
        findings.extend(unrecorded(tenancy.name(), &prefix, &items, &there, &elsewhere));
        findings.extend(gone.into_iter().map(|(finding, _)| finding));
        findings.sort_by(|a, b| {
            let order = |finding: &Finding| (finding.remedy == Remedy::None, finding.kind);
            (order(a), &a.name, &a.id).cmp(&(order(b), &b.name, &b.id))
        });
        let not_covered = CloudKind::ALL.into_iter().filter(|kind| !inventory.covers(*kind)).collect();
        let comparison = Comparison { findings, in_order, not_covered };
        Ok(Self { comparison, inventory, records, updated })
    }
}

/// The records whose resource the cloud does not have, or whose operation is over without one.
async fn gone(
    tenancy: &Tenancy,
    inventory: &Inventory,
    items: &[Item],
    records: &Records,
    elsewhere: &Elsewhere,
) -> Result<Vec<(Finding, Key)>, Error> {
    let there = ids(items);
    let mut gone = Vec::new();
    for record in records.outlines() {
        let is = if record.ready {
            let id = match record.kind {
                CloudKind::Bucket => Some(record.name.as_str()),
                _ => record.id,
            };
            match id {
                Some(id) if !inventory.covers(record.kind) || there.contains(&(record.kind, id)) => false,
                Some(id) => is_gone(tenancy.cloud(), record.kind, id).await?,
                None => true,
            }
        } else {
            let operation = record.operation.and_then(|id| elsewhere.operations.get(id));
            operation.is_none_or(|operation| operation.phase.is_settled())
        };
        if is {
            gone.push((finding_of(&record, Verdict::Gone, Remedy::Forget), record.key.clone()));
        }
    }
    Ok(gone)
}

fn finding_of(record: &Outline<'_>, verdict: Verdict, remedy: Remedy) -> Finding {
    Finding {
        kind: record.kind,
        name: record.name.clone(),
        id: record.id.map(str::to_owned),
        verdict,
        remedy,
        owner: if record.adopted { Owner::Others } else { Owner::Here },
        operation: record.operation.map(ToString::to_string),
        changes: Vec::new(),
    }
}

/// What the cloud has and no record knows.
fn unrecorded(
    tenant: &str,
    prefix: &str,
    items: &[Item],
    there: &Records,
    elsewhere: &Elsewhere,
) -> Vec<Finding> {
    let known: HashSet<_> = there.known_ids().into_iter().collect();
    let is_known =
        |item: &Item| known.contains(&(item.kind, item.id.clone())) || elsewhere.known.contains(&item.id);
    // What carries the intent of something that is known came with it, as a host's address does.
    let came_with: HashSet<_> =
        items.iter().filter(|item| is_known(item)).filter_map(|item| item.intent.as_deref()).collect();
    let is_part = |item: &Item| item.intent.as_deref().is_some_and(|intent| came_with.contains(intent));
    let unknown = items.iter().filter(|item| !is_known(item) && !is_part(item));
    unknown
        .map(|item| {
            let intent = item.intent.as_deref().unwrap_or_default();
            let id = operation_of(intent);
            let operation = id.as_ref().and_then(|id| elsewhere.operations.get(id));
            let (verdict, remedy, owner) = match operation {
                _ if !intent.starts_with(prefix) => {
                    let owner = if id.is_some() { Owner::OtherHome } else { Owner::Others };
                    (Verdict::Foreign, Remedy::None, owner)
                }
                Some(record) if record.tenant != tenant => {
                    (Verdict::Foreign, Remedy::None, Owner::OtherTenant)
                }
                Some(record) if !record.phase.is_settled() => {
                    (Verdict::Unfinished, Remedy::None, Owner::Here)
                }
                _ => (Verdict::Orphan, Remedy::Delete, Owner::Here),
            };
            Finding {
                kind: item.kind,
                name: printable(&item.name),
                id: Some(item.id.clone()),
                verdict,
                remedy,
                owner,
                operation: id.filter(|_| owner == Owner::Here).map(|id| id.to_string()),
                changes: Vec::new(),
            }
        })
        .collect()
}

/// What is not as it is recorded. `updated` is made as it is.
async fn changed(
    tenancy: &Tenancy,
    inventory: &Inventory,
    there: &Records,
    updated: &mut Records,
) -> Result<Vec<Finding>, Error> {
    let mut findings = Vec::new();
    let mut all_templates: Option<Vec<TemplateSummary>> = None;
    for host in inventory.hosts.iter().flatten() {
        let of_it = |(_, (record, _)): &(&Key, &(Record<HostBody>, _))| {
            record.cloud_id.as_deref() == Some(host.id.as_str())
        };
        let Some((key, _)) = there.hosts.iter().find(of_it) else { continue };
        let Some((record, _)) = updated.hosts.get_mut(key) else { continue };
        let resized = host.template != record.body.template.id && host.template != record.body.template.name;
        if resized && all_templates.is_none() {
            all_templates = Some(summaries(tenancy).await?);
        }
        let template = all_templates.iter().flatten().filter(|_| resized);
        let mut template = template.filter(|t| t.id == host.template || t.name == host.template);
        let changes = update_host(record, host, template.next());
        findings.extend(changed_finding(CloudKind::Host, key, Some(&host.id), changes));
    }
    for volume in inventory.volumes.iter().flatten() {
        let of_it = |(_, (record, _)): &(&Key, &(Record<VolumeBody>, _))| {
            record.cloud_id.as_deref() == Some(volume.id.as_str())
        };
        let Some((key, _)) = there.volumes.iter().find(of_it) else { continue };
        let attached = attachment(there, volume);
        let Some((record, _)) = updated.volumes.get_mut(key) else { continue };
        let changes = update_volume(record, volume, attached);
        findings.extend(changed_finding(CloudKind::Volume, key, Some(&volume.id), changes));
    }
    findings.extend(renamed(inventory, there));
    Ok(findings)
}

fn changed_finding(
    kind: CloudKind,
    key: &Key,
    id: Option<&str>,
    changes: Vec<FieldChange>,
) -> Option<Finding> {
    (!changes.is_empty()).then(|| Finding {
        kind,
        name: key.segments().skip(4).collect::<Vec<_>>().join("/"),
        id: id.map(str::to_owned),
        verdict: Verdict::Changed,
        remedy: Remedy::Update,
        owner: Owner::Here,
        operation: None,
        changes,
    })
}

/// Whatever has another name in the cloud. Names are the user's here, and what others refer to: they stay.
fn renamed(inventory: &Inventory, there: &Records) -> Vec<Finding> {
    let names: HashMap<_, _> =
        inventory.items().into_iter().map(|item| ((item.kind, item.id), item.name)).collect();
    let mut findings = Vec::new();
    for record in there.outlines() {
        let Some(id) = record.id else { continue };
        if record.kind == CloudKind::PublicAddress {
            // What the cloud calls it is the address.
            continue;
        }
        let own = record.key.name();
        let Some(name) = names.get(&(record.kind, id.to_owned())) else { continue };
        // Some clouds change the case of names, some have none.
        if record.adopted || name.is_empty() || name.eq_ignore_ascii_case(own) {
            continue;
        }
        let mut finding = finding_of(&record, Verdict::Changed, Remedy::None);
        finding.changes.push(FieldChange {
            field: "name",
            recorded: Some(own.to_owned()),
            actual: Some(printable(name)),
        });
        findings.push(finding);
    }
    findings
}

pub(super) async fn summaries(tenancy: &Tenancy) -> Result<Vec<TemplateSummary>, Error> {
    let summary = |template: skywright_sizing::Template| TemplateSummary {
        id: template.id.to_string(),
        name: template.name,
        vcpus: template.vcpus,
        memory_mib: template.memory_mib,
        disk_gib: template.disk_gib,
    };
    Ok(templates(tenancy.cloud()).await?.into_iter().map(summary).collect())
}

/// Makes a record what the cloud says, and tells what that changed.
fn update_host(
    record: &mut Record<HostBody>,
    host: &Host,
    template: Option<&TemplateSummary>,
) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    if let Some(template) = template {
        let was = std::mem::replace(&mut record.body.template, template.clone());
        changes.push(FieldChange {
            field: "template",
            recorded: Some(was.name),
            actual: Some(template.name.clone()),
        });
    }
    // A host that does not run may lose addresses until it does.
    let runs = host.state == State::Running;
    let body = &mut record.body;
    let fields = [
        ("private_address", false, &mut body.private_address),
        ("public_address", true, &mut body.public_address),
    ];
    for (field, public, recorded) in fields {
        let mut actual = host.addresses.iter().filter(|at| at.public == public).map(|at| &at.address);
        let first = actual.clone().next().cloned();
        let same = match recorded.as_ref() {
            Some(recorded) => actual.any(|address| address == recorded),
            None => first.is_none(),
        };
        if same || (first.is_none() && !runs) {
            continue;
        }
        let was = std::mem::replace(recorded, first.clone());
        changes.push(FieldChange { field, recorded: was, actual: first });
    }
    changes
}

/// The recorded host that has a volume.
pub(super) fn attachment(records: &Records, volume: &Volume) -> Option<VolumeAttachment> {
    volume.attachments.iter().find_map(|at| {
        let host = records.host_name(&at.host)?.clone();
        Some(VolumeAttachment { host, device: at.device.clone(), since_unix_ms: now_unix_ms(), mount: None })
    })
}

fn update_volume(
    record: &mut Record<VolumeBody>,
    volume: &Volume,
    attached: Option<VolumeAttachment>,
) -> Vec<FieldChange> {
    let mut changes = Vec::new();
    let body = &mut record.body;
    if body.size_gib != volume.size_gib {
        let recorded = Some(body.size_gib.to_string());
        changes.push(FieldChange { field: "size_gib", recorded, actual: Some(volume.size_gib.to_string()) });
        body.size_gib = volume.size_gib;
    }
    let host = |at: &Option<VolumeAttachment>| at.as_ref().map(|at| at.host.to_string());
    if host(&body.attachment) != host(&attached) {
        changes.push(FieldChange {
            field: "attachments",
            recorded: host(&body.attachment),
            actual: host(&attached),
        });
        body.attachment = attached;
    }
    changes
}

#[cfg(test)]
mod tests {
    use skywright_runtime::provider::volumes::{Attachment, State as VolumeState};

    use super::*;
    use crate::operation::HomeId;

    fn item(kind: CloudKind, id: &str, intent: Option<String>) -> Item {
        Item { kind, id: id.to_owned(), name: id.to_owned(), intent }
    }

    fn nothing() -> Records {
        Records {
            networks: Default::default(),
            subnets: Default::default(),
            groups: Default::default(),
            hosts: Default::default(),
            volumes: Default::default(),
            buckets: Default::default(),
            virtual_ips: Default::default(),
            addresses: Default::default(),
        }
    }

    fn volume_record(id: &str) -> Record<VolumeBody> {
        let operation = OperationId::random().unwrap();
        let body = VolumeBody { size_gib: 1, speed: Default::default(), zone: None, attachment: None };
        let labels = crate::resource::Labels::default();
        Record::reserved("data".parse().unwrap(), &operation, &labels, body).ready(id)
    }

    #[test]
    fn only_what_was_made_here_and_is_nowhere_is_to_be_deleted() {
        let (home, other) = (HomeId::random().unwrap(), HomeId::random().unwrap());
        let operation = OperationId::random().unwrap();
        let mut records = nothing();
        let key = Key::new("tenants/t/resources/volume/data").unwrap();
        records.volumes.insert(key, (volume_record("v1"), skywright_state::Version(1)));
        let items = [
            item(CloudKind::Volume, "v1", Some(home.intent(&operation, 1))),
            // It came with the volume.
            item(CloudKind::PublicAddress, "a1", Some(home.intent(&operation, 1))),
            item(CloudKind::Volume, "v2", Some(home.intent(&operation, 2))),
            item(CloudKind::Volume, "v3", Some(other.intent(&operation, 1))),
            item(CloudKind::Volume, "v4", None),
            item(CloudKind::Volume, "v5", Some("made-by-somebody".to_owned())),
            item(CloudKind::Volume, "v6", Some(home.intent(&operation, 6))),
        ];
        let known = HashSet::from(["v6".to_owned()]);
        let elsewhere = Elsewhere { known, operations: HashMap::new() };
        let findings = unrecorded("t", &home.intent_prefix(), &items, &records, &elsewhere);
        let told: Vec<_> = findings.iter().map(|f| (f.id.as_deref().unwrap(), f.remedy, f.owner)).collect();
        assert_eq!(
            told,
            [
                ("v2", Remedy::Delete, Owner::Here),
                ("v3", Remedy::None, Owner::OtherHome),
                ("v4", Remedy::None, Owner::Others),
                ("v5", Remedy::None, Owner::Others),
            ]
        );
    }

    #[test]
    fn a_volume_is_recorded_as_it_is() {
        let mut record = volume_record("v1");
        let mut volume = Volume {
            id: "v1".to_owned(),
            name: "data".to_owned(),
            size_gib: 1,
            speed: None,
            state: VolumeState::Available,
            attachments: Vec::new(),
            intent: None,
            tags: Vec::new(),
        };
        assert_eq!(update_volume(&mut record, &volume, None), []);
        volume.size_gib = 2;
        volume.attachments.push(Attachment {
            id: "x".to_owned(),
            volume: "v1".to_owned(),
            host: "h1".to_owned(),
            device: None,
        });
        // A host that is not recorded has no name.
        assert_eq!(attachment(&nothing(), &volume), None);
        let attached =
            VolumeAttachment { host: "web".parse().unwrap(), device: None, since_unix_ms: 0, mount: None };
        let fields: Vec<_> = update_volume(&mut record, &volume, Some(attached.clone()))
            .into_iter()
            .map(|change| (change.field, change.actual.unwrap()))
            .collect();
        assert_eq!(fields, [("size_gib", "2".to_owned()), ("attachments", "web".to_owned())]);
        assert_eq!(record.body.attachment, Some(attached.clone()));
        assert_eq!(update_volume(&mut record, &volume, Some(attached)), []);
    }
}
