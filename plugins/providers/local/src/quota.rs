//! What the hosts of this machine take of it. Nothing is reserved, so that only the machine itself is a limit.

use skywright_sdk::prelude::*;
use skywright_sdk::quotas::{Guest, Quota};

use crate::Local;
use crate::bindings::machines;

impl Guest for Local {
    fn list() -> Result<Vec<Quota>, Error> {
        let hosts = machines::machines()?;
        let disks = machines::disks()?;
        let count = |items: usize| u64::try_from(items).unwrap_or(u64::MAX);
        let used = [
            ("hosts", count(hosts.len())),
            ("vcpus", hosts.iter().map(|host| u64::from(host.vcpus)).sum()),
            ("memory-mib", hosts.iter().map(|host| host.memory_mib).sum()),
            ("volumes", count(disks.len())),
            ("volume-gib", disks.iter().map(|disk| u64::from(disk.size_gib)).sum()),
            ("networks", count(machines::networks()?.len())),
            ("subnets", count(machines::subnets()?.len())),
            ("security-groups", count(machines::groups()?.len())),
            ("public-addresses", count(machines::addresses()?.len())),
        ];
        let quota =
            |(resource, used): (&str, u64)| Quota { resource: resource.to_owned(), used, limit: None };
        Ok(used.into_iter().map(quota).collect())
    }
}
