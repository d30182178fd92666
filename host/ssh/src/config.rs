//! The same machines for plain `ssh`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::host_key::HostKeys;
use crate::target::{Endpoint, Target};

/// A machine under the name that `ssh` is to know it by.
#[derive(Debug, Clone)]
pub struct ConfigHost {
    /// Its name: letters, digits, `-`, `_` and `.`, a letter or digit first.
    pub name: String,
    /// The machine.
    pub target: Target,
    /// The names of its gateways, in their order.
    pub gateway_names: Vec<String>,
}

/// What plain `ssh` needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpensshConfig {
    /// The text for `ssh -F`, or for an `Include`.
    pub config: String,
    /// The text of the file of known host keys that it refers to.
    pub known_hosts: String,
}

/// Writes down the machines, and each of their gateways once. `identity_file` says where the private key of a
/// machine lies, by its name, and `known_hosts_file` where the known host keys are to lie; both absolute.
///
/// Host keys are known by the machine's name rather than by its address, as private addresses repeat. A machine
/// goes through its first gateway; `NAME.via-GATEWAY` goes through another one, as `ssh` does not choose by
/// itself. Where only the fingerprint of a host key is known, `ssh` asks; where nothing is, it takes the first
/// one it sees.
///
/// # Errors
///
/// [`Error::Invalid`] for names, addresses or paths that would mean something else in such a file.
pub fn openssh_config(
    hosts: &[ConfigHost],
    identity_file: &dyn Fn(&str) -> PathBuf,
    known_hosts_file: &Path,
) -> Result<OpensshConfig, Error> {
    let mut writer = Writer {
        known_hosts_file: path(known_hosts_file)?,
        written: OpensshConfig { config: String::new(), known_hosts: String::new() },
        endpoints: BTreeMap::new(),
    };
    for host in hosts {
        host.target.check()?;
        if host.gateway_names.len() != host.target.gateways.len() {
            return Err(Error::invalid(host.name.clone(), "not every gateway has a name"));
        }
        for (name, gateway) in host.gateway_names.iter().zip(&host.target.gateways) {
            writer.host(name, name, gateway, identity_file, None)?;
        }
        let mut gateways = host.gateway_names.iter();
        writer.host(&host.name, &host.name, &host.target.endpoint, identity_file, gateways.next())?;
        for gateway in gateways {
            let alias = format!("{}.via-{gateway}", host.name);
            writer.host(&alias, &host.name, &host.target.endpoint, identity_file, Some(gateway))?;
        }
    }
    Ok(writer.written)
}

struct Writer {
    known_hosts_file: String,
    written: OpensshConfig,
    /// What was written under which name.
    endpoints: BTreeMap<String, String>,
}

impl Writer {
    /// Writes one `Host`, unless it was before. `key_name` is the name that its keys are known by.
    fn host(
        &mut self,
        name: &str,
        key_name: &str,
        endpoint: &Endpoint,
        identity_file: &dyn Fn(&str) -> PathBuf,
        gateway: Option<&String>,
    ) -> Result<(), Error> {
        check_name(name)?;
        let identity = format!("{}\n{gateway:?}", endpoint.identity());
        match self.endpoints.insert(name.to_owned(), identity.clone()) {
            Some(before) if before == identity => return Ok(()),
            Some(_) => return Err(Error::invalid(name, "two machines have this name")),
            None => (),
        }
        let identity_file = path(&identity_file(key_name))?;
        let text = &mut self.written.config;
        if !text.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "Host {name}");
        let _ = writeln!(text, "  HostName {}", endpoint.address.replace('%', "%%"));
        let _ = writeln!(text, "  Port {}\n  User {}", endpoint.port, endpoint.user);
        let _ = writeln!(text, "  IdentityFile {identity_file}\n  IdentitiesOnly yes");
        let _ = writeln!(text, "  HostKeyAlias {key_name}\n  UserKnownHostsFile {}", self.known_hosts_file);
        let _ = writeln!(text, "  StrictHostKeyChecking {}", strictness(&endpoint.host_keys));
        if let Some(gateway) = gateway {
            let _ = writeln!(text, "  ProxyJump {gateway}");
        }
        if name == key_name {
            for key in endpoint.host_keys.known() {
                let _ = writeln!(self.written.known_hosts, "{key_name} {}", key.to_openssh()?);
            }
        }
        Ok(())
    }
}

fn strictness(host_keys: &HostKeys) -> &'static str {
    match host_keys {
        HostKeys::Unknown => "accept-new",
        HostKeys::Pinned(pinned) if !pinned.is_empty() && host_keys.known().next().is_none() => "ask",
        HostKeys::Pinned(_) => "yes",
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let first = name.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
    if first && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c)) {
        return Ok(());
    }
    Err(Error::invalid("name", format!("`{}` cannot stand in such a file", crate::text::printable(name))))
}

/// The path in quotes. Every release reads those the same way as long as there are no quotes in it.
fn path(path: &Path) -> Result<String, Error> {
    let text = path.to_str().filter(|text| {
        text.starts_with('/')
            && !text.contains(['"', '\\'])
            && !text.contains("${")
            && !text.contains(char::is_control)
    });
    let text = text
        .ok_or_else(|| Error::invalid("path", format!("`{}` cannot stand in such a file", path.display())))?;
    Ok(format!("\"{}\"", text.replace('%', "%%")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_mean_something_else_is_refused() {
        for name in ["", "-x", "a b", "a\nHost *", "*", "!a", "a\"", "a%h", "ä"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        for text in ["relative", "/a\"b", "/a\nb", "/${HOME}", "/a\\b"] {
            assert!(path(Path::new(text)).is_err(), "{text}");
        }
        assert_eq!(path(Path::new("/a b/%h")).unwrap(), "\"/a b/%%h\"");
    }
}
