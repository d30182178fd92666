//! Networks.

use async_trait::async_trait;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use skywright_runtime::provider::Intent;
use skywright_runtime::provider::networks::NetworkSpec;
use skywright_state::{Key, LeaseRequest, StoreExt as _, Transaction};

use super::host::{HostBody, delete_host};
use super::plan::{Plan, encode};
use super::record::{Body, Kind, Record, Status, cloud_tags};
use super::security_group::delete_groups_of;
use super::spec::{GatewayMode, Labels, SubnetRequest};
use super::subnet::{PlannedSubnet, SubnetBody, delete_subnet};
use super::virtual_ip::refuse_virtual_ips;
use super::volume::refuse_volumes;
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Change, Operation, OperationId, Request};
use crate::tenancy::Tenancy;

/// What is a network's alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NetworkBody {
    /// The range that its subnets are cut from.
    pub cidr: Ipv4Net,
}

impl Body for NetworkBody {
    const KIND: Kind = Kind::Network;
}

/// `network create`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateNetwork {
    /// Its name.
    pub name: Name,
    /// Its range.
    pub cidr: Ipv4Net,
    /// The subnet that it has from the start.
    pub subnet: Option<SubnetRequest>,
    /// Labels and tags of all that is made.
    pub labels: Labels,
    /// Whether a failure leaves what was made.
    pub keep_on_failure: bool,
}

#[async_trait]
impl Change for CreateNetwork {
    fn title(&self) -> String {
        format!("network create {}", self.name)
    }

    fn fingerprint(&self) -> String {
        super::fingerprint("network-create", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let mut leases =
            vec![LeaseRequest::exclusive(tenancy.record_key(Kind::Network, &[self.name.as_str()])?)];
        for gateway in
            self.subnet.as_ref().map(SubnetRequest::gateway_names).transpose()?.into_iter().flatten()
        {
            leases.push(LeaseRequest::exclusive(tenancy.record_key(Kind::Host, &[gateway.as_str()])?));
        }
        Ok(leases)
    }

    fn keep_on_failure(&self) -> bool {
        self.keep_on_failure
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        tenancy.free::<NetworkBody>(&[self.name.as_str()]).await?;
        let subnet = match &self.subnet {
            Some(subnet) => {
                let within = self.cidr.contains(&subnet.cidr);
                if !within {
                    let reason = format!("it is not within the network's {}", self.cidr);
                    return Err(Error::Invalid { what: format!("subnet {}", subnet.cidr), reason });
                }
                Some(
                    PlannedSubnet::new(tenancy, (&self.name, Some(self.cidr)), None, subnet, &self.labels)
                        .await?,
                )
            }
            None => None,
        };
        Ok(Plan::CreateNetwork(PlannedNetwork {
            name: self.name.clone(),
            cidr: self.cidr,
            labels: self.labels.clone(),
            subnet,
        }))
    }
}

/// A network to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedNetwork {
    name: Name,
    cidr: Ipv4Net,
    labels: Labels,
    subnet: Option<PlannedSubnet>,
}

impl PlannedNetwork {
    pub(super) fn reserve(
        &self,
        tenancy: &Tenancy,
        operation: &OperationId,
    ) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        let record = self.record(operation);
        let key = tenancy.record_key(Kind::Network, &[self.name.as_str()])?;
        let mut reserved = vec![(key, encode(&record)?)];
        if let Some(subnet) = &self.subnet {
            reserved.extend(subnet.reserve(tenancy, operation)?);
        }
        Ok(reserved)
    }

    fn record(&self, operation: &OperationId) -> Record<NetworkBody> {
        Record::reserved(self.name.clone(), operation, &self.labels, NetworkBody { cidr: self.cidr })
    }

    pub(super) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let spec = NetworkSpec {
            intent: Intent { key: String::new(), again: false },
            name: self.name.to_string(),
            cidr: self.cidr.to_string(),
            tags: cloud_tags(&self.labels.labels, &self.labels.tags),
        };
        let title = format!("network {}", self.name);
        let id = operation.step("network", &title, Request::CreateNetwork(spec)).await?;
        let record = self.record(&operation.record().id).ready(&id);
        let key = operation.tenancy().record_key(Kind::Network, &[self.name.as_str()])?;
        let transaction = match &self.subnet {
            Some(subnet) => subnet.make(operation, &id).await?,
            None => Transaction::new(),
        };
        Ok(transaction.put_json(key, &record)?)
    }
}

/// `network delete`: with their subnets, those that hold nothing but gateways.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteNetworks {
    /// Names or ids.
    pub references: Vec<String>,
    /// Also the hosts in them.
    pub force: bool,
}

#[async_trait]
impl Change for DeleteNetworks {
    fn title(&self) -> String {
        format!("network delete {}", self.references.join(" "))
    }

    fn fingerprint(&self) -> String {
        super::fingerprint("network-delete", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        super::leases_of::<NetworkBody>(tenancy, &self.references).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let mut networks = Vec::new();
        for reference in &self.references {
            let network = tenancy.record::<NetworkBody>(&[reference]).await?.value;
            network.ready_id()?;
            if !self.force {
                refuse_hosts(tenancy, &network.name, None).await?;
                refuse_volumes_in(tenancy, &network.name, None).await?;
                refuse_virtual_ips(tenancy, &network.name, None).await?;
            }
            networks.push(network.name);
        }
        Ok(Plan::DeleteNetworks(PlannedNetworkDeletion { networks }))
    }
}

/// Networks to be deleted, with what is in them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedNetworkDeletion {
    networks: Vec<Name>,
}

impl PlannedNetworkDeletion {
    pub(super) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        for name in &self.networks {
            delete_network(operation, name).await?;
        }
        Ok(Transaction::new())
    }
}

async fn delete_network(operation: &Operation<'_>, name: &Name) -> Result<(), Error> {
    let tenancy = operation.tenancy();
    let key = tenancy.record_key(Kind::Network, &[name.as_str()])?;
    let Some(network) = tenancy.store().get_json::<Record<NetworkBody>>(&key).await? else {
        // A process before this one has come that far.
        return Ok(());
    };
    for host in hosts_in(tenancy, name, None).await? {
        delete_host(operation, &host).await?;
    }
    delete_groups_of(operation, name).await?;
    for subnet in tenancy.records::<SubnetBody>().await? {
        if subnet.value.body.network == *name {
            delete_subnet(operation, &subnet.value).await?;
        }
    }
    let id = network.value.ready_id()?.to_owned();
    let title = format!("network {name}");
    let request = Request::DeleteNetwork { id };
    operation.step_then(&format!("delete network {name}"), &title, request, |t, _| Ok(t.delete(key))).await?;
    Ok(())
}

/// The hosts of a network, or of one of its subnets, gateways last.
pub(super) async fn hosts_in(
    tenancy: &Tenancy,
    network: &Name,
    subnet: Option<&Name>,
) -> Result<Vec<Record<HostBody>>, Error> {
    let mut hosts: Vec<_> =
        tenancy.records::<HostBody>().await?.into_iter().map(|found| found.value).collect();
    hosts.retain(|host| {
        host.body
            .subnets
            .iter()
            .any(|at| at.network == *network && subnet.is_none_or(|name| at.name == *name))
    });
    hosts.sort_by_key(|host| host.body.role.is_gateway());
    Ok(hosts)
}

/// That nothing but gateways is in a network or subnet.
pub(super) async fn refuse_hosts(
    tenancy: &Tenancy,
    network: &Name,
    subnet: Option<&Name>,
) -> Result<(), Error> {
    let hosts = hosts_in(tenancy, network, subnet).await?;
    let by: Vec<_> =
        hosts.iter().filter(|host| !host.body.role.is_gateway()).map(|host| host.name.to_string()).collect();
    if by.is_empty() {
        return Ok(());
    }
    let (kind, name) = match subnet {
        Some(subnet) => ("subnet", subnet),
        None => ("network", network),
    };
    Err(Error::InUse { kind, name: name.to_string(), by: format!("hosts {}", by.join(", ")) })
}

/// That no volume is attached to the gateways of a network or subnet, which go with it.
pub(super) async fn refuse_volumes_in(
    tenancy: &Tenancy,
    network: &Name,
    subnet: Option<&Name>,
) -> Result<(), Error> {
    let hosts: Vec<_> = hosts_in(tenancy, network, subnet).await?.into_iter().map(|host| host.name).collect();
    refuse_volumes(tenancy, &hosts).await?;
    super::share::refuse_shares(tenancy, &hosts).await
}

/// A network, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct NetworkView {
    /// The cloud's id.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its range; what the cloud does not tell of a foreign one is not there.
    pub cidr: Option<String>,
    /// The names of its subnets.
    pub subnets: Vec<String>,
    /// `creating`, `ready`, or `unmanaged` for one that this product did not make.
    pub status: &'static str,
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Tags.
    pub tags: Vec<String>,
}

impl Tenancy {
    /// Every network that is managed, by name; with `all` also those that the cloud has besides.
    ///
    /// # Errors
    ///
    /// If the state cannot be read, or the cloud does not tell.
    pub async fn networks(&self, all: bool) -> Result<Vec<NetworkView>, Error> {
        let records = self.records::<NetworkBody>().await?;
        let subnets = self.records::<SubnetBody>().await?;
        let mut views: Vec<_> = records.iter().map(|found| network_view(&found.value, &subnets)).collect();
        if all {
            let known: Vec<_> = records.iter().filter_map(|found| found.value.cloud_id.as_deref()).collect();
            let others = self.cloud().networks().await?;
            let others = others.into_iter().filter(|network| !known.contains(&network.id.as_str()));
            views.extend(others.map(|network| NetworkView {
                id: Some(network.id),
                name: network.name,
                cidr: None,
                subnets: Vec::new(),
                status: "unmanaged",
                labels: std::collections::BTreeMap::new(),
                tags: Vec::new(),
            }));
        }
        Ok(views)
    }

    /// One network.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`].
    pub async fn network(&self, reference: &str) -> Result<NetworkView, Error> {
        let found = self.record::<NetworkBody>(&[reference]).await?;
        Ok(network_view(&found.value, &self.records::<SubnetBody>().await?))
    }
}

fn network_view(
    record: &Record<NetworkBody>,
    subnets: &[skywright_state::Found<Record<SubnetBody>>],
) -> NetworkView {
    let of_it = subnets.iter().filter(|subnet| subnet.value.body.network == record.name);
    NetworkView {
        id: record.cloud_id.clone(),
        name: record.name.to_string(),
        cidr: Some(record.body.cidr.to_string()),
        subnets: of_it.map(|subnet| subnet.value.name.to_string()).collect(),
        status: if record.status == Status::Ready { "ready" } else { "creating" },
        labels: record.labels.clone(),
        tags: record.tags.iter().cloned().collect(),
    }
}

/// The first host address of a range, where gateways are.
pub(super) fn default_dns(mode: GatewayMode, tenancy: &Tenancy) -> Vec<String> {
    match mode {
        GatewayMode::None => Vec::new(),
        GatewayMode::Host | GatewayMode::Managed => tenancy.defaults().dns.clone(),
    }
}
