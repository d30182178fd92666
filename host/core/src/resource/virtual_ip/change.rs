//! Giving virtual IPs to hosts, taking them from them, deleting them.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_state::{Key, LeaseRequest, StoreExt as _, Transaction};

use super::{VirtualIpBody, ask, delete, find, leases_of};
use crate::error::Error;
use crate::operation::{Change, Operation, Request};
use crate::resource::host::HostBody;
use crate::resource::plan::Plan;
use crate::resource::record::Record;
use crate::tenancy::Tenancy;

/// Whether a host gets an address or loses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VirtualIpAction {
    /// The host may answer for it.
    Bind,
    /// It may not any more.
    Unbind,
}

impl VirtualIpAction {
    fn name(self) -> &'static str {
        match self {
            Self::Bind => "bind",
            Self::Unbind => "unbind",
        }
    }
}

/// `subnet vip bind` and `subnet vip unbind`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BindVirtualIp {
    /// The network: a name or an id.
    pub network: String,
    /// The subnet: a name or an id.
    pub subnet: String,
    /// The virtual IP: a name or an id.
    pub ip: String,
    /// The host: a name or an id.
    pub host: String,
    /// Which of both.
    pub action: VirtualIpAction,
}

#[async_trait]
impl Change for BindVirtualIp {
    fn title(&self) -> String {
        let Self { network, subnet, ip, host, action } = self;
        format!("subnet vip {} {network} {subnet} {ip} {host}", action.name())
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("virtual-ip-bind", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let ip = find(tenancy, &self.network, &self.subnet, &self.ip).await?;
        let host = tenancy.record::<HostBody>(&[&self.host]).await?;
        let mut leases = leases_of(tenancy, &ip)?;
        leases.push(LeaseRequest::shared(host.key));
        Ok(leases)
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let ip = find(tenancy, &self.network, &self.subnet, &self.ip).await?.value;
        let host = tenancy.record::<HostBody>(&[&self.host]).await?.value;
        let (id, host_id) = (ip.ready_id()?.to_owned(), host.ready_id()?.to_owned());
        let VirtualIpBody { network, subnet, .. } = &ip.body;
        let is_there = host.body.subnets.iter().any(|at| at.network == *network && at.name == *subnet);
        if self.action == VirtualIpAction::Bind && !is_there {
            let reason = format!("it is not in the subnet {network}/{subnet} of the virtual IP");
            return Err(Error::Invalid { what: format!("host {}", host.name), reason });
        }
        let bound = ask(tenancy, &id).await?.is_some_and(|ip| ip.hosts.contains(&host_id));
        let done = bound == (self.action == VirtualIpAction::Bind);
        let title = format!("virtual IP {} at {}", ip.name, host.name);
        Ok(Plan::BindVirtualIp(PlannedVirtualIpBinding { id, host_id, title, action: self.action, done }))
    }
}

/// A virtual IP to be given to a host, or taken from it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedVirtualIpBinding {
    id: String,
    host_id: String,
    title: String,
    action: VirtualIpAction,
    /// Whether it was so before. Then there is nothing to ask, and nothing to take back.
    done: bool,
}

impl PlannedVirtualIpBinding {
    pub(in crate::resource) fn is_reversible(&self) -> bool {
        self.action == VirtualIpAction::Bind
    }

    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        if !self.done {
            let (id, host) = (self.id.clone(), self.host_id.clone());
            let request = match self.action {
                VirtualIpAction::Bind => Request::BindVirtualIp { id, host },
                VirtualIpAction::Unbind => Request::UnbindVirtualIp { id, host },
            };
            operation.step(self.action.name(), &self.title, request).await?;
        }
        Ok(Transaction::new())
    }
}

/// `subnet vip delete`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteVirtualIps {
    /// The network: a name or an id.
    pub network: String,
    /// The subnet: a name or an id.
    pub subnet: String,
    /// Names or ids.
    pub references: Vec<String>,
    /// Also while hosts answer for them.
    pub force: bool,
}

#[async_trait]
impl Change for DeleteVirtualIps {
    fn title(&self) -> String {
        format!("subnet vip delete {} {} {}", self.network, self.subnet, self.references.join(" "))
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("virtual-ip-delete", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let mut leases: Vec<LeaseRequest> = Vec::new();
        for reference in &self.references {
            let ip = find(tenancy, &self.network, &self.subnet, reference).await?;
            for lease in leases_of(tenancy, &ip)? {
                if !leases.iter().any(|known| known.name == lease.name) {
                    leases.push(lease);
                }
            }
        }
        Ok(leases)
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let mut ips = Vec::new();
        for reference in &self.references {
            let ip = find(tenancy, &self.network, &self.subnet, reference).await?;
            let id = ip.value.ready_id()?;
            if !self.force
                && let Some(there) = ask(tenancy, id).await?
                && !there.hosts.is_empty()
            {
                let names = tenancy.host_names().await?;
                let by: Vec<_> = there.hosts.iter().map(|id| names.of(id)).collect();
                let (kind, name) = ("virtual-ip", ip.value.name.to_string());
                return Err(Error::InUse { kind, name, by: format!("hosts {}", by.join(", ")) });
            }
            ips.push(ip.key);
        }
        Ok(Plan::DeleteVirtualIps(PlannedVirtualIpDeletion { ips }))
    }
}

/// Virtual IPs to be deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedVirtualIpDeletion {
    ips: Vec<Key>,
}

impl PlannedVirtualIpDeletion {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        for key in &self.ips {
            // One that is not there any more was deleted by a process before this one.
            let found = operation.tenancy().store().get_json::<Record<VirtualIpBody>>(key).await?;
            if let Some(ip) = found {
                delete(operation, ip).await?;
            }
        }
        Ok(Transaction::new())
    }
}
