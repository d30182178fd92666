//! Plugins as they were built for each release of the contract: they go on running.
//!
//! `fixtures/compat/VERSION/NAME.wasm` is the plugin, `NAME.json` what it has to answer. The plugins are
//! never built again, so no change of this repository can bring them into line with itself.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use skywright_contract::CONTRACT_VERSION;
use skywright_core::{Grants, Home, Host, SecretSource, Tenant};
use skywright_runtime::{Allocation, Compiler, EngineOptions, Limits};

use crate::guest::unsigned;
use crate::server::{Reply, Server};

const TOKEN: &str = "a-token-of-more-than-16-bytes";

fn releases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/compat")
}

fn plugins(release: &Path) -> Vec<PathBuf> {
    let paths = std::fs::read_dir(release).unwrap().map(|entry| entry.unwrap().path());
    paths.filter(|path| path.extension().is_some_and(|extension| extension == "wasm")).collect()
}

#[test]
fn there_is_a_plugin_of_this_release() {
    let release = releases().join(CONTRACT_VERSION);
    assert!(release.is_dir() && !plugins(&release).is_empty(), "{} has no plugin", release.display());
}

#[tokio::test]
async fn plugins_of_every_release_run() {
    for release in std::fs::read_dir(releases()).unwrap().map(|entry| entry.unwrap().path()) {
        if release.is_dir() {
            for plugin in plugins(&release) {
                println!("{}", plugin.display());
                runs(&plugin).await;
            }
        }
    }
}

/// Holds one plugin against its file of answers.
async fn runs(path: &Path) {
    let expected: Value =
        serde_json::from_slice(&std::fs::read(path.with_extension("json")).unwrap()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let host = host(folder.path());
    let plugin = host.load(path.to_str().unwrap()).await.unwrap();
    let describe = plugin.function("driver.describe").unwrap();
    let mut instance = plugin.instantiate(&host.bare_session().unwrap()).await.unwrap();
    let described = instance.call_json(describe, &[]).await.unwrap();
    assert_eq!(described, expected["describe"], "{}", path.display());

    let server = Server::start(|_| Reply::ok(r#"["north","south"]"#)).await;
    let tenant = tenant(&described, &server, folder.path());
    let (session, _) = host.session(&plugin, &tenant, folder.path(), None).await.unwrap();
    let regions = plugin.function("catalog.regions").unwrap();
    let mut instance = plugin.instantiate(&session).await.unwrap();
    assert_eq!(instance.call_json(regions, &[]).await.unwrap(), expected["regions"], "{}", path.display());

    let requests = json!(server.seen().iter().map(|seen| seen.lines().next().unwrap()).collect::<Vec<_>>());
    assert_eq!(requests, expected["requests"], "{}", path.display());
    for request in server.seen() {
        assert!(request.to_lowercase().contains(&format!("authorization: bearer {TOKEN}")), "{request}");
    }
}

fn host(folder: &Path) -> Host {
    let engine = EngineOptions {
        limits: Limits::default(),
        allocation: Allocation::OnDemand,
        compiler: Compiler::InProcess,
        cache: None,
        core_dumps: false,
    };
    Host::new(unsigned(Home::below(folder), Vec::new(), engine)).unwrap()
}

/// A tenant of the server: its URL for each setting that is one, a token for each that is a secret.
fn tenant(described: &Value, server: &Server, folder: &Path) -> Tenant {
    let token = folder.join("token");
    std::fs::write(&token, TOKEN).unwrap();
    std::fs::set_permissions(&token, std::fs::Permissions::from_mode(0o600)).unwrap();
    let grants = Grants { plaintext_credentials: true, proxy: Some("none".to_owned()), ..Grants::default() };
    let mut tenant = Tenant { grants, ..Tenant::default() };
    for setting in described["settings"].as_array().unwrap() {
        let key = setting["key"].as_str().unwrap().to_owned();
        match setting["kind"].as_str().unwrap() {
            "url" => drop(tenant.settings.insert(key, server.origin().as_str().into())),
            "secret" => drop(tenant.secrets.insert(key, SecretSource::File(token.clone()))),
            kind => panic!("no value for a setting of kind {kind}"),
        }
    }
    tenant
}
