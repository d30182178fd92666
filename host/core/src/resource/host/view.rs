//! Hosts, as they are shown.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use skywright_runtime::provider::hosts::{Host, State};
use zeroize::Zeroizing;

use super::{HostBody, HostRole, ImageSummary};
use crate::error::Error;
use crate::resource::record::{Kind, Record, Status};
use crate::resource::subnet::SubnetBody;
use crate::resource::template::TemplateSummary;
use crate::tenancy::Tenancy;

/// A host, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct HostView {
    /// The cloud's id.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// `creating`, `starting`, `running`, `stopping`, `stopped`, `failed`, `deleting`, `deleted`, `unknown`; `missing`
    /// for one that the cloud does not have.
    pub state: &'static str,
    /// Whether this product made it, or took it in.
    pub managed: bool,
    /// What it is for.
    pub role: HostRole,
    /// What machine it is. A foreign one's is known by its id alone.
    pub template: Option<TemplateSummary>,
    /// What it was made of.
    pub image: Option<ImageSummary>,
    /// Where, if the cloud has several zones.
    pub zone: Option<String>,
    /// Where it is, as `network/subnet`.
    pub subnets: Vec<String>,
    /// Its address inside.
    pub private_address: Option<String>,
    /// Its address outside.
    pub public_address: Option<String>,
    /// Where SSH listens.
    pub ssh_port: Option<u16>,
    /// Who logs in.
    pub user: Option<String>,
    /// The public half of the key that logs in.
    pub public_key: Option<String>,
    /// When the cloud made it, as it says.
    pub created_at: Option<String>,
    /// Why it is `failed`, in the cloud's words.
    pub fault: Option<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Tags.
    pub tags: Vec<String>,
}

/// How a host is reached by SSH.
#[derive(Debug, Clone, Serialize)]
pub struct SshAccess {
    /// The host's name.
    pub name: String,
    /// Who logs in.
    pub user: String,
    /// Where: the address outside where there is one.
    pub address: String,
    /// The port.
    pub port: u16,
    /// The way in, for a host without an address outside: the gateways, the first one first.
    pub gateways: Vec<SshAccess>,
    /// Its public host keys, or fingerprints of them; none where they are not known yet.
    pub host_keys: Vec<String>,
    /// The private key. Left out of everything that is shown unless it is asked for.
    #[serde(skip)]
    pub private_key: Option<Zeroizing<String>>,
    /// Whether the address is one outside.
    #[serde(skip)]
    pub is_public: bool,
}

impl SshAccess {
    /// Whether nothing leads to it but its own network: no address outside, and no gateway.
    pub(crate) fn is_inside(&self) -> bool {
        !self.is_public && self.gateways.is_empty()
    }
}

impl Tenancy {
    /// Every host that is managed, by name; with `all` also those that the cloud has besides. One listing of
    /// the cloud tells the states of all.
    ///
    /// # Errors
    ///
    /// If the state cannot be read, or the cloud does not tell.
    pub async fn hosts(&self, all: bool) -> Result<Vec<HostView>, Error> {
        let records = self.records::<HostBody>().await?;
        if records.is_empty() && !all {
            return Ok(Vec::new());
        }
        let listed = self.cloud().hosts().await?;
        let mut by_id: HashMap<String, Host> =
            listed.into_iter().map(|host| (host.id.clone(), host)).collect();
        let mut views = Vec::new();
        for found in &records {
            let cloud = found.value.cloud_id.as_ref().and_then(|id| by_id.remove(id));
            views.push(host_view(&found.value, cloud.as_ref()));
        }
        if all {
            let mut others: Vec<_> = by_id.into_values().map(foreign_view).collect();
            others.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
            views.extend(others);
        }
        Ok(views)
    }

    /// One host.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`], or what the cloud said.
    pub async fn host(&self, reference: &str) -> Result<HostView, Error> {
        let record = self.record::<HostBody>(&[reference]).await?.value;
        let Some(id) = &record.cloud_id else { return Ok(host_view(&record, None)) };
        match self.cloud().ask(|p| p.get_host(id)).await {
            Ok(host) => Ok(host_view(&record, Some(&host))),
            Err(error) if error.category() == skywright_contract::Category::NotFound => {
                Ok(host_view(&record, None))
            }
            Err(error) => Err(error),
        }
    }

    /// The last lines of a host's console.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`], [`Error::NotReady`], or what the cloud said.
    pub async fn console(&self, reference: &str, lines: u32) -> Result<String, Error> {
        let record = self.record::<HostBody>(&[reference]).await?.value;
        let id = record.ready_id()?;
        self.cloud().ask(|p| p.host_console(id, lines)).await
    }

    /// How a host is reached by SSH.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`], [`Error::NotReady`], or [`Error::Unsupported`] for one that has no address.
    pub async fn ssh_access(&self, reference: &str) -> Result<SshAccess, Error> {
        let record = self.record::<HostBody>(&[reference]).await?.value;
        record.ready_id()?;
        let mut access = self.access_of(&record)?;
        if record.body.public_address.is_none()
            && let Some(at) = record.body.subnets.first()
        {
            let subnet = self.record::<SubnetBody>(&[at.network.as_str(), at.name.as_str()]).await?.value;
            for gateway in &subnet.body.gateways {
                let gateway = self.record::<HostBody>(&[gateway.as_str()]).await?.value;
                access.gateways.push(self.access_of(&gateway)?);
            }
        }
        Ok(access)
    }

    fn access_of(&self, record: &Record<HostBody>) -> Result<SshAccess, Error> {
        let body = &record.body;
        let address = body.public_address.as_ref().or(body.private_address.as_ref());
        let Some(address) = address else {
            let what = format!("ssh to `{}`, which has no address", record.name);
            return Err(Error::Unsupported { what, hint: None });
        };
        let key = self.record_key(Kind::Host, &[record.name.as_str()])?;
        let private_key = match &body.private_key {
            Some(sealed) => {
                let bytes = self.seal().unseal(key.as_str(), &sealed.bytes()?)?;
                Some(Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned()))
            }
            None => None,
        };
        Ok(SshAccess {
            name: record.name.to_string(),
            user: body.user.clone(),
            address: address.clone(),
            port: body.ssh_port,
            gateways: Vec::new(),
            host_keys: body.host_keys.clone(),
            private_key,
            is_public: body.public_address.is_some(),
        })
    }
}

fn state_name(state: State) -> &'static str {
    match state {
        State::Creating => "creating",
        State::Starting => "starting",
        State::Running => "running",
        State::Stopping => "stopping",
        State::Stopped => "stopped",
        State::Failed => "failed",
        State::Deleting => "deleting",
        State::Deleted => "deleted",
        State::Unknown => "unknown",
    }
}

fn host_view(record: &Record<HostBody>, cloud: Option<&Host>) -> HostView {
    let body = &record.body;
    let state = match (cloud, record.status) {
        (Some(host), _) => state_name(host.state),
        (None, Status::Creating) => "creating",
        (None, Status::Ready) => "missing",
    };
    HostView {
        id: record.cloud_id.clone(),
        name: record.name.to_string(),
        state,
        managed: true,
        role: body.role,
        template: Some(body.template.clone()),
        image: Some(body.image.clone()),
        zone: cloud.and_then(|host| host.zone.clone()).or_else(|| body.zone.clone()),
        subnets: body.subnets.iter().map(ToString::to_string).collect(),
        private_address: body.private_address.clone(),
        public_address: body.public_address.clone(),
        ssh_port: Some(body.ssh_port),
        user: Some(body.user.clone()),
        public_key: body.ssh_key.as_ref().map(|key| key.public.clone()),
        created_at: cloud.and_then(|host| host.created_at.clone()),
        fault: cloud.and_then(|host| host.fault.clone()),
        labels: record.labels.clone(),
        tags: record.tags.iter().cloned().collect(),
    }
}

fn foreign_view(host: Host) -> HostView {
    let address = |public| host.addresses.iter().find(|a| a.public == public).map(|a| a.address.clone());
    HostView {
        state: state_name(host.state),
        managed: false,
        role: HostRole::Plain,
        template: None,
        image: None,
        subnets: Vec::new(),
        private_address: address(false),
        public_address: address(true),
        ssh_port: None,
        user: None,
        public_key: None,
        labels: BTreeMap::new(),
        tags: Vec::new(),
        id: Some(host.id),
        name: host.name,
        zone: host.zone,
        created_at: host.created_at,
        fault: host.fault,
    }
}
