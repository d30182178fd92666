//! Neutron's rules. It knows more than the contract: what cannot be said there is left out when rules are read,
//! and taken away when a group must have exactly the rules that it was made with.

use serde::Deserialize;
use serde_json::{Value, json};
use skywright_sdk::Error;
use skywright_sdk::security_groups::{Direction, IpVersion, Peer, Protocol, Rule};

use crate::neutron::{Resource, Standard};

const ANYWHERE_V4: &str = "0.0.0.0/0";
const ANYWHERE_V6: &str = "::/0";

/// A rule as Neutron keeps it.
#[derive(Debug, Deserialize)]
pub(crate) struct NeutronRule {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    direction: String,
    ethertype: String,
    /// A name, or a number; none for all.
    protocol: Option<Value>,
    port_range_min: Option<i32>,
    port_range_max: Option<i32>,
    remote_ip_prefix: Option<String>,
    remote_group_id: Option<String>,
    remote_address_group_id: Option<String>,
}

impl Resource for NeutronRule {
    const ONE: &'static str = "security_group_rule";
    const MANY: &'static str = "security_group_rules";

    fn standard(&self) -> &Standard {
        &self.standard
    }
}

impl NeutronRule {
    /// It in the words of the contract; `None` if there are none.
    pub(crate) fn told(&self) -> Option<Rule> {
        let direction = match self.direction.as_str() {
            "ingress" => Direction::Ingress,
            "egress" => Direction::Egress,
            _ => return None,
        };
        let ip_version = match self.ethertype.as_str() {
            "IPv4" => IpVersion::V4,
            "IPv6" => IpVersion::V6,
            _ => return None,
        };
        let protocol = protocol(self.protocol.as_ref())?;
        let peer = match (&self.remote_group_id, &self.remote_ip_prefix, &self.remote_address_group_id) {
            (_, _, Some(_)) => return None,
            (Some(group), _, None) => Peer::Group(group.clone()),
            (None, Some(cidr), None) => Peer::Cidr(cidr.clone()),
            (None, None, None) => Peer::Cidr(anywhere(ip_version).to_owned()),
        };
        let description = self.standard.description.clone().unwrap_or_default();
        Some(Rule { direction, ip_version, protocol, ports: self.ports(protocol)?, peer, description })
    }

    /// `None` for the types and codes of ICMP.
    fn ports(&self, protocol: Protocol) -> Option<Option<(u16, u16)>> {
        match (protocol, self.port_range_min, self.port_range_max) {
            (_, None, None) => Some(None),
            (Protocol::Tcp | Protocol::Udp, Some(from), Some(to)) => {
                Some(Some((u16::try_from(from).ok()?, u16::try_from(to).ok()?)))
            }
            _ => None,
        }
    }

    /// Whether it lets the same through: descriptions do not count.
    pub(crate) fn says(&self, rule: &Rule) -> bool {
        self.told().is_some_and(|told| key(&told) == key(rule))
    }
}

/// What two rules that say the same have in common.
fn key(rule: &Rule) -> Value {
    let peer = match &rule.peer {
        Peer::Group(id) => format!("group {id}"),
        Peer::Cidr(cidr) => normalized(cidr),
    };
    let ports = rule.ports.filter(|ports| *ports != (1, 65_535));
    json!([rule.direction as u8, rule.ip_version as u8, rule.protocol as u8, ports, peer])
}

/// A range as Neutron writes it: `10.0.0.1` is `10.0.0.1/32`, IPv6 in lower case.
fn normalized(cidr: &str) -> String {
    let (address, length) = match cidr.split_once('/') {
        Some((address, length)) => (address, length),
        None if cidr.contains(':') => (cidr, "128"),
        None => (cidr, "32"),
    };
    let address = address.parse().map_or(address.to_owned(), |ip: std::net::IpAddr| ip.to_string());
    format!("{address}/{length}")
}

fn anywhere(ip_version: IpVersion) -> &'static str {
    match ip_version {
        IpVersion::V4 => ANYWHERE_V4,
        IpVersion::V6 => ANYWHERE_V6,
    }
}

fn protocol(name: Option<&Value>) -> Option<Protocol> {
    let name = match name {
        None | Some(Value::Null) => return Some(Protocol::Any),
        Some(Value::String(name)) => name.to_ascii_lowercase(),
        Some(other) => other.to_string(),
    };
    match name.as_str() {
        "tcp" | "6" => Some(Protocol::Tcp),
        "udp" | "17" => Some(Protocol::Udp),
        "icmp" | "1" | "icmpv6" | "ipv6-icmp" | "58" => Some(Protocol::Icmp),
        "any" => Some(Protocol::Any),
        _ => None,
    }
}

/// The body of a rule.
///
/// # Errors
///
/// `bad-ports` for ports of a protocol without, or the wrong way round; `bad-peer` for a range of the other
/// version.
pub(crate) fn body(group: &str, rule: &Rule) -> Result<Value, Error> {
    let with_ports = matches!(rule.protocol, Protocol::Tcp | Protocol::Udp);
    if rule.ports.is_some_and(|(from, to)| !with_ports || from > to) {
        let message = "ports are a range of tcp or udp, the smaller one first";
        return Err(Error::invalid("bad-ports", message).with_subject(group));
    }
    let protocol = match (rule.protocol, rule.ip_version) {
        (Protocol::Any, _) => Value::Null,
        (Protocol::Tcp, _) => json!("tcp"),
        (Protocol::Udp, _) => json!("udp"),
        (Protocol::Icmp, IpVersion::V4) => json!("icmp"),
        (Protocol::Icmp, IpVersion::V6) => json!("ipv6-icmp"),
    };
    let mut body = json!({
        "security_group_id": group,
        "direction": match rule.direction { Direction::Ingress => "ingress", Direction::Egress => "egress" },
        "ethertype": match rule.ip_version { IpVersion::V4 => "IPv4", IpVersion::V6 => "IPv6" },
        "protocol": protocol,
        "port_range_min": rule.ports.map(|(from, _)| from),
        "port_range_max": rule.ports.map(|(_, to)| to),
        "description": rule.description,
    });
    match &rule.peer {
        Peer::Group(id) => body["remote_group_id"] = json!(id),
        Peer::Cidr(cidr) if cidr.contains(':') == (rule.ip_version == IpVersion::V6) => {
            body["remote_ip_prefix"] = json!(cidr);
        }
        Peer::Cidr(cidr) => {
            let message = format!("the range {cidr} is of the other version of IP than its rule");
            return Err(Error::invalid("bad-peer", message).with_subject(cidr));
        }
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn rule(protocol: Protocol, ports: Option<(u16, u16)>, peer: Peer) -> Rule {
        Rule {
            direction: Direction::Ingress,
            ip_version: IpVersion::V4,
            protocol,
            ports,
            peer,
            description: String::new(),
        }
    }

    fn read(more: Value) -> NeutronRule {
        let mut rule = json!({ "id": "r", "direction": "ingress", "ethertype": "IPv4" });
        rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        serde_json::from_value(rule).unwrap()
    }

    fn anywhere() -> Peer {
        Peer::Cidr(ANYWHERE_V4.to_owned())
    }

    #[test]
    fn no_peer_is_any_peer() {
        assert_eq!(read(json!({})).told().unwrap(), rule(Protocol::Any, None, anywhere()));
        let six =
            read(json!({ "ethertype": "IPv6", "protocol": null, "remote_ip_prefix": null })).told().unwrap();
        assert_eq!((six.ip_version, six.peer), (IpVersion::V6, Peer::Cidr(ANYWHERE_V6.to_owned())));
    }

    #[test]
    fn protocols_have_many_names() {
        let protocol = |name: Value| read(json!({ "protocol": name })).told().map(|rule| rule.protocol);
        assert_eq!(protocol(json!("6")), Some(Protocol::Tcp));
        assert_eq!(protocol(json!(17)), Some(Protocol::Udp));
        for icmp in ["icmp", "icmpv6", "ipv6-icmp", "58"] {
            assert_eq!(protocol(json!(icmp)), Some(Protocol::Icmp));
        }
        assert_eq!(protocol(json!("vrrp")), None);
    }

    #[test]
    fn what_the_contract_has_no_words_for_is_left_out() {
        assert_eq!(read(json!({ "remote_address_group_id": "a" })).told(), None);
        assert_eq!(
            read(json!({ "protocol": "icmp", "port_range_min": 8, "port_range_max": 0 })).told(),
            None
        );
        assert_eq!(read(json!({ "direction": "sideways" })).told(), None);
    }

    #[test]
    fn the_same_is_the_same_however_it_is_written() {
        let there = read(json!({ "protocol": "tcp", "port_range_min": 22, "port_range_max": 22,
            "remote_ip_prefix": "10.0.0.1/32", "description": "ssh" }));
        let peer = |cidr: &str| Peer::Cidr(cidr.to_owned());
        assert!(there.says(&rule(Protocol::Tcp, Some((22, 22)), peer("10.0.0.1"))));
        assert!(!there.says(&rule(Protocol::Tcp, Some((22, 23)), peer("10.0.0.1"))));
        assert!(!there.says(&rule(Protocol::Udp, Some((22, 22)), peer("10.0.0.1"))));
        assert!(!there.says(&rule(Protocol::Tcp, Some((22, 22)), Peer::Group("10.0.0.1/32".to_owned()))));
        assert_eq!(normalized("FD00:0::/8"), "fd00::/8");
    }

    #[test]
    fn what_is_written_is_read() {
        let group = Peer::Group("g2".to_owned());
        for rule in [
            rule(Protocol::Tcp, Some((80, 443)), anywhere()),
            rule(Protocol::Icmp, None, group.clone()),
            Rule { ip_version: IpVersion::V6, ..rule(Protocol::Icmp, None, group) },
            Rule { direction: Direction::Egress, ..rule(Protocol::Any, None, anywhere()) },
        ] {
            assert_eq!(read(body("g", &rule).unwrap()).told(), Some(rule));
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let code = |rule: &Rule| body("g", rule).unwrap_err().code;
        assert_eq!(code(&rule(Protocol::Icmp, Some((1, 2)), anywhere())), "bad-ports");
        assert_eq!(code(&rule(Protocol::Tcp, Some((2, 1)), anywhere())), "bad-ports");
        assert_eq!(code(&rule(Protocol::Tcp, None, Peer::Cidr("::/0".to_owned()))), "bad-peer");
    }
}
