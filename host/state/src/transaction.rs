//! Changes that happen together or not at all.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::entry::{Entry, Version};
use crate::error::Error;
use crate::key::Key;
use crate::lease::{Lease, LeaseId};

/// The longest value, in bytes. A distributed engine takes no more in one request.
pub const MAX_VALUE_BYTES: usize = 1 << 20;
/// How many keys one transaction may change, and how many it may require.
pub const MAX_TRANSACTION_KEYS: usize = 128;

/// Changes of several keys, under conditions. Later changes of a key replace earlier ones.
#[derive(Clone, Default)]
#[must_use = "nothing happens before it is committed"]
pub struct Transaction {
    pub(crate) guards: Vec<(Key, Version)>,
    pub(crate) leases: Vec<(LeaseId, Key)>,
    pub(crate) changes: BTreeMap<Key, Option<Vec<u8>>>,
}

impl Transaction {
    /// No changes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Only if the key has this version when it is committed. Several conditions must all hold.
    pub fn require(mut self, key: Key, version: Version) -> Self {
        self.guards.push((key, version));
        self
    }

    /// Only if there is no such key.
    pub fn require_absent(self, key: Key) -> Self {
        self.require(key, Version::ABSENT)
    }

    /// Only if the lease is still held, so that a holder who was thought dead changes nothing more.
    pub fn require_lease(mut self, lease: &Lease) -> Self {
        if let Some(request) = lease.requests().first() {
            self.leases.push((lease.id().clone(), request.name.clone()));
        }
        self
    }

    /// Sets the value, whether the key is there or not.
    pub fn put(mut self, key: Key, value: impl Into<Vec<u8>>) -> Self {
        self.changes.insert(key, Some(value.into()));
        self
    }

    /// Sets the value to JSON.
    ///
    /// # Errors
    ///
    /// [`Error::Value`] if the value has no JSON, such as a map whose keys are not texts.
    pub fn put_json<T: Serialize + ?Sized>(self, key: Key, value: &T) -> Result<Self, Error> {
        match serde_json::to_vec(value) {
            Ok(bytes) => Ok(self.put(key, bytes)),
            Err(_) => {
                Err(Error::Value { key, action: "written", reason: "it does not become JSON".to_owned() })
            }
        }
    }

    /// Removes the key, if it is there.
    pub fn delete(mut self, key: Key) -> Self {
        self.changes.insert(key, None);
        self
    }

    /// Replaces what was seen: only if the entry is still as it was.
    pub fn replace(self, seen: &Entry, value: impl Into<Vec<u8>>) -> Self {
        self.require(seen.key.clone(), seen.version).put(seen.key.clone(), value)
    }

    /// Makes an entry: only if there is none of the key.
    pub fn create(self, key: Key, value: impl Into<Vec<u8>>) -> Self {
        self.require_absent(key.clone()).put(key, value)
    }

    /// What every engine refuses.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let within = |what, size, limit| match size {
            size if size > limit => Err(Error::TooLarge { what, size, limit }),
            _ => Ok(()),
        };
        within("a transaction", self.changes.len(), MAX_TRANSACTION_KEYS)?;
        within("a transaction's list of conditions", self.guards.len(), MAX_TRANSACTION_KEYS)?;
        let bytes = self.changes.values().flatten().map(Vec::len).sum();
        within("a transaction's values", bytes, MAX_VALUE_BYTES)
    }
}

/// Without the values.
impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changes = self.changes.iter().map(|(key, value)| (key, value.as_ref().map(Vec::len)));
        f.debug_struct("Transaction")
            .field("guards", &self.guards)
            .field("changes", &changes.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// What was committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The version of every entry that it wrote.
    pub version: Version,
}
