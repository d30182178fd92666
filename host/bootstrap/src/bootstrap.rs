//! All that a host is told.

use std::net::IpAddr;
use std::num::NonZeroU16;

use ipnet::Ipv4Net;
use ssh_key::PublicKey;

use crate::error::Error;
use crate::quote::quote;
use crate::script::{self, Circumstances};
use crate::value::{DomainName, HostName, OperatorUser, TimeServer};

/// The most that the script of a plain host may have: what the tightest clouds take.
const PLAIN_LIMIT_BYTES: usize = 16 << 10;

/// The most that the script of a gateway may have.
const GATEWAY_LIMIT_BYTES: usize = 24 << 10;

/// What a host is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// The user's own work.
    Plain,
    /// The way in and out for others. SSH is open to anyone there.
    Gateway {
        /// The ranges whose packets it passes on, each within one of [`Bootstrap::inside`]. None: it is the way in
        /// only, because the cloud leads out itself.
        forward_for: Vec<Ipv4Net>,
        /// Whether they go out with its own address.
        nat: bool,
    },
}

/// From where SSH is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SshFrom {
    /// From [`Bootstrap::inside`] alone.
    Inside,
    /// From anywhere: a host with a public address of its own.
    Anywhere,
}

/// Which keys a host has, by which it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// An Ed25519 key alone, made at the first start where the image's start has not made one.
    #[default]
    Ed25519,
    /// Every kind that its OpenSSH makes, for sites whose rules forbid Ed25519.
    AnyKind,
}

/// What a new host is told at its first start. There is no secret in it, and must not be: clouds show it to whoever
/// may see the host.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// Its name.
    pub host_name: HostName,
    /// The domain behind the name.
    pub domain: Option<DomainName>,
    /// Who logs in, and may become root without a password.
    pub user: OperatorUser,
    /// The keys that log in: at least one.
    pub authorized_keys: Vec<PublicKey>,
    /// Where SSH listens.
    pub ssh_port: NonZeroU16,
    /// From where it is open; a gateway's is from anywhere whatever stands here.
    pub ssh_from: SshFrom,
    /// What it is for.
    pub role: Role,
    /// The ranges of its own networks.
    pub inside: Vec<Ipv4Net>,
    /// Its name servers; none: those that its network tells it.
    pub name_servers: Vec<IpAddr>,
    /// Where it takes the time from; none: what its image says. Not used where the clock is another machine's.
    pub time_servers: Vec<TimeServer>,
    /// Its own keys.
    pub host_keys: HostKeyPolicy,
}

impl Bootstrap {
    /// The script, as user data: it starts with `#!/bin/bash`. The same for the same values, and ASCII throughout
    /// but for comments of keys.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`]: no key, a key with a control character in its comment, nowhere to reach SSH from, a range
    /// to be passed on that is not inside. [`Error::TooLarge`]: above 16 KiB, of a gateway above 24 KiB.
    pub fn render(&self) -> Result<String, Error> {
        let (gateway, forward_for, nat) = match &self.role {
            Role::Plain => (false, [].as_slice(), false),
            Role::Gateway { forward_for, nat } => (true, forward_for.as_slice(), *nat),
        };
        self.check(gateway, forward_for)?;
        let mut text = String::from("#!/bin/bash\n");
        let mut value = |name: &str, value: &str| {
            text.push_str(&format!("readonly {name}={}\n", quote(value)));
        };
        let host = self.host_name.as_str();
        value("HOST_NAME", host);
        value("FULL_NAME", &self.domain.as_ref().map_or(host.to_owned(), |d| format!("{host}.{d} {host}")));
        value("OPERATOR", self.user.as_str());
        value("AUTHORIZED_KEYS", &self.keys()?.join("\n"));
        value("SSH_PORT", &self.ssh_port.to_string());
        let anywhere = gateway || self.ssh_from == SshFrom::Anywhere;
        value("SSH_FROM", if anywhere { "anywhere" } else { "inside" });
        value("ROLE", if gateway { "gateway" } else { "plain" });
        value("INSIDE", &words(Ipv4Net::aggregate(&self.inside)));
        if gateway {
            value("FORWARD_FOR", &words(Ipv4Net::aggregate(&forward_for.to_vec())));
            value("NAT", if nat { "true" } else { "false" });
        }
        if !self.name_servers.is_empty() {
            value("NAME_SERVERS", &words(&self.name_servers));
        }
        value("TIME_SERVERS", &words(&self.time_servers));
        value("HOST_KEYS", if self.host_keys == HostKeyPolicy::Ed25519 { "ed25519" } else { "any" });
        text.push_str(&script::body(Circumstances {
            gateway,
            port: self.ssh_port.get() != 22,
            name_servers: !self.name_servers.is_empty(),
        }));
        let limit_bytes = if gateway { GATEWAY_LIMIT_BYTES } else { PLAIN_LIMIT_BYTES };
        match text.len() {
            size_bytes if size_bytes > limit_bytes => Err(Error::TooLarge { size_bytes, limit_bytes }),
            _ => Ok(text),
        }
    }

    fn check(&self, gateway: bool, forward_for: &[Ipv4Net]) -> Result<(), Error> {
        if self.authorized_keys.is_empty() {
            return Err(Error::invalid("keys", "without one nobody can log in"));
        }
        if !gateway && self.ssh_from == SshFrom::Inside && self.inside.is_empty() {
            return Err(Error::invalid("inside", "SSH is open from inside alone, and no range is inside"));
        }
        match forward_for.iter().find(|range| !self.inside.iter().any(|inside| inside.contains(*range))) {
            Some(outside) => {
                Err(Error::invalid(outside.to_string(), "it is to be passed on, but is not inside"))
            }
            None => Ok(()),
        }
    }

    /// The lines of `authorized_keys`.
    fn keys(&self) -> Result<Vec<String>, Error> {
        let line = |key: &PublicKey| {
            let line = key.to_openssh().map_err(|error| Error::invalid("key", error.to_string()))?;
            match line.chars().any(char::is_control) {
                true => Err(Error::invalid("key", "its comment has a control character")),
                false => Ok(line),
            }
        };
        self.authorized_keys.iter().map(line).collect()
    }
}

fn words<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    values.into_iter().map(|value| value.to_string()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti web-1";

    fn plain() -> Bootstrap {
        Bootstrap {
            host_name: "web-1".parse().unwrap(),
            domain: Some("lab.example".parse().unwrap()),
            user: "skywright".parse().unwrap(),
            authorized_keys: vec![KEY.parse().unwrap()],
            ssh_port: NonZeroU16::new(22).unwrap(),
            ssh_from: SshFrom::Inside,
            role: Role::Plain,
            inside: vec!["10.20.0.0/16".parse().unwrap()],
            name_servers: Vec::new(),
            time_servers: Vec::new(),
            host_keys: HostKeyPolicy::Ed25519,
        }
    }

    fn gateway() -> Bootstrap {
        Bootstrap {
            role: Role::Gateway { forward_for: vec!["10.20.3.0/24".parse().unwrap()], nat: true },
            ..plain()
        }
    }

    fn values(text: &str) -> Vec<&str> {
        text.lines().skip(1).take_while(|line| *line != "set -Eeuo pipefail").collect()
    }

    #[test]
    fn values_of_a_plain_host() {
        let text = plain().render().unwrap();
        assert!(text.starts_with("#!/bin/bash\n"));
        insta::assert_snapshot!(values(&text).join("\n"));
    }

    #[test]
    fn values_of_a_gateway_with_everything() {
        let bootstrap = Bootstrap {
            ssh_port: NonZeroU16::new(2222).unwrap(),
            name_servers: vec!["192.0.2.53".parse().unwrap(), "2001:db8::53".parse().unwrap()],
            time_servers: vec!["time.example".parse().unwrap()],
            host_keys: HostKeyPolicy::AnyKind,
            ..gateway()
        };
        insta::assert_snapshot!(values(&bootstrap.render().unwrap()).join("\n"));
    }

    /// With room for a few more keys where nothing is special, and at all where everything is.
    #[test]
    fn it_is_small_enough() {
        let usual = Bootstrap { authorized_keys: vec![KEY.parse().unwrap(); 8], ..plain() };
        assert!(usual.render().is_ok());
        let special = Bootstrap {
            ssh_port: NonZeroU16::new(2222).unwrap(),
            name_servers: vec!["192.0.2.53".parse().unwrap()],
            ..plain()
        };
        assert!(special.render().is_ok());
        let too_many = Bootstrap { authorized_keys: vec![KEY.parse().unwrap(); 200], ..plain() };
        assert!(matches!(too_many.render(), Err(Error::TooLarge { limit_bytes: PLAIN_LIMIT_BYTES, .. })));
    }

    #[test]
    fn a_comment_with_a_line_break_adds_no_key() {
        let mut key: PublicKey = KEY.parse().unwrap();
        key.set_comment("a\nssh-ed25519 AAAA other");
        let error = Bootstrap { authorized_keys: vec![key], ..plain() }.render().unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }), "{error}");
    }

    #[test]
    fn a_comment_runs_nothing() {
        let mut key: PublicKey = KEY.parse().unwrap();
        key.set_comment("it's $(touch x) `id`");
        let text = Bootstrap { authorized_keys: vec![key], ..plain() }.render().unwrap();
        assert!(text.contains(r"it'\''s $(touch x) `id`'"), "{text}");
    }

    #[test]
    fn nobody_is_locked_out() {
        assert!(Bootstrap { authorized_keys: Vec::new(), ..plain() }.render().is_err());
        assert!(Bootstrap { inside: Vec::new(), ..plain() }.render().is_err());
        let open = Bootstrap { inside: Vec::new(), ssh_from: SshFrom::Anywhere, ..plain() };
        assert!(open.render().unwrap().contains("readonly SSH_FROM='anywhere'\n"));
        assert!(gateway().render().unwrap().contains("readonly SSH_FROM='anywhere'\n"));
    }

    #[test]
    fn only_what_is_inside_is_passed_on() {
        let role = Role::Gateway { forward_for: vec!["10.0.0.0/8".parse().unwrap()], nat: true };
        assert!(Bootstrap { role, ..plain() }.render().is_err());
    }
}
