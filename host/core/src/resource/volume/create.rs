//! Making volumes.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_runtime::provider::Intent;
use skywright_runtime::provider::volumes::VolumeSpec;
use skywright_state::{Key, LeaseRequest, Transaction};

use super::{VolumeBody, VolumeSpeed};
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Change, Operation, OperationId, Request};
use crate::resource::plan::{Plan, encode};
use crate::resource::record::{Kind, Record, cloud_tags};
use crate::resource::spec::Labels;
use crate::tenancy::Tenancy;

/// `volume create`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateVolume {
    /// Its name.
    pub name: Name,
    /// Its size, at least 1.
    pub size_gib: u32,
    /// How fast it is.
    pub speed: VolumeSpeed,
    /// Where, if the cloud has several zones.
    pub zone: Option<String>,
    /// Labels and tags.
    pub labels: Labels,
    /// Whether a failure leaves what was made.
    pub keep_on_failure: bool,
}

#[async_trait]
impl Change for CreateVolume {
    fn title(&self) -> String {
        format!("volume create {}", self.name)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("volume-create", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        Ok(vec![LeaseRequest::exclusive(tenancy.record_key(Kind::Volume, &[self.name.as_str()])?)])
    }

    fn keep_on_failure(&self) -> bool {
        self.keep_on_failure
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        if !tenancy.cloud().has("volumes") {
            return Err(Error::Unsupported { what: "a volume".to_owned(), hint: None });
        }
        if self.size_gib == 0 {
            let reason = "a volume has at least 1 GiB".to_owned();
            return Err(Error::Invalid { what: "size".to_owned(), reason });
        }
        tenancy.free::<VolumeBody>(&[self.name.as_str()]).await?;
        Ok(Plan::CreateVolume(PlannedVolume {
            name: self.name.clone(),
            size_gib: self.size_gib,
            speed: self.speed,
            zone: self.zone.clone(),
            labels: self.labels.clone(),
        }))
    }
}

/// A volume to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedVolume {
    name: Name,
    size_gib: u32,
    speed: VolumeSpeed,
    zone: Option<String>,
    labels: Labels,
}

impl PlannedVolume {
    fn record(&self, operation: &OperationId) -> Record<VolumeBody> {
        let body = VolumeBody {
            size_gib: self.size_gib,
            speed: self.speed,
            zone: self.zone.clone(),
            attachment: None,
        };
        Record::reserved(self.name.clone(), operation, &self.labels, body)
    }

    pub(in crate::resource) fn reserve(
        &self,
        tenancy: &Tenancy,
        operation: &OperationId,
    ) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        let key = tenancy.record_key(Kind::Volume, &[self.name.as_str()])?;
        Ok(vec![(key, encode(&self.record(operation))?)])
    }

    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let spec = VolumeSpec {
            intent: Intent { key: String::new(), again: false },
            name: self.name.to_string(),
            size_gib: self.size_gib,
            speed: self.speed.into(),
            zone: self.zone.clone(),
            tags: cloud_tags(&self.labels.labels, &self.labels.tags),
        };
        let title = format!("volume {}", self.name);
        let id = operation.step("volume", &title, Request::CreateVolume(spec)).await?;
        let record = self.record(&operation.record().id).ready(&id);
        let key = operation.tenancy().record_key(Kind::Volume, &[self.name.as_str()])?;
        Ok(Transaction::new().put_json(key, &record)?)
    }
}
