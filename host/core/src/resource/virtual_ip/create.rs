//! Making virtual IPs.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_state::{Key, LeaseRequest, Transaction};

use super::{VirtualIpBody, place};
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Change, Operation, OperationId, Request};
use crate::resource::plan::{Plan, encode};
use crate::resource::record::{Kind, Record, cloud_tags};
use crate::resource::spec::Labels;
use crate::tenancy::Tenancy;

/// `subnet vip create`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateVirtualIp {
    /// The network: a name or an id.
    pub network: String,
    /// The subnet: a name or an id.
    pub subnet: String,
    /// Its name.
    pub name: Name,
    /// Labels and tags.
    pub labels: Labels,
    /// Whether a failure leaves what was made.
    pub keep_on_failure: bool,
}

#[async_trait]
impl Change for CreateVirtualIp {
    fn title(&self) -> String {
        format!("subnet vip create {} {} {}", self.network, self.subnet, self.name)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("virtual-ip-create", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let (network, subnet) = place(tenancy, &self.network, &self.subnet).await?;
        let path = [network.value.name.as_str(), subnet.name.as_str(), self.name.as_str()];
        let key = tenancy.record_key(Kind::VirtualIp, &path)?;
        Ok(vec![LeaseRequest::exclusive(key), LeaseRequest::shared(network.key)])
    }

    fn keep_on_failure(&self) -> bool {
        self.keep_on_failure
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let (network, subnet) = place(tenancy, &self.network, &self.subnet).await?;
        let network = network.value.name;
        tenancy.free::<VirtualIpBody>(&[network.as_str(), subnet.name.as_str(), self.name.as_str()]).await?;
        let subnet_id = subnet.ready_id()?.to_owned();
        if !tenancy.cloud().has("addresses") || !tenancy.capabilities().await?.virtual_ip {
            return Err(Error::Unsupported { what: "a virtual IP".to_owned(), hint: None });
        }
        Ok(Plan::CreateVirtualIp(PlannedVirtualIp {
            network,
            subnet: subnet.name,
            subnet_id,
            name: self.name.clone(),
            labels: self.labels.clone(),
        }))
    }
}

/// A virtual IP to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedVirtualIp {
    network: Name,
    subnet: Name,
    subnet_id: String,
    name: Name,
    labels: Labels,
}

impl PlannedVirtualIp {
    fn record(&self, operation: &OperationId, address: Option<String>) -> Record<VirtualIpBody> {
        let (network, subnet) = (self.network.clone(), self.subnet.clone());
        let body = VirtualIpBody { network, subnet, address };
        Record::reserved(self.name.clone(), operation, &self.labels, body)
    }

    fn key(&self, tenancy: &Tenancy) -> Result<Key, Error> {
        let path = [self.network.as_str(), self.subnet.as_str(), self.name.as_str()];
        tenancy.record_key(Kind::VirtualIp, &path)
    }

    pub(in crate::resource) fn reserve(
        &self,
        tenancy: &Tenancy,
        operation: &OperationId,
    ) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        Ok(vec![(self.key(tenancy)?, encode(&self.record(operation, None))?)])
    }

    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let tenancy = operation.tenancy();
        let request = Request::CreateVirtualIp {
            name: self.name.to_string(),
            subnet: self.subnet_id.clone(),
            tags: cloud_tags(&self.labels.labels, &self.labels.tags),
        };
        let id = operation.step("virtual ip", &format!("virtual IP {}", self.name), request).await?;
        let address = tenancy.cloud().ask(|p| p.get_virtual_ip(&id)).await?.address;
        let record = self.record(&operation.record().id, Some(address)).ready(&id);
        Ok(Transaction::new().put_json(self.key(tenancy)?, &record)?)
    }
}
