//! `skywright host ssh`: a configuration that `ssh -F` takes.

use std::fmt::Write as _;
use std::io::{IsTerminal, Write as _};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use skywright_core::resource::SshAccess;

use super::args::Ssh;
use crate::error::Error;
use crate::site::Site;

/// One host on the way.
#[derive(Serialize)]
struct Hop<'a> {
    /// What `ssh` calls it.
    alias: String,
    #[serde(flatten)]
    access: &'a SshAccess,
    /// Where its private key was written.
    key_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    private_key: Option<&'a str>,
}

pub(super) async fn run(args: &Ssh, site: &Site<'_>) -> Result<(), Error> {
    if args.show_secrets && !std::io::stdout().is_terminal() {
        return Err(Error::Usage {
            message: "private keys are shown on a terminal alone".to_owned(),
            hint: Some("--key-file FILE writes them".to_owned()),
        });
    }
    let tenancy = site.look().await?;
    let name = tenancy.host(&args.reference).await?.name;
    let access = tenancy.ssh_access(&args.reference).await?;
    let mut hops = vec![hop(name.clone(), &access, args, "")?];
    for (index, gateway) in access.gateways.iter().enumerate() {
        let number = index + 1;
        hops.push(hop(format!("{name}-gateway-{number}"), gateway, args, &format!(".gateway-{number}"))?);
    }
    let result = serde_json::json!({ "host": hops[0], "gateways": hops[1..] });
    site.printer.result(&result, || {
        let jump = hops.get(1).map(|gateway| gateway.alias.clone());
        let each = hops.iter().enumerate().map(|(index, hop)| {
            let jump = jump.as_deref().filter(|_| index == 0);
            stanza(hop, jump)
        });
        each.collect::<Vec<_>>().join("\n")
    })
}

fn hop<'a>(alias: String, access: &'a SshAccess, args: &Ssh, suffix: &str) -> Result<Hop<'a>, Error> {
    let key = access.private_key.as_ref().map(|key| key.as_str());
    let key_file = match (&args.key_file, key) {
        (Some(file), Some(key)) => {
            let mut path = file.clone().into_os_string();
            path.push(suffix);
            let path = std::path::absolute(PathBuf::from(path)).map_err(failed(file))?;
            write_key(&path, key)?;
            Some(path)
        }
        _ => None,
    };
    Ok(Hop { alias, access, key_file, private_key: key.filter(|_| args.show_secrets) })
}

/// What is there is never written over: it may be another host's key.
fn write_key(path: &Path, key: &str) -> Result<(), Error> {
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(key.as_bytes())).map_err(failed(path))
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    |source| skywright_core::Error::File { action: "write", path, source }.into()
}

fn stanza(hop: &Hop<'_>, jump: Option<&str>) -> String {
    let SshAccess { user, address, port, .. } = hop.access;
    let mut text = format!("Host {}\n  HostName {address}\n  User {user}\n  Port {port}\n", hop.alias);
    if let Some(path) = &hop.key_file {
        let _ = writeln!(text, "  IdentityFile \"{}\"\n  IdentitiesOnly yes", path.display());
    }
    if let Some(jump) = jump {
        let _ = writeln!(text, "  ProxyJump {jump}");
    }
    if let Some(key) = hop.private_key {
        let _ = write!(text, "\n{key}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> SshAccess {
        SshAccess {
            name: "web".to_owned(),
            host_keys: Vec::new(),
            user: "operator".to_owned(),
            address: "10.0.0.5".to_owned(),
            port: 2222,
            gateways: Vec::new(),
            private_key: Some("THE KEY\n".to_owned().into()),
            is_public: false,
        }
    }

    fn args(key_file: Option<PathBuf>, show_secrets: bool) -> Ssh {
        Ssh { reference: "web".to_owned(), key_file, show_secrets }
    }

    #[test]
    fn a_configuration_that_ssh_takes() {
        let access = access();
        let plain = hop("web".to_owned(), &access, &args(None, false), "").unwrap();
        let text = stanza(&plain, Some("web-gateway-1"));
        assert_eq!(
            text,
            "Host web\n  HostName 10.0.0.5\n  User operator\n  Port 2222\n  ProxyJump web-gateway-1\n"
        );
        assert!(!serde_json::to_string(&plain).unwrap().contains("THE KEY"));
        let shown = hop("web".to_owned(), &access, &args(None, true), "").unwrap();
        assert!(stanza(&shown, None).contains("THE KEY"));
    }

    #[test]
    fn a_key_is_for_its_owner_alone_and_never_written_over() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (access, file) = (access(), folder.path().join("key"));
        let args = args(Some(file.clone()), false);
        let written = hop("web".to_owned(), &access, &args, ".gateway-1").unwrap();
        let path = folder.path().join("key.gateway-1");
        assert_eq!(written.key_file.as_deref(), Some(path.as_path()));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "THE KEY\n");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(hop("web".to_owned(), &access, &args, ".gateway-1").is_err());
    }
}
