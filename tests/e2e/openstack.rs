//! The OpenStack provider against a real control plane: Keystone, Nova, Neutron and Glance.
//!
//! These tests need `cargo xtask rig openstack up`, which `cargo xtask test` does; without it
//! (`cargo test` alone) they say so and pass nothing off as done: see [`rig`].

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use skywright_core::{
    Grants, Home, Host, SecretSource, Tenant, TenantRequest, TenantsFile, read_import, resolve_tenant,
};
use skywright_runtime::{
    Allocation, ArtefactCache, Compiler, EngineOptions, Error, LimitName, Limits, Plugin, Session,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::guest::unsigned;

/// How the rig is reached, and a host for its plugin. `None` outside `cargo xtask test`.
struct Rig {
    access: Value,
    host: Host,
    plugin: Plugin,
    folder: tempfile::TempDir,
}

/// The rig that `cargo xtask test` started.
async fn rig(limits: Limits) -> Option<Rig> {
    let Some(access) = std::env::var_os("SKYWRIGHT_RIG_OPENSTACK") else {
        println!("skipped: no control plane; `cargo xtask test --only plugins,e2e` starts one");
        return None;
    };
    let access = serde_json::from_str(&std::fs::read_to_string(access).unwrap()).unwrap();
    let plugins = PathBuf::from(std::env::var_os("SKYWRIGHT_PLUGINS").unwrap());
    let folder = tempfile::tempdir().unwrap();
    let engine = EngineOptions {
        limits,
        allocation: Allocation::OnDemand,
        compiler: Compiler::InProcess,
        cache: Some(ArtefactCache::open(folder.path().join("artefacts")).unwrap()),
        core_dumps: true,
    };
    let home = Home::below(folder.path());
    let host = Host::new(unsigned(home, vec![plugins], engine)).unwrap();
    let plugin = host.load("skywright/openstack").await.unwrap();
    Some(Rig { access, host, plugin, folder })
}

impl Rig {
    fn text(&self, key: &str) -> &str {
        self.access[key].as_str().unwrap()
    }

    fn secret(&self, name: &str, value: &str) -> SecretSource {
        use std::os::unix::fs::PermissionsExt;
        let path = self.folder.path().join(name);
        std::fs::write(&path, value).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        SecretSource::File(path)
    }

    fn tenant(&self) -> Tenant {
        let setting = |key: &str, value: &str| (key.to_owned(), value.into());
        let settings = [
            setting("auth-url", self.text("auth_url")),
            setting("region", self.text("region")),
            setting("user", self.text("username")),
            setting("project-name", self.text("project")),
        ];
        Tenant {
            settings: settings.into(),
            secrets: [("password".to_owned(), self.secret("password", self.text("password")))].into(),
            grants: Grants { plaintext_credentials: true, ..Grants::default() },
            ..Tenant::default()
        }
    }

    async fn session(&self, tenant: &Tenant) -> Arc<Session> {
        self.host.session(&self.plugin, tenant, Path::new("/"), None).await.unwrap().0
    }

    async fn call(&self, session: &Arc<Session>, function: &str, args: &[Value]) -> Result<Value, Error> {
        let mut instance = self.plugin.instantiate(session).await?;
        instance.call_json(self.plugin.function(function)?, args).await
    }
}

#[tokio::test]
async fn catalog_of_a_real_cloud() {
    let Some(rig) = rig(Limits::default()).await else { return };
    let session = rig.session(&rig.tenant()).await;
    assert_eq!(rig.call(&session, "catalog.regions", &[]).await.unwrap(), json!([rig.text("region")]));
    let zones = rig.call(&session, "catalog.zones", &[]).await.unwrap();
    assert!(zones.as_array().unwrap().iter().any(|zone| zone["available"] == true), "{zones}");
    let (mut names, mut cursor) = (Vec::new(), Value::Null);
    loop {
        let page = rig.call(&session, "catalog.templates", &[cursor]).await.unwrap();
        names
            .extend(page["items"].as_array().unwrap().iter().map(|t| t["name"].as_str().unwrap().to_owned()));
        cursor = page["next"].clone();
        if cursor.is_null() {
            break;
        }
    }
    assert!(names.len() > 40 && names.contains(&"SCS-1L-1".to_owned()), "{names:?}");
    let images = rig.call(&session, "catalog.images", &[Value::Null]).await.unwrap();
    assert_eq!(images["items"].as_array().unwrap().len(), 3);
    let abilities = rig.call(&session, "driver.capabilities-of", &[json!(rig.text("region"))]).await.unwrap();
    assert_eq!(abilities["public_address_mode"], "floating");
}

#[tokio::test]
async fn the_three_ways_to_log_in() {
    let Some(rig) = rig(Limits::default()).await else { return };
    let keys = &rig.access["keys"];
    let mut tenant = rig.tenant();
    tenant.settings.remove("user");
    tenant.settings.remove("project-name");
    let id = keys["application_credential_id"].as_str().unwrap();
    let secret = keys["application_credential_secret"].as_str().unwrap();
    tenant.settings.insert("application-credential-id".into(), id.into());
    tenant.secrets = [("application-credential-secret".to_owned(), rig.secret("application", secret))].into();
    let session = rig.session(&tenant).await;
    assert!(rig.call(&session, "catalog.regions", &[]).await.is_ok());

    let client = std::process::Command::new(rig.text("client"))
        .args(["--os-cloud", "rig", "token", "issue", "-f", "value", "-c", "id"])
        .env("OS_CLIENT_CONFIG_FILE", rig.text("clouds_yaml"))
        .output()
        .unwrap();
    let token = String::from_utf8(client.stdout).unwrap();
    let mut tenant = rig.tenant();
    tenant.settings.remove("user");
    tenant.secrets = [("token".to_owned(), rig.secret("token", &token))].into();
    let session = rig.session(&tenant).await;
    assert!(rig.call(&session, "catalog.regions", &[]).await.is_ok());
}

/// Each cloud of the rig's own `clouds.yaml`, imported, sealed, read again, and used.
#[tokio::test]
async fn an_imported_clouds_yaml_works() {
    let Some(rig) = rig(Limits::default()).await else { return };
    let home = Home::below(rig.folder.path());
    let mut import = read_import(Path::new(rig.text("clouds_yaml"))).unwrap();
    let mut file = TenantsFile::open(&home.tenants_file()).unwrap();
    for tenant in &mut import.tenants {
        assert!(tenant.logs_in_over_http(), "the rig has no TLS");
        tenant.grants.plaintext_credentials = true;
        let seal = |(key, secret): (&String, _)| {
            let source = SecretSource::seal(&tenant.name, key, secret, &home.master_key_file()).unwrap();
            (key.clone(), source)
        };
        let sources = tenant.secrets.iter().map(|(key, secret)| seal((key, secret.as_str()))).collect();
        file.put(&tenant.name, &tenant.block(&sources), false).unwrap();
    }
    file.save().unwrap();
    assert!(!std::fs::read_to_string(home.tenants_file()).unwrap().contains(rig.text("password")));
    for name in ["rig", "rig-appcred"] {
        let request = TenantRequest { flag: Some(name.to_owned()), ..TenantRequest::default() };
        let choice = resolve_tenant(&home, &request).unwrap();
        let session = rig.session(&choice.tenant).await;
        assert_eq!(
            rig.call(&session, "catalog.regions", &[]).await.unwrap(),
            json!([rig.text("region")]),
            "{name}"
        );
    }
}

#[tokio::test]
async fn a_refused_login_is_the_operators_to_mend() {
    let Some(rig) = rig(Limits::default()).await else { return };
    let mut tenant = rig.tenant();
    tenant.secrets = [("password".to_owned(), rig.secret("wrong", "not-the-password"))].into();
    let error = rig.call(&rig.session(&tenant).await, "catalog.regions", &[]).await.unwrap_err();
    assert_eq!(error.category(), skywright_contract::Category::Unauthenticated);
    assert_eq!(error.blame(), skywright_contract::Blame::Operator);
    assert!(error.hint().is_some() && !format!("{error:?}").contains("not-the-password"));
}

/// Every form in which a secret could lie in memory.
fn forms(secret: &str) -> [Vec<u8>; 3] {
    use base64::Engine as _;
    let utf16 = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    [secret.into(), base64::engine::general_purpose::STANDARD.encode(secret).into(), utf16]
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// Passes connections on to Keystone and keeps what it answered: the witness of the real token.
async fn eavesdrop(auth_url: &str) -> (String, Arc<Mutex<Vec<u8>>>) {
    let url: url::Url = auth_url.parse().unwrap();
    let upstream = (url.host_str().unwrap().to_owned(), url.port().unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut through = url.clone();
    through.set_port(Some(listener.local_addr().unwrap().port())).unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ears = heard.clone();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(upstream.clone()).await.unwrap();
            let (mut from_client, mut to_client) = client.into_split();
            let (mut from_server, mut to_server) = server.into_split();
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            let ears = ears.clone();
            tokio::spawn(async move {
                let mut buffer = vec![0; 64 << 10];
                while let Ok(length @ 1..) = from_server.read(&mut buffer).await {
                    ears.lock().unwrap().extend_from_slice(&buffer[..length]);
                    if to_client.write_all(&buffer[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    (through.to_string(), heard)
}

/// The password was used and the token was captured, and neither was ever in the guest: its whole
/// linear memory is dumped after the calls and searched.
#[tokio::test]
async fn neither_password_nor_token_was_ever_in_guest_memory() {
    let Some(rig) = rig(Limits { memory_bytes: 16 << 20, ..Limits::default() }).await else { return };
    let (auth_url, heard) = eavesdrop(rig.text("auth_url")).await;
    let mut tenant = rig.tenant();
    tenant.settings.insert("auth-url".into(), auth_url.as_str().into());
    let session = rig.session(&tenant).await;
    let mut instance = rig.plugin.instantiate(&session).await.unwrap();
    let templates = rig.plugin.function("catalog.templates").unwrap();
    instance.call_json(templates, &[Value::Null]).await.unwrap();

    let heard = String::from_utf8_lossy(&heard.lock().unwrap()).into_owned();
    let header = heard.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("x-subject-token").then(|| value.trim().to_owned())
    });
    let token = header.expect("Keystone sent a token");
    assert!(token.len() > 20);

    // A cursor that does not fit ends the same instance at its memory limit, with a dump of all it has.
    let error = instance.call_json(templates, &[json!("x".repeat(20 << 20))]).await.unwrap_err();
    assert!(matches!(error, Error::Limit(limit) if limit.limit == LimitName::MemoryBytes), "{error}");
    let folder = Home::below(rig.folder.path()).core_dumps();
    let dump = std::fs::read_dir(folder).unwrap().next().expect("a core dump").unwrap();
    let dump = std::fs::read(dump.path()).unwrap();
    assert!(contains(&dump, b"SCS-8V-"), "the search finds what is there");
    for secret in [rig.text("password"), &token] {
        for form in forms(secret) {
            assert!(!contains(&dump, &form), "a secret is in the guest's memory");
        }
    }
}
