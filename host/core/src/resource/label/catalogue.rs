//! The catalogue of labels and tags.

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_state::{Found, Key, LeaseRequest, StoreExt as _, Transaction};

use super::bind::{PlannedLabels, PlannedResource, lease_key};
use super::{AnyRecord, LabelKind, check_label_name, check_label_value, path_name, printable_name};
use crate::error::Error;
use crate::operation::Change;
use crate::resource::plan::Plan;
use crate::resource::record::Kind;
use crate::tenancy::Tenancy;

/// A label or tag of the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Definition {
    default_value: Option<String>,
}

/// A label or tag, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabelView {
    /// Its name.
    pub name: String,
    /// Whether it is in the catalogue; one that is not is bound somewhere.
    pub catalogued: bool,
    /// The value for those who bind it without one.
    pub default_value: Option<String>,
    /// Where it is bound.
    pub resources: Vec<LabelledView>,
}

/// A resource that has a label or tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LabelledView {
    /// Its kind, such as `host`.
    pub kind: &'static str,
    /// Its name, behind its network's where it has one.
    pub name: String,
    /// The label's value.
    pub value: Option<String>,
}

/// `label delete --force` and `tag delete --force`: also from whatever has them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteLabel {
    /// Which of both.
    pub kind: LabelKind,
    /// Its name.
    pub name: String,
    /// Takes it off whatever has it first.
    pub force: bool,
}

impl DeleteLabel {
    async fn bound(&self, tenancy: &Tenancy) -> Result<Vec<(Kind, Found<AnyRecord>)>, Error> {
        let mut bound = tenancy.all_records().await?;
        bound.retain(|(_, found)| match self.kind {
            LabelKind::Label => found.value.labels.contains_key(&self.name),
            LabelKind::Tag => found.value.tags.contains(&self.name),
        });
        Ok(bound)
    }
}

#[async_trait]
impl Change for DeleteLabel {
    fn title(&self) -> String {
        format!("{} delete {}", self.kind.name(), self.name)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("label-delete", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let mut leases = vec![LeaseRequest::exclusive(tenancy.label_key(self.kind, &self.name)?)];
        for (kind, found) in self.bound(tenancy).await? {
            leases.push(LeaseRequest::exclusive(lease_key(tenancy, kind, &found)?));
        }
        Ok(leases)
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let view = tenancy.label(self.kind, &self.name).await?;
        if !self.force && !view.resources.is_empty() {
            let by: Vec<_> = view.resources.iter().map(|at| format!("the {} {}", at.kind, at.name)).collect();
            let by = by.join(", ");
            return Err(Error::InUse { kind: self.kind.name(), name: self.name.clone(), by });
        }
        let mut resources = Vec::new();
        for (kind, found) in self.bound(tenancy).await? {
            let mut resource = PlannedResource::of(kind, found)?;
            match self.kind {
                LabelKind::Label => resource.labels.remove(&self.name).is_some(),
                LabelKind::Tag => resource.tags.remove(&self.name),
            };
            resources.push(resource);
        }
        let removed = Some(tenancy.label_key(self.kind, &self.name)?);
        Ok(Plan::ChangeLabels(PlannedLabels { resources, removed }))
    }
}

impl Tenancy {
    /// The catalogue's value of a label.
    pub(super) async fn default_of(&self, name: &str) -> Result<String, Error> {
        let found = self.store().get_json::<Definition>(&self.label_key(LabelKind::Label, name)?).await?;
        let value = found.and_then(|found| found.value.default_value);
        value.ok_or_else(|| Error::Invalid {
            what: format!("label `{name}`"),
            reason: "the catalogue has no value for it; give one with --value".to_owned(),
        })
    }

    /// Puts a label or tag into the catalogue.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`], and as [`check_label_name`] and [`check_label_value`].
    pub async fn create_label(
        &self,
        kind: LabelKind,
        name: &str,
        default_value: Option<String>,
    ) -> Result<LabelView, Error> {
        check_label_name(name)?;
        if let Some(value) = &default_value {
            check_label_value(value)?;
        }
        let key = self.label_key(kind, name)?;
        let transaction = Transaction::new().require_absent(key.clone());
        let definition = Definition { default_value };
        match self.store().commit(transaction.put_json(key, &definition)?).await {
            Ok(_) => self.label(kind, name).await,
            Err(skywright_state::Error::Conflict { .. }) => {
                Err(Error::Exists { kind: kind.name(), name: name.to_owned(), operation: None })
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Every label or tag: those of the catalogue, and those that are bound without being in it.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn labels(&self, kind: LabelKind) -> Result<Vec<LabelView>, Error> {
        let mut views: BTreeMap<String, LabelView> = BTreeMap::new();
        let folder = self.label_key(kind, "x")?;
        let below = Key::of(folder.segments().take(3))?.below();
        for found in self.store().list_json::<Definition>(&below).await? {
            let name = found.key.name().to_owned();
            let default_value = found.value.default_value;
            let view =
                LabelView { name: name.clone(), catalogued: true, default_value, resources: Vec::new() };
            views.insert(name, view);
        }
        for (of, found) in self.all_records().await? {
            let at = path_name(of, &found.key);
            let bound: Vec<(String, Option<String>)> = match kind {
                LabelKind::Label => found.value.labels.into_iter().map(|(k, v)| (k, Some(v))).collect(),
                LabelKind::Tag => found.value.tags.into_iter().map(|tag| (tag, None)).collect(),
            };
            for (name, value) in bound {
                let view = views.entry(name.clone()).or_insert_with(|| LabelView {
                    name,
                    catalogued: false,
                    default_value: None,
                    resources: Vec::new(),
                });
                view.resources.push(LabelledView { kind: of.name(), name: at.clone(), value });
            }
        }
        Ok(views.into_values().collect())
    }

    /// One label or tag.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`].
    pub async fn label(&self, kind: LabelKind, name: &str) -> Result<LabelView, Error> {
        let mut views = self.labels(kind).await?;
        match views.iter().position(|view| view.name == name) {
            Some(position) => Ok(views.swap_remove(position)),
            None => Err(Error::NoSuch {
                kind: kind.name(),
                name: printable_name(name),
                known: views.into_iter().map(|view| view.name).collect(),
            }),
        }
    }
}
