//! Guests of another tool chain: one provider in Rust and in JavaScript, and `wasi:http` under a grant.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use skywright_author::{Builder, Options};
use skywright_egress::{Client, EndpointGrant, Grant, Proxy, Secret, SystemResolver, Vault};
use skywright_runtime::{
    Allocation, Compiler, Engine, EngineOptions, Error, Limits, LogLevel, LogSink, Plugin, Session,
};
use tokio::sync::OnceCell;

use crate::server::{Reply, Server};

const TOKEN: &str = "the-tenants-own-token";

/// The same provider three times.
struct Guests {
    /// `plugins/sdk/examples/minimal_provider.rs`.
    rust: Plugin,
    /// Through the contract's imports alone.
    javascript: Plugin,
    /// Through `fetch`, and so `wasi:http`.
    fetch: Plugin,
}

/// Built one after the other: the two in JavaScript share their tool.
async fn guests() -> &'static Guests {
    static GUESTS: OnceCell<Guests> = OnceCell::const_new();
    GUESTS.get_or_init(load).await
}

async fn load() -> Guests {
    let engine = Engine::new(EngineOptions {
        limits: Limits::default(),
        allocation: Allocation::OnDemand,
        compiler: Compiler::InProcess,
        cache: None,
        core_dumps: false,
    })
    .unwrap();
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    let example = tempfile::tempdir().unwrap();
    write_example(&tests.join("../plugins"), example.path());
    let files = [
        file("minimal", example.path()),
        file("javascript", &tests.join("guests/javascript")),
        file("fetch", &tests.join("guests/javascript/fetch")),
    ];
    let mut plugins = Vec::new();
    for path in files {
        plugins.push(engine.load(&std::fs::read(path).unwrap()).await.unwrap());
    }
    let [rust, javascript, fetch] = <[Plugin; 3]>::try_from(plugins).ok().unwrap();
    Guests { rust, javascript, fetch }
}

/// From the folder that `SKYWRIGHT_PLUGINS` names, if it is there, or built here.
fn file(name: &str, source: &Path) -> PathBuf {
    let prepared =
        std::env::var_os("SKYWRIGHT_PLUGINS").map(|it| Path::new(&it).join(format!("{name}.wasm")));
    if let Some(path) = prepared.filter(|path| path.is_file()) {
        return path;
    }
    let mut builder = Builder::new(Options::new(Path::new(env!("CARGO_TARGET_TMPDIR")).join("guests")));
    builder.build(source, &mut |event| println!("{event}")).unwrap().path
}

/// An example is no plugin yet: it gets a crate of its own.
fn write_example(plugins: &Path, folder: &Path) {
    let plugins = plugins.canonicalize().unwrap();
    let cargo = format!(
        "[workspace]\n[package]\nname = \"minimal\"\nversion = \"0.1.0\"\nedition = \"2024\"\nlicense = \"Apache-2.0\"\n\
         [lib]\ncrate-type = [\"cdylib\"]\n\
         [dependencies]\nskywright-sdk = {{ path = {:?} }}\nserde = {{ version = \"1\", features = [\"derive\"] }}\n",
        plugins.join("sdk")
    );
    let manifest = "id = \"tests/minimal\"\nkind = \"provider\"\ncontract = \"0.1.0\"\ntitle = \"Acme\"\n\
                    report = \"mail@example.org\"\ncapabilities = [\"http\", \"log\", \"settings\"]\n";
    std::fs::create_dir(folder.join("src")).unwrap();
    std::fs::write(folder.join("Cargo.toml"), cargo).unwrap();
    std::fs::write(folder.join("plugin.toml"), manifest).unwrap();
    std::fs::copy(plugins.join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
    std::fs::copy(plugins.join("sdk/examples/minimal_provider.rs"), folder.join("src/lib.rs")).unwrap();
    // The versions that are known, without the packages that this crate has no use for.
    let trimmed =
        Command::new("cargo").args(["metadata", "--format-version=1"]).current_dir(folder).output().unwrap();
    assert!(trimmed.status.success(), "{}", String::from_utf8_lossy(&trimmed.stderr));
}

/// What a tenant lends: settings, the token, and these origins.
struct Tenant {
    session: Arc<Session>,
    log: Arc<Log>,
}

fn tenant(settings: &[(&str, String)], origins: &[String]) -> Tenant {
    let endpoints = origins.iter().map(|origin| EndpointGrant {
        name: "api".to_owned(),
        pattern: origin.parse().unwrap(),
        credentials: ["token".to_owned()].into(),
        plaintext_credentials: true,
    });
    let grant = Grant { endpoints: endpoints.collect(), proxy: Proxy::None, ..Grant::default() };
    let vault = Vault::new([("token".to_owned(), Secret::new(TOKEN))]);
    let client = Client::new(grant, vault, Arc::new(SystemResolver), None);
    let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    let log = Arc::new(Log::default());
    let session = Arc::new(Session::new(settings, client).with_log(Arc::clone(&log) as _));
    Tenant { session, log }
}

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl LogSink for Log {
    fn write(&self, _plugin: &str, level: LogLevel, message: &str, fields: &[(String, String)]) {
        self.0.lock().unwrap().push(format!("{level:?} {message} {fields:?}"));
    }
}

impl Tenant {
    fn log(&self) -> String {
        self.log.0.lock().unwrap().join("\n")
    }

    /// The result, or `{"error": …}` of the contract.
    async fn call(&self, plugin: &Plugin, function: &str, arguments: &[Value]) -> Value {
        let mut instance = plugin.instantiate(&self.session).await.unwrap();
        match instance.call_json(plugin.function(function).unwrap(), arguments).await {
            Ok(value) => value,
            Err(Error::Guest(error)) => json!({ "error": error }),
            Err(other) => panic!("{function}: {other} {:?}", other.hint()),
        }
    }
}

async fn cloud() -> Server {
    Server::start(|request| match request.split(' ').nth(1).unwrap() {
        "/v1/regions" => Reply::ok(r#"["north","south"]"#),
        "/v1/plans?limit=100" => Reply::ok(
            r#"{"plans":[{"id":"s","cpus":1,"memory_mib":2048,"disk_gib":20}],"next":"http://a/v1/plans?from=s"}"#,
        ),
        "/v1/plans?from=s" => {
            Reply::ok(r#"{"plans":[{"id":"l","cpus":8,"memory_mib":4294967296,"disk_gib":80}]}"#)
        }
        "/v1/plans?circle" => Reply::ok(r#"{"plans":[],"next":"/v1/plans?circle"}"#),
        "/full/regions" => Reply::new("409 Conflict", &[], r#"{"code":"Limit_Reached","message":"Too  many."}"#),
        "/busy/regions" => Reply::new("429 Too Many", &[("retry-after", "7")], "<html>"),
        "/other/regions" => Reply::ok(r#"{"regions":1}"#),
        _ => Reply::new("404 Not Found", &[], ""),
    })
    .await
}

#[tokio::test]
async fn javascript_answers_as_rust_does() {
    let guests = guests().await;
    let (cloud, elsewhere) = (cloud().await, Server::plain().await);
    let calls = [
        ("/v1", "driver.describe", vec![]),
        ("/v1", "driver.validate", vec![json!([["url", "https://a"], ["token", ""]])]),
        ("/v1", "driver.validate", vec![json!([["url", "ftp://a"], ["size", "1"]])]),
        ("/v1", "driver.validate", vec![json!([])]),
        ("/v1", "driver.capabilities-of", vec![json!("north")]),
        ("/v1", "driver.poll", vec![json!("no-token")]),
        ("/v1", "driver.cancel", vec![json!("{}")]),
        ("/v1", "catalog.regions", vec![]),
        ("/v1/", "catalog.zones", vec![]),
        ("/v1", "catalog.templates", vec![Value::Null]),
        ("/v1", "catalog.templates", vec![json!("/v1/plans?from=s")]),
        ("/v1", "catalog.templates", vec![json!("/v1/plans?circle")]),
        ("/v1", "catalog.images", vec![Value::Null]),
        ("/full", "catalog.regions", vec![]),
        ("/busy", "catalog.regions", vec![]),
        ("/other", "catalog.regions", vec![]),
        ("/none", "catalog.regions", vec![]),
    ];
    let mut answers = Vec::new();
    for (path, function, arguments) in &calls {
        let tenant = tenant(&[("url", cloud.url(path))], &[cloud.origin()]);
        let mut pair = Vec::new();
        for plugin in [&guests.rust, &guests.javascript] {
            let mut answer = tenant.call(plugin, function, arguments).await;
            // How a text does not parse is each language's own.
            if ["unknown-token", "unexpected-answer"].iter().any(|code| answer["error"]["code"] == *code) {
                answer["error"]["message"] = Value::Null;
            }
            pair.push(answer);
        }
        assert_eq!(pair[0], pair[1], "{path} {function} {arguments:?}");
        answers.extend(pair.pop());
        assert!(!tenant.log().contains(TOKEN), "{}", tenant.log());
    }
    let bearer = format!("authorization: Bearer {TOKEN}\r\n");
    assert!(cloud.seen().iter().all(|request| request.contains(&bearer)), "{:?}", cloud.seen());
    // Both could be wrong alike.
    assert_eq!(answers[7], json!(["north", "south"]));
    assert_eq!(answers[10]["items"][0]["memory_mib"], json!(4_294_967_296_u64));
    assert_eq!(answers[13]["error"]["category"], "quota");

    let stranger = tenant(&[("url", elsewhere.url("/v1"))], &[cloud.origin()]);
    for plugin in [&guests.rust, &guests.javascript] {
        let answer = stranger.call(plugin, "catalog.regions", &[]).await;
        assert_eq!(answer["error"]["code"], "egress-denied", "{answer}");
    }
    assert!(elsewhere.seen().is_empty());
    assert!(guests.javascript.package().imports.iter().all(|import| !import.starts_with("wasi:")));
}

#[tokio::test]
async fn fetch_reaches_what_is_granted_and_nothing_else() {
    let plugin = &guests().await.fetch;
    let (cloud, elsewhere) = (cloud().await, cloud().await);
    let away = elsewhere.url("/v1/regions");
    let redirecting = Server::start(move |_| Reply::redirect(&away)).await;
    let settings = [("url", cloud.url("/v1")), ("images-url", elsewhere.url("/v1/regions"))];

    let granted = tenant(&settings, &[cloud.origin()]);
    assert_eq!(granted.call(plugin, "catalog.regions", &[]).await, json!(["north", "south"]));
    // Standard output is the log, and its clock counts whole seconds.
    let line = granted.log();
    assert!(line.starts_with(&format!("Info asking {} at ", cloud.url("/v1/regions"))), "{line}");
    assert!(line.contains("000 (0."), "{line}");
    // `wasi:http` has no way to name a credential.
    assert!(!cloud.seen().concat().to_ascii_lowercase().contains("authorization"), "{:?}", cloud.seen());
    let page = granted.call(plugin, "catalog.templates", &[Value::Null]).await;
    assert_eq!((&page["items"][0]["id"], &page["next"]), (&json!("s"), &json!("/v1/plans?from=s")));

    let refused = granted.call(plugin, "catalog.images", &[Value::Null]).await;
    assert_eq!(refused["error"]["code"], "transport", "{refused}");
    let redirected = tenant(&[("url", redirecting.url(""))], &[redirecting.origin()]);
    let refused = redirected.call(plugin, "catalog.regions", &[]).await;
    assert_eq!(refused["error"]["code"], "transport", "{refused}");
    assert!(elsewhere.seen().is_empty() && redirecting.seen().len() == 1);

    let both = tenant(&settings, &[cloud.origin(), elsewhere.origin()]);
    let images = both.call(plugin, "catalog.images", &[Value::Null]).await;
    assert_eq!(images["items"][1]["name"], "south", "{images}");
    assert_eq!(elsewhere.seen().len(), 1);
}
