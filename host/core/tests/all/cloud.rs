//! A cloud in memory: it keeps what it is asked for, finishes long changes on the second poll, and fails or
//! falls silent at the request it is told.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use skywright_contract::Category;
use skywright_core::operation::OperationRecord;
use skywright_core::{Cloud, Defaults, RetryPolicy, Silent, Tenancy, TenancyParts};
use skywright_runtime::provider::driver::{Capabilities, PublicAddressMode};
use skywright_runtime::provider::{
    Call, Intent, KeyValue, Outcome, Pending, Provider, addresses, catalog, hosts, networks, object_storage,
    security_groups, volumes,
};
use skywright_runtime::{Error, GuestError};
use skywright_state::{Holder, Key, Seal, SqliteStore, Store as _, StoreExt as _, Transaction};

/// What the cloud has: id → what it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Thing {
    pub(crate) kind: &'static str,
    pub(crate) name: String,
    pub(crate) intent: String,
    pub(crate) within: Vec<String>,
    /// The hosts of a virtual IP, or the one of a public address.
    pub(crate) bound: Vec<String>,
    /// Of a host; `t1` where it is empty.
    pub(crate) template: String,
    /// Of a host that does not run.
    pub(crate) stopped: bool,
    /// Of a host without a public address.
    pub(crate) private: bool,
    /// Of a group.
    pub(crate) rules: Vec<(String, security_groups::Rule)>,
    pub(crate) tags: Vec<KeyValue>,
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
            let thing = Thing { kind, name, intent: intent.key, within, ..Thing::default() };
            things.insert(id.clone(), thing);
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
            things.values_mut().for_each(|thing| thing.bound.retain(|host| host != id));
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

impl FakeCloud {
    /// All of a kind.
    async fn all<T>(&self, kind: &str, view: impl Fn(&str, &Thing) -> T) -> Result<Vec<T>, Error> {
        self.request(|things| {
            let of_kind = things.iter().filter(|(_, thing)| thing.kind == kind);
            Ok(of_kind.map(|(id, thing)| view(id, thing)).collect())
        })
        .await
    }

    async fn change<T>(&self, id: &str, change: impl FnOnce(&mut Thing) -> T) -> Result<T, Error> {
        self.request(|things| match things.get_mut(id) {
            Some(thing) => Ok(change(thing)),
            None => Err(refused(Category::NotFound, "not-found", "there is no such thing")),
        })
        .await
    }

    /// Makes something behind everybody's back.
    pub(crate) fn plant(&self, id: &str, thing: Thing) {
        self.things.lock().unwrap().insert(id.to_owned(), thing);
    }

    /// The thing of a name.
    pub(crate) fn named(&self, name: &str) -> (String, Thing) {
        let things = self.things.lock().unwrap();
        let found = things.iter().find(|(_, thing)| thing.name == name);
        found.map(|(id, thing)| (id.clone(), thing.clone())).unwrap_or_else(|| panic!("no {name}"))
    }
}

impl Provider for FakeCloud {
    fn get_network<'a>(&'a self, id: &'a str) -> Call<'a, networks::Network> {
        Box::pin(async move { self.get(id).await.map(|thing| network(id, &thing)) })
    }

    fn list_networks<'a>(&'a self, _: &'a [KeyValue], _: Option<&'a str>) -> Call<'a, networks::NetworkPage> {
        Box::pin(async move {
            Ok(networks::NetworkPage { items: self.all("network", network).await?, next: None })
        })
    }

    fn get_subnet<'a>(&'a self, id: &'a str) -> Call<'a, networks::Subnet> {
        Box::pin(async move { self.get(id).await.map(|thing| subnet(id, &thing)) })
    }

    fn list_subnets<'a>(&'a self, _: Option<&'a str>, _: Option<&'a str>) -> Call<'a, networks::SubnetPage> {
        Box::pin(
            async move { Ok(networks::SubnetPage { items: self.all("subnet", subnet).await?, next: None }) },
        )
    }

    fn get_security_group<'a>(&'a self, id: &'a str) -> Call<'a, security_groups::SecurityGroup> {
        Box::pin(async move { self.get(id).await.map(|thing| group(id, &thing)) })
    }

    fn list_security_groups<'a>(
        &'a self,
        _: &'a [KeyValue],
        _: Option<&'a str>,
    ) -> Call<'a, security_groups::SecurityGroupPage> {
        Box::pin(async move {
            let items = self.all("security-group", group).await?;
            Ok(security_groups::SecurityGroupPage { items, next: None })
        })
    }

    fn add_rule<'a>(&'a self, group: &'a str, rule: &'a security_groups::Rule) -> Call<'a, String> {
        let id = format!("rule-{}", self.next_id.fetch_add(1, Ordering::SeqCst));
        Box::pin(async move {
            self.change(group, |thing| {
                if let Some((id, _)) = thing.rules.iter().find(|(_, other)| other == rule) {
                    return id.clone();
                }
                thing.rules.push((id.clone(), rule.clone()));
                id
            })
            .await
        })
    }

    fn remove_rule<'a>(&'a self, group: &'a str, rule: &'a str) -> Call<'a, ()> {
        Box::pin(self.change(group, move |thing| thing.rules.retain(|(id, _)| id != rule)))
    }

    fn bind_security_group<'a>(&'a self, group: &'a str, host: &'a str) -> Call<'a, ()> {
        Box::pin(self.change(host, move |thing| {
            thing.within.retain(|id| id != group);
            thing.within.push(group.to_owned());
        }))
    }

    fn unbind_security_group<'a>(&'a self, group: &'a str, host: &'a str) -> Call<'a, ()> {
        Box::pin(self.change(host, move |thing| thing.within.retain(|id| id != group)))
    }

    fn set_host_tags<'a>(&'a self, id: &'a str, tags: &'a [KeyValue]) -> Call<'a, ()> {
        Box::pin(self.change(id, |thing| thing.tags = tags.to_vec()))
    }

    fn set_subnet_tags<'a>(&'a self, id: &'a str, tags: &'a [KeyValue]) -> Call<'a, ()> {
        Box::pin(self.change(id, |thing| thing.tags = tags.to_vec()))
    }

    fn list_addresses<'a>(
        &'a self,
        _: &'a [KeyValue],
        _: Option<&'a str>,
    ) -> Call<'a, addresses::PublicAddressPage> {
        Box::pin(async move {
            let items = self.all("public-address", public_address).await?;
            Ok(addresses::PublicAddressPage { items, next: None })
        })
    }

    fn allocate_address<'a>(
        &'a self,
        intent: &'a Intent,
        _: &'a [KeyValue],
    ) -> Call<'a, addresses::PublicAddress> {
        Box::pin(async move {
            let id = self.make("public-address", "", intent, Vec::new()).await?;
            Ok(public_address(&id, &Thing::default()))
        })
    }

    fn associate_address<'a>(&'a self, id: &'a str, host: &'a str) -> Call<'a, ()> {
        Box::pin(self.change(id, move |thing| thing.bound = vec![host.to_owned()]))
    }

    fn dissociate_address<'a>(&'a self, id: &'a str) -> Call<'a, ()> {
        Box::pin(self.change(id, |thing| thing.bound.clear()))
    }

    fn release_address<'a>(&'a self, id: &'a str) -> Call<'a, ()> {
        Box::pin(self.remove(id))
    }

    fn abandon_address<'a>(&'a self, key: &'a str) -> Call<'a, ()> {
        Box::pin(self.abandon(key))
    }

    fn start_host<'a>(&'a self, id: &'a str) -> Call<'a, Outcome> {
        Box::pin(async move { self.change(id, |thing| thing.stopped = false).await.map(|()| done(id)) })
    }

    fn stop_host<'a>(&'a self, id: &'a str, _: bool) -> Call<'a, Outcome> {
        Box::pin(async move { self.change(id, |thing| thing.stopped = true).await.map(|()| done(id)) })
    }

    fn resize_host<'a>(&'a self, id: &'a str, template: &'a str) -> Call<'a, Outcome> {
        Box::pin(async move {
            let resize = |thing: &mut Thing| {
                thing.template = template.to_owned();
                // As the contract has it: done when it runs.
                thing.stopped = false;
            };
            self.change(id, resize).await?;
            Ok(pending(id, 1))
        })
    }

    fn list_virtual_ips<'a>(&'a self, _: Option<&'a str>) -> Call<'a, addresses::VirtualIpPage> {
        Box::pin(async move {
            Ok(addresses::VirtualIpPage { items: self.all("virtual-ip", virtual_ip).await?, next: None })
        })
    }

    fn families(&self) -> Vec<String> {
        [
            "driver",
            "catalog",
            "networks",
            "security-groups",
            "hosts",
            "addresses",
            "volumes",
            "object-storage",
        ]
        .map(str::to_owned)
        .to_vec()
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
        let medium = catalog::Template {
            id: "t2".to_owned(),
            name: "medium".to_owned(),
            vcpus: 2,
            memory_mib: 4096,
            ..template.clone()
        };
        let diskless = catalog::Template {
            id: "t3".to_owned(),
            name: "diskless".to_owned(),
            memory_mib: 2048,
            disk_gib: 0,
            disk_kind: catalog::DiskKind::None,
            ..medium.clone()
        };
        let items = vec![template, medium, diskless];
        Box::pin(async { Ok(catalog::TemplatePage { items, next: None }) })
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

    fn create_volume<'a>(&'a self, spec: &'a volumes::VolumeSpec) -> Call<'a, Outcome> {
        Box::pin(async move {
            let id = self.make("volume", &spec.name, &spec.intent, Vec::new()).await?;
            Ok(pending(&id, 1))
        })
    }

    fn get_volume<'a>(&'a self, id: &'a str) -> Call<'a, volumes::Volume> {
        Box::pin(async move { self.get(id).await.map(|thing| volume(id, &thing)) })
    }

    fn list_volumes<'a>(&'a self, _: &'a [KeyValue], _: Option<&'a str>) -> Call<'a, volumes::VolumePage> {
        Box::pin(
            async move { Ok(volumes::VolumePage { items: self.all("volume", volume).await?, next: None }) },
        )
    }

    fn delete_volume<'a>(&'a self, id: &'a str) -> Call<'a, Outcome> {
        Box::pin(async move { self.remove(id).await.map(|()| done(id)) })
    }

    fn abandon_volume<'a>(&'a self, key: &'a str) -> Call<'a, Outcome> {
        Box::pin(async move { self.abandon(key).await.map(|()| done("")) })
    }

    fn attach_volume<'a>(&'a self, volume: &'a str, host: &'a str) -> Call<'a, Outcome> {
        Box::pin(async move {
            self.change(volume, |thing| thing.within = vec![host.to_owned()]).await?;
            Ok(pending(volume, 1))
        })
    }

    fn detach_volume<'a>(&'a self, volume: &'a str, host: &'a str) -> Call<'a, Outcome> {
        Box::pin(async move {
            self.change(volume, |thing| thing.within.retain(|at| at != host)).await?;
            Ok(done(""))
        })
    }

    fn create_bucket<'a>(&'a self, name: &'a str) -> Call<'a, object_storage::Bucket> {
        Box::pin(async move {
            let bucket = Thing { kind: "bucket", name: name.to_owned(), ..Thing::default() };
            self.request(|things| {
                things.insert(name.to_owned(), bucket);
                Ok(())
            })
            .await?;
            Ok(object_storage::Bucket { name: name.to_owned(), region: None, created_at: None })
        })
    }

    fn list_buckets<'a>(&'a self, _: Option<&'a str>) -> Call<'a, object_storage::BucketPage> {
        Box::pin(async move {
            let view = |name: &str, _: &Thing| object_storage::Bucket {
                name: name.to_owned(),
                region: None,
                created_at: None,
            };
            Ok(object_storage::BucketPage { items: self.all("bucket", view).await?, next: None })
        })
    }

    fn delete_bucket<'a>(&'a self, name: &'a str) -> Call<'a, ()> {
        Box::pin(self.remove(name))
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
            if let Some(host) = self.things.lock().unwrap().get_mut(&id) {
                host.private = !spec.public_address;
                host.template.clone_from(&spec.template);
            }
            Ok(pending(&id, 1))
        })
    }

    fn get_host<'a>(&'a self, id: &'a str) -> Call<'a, hosts::Host> {
        Box::pin(async move { self.get(id).await.map(|thing| host(id, &thing)) })
    }

    fn list_hosts<'a>(&'a self, _: &'a [KeyValue], _: Option<&'a str>) -> Call<'a, hosts::HostPage> {
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
        _: &'a [KeyValue],
    ) -> Call<'a, addresses::VirtualIp> {
        Box::pin(async move {
            let id = self.make("virtual-ip", name, intent, vec![subnet.to_owned()]).await?;
            Ok(virtual_ip(&id, &Thing::default()))
        })
    }

    fn get_virtual_ip<'a>(&'a self, id: &'a str) -> Call<'a, addresses::VirtualIp> {
        Box::pin(async move { self.get(id).await.map(|thing| virtual_ip(id, &thing)) })
    }

    fn bind_virtual_ip<'a>(&'a self, id: &'a str, host: &'a str) -> Call<'a, ()> {
        Box::pin(self.change(id, move |thing| {
            thing.bound.retain(|bound| bound != host);
            thing.bound.push(host.to_owned());
        }))
    }

    fn unbind_virtual_ip<'a>(&'a self, id: &'a str, host: &'a str) -> Call<'a, ()> {
        Box::pin(self.change(id, move |thing| thing.bound.retain(|bound| bound != host)))
    }

    fn delete_virtual_ip<'a>(&'a self, id: &'a str) -> Call<'a, ()> {
        Box::pin(self.remove(id))
    }

    fn abandon_virtual_ip<'a>(&'a self, key: &'a str) -> Call<'a, ()> {
        Box::pin(self.abandon(key))
    }
}

fn intent(thing: &Thing) -> Option<String> {
    (!thing.intent.is_empty()).then(|| thing.intent.clone())
}

fn network(id: &str, thing: &Thing) -> networks::Network {
    networks::Network {
        id: id.to_owned(),
        name: thing.name.clone(),
        intent: intent(thing),
        tags: thing.tags.clone(),
    }
}

fn subnet(id: &str, thing: &Thing) -> networks::Subnet {
    networks::Subnet {
        id: id.to_owned(),
        name: thing.name.clone(),
        network: thing.within.first().cloned().unwrap_or_default(),
        cidr: "192.168.0.0/24".to_owned(),
        gateway: None,
        dns: Vec::new(),
        routed: false,
        intent: intent(thing),
        tags: thing.tags.clone(),
    }
}

fn group(id: &str, thing: &Thing) -> security_groups::SecurityGroup {
    security_groups::SecurityGroup {
        id: id.to_owned(),
        name: thing.name.clone(),
        description: String::new(),
        network: None,
        rules: thing.rules.clone(),
        intent: intent(thing),
        tags: thing.tags.clone(),
    }
}

fn volume(id: &str, thing: &Thing) -> volumes::Volume {
    let attachment = |host: &String| volumes::Attachment {
        id: format!("{id}-at-{host}"),
        volume: id.to_owned(),
        host: host.clone(),
        device: Some("/dev/vdb".to_owned()),
    };
    volumes::Volume {
        id: id.to_owned(),
        name: thing.name.clone(),
        size_gib: 10,
        speed: Some(volumes::Speed::Hdd),
        state: if thing.within.is_empty() { volumes::State::Available } else { volumes::State::Attached },
        attachments: thing.within.iter().map(attachment).collect(),
        intent: Some(thing.intent.clone()),
        tags: thing.tags.clone(),
    }
}

fn virtual_ip(id: &str, thing: &Thing) -> addresses::VirtualIp {
    addresses::VirtualIp {
        id: id.to_owned(),
        name: thing.name.clone(),
        address: "192.168.0.9".to_owned(),
        subnet: thing.within.first().cloned().unwrap_or_default(),
        hosts: thing.bound.clone(),
        intent: intent(thing),
        tags: Vec::new(),
    }
}

fn public_address(id: &str, thing: &Thing) -> addresses::PublicAddress {
    addresses::PublicAddress {
        id: id.to_owned(),
        address: "203.0.113.9".to_owned(),
        host: thing.bound.first().cloned(),
        intent: intent(thing),
        tags: Vec::new(),
    }
}

fn host(id: &str, thing: &Thing) -> hosts::Host {
    let address =
        |address: &str, public| hosts::Address { address: address.to_owned(), subnet: None, public };
    hosts::Host {
        id: id.to_owned(),
        name: thing.name.clone(),
        state: if thing.stopped { hosts::State::Stopped } else { hosts::State::Running },
        template: if thing.template.is_empty() { "t1".to_owned() } else { thing.template.clone() },
        image: None,
        zone: None,
        addresses: match thing.private {
            true => vec![address("192.168.0.5", false)],
            false => vec![address("192.168.0.5", false), address("198.51.100.7", true)],
        },
        security_groups: thing.within.iter().filter(|id| id.starts_with("security-group")).cloned().collect(),
        created_at: None,
        fault: None,
        intent: intent(thing),
        tags: thing.tags.clone(),
    }
}

/// A tenant's home with a made-up cloud, that outlives the processes that work with it.
pub(crate) struct Site {
    pub(crate) cloud: Arc<FakeCloud>,
    pub(crate) defaults: Defaults,
    folder: tempfile::TempDir,
}

impl Site {
    pub(crate) fn new() -> Self {
        Self { cloud: Arc::default(), defaults: Defaults::default(), folder: tempfile::tempdir().unwrap() }
    }

    /// Makes every operation look as if it had begun and ended so long ago.
    pub(crate) async fn age_operations(&self, milliseconds: u64) {
        let store = SqliteStore::open(self.folder.path().join("state.db")).unwrap();
        let operations = Key::of(["tenants", "lab", "operations"]).unwrap().below();
        for found in store.list_json::<OperationRecord>(&operations).await.unwrap() {
            let mut record = found.value;
            record.started_unix_ms -= milliseconds;
            record.ended_unix_ms = record.ended_unix_ms.map(|ended| ended - milliseconds);
            store.commit(Transaction::new().put_json(found.key, &record).unwrap()).await.unwrap();
        }
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
            defaults: self.defaults.clone(),
            features: Arc::new(skywright_core::feature::NoFeatures),
            report: Arc::new(Silent),
            patience: Duration::from_millis(200),
            machines: None,
        })
        .await
        .unwrap()
    }
}
