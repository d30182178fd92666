//! What skywright keeps: keys with values and versions, transactions over them, and leases.
//!
//! Everything goes through the trait [`Store`], so that the embedded engine, [`SqliteStore`], and a
//! distributed one are the same to the code above. Secrets are sealed by [`Seal`] before they are
//! put.
//!
//! What a commit wrote is on the disk when it returns: it outlives a power cut. Several processes may
//! use one store at once.

mod entry;
mod error;
mod files;
mod holder;
mod key;
mod lease;
mod seal;
mod sqlite;
mod store;
mod transaction;

pub use entry::{Entry, Found, Version};
pub use error::Error;
pub use holder::{Holder, Liveness};
pub use key::{Key, MAX_KEY_BYTES, Prefix};
pub use lease::{LEASE_TTL, Lease, LeaseClaim, LeaseId, LeaseMode, LeaseRequest};
pub use seal::Seal;
pub use sqlite::SqliteStore;
pub use store::{Store, StoreExt};
pub use transaction::{Committed, MAX_TRANSACTION_KEYS, MAX_VALUE_BYTES, Transaction};
