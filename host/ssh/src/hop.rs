//! Which of the machines on the way is meant.

use std::fmt;

/// The part that a machine has on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// It passes connections on.
    Gateway,
    /// It is where commands run and files lie.
    Target,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gateway => "gateway",
            Self::Target => "host",
        })
    }
}

/// One machine on the way, as errors name it: `gateway 192.0.2.7:22`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Hop {
    /// Its part.
    pub role: Role,
    /// Its address, as it was given.
    pub address: String,
    /// The port of its SSH server.
    pub port: u16,
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = crate::text::printable(&self.address);
        let open_close = if address.contains(':') { ("[", "]") } else { ("", "") };
        write!(f, "{} {}{address}{}:{}", self.role, open_close.0, open_close.1, self.port)
    }
}
