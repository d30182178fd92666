//! How much the project may have, as Nova, Neutron and Cinder say it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use skywright_sdk::prelude::*;
use skywright_sdk::quotas::{self, Quota};
use skywright_sdk::{log, url};

use crate::cloud::Cloud;
use crate::families::{Dialect, Provider, of};

impl<D: Dialect> quotas::Guest for Provider<D> {
    fn list() -> Result<Vec<Quota>, Error> {
        of::<D, _>(list)
    }
}

/// The contract's words and Nova's and Cinder's for the limit and what is used of it.
const COMPUTE: &[(&str, &str, &str)] = &[
    ("hosts", "maxTotalInstances", "totalInstancesUsed"),
    ("vcpus", "maxTotalCores", "totalCoresUsed"),
    ("memory-mib", "maxTotalRAMSize", "totalRAMUsed"),
    ("server-groups", "maxServerGroups", "totalServerGroupsUsed"),
];
const VOLUME: &[(&str, &str, &str)] = &[
    ("volumes", "maxTotalVolumes", "totalVolumesUsed"),
    ("volume-gib", "maxTotalVolumeGigabytes", "totalGigabytesUsed"),
    ("volume-snapshots", "maxTotalSnapshots", "totalSnapshotsUsed"),
    ("volume-backups", "maxTotalBackups", "totalBackupsUsed"),
    ("volume-backup-gib", "maxTotalBackupGigabytes", "totalBackupGigabytesUsed"),
];
/// The contract's words and Neutron's.
const NETWORK: &[(&str, &str)] = &[
    ("networks", "network"),
    ("subnets", "subnet"),
    ("routers", "router"),
    ("ports", "port"),
    ("security-groups", "security_group"),
    ("security-group-rules", "security_group_rule"),
    ("public-addresses", "floatingip"),
];

fn list() -> Result<Vec<Quota>, Error> {
    let cloud = Cloud::open()?;
    let region = cloud.region()?;
    let compute = cloud.compute(&region)?;
    let limits = absolute(&compute)?;
    let mut quotas = of_limits(&limits, COMPUTE);
    quotas.extend(keypairs(&compute, &limits)?);
    quotas.extend(of_network(&cloud, &region)?);
    match cloud.volume(&region) {
        Ok(volume) => quotas.extend(of_limits(&absolute(&volume)?, VOLUME)),
        Err(error) if error.code == "no-endpoint" => log::debug!("no quotas of volumes: {}", error.message),
        Err(error) => return Err(error),
    }
    Ok(quotas)
}

type Limits = BTreeMap<String, Value>;

#[derive(Deserialize)]
struct Answer {
    limits: Absolute,
}

#[derive(Deserialize)]
struct Absolute {
    absolute: Limits,
}

fn absolute(client: &Client) -> Result<Limits, Error> {
    let answer: Answer = client.get("/limits").json()?;
    Ok(answer.limits.absolute)
}

fn of_limits(limits: &Limits, words: &[(&str, &str, &str)]) -> Vec<Quota> {
    let number = |key: &str| limits.get(key).and_then(Value::as_i64);
    let quota = |&(word, limit, used): &(&str, &str, &str)| quota(word, number(used)?, number(limit)?);
    words.iter().filter_map(quota).collect()
}

/// A negative limit is none.
fn quota(word: &str, used: i64, limit: i64) -> Option<Quota> {
    let used = u64::try_from(used).ok()?;
    Some(Quota { resource: word.to_owned(), used, limit: u64::try_from(limit).ok() })
}

#[derive(Deserialize)]
struct Keypairs {
    keypairs: Vec<serde::de::IgnoredAny>,
}

/// Nova tells the limit alone. They are the user's own, so that they can be counted.
fn keypairs(compute: &Client, limits: &Limits) -> Result<Option<Quota>, Error> {
    let Some(limit) = limits.get("maxTotalKeypairs").and_then(Value::as_i64) else { return Ok(None) };
    let there: Keypairs = compute.get("/os-keypairs").json()?;
    let used = i64::try_from(there.keypairs.len()).unwrap_or(i64::MAX);
    Ok(quota("keypairs", used, limit))
}

#[derive(Deserialize)]
struct Details {
    quota: BTreeMap<String, Detail>,
}

#[derive(Deserialize)]
struct Detail {
    limit: i64,
    used: i64,
    #[serde(default)]
    reserved: i64,
}

/// A Neutron from before 2017, or whose policy hides them, says nothing of what is used: then nothing is said.
fn of_network(cloud: &Cloud, region: &str) -> Result<Vec<Quota>, Error> {
    let Some(project) = cloud.project() else { return Ok(Vec::new()) };
    let network = cloud.network(region)?;
    let details: Details = match network.get(&format!("/quotas/{}/details", url::encode(project))).json() {
        Err(error) if matches!(error.category, Category::NotFound | Category::Forbidden) => {
            log::warn!("the network tells no quotas: {}", error.message);
            return Ok(Vec::new());
        }
        answer => answer?,
    };
    let one = |&(word, name): &(&str, &str)| {
        let detail = details.quota.get(name)?;
        quota(word, detail.used.saturating_add(detail.reserved), detail.limit)
    };
    Ok(NETWORK.iter().filter_map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_limit_is_none() {
        assert_eq!(quota("x", 3, -1), Some(Quota { resource: "x".to_owned(), used: 3, limit: None }));
        assert_eq!(quota("x", 0, 0).unwrap().limit, Some(0));
        assert_eq!(quota("x", -1, 5), None);
    }
}
