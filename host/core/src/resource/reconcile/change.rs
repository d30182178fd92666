//! Bringing state and cloud together again.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_state::{Key, LeaseRequest, Transaction};

use super::CloudKind;
use super::adopt::Adoption;
use super::compare::{Compared, Finding, Remedy, Verdict};
use super::records::{Records, Write};
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Change, Operation, Request};
use crate::resource::plan::Plan;
use crate::resource::record::Kind;
use crate::tenancy::Tenancy;

/// How many records one transaction of the state changes at most.
const RECORDS_AT_ONCE: usize = 32;

/// One thing that is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chosen {
    /// Drops the record of what is gone, or of what was taken in.
    Forget {
        /// Its kind.
        kind: CloudKind,
        /// Its name, behind its network where it has one.
        name: String,
    },
    /// Writes the record as the cloud has it.
    Update {
        /// Its kind.
        kind: CloudKind,
        /// Its name, behind its network where it has one.
        name: String,
    },
    /// Deletes what was made here and is recorded nowhere.
    Delete {
        /// Its kind.
        kind: CloudKind,
        /// The cloud's id.
        id: String,
    },
    /// Makes a record of what has none.
    Adopt {
        /// Its kind.
        kind: CloudKind,
        /// The cloud's id.
        id: String,
        /// What it is called here; as in the cloud where it is not said.
        name: Option<Name>,
    },
}

impl Chosen {
    /// What is proposed for a finding.
    #[must_use]
    pub fn proposed(finding: &Finding) -> Option<Self> {
        let (kind, name) = (finding.kind, finding.name.clone());
        match finding.remedy {
            Remedy::Forget => Some(Self::Forget { kind, name }),
            Remedy::Update => Some(Self::Update { kind, name }),
            Remedy::Delete => Some(Self::Delete { kind, id: finding.id.clone()? }),
            Remedy::None => None,
        }
    }

    /// In the order in which they can be done: records of networks before those of what is in them.
    fn order(&self) -> (u8, std::cmp::Reverse<CloudKind>) {
        match self {
            Self::Forget { kind, .. } => (0, std::cmp::Reverse(*kind)),
            Self::Update { kind, .. } => (1, std::cmp::Reverse(*kind)),
            Self::Adopt { kind: CloudKind::Volume, .. } => (3, std::cmp::Reverse(CloudKind::Volume)),
            Self::Adopt { kind, .. } => (2, std::cmp::Reverse(*kind)),
            Self::Delete { kind, .. } => (4, std::cmp::Reverse(*kind)),
        }
    }
}

/// `reconcile`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reconcile {
    /// What is done.
    pub chosen: Vec<Chosen>,
}

#[async_trait]
impl Change for Reconcile {
    fn title(&self) -> String {
        "reconcile".to_owned()
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("reconcile", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let mut leases = vec![LeaseRequest::exclusive(Key::of(["tenants", tenancy.name(), "reconcile"])?)];
        for chosen in &self.chosen {
            let (Chosen::Forget { kind, name } | Chosen::Update { kind, name }) = chosen else { continue };
            leases.push(LeaseRequest::exclusive(lease_of(tenancy, *kind, name)?));
        }
        Ok(leases)
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let Compared { comparison, inventory, records, updated } = Compared::of(tenancy).await?;
        let mut after = records.clone();
        let mut deletions = Vec::new();
        let mut chosen = self.chosen.clone();
        chosen.sort_by_key(Chosen::order);
        for one in &chosen {
            match one {
                Chosen::Forget { kind, name } => {
                    let key = forgettable(&records, &comparison.findings, *kind, name)?;
                    after.forget(*kind, &key);
                }
                Chosen::Update { kind, name } => take_over(&updated, &mut after, *kind, name),
                Chosen::Adopt { kind, id, name } => {
                    adoptable(&comparison.findings, *kind, id)?;
                    let mut adoption = Adoption { tenancy, inventory: &inventory, records: &mut after };
                    adoption.add(*kind, id, name.as_ref()).await?;
                }
                Chosen::Delete { kind, id } => {
                    if let Some(finding) = deletable(&comparison.findings, *kind, id)? {
                        let volumes = inventory.volumes.iter().flatten();
                        let attached = volumes
                            .filter(|volume| *kind == CloudKind::Volume && volume.id == *id)
                            .flat_map(|volume| &volume.attachments);
                        let hosts = attached.map(|at| at.host.clone()).collect();
                        deletions.push(Deletion {
                            kind: *kind,
                            id: id.clone(),
                            name: finding.name.clone(),
                            hosts,
                        });
                    }
                }
            }
        }
        deletions.sort_by_key(|deletion| deletion.kind);
        Ok(Plan::Reconcile(PlannedReconcile { writes: records.writes(&after)?, deletions }))
    }
}

/// Whose lease the change of a record needs: a subnet's is its network's.
fn lease_of(tenancy: &Tenancy, kind: CloudKind, name: &str) -> Result<Key, Error> {
    let mut path: Vec<&str> = name.split('/').collect();
    let kind = match kind {
        CloudKind::Host => Kind::Host,
        CloudKind::Volume => Kind::Volume,
        CloudKind::SecurityGroup => Kind::SecurityGroup,
        CloudKind::Subnet => {
            path.truncate(1);
            Kind::Network
        }
        CloudKind::Network => Kind::Network,
        CloudKind::Bucket => Kind::Bucket,
        CloudKind::PublicAddress => Kind::PublicAddress,
        CloudKind::VirtualIp => Kind::VirtualIp,
    };
    tenancy.record_key(kind, &path)
}

fn no_record(kind: CloudKind, name: &str) -> Error {
    let name = name.chars().take(128).flat_map(char::escape_debug).collect();
    Error::NoSuch { kind: kind.name(), name, known: Vec::new() }
}

/// That a record may be dropped: what it is of is gone, or others made it.
fn forgettable(records: &Records, findings: &[Finding], kind: CloudKind, name: &str) -> Result<Key, Error> {
    let all = records.outlines();
    let record = all.iter().find(|record| record.kind == kind && record.name == name);
    let Some(record) = record else { return Err(no_record(kind, name)) };
    let gone = findings
        .iter()
        .any(|finding| finding.verdict == Verdict::Gone && finding.kind == kind && finding.name == name);
    if gone || record.adopted {
        return Ok(record.key.clone());
    }
    let by = "the cloud, which has it: delete it instead".to_owned();
    Err(Error::InUse { kind: kind.name(), name: name.to_owned(), by })
}

/// That something has no record yet.
fn adoptable(findings: &[Finding], kind: CloudKind, id: &str) -> Result<(), Error> {
    let found = findings.iter().find(|f| f.kind == kind && f.id.as_deref() == Some(id));
    match found.map(|finding| finding.verdict) {
        Some(Verdict::Foreign | Verdict::Orphan) => Ok(()),
        Some(Verdict::Unfinished) => Err(Error::NotReady {
            kind: kind.name(),
            name: id.to_owned(),
            operation: found.and_then(|finding| finding.operation.clone()),
        }),
        _ => {
            let reason =
                "there is none without a record in the cloud; `reconcile --plan` lists those".to_owned();
            Err(Error::Invalid { what: format!("{kind} {id}"), reason })
        }
    }
}

/// That something may be deleted; nothing if it is gone meanwhile.
fn deletable<'f>(findings: &'f [Finding], kind: CloudKind, id: &str) -> Result<Option<&'f Finding>, Error> {
    let found = findings.iter().find(|f| f.kind == kind && f.id.as_deref() == Some(id));
    match found.map(|finding| finding.verdict) {
        Some(Verdict::Orphan) => Ok(found),
        Some(Verdict::Foreign) => Err(Error::Invalid {
            what: format!("{kind} {id}"),
            reason: "it was not made here; adopt it, and delete it then".to_owned(),
        }),
        _ => Err(Error::Invalid {
            what: format!("{kind} {id}"),
            reason: "it is not without a record; delete what has one by its name".to_owned(),
        }),
    }
}

/// Takes one record as it shall be.
fn take_over(updated: &Records, after: &mut Records, kind: CloudKind, name: &str) {
    match kind {
        CloudKind::Host => {
            for (key, (record, version)) in &updated.hosts {
                if record.name.as_str() == name && after.hosts.contains_key(key) {
                    let mut record = record.clone();
                    // What was forgotten in the same breath stays so.
                    if let Some((other, _)) = after.hosts.get(key) {
                        record.body.subnets.clone_from(&other.body.subnets);
                        record.body.groups.clone_from(&other.body.groups);
                    }
                    after.hosts.insert(key.clone(), (record, *version));
                }
            }
        }
        CloudKind::Volume => {
            for (key, volume) in &updated.volumes {
                if volume.0.name.as_str() == name && after.volumes.contains_key(key) {
                    after.volumes.insert(key.clone(), volume.clone());
                }
            }
        }
        _ => {}
    }
}

/// One that is to be deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Deletion {
    kind: CloudKind,
    id: String,
    name: String,
    /// The hosts that it has to be taken off first.
    hosts: Vec<String>,
}

impl Deletion {
    fn request(&self) -> Request {
        let id = self.id.clone();
        match self.kind {
            CloudKind::Host => Request::DeleteHost { id },
            CloudKind::Volume => Request::DeleteVolume { id },
            CloudKind::VirtualIp => Request::DeleteVirtualIp { id },
            CloudKind::PublicAddress => Request::ReleaseAddress { id },
            CloudKind::SecurityGroup => Request::DeleteSecurityGroup { id },
            CloudKind::Subnet => Request::DeleteSubnet { id },
            CloudKind::Network => Request::DeleteNetwork { id },
            CloudKind::Bucket => Request::DeleteBucket { name: id },
        }
    }

    async fn carry_out(&self, operation: &Operation<'_>) -> Result<(), Error> {
        let title = format!("{} {}", self.kind, self.name);
        for host in &self.hosts {
            let request = Request::DetachVolume { volume: self.id.clone(), host: host.clone() };
            operation.step(&format!("detach {} from {host}", self.id), &title, request).await?;
        }
        operation.step(&format!("delete {} {}", self.kind, self.id), &title, self.request()).await?;
        Ok(())
    }
}

/// Records to be written, and resources to be deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedReconcile {
    writes: Vec<Write>,
    deletions: Vec<Deletion>,
}

impl PlannedReconcile {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let store = operation.tenancy().store();
        for some in self.writes.chunks(RECORDS_AT_ONCE) {
            let mut transaction = operation.transaction();
            for write in some {
                let there = store.get(&write.key).await?.map(|entry| entry.value);
                let wanted = write.value.as_ref().map(|text| text.as_bytes().to_vec());
                // A process before this one may have come that far.
                if there == wanted {
                    continue;
                }
                transaction = transaction.require(write.key.clone(), write.version);
                transaction = match wanted {
                    Some(value) => transaction.put(write.key.clone(), value),
                    None => transaction.delete(write.key.clone()),
                };
            }
            store.commit(transaction).await?;
        }
        for kind in self.deletions.chunk_by(|a, b| a.kind == b.kind) {
            operation.together(kind.iter().map(|deletion| deletion.carry_out(operation))).await?;
        }
        Ok(Transaction::new())
    }
}
