//! Labels and tags: the catalogue of those that a tenant uses, and those of each resource.
//!
//! A label is a key with a value, a tag a word alone. They stand in the resource's record and, for whatever the
//! cloud keeps tags of, on the resource itself; both change in the same moment. A catalogued label has a value
//! for those who bind it without one.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use skywright_state::{Found, Key, LeaseRequest, StoreExt as _, Transaction};

use super::network::NetworkBody;
use super::plan::Plan;
use super::record::{Kind, Record, Status, cloud_tags};
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Change, Operation, Request, Tagged};
use crate::tenancy::Tenancy;

/// The longest value, in characters: what clouds take beside a key of the longest name.
pub const MAX_LABEL_VALUE: usize = 190;

/// The key that says in the cloud that a resource is managed.
const MANAGED_BY: &str = "managed-by";

/// Labels or tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelKind {
    /// Keys with values.
    Label,
    /// Words.
    Tag,
}

impl LabelKind {
    /// The word for people and scripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Tag => "tag",
        }
    }
}

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

/// What a listing is cut down to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelFilter {
    /// Keys that have to be there, with a value where it has to be that one.
    pub labels: Vec<(String, Option<String>)>,
    /// Tags that have to be there.
    pub tags: Vec<String>,
}

impl LabelFilter {
    /// Whether something with these labels and tags is meant.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>, tags: &[String]) -> bool {
        let labelled = |(key, value): &(String, Option<String>)| {
            labels.get(key).is_some_and(|there| value.as_ref().is_none_or(|value| value == there))
        };
        self.labels.iter().all(labelled) && self.tags.iter().all(|tag| tags.contains(tag))
    }
}

/// A resource whose kind does not matter.
type AnyRecord = Record<Value>;

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

/// That a text can be a label's name, or a tag.
///
/// # Errors
///
/// [`Error::Name`], or [`Error::Invalid`] for the one that says that a resource is managed.
pub fn check_label_name(text: &str) -> Result<(), Error> {
    let name: Name = text.parse()?;
    if name.as_str() == MANAGED_BY {
        let reason = "it says in the cloud whose the resource is".to_owned();
        return Err(Error::Invalid { what: format!("label `{name}`"), reason });
    }
    Ok(())
}

/// That a text can be a label's value.
///
/// # Errors
///
/// [`Error::Invalid`] if it is too long, or has control characters.
pub fn check_label_value(text: &str) -> Result<(), Error> {
    if text.chars().count() <= MAX_LABEL_VALUE && !text.contains(char::is_control) {
        return Ok(());
    }
    let reason = format!("a value has at most {MAX_LABEL_VALUE} characters, and no control characters");
    Err(Error::Invalid { what: "label".to_owned(), reason })
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
        super::fingerprint("labels", self)
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
fn lease_key(tenancy: &Tenancy, kind: Kind, found: &Found<AnyRecord>) -> Result<Key, Error> {
    match (kind, found.key.segments().rev().nth(1)) {
        (Kind::Subnet, Some(network)) => tenancy.record_key(Kind::Network, &[network]),
        _ => Ok(found.key.clone()),
    }
}

/// A resource, and the labels and tags that it shall have.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct PlannedResource {
    kind: Kind,
    key: Key,
    name: String,
    id: Option<String>,
    labels: BTreeMap<String, String>,
    tags: BTreeSet<String>,
}

impl PlannedResource {
    fn of(kind: Kind, found: Found<AnyRecord>) -> Result<Self, Error> {
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

fn printable_name(name: &str) -> String {
    name.chars().take(80).flat_map(char::escape_debug).collect()
}

/// What of a record's key is its name: its path.
fn path_name(kind: Kind, key: &Key) -> String {
    let segments: Vec<_> = key.segments().collect();
    let own = match kind {
        Kind::Subnet | Kind::SecurityGroup => 2,
        _ => 1,
    };
    segments[segments.len().saturating_sub(own)..].join("/")
}

fn tagged(kind: Kind) -> Option<Tagged> {
    match kind {
        Kind::Network => Some(Tagged::Network),
        Kind::Subnet => Some(Tagged::Subnet),
        Kind::SecurityGroup => Some(Tagged::SecurityGroup),
        Kind::Host => Some(Tagged::Host),
        Kind::Volume => Some(Tagged::Volume),
        Kind::Bucket => None,
    }
}

/// Labels and tags to be changed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedLabels {
    resources: Vec<PlannedResource>,
    /// What goes from the catalogue.
    removed: Option<Key>,
}

impl PlannedLabels {
    pub(super) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        // How much a cloud bears at once need not be asked where nothing is asked of it.
        if !self.resources.is_empty() {
            operation.together(self.resources.iter().map(|resource| resource.change(operation))).await?;
        }
        Ok(self.removed.iter().fold(Transaction::new(), |t, key| t.delete(key.clone())))
    }
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
        super::fingerprint("label-delete", self)
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
    fn label_key(&self, kind: LabelKind, name: &str) -> Result<Key, Error> {
        let folder = match kind {
            LabelKind::Label => "labels",
            LabelKind::Tag => "tags",
        };
        Ok(Key::of(["tenants", self.name(), folder, name])?)
    }

    /// A record of any kind, by its path.
    async fn any_record(&self, kind: Kind, path: &[String]) -> Result<Found<AnyRecord>, Error> {
        let mut path: Vec<String> = path.to_vec();
        if let (Kind::Subnet | Kind::SecurityGroup, Some(network)) = (kind, path.first_mut())
            && network != super::NO_NETWORK
        {
            *network = self.record::<NetworkBody>(&[network]).await?.value.name.to_string();
        }
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        if let Ok(key) = self.record_key(kind, &segments)
            && let Some(found) = self.store().get_json(&key).await?
        {
            return Ok(found);
        }
        let reference = path.last().map(String::as_str).unwrap_or_default();
        let mut records: Vec<Found<AnyRecord>> =
            self.store().list_json(&self.record_key(kind, &[])?.below()).await?;
        match records.iter().position(|found| found.value.cloud_id.as_deref() == Some(reference)) {
            Some(position) => Ok(records.swap_remove(position)),
            None => Err(Error::NoSuch {
                kind: kind.name(),
                name: printable_name(&path.join("/")),
                known: records.iter().map(|found| path_name(kind, &found.key)).collect(),
            }),
        }
    }

    async fn all_records(&self) -> Result<Vec<(Kind, Found<AnyRecord>)>, Error> {
        let mut all = Vec::new();
        for kind in Kind::ALL {
            let found: Vec<Found<AnyRecord>> =
                self.store().list_json(&self.record_key(kind, &[])?.below()).await?;
            all.extend(found.into_iter().map(|found| (kind, found)));
        }
        Ok(all)
    }

    /// The catalogue's value of a label.
    async fn default_of(&self, name: &str) -> Result<String, Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_a_filter_lets_through() {
        let (labels, tags) = (labels(&[("role", "db"), ("empty", "")]), ["blue".to_owned()]);
        let filter = |wanted: &[(&str, Option<&str>)], words: &[&str]| LabelFilter {
            labels: wanted.iter().map(|(k, v)| ((*k).to_owned(), v.map(str::to_owned))).collect(),
            tags: words.iter().map(|word| (*word).to_owned()).collect(),
        };
        for right in [
            filter(&[], &[]),
            filter(&[("role", None)], &[]),
            filter(&[("role", Some("db"))], &["blue"]),
            filter(&[("empty", Some(""))], &[]),
        ] {
            assert!(right.matches(&labels, &tags), "{right:?}");
        }
        for wrong in [
            filter(&[("role", Some("web"))], &[]),
            filter(&[("rule", None)], &[]),
            filter(&[("role", None)], &["green"]),
            filter(&[("role", Some(""))], &[]),
        ] {
            assert!(!wrong.matches(&labels, &tags), "{wrong:?}");
        }
    }

    #[test]
    fn names_and_values_that_clouds_take() {
        assert!(check_label_name("role").is_ok() && check_label_value("").is_ok());
        for name in ["", "a=b", "managed-by", "a b", "-a"] {
            assert!(check_label_name(name).is_err(), "{name}");
        }
        for value in ["a\nb", &"x".repeat(MAX_LABEL_VALUE + 1)] {
            assert!(check_label_value(value).is_err(), "{value}");
        }
        // Neutron keeps both in one text of 255 characters.
        const { assert!(Name::MAX_BYTES + 1 + MAX_LABEL_VALUE < 255) };
    }

    #[test]
    fn a_path_is_what_its_kind_has() {
        let key = |text: &str| Key::new(text).unwrap();
        assert_eq!(path_name(Kind::Host, &key("tenants/t/resources/host/web")), "web");
        assert_eq!(path_name(Kind::Subnet, &key("tenants/t/resources/subnet/lab/front")), "lab/front");
        assert_eq!(path_name(Kind::SecurityGroup, &key("tenants/t/resources/security-group/-/a")), "-/a");
    }
}
