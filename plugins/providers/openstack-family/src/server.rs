//! Nova's servers, as the contract's hosts.
//!
//! They are read without a microversion: in those from 2.47 on a server no longer tells the id of its flavor.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Deserializer};
use skywright_sdk::hosts::{Address, Host, State};
use skywright_sdk::prelude::*;
use skywright_sdk::url;

use crate::links::{Link, marker};
use crate::metadata::Metadata;
use crate::server_port::Plugged;

/// A server as Nova shows it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Server {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) name: String,
    pub(crate) status: String,
    #[serde(default, rename = "OS-EXT-STS:task_state")]
    pub(crate) task: Option<String>,
    #[serde(default)]
    flavor: FlavorOfServer,
    /// `""` where it boots from a volume.
    #[serde(default, deserialize_with = "image")]
    image: Option<String>,
    #[serde(default, rename = "OS-EXT-AZ:availability_zone")]
    zone: Option<String>,
    #[serde(default)]
    addresses: BTreeMap<String, Vec<ServerAddress>>,
    #[serde(default)]
    security_groups: Vec<Named>,
    #[serde(default)]
    pub(crate) created: Option<String>,
    #[serde(default)]
    pub(crate) fault: Option<ServerFault>,
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

#[derive(Debug, Clone, Default, Deserialize)]
struct FlavorOfServer {
    id: Option<String>,
    original_name: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct ServerAddress {
    addr: String,
    #[serde(rename = "OS-EXT-IPS:type")]
    kind: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Named {
    name: String,
}

/// Why a server is in `ERROR`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct ServerFault {
    #[serde(default)]
    pub(crate) message: String,
}

fn image<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Image {
        Of { id: String },
        None(serde::de::IgnoredAny),
    }
    Ok(match Image::deserialize(deserializer)? {
        Image::Of { id } => Some(id),
        Image::None(_) => None,
    })
}

impl Server {
    /// The id of its flavor; the name where the cloud tells no more.
    pub(crate) fn flavor(&self) -> &str {
        self.flavor.id.as_deref().or(self.flavor.original_name.as_deref()).unwrap_or_default()
    }

    /// Whether the cloud is done with it but for its own books: it says so a moment before it shows no such
    /// server. (`SOFT_DELETED` stays for days.)
    pub(crate) fn is_about_to_vanish(&self) -> bool {
        self.status == "DELETED"
    }

    /// Whether nothing is being done to it.
    pub(crate) fn is_idle(&self) -> bool {
        self.task.is_none()
    }

    pub(crate) fn state(&self) -> State {
        if self.task.as_deref() == Some("deleting") {
            return State::Deleting;
        }
        match (self.status.as_str(), self.task.as_deref()) {
            ("BUILD" | "REBUILD", _) => State::Creating,
            ("ACTIVE" | "PASSWORD", Some("powering-off" | "pausing" | "suspending" | "shelving")) => {
                State::Stopping
            }
            ("ACTIVE" | "PASSWORD" | "VERIFY_RESIZE" | "MIGRATING", _) => State::Running,
            ("REBOOT" | "HARD_REBOOT" | "RESIZE" | "REVERT_RESIZE", _) => State::Starting,
            ("SHUTOFF" | "PAUSED" | "SUSPENDED", Some("powering-on" | "unpausing" | "resuming")) => {
                State::Starting
            }
            ("SHELVED" | "SHELVED_OFFLOADED", Some("unshelving" | "spawning")) => State::Starting,
            ("SHUTOFF" | "PAUSED" | "SUSPENDED" | "SHELVED" | "SHELVED_OFFLOADED", _) => State::Stopped,
            ("ERROR", _) => State::Failed,
            ("DELETED" | "SOFT_DELETED", _) => State::Deleted,
            _ => State::Unknown,
        }
    }

    /// The error of one that is in `ERROR`, with its id as the subject.
    pub(crate) fn failure(&self) -> Error {
        let fault = self.fault.as_ref().map(|fault| fault.message.as_str()).filter(|text| !text.is_empty());
        let text = fault.unwrap_or("the cloud does not say why");
        let lower = text.to_ascii_lowercase();
        let (category, code) = if lower.contains("no valid host") || lower.contains("exhausted all hosts") {
            (Category::Capacity, "NoValidHost")
        } else if lower.contains("quota") {
            (Category::Quota, "Quota")
        } else {
            (Category::Internal, "ServerError")
        };
        Error::new(category, code, format!("the server is in error: {text}")).with_subject(&self.id)
    }

    /// With what its ports tell, where they were asked.
    pub(crate) fn into_host(self, ports: &[Plugged]) -> Host {
        let own: Vec<&Plugged> = ports.iter().filter(|port| port.device_id == self.id).collect();
        let subnet = |address: &str| {
            let mut fixed = own.iter().flat_map(|port| &port.fixed_ips);
            fixed.find(|fixed| fixed.ip_address == address).map(|fixed| fixed.subnet_id.clone())
        };
        let addresses = self.addresses.values().flatten().map(|address| Address {
            subnet: subnet(&address.addr),
            public: address.kind.as_deref() == Some("floating") || is_public(&address.addr),
            address: address.addr.clone(),
        });
        let addresses = addresses.collect();
        let mut groups: Vec<String> = own.iter().flat_map(|port| port.security_groups.clone()).collect();
        if own.is_empty() {
            groups = self.security_groups.iter().map(|group| group.name.clone()).collect();
        }
        groups.sort_unstable();
        groups.dedup();
        let state = self.state();
        Host {
            state,
            template: self.flavor().to_owned(),
            zone: self.zone.filter(|zone| !zone.is_empty()),
            addresses,
            security_groups: groups,
            fault: self.fault.map(|fault| fault.message).filter(|_| state == State::Failed),
            intent: self.metadata.intent().map(str::to_owned),
            tags: self.metadata.tags(),
            id: self.id,
            name: self.name,
            image: self.image,
            created_at: self.created,
        }
    }
}

/// Whether an address is none of those that are private by their range.
fn is_public(address: &str) -> bool {
    match address.parse() {
        Ok(IpAddr::V4(v4)) => {
            let [a, b, ..] = v4.octets();
            !(v4.is_private()
                || v4.is_loopback()
                || v4.is_link_local()
                || (a == 100 && (64..128).contains(&b)))
        }
        Ok(IpAddr::V6(v6)) => !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()),
        Err(_) => false,
    }
}

/// `{"server": …}`
#[derive(Debug, Deserialize)]
pub(crate) struct One {
    pub(crate) server: Server,
}

/// `{"servers": […]}`
#[derive(Debug, Deserialize)]
pub(crate) struct Servers {
    servers: Vec<Server>,
    #[serde(default)]
    servers_links: Vec<Link>,
}

impl Listing for Servers {
    type Item = Server;

    fn next(&self) -> Option<Next> {
        marker(&self.servers_links)
    }

    fn into_items(self) -> Vec<Server> {
        self.servers
    }
}

/// The path of a server.
pub(crate) fn path(id: &str) -> String {
    format!("/servers/{}", url::encode(id))
}

/// Asks for a server's deletion. One that is gone is done.
pub(crate) fn delete(compute: &Client, id: &str) -> Result<(), Error> {
    match compute.delete(&path(id)).send() {
        Err(error) if error.category != Category::NotFound => Err(error.with_subject(id)),
        _ => Ok(()),
    }
}

/// One server. One that Nova shows as deleted is not found.
pub(crate) fn get(compute: &Client, id: &str) -> Result<Server, Error> {
    let server = read(compute, id)?;
    if server.state() == State::Deleted {
        return Err(Error::new(Category::NotFound, "deleted", "the server is deleted").with_subject(id));
    }
    Ok(server)
}

/// One server; `None` where it is gone.
pub(crate) fn find(compute: &Client, id: &str) -> Result<Option<Server>, Error> {
    found(get(compute, id))
}

/// One server, also one that Nova still shows as deleted; `None` where it shows none.
pub(crate) fn find_remains(compute: &Client, id: &str) -> Result<Option<Server>, Error> {
    found(read(compute, id))
}

fn read(compute: &Client, id: &str) -> Result<Server, Error> {
    let one: One = compute.get(&path(id)).json().map_err(|error| error.with_subject(id))?;
    Ok(one.server)
}

fn found(read: Result<Server, Error>) -> Result<Option<Server>, Error> {
    match read {
        Ok(server) => Ok(Some(server)),
        Err(error) if error.category == Category::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Those that carry an intent's key, the oldest first. Nova cannot be asked for metadata: with a name, only
/// those are read that have it, else all.
pub(crate) fn of_intent(compute: &Client, key: &str, name: Option<&str>) -> Result<Vec<Server>, Error> {
    let mut pages = compute.pages("/servers/detail");
    if let Some(name) = name {
        pages = pages.query("name", exactly(name));
    }
    let mut found = pages.all::<Servers>()?;
    found.retain(|server| server.metadata.intent() == Some(key) && server.state() != State::Deleted);
    found.sort_by(|a, b| (&a.created, &a.id).cmp(&(&b.created, &b.id)));
    Ok(found)
}

/// Nova takes a name for a regular expression of its database's.
fn exactly(name: &str) -> String {
    let escaped = name.chars().map(|character| match character {
        c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ' ') || !c.is_ascii() => c.to_string(),
        '^' => r"\^".to_owned(),
        '\\' => r"\\".to_owned(),
        c => format!("[{c}]"),
    });
    format!("^{}$", escaped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(json: &str) -> Server {
        serde_json::from_str(json).unwrap()
    }

    fn state(status: &str, task: Option<&str>) -> State {
        let json = serde_json::json!({ "id": "1", "status": status, "OS-EXT-STS:task_state": task });
        serde_json::from_value::<Server>(json).unwrap().state()
    }

    #[test]
    fn states() {
        assert_eq!(state("BUILD", Some("spawning")), State::Creating);
        assert_eq!(state("ACTIVE", None), State::Running);
        assert_eq!(state("ACTIVE", Some("powering-off")), State::Stopping);
        assert_eq!(state("ACTIVE", Some("deleting")), State::Deleting);
        assert_eq!(state("SHUTOFF", Some("powering-on")), State::Starting);
        assert_eq!(state("SHELVED_OFFLOADED", None), State::Stopped);
        assert_eq!(state("ERROR", None), State::Failed);
        assert_eq!(state("ERROR", Some("deleting")), State::Deleting);
        assert_eq!(state("SOMETHING_NEW", None), State::Unknown);
    }

    #[test]
    fn a_fault_says_whose_it_is() {
        let fault = |text: &str| {
            let json = serde_json::json!({ "id": "1", "status": "ERROR", "fault": { "message": text } });
            let error = serde_json::from_value::<Server>(json).unwrap().failure();
            assert_eq!(error.subject.as_deref(), Some("1"));
            error.category
        };
        assert_eq!(
            fault("No valid host was found. There are not enough hosts available."),
            Category::Capacity
        );
        assert_eq!(
            fault("Exceeded maximum number of retries. Exhausted all hosts available"),
            Category::Capacity
        );
        assert_eq!(fault("Quota exceeded for cores"), Category::Quota);
        assert_eq!(fault("Build of instance 1 aborted: x"), Category::Internal);
        assert_eq!(server(r#"{"id":"1","status":"ERROR"}"#).failure().category, Category::Internal);
    }

    #[test]
    fn of_a_newer_nova_the_flavors_name_is_known_alone() {
        let newer =
            server(r#"{"id":"1","status":"ACTIVE","flavor":{"original_name":"m1.small"},"image":""}"#);
        let host = newer.into_host(&[]);
        assert_eq!((host.template.as_str(), host.image), ("m1.small", None));
    }

    #[test]
    fn public_is_what_no_private_range_has() {
        for private in
            ["10.1.2.3", "172.31.0.1", "192.168.0.1", "100.64.0.1", "169.254.1.1", "fd00::1", "fe80::1", "x"]
        {
            assert!(!is_public(private), "{private}");
        }
        for public in ["198.51.100.1", "172.32.0.1", "100.128.0.1", "2001:db8::1"] {
            assert!(is_public(public), "{public}");
        }
    }

    #[test]
    fn a_name_is_asked_for_as_it_is() {
        assert_eq!(exactly("a-1.b+"), "^a-1[.]b[+]$");
        assert_eq!(exactly(r"^\["), r"^\^\\[[]$");
    }

    proptest::proptest! {
        #[test]
        fn any_server_is_borne(status in ".{0,8}", task in proptest::option::of("[a-z_-]{0,8}"), address in ".{0,8}") {
            let json = serde_json::json!({
                "id": "1", "status": status, "OS-EXT-STS:task_state": task,
                "addresses": { "net": [{ "addr": address }] },
            });
            let host = serde_json::from_value::<Server>(json).unwrap().into_host(&[]);
            proptest::prop_assert_eq!(host.addresses.len(), 1);
        }
    }
}
