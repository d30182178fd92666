//! What a run asked for, written down before.

use std::sync::{Mutex, PoisonError};

/// What can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Goes first: it holds most of the others.
    Host,
    /// In a subnet.
    VirtualIp,
    /// In no network.
    Address,
    /// In no network.
    Volume,
    /// Hosts have it.
    SecurityGroup,
    /// By name: it has no intent.
    Keypair,
    /// By name: it has no intent.
    Bucket,
    /// In a network.
    Subnet,
    /// Goes last.
    Network,
}

/// What was asked for, by intent; keypairs and buckets by name.
#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Vec<(Kind, String)>>);

impl Ledger {
    pub(crate) fn note(&self, kind: Kind, key: &str) {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !made.iter().any(|(own, name)| *own == kind && name == key) {
            made.push((kind, key.to_owned()));
        }
    }

    /// All, in the order in which they can be taken away.
    pub(crate) fn backwards(&self) -> Vec<(Kind, String)> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        made.reverse();
        made.sort_by_key(|(kind, _)| *kind);
        made
    }
}
