//! From the text of a tenants file to tenants, with a place for whatever is wrong.

mod defaults;

use std::collections::BTreeMap;
use std::path::Path;

use super::{Grants, Places, Scalar, Tenant, Tenants};
use crate::config::Wrong as _;
use crate::config::{self, Entry, Mark, Node, Place, Value, nearest};
use crate::error::Error;
use crate::secret::SecretSource;

const TENANT_KEYS: [&str; 5] = ["provider", "settings", "secrets", "grants", "defaults"];
const GRANT_KEYS: [&str; 5] = ["endpoints", "networks", "plaintext-credentials", "ca-file", "proxy"];
/// Where a secret may come from.
const SOURCES: &str = "env, file, command, keyring or sealed";
/// What people write who want the secret itself in the file.
const PLAIN_KEYS: [&str; 5] = ["value", "plain", "text", "secret", "password"];

/// Reads text; `path` is for messages.
pub(super) fn tenants(text: &str, path: &Path) -> Result<Tenants, Error> {
    let root = config::parse(text, path)?;
    let at = At { path, key: String::new(), mark: root.mark };
    let mut tenants = BTreeMap::new();
    for entry in at.entries(&root, "a map with the key `tenants`")? {
        let at = at.below(entry);
        if entry.key != "tenants" {
            return Err(at.unknown(&entry.key, &["tenants"]));
        }
        for entry in at.entries(&entry.node, "a map of tenants by name")? {
            tenants.insert(entry.key.clone(), tenant(&at.below(entry), entry)?);
        }
    }
    Ok(Tenants { tenants, path: path.to_owned() })
}

fn tenant(at: &At<'_>, own: &Entry) -> Result<Tenant, Error> {
    if own.key.is_empty() || own.key.chars().any(char::is_control) {
        return Err(at.wrong("expected a name"));
    }
    let mut tenant = Tenant {
        name: own.key.clone(),
        places: Places { root: Some(at.place()), marks: BTreeMap::new() },
        ..Tenant::default()
    };
    let expected = "a tenant: a map with the keys provider, settings, secrets, grants and defaults";
    for entry in at.entries(&own.node, expected)? {
        let at = at.below(entry);
        tenant.places.marks.insert(entry.key.clone(), entry.mark);
        match entry.key.as_str() {
            "provider" => {
                tenant.provider = at.text(&entry.node, "text: a plugin's id, name or path")?;
            }
            "settings" => {
                for entry in at.entries(&entry.node, "a map of settings by name")? {
                    let value = setting(&at.below(entry), &entry.node)?;
                    tenant.places.note("settings", entry);
                    tenant.settings.insert(entry.key.clone(), value);
                }
            }
            "secrets" => {
                for entry in at.entries(&entry.node, "a map of sources of secrets by name")? {
                    let source = secret(&at.below(entry), &own.key, entry)?;
                    tenant.places.note("secrets", entry);
                    tenant.secrets.insert(entry.key.clone(), source);
                }
            }
            "grants" => tenant.grants = grants(&at, &entry.node, &mut tenant.places)?,
            "defaults" => tenant.defaults = defaults::defaults(&at, &entry.node, &mut tenant.places)?,
            key => return Err(at.unknown(key, &TENANT_KEYS)),
        }
    }
    Ok(tenant)
}

fn setting(at: &At<'_>, node: &Node) -> Result<Scalar, Error> {
    match &node.value {
        Value::Boolean(value) => Ok(Scalar::Boolean(*value)),
        Value::Integer(value) => Ok(Scalar::Integer(*value)),
        Value::Text(value) => Ok(Scalar::Text(value.clone())),
        Value::Null => Err(at.wrong("there is no value; expected text, a whole number, or true or false")),
        Value::List(_) | Value::Map(_) => {
            Err(at.on(node).wrong("expected text, a whole number, or true or false"))
        }
    }
}

/// What is found in place of a source is never told, not even a key: it may be the secret.
fn secret(at: &At<'_>, tenant: &str, own: &Entry) -> Result<SecretSource, Error> {
    let (key, at) = (&own.key, at.on(&own.node));
    let how = format!(
        "a secret's value cannot stand here as it is; `skywright tenant secret set {tenant} {key}` seals it"
    );
    let entries = match &own.node.value {
        Value::Map(entries) => entries,
        Value::Null => {
            return Err(at.wrong(format!("there is no source; expected a map of one key: {SOURCES}")));
        }
        _ => return Err(at.wrong(format!("expected a map of one key: {SOURCES}; {how}"))),
    };
    let [entry] = entries.as_slice() else {
        return Err(at.wrong(format!("expected one source: {SOURCES}")));
    };
    let inner = |what: &str| At { mark: entry.node.mark, ..at.within(what) };
    match entry.key.as_str() {
        "env" => {
            Ok(SecretSource::Env(inner("env").text(&entry.node, "the name of an environment variable")?))
        }
        "file" => Ok(SecretSource::File(inner("file").text(&entry.node, "the path of a file")?.into())),
        "keyring" => Ok(SecretSource::Keyring(
            inner("keyring").text(&entry.node, "the name of an item of the keyring")?,
        )),
        "sealed" => {
            let expected = "what `skywright tenant secret set` wrote";
            Ok(SecretSource::Sealed(inner("sealed").text(&entry.node, expected)?))
        }
        "command" => Ok(SecretSource::Command(
            inner("command").texts(&entry.node, "a list: a program and its arguments")?,
        )),
        key if PLAIN_KEYS.contains(&key) => Err(At { mark: entry.mark, ..at }.wrong(how)),
        _ => Err(At { mark: entry.mark, ..at }.wrong(format!("unknown source; expected {SOURCES}"))),
    }
}

fn grants(at: &At<'_>, node: &Node, places: &mut Places) -> Result<Grants, Error> {
    let mut grants = Grants::default();
    for entry in at.entries(node, "a map of grants")? {
        let at = at.below(entry);
        places.note("grants", entry);
        let (node, at_value) = (&entry.node, at.on(&entry.node));
        match entry.key.as_str() {
            "endpoints" => grants.endpoints = at.texts(node, "a list of patterns SCHEME://HOST[:PORT]")?,
            "networks" => {
                let expected = "a list of address ranges, such as 10.0.0.0/8";
                for item in at.items(node, expected)? {
                    let network = item.text().and_then(|text| text.parse().ok());
                    let wrong = || at.on(item).wrong("expected an address range, such as 10.0.0.0/8");
                    grants.networks.push(network.ok_or_else(wrong)?);
                }
            }
            "plaintext-credentials" => match node.value {
                Value::Boolean(value) => grants.plaintext_credentials = value,
                _ => return Err(at_value.wrong("expected true or false")),
            },
            "ca-file" => grants.ca_file = Some(at.text(node, "the path of a file")?.into()),
            "proxy" => grants.proxy = Some(at.text(node, "a proxy's URL, or `none`")?),
            key => return Err(at.unknown(key, &GRANT_KEYS)),
        }
    }
    Ok(grants)
}

/// Where the reader is.
#[derive(Clone)]
struct At<'a> {
    path: &'a Path,
    key: String,
    mark: Mark,
}

impl At<'_> {
    fn place(&self) -> Place {
        Place::at(self.path, self.mark, self.key.clone())
    }

    fn wrong(&self, reason: impl Into<String>) -> Error {
        self.place().wrong(reason)
    }

    fn unknown(&self, key: &str, known: &[&str]) -> Error {
        let near = nearest(key, known.iter().copied());
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        self.wrong(format!("unknown key; expected {}{near}", one_of(known)))
    }

    fn within(&self, key: &str) -> Self {
        let key = if self.key.is_empty() { key.to_owned() } else { format!("{}.{key}", self.key) };
        Self { key, ..self.clone() }
    }

    fn below(&self, entry: &Entry) -> Self {
        Self { mark: entry.mark, ..self.within(&entry.key) }
    }

    fn on(&self, node: &Node) -> Self {
        // An empty value has no place of its own.
        let mark = if matches!(node.value, Value::Null) { self.mark } else { node.mark };
        Self { mark, ..self.clone() }
    }

    fn entries<'n>(&self, node: &'n Node, expected: &str) -> Result<&'n [Entry], Error> {
        node.entries().ok_or_else(|| self.on(node).wrong(format!("expected {expected}")))
    }

    fn items<'n>(&self, node: &'n Node, expected: &str) -> Result<&'n [Node], Error> {
        node.items().ok_or_else(|| self.on(node).wrong(format!("expected {expected}")))
    }

    fn text(&self, node: &Node, expected: &str) -> Result<String, Error> {
        let text = node.scalar().filter(|text| !text.is_empty());
        text.ok_or_else(|| self.on(node).wrong(format!("expected {expected}")))
    }

    fn texts(&self, node: &Node, expected: &str) -> Result<Vec<String>, Error> {
        let items = self.items(node, expected)?;
        items
            .iter()
            .map(|item| item.scalar().ok_or_else(|| self.on(item).wrong(format!("expected {expected}"))))
            .collect()
    }
}

/// `a`, or `one of a, b, c`.
fn one_of(words: &[&str]) -> String {
    match words {
        [word] => format!("`{word}`"),
        words => format!("one of {}", words.join(", ")),
    }
}
