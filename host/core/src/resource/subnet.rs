//! Subnets, with their gateways and security groups.

use async_trait::async_trait;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use skywright_runtime::provider::Intent;
use skywright_runtime::provider::networks::SubnetSpec;
use skywright_runtime::provider::security_groups::{
    Direction, IpVersion, Peer, Protocol, Rule, SecurityGroupSpec,
};
use skywright_state::{Key, LeaseRequest, Transaction};

use super::host::{HostRole, PlannedHost, SubnetRef, delete_host};
use super::network::{NetworkBody, default_dns, hosts_in, refuse_hosts, refuse_volumes_in};
use super::plan::{Plan, encode};
use super::record::{Body, Kind, Record, Status, cloud_tags};
use super::security_group::GroupBinding;
use super::spec::{GatewayMode, Labels, SubnetRequest};
use super::virtual_ip::{delete_virtual_ips_of, refuse_virtual_ips};
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Change, Operation, OperationId, Request};
use crate::tenancy::Tenancy;

/// What is a subnet's alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SubnetBody {
    /// Its network.
    pub network: Name,
    /// Its range.
    pub cidr: Ipv4Net,
    /// Name servers.
    pub dns: Vec<String>,
    /// How its hosts reach the internet.
    pub gateway: GatewayMode,
    /// The hosts that are its gateways.
    pub gateways: Vec<Name>,
    /// The cloud's id of the group that lets its hosts reach each other.
    pub internal_group: Option<String>,
    /// The cloud's id of the group that lets SSH in to its gateways.
    pub gateway_group: Option<String>,
    /// The address that moves between two gateways.
    pub virtual_ip: Option<VirtualIp>,
    /// The groups that its hosts get, but for its gateways.
    #[serde(default)]
    pub groups: Vec<GroupBinding>,
}

/// An address that moves between hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualIp {
    /// The cloud's id.
    pub id: String,
    /// The address.
    pub address: String,
}

impl Body for SubnetBody {
    const KIND: Kind = Kind::Subnet;
}

/// `network subnet create`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateSubnet {
    /// Its network: a name or an id.
    pub network: String,
    /// The subnet.
    pub subnet: SubnetRequest,
    /// Labels and tags of all that is made.
    pub labels: Labels,
    /// Whether a failure leaves what was made.
    pub keep_on_failure: bool,
}

#[async_trait]
impl Change for CreateSubnet {
    fn title(&self) -> String {
        format!("network subnet create {} {}", self.network, self.subnet.name)
    }

    fn fingerprint(&self) -> String {
        super::fingerprint("subnet-create", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let mut leases = super::network_leases(tenancy, &self.network).await?;
        for gateway in self.subnet.gateway_names()? {
            leases.push(LeaseRequest::exclusive(tenancy.record_key(Kind::Host, &[gateway.as_str()])?));
        }
        Ok(leases)
    }

    fn keep_on_failure(&self) -> bool {
        self.keep_on_failure
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let network = tenancy.record::<NetworkBody>(&[&self.network]).await?.value;
        let id = network.ready_id()?.to_owned();
        let invalid =
            |reason: String| Err(Error::Invalid { what: format!("subnet {}", self.subnet.cidr), reason });
        // What ranges others meant a network to have that was taken in, nobody knows.
        if !network.adopted && !network.body.cidr.contains(&self.subnet.cidr) {
            return invalid(format!("it is not within the network's {}", network.body.cidr));
        }
        for other in tenancy.records::<SubnetBody>().await? {
            let body = &other.value.body;
            let overlap = body.cidr.contains(&self.subnet.cidr) || self.subnet.cidr.contains(&body.cidr);
            if body.network == network.name && overlap {
                return invalid(format!("it overlaps the subnet `{}`, {}", other.value.name, body.cidr));
            }
        }
        let range = (!network.adopted).then_some(network.body.cidr);
        let at = (&network.name, range);
        let plan = PlannedSubnet::new(tenancy, at, Some(id), &self.subnet, &self.labels).await?;
        Ok(Plan::CreateSubnet(plan))
    }
}

/// A subnet to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedSubnet {
    name: Name,
    network: Name,
    /// The cloud's id of the network, if it is there already.
    network_id: Option<String>,
    cidr: Ipv4Net,
    dns: Vec<String>,
    gateway: GatewayMode,
    gateway_ssh_port: u16,
    gateways: Vec<PlannedHost>,
    failover: bool,
    labels: Labels,
}

impl PlannedSubnet {
    /// In a network, with its range if it is known.
    pub(super) async fn new(
        tenancy: &Tenancy,
        (network, range): (&Name, Option<Ipv4Net>),
        network_id: Option<String>,
        request: &SubnetRequest,
        labels: &Labels,
    ) -> Result<Self, Error> {
        tenancy.free::<SubnetBody>(&[network.as_str(), request.name.as_str()]).await?;
        let capabilities = tenancy.capabilities().await?;
        let unsupported = |what: &str, hint: &str| {
            Err(Error::Unsupported { what: what.to_owned(), hint: Some(hint.to_owned()) })
        };
        if request.gateway == GatewayMode::Managed && !capabilities.managed_nat {
            return unsupported("a managed gateway", "take `--gateway host`");
        }
        if request.failover && !capabilities.virtual_ip {
            return unsupported(
                "failover between gateways",
                "leave `--failover` out: this cloud has no virtual IPs",
            );
        }
        let at = SubnetRef { network: network.clone(), name: request.name.clone() };
        let mut gateways = Vec::new();
        for name in request.gateway_names()? {
            let mut host = PlannedHost::new(tenancy, &name, &request.gateway_machine, labels).await?;
            host.role = HostRole::Gateway;
            host.subnets = vec![at.clone()];
            host.inside = range.into_iter().chain([request.cidr]).collect();
            host.public_address = true;
            host.ssh_port = request.gateway_ssh_port;
            // Where the cloud does NAT itself the gateway is the way in only.
            host.forwards = !capabilities.managed_nat || request.failover;
            gateways.push(host);
        }
        let dns = match request.dns.is_empty() {
            true => default_dns(request.gateway, tenancy),
            false => request.dns.clone(),
        };
        Ok(Self {
            name: request.name.clone(),
            network: network.clone(),
            network_id,
            cidr: request.cidr,
            dns,
            gateway: request.gateway,
            gateway_ssh_port: request.gateway_ssh_port,
            gateways,
            failover: request.failover,
            labels: labels.clone(),
        })
    }

    fn record(&self, operation: &OperationId) -> Record<SubnetBody> {
        let body = SubnetBody {
            network: self.network.clone(),
            cidr: self.cidr,
            dns: self.dns.clone(),
            gateway: self.gateway,
            gateways: self.gateways.iter().map(|host| host.name.clone()).collect(),
            internal_group: None,
            gateway_group: None,
            virtual_ip: None,
            groups: Vec::new(),
        };
        Record::reserved(self.name.clone(), operation, &self.labels, body)
    }

    fn key(&self, tenancy: &Tenancy) -> Result<Key, Error> {
        tenancy.record_key(Kind::Subnet, &[self.network.as_str(), self.name.as_str()])
    }

    pub(super) fn reserve(
        &self,
        tenancy: &Tenancy,
        operation: &OperationId,
    ) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        let mut reserved = vec![(self.key(tenancy)?, encode(&self.record(operation))?)];
        for gateway in &self.gateways {
            reserved.push(gateway.reserve(tenancy, operation)?);
        }
        Ok(reserved)
    }

    pub(super) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let network = self.network_id.as_deref().unwrap_or_default();
        self.make(operation, network).await
    }

    /// Makes it in the network with this id.
    pub(super) async fn make(&self, operation: &Operation<'_>, network: &str) -> Result<Transaction, Error> {
        let tenancy = operation.tenancy();
        let tags = cloud_tags(&self.labels.labels, &self.labels.tags);
        let spec = SubnetSpec {
            intent: Intent { key: String::new(), again: false },
            name: self.name.to_string(),
            network: network.to_owned(),
            cidr: self.cidr.to_string(),
            dns: self.dns.clone(),
            routed: self.gateway != GatewayMode::None,
            tags,
        };
        let title = format!("subnet {}", self.name);
        let id = operation.step("subnet", &title, Request::CreateSubnet(spec)).await?;
        let mut record = self.record(&operation.record().id).ready(&id);
        if tenancy.cloud().has("security-groups") {
            record.body.internal_group =
                Some(self.group(operation, network, "internal", internal_rules(self.cidr)).await?);
            if self.gateway == GatewayMode::Host {
                let rules = vec![ssh_from_anywhere(self.gateway_ssh_port)];
                record.body.gateway_group = Some(self.group(operation, network, "gateway", rules).await?);
            }
        }
        let groups: Vec<_> = [&record.body.internal_group, &record.body.gateway_group]
            .into_iter()
            .flatten()
            .cloned()
            .collect();
        let made = operation.together(
            self.gateways.iter().map(|gateway| gateway.make(operation, std::slice::from_ref(&id), &groups)),
        );
        let mut transaction = operation.transaction();
        let mut gateway_ids = Vec::new();
        for (key, host) in made.await? {
            gateway_ids.extend(host.cloud_id.clone());
            transaction = transaction.put_json(key, &host)?;
        }
        if self.failover {
            record.body.virtual_ip = Some(self.virtual_ip(operation, &id, &gateway_ids).await?);
        }
        Ok(transaction.put_json(self.key(tenancy)?, &record)?)
    }

    async fn group(
        &self,
        operation: &Operation<'_>,
        network: &str,
        role: &str,
        rules: Vec<Rule>,
    ) -> Result<String, Error> {
        let spec = SecurityGroupSpec {
            intent: Intent { key: String::new(), again: false },
            name: format!("{}-{}-{role}", self.network, self.name),
            description: format!("{role} traffic of the subnet {}", self.name),
            network: Some(network.to_owned()),
            rules,
            tags: cloud_tags(&self.labels.labels, &self.labels.tags),
        };
        let title = format!("security group {}", spec.name);
        operation.step(&format!("group {role}"), &title, Request::CreateSecurityGroup(spec)).await
    }

    async fn virtual_ip(
        &self,
        operation: &Operation<'_>,
        subnet: &str,
        gateways: &[String],
    ) -> Result<VirtualIp, Error> {
        let name = format!("{}-{}-vip", self.network, self.name);
        let request = Request::CreateVirtualIp {
            name: name.clone(),
            subnet: subnet.to_owned(),
            tags: cloud_tags(&self.labels.labels, &self.labels.tags),
        };
        let id = operation.step("virtual ip", &format!("virtual IP {name}"), request).await?;
        for host in gateways {
            let request = Request::BindVirtualIp { id: id.clone(), host: host.clone() };
            operation.step(&format!("virtual ip on {host}"), &format!("virtual IP {name}"), request).await?;
        }
        let address = operation.tenancy().cloud().ask(|p| p.get_virtual_ip(&id)).await?.address;
        Ok(VirtualIp { id, address })
    }
}

/// Everything between the subnet's hosts, and everything out.
fn internal_rules(cidr: Ipv4Net) -> Vec<Rule> {
    let rule = |direction, ip_version, peer: &str, description: &str| Rule {
        direction,
        ip_version,
        protocol: Protocol::Any,
        ports: None,
        peer: Peer::Cidr(peer.to_owned()),
        description: description.to_owned(),
    };
    vec![
        rule(Direction::Ingress, IpVersion::V4, &cidr.to_string(), "within the subnet"),
        rule(Direction::Egress, IpVersion::V4, "0.0.0.0/0", "out"),
        rule(Direction::Egress, IpVersion::V6, "::/0", "out"),
    ]
}

/// SSH from anywhere.
pub(super) fn ssh_from_anywhere(port: u16) -> Rule {
    Rule {
        direction: Direction::Ingress,
        ip_version: IpVersion::V4,
        protocol: Protocol::Tcp,
        ports: Some((port, port)),
        peer: Peer::Cidr("0.0.0.0/0".to_owned()),
        description: "ssh".to_owned(),
    }
}

/// `network subnet delete`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeleteSubnets {
    /// Their network: a name or an id.
    pub network: String,
    /// Names or ids.
    pub references: Vec<String>,
    /// Also the hosts in them.
    pub force: bool,
}

#[async_trait]
impl Change for DeleteSubnets {
    fn title(&self) -> String {
        format!("network subnet delete {} {}", self.network, self.references.join(" "))
    }

    fn fingerprint(&self) -> String {
        super::fingerprint("subnet-delete", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        super::network_leases(tenancy, &self.network).await
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let network = tenancy.record::<NetworkBody>(&[&self.network]).await?.value.name;
        let mut subnets = Vec::new();
        for reference in &self.references {
            let subnet = tenancy.record::<SubnetBody>(&[network.as_str(), reference]).await?.value;
            subnet.ready_id()?;
            if !self.force {
                refuse_hosts(tenancy, &network, Some(&subnet.name)).await?;
                refuse_volumes_in(tenancy, &network, Some(&subnet.name)).await?;
                refuse_virtual_ips(tenancy, &network, Some(&subnet.name)).await?;
            }
            subnets.push(subnet.name);
        }
        Ok(Plan::DeleteSubnets(PlannedSubnetDeletion { network, subnets }))
    }
}

/// Subnets to be deleted, with what is in them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedSubnetDeletion {
    network: Name,
    subnets: Vec<Name>,
}

impl PlannedSubnetDeletion {
    pub(super) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let tenancy = operation.tenancy();
        for name in &self.subnets {
            for host in hosts_in(tenancy, &self.network, Some(name)).await? {
                delete_host(operation, &host).await?;
            }
            let path = [self.network.as_str(), name.as_str()];
            match tenancy.record::<SubnetBody>(&path).await {
                Ok(subnet) => delete_subnet(operation, &subnet.value).await?,
                Err(Error::NoSuch { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Transaction::new())
    }
}

/// Deletes a subnet that has no hosts any more.
pub(super) async fn delete_subnet(
    operation: &Operation<'_>,
    subnet: &Record<SubnetBody>,
) -> Result<(), Error> {
    let (network, name) = (&subnet.body.network, &subnet.name);
    // A step's name is a segment of a key, which has no `/`.
    let step = |what: &str| format!("delete {what} {network} {name}");
    delete_virtual_ips_of(operation, network, name).await?;
    if let Some(ip) = &subnet.body.virtual_ip {
        let request = Request::DeleteVirtualIp { id: ip.id.clone() };
        operation.step(&step("virtual ip"), &format!("virtual IP {}", ip.address), request).await?;
    }
    let groups = [("gateway", &subnet.body.gateway_group), ("internal", &subnet.body.internal_group)];
    for (role, group) in groups {
        if let Some(id) = group {
            let request = Request::DeleteSecurityGroup { id: id.clone() };
            operation
                .step(&step(&format!("group {role}")), &format!("{role} security group"), request)
                .await?;
        }
    }
    let key = operation.tenancy().record_key(Kind::Subnet, &[network.as_str(), name.as_str()])?;
    let request = Request::DeleteSubnet { id: subnet.ready_id()?.to_owned() };
    operation
        .step_then(&step("subnet"), &format!("subnet {name}"), request, |t, _| Ok(t.delete(key)))
        .await?;
    Ok(())
}

/// A subnet, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct SubnetView {
    /// The cloud's id.
    pub id: Option<String>,
    /// Its name.
    pub name: String,
    /// Its network's name.
    pub network: String,
    /// Its range.
    pub cidr: String,
    /// Name servers.
    pub dns: Vec<String>,
    /// How its hosts reach the internet.
    pub gateway: GatewayMode,
    /// The hosts that are its gateways.
    pub gateways: Vec<String>,
    /// The address that moves between two gateways.
    pub virtual_ip: Option<String>,
    /// `creating` or `ready`.
    pub status: &'static str,
    /// Labels.
    pub labels: std::collections::BTreeMap<String, String>,
    /// Tags.
    pub tags: Vec<String>,
}

impl Tenancy {
    /// The subnets of a network, or of all, by name.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`] for the network.
    pub async fn subnets(&self, network: Option<&str>) -> Result<Vec<SubnetView>, Error> {
        let network = match network {
            Some(reference) => Some(self.record::<NetworkBody>(&[reference]).await?.value.name),
            None => None,
        };
        let records = self.records::<SubnetBody>().await?.into_iter().map(|found| found.value);
        let wanted =
            records.filter(|subnet| network.as_ref().is_none_or(|name| subnet.body.network == *name));
        Ok(wanted.map(|subnet| subnet_view(&subnet)).collect())
    }

    /// One subnet.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`].
    pub async fn subnet(&self, network: &str, reference: &str) -> Result<SubnetView, Error> {
        let network = self.record::<NetworkBody>(&[network]).await?.value.name;
        Ok(subnet_view(&self.record::<SubnetBody>(&[network.as_str(), reference]).await?.value))
    }
}

fn subnet_view(record: &Record<SubnetBody>) -> SubnetView {
    let body = &record.body;
    SubnetView {
        id: record.cloud_id.clone(),
        name: record.name.to_string(),
        network: body.network.to_string(),
        cidr: body.cidr.to_string(),
        dns: body.dns.clone(),
        gateway: body.gateway,
        gateways: body.gateways.iter().map(ToString::to_string).collect(),
        virtual_ip: body.virtual_ip.as_ref().map(|ip| ip.address.clone()),
        status: if record.status == Status::Ready { "ready" } else { "creating" },
        labels: record.labels.clone(),
        tags: record.tags.iter().cloned().collect(),
    }
}
