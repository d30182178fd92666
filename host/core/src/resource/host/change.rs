//! Starting, stopping, resizing and deleting hosts.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use skywright_runtime::provider::hosts::State;
use skywright_state::{LeaseRequest, StoreExt as _, Transaction};

use super::HostBody;
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Change, Operation, Request};
use crate::resource::plan::Plan;
use crate::resource::record::{Kind, Record};
use crate::resource::share::{forget_host, refuse_shares};
use crate::resource::template::TemplateSummary;
use crate::resource::volume::{detach_all, refuse_volumes, volumes_at};
use crate::tenancy::Tenancy;

/// What is done to hosts that are there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HostAction {
    /// Starts them.
    Start,
    /// Stops them; by force without asking their systems.
    Stop {
        /// Without asking.
        force: bool,
    },
    /// Restarts them.
    Reboot {
        /// Without asking.
        force: bool,
    },
    /// Gives them another template.
    Resize {
        /// Which.
        template: TemplateSummary,
        /// Whether they did not run before, and shall not after.
        #[serde(default)]
        stopped: bool,
    },
    /// Deletes them, with their disks.
    Delete,
}

impl HostAction {
    fn name(&self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop { .. } => "stop",
            Self::Reboot { .. } => "reboot",
            Self::Resize { .. } => "resize",
            Self::Delete => "delete",
        }
    }
}

/// `host start`, `host stop` and `host reboot`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SwitchHosts {
    /// Names or ids.
    pub references: Vec<String>,
    /// What is done.
    pub action: HostAction,
}

#[async_trait]
impl Change for SwitchHosts {
    fn title(&self) -> String {
        format!("host {} {}", self.action.name(), self.references.join(" "))
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("host-switch", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        crate::resource::leases_of::<HostBody>(tenancy, &self.references).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let hosts = names(tenancy, &self.references).await?;
        Ok(Plan::ChangeHosts(PlannedHostChange { hosts, action: self.action.clone() }))
    }
}

/// `host resize`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResizeHost {
    /// A name or id.
    pub reference: String,
    /// A sizing expression for the new machine. Its disk is not made smaller, and one that the host boots from a
    /// volume stays as it is.
    pub sizing: String,
}

#[async_trait]
impl Change for ResizeHost {
    fn title(&self) -> String {
        format!("host resize {}", self.reference)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("host-resize", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        crate::resource::leases_of::<HostBody>(tenancy, std::slice::from_ref(&self.reference)).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        if !tenancy.capabilities().await?.resize {
            return Err(Error::Unsupported { what: "resizing a host".to_owned(), hint: None });
        }
        let host = tenancy.record::<HostBody>(&[&self.reference]).await?.value;
        let id = host.ready_id()?;
        let template = tenancy.choose_template_of(&host, &self.sizing).await?;
        let stopped = tenancy.cloud().ask(|p| p.get_host(id)).await?.state == State::Stopped;
        let action = HostAction::Resize { template, stopped };
        Ok(Plan::ChangeHosts(PlannedHostChange { hosts: vec![host.name], action }))
    }
}

/// `host delete`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteHosts {
    /// Names or ids.
    pub references: Vec<String>,
    /// Also while volumes are attached: they are detached first, and stay. Also with shares, which go.
    pub force: bool,
}

#[async_trait]
impl Change for DeleteHosts {
    fn title(&self) -> String {
        format!("host delete {}", self.references.join(" "))
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("host-delete", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let mut leases = Vec::new();
        for reference in &self.references {
            let host = tenancy.record::<HostBody>(&[reference]).await?;
            let volumes = volumes_at(tenancy, &host.value.name).await?;
            leases.extend(volumes.into_iter().map(|volume| LeaseRequest::exclusive(volume.key)));
            leases.push(LeaseRequest::exclusive(host.key));
        }
        Ok(leases)
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let hosts = names(tenancy, &self.references).await?;
        for name in &hosts {
            let host = tenancy.record::<HostBody>(&[name.as_str()]).await?.value;
            if let (true, Some(subnet)) = (host.body.role.is_gateway(), host.body.subnets.first()) {
                let by = format!("the subnet {subnet}, whose gateway it is");
                return Err(Error::InUse { kind: "host", name: name.to_string(), by });
            }
        }
        if !self.force {
            refuse_volumes(tenancy, &hosts).await?;
            refuse_shares(tenancy, &hosts).await?;
        }
        Ok(Plan::ChangeHosts(PlannedHostChange { hosts, action: HostAction::Delete }))
    }
}

async fn names(tenancy: &Tenancy, references: &[String]) -> Result<Vec<Name>, Error> {
    let mut names = Vec::new();
    for reference in references {
        let host = tenancy.record::<HostBody>(&[reference]).await?.value;
        host.ready_id()?;
        names.push(host.name);
    }
    Ok(names)
}

/// A change of hosts that are there.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedHostChange {
    hosts: Vec<Name>,
    action: HostAction,
}

impl PlannedHostChange {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        operation.together(self.hosts.iter().map(|name| self.change(operation, name))).await?;
        Ok(Transaction::new())
    }

    async fn change(&self, operation: &Operation<'_>, name: &Name) -> Result<(), Error> {
        let tenancy = operation.tenancy();
        let key = tenancy.record_key(Kind::Host, &[name.as_str()])?;
        let Some(host) = tenancy.store().get_json::<Record<HostBody>>(&key).await? else {
            // Deleted, by a process before this one.
            return Ok(());
        };
        let id = host.value.ready_id()?.to_owned();
        let title = format!("host {name}");
        let step = format!("{} {name}", self.action.name());
        let request = match &self.action {
            HostAction::Delete => return delete_host(operation, &host.value).await,
            HostAction::Start => Request::StartHost { id },
            HostAction::Stop { force } => Request::StopHost { id, force: *force },
            HostAction::Reboot { force } => Request::RebootHost { id, force: *force },
            HostAction::Resize { template, stopped } => {
                let request = Request::ResizeHost { id: id.clone(), template: template.id.clone() };
                let mut record = host.value.clone();
                record.body.template = template.clone();
                let then = |t: Transaction, _: &str| Ok(t.put_json(key, &record)?);
                operation.step_then(&step, &title, request, then).await?;
                if *stopped {
                    // A resize is done when the host runs.
                    let request = Request::StopHost { id, force: false };
                    operation.step(&format!("stop {name}"), &title, request).await?;
                }
                return Ok(());
            }
        };
        operation.step(&step, &title, request).await?;
        Ok(())
    }
}

/// Takes a host's volumes off it; deletes the host, its own group, and its record.
pub(in crate::resource) async fn delete_host(
    operation: &Operation<'_>,
    host: &Record<HostBody>,
) -> Result<(), Error> {
    let (name, tenancy) = (&host.name, operation.tenancy());
    let title = format!("host {name}");
    detach_all(operation, host).await?;
    let id = host.ready_id()?.to_owned();
    operation.step(&format!("delete {name}"), &title, Request::DeleteHost { id }).await?;
    forget_host(operation, name).await?;
    crate::resource::bucket::forget_host(operation, name).await?;
    if let Some(group) = &host.body.own_group {
        let request = Request::DeleteSecurityGroup { id: group.clone() };
        operation
            .step(&format!("delete group {name}"), &format!("security group of {name}"), request)
            .await?;
    }
    let key = tenancy.record_key(Kind::Host, &[name.as_str()])?;
    tenancy.store().commit(operation.transaction().delete(key)).await?;
    Ok(())
}
