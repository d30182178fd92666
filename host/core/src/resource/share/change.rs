//! Making and deleting shares.

use async_trait::async_trait;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use skywright_state::{Key, LeaseRequest, StoreExt as _, Transaction};

use super::{ShareBody, access, leases};
use crate::error::Error;
use crate::name::Name;
use crate::on_host::Script;
use crate::operation::{Change, Operation, OperationId};
use crate::report::Step;
use crate::resource::host::HostBody;
use crate::resource::network::NetworkBody;
use crate::resource::plan::{Plan, encode};
use crate::resource::record::{Kind, Record};
use crate::resource::spec::Labels;
use crate::resource::subnet::SubnetBody;
use crate::resource::volume::HostPath;
use crate::tenancy::Tenancy;

/// `share create`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateShare {
    /// Its name.
    pub name: Name,
    /// The host that has the files: a name or id.
    pub host: String,
    /// Where they are on it; `/srv/shares/NAME` by default. Made if it is not there.
    pub path: Option<HostPath>,
    /// Whether nobody writes.
    pub read_only: bool,
}

#[async_trait]
impl Change for CreateShare {
    fn title(&self) -> String {
        format!("share create {} {}", self.name, self.host)
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("share-create", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        leases(tenancy, &self.name, &[&self.host]).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        tenancy.free::<ShareBody>(&[self.name.as_str()]).await?;
        let host = tenancy.record::<HostBody>(&[&self.host]).await?.value;
        host.ready_id()?;
        let path = match &self.path {
            Some(path) => path.clone(),
            None => format!("/srv/shares/{}", self.name).parse()?,
        };
        let allowed = ranges(tenancy, &host).await?;
        if allowed.is_empty() {
            let hint =
                Some("a share is for the hosts of its host's networks, and that one is in none".to_owned());
            return Err(Error::Unsupported { what: format!("a share on {}", host.name), hint });
        }
        let (name, host, read_only) = (self.name.clone(), host.name, self.read_only);
        Ok(Plan::CreateShare(PlannedShare { name, host, path, read_only, allowed }))
    }
}

/// The ranges of the networks that a host is in. What range others meant a network to have that was taken in,
/// nobody knows: there it is the subnet's.
async fn ranges(tenancy: &Tenancy, host: &Record<HostBody>) -> Result<Vec<Ipv4Net>, Error> {
    let mut ranges = Vec::new();
    for at in &host.body.subnets {
        let network = tenancy.record::<NetworkBody>(&[at.network.as_str()]).await?.value;
        ranges.push(match network.adopted {
            false => network.body.cidr,
            true => {
                tenancy.record::<SubnetBody>(&[at.network.as_str(), at.name.as_str()]).await?.value.body.cidr
            }
        });
    }
    ranges.sort();
    ranges.dedup();
    Ok(ranges)
}

/// A share to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedShare {
    name: Name,
    host: Name,
    path: HostPath,
    read_only: bool,
    allowed: Vec<Ipv4Net>,
}

/// What the script answers.
#[derive(Debug, Deserialize)]
struct Exported {
    server: String,
}

impl PlannedShare {
    fn record(&self, operation: &OperationId) -> Record<ShareBody> {
        let body = ShareBody {
            host: self.host.clone(),
            path: self.path.clone(),
            read_only: self.read_only,
            allowed: self.allowed.clone(),
            server: None,
            mounts: Vec::new(),
        };
        Record::reserved(self.name.clone(), operation, &Labels::default(), body)
    }

    pub(in crate::resource) fn reserve(
        &self,
        tenancy: &Tenancy,
        operation: &OperationId,
    ) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        let key = tenancy.record_key(Kind::Share, &[self.name.as_str()])?;
        Ok(vec![(key, encode(&self.record(operation))?)])
    }

    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let tenancy = operation.tenancy();
        let title = format!("share {} on {}", self.name, self.host);
        tenancy.report().step(&Step::new(&title, "exporting"));
        let ranges: Vec<_> = self.allowed.iter().map(ToString::to_string).collect();
        let arguments = [self.name.as_str(), self.path.as_str(), access(self.read_only), &ranges.join(" ")];
        let what = format!("exporting the share {}", self.name);
        let answer = tenancy.run_script(self.host.as_str(), &what, Script::ExportShare, &arguments).await?;
        let exported: Exported = serde_json::from_str(answer.trim()).map_err(|_| Error::OnHost {
            what,
            host: self.host.to_string(),
            why: "what it answers makes no sense".to_owned(),
        })?;
        tenancy.report().step(&Step::new(&title, "exported"));
        let mut record = self.record(&operation.record().id).ready(self.name.as_str());
        record.body.server = Some(exported.server);
        let key = tenancy.record_key(Kind::Share, &[self.name.as_str()])?;
        Ok(Transaction::new().put_json(key, &record)?)
    }

    /// The files stay.
    pub(in crate::resource) async fn prepare_undo(&self, operation: &Operation<'_>) {
        if let Err(error) = unexport(operation.tenancy(), &self.name, &self.host).await {
            operation.tenancy().report().notice(&error.to_string());
        }
    }
}

async fn unexport(tenancy: &Tenancy, share: &Name, host: &Name) -> Result<(), Error> {
    let title = format!("share {share} on {host}");
    tenancy.report().step(&Step::new(&title, "taking it back"));
    let what = format!("taking back the share {share}");
    tenancy.run_script(host.as_str(), &what, Script::UnexportShare, &[share.as_str()]).await?;
    tenancy.report().step(&Step::new(&title, "done"));
    Ok(())
}

/// `share delete`. The files stay on their host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteShares {
    /// Their names.
    pub references: Vec<String>,
}

#[async_trait]
impl Change for DeleteShares {
    fn title(&self) -> String {
        format!("share delete {}", self.references.join(" "))
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("share-delete", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let mut all = Vec::new();
        for reference in &self.references {
            let share = tenancy.record::<ShareBody>(&[reference]).await?.value;
            all.extend(leases(tenancy, &share.name, &[share.body.host.as_str()]).await?);
        }
        Ok(all)
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let mut shares = Vec::new();
        for reference in &self.references {
            let share = tenancy.record::<ShareBody>(&[reference]).await?.value;
            share.ready_id()?;
            if let Some(mount) = share.body.mounts.first() {
                let by = format!("the host {}, which mounts it", mount.host);
                return Err(Error::InUse { kind: "share", name: share.name.to_string(), by });
            }
            shares.push(share.name);
        }
        Ok(Plan::DeleteShares(PlannedShareDeletion { shares }))
    }
}

/// Shares to be deleted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedShareDeletion {
    shares: Vec<Name>,
}

impl PlannedShareDeletion {
    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let tenancy = operation.tenancy();
        let mut transaction = Transaction::new();
        // One after the other: a host has one list of what it exports.
        for name in &self.shares {
            let key = tenancy.record_key(Kind::Share, &[name.as_str()])?;
            if let Some(share) = tenancy.store().get_json::<Record<ShareBody>>(&key).await? {
                unexport(tenancy, name, &share.value.body.host).await?;
                transaction = transaction.delete(key);
            }
        }
        Ok(transaction)
    }
}
