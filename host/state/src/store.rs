//! What an engine does.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use serde::de::DeserializeOwned;

use crate::entry::{Entry, Found};
use crate::error::Error;
use crate::key::{Key, Prefix};
use crate::lease::{LeaseClaim, LeaseId};
use crate::transaction::{Committed, Transaction};

/// Keys with values and versions, transactions over them, and leases.
///
/// Used as `Arc<dyn Store>`, inside a tokio runtime. A future of [`commit`](Store::commit) that is
/// dropped may still be carried out. The lease methods are what [`Lease`](crate::Lease) is made of;
/// nobody else needs them.
#[async_trait]
pub trait Store: Send + Sync + fmt::Debug {
    /// The entry of a key, if there is one.
    ///
    /// # Errors
    ///
    /// Those of the engine: its file is damaged, locked for too long, or cannot be read.
    async fn get(&self, key: &Key) -> Result<Option<Entry>, Error>;

    /// All entries below, sorted by key, as they were at one moment.
    ///
    /// # Errors
    ///
    /// As for [`get`](Store::get).
    async fn list(&self, prefix: &Prefix) -> Result<Vec<Entry>, Error>;

    /// Makes all changes, durably, or none.
    ///
    /// # Errors
    ///
    /// [`Error::Conflict`] or [`Error::LeaseLost`] if a condition does not hold, [`Error::TooLarge`] if
    /// it is more than [`MAX_TRANSACTION_KEYS`](crate::MAX_TRANSACTION_KEYS) or
    /// [`MAX_VALUE_BYTES`](crate::MAX_VALUE_BYTES), [`Error::Full`] or [`Error::ReadOnly`] if it cannot
    /// be written. Nothing was changed then.
    async fn commit(&self, transaction: Transaction) -> Result<Committed, Error>;

    /// Takes all that is claimed, or nothing, without waiting. Leases of holders that are known to be
    /// dead, or that cannot be seen from here and were not renewed in time, are removed on the way.
    ///
    /// # Errors
    ///
    /// [`Error::Held`] for the first of the requests that somebody else holds.
    async fn try_lease(&self, claim: &LeaseClaim) -> Result<(), Error>;

    /// Puts the end of a lease off until so long after now; `false` if it was lost.
    ///
    /// # Errors
    ///
    /// Those of the engine.
    async fn renew_lease(&self, id: &LeaseId, time_to_live: Duration) -> Result<bool, Error>;

    /// Gives a lease back. One that is not there is no error.
    ///
    /// # Errors
    ///
    /// Those of the engine.
    async fn release_lease(&self, id: &LeaseId) -> Result<(), Error>;

    /// Gives a lease back as well as that goes without waiting for a runtime: for `Drop`. May block
    /// for as long as a small write takes.
    fn abandon_lease(&self, id: &LeaseId);
}

/// Values as JSON, with every store.
#[async_trait]
pub trait StoreExt: Store {
    /// The value of a key, if there is one.
    ///
    /// # Errors
    ///
    /// As for [`Store::get`], and [`Error::Value`] if the value is not JSON of that shape.
    async fn get_json<T: DeserializeOwned>(&self, key: &Key) -> Result<Option<Found<T>>, Error> {
        self.get(key).await?.map(Entry::json).transpose()
    }

    /// All values below, sorted by key.
    ///
    /// # Errors
    ///
    /// As for [`Store::list`], and [`Error::Value`] for the first value that is not JSON of that shape.
    async fn list_json<T: DeserializeOwned>(&self, prefix: &Prefix) -> Result<Vec<Found<T>>, Error> {
        self.list(prefix).await?.into_iter().map(Entry::json).collect()
    }
}

impl<S: Store + ?Sized> StoreExt for S {}
