//! Giving public addresses to hosts, taking them from them, giving them back.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_state::{Found, LeaseRequest, StoreExt as _, Transaction};

use super::{AddressBody, ask, holder, leases_with_host, need_floating};
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Change, Operation, Request};
use crate::resource::host::HostBody;
use crate::resource::plan::Plan;
use crate::resource::record::{Kind, Record};
use crate::tenancy::Tenancy;

/// `address bind`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BindAddress {
    /// The address: a name or an id.
    pub address: String,
    /// The host: a name or an id.
    pub host: String,
}

#[async_trait]
impl Change for BindAddress {
    fn title(&self) -> String {
        format!("address bind {} {}", self.address, self.host)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("address-bind", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let address = tenancy.record::<AddressBody>(&[&self.address]).await?;
        let host = tenancy.record::<HostBody>(&[&self.host]).await?;
        leases_with_host(tenancy, &address, Some(&host))
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let address = tenancy.record::<AddressBody>(&[&self.address]).await?.value;
        let host = tenancy.record::<HostBody>(&[&self.host]).await?.value;
        let (id, host_id) = (address.ready_id()?.to_owned(), host.ready_id()?.to_owned());
        need_floating(tenancy).await?;
        let there = ask(tenancy, &id).await?;
        let there = there.ok_or_else(|| no_such(&address.name))?;
        if let Some(other) = there.host.as_ref().filter(|other| **other != host_id) {
            let by = format!("the host {}", tenancy.host_names().await?.of(other));
            return Err(Error::InUse {
                kind: Kind::PublicAddress.name(),
                name: address.name.to_string(),
                by,
            });
        }
        if let Some(own) = host.body.public_address.as_ref().filter(|own| **own != there.address) {
            let reason = format!("it has the public address {own} already");
            return Err(Error::Invalid { what: format!("host {}", host.name), reason });
        }
        Ok(Plan::BindAddress(PlannedAddressBinding {
            name: address.name,
            id,
            address: there.address,
            was_there: there.host.is_some(),
            host: host.name,
            host_id,
        }))
    }
}

fn no_such(name: &Name) -> Error {
    let kind = Kind::PublicAddress.name();
    Error::NoSuch { kind, name: format!("{name} in the cloud"), known: Vec::new() }
}

/// A public address to be given to a host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedAddressBinding {
    name: Name,
    id: String,
    address: String,
    host: Name,
    host_id: String,
    /// Whether the host had it before. Then there is nothing to ask, and nothing to take back.
    was_there: bool,
}

impl PlannedAddressBinding {
    /// The host's record changes with the operation's end, not with the step: what is taken back in between
    /// has changed nothing that would have to be changed back.
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        if !self.was_there {
            let request = Request::AssociateAddress { id: self.id.clone(), host: self.host_id.clone() };
            let title = format!("public address {} at {}", self.name, self.host);
            operation.step("bind", &title, request).await?;
        }
        let mut host = operation.tenancy().record::<HostBody>(&[self.host.as_str()]).await?;
        host.value.body.public_address = Some(self.address.clone());
        Ok(Transaction::new().put_json(host.key, &host.value)?)
    }
}

/// `address unbind`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct UnbindAddress {
    /// The address: a name or an id.
    pub address: String,
}

#[async_trait]
impl Change for UnbindAddress {
    fn title(&self) -> String {
        format!("address unbind {}", self.address)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("address-unbind", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        leases_of(tenancy, std::slice::from_ref(&self.address)).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let address = tenancy.record::<AddressBody>(&[&self.address]).await?.value;
        address.ready_id()?;
        Ok(Plan::UnbindAddress(PlannedAddressUnbinding { address: address.name }))
    }
}

/// A public address to be taken from its host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedAddressUnbinding {
    address: Name,
}

impl PlannedAddressUnbinding {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let tenancy = operation.tenancy();
        let address = tenancy.record::<AddressBody>(&[self.address.as_str()]).await?.value;
        let host = holder(tenancy, &address).await?;
        let request = Request::DissociateAddress { id: address.ready_id()?.to_owned() };
        let then = |transaction: Transaction, _: &str| without_address(transaction, host);
        operation.step_then("unbind", &format!("public address {}", self.address), request, then).await?;
        Ok(Transaction::new())
    }
}

/// `address delete`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseAddresses {
    /// Names or ids.
    pub references: Vec<String>,
    /// Also while hosts have them.
    pub force: bool,
}

#[async_trait]
impl Change for ReleaseAddresses {
    fn title(&self) -> String {
        format!("address delete {}", self.references.join(" "))
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("address-delete", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        leases_of(tenancy, &self.references).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let mut addresses = Vec::new();
        for reference in &self.references {
            let address = tenancy.record::<AddressBody>(&[reference]).await?.value;
            let id = address.ready_id()?;
            if !self.force
                && let Some(host) = ask(tenancy, id).await?.and_then(|there| there.host)
            {
                let by = format!("the host {}", tenancy.host_names().await?.of(&host));
                let (kind, name) = (Kind::PublicAddress.name(), address.name.to_string());
                return Err(Error::InUse { kind, name, by });
            }
            addresses.push(address.name);
        }
        Ok(Plan::ReleaseAddresses(PlannedAddressRelease { addresses }))
    }
}

/// Public addresses to be given back.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedAddressRelease {
    addresses: Vec<Name>,
}

impl PlannedAddressRelease {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let tenancy = operation.tenancy();
        for name in &self.addresses {
            let key = tenancy.record_key(Kind::PublicAddress, &[name.as_str()])?;
            let Some(address) = tenancy.store().get_json::<Record<AddressBody>>(&key).await? else {
                // Given back, by a process before this one.
                continue;
            };
            let host = holder(tenancy, &address.value).await?;
            let request = Request::ReleaseAddress { id: address.value.ready_id()?.to_owned() };
            let then = |transaction: Transaction, _: &str| without_address(transaction.delete(key), host);
            let title = format!("public address {name}");
            operation.step_then(&format!("delete {name}"), &title, request, then).await?;
        }
        Ok(Transaction::new())
    }
}

/// The right to change addresses, and the records of the hosts that have them.
async fn leases_of(tenancy: &Tenancy, references: &[String]) -> Result<Vec<LeaseRequest>, Error> {
    let mut leases: Vec<LeaseRequest> = Vec::new();
    for reference in references {
        let address = tenancy.record::<AddressBody>(&[reference]).await?;
        let host = holder(tenancy, &address.value).await?;
        for lease in leases_with_host(tenancy, &address, host.as_ref())? {
            if !leases.iter().any(|known| known.name == lease.name) {
                leases.push(lease);
            }
        }
    }
    Ok(leases)
}

/// With a host's record that has no public address any more.
fn without_address(
    transaction: Transaction,
    host: Option<Found<Record<HostBody>>>,
) -> Result<Transaction, Error> {
    let Some(Found { key, mut value, .. }) = host else { return Ok(transaction) };
    value.body.public_address = None;
    Ok(transaction.put_json(key, &value)?)
}
