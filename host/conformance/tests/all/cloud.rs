//! A cloud in memory, with networks and keypairs, and defects to choose from.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use skywright_conformance::{Identity, Launch, LaunchError, Launched, Subject};
use skywright_contract::Category;
use skywright_egress::BoxFuture;
use skywright_runtime::driver::{Capabilities, DriverInfo, PublicAddressMode};
use skywright_runtime::provider::{
    Call, Diagnostic, Intent, KeyValue, Outcome, Pending, Provider, catalog, keypairs, networks,
};
use skywright_runtime::{Error, GuestError};

/// What is wrong with the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    SecondOnAgain,
    DeleteOnlyOnce,
    TagsAdded,
    NoIntent,
    AbandonNothing,
    EndlessPages,
    AnyToken,
    NetworkNeverInUse,
    MemoryOfChanges,
    AnyKey,
}

#[derive(Debug, Clone)]
struct Item {
    name: String,
    intent: String,
    tags: Vec<KeyValue>,
    /// The network of a subnet, its range, and whether it is routed.
    subnet: Option<(String, String, bool)>,
}

#[derive(Default)]
struct State {
    items: BTreeMap<String, Item>,
    keys: BTreeMap<String, String>,
    made: u32,
}

/// The cloud, which starts as many providers as are asked for.
pub(crate) struct Cloud {
    state: Arc<Mutex<State>>,
    defect: Option<Defect>,
}

struct Driver {
    state: Arc<Mutex<State>>,
    defect: Option<Defect>,
    /// What only this start of it knows.
    changes: Mutex<Vec<String>>,
}

impl Cloud {
    pub(crate) fn new(defect: Option<Defect>) -> Self {
        Self { state: Arc::default(), defect }
    }

    pub(crate) fn count(&self) -> usize {
        let state = self.state.lock().unwrap();
        state.items.len() + state.keys.len()
    }
}

impl Subject for Cloud {
    fn identity(&self) -> Identity {
        Identity { id: "test/memory".to_owned(), version: "0.1.0".to_owned() }
    }

    fn launch(&self, _: Launch) -> BoxFuture<'_, Result<Launched, LaunchError>> {
        let info = DriverInfo {
            name: "memory".to_owned(),
            title: "In memory".to_owned(),
            documentation: String::new(),
            settings: vec![],
            endpoints: vec![],
            rates: vec![],
        };
        let driver = Driver { state: self.state.clone(), defect: self.defect, changes: Mutex::default() };
        Box::pin(async { Ok(Launched { provider: Arc::new(driver), info }) })
    }
}

fn ready<'a, T: Send + 'a>(result: Result<T, Error>) -> Call<'a, T> {
    Box::pin(std::future::ready(result))
}

fn error(category: Category, code: &str) -> Error {
    Error::Guest(Box::new(GuestError {
        category,
        code: code.to_owned(),
        message: code.to_owned(),
        subject: None,
        http_status: None,
        retry_after: None,
        hint: None,
    }))
}

impl Driver {
    fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    fn create(&self, intent: &Intent, item: Item) -> Result<String, Error> {
        let mut state = self.state.lock().unwrap();
        if let Some((network, _, _)) = &item.subnet
            && !state.items.contains_key(network)
        {
            return Err(error(Category::NotFound, "no-network"));
        }
        let found = state.items.iter().find(|(_, own)| own.intent == intent.key);
        if let Some((id, _)) = found.filter(|_| intent.again && !self.has(Defect::SecondOnAgain)) {
            return Ok(id.clone());
        }
        state.made += 1;
        let id = format!("{:08x}", state.made);
        state.items.insert(id.clone(), item);
        Ok(id)
    }

    fn get(&self, id: &str, subnet: bool) -> Result<Item, Error> {
        let state = self.state.lock().unwrap();
        let found = state.items.get(id).filter(|item| item.subnet.is_some() == subnet).cloned();
        found.ok_or_else(|| error(Category::NotFound, "not-there"))
    }

    fn delete(&self, id: &str, subnet: bool) -> Result<(), Error> {
        let used = |item: &Item| item.subnet.as_ref().is_some_and(|(network, ..)| network == id);
        if self.state.lock().unwrap().items.values().any(used) && !self.has(Defect::NetworkNeverInUse) {
            return Err(error(Category::InUse, "has-subnets"));
        }
        if self.get(id, subnet).is_err() && self.has(Defect::DeleteOnlyOnce) {
            return Err(error(Category::NotFound, "not-there"));
        }
        self.state.lock().unwrap().items.remove(id);
        Ok(())
    }

    fn abandon(&self, key: &str) {
        if !self.has(Defect::AbandonNothing) {
            self.state.lock().unwrap().items.retain(|_, item| item.intent != key);
        }
    }

    fn set_tags(&self, id: &str, tags: &[KeyValue]) -> Result<(), Error> {
        let mut state = self.state.lock().unwrap();
        let item = state.items.get_mut(id).ok_or_else(|| error(Category::NotFound, "not-there"))?;
        if !self.has(Defect::TagsAdded) {
            item.tags.clear();
        }
        item.tags.extend(tags.iter().cloned());
        Ok(())
    }

    /// Two a page.
    fn page(&self, subnets: bool, cursor: Option<&str>) -> (Vec<(String, Item)>, Option<String>) {
        let state = self.state.lock().unwrap();
        let mut rest = state.items.iter().filter(|(id, item)| {
            item.subnet.is_some() == subnets && cursor.is_none_or(|cursor| id.as_str() > cursor)
        });
        let page: Vec<_> = rest.by_ref().take(2).map(|(id, item)| (id.clone(), item.clone())).collect();
        let more = rest.next().is_some();
        let next = page.last().map(|(id, _)| id.clone()).filter(|_| more);
        if self.has(Defect::EndlessPages) { (page, Some("again".to_owned())) } else { (page, next) }
    }

    fn intent(&self, item: &Item) -> Option<String> {
        (!self.has(Defect::NoIntent)).then(|| item.intent.clone())
    }

    fn network(&self, id: String, item: Item) -> networks::Network {
        networks::Network { id, name: item.name.clone(), intent: self.intent(&item), tags: item.tags }
    }

    fn subnet(&self, id: String, item: Item) -> networks::Subnet {
        let intent = self.intent(&item);
        let (network, cidr, routed) = item.subnet.unwrap();
        let gateway = routed.then(|| "10.0.0.1".to_owned());
        let Item { name, tags, .. } = item;
        networks::Subnet { id, name, network, cidr, gateway, dns: vec![], routed, intent, tags }
    }
}

impl Provider for Driver {
    fn families(&self) -> Vec<String> {
        ["driver", "catalog", "networks", "keypairs"].map(str::to_owned).into()
    }

    fn capabilities_of<'a>(&'a self, _: &'a str) -> Call<'a, Capabilities> {
        ready(Ok(Capabilities {
            public_address_mode: PublicAddressMode::Ephemeral,
            virtual_ip: false,
            managed_nat: false,
            port_security_toggle: false,
            ipv6: true,
            resize: false,
            user_data_limit_bytes: 1000,
            idempotent_create: false,
            create_parallelism: 1,
        }))
    }

    fn poll<'a>(&'a self, token: &'a str) -> Call<'a, Outcome> {
        if self.has(Defect::AnyToken) {
            return ready(Ok(Outcome::Done(token.to_owned())));
        }
        let known = self.changes.lock().unwrap().iter().any(|own| own == token);
        let id = token.strip_prefix("subnet:").filter(|_| known || !self.has(Defect::MemoryOfChanges));
        ready(match id {
            Some(id) => Ok(Outcome::Done(id.to_owned())),
            None => Err(error(Category::InvalidRequest, "unknown-token")),
        })
    }

    fn cancel<'a>(&'a self, _: &'a str) -> Call<'a, Outcome> {
        ready(Err(error(Category::InvalidRequest, "unknown-token")))
    }

    fn validate<'a>(&'a self, _: &'a [(String, String)]) -> Call<'a, Vec<Diagnostic>> {
        ready(Ok(vec![]))
    }

    fn regions(&self) -> Call<'_, Vec<String>> {
        ready(Ok(vec!["one".to_owned()]))
    }

    fn zones(&self) -> Call<'_, Vec<catalog::Zone>> {
        ready(Ok(vec![]))
    }

    fn templates<'a>(&'a self, _: Option<&'a str>) -> Call<'a, catalog::TemplatePage> {
        let template = catalog::Template {
            id: "t".to_owned(),
            name: "small".to_owned(),
            vcpus: 1,
            memory_mib: 512,
            disk_gib: 10,
            disk_kind: catalog::DiskKind::LocalSsd,
            architecture: catalog::Architecture::Amd64,
            cpu_ghz: None,
            gpu_count: 0,
            gpu_model: None,
            attributes: vec![],
        };
        ready(Ok(catalog::TemplatePage { items: vec![template], next: None }))
    }

    fn images<'a>(&'a self, _: Option<&'a str>) -> Call<'a, catalog::ImagePage> {
        let image = catalog::Image {
            id: "i".to_owned(),
            name: "linux".to_owned(),
            os_family: None,
            os_version: None,
            login_user: None,
            min_disk_gib: 1,
            min_memory_mib: 64,
            size_bytes: None,
            created_at: None,
            attributes: vec![],
        };
        ready(Ok(catalog::ImagePage { items: vec![image], next: None }))
    }

    fn create_network<'a>(&'a self, spec: &'a networks::NetworkSpec) -> Call<'a, Outcome> {
        let networks::NetworkSpec { name, tags, .. } = spec.clone();
        let item = Item { name, intent: spec.intent.key.clone(), tags, subnet: None };
        ready(self.create(&spec.intent, item).map(Outcome::Done))
    }

    fn get_network<'a>(&'a self, id: &'a str) -> Call<'a, networks::Network> {
        ready(self.get(id, false).map(|item| self.network(id.to_owned(), item)))
    }

    fn list_networks<'a>(
        &'a self,
        tags: &'a [KeyValue],
        cursor: Option<&'a str>,
    ) -> Call<'a, networks::NetworkPage> {
        let (page, next) = self.page(false, cursor);
        let tagged = page.into_iter().filter(|(_, item)| tags.iter().all(|tag| item.tags.contains(tag)));
        let items = tagged.map(|(id, item)| self.network(id, item)).collect();
        ready(Ok(networks::NetworkPage { items, next }))
    }

    fn set_network_tags<'a>(&'a self, id: &'a str, tags: &'a [KeyValue]) -> Call<'a, ()> {
        ready(self.set_tags(id, tags))
    }

    fn delete_network<'a>(&'a self, id: &'a str) -> Call<'a, Outcome> {
        ready(self.delete(id, false).map(|()| Outcome::Done(id.to_owned())))
    }

    fn abandon_network<'a>(&'a self, key: &'a str) -> Call<'a, Outcome> {
        self.abandon(key);
        ready(Ok(Outcome::Done(String::new())))
    }

    fn create_subnet<'a>(&'a self, spec: &'a networks::SubnetSpec) -> Call<'a, Outcome> {
        let networks::SubnetSpec { name, tags, network, cidr, routed, .. } = spec.clone();
        let subnet = Some((network, cidr, routed));
        let item = Item { name, intent: spec.intent.key.clone(), tags, subnet };
        ready(self.create(&spec.intent, item).map(|id| {
            let token = format!("subnet:{id}");
            self.changes.lock().unwrap().push(token.clone());
            Outcome::Pending(Pending { token, poll_after_ms: 3_600_000, percent: None, note: String::new() })
        }))
    }

    fn get_subnet<'a>(&'a self, id: &'a str) -> Call<'a, networks::Subnet> {
        ready(self.get(id, true).map(|item| self.subnet(id.to_owned(), item)))
    }

    fn list_subnets<'a>(
        &'a self,
        network: Option<&'a str>,
        cursor: Option<&'a str>,
    ) -> Call<'a, networks::SubnetPage> {
        let (page, next) = self.page(true, cursor);
        let items = page.into_iter().map(|(id, item)| self.subnet(id, item));
        let items = items.filter(|subnet| network.is_none_or(|network| network == subnet.network)).collect();
        ready(Ok(networks::SubnetPage { items, next }))
    }

    fn set_subnet_tags<'a>(&'a self, id: &'a str, tags: &'a [KeyValue]) -> Call<'a, ()> {
        ready(self.set_tags(id, tags))
    }

    fn delete_subnet<'a>(&'a self, id: &'a str) -> Call<'a, Outcome> {
        ready(self.delete(id, true).map(|()| Outcome::Done(id.to_owned())))
    }

    fn abandon_subnet<'a>(&'a self, key: &'a str) -> Call<'a, Outcome> {
        self.abandon(key);
        ready(Ok(Outcome::Done(String::new())))
    }

    fn import_keypair<'a>(&'a self, name: &'a str, public_key: &'a str) -> Call<'a, keypairs::Keypair> {
        let mut state = self.state.lock().unwrap();
        let own = state.keys.entry(name.to_owned()).or_insert_with(|| public_key.to_owned()).clone();
        drop(state);
        if own != public_key && !self.has(Defect::AnyKey) {
            return ready(Err(error(Category::AlreadyExists, "other-key")));
        }
        ready(Ok(keypair(name, &own)))
    }

    fn list_keypairs<'a>(&'a self, _: Option<&'a str>) -> Call<'a, keypairs::KeypairPage> {
        let state = self.state.lock().unwrap();
        let items = state.keys.iter().map(|(name, key)| keypair(name, key)).collect();
        ready(Ok(keypairs::KeypairPage { items, next: None }))
    }

    fn delete_keypair<'a>(&'a self, id: &'a str) -> Call<'a, ()> {
        self.state.lock().unwrap().keys.remove(id);
        ready(Ok(()))
    }
}

fn keypair(name: &str, key: &str) -> keypairs::Keypair {
    keypairs::Keypair {
        id: name.to_owned(),
        name: name.to_owned(),
        public_key: key.to_owned(),
        fingerprint: "f".to_owned(),
    }
}
