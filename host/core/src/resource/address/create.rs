//! Getting public addresses.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_state::{Key, LeaseRequest, Transaction};

use super::{AddressBody, ask, need_floating};
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Change, Operation, OperationId, Request};
use crate::resource::plan::{Plan, encode};
use crate::resource::record::{Kind, Record, cloud_tags};
use crate::resource::spec::Labels;
use crate::tenancy::Tenancy;

/// `address create`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AllocateAddress {
    /// Its name. Clouds know it by its address alone.
    pub name: Name,
    /// Labels and tags.
    pub labels: Labels,
    /// Whether a failure leaves what was made.
    pub keep_on_failure: bool,
}

#[async_trait]
impl Change for AllocateAddress {
    fn title(&self) -> String {
        format!("address create {}", self.name)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("address-create", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        Ok(vec![LeaseRequest::exclusive(tenancy.record_key(Kind::PublicAddress, &[self.name.as_str()])?)])
    }

    fn keep_on_failure(&self) -> bool {
        self.keep_on_failure
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        tenancy.free::<AddressBody>(&[self.name.as_str()]).await?;
        need_floating(tenancy).await?;
        Ok(Plan::AllocateAddress(PlannedAddress { name: self.name.clone(), labels: self.labels.clone() }))
    }
}

/// A public address to be got.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedAddress {
    name: Name,
    labels: Labels,
}

impl PlannedAddress {
    fn record(&self, operation: &OperationId, address: Option<String>) -> Record<AddressBody> {
        Record::reserved(self.name.clone(), operation, &self.labels, AddressBody { address })
    }

    pub(in crate::resource) fn reserve(
        &self,
        tenancy: &Tenancy,
        operation: &OperationId,
    ) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        let key = tenancy.record_key(Kind::PublicAddress, &[self.name.as_str()])?;
        Ok(vec![(key, encode(&self.record(operation, None))?)])
    }

    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let tenancy = operation.tenancy();
        let tags = cloud_tags(&self.labels.labels, &self.labels.tags);
        let title = format!("public address {}", self.name);
        let id = operation.step("address", &title, Request::AllocateAddress { tags }).await?;
        let Some(there) = ask(tenancy, &id).await? else {
            return Err(Error::NoSuch { kind: Kind::PublicAddress.name(), name: id, known: Vec::new() });
        };
        let record = self.record(&operation.record().id, Some(there.address)).ready(&id);
        let key = tenancy.record_key(Kind::PublicAddress, &[self.name.as_str()])?;
        Ok(Transaction::new().put_json(key, &record)?)
    }
}
