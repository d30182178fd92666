//! Making hosts, one or many at once.

use async_trait::async_trait;
use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};
use skywright_runtime::provider::Intent;
use skywright_runtime::provider::hosts::{HostSpec, Nic};
use skywright_runtime::provider::security_groups::SecurityGroupSpec;
use skywright_sizing::Sizing;
use skywright_state::{Key, LeaseRequest, Transaction};

use super::boot;
use super::user_data::{UserData, parse_domain};
use super::{HostBody, HostRole, ImageSummary, SubnetRef};
use crate::error::Error;
use crate::name::Name;
use crate::operation::{Change, Operation, OperationId, Request, Sealed};
use crate::resource::key;
use crate::resource::network::NetworkBody;
use crate::resource::plan::{Plan, encode};
use crate::resource::record::{Kind, Record, cloud_tags};
use crate::resource::security_group::groups_of_subnet;
use crate::resource::spec::{Labels, MachineRequest};
use crate::resource::subnet::{SubnetBody, ssh_from_anywhere};
use crate::resource::template::TemplateSummary;
use crate::tenancy::Tenancy;

/// The most hosts of one command: what one transaction of the state holds.
const MOST_HOSTS: usize = 100;

/// `host create`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CreateHosts {
    /// Their names. With a count in the sizing there is one, and `-1` to `-N` are put behind it.
    pub names: Vec<Name>,
    /// Their network. Without one there has to be just one, unless they are [single](Self::single).
    pub network: Option<String>,
    /// Their subnets, the default route first; the network's own where there is none.
    pub subnets: Vec<String>,
    /// In no network, with a public address each.
    pub single: bool,
    /// A public address each, besides their network.
    pub public: bool,
    /// The domain behind their names.
    pub domain: Option<String>,
    /// The machine.
    pub machine: MachineRequest,
    /// Labels and tags.
    pub labels: Labels,
    /// Whether a failure leaves what was made.
    pub keep_on_failure: bool,
}

impl CreateHosts {
    /// The names of all hosts, the count of the sizing taken into account.
    ///
    /// # Errors
    ///
    /// A sizing that is none, a count for several names, a name that is none or stands twice.
    pub fn all_names(&self) -> Result<Vec<Name>, Error> {
        let sizing: Sizing = self.machine.sizing.parse().map_err(skywright_sizing::Error::from)?;
        let names = match (sizing.count, self.names.as_slice()) {
            (None, names) => names.to_vec(),
            (Some(count), [name]) => {
                (1..=count).map(|n| format!("{name}-{n}").parse()).collect::<Result<_, _>>()?
            }
            (Some(_), _) => return Err(invalid("count", "it is for one name, which is numbered")),
        };
        if names.is_empty() || names.len() > MOST_HOSTS {
            return Err(invalid("hosts", &format!("1 to {MOST_HOSTS} can be made by one command")));
        }
        let mut seen = std::collections::BTreeSet::new();
        match names.iter().find(|name| !seen.insert(*name)) {
            Some(twice) => Err(invalid(twice.as_str(), "it stands there twice")),
            None => Ok(names),
        }
    }

    /// The subnets that they go to.
    async fn places(&self, tenancy: &Tenancy) -> Result<Vec<Record<SubnetBody>>, Error> {
        if self.single {
            return Ok(Vec::new());
        }
        let network = match &self.network {
            Some(reference) => tenancy.record::<NetworkBody>(&[reference]).await?.value,
            None => only_network(tenancy).await?,
        };
        let mut places = Vec::new();
        for reference in &self.subnets {
            places.push(tenancy.record::<SubnetBody>(&[network.name.as_str(), reference]).await?.value);
        }
        if places.is_empty() {
            places.push(default_subnet(tenancy, &network.name).await?);
        }
        Ok(places)
    }
}

async fn only_network(tenancy: &Tenancy) -> Result<Record<NetworkBody>, Error> {
    let mut networks = tenancy.records::<NetworkBody>().await?;
    match (networks.pop(), networks.is_empty()) {
        (Some(only), true) => Ok(only.value),
        (None, _) => {
            Err(invalid("network", "there is none yet; `network create` makes one, `--single` does without"))
        }
        (Some(_), false) => Err(invalid("network", "there are several; say which with `--network`")),
    }
}

/// The subnet named like its network, or the only one.
async fn default_subnet(tenancy: &Tenancy, network: &Name) -> Result<Record<SubnetBody>, Error> {
    let mut subnets = tenancy.records::<SubnetBody>().await?;
    subnets.retain(|found| found.value.body.network == *network);
    if let Some(position) = subnets.iter().position(|found| found.value.name == *network) {
        return Ok(subnets.swap_remove(position).value);
    }
    match (subnets.pop(), subnets.is_empty()) {
        (Some(only), true) => Ok(only.value),
        (None, _) => {
            Err(invalid(network.as_str(), "the network has no subnet; `network subnet create` makes one"))
        }
        (Some(_), false) => {
            Err(invalid(network.as_str(), "the network has several subnets; say which with `--subnet`"))
        }
    }
}

fn invalid(what: &str, reason: &str) -> Error {
    Error::Invalid { what: what.to_owned(), reason: reason.to_owned() }
}

#[async_trait]
impl Change for CreateHosts {
    fn title(&self) -> String {
        match self.names.as_slice() {
            [first, _, ..] => format!("host create {first} and {} more", self.names.len() - 1),
            names => format!("host create {}", names.first().map(Name::as_str).unwrap_or_default()),
        }
    }

    fn fingerprint(&self) -> String {
        crate::resource::fingerprint("host-create", self)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let mut leases = Vec::new();
        for name in self.all_names()? {
            leases.push(LeaseRequest::exclusive(tenancy.record_key(Kind::Host, &[name.as_str()])?));
        }
        // Nobody may change the network's subnets and their groups meanwhile.
        let network = match &self.network {
            Some(network) => Some(tenancy.record::<NetworkBody>(&[network]).await?.value),
            None if self.single => None,
            None => Some(only_network(tenancy).await?),
        };
        if let Some(network) = network {
            let key = tenancy.record_key(Kind::Network, &[network.name.as_str()])?;
            leases.push(LeaseRequest::shared(key));
        }
        Ok(leases)
    }

    fn keep_on_failure(&self) -> bool {
        self.keep_on_failure
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        if self.single && !tenancy.defaults().allows_single_hosts() {
            return Err(Error::NotAllowed {
                what: "a host in no network".to_owned(),
                hint: "`defaults.single-hosts` of the tenant is false; `--public` gives a host in a network \
                       an address outside"
                    .to_owned(),
            });
        }
        if self.single && (self.network.is_some() || !self.subnets.is_empty()) {
            return Err(invalid(
                "single",
                "a single host is in no network; leave `--network` and `--subnet` out",
            ));
        }
        self.domain.as_deref().map(parse_domain).transpose()?;
        let places = self.places(tenancy).await?;
        let inside = inside(tenancy, &places).await?;
        let names = self.all_names()?;
        let first = names.first().ok_or_else(|| invalid("hosts", "no name is given"))?;
        let model = PlannedHost::new(tenancy, first, &self.machine, &self.labels).await?;
        let mut hosts = Vec::new();
        for name in names {
            let free = tenancy.free::<HostBody>(&[name.as_str()]).await;
            free?;
            host_name(&name)?;
            hosts.push(PlannedHost {
                name,
                domain: self.domain.clone(),
                subnets: places
                    .iter()
                    .map(|subnet| SubnetRef {
                        network: subnet.body.network.clone(),
                        name: subnet.name.clone(),
                    })
                    .collect(),
                inside: inside.clone(),
                public_address: self.public || self.single,
                own_group: self.public || self.single,
                ..model.clone()
            });
        }
        let subnet_ids =
            places.iter().map(|subnet| subnet.ready_id().map(str::to_owned)).collect::<Result<_, _>>()?;
        let mut groups: Vec<_> =
            places.iter().filter_map(|subnet| subnet.body.internal_group.clone()).collect();
        for subnet in &places {
            groups.extend(groups_of_subnet(tenancy, subnet).await?);
        }
        groups.sort();
        groups.dedup();
        Ok(Plan::CreateHosts(PlannedHosts { hosts, subnet_ids, groups }))
    }
}

/// The ranges of subnets and of their networks. What ranges others meant a network to have that was taken in,
/// nobody knows.
async fn inside(tenancy: &Tenancy, places: &[Record<SubnetBody>]) -> Result<Vec<Ipv4Net>, Error> {
    let mut ranges = Vec::new();
    for place in places {
        let network = tenancy.record::<NetworkBody>(&[place.body.network.as_str()]).await?.value;
        ranges.push(place.body.cidr);
        ranges.extend((!network.adopted).then_some(network.body.cidr));
    }
    Ok(ranges)
}

fn host_name(name: &Name) -> Result<(), Error> {
    if name.is_host_name() {
        return Ok(());
    }
    Err(invalid(name.as_str(), "the name of a host has letters, digits and `-`, and does not end in `-`"))
}

/// Hosts to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlannedHosts {
    hosts: Vec<PlannedHost>,
    subnet_ids: Vec<String>,
    groups: Vec<String>,
}

impl PlannedHosts {
    pub(in crate::resource) fn reserve(
        &self,
        tenancy: &Tenancy,
        operation: &OperationId,
    ) -> Result<Vec<(Key, Vec<u8>)>, Error> {
        self.hosts.iter().map(|host| host.reserve(tenancy, operation)).collect()
    }

    pub(in crate::resource) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let made = self.hosts.iter().map(|host| host.make(operation, &self.subnet_ids, &self.groups));
        let mut transaction = Transaction::new();
        for (key, record) in operation.together(made).await? {
            transaction = transaction.put_json(key, &record)?;
        }
        Ok(transaction)
    }
}

/// A host to be made.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PlannedHost {
    pub(in crate::resource) name: Name,
    pub(in crate::resource) domain: Option<String>,
    pub(in crate::resource) role: HostRole,
    pub(in crate::resource) subnets: Vec<SubnetRef>,
    /// The ranges of its subnets and networks.
    #[serde(default)]
    pub(in crate::resource) inside: Vec<Ipv4Net>,
    pub(in crate::resource) public_address: bool,
    /// Whether it gets a group of its own that lets SSH in: it is reached from outside directly.
    pub(in crate::resource) own_group: bool,
    pub(in crate::resource) ssh_port: u16,
    pub(in crate::resource) forwards: bool,
    template: TemplateSummary,
    image: ImageSummary,
    boot_disk_gib: Option<u32>,
    zone: Option<String>,
    user: String,
    labels: Labels,
}

impl PlannedHost {
    /// A host of the machine that is asked for, not yet in any subnet.
    pub(in crate::resource) async fn new(
        tenancy: &Tenancy,
        name: &Name,
        machine: &MachineRequest,
        labels: &Labels,
    ) -> Result<Self, Error> {
        tenancy.free::<HostBody>(&[name.as_str()]).await?;
        host_name(name)?;
        let chosen = tenancy.choose_machine(machine).await?;
        Ok(Self {
            name: name.clone(),
            domain: None,
            role: HostRole::Plain,
            subnets: Vec::new(),
            inside: Vec::new(),
            public_address: false,
            own_group: false,
            ssh_port: 22,
            forwards: false,
            template: chosen.template,
            image: chosen.image,
            boot_disk_gib: chosen.boot_disk_gib,
            zone: machine.zone.clone(),
            user: tenancy.defaults().operator_user().to_owned(),
            labels: labels.clone(),
        })
    }

    fn record(&self, operation: &OperationId) -> Record<HostBody> {
        let body = HostBody {
            role: self.role,
            template: self.template.clone(),
            image: self.image.clone(),
            boot_disk_gib: self.boot_disk_gib,
            zone: self.zone.clone(),
            subnets: self.subnets.clone(),
            private_address: None,
            public_address: None,
            user: self.user.clone(),
            ssh_port: self.ssh_port,
            ssh_key: None,
            private_key: None,
            host_keys: Vec::new(),
            own_group: None,
            groups: Vec::new(),
        };
        Record::reserved(self.name.clone(), operation, &self.labels, body)
    }

    pub(in crate::resource) fn reserve(
        &self,
        tenancy: &Tenancy,
        operation: &OperationId,
    ) -> Result<(Key, Vec<u8>), Error> {
        Ok((tenancy.record_key(Kind::Host, &[self.name.as_str()])?, encode(&self.record(operation))?))
    }

    /// Makes it. Its record is for the caller to put, with what else ends the operation.
    pub(in crate::resource) async fn make(
        &self,
        operation: &Operation<'_>,
        subnets: &[String],
        groups: &[String],
    ) -> Result<(Key, Record<HostBody>), Error> {
        let tenancy = operation.tenancy();
        let name = self.name.as_str();
        let private = operation.keep(&format!("key {name}"), key::generate).await?;
        let public = key::public_half(&private, name)?;
        let mut groups = groups.to_vec();
        let own_group = match self.own_group && tenancy.cloud().has("security-groups") {
            true => Some(self.make_group(operation).await?),
            false => None,
        };
        groups.extend(own_group.clone());
        let title = format!("host {name}");
        let request = Request::CreateHost(self.spec(subnets, groups, &public.public)?);
        let id = operation.step(&title, &title, request).await?;
        let host_keys = match tenancy.defaults().waits_for_boot() {
            true => boot::watch(operation, name, &id).await?,
            false => Vec::new(),
        };
        let host = tenancy.cloud().ask(|p| p.get_host(&id)).await?;
        let key = tenancy.record_key(Kind::Host, &[name])?;
        let mut record = self.record(&operation.record().id).ready(&id);
        let address = |public| host.addresses.iter().find(|a| a.public == public).map(|a| a.address.clone());
        record.body.private_address = address(false);
        record.body.public_address = address(true);
        record.body.ssh_key = Some(public);
        record.body.private_key = Some(Sealed::new(&tenancy.seal().seal(key.as_str(), private.as_bytes())?));
        record.body.host_keys = host_keys;
        record.body.own_group = own_group;
        Ok((key, record))
    }

    async fn make_group(&self, operation: &Operation<'_>) -> Result<String, Error> {
        let spec = SecurityGroupSpec {
            intent: Intent { key: String::new(), again: false },
            name: format!("{}-public", self.name),
            description: format!("what reaches the host {} from outside", self.name),
            network: None,
            rules: vec![ssh_from_anywhere(self.ssh_port)],
            tags: cloud_tags(&self.labels.labels, &self.labels.tags),
        };
        let title = format!("security group {}", spec.name);
        operation.step(&format!("group {}", self.name), &title, Request::CreateSecurityGroup(spec)).await
    }

    fn spec(&self, subnets: &[String], groups: Vec<String>, public_key: &str) -> Result<HostSpec, Error> {
        let user_data = UserData {
            host_name: self.name.as_str(),
            domain: self.domain.as_deref(),
            user: &self.user,
            public_key,
            ssh_port: self.ssh_port,
            role: self.role,
            inside: &self.inside,
            forwards: self.forwards,
            public: self.own_group,
        };
        let nic = |subnet: &String| Nic {
            subnet: subnet.clone(),
            fixed_address: None,
            allowed_addresses: Vec::new(),
            forwards: self.forwards,
        };
        Ok(HostSpec {
            intent: Intent { key: String::new(), again: false },
            name: self.name.to_string(),
            template: self.template.id.clone(),
            image: self.image.id.clone(),
            zone: self.zone.clone(),
            keypair: None,
            nics: subnets.iter().map(nic).collect(),
            public_address: self.public_address,
            security_groups: groups,
            boot_disk_gib: self.boot_disk_gib,
            user_data: user_data.render()?,
            tags: cloud_tags(&self.labels.labels, &self.labels.tags),
        })
    }
}
