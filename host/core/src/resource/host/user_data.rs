//! What a new host is told at its first start.

use std::num::NonZeroU16;

use ipnet::Ipv4Net;
use skywright_bootstrap::{Bootstrap, DomainName, HostKeyPolicy, Role, SshFrom};

use super::HostRole;
use crate::error::Error;

/// What is particular to a host.
pub(super) struct UserData<'a> {
    pub(super) host_name: &'a str,
    /// The domain behind the name, if it has one.
    pub(super) domain: Option<&'a str>,
    pub(super) user: &'a str,
    pub(super) public_key: &'a str,
    pub(super) ssh_port: u16,
    pub(super) role: HostRole,
    /// The ranges of its networks.
    pub(super) inside: &'a [Ipv4Net],
    /// Whether it leads the hosts of these ranges out.
    pub(super) forwards: bool,
    /// Whether it is reached from outside without a gateway.
    pub(super) public: bool,
}

impl UserData<'_> {
    /// As the cloud takes it: a script. No secret is in it.
    pub(super) fn render(&self) -> Result<Vec<u8>, Error> {
        let role = match self.role {
            HostRole::Plain => Role::Plain,
            HostRole::Gateway => Role::Gateway {
                forward_for: if self.forwards { self.inside.to_vec() } else { Vec::new() },
                nat: self.forwards,
            },
        };
        let public_key = self.public_key.parse().map_err(|error| broken(&error));
        let bootstrap = Bootstrap {
            host_name: self.host_name.parse().map_err(|error| broken(&error))?,
            domain: self.domain.map(parse_domain).transpose()?,
            user: self.user.parse().map_err(|error| broken(&error))?,
            authorized_keys: vec![public_key?],
            ssh_port: NonZeroU16::new(self.ssh_port).ok_or_else(|| broken(&"SSH on port 0"))?,
            // A host that has no network, and a plan of an older release, know of nothing inside.
            ssh_from: match self.public || self.inside.is_empty() {
                true => SshFrom::Anywhere,
                false => SshFrom::Inside,
            },
            role,
            inside: self.inside.to_vec(),
            // Their network tells hosts both.
            name_servers: Vec::new(),
            time_servers: Vec::new(),
            host_keys: HostKeyPolicy::Ed25519,
        };
        Ok(bootstrap.render().map_err(|error| broken(&error))?.into_bytes())
    }
}

/// The domain behind hosts' names.
pub(super) fn parse_domain(domain: &str) -> Result<DomainName, Error> {
    domain.parse().map_err(|error| broken(&error))
}

fn broken(reason: &impl ToString) -> Error {
    Error::Invalid { what: "the host's first start".to_owned(), reason: reason.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::key;

    fn data<'a>(public_key: &'a str, inside: &'a [Ipv4Net]) -> UserData<'a> {
        UserData {
            host_name: "web-1",
            domain: Some("lab.example"),
            user: "operator",
            public_key,
            ssh_port: 22,
            role: HostRole::Plain,
            inside,
            forwards: false,
            public: false,
        }
    }

    fn text(data: &UserData<'_>) -> String {
        String::from_utf8(data.render().unwrap()).unwrap()
    }

    #[test]
    fn a_host_knows_its_name_its_user_and_its_key() {
        let key = key::public_half(&key::generate().unwrap(), "web-1").unwrap().public;
        let text = text(&data(&key, &["10.0.0.0/24".parse().unwrap()]));
        assert!(text.starts_with("#!/bin/bash\n"));
        for line in [
            "readonly FULL_NAME='web-1.lab.example web-1'",
            "readonly OPERATOR='operator'",
            &format!("readonly AUTHORIZED_KEYS='{key}'"),
            "readonly SSH_FROM='inside'",
            "readonly INSIDE='10.0.0.0/24'",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}");
        }
        assert!(!text.contains("FORWARD_FOR="));
    }

    #[test]
    fn a_gateway_leads_out_what_is_inside_unless_the_cloud_does() {
        let key = key::public_half(&key::generate().unwrap(), "gw").unwrap().public;
        let inside = ["10.0.0.0/16".parse().unwrap(), "10.0.3.0/24".parse().unwrap()];
        let gateway =
            |forwards| UserData { role: HostRole::Gateway, ssh_port: 2222, forwards, ..data(&key, &inside) };
        let (leads, only_in) = (text(&gateway(true)), text(&gateway(false)));
        assert!(leads.contains("readonly FORWARD_FOR='10.0.0.0/16'\nreadonly NAT='true'\n"));
        assert!(only_in.contains("readonly FORWARD_FOR=''\nreadonly NAT='false'\n"));
        for text in [leads, only_in] {
            assert!(text.contains("readonly SSH_PORT='2222'\nreadonly SSH_FROM='anywhere'\n"));
        }
    }

    #[test]
    fn a_host_that_is_reached_directly_lets_ssh_in() {
        let key = key::public_half(&key::generate().unwrap(), "web-1").unwrap().public;
        let inside = ["10.0.0.0/24".parse().unwrap()];
        for data in [UserData { public: true, ..data(&key, &inside) }, data(&key, &[])] {
            assert!(text(&data).contains("readonly SSH_FROM='anywhere'\n"));
        }
    }

    #[test]
    fn a_domain_that_is_none_is_refused() {
        for domain in ["", "a b", "a\nb", "-a.example", "$(id)"] {
            assert!(matches!(parse_domain(domain), Err(Error::Invalid { .. })), "{domain:?}");
        }
    }
}
