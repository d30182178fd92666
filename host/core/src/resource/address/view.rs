//! Public addresses, as they are shown.

use std::collections::BTreeMap;

use serde::Serialize;
use skywright_runtime::printable;
use skywright_runtime::provider::addresses::PublicAddress;

use super::{AddressBody, ask};
use crate::error::Error;
use crate::resource::host::HostNames;
use crate::resource::record::{Record, Status};
use crate::tenancy::Tenancy;

/// A public address, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct AddressView {
    /// The cloud's id.
    pub id: Option<String>,
    /// Its name; the address itself, for one that is not managed.
    pub name: String,
    /// The address; not there while it is being made.
    pub address: Option<String>,
    /// The host that has it, as the cloud says: a name, or the id of one that is not managed.
    pub host: Option<String>,
    /// `creating`, `ready`, `missing` for one that the cloud does not have, or `unmanaged` for one that this
    /// product did not make, or that came with a host.
    pub status: &'static str,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Tags.
    pub tags: Vec<String>,
}

impl Tenancy {
    /// Every public address that is managed, by name; with `all` also those that the cloud has besides, such as
    /// those that came with hosts.
    ///
    /// # Errors
    ///
    /// If the state cannot be read, or the cloud does not tell.
    pub async fn addresses(&self, all: bool) -> Result<Vec<AddressView>, Error> {
        let records = self.records::<AddressBody>().await?;
        if records.is_empty() && !all {
            return Ok(Vec::new());
        }
        let names = self.host_names().await?;
        let mut listed = self.cloud().addresses().await?;
        let mut views = Vec::new();
        for found in &records {
            let position = listed.iter().position(|there| found.value.cloud_id.as_ref() == Some(&there.id));
            let there = position.map(|position| listed.swap_remove(position));
            views.push(address_view(&found.value, there.as_ref(), &names));
        }
        if all {
            listed.sort_by(|a, b| (&a.address, &a.id).cmp(&(&b.address, &b.id)));
            views.extend(listed.iter().map(|there| foreign_view(there, &names)));
        }
        Ok(views)
    }

    /// One public address.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`], or what the cloud said.
    pub async fn address(&self, reference: &str) -> Result<AddressView, Error> {
        let record = self.record::<AddressBody>(&[reference]).await?.value;
        let there = match &record.cloud_id {
            Some(id) => ask(self, id).await?,
            None => None,
        };
        Ok(address_view(&record, there.as_ref(), &self.host_names().await?))
    }
}

fn address_view(
    record: &Record<AddressBody>,
    there: Option<&PublicAddress>,
    names: &HostNames,
) -> AddressView {
    let status = match (record.status, there) {
        (Status::Creating, _) => "creating",
        (Status::Ready, Some(_)) => "ready",
        (Status::Ready, None) => "missing",
    };
    AddressView {
        id: record.cloud_id.clone(),
        name: record.name.to_string(),
        address: record.body.address.clone(),
        host: there.and_then(|there| there.host.as_deref()).map(|id| names.of(id)),
        status,
        labels: record.labels.clone(),
        tags: record.tags.iter().cloned().collect(),
    }
}

fn foreign_view(there: &PublicAddress, names: &HostNames) -> AddressView {
    AddressView {
        id: Some(printable(&there.id)),
        name: printable(&there.address),
        address: Some(printable(&there.address)),
        host: there.host.as_deref().map(|id| names.of(id)),
        status: "unmanaged",
        labels: BTreeMap::new(),
        tags: Vec::new(),
    }
}
