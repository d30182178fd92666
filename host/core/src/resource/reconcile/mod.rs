//! Holding the state against the cloud: what is recorded and gone, what was made here and is recorded nowhere,
//! what others made, and what is not as it is recorded.
//!
//! Resources are told apart by the cloud's ids, and whose they are by the intent that is stamped on whatever this
//! product makes. What another home or nobody made is listed and may be adopted; it is never proposed for
//! deletion, and not deleted when that is asked for.

mod adopt;
mod change;
mod compare;
mod inventory;
mod records;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::record::Kind;
use crate::error::Error;

pub use change::{Chosen, Reconcile};
pub use compare::{Comparison, FieldChange, Finding, Owner, Remedy, Verdict};

pub(super) use change::PlannedReconcile;

/// A kind of what a cloud has, whether or not records of it are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CloudKind {
    /// A machine.
    Host,
    /// A disk of its own life.
    Volume,
    /// An address that moves between hosts.
    VirtualIp,
    /// An address outside.
    PublicAddress,
    /// What may reach hosts.
    SecurityGroup,
    /// A part of a network.
    Subnet,
    /// A private network.
    Network,
    /// A place for objects.
    Bucket,
}

impl CloudKind {
    /// All of them, in the order in which they can be deleted.
    pub const ALL: [Self; 8] = [
        Self::Host,
        Self::Volume,
        Self::VirtualIp,
        Self::PublicAddress,
        Self::SecurityGroup,
        Self::Subnet,
        Self::Network,
        Self::Bucket,
    ];

    /// The name, as in `security-group`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::Volume => "volume",
            Self::VirtualIp => "virtual-ip",
            Self::PublicAddress => "public-address",
            Self::SecurityGroup => "security-group",
            Self::Subnet => "subnet",
            Self::Network => "network",
            Self::Bucket => "bucket",
        }
    }
}

impl CloudKind {
    /// The kind of what a record stands for; none where that is nothing of a cloud's.
    #[must_use]
    pub fn of(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Network => Self::Network,
            Kind::Subnet => Self::Subnet,
            Kind::SecurityGroup => Self::SecurityGroup,
            Kind::Host => Self::Host,
            Kind::Volume => Self::Volume,
            Kind::Bucket => Self::Bucket,
            Kind::VirtualIp => Self::VirtualIp,
            Kind::PublicAddress => Self::PublicAddress,
            Kind::Share => return None,
        })
    }
}

impl fmt::Display for CloudKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for CloudKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let known = || Self::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| Error::Invalid {
            what: "kind".to_owned(),
            reason: format!("it is one of {}", known()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_names() {
        for kind in CloudKind::ALL {
            assert_eq!(kind.name().parse::<CloudKind>().unwrap(), kind);
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        }
        assert!("server".parse::<CloudKind>().is_err());
        for kind in Kind::ALL {
            assert_eq!(CloudKind::of(kind).unwrap().name(), kind.name());
        }
    }
}
