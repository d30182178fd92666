//! Virtual IPs: addresses of a subnet that hosts in it take over from each other.

mod change;
mod create;
mod view;

use serde::{Deserialize, Serialize};
use skywright_contract::Category;
use skywright_state::{Found, LeaseRequest, Transaction};

use super::network::NetworkBody;
use super::record::{Body, Kind, Record};
use super::subnet::SubnetBody;
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Operation, Request};
use crate::tenancy::Tenancy;

pub use change::{BindVirtualIp, DeleteVirtualIps, VirtualIpAction};
pub use create::CreateVirtualIp;
pub use view::VirtualIpView;

pub(super) use change::{PlannedVirtualIpBinding, PlannedVirtualIpDeletion};
pub(super) use create::PlannedVirtualIp;

/// What is a virtual IP's alone. Which hosts answer for it, the cloud knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct VirtualIpBody {
    /// Its network.
    pub network: Name,
    /// Its subnet.
    pub subnet: Name,
    /// The address, once it is there.
    pub address: Option<String>,
}

impl Body for VirtualIpBody {
    const KIND: Kind = Kind::VirtualIp;
}

/// A subnet, by the names or ids of its network and its own.
async fn place(
    tenancy: &Tenancy,
    network: &str,
    subnet: &str,
) -> Result<(Found<Record<NetworkBody>>, Record<SubnetBody>), Error> {
    let network = tenancy.record::<NetworkBody>(&[network]).await?;
    let subnet = tenancy.record::<SubnetBody>(&[network.value.name.as_str(), subnet]).await?.value;
    Ok((network, subnet))
}

/// A virtual IP, by names or ids.
async fn find(
    tenancy: &Tenancy,
    network: &str,
    subnet: &str,
    reference: &str,
) -> Result<Found<Record<VirtualIpBody>>, Error> {
    let (network, subnet) = place(tenancy, network, subnet).await?;
    tenancy.record::<VirtualIpBody>(&[network.value.name.as_str(), subnet.name.as_str(), reference]).await
}

/// The right to change a virtual IP alone, while its network stays.
fn leases_of(tenancy: &Tenancy, ip: &Found<Record<VirtualIpBody>>) -> Result<Vec<LeaseRequest>, Error> {
    let network = tenancy.record_key(Kind::Network, &[ip.value.body.network.as_str()])?;
    Ok(vec![LeaseRequest::exclusive(ip.key.clone()), LeaseRequest::shared(network)])
}

/// The virtual IPs of a network, or of one of its subnets.
async fn of_subnet(
    tenancy: &Tenancy,
    network: &Name,
    subnet: Option<&Name>,
) -> Result<Vec<Found<Record<VirtualIpBody>>>, Error> {
    let mut ips = tenancy.records::<VirtualIpBody>().await?;
    ips.retain(|ip| {
        ip.value.body.network == *network && subnet.is_none_or(|subnet| ip.value.body.subnet == *subnet)
    });
    Ok(ips)
}

/// That a network or subnet has none that would go with it.
pub(super) async fn refuse_virtual_ips(
    tenancy: &Tenancy,
    network: &Name,
    subnet: Option<&Name>,
) -> Result<(), Error> {
    let ips = of_subnet(tenancy, network, subnet).await?;
    if ips.is_empty() {
        return Ok(());
    }
    let (kind, name) = subnet.map_or(("network", network), |subnet| ("subnet", subnet));
    let names: Vec<_> = ips.iter().map(|ip| ip.value.name.as_str()).collect();
    Err(Error::InUse { kind, name: name.to_string(), by: format!("virtual IPs {}", names.join(", ")) })
}

/// Deletes those of a subnet that is about to go.
pub(super) async fn delete_virtual_ips_of(
    operation: &Operation<'_>,
    network: &Name,
    subnet: &Name,
) -> Result<(), Error> {
    for ip in of_subnet(operation.tenancy(), network, Some(subnet)).await? {
        delete(operation, ip).await?;
    }
    Ok(())
}

/// Deletes one, and its record. No host answers for it any more.
async fn delete(operation: &Operation<'_>, ip: Found<Record<VirtualIpBody>>) -> Result<(), Error> {
    let (key, record) = (ip.key, ip.value);
    let VirtualIpBody { network, subnet, .. } = &record.body;
    let request = Request::DeleteVirtualIp { id: record.ready_id()?.to_owned() };
    let step = format!("delete virtual ip {network} {subnet} {}", record.name);
    let then = |transaction: Transaction, _: &str| Ok(transaction.delete(key));
    operation.step_then(&step, &format!("virtual IP {}", record.name), request, then).await?;
    Ok(())
}

/// What the cloud says of one; nothing, where it has none of this id.
async fn ask(
    tenancy: &Tenancy,
    id: &str,
) -> Result<Option<skywright_runtime::provider::addresses::VirtualIp>, Error> {
    match tenancy.cloud().ask(|p| p.get_virtual_ip(id)).await {
        Ok(ip) => Ok(Some(ip)),
        Err(error) if error.category() == Category::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
