//! Hosts against what was recorded, and against a small cloud that goes away in the middle.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};
use skywright_sdk::driver::Outcome;
use skywright_sdk::host::{Host, with_host};
use skywright_sdk::hosts::{self, HostSpec, Nic, State};
use skywright_sdk::http::{HttpError, Method, Request, Response};
use skywright_sdk::types::Part;
use skywright_sdk::volumes::{self, Speed, VolumeSpec};
use skywright_sdk::{Category, Driver, Error, Intent, KeyValue, quotas, url};

use crate::tenant::{Openstack, played, recorded};

const SUBNET: &str = "b401a096-b0c2-4a92-b38d-fbe488f503fa";
const FLAVOR: &str = "058f0cc9-c2b2-41de-9625-c2cf05c5044b";
const IMAGE: &str = "8597ae4a-37e9-4c9b-b9e0-a2425ede30ba";

fn nic(address: Option<&str>, allowed: &[&str], forwards: bool) -> Nic {
    Nic {
        subnet: SUBNET.to_owned(),
        fixed_address: address.map(str::to_owned),
        allowed_addresses: allowed.iter().map(|range| (*range).to_owned()).collect(),
        forwards,
    }
}

fn spec(key: &str, again: bool, tags: &[(&str, &str)]) -> HostSpec {
    HostSpec {
        intent: Intent { key: key.to_owned(), again },
        name: key.to_owned(),
        template: FLAVOR.to_owned(),
        image: IMAGE.to_owned(),
        zone: None,
        keypair: None,
        nics: vec![nic(None, &[], false)],
        public_address: false,
        security_groups: Vec::new(),
        boot_disk_gib: None,
        user_data: b"#!/bin/sh\n".to_vec(),
        tags: tags.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect(),
    }
}

fn two_nics(again: bool) -> HostSpec {
    let nics = vec![nic(Some("10.77.3.3"), &["10.77.3.200"], false), nic(None, &[], true)];
    HostSpec { nics, public_address: true, ..spec("hh-a", again, &[("hh", "1")]) }
}

/// Polls until it is over.
fn finish(mut outcome: Result<Outcome, Error>) -> Result<String, Error> {
    for _ in 0..50 {
        match outcome? {
            Outcome::Done(id) => return Ok(id),
            Outcome::Pending(pending) => outcome = Openstack::poll(pending.token),
        }
    }
    panic!("it never ends");
}

fn replayed<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let tenant = recorded("login-project").setting("public-address-mode", "floating");
    tenant.then(played(name)).play(work)
}

const ID: &str = "40220779-73ed-483c-8d95-b5e05e2832eb";

#[test]
fn a_host_comes_with_its_ports_and_its_public_address() {
    assert_eq!(replayed("host-create", || finish(hosts_create(two_nics(false)))).unwrap(), ID);
}

fn hosts_create(spec: HostSpec) -> Result<Outcome, Error> {
    <Openstack as hosts::Guest>::create(spec)
}

#[test]
fn a_host_that_is_asked_for_again_is_found() {
    assert_eq!(replayed("host-create-again", || finish(hosts_create(two_nics(true)))).unwrap(), ID);
}

#[test]
fn a_host_tells_its_addresses() {
    let host = replayed("host-get", || <Openstack as hosts::Guest>::get(ID.to_owned())).unwrap();
    assert_eq!(
        (host.state, host.intent.as_deref(), host.template.as_str()),
        (State::Running, Some("hh-a"), FLAVOR)
    );
    let addresses: Vec<_> = host.addresses.iter().map(|a| (a.subnet.as_deref(), a.public)).collect();
    assert_eq!(addresses, [(Some(SUBNET), false), (Some(SUBNET), false), (None, true)]);
    assert_eq!(host.tags, [KeyValue::new("hh", "1")]);
}

#[test]
fn a_host_goes_with_all_that_came_with_it() {
    let delete = || finish(<Openstack as hosts::Guest>::delete(ID.to_owned()));
    assert_eq!(replayed("host-delete", delete).unwrap(), ID);
    assert_eq!(replayed("host-delete-again", delete).unwrap(), ID);
}

#[test]
fn a_host_that_fails_tells_its_id() {
    let create = || finish(hosts_create(spec("hh-host", false, &[("rig_fail", "host")])));
    let error = replayed("host-fault", create).unwrap_err();
    assert_eq!(error.category, Category::Capacity);
    assert_eq!(error.subject.as_deref(), Some("51583179-97a5-40df-8ba3-e40ec46b6f3d"));
}

#[test]
fn a_volume_is_made_of_the_type_of_its_speed() {
    let spec = VolumeSpec {
        intent: Intent { key: "hh-v".to_owned(), again: false },
        name: "hh-v".to_owned(),
        size_gib: 1,
        speed: Speed::Ssd,
        zone: None,
        tags: vec![KeyValue::new("a", "b")],
    };
    let id = replayed("volume-create", || finish(<Openstack as volumes::Guest>::create(spec))).unwrap();
    assert_eq!(id, "ef32a0cb-3989-4ce2-a2c2-89aca6f2193f");
    let attach = || finish(<Openstack as volumes::Guest>::attach(id.clone(), ID.to_owned()));
    assert_eq!(replayed("volume-attach", attach).unwrap(), id);
    let delete = || finish(<Openstack as volumes::Guest>::delete(id.clone()));
    let error = replayed("volume-in-use", delete).unwrap_err();
    assert_eq!((error.category, error.subject.as_deref()), (Category::InUse, Some(ID)));
}

#[test]
fn quotas_are_of_three_services() {
    let quotas = replayed("quotas", <Openstack as quotas::Guest>::list).unwrap();
    for word in
        ["hosts", "vcpus", "memory-mib", "volumes", "volume-gib", "ports", "public-addresses", "keypairs"]
    {
        assert!(quotas.iter().any(|quota| quota.resource == word), "{word}");
    }
}

/// Servers, ports and floating addresses, as far as a host's life needs them.
#[derive(Default)]
struct Small {
    things: BTreeMap<String, (&'static str, Value)>,
    cache: BTreeMap<String, Vec<u8>>,
    session: bool,
    made: usize,
    /// Requests that are answered before the cloud goes away.
    left: usize,
    /// Whether the request that it goes away at is carried out.
    carried_out: bool,
}

const LOGIN: &str = r#"{"token":{"project":{"id":"p"},"user":{"id":"u"},"catalog":[
    {"type":"compute","endpoints":[{"interface":"public","region":"r","url":"http://c:1"}]},
    {"type":"network","endpoints":[{"interface":"public","region":"r","url":"http://n:1"}]}]}}"#;

impl Small {
    fn count(&self, kind: &str) -> usize {
        self.things.values().filter(|(own, _)| *own == kind).count()
    }

    fn list(&self, kind: &'static str, many: &str, url: &str) -> Value {
        let fits = |value: &Value| {
            ["description", "name", "device_id"].iter().all(|key| match url::query_parameter(url, key) {
                Some(wanted) if kind != "server" => value[*key] == *wanted,
                _ => true,
            })
        };
        let own = self.things.values().filter(|(own, value)| *own == kind && fits(value));
        json!({ many: own.map(|(_, value)| value.clone()).collect::<Vec<_>>() })
    }

    fn make(&mut self, kind: &'static str, mut value: Value) -> Value {
        self.made += 1;
        let id = format!("{kind}-{}", self.made);
        value["id"] = json!(id);
        self.things.insert(id, (kind, value.clone()));
        json!({ kind: value })
    }

    fn carry_out(&mut self, request: &Request) -> (u16, Value) {
        let path = request.url.split('?').next().unwrap_or_default().to_owned();
        let body: Value = match request.body.as_deref() {
            Some([Part::Plain(text)]) => serde_json::from_str(text).unwrap(),
            _ => Value::Null,
        };
        let id = path.rsplit('/').next().unwrap_or_default().to_owned();
        match (request.method, id.as_str()) {
            (Method::Get, "networks") => (200, json!({ "networks": [{ "id": "e", "name": "e" }] })),
            (Method::Get, _) if path.contains("/subnets/") => {
                (200, json!({ "subnet": { "network_id": "n", "ip_version": 4 } }))
            }
            (Method::Get, "detail") => (200, self.list("server", "servers", &request.url)),
            (Method::Get, "ports") => (200, self.list("port", "ports", &request.url)),
            (Method::Get, "floatingips") => (200, self.list("floatingip", "floatingips", &request.url)),
            (Method::Post, "ports") => {
                let mut port = body["port"].clone();
                port["device_id"] = json!("");
                if port["fixed_ips"][0]["ip_address"].is_null() {
                    port["fixed_ips"][0]["ip_address"] = json!("10.0.0.5");
                }
                (201, self.make("port", port))
            }
            (Method::Post, "floatingips") => (201, self.make("floatingip", body["floatingip"].clone())),
            (Method::Post, "servers") => {
                let mut server = body["server"].clone();
                let ports: Vec<String> = server["networks"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|n| n["port"].as_str().unwrap().to_owned())
                    .collect();
                server["status"] = json!("ACTIVE");
                let made = self.make("server", server);
                for port in ports {
                    self.things.get_mut(&port).unwrap().1["device_id"] = made["server"]["id"].clone();
                }
                (202, made)
            }
            (method, id) => match (method, self.things.get_mut(id)) {
                (_, None) => (404, json!({ "itemNotFound": { "message": "gone" } })),
                (Method::Put, Some((_, value))) => {
                    for (key, changed) in body["port"].as_object().unwrap() {
                        value[key] = changed.clone();
                    }
                    (200, json!({ "port": value }))
                }
                (Method::Delete, Some(_)) => {
                    self.things.remove(id);
                    for (kind, value) in self.things.values_mut() {
                        if *kind == "port" && value["device_id"] == id {
                            value["device_id"] = json!("");
                        }
                    }
                    (204, Value::Null)
                }
                (_, Some((kind, value))) => (200, json!({ *kind: value })),
            },
        }
    }
}

impl Host for Small {
    fn send(&mut self, request: &Request) -> Result<Response, HttpError> {
        let gone = || HttpError::Transport("reset".to_owned());
        let response =
            |status, body: String| Response { status, headers: Vec::new(), body: body.into_bytes() };
        if request.url.ends_with("/auth/tokens") {
            self.session = true;
            return Ok(response(201, LOGIN.to_owned()));
        }
        if self.left == 0 {
            if std::mem::take(&mut self.carried_out) {
                self.carry_out(request);
            }
            return Err(gone());
        }
        self.left -= 1;
        let (status, body) = self.carry_out(request);
        Ok(response(status, body.to_string()))
    }

    fn setting(&mut self, key: &str) -> Option<String> {
        let settings = [
            ("auth-url", "http://k:1/v3"),
            ("user", "u"),
            ("project-name", "p"),
            ("interface", "public"),
            ("public-address-mode", "floating"),
        ];
        settings.iter().find(|(own, _)| *own == key).map(|(_, value)| (*value).to_owned())
    }

    fn cache_get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.cache.get(key).cloned()
    }

    fn cache_put(&mut self, key: &str, value: &[u8], _ttl_s: u32) {
        self.cache.insert(key.to_owned(), value.to_owned());
    }

    fn available(&mut self, _name: &str) -> bool {
        self.session
    }

    fn forget(&mut self, _name: &str) {
        self.session = false;
    }
}

type Cloud = Rc<RefCell<Small>>;

fn on<T>(cloud: &Cloud, left: usize, carried_out: bool, work: impl FnOnce() -> T) -> T {
    {
        let mut cloud = cloud.borrow_mut();
        (cloud.left, cloud.carried_out) = (left, carried_out);
    }
    with_host(cloud.clone(), work)
}

const UNTIL_THE_END: usize = usize::MAX;

fn kinds(cloud: &Cloud) -> [usize; 3] {
    ["server", "port", "floatingip"].map(|kind| cloud.borrow().count(kind))
}

/// Every moment at which a piece of work may be cut off, and what was cut off is carried out or not.
fn cut_off(mut attempt: impl FnMut(usize, bool) -> bool) {
    for carried_out in [false, true] {
        let mut left = 0;
        while !attempt(left, carried_out) {
            left += 1;
            assert!(left < 50, "it never ends");
        }
        assert!(left > 3, "nothing was cut off");
    }
}

#[test]
fn a_create_that_is_cut_off_is_finished_by_the_next() {
    cut_off(|left, carried_out| {
        let cloud = Cloud::default();
        let over = on(&cloud, left, carried_out, || finish(hosts_create(two_nics(false)))).is_ok();
        let id = on(&cloud, UNTIL_THE_END, false, || finish(hosts_create(two_nics(true)))).unwrap();
        assert_eq!(kinds(&cloud), [1, 2, 1], "cut off after {left} requests ({carried_out})");
        assert!(cloud.borrow().things.contains_key(&id));
        over
    });
}

#[test]
fn a_create_that_is_cut_off_is_abandoned_without_a_trace() {
    cut_off(|left, carried_out| {
        let cloud = Cloud::default();
        let over = on(&cloud, left, carried_out, || finish(hosts_create(two_nics(false)))).is_ok();
        let abandon = || finish(<Openstack as hosts::Guest>::abandon("hh-a".to_owned()));
        on(&cloud, UNTIL_THE_END, false, abandon).unwrap();
        assert_eq!(kinds(&cloud), [0, 0, 0], "cut off after {left} requests ({carried_out})");
        over
    });
}

#[test]
fn a_delete_that_is_cut_off_is_finished_by_one_that_knows_the_id_alone() {
    cut_off(|left, carried_out| {
        let cloud = Cloud::default();
        let id = on(&cloud, UNTIL_THE_END, false, || finish(hosts_create(two_nics(false)))).unwrap();
        let other =
            on(&cloud, UNTIL_THE_END, false, || finish(hosts_create(spec("other", false, &[])))).unwrap();
        let delete = || finish(<Openstack as hosts::Guest>::delete(id.clone()));
        let over = on(&cloud, left, carried_out, delete).is_ok();
        on(&cloud, UNTIL_THE_END, false, delete).unwrap();
        assert_eq!(kinds(&cloud), [1, 1, 0], "cut off after {left} requests ({carried_out})");
        assert!(cloud.borrow().things.contains_key(&other));
        over
    });
}

#[test]
fn of_two_servers_of_an_intent_the_oldest_stays() {
    let cloud = Cloud::default();
    let first = on(&cloud, UNTIL_THE_END, false, || finish(hosts_create(two_nics(false)))).unwrap();
    on(&cloud, UNTIL_THE_END, false, || finish(hosts_create(two_nics(false)))).unwrap();
    let found = on(&cloud, UNTIL_THE_END, false, || finish(hosts_create(two_nics(true)))).unwrap();
    assert_eq!((found, kinds(&cloud)), (first, [1, 2, 1]));
}
