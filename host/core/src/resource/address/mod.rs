//! Public addresses of their own: they outlive the hosts that have them.

mod change;
mod create;
mod view;

use serde::{Deserialize, Serialize};
use skywright_runtime::provider::addresses::PublicAddress;
use skywright_runtime::provider::driver::PublicAddressMode;
use skywright_state::{Found, LeaseRequest};

use super::host::HostBody;
use super::record::{Body, Kind, Record};
use crate::error::Error;
use crate::tenancy::Tenancy;

pub use change::{BindAddress, ReleaseAddresses, UnbindAddress};
pub use create::AllocateAddress;
pub use view::AddressView;

pub(super) use change::{PlannedAddressBinding, PlannedAddressRelease, PlannedAddressUnbinding};
pub(super) use create::PlannedAddress;

/// What is a public address's alone. Which host has it, the cloud knows.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AddressBody {
    /// The address, once it is there.
    pub address: Option<String>,
}

impl Body for AddressBody {
    const KIND: Kind = Kind::PublicAddress;
}

/// That the cloud has addresses which are not of a host from its birth to its end.
async fn need_floating(tenancy: &Tenancy) -> Result<(), Error> {
    let floating = tenancy.cloud().has("addresses")
        && tenancy.capabilities().await?.public_address_mode == PublicAddressMode::Floating;
    if floating {
        return Ok(());
    }
    let hint = Some("`host create --public` makes a host with a public address".to_owned());
    Err(Error::Unsupported { what: "a public address of its own".to_owned(), hint })
}

/// What the cloud says of one; nothing, where it has none of this id.
async fn ask(tenancy: &Tenancy, id: &str) -> Result<Option<PublicAddress>, Error> {
    Ok(tenancy.cloud().addresses().await?.into_iter().find(|address| address.id == id))
}

/// The host whose record has an address.
async fn holder(
    tenancy: &Tenancy,
    address: &Record<AddressBody>,
) -> Result<Option<Found<Record<HostBody>>>, Error> {
    let Some(address) = &address.body.address else { return Ok(None) };
    let mut hosts = tenancy.records::<HostBody>().await?.into_iter();
    Ok(hosts.find(|host| host.value.body.public_address.as_ref() == Some(address)))
}

/// The right to change an address alone, and the record of a host whose networks stay.
fn leases_with_host(
    tenancy: &Tenancy,
    address: &Found<Record<AddressBody>>,
    host: Option<&Found<Record<HostBody>>>,
) -> Result<Vec<LeaseRequest>, Error> {
    let mut leases = vec![LeaseRequest::exclusive(address.key.clone())];
    if let Some(host) = host {
        leases.push(LeaseRequest::exclusive(host.key.clone()));
        let networks: std::collections::BTreeSet<_> =
            host.value.body.subnets.iter().map(|at| &at.network).collect();
        for network in networks {
            leases.push(LeaseRequest::shared(tenancy.record_key(Kind::Network, &[network.as_str()])?));
        }
    }
    Ok(leases)
}
