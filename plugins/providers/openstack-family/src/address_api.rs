//! How public addresses come about where Neutron's floating IPs have no place for an intent.

use std::collections::BTreeMap;
use std::fmt::Debug;

use skywright_sdk::prelude::*;

/// What makes addresses that Neutron then shows as its floating IPs, by the same ids.
pub trait AddressApi: Sync + Debug {
    /// Makes one that carries the key, and gives its id.
    ///
    /// # Errors
    ///
    /// The cloud's.
    fn allocate(&self, key: &str) -> Result<String, Error>;

    /// The keys of those that carry one, by id.
    ///
    /// # Errors
    ///
    /// The cloud's.
    fn keys(&self) -> Result<BTreeMap<String, String>, Error>;
}
