//! What hosts are, as they say themselves.

use std::collections::BTreeMap;
use std::time::Duration;

use skywright_recipe_format::plan::{HostView, KeyValue};
use skywright_ssh::Command;

use super::fault::{Fault, shown};
use super::remote::Hosts;
use crate::error::Error;
use crate::resource::{HostBody, Record};

/// Asks a host, as its user.
const ASK: &str = include_str!("fact.sh");

/// How long a host may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host, as a feature sees it; the roles and what is installed are filled in by others.
pub(super) async fn view(hosts: &Hosts<'_>, record: &Record<HostBody>) -> Result<HostView, Error> {
    let name = record.name.to_string();
    let connection = hosts.connect(&name).await?;
    let finished = connection.run(Command::arguments(["sh", "-c", ASK]).timeout(PATIENCE)).await?;
    let text = finished.output.stdout.to_text();
    parse(&text, record).map_err(|reason| Fault::Facts { host: name, reason }.into())
}

/// A host that is not asked: a gateway, as its record tells of it.
pub(super) fn recorded(record: &Record<HostBody>) -> HostView {
    HostView {
        id: record.name.to_string(),
        name: record.name.to_string(),
        roles: vec!["gateway".to_owned()],
        private_address: record.body.private_address.clone().unwrap_or_default(),
        public_address: record.body.public_address.clone(),
        user: record.body.user.clone(),
        ..HostView::default()
    }
}

fn parse(text: &str, record: &Record<HostBody>) -> Result<HostView, String> {
    let lines: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once('=')).collect();
    let get = |key: &str| lines.get(key).map(|value| value.trim()).filter(|value| !value.is_empty());
    let text = |key: &str| get(key).map(shown).ok_or_else(|| format!("it does not tell `{key}`"));
    let number = |key: &str| {
        get(key)
            .and_then(|value| value.parse::<u64>().ok())
            .ok_or_else(|| format!("it does not tell `{key}`"))
    };
    let distribution = text("os.id")?;
    let facts = lines.iter().filter_map(|(key, value)| {
        let key = key.strip_prefix("fact.")?;
        Some(KeyValue { key: shown(key), value: shown(value.trim()) })
    });
    Ok(HostView {
        os_family: family(&distribution, get("os.like").unwrap_or_default()).to_owned(),
        os_distribution: distribution,
        os_version: get("os.version").map(shown).unwrap_or_default(),
        os_codename: get("os.codename").map(shown),
        architecture: text("architecture")?,
        vcpus: u32::try_from(number("vcpus")?).unwrap_or(u32::MAX),
        memory_mib: number("memory.mib")?,
        gpu_count: u32::try_from(number("gpus")?).unwrap_or(u32::MAX),
        facts: facts.collect(),
        roles: Vec::new(),
        ..recorded(record)
    })
}

/// How packages are handled there.
fn family(id: &str, like: &str) -> &'static str {
    let is =
        |family: &[&str]| family.contains(&id) || like.split_whitespace().any(|own| family.contains(&own));
    if is(&["debian", "ubuntu"]) {
        "debian"
    } else if is(&["rhel", "fedora", "centos"]) {
        "rhel"
    } else {
        "other"
    }
}
