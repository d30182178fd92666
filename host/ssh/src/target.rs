//! Where to connect to.

use crate::client_key::ClientKey;
use crate::error::Error;
use crate::hop::{Hop, Role};
use crate::host_key::HostKeys;

/// An SSH server, and who signs in there.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// A name or an IP address. A target's is resolved by its gateway, if it has one.
    pub address: String,
    /// The server's port.
    pub port: u16,
    /// The user to sign in as.
    pub user: String,
    /// The key to sign in with.
    pub key: ClientKey,
    /// Which host keys are its.
    pub host_keys: HostKeys,
}

impl Endpoint {
    pub(crate) fn hop(&self, role: Role) -> Hop {
        Hop { role, address: self.address.clone(), port: self.port }
    }

    /// What a connection is shared by: everything that decides where it ends and what it may do there.
    pub(crate) fn identity(&self) -> String {
        let host_keys = match &self.host_keys {
            HostKeys::Pinned(_) => self.host_keys.expected().join(","),
            HostKeys::Unknown => "*".to_owned(),
        };
        format!("{}@{}:{}\n{}\n{host_keys}", self.user, self.address, self.port, self.key.fingerprint())
    }

    /// Refuses what would mean something else to a server or in a file.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`].
    pub(crate) fn check(&self) -> Result<(), Error> {
        let address = !self.address.is_empty()
            && !self.address.starts_with('-')
            && self.address.chars().all(|c| c.is_ascii_alphanumeric() || "-._:%".contains(c));
        let user = !self.user.is_empty()
            && !self.user.starts_with('-')
            && self.user.chars().all(|c| c.is_ascii_alphanumeric() || "-._@+$".contains(c));
        let invalid = |what: &str, reason: &str| {
            Err(Error::Invalid { what: what.to_owned(), reason: reason.to_owned() })
        };
        match (address, user, self.port) {
            (false, ..) => invalid("address", "it is neither a host name nor an IP address"),
            (_, false, _) => invalid("user", "no user is called so"),
            (_, _, 0) => invalid("port", "there is no port 0"),
            _ => Ok(()),
        }
    }
}

/// A machine to work on, and the way to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// The machine.
    pub endpoint: Endpoint,
    /// Through which machines it is reached: the first that works. If there are none, it is connected to
    /// directly.
    pub gateways: Vec<Endpoint>,
}

impl Target {
    pub(crate) fn identity(&self) -> String {
        let mut identity = self.endpoint.identity();
        for gateway in &self.gateways {
            identity.push_str("\nvia ");
            identity.push_str(&gateway.identity());
        }
        identity
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        self.endpoint.check()?;
        self.gateways.iter().try_for_each(Endpoint::check)
    }
}
