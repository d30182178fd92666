//! Labels and tags of a resource: bound, changed, taken off.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_state::{Found, Key, LeaseRequest, StoreExt as _, Transaction};

use super::{AnyRecord, check_label_name, check_label_value, path_name, printable_name};
use crate::error::Error;
use crate::operation::{Change, Operation, Request, Tagged};
use crate::resource::plan::Plan;
use crate::resource::record::{Kind, Status, cloud_tags};
use crate::tenancy::Tenancy;

/// One change of a resource's labels and tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelEdit {
    /// Binds a label, or gives it another value: the catalogue's, where none is given.
    Bind {
        /// Its name.
        name: String,
        /// Its value.
        value: Option<String>,
    },
    /// Gives a bound label another value.
    Update {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
    },
    /// Gives a bound label the catalogue's value.
    Reset {
        /// Its name.
        name: String,
    },
    /// Takes a label off; one that is not there is done.
    Unbind {
        /// Its name.
        name: String,
    },
    /// Binds a tag.
    BindTag {
        /// The word.
        name: String,
    },
    /// Takes a tag off; one that is not there is done.
    UnbindTag {
        /// The word.
        name: String,
    },
}

/// `… label bind` and its kin, on a resource of any kind.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ChangeLabels {
    /// Which kind.
    pub kind: Kind,
    /// The resource: its name or id, behind its network (`-` for none) where its kind has one.
    pub path: Vec<String>,
    /// What is done, in this order.
    pub edits: Vec<LabelEdit>,
}

#[async_trait]
impl Change for ChangeLabels {
    fn title(&self) -> String {
        let word = match self.edits.first() {
            Some(LabelEdit::BindTag { .. } | LabelEdit::UnbindTag { .. }) => "tag",
            _ => "label",
        };
        format!("{} {word} {}", self.kind.name(), self.path.join(" "))
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("labels", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let found = tenancy.any_record(self.kind, &self.path).await?;
        Ok(vec![LeaseRequest::exclusive(lease_key(tenancy, self.kind, &found)?)])
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let found = tenancy.any_record(self.kind, &self.path).await?;
        let mut labelled = PlannedResource::of(self.kind, found)?;
        for edit in &self.edits {
            labelled.apply(tenancy, edit).await?;
        }
        Ok(Plan::ChangeLabels(PlannedLabels { resources: vec![labelled], removed: None }))
    }
}

/// Whose lease a record's change needs: a subnet's is its network's.
pub(super) fn lease_key(tenancy: &Tenancy, kind: Kind, found: &Found<AnyRecord>) -> Result<Key, Error> {
    match (kind, found.key.segments().rev().nth(1)) {
        (Kind::Subnet, Some(network)) => tenancy.record_key(Kind::Network, &[network]),
        _ => Ok(found.key.clone()),
    }
}

/// A resource, and the labels and tags that it shall have.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct PlannedResource {
    kind: Kind,
    key: Key,
    name: String,
    id: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) tags: BTreeSet<String>,
}

impl PlannedResource {
    pub(super) fn of(kind: Kind, found: Found<AnyRecord>) -> Result<Self, Error> {
        let record = found.value;
        if record.status != Status::Ready {
            return Err(Error::NotReady {
                kind: kind.name(),
                name: record.name.to_string(),
                operation: record.operation.as_ref().map(ToString::to_string),
            });
        }
        Ok(Self {
            kind,
            name: path_name(kind, &found.key),
            key: found.key,
            id: record.cloud_id,
            labels: record.labels,
            tags: record.tags,
        })
    }

    async fn apply(&mut self, tenancy: &Tenancy, edit: &LabelEdit) -> Result<(), Error> {
        match edit {
            LabelEdit::Bind { name, value } => {
                check_label_name(name)?;
                let value = match value {
                    Some(value) => value.clone(),
                    None => tenancy.default_of(name).await?,
                };
                self.set(name, value)
            }
            LabelEdit::Update { name, value } => {
                self.check_bound(name)?;
                self.set(name, value.clone())
            }
            LabelEdit::Reset { name } => {
                self.check_bound(name)?;
                let value = tenancy.default_of(name).await?;
                self.set(name, value)
            }
            LabelEdit::Unbind { name } => {
                self.labels.remove(name);
                Ok(())
            }
            LabelEdit::BindTag { name } => {
                check_label_name(name)?;
                if self.labels.contains_key(name) {
                    return Err(self.refusal(name, "is a label here, and a cloud keeps both in one place"));
                }
                self.tags.insert(name.clone());
                Ok(())
            }
            LabelEdit::UnbindTag { name } => {
                self.tags.remove(name);
                Ok(())
            }
        }
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Error> {
        check_label_value(&value)?;
        if self.tags.contains(name) {
            return Err(self.refusal(name, "is a tag here, and a cloud keeps both in one place"));
        }
        self.labels.insert(name.to_owned(), value);
        Ok(())
    }

    fn refusal(&self, name: &str, reason: &str) -> Error {
        Error::Invalid {
            what: format!("{} {}", self.kind.name(), self.name),
            reason: format!("`{name}` {reason}"),
        }
    }

    fn check_bound(&self, name: &str) -> Result<(), Error> {
        if self.labels.contains_key(name) {
            return Ok(());
        }
        let known = self.labels.keys().cloned().collect();
        Err(Error::NoSuch { kind: "label", name: printable_name(name), known })
    }

    /// Changes the tags in the cloud, where it keeps them, and the record.
    async fn change(&self, operation: &Operation<'_>) -> Result<(), Error> {
        let tenancy = operation.tenancy();
        let Some(found) = tenancy.store().get_json::<AnyRecord>(&self.key).await? else {
            return Ok(());
        };
        let mut record = found.value;
        record.labels.clone_from(&self.labels);
        record.tags.clone_from(&self.tags);
        let (key, version) = (found.key, found.version);
        match (tagged(self.kind), &self.id) {
            (Some(kind), Some(id)) => {
                let tags = cloud_tags(&self.labels, &self.tags);
                let request = Request::SetTags { kind, id: id.clone(), tags };
                let title = format!("labels of {} {}", self.kind.name(), self.name);
                let step = format!("tags {} {}", self.kind.name(), self.name);
                let then =
                    |t: Transaction, _: &str| Ok(t.require(key.clone(), version).put_json(key, &record)?);
                operation.step_then(&step, &title, request, then).await?;
            }
            _ => {
                let transaction = operation.transaction().require(key.clone(), version);
                tenancy.store().commit(transaction.put_json(key, &record)?).await?;
            }
        }
        Ok(())
    }
}

fn tagged(kind: Kind) -> Option<Tagged> {
    match kind {
        Kind::Network => Some(Tagged::Network),
        Kind::Subnet => Some(Tagged::Subnet),
        Kind::SecurityGroup => Some(Tagged::SecurityGroup),
        Kind::Host => Some(Tagged::Host),
        Kind::Volume => Some(Tagged::Volume),
        Kind::Bucket | Kind::VirtualIp | Kind::PublicAddress | Kind::Share => None,
    }
}

/// Labels and tags to be changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedLabels {
    pub(super) resources: Vec<PlannedResource>,
    /// What goes from the catalogue.
    pub(super) removed: Option<Key>,
}

impl PlannedLabels {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        operation.together(self.resources.iter().map(|resource| resource.change(operation))).await?;
        Ok(self.removed.iter().fold(Transaction::new(), |t, key| t.delete(key.clone())))
    }
}

impl Tenancy {
    /// The labels and tags of a resource.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`].
    pub async fn labels_of(
        &self,
        kind: Kind,
        path: &[String],
    ) -> Result<(BTreeMap<String, String>, BTreeSet<String>), Error> {
        let record = self.any_record(kind, path).await?.value;
        Ok((record.labels, record.tags))
    }
}
