//! What the state knows of a resource.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use skywright_runtime::provider::KeyValue;
use skywright_state::{Found, Key, StoreExt as _};

use crate::error::Error;
use crate::name::Name;
use crate::operation::{OperationId, now_unix_ms};
use crate::tenancy::Tenancy;

/// A kind of resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A private network.
    Network,
    /// A part of one.
    Subnet,
    /// What may reach hosts, and what they may reach.
    SecurityGroup,
    /// A machine.
    Host,
    /// A disk of its own life.
    Volume,
    /// A place for objects.
    Bucket,
    /// An address that moves between hosts.
    VirtualIp,
    /// An address outside.
    PublicAddress,
    /// A folder of a host that others mount. No cloud knows of it.
    Share,
}

impl Kind {
    /// All that clouds know, in the order in which they can be deleted.
    pub const ALL: [Self; 8] = [
        Self::Volume,
        Self::Host,
        Self::VirtualIp,
        Self::PublicAddress,
        Self::SecurityGroup,
        Self::Subnet,
        Self::Network,
        Self::Bucket,
    ];

    /// The name, as in `security-group`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::Subnet => "subnet",
            Self::SecurityGroup => "security-group",
            Self::Host => "host",
            Self::Volume => "volume",
            Self::Bucket => "bucket",
            Self::VirtualIp => "virtual-ip",
            Self::PublicAddress => "public-address",
            Self::Share => "share",
        }
    }
}

/// The part of a record that is of its kind alone.
pub trait Body: Serialize + DeserializeOwned + Send + Sync {
    /// Which kind.
    const KIND: Kind;
}

/// How far a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// An operation is making it, or did not come to the end of it.
    Creating,
    /// It is there.
    Ready,
}

/// What the state knows of a resource.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Record<T> {
    /// What people call it.
    pub name: Name,
    /// How far it is.
    pub status: Status,
    /// The cloud's id, once it has one.
    pub cloud_id: Option<String>,
    /// The operation that is making it.
    pub operation: Option<OperationId>,
    /// Whether somebody else made it and it was taken in.
    #[serde(default)]
    pub adopted: bool,
    /// Labels: keys with values, stamped on the resource in the cloud.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Tags: labels without a value.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// When it was asked for, in milliseconds since 1970, UTC.
    pub created_unix_ms: u64,
    /// What is of its kind alone.
    pub body: T,
}

/// The part of any record that says which operation is making it.
#[derive(Debug, Clone, Deserialize)]
pub struct Owned {
    /// As in [`Record`].
    pub operation: Option<OperationId>,
}

impl<T: Body> Record<T> {
    /// A resource that an operation is about to make.
    pub fn reserved(name: Name, operation: &OperationId, labels: &super::Labels, body: T) -> Self {
        Self {
            name,
            status: Status::Creating,
            cloud_id: None,
            operation: Some(operation.clone()),
            adopted: false,
            labels: labels.labels.clone(),
            tags: labels.tags.clone(),
            created_unix_ms: now_unix_ms(),
            body,
        }
    }

    /// The same, there.
    #[must_use]
    pub fn ready(mut self, cloud_id: &str) -> Self {
        self.status = Status::Ready;
        self.cloud_id = Some(cloud_id.to_owned());
        self.operation = None;
        self
    }

    /// The cloud's id.
    ///
    /// # Errors
    ///
    /// [`Error::NotReady`] while an operation is making it.
    pub fn ready_id(&self) -> Result<&str, Error> {
        match (&self.cloud_id, self.status) {
            (Some(id), Status::Ready) => Ok(id),
            _ => Err(Error::NotReady {
                kind: T::KIND.name(),
                name: self.name.to_string(),
                operation: self.operation.as_ref().map(ToString::to_string),
            }),
        }
    }
}

/// The tags that stand on a resource in the cloud: that it is managed, and the user's own.
#[must_use]
pub(super) fn cloud_tags(labels: &BTreeMap<String, String>, tags: &BTreeSet<String>) -> Vec<KeyValue> {
    let pair = |key: &str, value: &str| KeyValue { key: key.to_owned(), value: value.to_owned() };
    let managed = [pair("managed-by", "skywright")];
    let labels = labels.iter().map(|(key, value)| pair(key, value));
    let tags = tags.iter().map(|tag| pair(tag, ""));
    managed.into_iter().chain(labels).chain(tags).collect()
}

impl Tenancy {
    /// The key of a record. A subnet's path is its network and its name, a security group's likewise; a virtual
    /// IP's is its network, its subnet and its name.
    ///
    /// # Errors
    ///
    /// A segment that is none.
    pub fn record_key(&self, kind: Kind, path: &[&str]) -> Result<Key, Error> {
        let base = ["tenants", self.name(), "resources", kind.name()];
        Ok(Key::of(base.into_iter().chain(path.iter().copied()))?)
    }

    /// Every record of a kind, by name.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn records<T: Body>(&self) -> Result<Vec<Found<Record<T>>>, Error> {
        Ok(self.store().list_json(&self.record_key(T::KIND, &[])?.below()).await?)
    }

    /// A record by its path, or by the cloud's id.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`], with those that there are.
    pub async fn record<T: Body>(&self, path: &[&str]) -> Result<Found<Record<T>>, Error> {
        // A reference from outside may be no key at all; then it can still be an id.
        if let Ok(key) = self.record_key(T::KIND, path)
            && let Some(found) = self.store().get_json(&key).await?
        {
            return Ok(found);
        }
        let reference = path.last().copied().unwrap_or_default();
        let mut records = self.records::<T>().await?;
        match records.iter().position(|found| found.value.cloud_id.as_deref() == Some(reference)) {
            Some(position) => Ok(records.swap_remove(position)),
            None => Err(Error::NoSuch {
                kind: T::KIND.name(),
                name: path.join("/").chars().take(128).flat_map(char::escape_debug).collect(),
                known: records.iter().map(|found| found.value.name.to_string()).collect(),
            }),
        }
    }

    /// That no record has this path yet.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`].
    pub async fn free<T: Body>(&self, path: &[&str]) -> Result<(), Error> {
        let found = self.store().get_json::<Record<T>>(&self.record_key(T::KIND, path)?).await?;
        match found {
            None => Ok(()),
            Some(found) => Err(Error::Exists {
                kind: T::KIND.name(),
                name: path.join("/"),
                operation: found.value.operation.map(|id| id.to_string()),
            }),
        }
    }
}
