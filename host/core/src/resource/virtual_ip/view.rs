//! Virtual IPs, as they are shown.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use skywright_runtime::printable;
use skywright_runtime::provider::addresses::VirtualIp;

use super::{VirtualIpBody, ask, find};
use crate::error::Error;
use crate::resource::host::HostNames;
use crate::resource::network::NetworkBody;
use crate::resource::record::{Record, Status};
use crate::resource::subnet::SubnetBody;
use crate::tenancy::Tenancy;

/// A virtual IP, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct VirtualIpView {
    /// The cloud's id.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its network's name.
    pub network: String,
    /// Its subnet's name.
    pub subnet: String,
    /// The address; not there while it is being made.
    pub address: Option<String>,
    /// The hosts that may answer for it, as the cloud says: names, or ids of those that are not managed.
    pub hosts: Vec<String>,
    /// `creating`, `ready`, or `missing` for one that the cloud does not have.
    pub status: &'static str,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Tags.
    pub tags: Vec<String>,
}

impl Tenancy {
    /// The virtual IPs of a network's subnet, of a network, or of all. One listing of the cloud tells of all.
    /// Those that move between the two gateways of a subnet are the subnet's own, and not among them.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`] for network or subnet; what the cloud said.
    pub async fn virtual_ips(
        &self,
        network: Option<&str>,
        subnet: Option<&str>,
    ) -> Result<Vec<VirtualIpView>, Error> {
        let mut records = self.records::<VirtualIpBody>().await?;
        if let Some(network) = network {
            let network = self.record::<NetworkBody>(&[network]).await?.value.name;
            records.retain(|ip| ip.value.body.network == network);
            if let Some(subnet) = subnet {
                let subnet = self.record::<SubnetBody>(&[network.as_str(), subnet]).await?.value.name;
                records.retain(|ip| ip.value.body.subnet == subnet);
            }
        }
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let names = self.host_names().await?;
        let listed = self.cloud().virtual_ips().await?;
        let by_id: HashMap<_, _> = listed.iter().map(|ip| (ip.id.as_str(), ip)).collect();
        let view = |record: &Record<VirtualIpBody>| {
            let there = record.cloud_id.as_deref().and_then(|id| by_id.get(id));
            virtual_ip_view(record, there.copied(), &names)
        };
        Ok(records.iter().map(|found| view(&found.value)).collect())
    }

    /// One virtual IP.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`], or what the cloud said.
    pub async fn virtual_ip(
        &self,
        network: &str,
        subnet: &str,
        reference: &str,
    ) -> Result<VirtualIpView, Error> {
        let record = find(self, network, subnet, reference).await?.value;
        let there = match &record.cloud_id {
            Some(id) => ask(self, id).await?,
            None => None,
        };
        Ok(virtual_ip_view(&record, there.as_ref(), &self.host_names().await?))
    }
}

fn virtual_ip_view(
    record: &Record<VirtualIpBody>,
    there: Option<&VirtualIp>,
    names: &HostNames,
) -> VirtualIpView {
    let status = match (record.status, there) {
        (Status::Creating, _) => "creating",
        (Status::Ready, Some(_)) => "ready",
        (Status::Ready, None) => "missing",
    };
    let body = &record.body;
    VirtualIpView {
        id: record.cloud_id.clone(),
        name: record.name.to_string(),
        network: body.network.to_string(),
        subnet: body.subnet.to_string(),
        address: there.map(|ip| printable(&ip.address)).or_else(|| body.address.clone()),
        hosts: there.iter().flat_map(|ip| &ip.hosts).map(|id| names.of(id)).collect(),
        status,
        labels: record.labels.clone(),
        tags: record.tags.iter().cloned().collect(),
    }
}
