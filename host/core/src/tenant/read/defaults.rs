//! `defaults` of a tenant: what is taken where a command does not say.

use std::net::IpAddr;

use skywright_sizing::{Architecture, TemplateOptions};

use super::{At, Places};
use crate::config::{Node, Value};
use crate::defaults::{Defaults, check_image, check_operator_user, check_pattern};
use crate::error::Error;

const KEYS: [&str; 7] =
    ["image", "operator-user", "dns", "templates", "create-parallelism", "single-hosts", "wait-for-boot"];
const TEMPLATE_KEYS: [&str; 4] = ["allow", "deny", "gpu-families", "architecture"];

/// The most hosts that are made at once, whoever says more.
const MOST_PARALLELISM: i64 = 64;

pub(super) fn defaults(at: &At<'_>, node: &Node, places: &mut Places) -> Result<Defaults, Error> {
    let mut defaults = Defaults::default();
    for entry in at.entries(node, "a map of defaults")? {
        let at = at.below(entry);
        places.note("defaults", entry);
        let (node, at_value) = (&entry.node, at.on(&entry.node));
        match entry.key.as_str() {
            "image" => defaults.image = Some(checked(&at, node, check_image)?),
            "operator-user" => defaults.operator_user = Some(checked(&at, node, check_operator_user)?),
            "dns" => defaults.dns = name_servers(&at, node)?,
            "templates" => defaults.templates = templates(&at, node)?,
            "create-parallelism" => match node.value {
                Value::Integer(number @ 1..=MOST_PARALLELISM) => {
                    defaults.create_parallelism = u32::try_from(number).ok();
                }
                _ => return Err(at_value.wrong(format!("expected a whole number, 1 to {MOST_PARALLELISM}"))),
            },
            "wait-for-boot" => match node.value {
                Value::Boolean(value) => defaults.wait_for_boot = Some(value),
                _ => return Err(at_value.wrong("expected true or false")),
            },
            "single-hosts" => match node.value {
                Value::Boolean(value) => defaults.single_hosts = Some(value),
                _ => return Err(at_value.wrong("expected true or false")),
            },
            key => return Err(at.unknown(key, &KEYS)),
        }
    }
    Ok(defaults)
}

fn templates(at: &At<'_>, node: &Node) -> Result<TemplateOptions, Error> {
    let mut options = TemplateOptions::default();
    for entry in at.entries(node, "a map with the keys allow, deny, gpu-families and architecture")? {
        let at = at.below(entry);
        let node = &entry.node;
        match entry.key.as_str() {
            "allow" => options.allow = patterns(&at, node)?,
            "deny" => options.deny = patterns(&at, node)?,
            "gpu-families" => options.gpu_families = patterns(&at, node)?,
            "architecture" => {
                options.architecture = match node.text() {
                    Some("amd64") => Some(Architecture::Amd64),
                    Some("arm64") => Some(Architecture::Arm64),
                    Some("any") => None,
                    _ => return Err(at.on(node).wrong("expected amd64, arm64 or any")),
                };
            }
            key => return Err(at.unknown(key, &TEMPLATE_KEYS)),
        }
    }
    Ok(options)
}

fn checked(
    at: &At<'_>,
    node: &Node,
    check: impl Fn(&str) -> Result<(), &'static str>,
) -> Result<String, Error> {
    let text = node.scalar().unwrap_or_default();
    check(&text).map_err(|expected| at.on(node).wrong(expected))?;
    Ok(text)
}

fn patterns(at: &At<'_>, node: &Node) -> Result<Vec<String>, Error> {
    let items = at.items(node, "a list of regular expressions on templates' names")?;
    items.iter().map(|item| checked(at, item, check_pattern)).collect()
}

fn name_servers(at: &At<'_>, node: &Node) -> Result<Vec<String>, Error> {
    let expected = "a list of addresses of name servers, such as 9.9.9.9";
    let items = at.items(node, expected)?;
    let address = |item: &Node| {
        let address: Option<IpAddr> = item.text().and_then(|text| text.parse().ok());
        let wrong = || at.on(item).wrong("expected the address of a name server, such as 9.9.9.9");
        address.map(|address| address.to_string()).ok_or_else(wrong)
    };
    items.iter().map(address).collect()
}
