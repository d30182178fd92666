//! The names of hosts, by the cloud's ids.

use std::collections::HashMap;

use skywright_runtime::printable;

use super::HostBody;
use crate::error::Error;
use crate::tenancy::Tenancy;

/// Names of managed hosts by the cloud's ids.
pub(in crate::resource) struct HostNames(HashMap<String, String>);

impl HostNames {
    /// The host's name; its id, if it is not managed.
    pub(in crate::resource) fn of(&self, id: &str) -> String {
        self.0.get(id).cloned().unwrap_or_else(|| printable(id))
    }
}

impl Tenancy {
    pub(in crate::resource) async fn host_names(&self) -> Result<HostNames, Error> {
        let hosts = self.records::<HostBody>().await?.into_iter();
        let names = hosts.filter_map(|found| Some((found.value.cloud_id?, found.value.name.to_string())));
        Ok(HostNames(names.collect()))
    }
}
