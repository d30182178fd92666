//! A cloud in memory: it keeps what it is asked for, finishes long changes on the second poll, and fails or
//! falls silent at the request it is told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use skywright_contract::Category;
use skywright_core::{Cloud, Defaults, RetryPolicy, Silent, Tenancy, TenancyParts};
use skywright_runtime::provider::driver::{Capabilities, PublicAddressMode};
use skywright_runtime::provider::{
    Call, Intent, Outcome, Pending, Provider, addresses, catalog, hosts, networks, security_groups,
};
use skywright_runtime::{Error, GuestError};
use skywright_state::{Holder, Seal, SqliteStore};

/// What the cloud has: id → what it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Thing {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) intent: String,
    pub(crate) within: Vec<String>,
}

/// What happens at a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Silence, before anything is done.
    SilentBefore,
    /// It is done, and then silence.
    SilentAfter,
    /// It is refused for good.
    Refused,
    /// It is done, and the answer is an error that says that nobody knows.
    AnswerLost,
}

#[derive(Default)]
pub(crate) struct FakeCloud {
    pub(crate) things: Mutex<BTreeMap<String, Thing>>,
    requests: AtomicU32,
    next_id: AtomicU32,
    trouble: Mutex<Option<(u32, Trouble)>>,
}

impl FakeCloud {
    /// From now on, at the request of this number, counted from 1.
    pub(crate) fn trouble(&self, at: u32, trouble: Trouble) {
        self.requests.store(0, Ordering::SeqCst);
        *self.trouble.lock().unwrap() = Some((at, trouble));
    }

    pub(crate) fn calm(&self) {
        *self.trouble.lock().unwrap() = None;
    }

    pub(crate) fn requests(&self) -> u32 {
        self.requests.load(Ordering::SeqCst)
    }

    /// How many there are of each kind.
    pub(crate) fn census(&self) -> BTreeMap<&'static str, usize> {
        let mut census = BTreeMap::new();
        for thing in self.things.lock().unwrap().values() {
            *census.entry(thing.kind).or_default() += 1;
        }
        census
    }

    /// One request: `act` is what the cloud does.
    async fn request<T>(
        &self,
        act: impl FnOnce(&mut BTreeMap<String, Thing>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let number = self.requests.fetch_add(1, Ordering::SeqCst) + 1;
        let due = self.trouble.lock().unwrap().filter(|(at, _)| *at == number).map(|(_, trouble)| trouble);
        match due {
            Some(Trouble::SilentBefore) => std::future::pending().await,
            Some(Trouble::Refused) => {
                Err(refused(Category::Forbidden, "refused", "the cloud does not want to"))
            }
            Some(Trouble::SilentAfter) => {
                let _ = act(&mut self.things.lock().unwrap());
                std::future::pending().await
            }
            Some(Trouble::AnswerLost) => {
                let _ = act(&mut self.things.lock().unwrap());
                Err(refused(Category::OutcomeUnknown, "lost", "the answer was lost"))
            }
            None => act(&mut self.things.lock().unwrap()),
        }
    }

    async fn make(
        &self,
        kind: &'static str,
        name: &str,
        intent: &Intent,
        within: Vec<String>,
    ) -> Result<String, Error> {
        let id = format!("{kind}-{}", self.next_id.fetch_add(1, Ordering::SeqCst));
        let (name, intent) = (name.to_owned(), intent.clone());
        self.request(move |things| {
            if intent.again
                && let Some((id, _)) = things.iter().find(|(_, thing)| thing.intent == intent.key)
            {
                return Ok(id.clone());
            }
            things.insert(id.clone(), Thing { kind, name, intent: intent.key, within });
            Ok(id)
        })
        .await
    }

    async fn remove(&self, id: &str) -> Result<(), Error> {
        self.request(|things| {
            if let Some((user, _)) = things.iter().find(|(_, thing)| thing.within.iter().any(|at| at == id)) {
                return Err(refused(Category::InUse, "in-use", &format!("{user} uses it")));
            }
            things.remove(id);
            Ok(())
        })
        .await
    }

    async fn abandon(&self, key: &str) -> Result<(), Error> {
        self.request(|things| {
            things.retain(|_, thing| thing.intent != key);
            Ok(())
        })
        .await
    }

    async fn get(&self, id: &str) -> Result<Thing, Error> {
        self.request(|things| {
            things
                .get(id)
                .cloned()
                .ok_or_else(|| refused(Category::NotFound, "not-found", "there is no such thing"))
        })
        .await
    }
}

pub(crate) fn refused(category: Category, code: &str, message: &str) -> Error {
    Error::Guest(Box::new(GuestError {
        category,
        code: code.to_owned(),
        message: message.to_owned(),
        subject: None,
        http_status: None,
        retry_after: None,
        hint: None,
    }))
}

fn pending(id: &str, polls: u32) -> Outcome {
    Outcome::Pending(Pending {
        token: format!("{polls} {id}"),
        poll_after_ms: 1,
        percent: None,
        note: "building".to_owned(),
    })
}

fn done(id: impl Into<String>) -> Outcome {
    Outcome::Done(id.into())
}

impl Provider for FakeCloud {
    fn families(&self) -> Vec<String> {
        ["driver", "catalog", "networks", "security-groups", "hosts", "addresses"].map(str::to_owned).to_vec()
    }

    fn regions(&self) -> Call<'_, Vec<String>> {
        Box::pin(async { Ok(vec!["here".to_owned()]) })
    }

    fn capabilities_of<'a>(&'a self, _: &'a str) -> Call<'a, Capabilities> {
        Box::pin(async {
            Ok(Capabilities {
                public_address_mode: PublicAddressMode::Floating,
                virtual_ip: true,
                managed_nat: true,
                port_security_toggle: true,
                ipv6: false,
                resize: true,
                user_data_limit_bytes: 65_536,
                idempotent_create: false,
                create_parallelism: 4,
            })
        })
    }

    fn templates<'a>(&'a self, _: Option<&'a str>) -> Call<'a, catalog::TemplatePage> {
        let template = catalog::Template {
            id: "t1".to_owned(),
            name: "small".to_owned(),
            vcpus: 1,
            memory_mib: 2048,
            disk_gib: 20,
            disk_kind: catalog::DiskKind::LocalSsd,
            architecture: catalog::Architecture::Amd64,
            cpu_ghz: None,
            gpu_count: 0,
            gpu_model: None,
            attributes: Vec::new(),
        };
        Box::pin(async { Ok(catalog::TemplatePage { items: vec![template], next: None }) })
    }

    fn images<'a>(&'a self, _: Option<&'a str>) -> Call<'a, catalog::ImagePage> {
        let image = catalog::Image {
            id: "i1".to_owned(),
            name: "Ubuntu 24.04".to_owned(),
            os_family: Some("ubuntu".to_owned()),
            os_version: Some("24.04".to_owned()),
            login_user: None,
            min_disk_gib: 5,
            min_memory_mib: 512,
            size_bytes: None,
            created_at: None,
            attributes: Vec::new(),
        };
        Box::pin(async { Ok(catalog::ImagePage { items: vec![image], next: None }) })
    }

    fn poll<'a>(&'a self, token: &'a str) -> Call<'a, Outcome> {
        Box::pin(async move {
            self.request(|_| {
                let (polls, id) = token.split_once(' ').unwrap();
                let polls: u32 = polls.parse().unwrap();
                Ok(if polls == 0 { done(id) } else { pending(id, polls - 1) })
            })
            .await
        })
    }

    fn create_network<'a>(&'a self, spec: &'a networks::NetworkSpec) -> Call<'a, Outcome> {
        Box::pin(async move { Ok(done(self.make("network", &spec.name, &spec.intent, Vec::new()).await?)) })
    }

    fn delete_network<'a>(&'a self, id: &'a str) -> Call<'a, Outcome> {
        Box::pin(async move { self.remove(id).await.map(|()| done(id)) })
    }

    fn abandon_network<'a>(&'a self, key: &'a str) -> Call<'a, Outcome> {
        Box::pin(async move { self.abandon(key).await.map(|()| done("")) })
    }

    fn create_subnet<'a>(&'a self, spec: &'a networks::SubnetSpec) -> Call<'a, Outcome> {
        Box::pin(async move {
            let id = self.make("subnet", &spec.name, &spec.intent, vec![spec.network.clone()]).await?;
            Ok(pending(&id, 1))
        })
    }

    fn delete_subnet<'a>(&'a self, id: &'a str) -> Call<'a, Outcome> {
        Box::pin(async move { self.remove(id).await.map(|()| done(id)) })
    }

    fn abandon_subnet<'a>(&'a self, key: &'a str) -> Call<'a, Outcome> {
        Box::pin(async move { self.abandon(key).await.map(|()| done("")) })
    }

    fn create_security_group<'a>(
        &'a self,
        spec: &'a security_groups::SecurityGroupSpec,
    ) -> Call<'a, security_groups::SecurityGroup> {
        Box::pin(async move {
            let id = self.make("security-group", &spec.name, &spec.intent, Vec::new()).await?;
            Ok(security_groups::SecurityGroup {
                id,
                name: spec.name.clone(),
                description: String::new(),
                network: None,
                rules: Vec::new(),
                intent: Some(spec.intent.key.clone()),
                tags: Vec::new(),
            })
        })
    }

    fn delete_security_group<'a>(&'a self, id: &'a str) -> Call<'a, ()> {
        Box::pin(self.remove(id))
    }

    fn abandon_security_group<'a>(&'a self, key: &'a str) -> Call<'a, ()> {
        Box::pin(self.abandon(key))
    }

    fn create_host<'a>(&'a self, spec: &'a hosts::HostSpec) -> Call<'a, Outcome> {
        Box::pin(async move {
            let mut within: Vec<_> = spec.nics.iter().map(|nic| nic.subnet.clone()).collect();
            within.extend(spec.security_groups.iter().cloned());
            let id = self.make("host", &spec.name, &spec.intent, within).await?;
            Ok(pending(&id, 1))
        })
    }

    fn get_host<'a>(&'a self, id: &'a str) -> Call<'a, hosts::Host> {
        Box::pin(async move { self.get(id).await.map(|thing| host(id, &thing)) })
    }

    fn list_hosts<'a>(
        &'a self,
        _: &'a [skywright_runtime::provider::KeyValue],
        _: Option<&'a str>,
    ) -> Call<'a, hosts::HostPage> {
        Box::pin(async move {
            self.request(|things| {
                let hosts = things.iter().filter(|(_, thing)| thing.kind == "host");
                Ok(hosts::HostPage { items: hosts.map(|(id, thing)| host(id, thing)).collect(), next: None })
            })
            .await
        })
    }

    fn delete_host<'a>(&'a self, id: &'a str) -> Call<'a, Outcome> {
        Box::pin(async move { self.remove(id).await.map(|()| pending(id, 1)) })
    }

    fn abandon_host<'a>(&'a self, key: &'a str) -> Call<'a, Outcome> {
        Box::pin(async move { self.abandon(key).await.map(|()| done("")) })
    }

    fn create_virtual_ip<'a>(
        &'a self,
        intent: &'a Intent,
        name: &'a str,
        subnet: &'a str,
        _: &'a [skywright_runtime::provider::KeyValue],
    ) -> Call<'a, addresses::VirtualIp> {
        Box::pin(async move {
            let id = self.make("virtual-ip", name, intent, vec![subnet.to_owned()]).await?;
            Ok(virtual_ip(&id))
        })
    }

    fn get_virtual_ip<'a>(&'a self, id: &'a str) -> Call<'a, addresses::VirtualIp> {
        Box::pin(async move { self.get(id).await.map(|_| virtual_ip(id)) })
    }

    fn bind_virtual_ip<'a>(&'a self, _: &'a str, _: &'a str) -> Call<'a, ()> {
        Box::pin(async move { self.request(|_| Ok(())).await })
    }

    fn unbind_virtual_ip<'a>(&'a self, _: &'a str, _: &'a str) -> Call<'a, ()> {
        Box::pin(async move { self.request(|_| Ok(())).await })
    }

    fn delete_virtual_ip<'a>(&'a self, id: &'a str) -> Call<'a, ()> {
        Box::pin(self.remove(id))
    }

    fn abandon_virtual_ip<'a>(&'a self, key: &'a str) -> Call<'a, ()> {
        Box::pin(self.abandon(key))
    }
}

fn virtual_ip(id: &str) -> addresses::VirtualIp {
    addresses::VirtualIp {
        id: id.to_owned(),
        name: String::new(),
        address: "192.168.0.9".to_owned(),
        subnet: String::new(),
        hosts: Vec::new(),
        intent: None,
        tags: Vec::new(),
    }
}

fn host(id: &str, thing: &Thing) -> hosts::Host {
    let address =
        |address: &str, public| hosts::Address { address: address.to_owned(), subnet: None, public };
    hosts::Host {
        id: id.to_owned(),
        name: thing.name.clone(),
        state: hosts::State::Running,
        template: "t1".to_owned(),
        image: None,
        zone: None,
        addresses: vec![address("192.168.0.5", false), address("198.51.100.7", true)],
        security_groups: Vec::new(),
        created_at: None,
        fault: None,
        intent: Some(thing.intent.clone()),
        tags: Vec::new(),
    }
}

/// A tenant's home with a made-up cloud, that outlives the processes that work with it.
pub(crate) struct Site {
    pub(crate) cloud: Arc<FakeCloud>,
    folder: tempfile::TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self { cloud: Arc::default(), folder: tempfile::tempdir().unwrap() }
    }

    /// A process that lives.
    pub(crate) async fn tenancy(&self) -> Tenancy {
        self.open(Holder::current("test").unwrap()).await
    }

    /// A process that everybody else takes for dead, as it will be when it is dropped.
    pub(crate) async fn doomed(&self) -> Tenancy {
        let alive = Holder::current("doomed").unwrap();
        let holder = Holder { process_start_ticks: alive.process_start_ticks + 1, ..alive };
        assert!(!holder.is_alive());
        self.open(holder).await
    }

    async fn open(&self, holder: Holder) -> Tenancy {
        let retry = RetryPolicy { first_pause: Duration::from_millis(1), ..RetryPolicy::default() };
        let provider: Arc<dyn Provider> = self.cloud.clone();
        Tenancy::open(TenancyParts {
            name: "lab".to_owned(),
            region: Some("here".to_owned()),
            cloud: Cloud::new(provider).with_retry(retry).with_settling(Duration::ZERO),
            store: Arc::new(SqliteStore::open(self.folder.path().join("state.db")).unwrap()),
            seal: Arc::new(Seal::open_or_create(self.folder.path().join("master-key")).unwrap()),
            holder,
            defaults: Defaults::default(),
            report: Arc::new(Silent),
            patience: Duration::from_millis(200),
        })
        .await
        .unwrap()
    }
}
