//! `skywright ssh config`.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use serde_json::json;
use skywright_core::Home;
use skywright_ssh::{ConfigHost, Endpoint, openssh_config};

use super::args::Config;
use crate::error::Error;
use crate::site::Site;

pub(super) async fn run(args: Config, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.look().await?;
    let references = match args.references.is_empty() {
        false => args.references,
        true => tenancy.hosts(false).await?.into_iter().map(|host| host.name).collect(),
    };
    let mut hosts = Vec::new();
    for reference in &references {
        hosts.push(tenancy.ssh_config_host(reference).await?);
    }
    let folder = match args.keys {
        Some(folder) => std::path::absolute(&folder).map_err(failed(&folder))?,
        None => Home::from_env()?.ssh().join(tenancy.name()),
    };
    let identity = |name: &str| folder.join(format!("{name}.key"));
    let known_hosts = folder.join("known_hosts");
    let written = openssh_config(&hosts, &identity, &known_hosts)?;
    DirBuilder::new().recursive(true).mode(0o700).create(&folder).map_err(failed(&folder))?;
    for (name, endpoint) in hosts.iter().flat_map(endpoints) {
        write(&identity(name), &endpoint.key.to_openssh()?)?;
    }
    write(&known_hosts, &written.known_hosts)?;
    let result = json!({ "config": written.config, "folder": folder, "hosts": references });
    site.printer.result(&result, || written.config)
}

/// Everybody on the way, by name.
fn endpoints(host: &ConfigHost) -> Vec<(&str, &Endpoint)> {
    let gateways = host.gateway_names.iter().map(String::as_str).zip(&host.target.gateways);
    std::iter::once((host.name.as_str(), &host.target.endpoint)).chain(gateways).collect()
}

/// Writes a file that only its owner reads.
fn write(path: &Path, text: &str) -> Result<(), Error> {
    skywright_files::replace(path, text.as_bytes(), 0o600)
        .map_err(|error| skywright_core::Error::from(error).into())
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |source| skywright_core::Error::File { action: "write", path, source }.into()
}
