//! The cloud.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use serde_json::{Map, Value, json};
use skywright_sdk::http::{HttpError, Method, Request, Response};
use skywright_sdk::types::Part;

use skywright_sdk::host::{Host, with_host};

const PROJECT: &str = "0123456789abcdef";
const MAXIMUM_NAME: usize = 64;

type Things = BTreeMap<String, Map<String, Value>>;
type Answer = (u16, Value);

/// What is in it, by id. The tenant that asks is part of it.
#[derive(Default)]
pub(super) struct Cloud {
    settings: BTreeMap<String, String>,
    credentials: BTreeSet<String>,
    cache: BTreeMap<String, Vec<u8>>,
    throttled: bool,
    count: u32,
    vpcs: Things,
    subnets: Things,
    ports: Things,
    addresses: Things,
    servers: Things,
    /// The sizes of all bandwidths that ever were.
    pub(super) bandwidths_made: Vec<u64>,
}

/// Runs the work in the cloud, and gives it back.
pub(super) fn play(cloud: Cloud, work: impl FnOnce()) -> Cloud {
    let cloud = Rc::new(RefCell::new(cloud));
    with_host(cloud.clone(), work);
    cloud.take()
}

impl Cloud {
    pub(super) fn new() -> Self {
        let cloud = Self::default().credential("password");
        cloud.setting("region", "eu-de").setting("user", "me").setting("user-domain", "OTC-EU-DE-1")
    }

    pub(super) fn setting(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    pub(super) fn credential(mut self, name: &str) -> Self {
        self.credentials.insert(name.to_owned());
        self
    }

    pub(super) fn throttled(mut self) -> Self {
        self.throttled = true;
        self
    }

    /// How many things are left.
    pub(super) fn left(&self) -> usize {
        self.vpcs.len() + self.subnets.len() + self.ports.len() + self.addresses.len() + self.servers.len()
    }

    fn id(&mut self, kind: &str) -> String {
        self.count += 1;
        format!("{kind}-{:03}", self.count)
    }

    fn answer(&mut self, method: Method, url: &str, body: &Value) -> Answer {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        if path == "https://iam.eu-de.example.org/v3/auth/tokens" {
            return login(body);
        }
        if self.throttled {
            let message = "The throttling threshold has been reached";
            return (429, json!({ "error_msg": message, "error_code": "APIGW.0308", "request_id": "r" }));
        }
        // Services that the catalog has, and Neutron, which it has not.
        let vpc = path.strip_prefix("https://vpc.eu-de.example.org/");
        if let Some(path) = vpc.and_then(|path| path.strip_prefix(&format!("v1/{PROJECT}/"))) {
            return self.vpc(method, &path.split('/').collect::<Vec<_>>(), query, body);
        }
        if let Some(path) = vpc.and_then(|path| path.strip_prefix("v2.0/")) {
            return self.neutron(method, &path.split('/').collect::<Vec<_>>(), query, body);
        }
        match path.strip_prefix(&format!("https://ecs.eu-de.example.org/v2.1/{PROJECT}/")) {
            Some(path) => self.nova(method, &path.split('/').collect::<Vec<_>>(), body),
            None if path == "https://ecs.eu-de.example.org/v2.1/" => (404, json!({})),
            None => panic!("nothing is at {url}"),
        }
    }

    fn vpc(&mut self, method: Method, path: &[&str], query: &str, body: &Value) -> Answer {
        match (method, path) {
            (Method::Post, ["vpcs"]) => {
                let id = self.id("vpc");
                let mut vpc = object(&body["vpc"], &["name", "description", "cidr"]);
                vpc.insert("status".to_owned(), json!("CREATING"));
                let told = stored(&mut self.vpcs, id, vpc);
                (200, json!({ "vpc": told }))
            }
            (Method::Get, ["vpcs"]) => (200, json!({ "vpcs": page(&self.vpcs, query, &[]) })),
            (Method::Get, ["vpcs", id]) => match self.vpcs.get_mut(*id) {
                Some(vpc) => {
                    vpc.insert("status".to_owned(), json!("OK"));
                    (200, json!({ "vpc": vpc }))
                }
                None => gone("VPC.0101"),
            },
            (Method::Delete, ["vpcs", id]) => {
                assert!(self.subnets.values().all(|subnet| subnet["vpc_id"] != **id), "a VPC with subnets");
                self.vpcs.remove(*id).map_or_else(|| gone("VPC.0101"), |_| (204, Value::Null))
            }
            (Method::Post, ["subnets"]) => self.make_subnet(&body["subnet"]),
            (Method::Get, ["subnets"]) => {
                (200, json!({ "subnets": page(&self.subnets, query, &["vpc_id"]) }))
            }
            (Method::Get, ["subnets", id]) => self.see_subnet(id),
            (Method::Delete, ["vpcs", vpc, "subnets", id]) => match self.subnets.get_mut(*id) {
                Some(subnet) => {
                    assert_eq!(subnet["vpc_id"], **vpc);
                    assert!(
                        self.ports.values().all(|port| port["network_id"] != **id),
                        "a subnet with ports"
                    );
                    subnet.insert("status".to_owned(), json!("DELETING"));
                    (204, Value::Null)
                }
                None => gone("VPC.0201"),
            },
            (Method::Post, ["publicips"]) => self.make_address(body),
            (Method::Get, ["bandwidths"]) => (200, json!({ "bandwidths": self.bandwidths() })),
            _ => panic!("VPC has no {path:?}"),
        }
    }

    fn make_subnet(&mut self, wanted: &Value) -> Answer {
        let fields = [
            "name",
            "description",
            "cidr",
            "gateway_ip",
            "vpc_id",
            "dnsList",
            "primary_dns",
            "secondary_dns",
        ];
        let mut subnet = object(wanted, &fields);
        assert!(subnet["gateway_ip"].is_string());
        if !self.vpcs.contains_key(subnet["vpc_id"].as_str().unwrap()) {
            return (404, json!({ "code": "VPC.0202", "message": "Query resource by id fail." }));
        }
        let id = self.id("network");
        subnet.insert("status".to_owned(), json!("UNKNOWN"));
        subnet.insert("neutron_network_id".to_owned(), json!(id));
        let told = stored(&mut self.subnets, id, subnet);
        (200, json!({ "subnet": told }))
    }

    /// It is there at the first look, and gone at the first look.
    fn see_subnet(&mut self, id: &str) -> Answer {
        let Some(subnet) = self.subnets.get_mut(id) else { return gone("VPC.0202") };
        if subnet["status"] == "DELETING" {
            return (200, json!({ "subnet": self.subnets.remove(id) }));
        }
        subnet.insert("status".to_owned(), json!("ACTIVE"));
        subnet.insert("neutron_subnet_id".to_owned(), json!(format!("neutron-{id}")));
        (200, json!({ "subnet": subnet }))
    }

    fn make_address(&mut self, body: &Value) -> Answer {
        assert_eq!(body["publicip"], json!({ "type": "5_bgp" }));
        let bandwidth = object(&body["bandwidth"], &["name", "size", "share_type", "charge_mode"]);
        let name = bandwidth["name"].as_str().unwrap();
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        assert!(name.len() <= MAXIMUM_NAME && name.chars().all(good), "{name}");
        self.bandwidths_made.push(bandwidth["size"].as_u64().unwrap());
        let id = self.id("address");
        let address = json!({
            "floating_ip_address": "198.51.100.7", "port_id": null, "project_id": PROJECT, "bandwidth": bandwidth,
        });
        stored(&mut self.addresses, id.clone(), address.as_object().unwrap().clone());
        (200, json!({ "publicip": { "id": id, "type": "5_bgp", "status": "PENDING_CREATE" } }))
    }

    fn bandwidths(&self) -> Vec<Value> {
        let one = |(id, address): (&String, &Map<String, Value>)| {
            json!({
                "id": format!("bandwidth-{id}"),
                "name": address["bandwidth"]["name"],
                "share_type": "PER",
                "publicip_info": [{ "publicip_id": id, "publicip_address": "198.51.100.7" }],
            })
        };
        let shared = json!({ "id": "zzz", "name": "skywright-x", "publicip_info": [] });
        self.addresses.iter().map(one).chain([shared]).collect()
    }

    fn neutron(&mut self, method: Method, path: &[&str], query: &str, body: &Value) -> Answer {
        match (method, path) {
            (Method::Get, ["subnets", id]) => {
                let network = id.strip_prefix("neutron-").unwrap_or_default();
                match self.subnets.get(network) {
                    Some(subnet) => {
                        let cidr = &subnet["cidr"];
                        let subnet =
                            json!({ "id": id, "network_id": network, "cidr": cidr, "ip_version": 4 });
                        (200, json!({ "subnet": subnet }))
                    }
                    None => gone("SubnetNotFound"),
                }
            }
            (Method::Post, ["ports"]) => {
                let fields = [
                    "name",
                    "network_id",
                    "security_groups",
                    "fixed_ips",
                    "allowed_address_pairs",
                    "device_owner",
                ];
                let mut port = object(&body["port"], &fields);
                if port
                    .get("allowed_address_pairs")
                    .is_some_and(|pairs| pairs[0]["ip_address"] == "0.0.0.0/0")
                {
                    return (400, json!({ "NeutronError": { "type": "InvalidInput", "message": "no" } }));
                }
                let id = self.id("port");
                port["fixed_ips"][0]["ip_address"] = json!("10.7.3.9");
                port.insert("project_id".to_owned(), json!(PROJECT));
                let told = stored(&mut self.ports, id, port);
                (201, json!({ "port": told }))
            }
            (Method::Get, ["ports"]) => {
                let filters = ["network_id", "device_id", "device_owner", "id"];
                (200, json!({ "ports": page(&self.ports, query, &filters) }))
            }
            (_, ["ports", id]) => one("port", "PortNotFound", &mut self.ports, method, id, body),
            (Method::Get, ["floatingips"]) => {
                (200, json!({ "floatingips": page(&self.addresses, query, &[]) }))
            }
            (_, ["floatingips", id]) => {
                one("floatingip", "FloatingIPNotFound", &mut self.addresses, method, id, body)
            }
            _ => panic!("Neutron has no {path:?}"),
        }
    }

    fn nova(&mut self, method: Method, path: &[&str], body: &Value) -> Answer {
        match (method, path) {
            (Method::Post, ["servers"]) => {
                let wanted = &body["server"];
                let id = self.id("server");
                for port in wanted["networks"].as_array().unwrap() {
                    let port = self.ports.get_mut(port["port"].as_str().unwrap()).unwrap();
                    port.insert("device_id".to_owned(), json!(id));
                    port.insert("device_owner".to_owned(), json!("compute:eu-de-01"));
                }
                let server = json!({
                    "name": wanted["name"], "status": "BUILD", "metadata": wanted["metadata"],
                    "flavor": { "id": wanted["flavorRef"] }, "image": { "id": wanted["imageRef"] },
                    "created": "2026-01-01T00:00:00Z", "OS-EXT-STS:task_state": null,
                });
                stored(&mut self.servers, id.clone(), server.as_object().unwrap().clone());
                (202, json!({ "server": { "id": id, "adminPass": "hidden" } }))
            }
            (Method::Get, ["servers", "detail"]) => {
                (200, json!({ "servers": self.servers.values().collect::<Vec<_>>() }))
            }
            (Method::Get, ["servers", id]) => match self.servers.get_mut(*id) {
                Some(server) => {
                    server.insert("status".to_owned(), json!("ACTIVE"));
                    (200, json!({ "server": server }))
                }
                None => (404, json!({ "itemNotFound": { "code": 404, "message": "no" } })),
            },
            (Method::Delete, ["servers", id]) => {
                self.servers.remove(*id);
                // As Nova does with ports that it has not made.
                for port in self.ports.values_mut().filter(|port| port.get("device_id") == Some(&json!(id))) {
                    port.insert("device_id".to_owned(), json!(""));
                    port.insert("device_owner".to_owned(), json!(""));
                }
                (204, Value::Null)
            }
            _ => panic!("Nova has no {path:?}"),
        }
    }
}

fn login(body: &Value) -> Answer {
    let user = json!({ "name": "me", "domain": { "name": "OTC-EU-DE-1" }, "password": "" });
    assert_eq!(body["auth"]["identity"]["password"]["user"], user);
    let scope = json!({ "project": { "name": "eu-de", "domain": { "name": "OTC-EU-DE-1" } } });
    assert_eq!(body["auth"]["scope"], scope);
    let endpoint = json!({ "interface": "public", "region": "eu-de", "region_id": "eu-de", "url": "https://ecs.eu-de.example.org" });
    let catalog = json!([{ "type": "compute", "endpoints": [endpoint] }]);
    (201, json!({ "token": { "catalog": catalog, "user": { "id": "u" }, "project": { "id": PROJECT } } }))
}

/// The fields of a request; any other is refused.
fn object(body: &Value, allowed: &[&str]) -> Map<String, Value> {
    let object = body.as_object().unwrap().clone();
    for key in object.keys() {
        assert!(allowed.contains(&key.as_str()), "unrecognized attribute {key}");
    }
    object
}

fn stored(things: &mut Things, id: String, mut thing: Map<String, Value>) -> Map<String, Value> {
    thing.insert("id".to_owned(), json!(id));
    things.insert(id, thing.clone());
    thing
}

fn gone(code: &str) -> Answer {
    match code.starts_with("VPC.") {
        true => (404, json!({ "code": code, "message": "Query resource by id fail." })),
        false => {
            (404, json!({ "NeutronError": { "type": code, "message": "could not be found", "detail": "" } }))
        }
    }
}

fn one(kind: &str, code: &str, things: &mut Things, method: Method, id: &str, body: &Value) -> Answer {
    if method == Method::Delete {
        return things.remove(id).map_or_else(|| gone(code), |_| (204, Value::Null));
    }
    let Some(thing) = things.get_mut(id) else { return gone(code) };
    if method == Method::Put {
        thing.extend(object(&body[kind], &["name", "port_id", "allowed_address_pairs"]));
    }
    (200, json!({ kind: thing }))
}

/// Those that fit, after the marker, at most as many as the limit.
fn page<'a>(things: &'a Things, query: &str, filters: &[&str]) -> Vec<&'a Map<String, Value>> {
    let pairs: Vec<(&str, &str)> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let value = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
    let fits = |thing: &&Map<String, Value>| {
        let asked = |name: &&&str| pairs.iter().any(|(key, _)| *key == **name);
        filters.iter().filter(asked).all(|name| {
            let there = thing.get(*name).and_then(Value::as_str).unwrap_or_default();
            pairs.iter().any(|(key, value)| key == name && value.replace("%3A", ":") == there)
        })
    };
    let after = value("marker").unwrap_or_default();
    let limit = value("limit").and_then(|limit| limit.parse().ok()).unwrap_or(usize::MAX);
    let things = things.iter().filter(|(id, _)| id.as_str() > after).map(|(_, thing)| thing);
    things.filter(fits).take(limit).collect()
}

impl Host for Cloud {
    fn send(&mut self, request: &Request) -> Result<Response, HttpError> {
        let text: String = request
            .body
            .iter()
            .flatten()
            .map(|part| match part {
                Part::Plain(text) => text.as_str(),
                _ => "",
            })
            .collect();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        let (status, answer) = self.answer(request.method, &request.url, &body);
        if status < 300 {
            self.credentials.extend(request.captures.iter().map(|capture| capture.credential.clone()));
        }
        let body = if answer.is_null() { Vec::new() } else { answer.to_string().into_bytes() };
        Ok(Response { status, headers: Vec::new(), body })
    }

    fn setting(&mut self, key: &str) -> Option<String> {
        self.settings.get(key).cloned()
    }

    fn cache_get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.cache.get(key).cloned()
    }

    fn cache_put(&mut self, key: &str, value: &[u8], _ttl_s: u32) {
        self.cache.insert(key.to_owned(), value.to_owned());
    }

    fn available(&mut self, name: &str) -> bool {
        self.credentials.contains(name)
    }

    fn forget(&mut self, name: &str) {
        self.credentials.remove(name);
    }
}
