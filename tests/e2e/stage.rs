//! A tenant, what it lends to the hostile guest, and what the guest makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use skywright_egress::{BoxFuture, Client, EndpointGrant, Grant, Proxy, Rate, Resolver, Secret, Vault};
use skywright_runtime::{Error, Instance, LogLevel, LogSink, Plugin, Session};

use crate::guest::hostile;
use crate::server::{ALIVE, Server};

/// The tenant's own secret, under the name `password`. It is spelt otherwise in every encoding.
pub(crate) const PASSWORD: &str = "c0rrect/hörse+\"b&ttery'<staple>";

/// What one test lends.
#[derive(Default)]
pub(crate) struct Stage {
    grant: Grant,
    secrets: Vec<(String, Secret)>,
    settings: BTreeMap<String, String>,
    names: BTreeMap<String, IpAddr>,
    log: Arc<Log>,
}

impl Stage {
    /// Nothing but the tenant's password.
    pub(crate) fn new() -> Self {
        let grant = Grant { proxy: Proxy::None, ..Grant::default() };
        Self { grant, ..Self::default() }.secret("password", PASSWORD)
    }

    /// With an endpoint, to which no credential goes.
    pub(crate) fn endpoint(self, pattern: &str) -> Self {
        self.granted(pattern, &[], false)
    }

    /// With a server of this machine, to which these credentials go without TLS.
    pub(crate) fn server(self, server: &Server, credentials: &[&str]) -> Self {
        self.granted(&server.origin(), credentials, true)
    }

    /// With an endpoint, in full.
    pub(crate) fn granted(mut self, pattern: &str, credentials: &[&str], plaintext: bool) -> Self {
        self.grant.endpoints.push(EndpointGrant {
            name: "cloud".to_owned(),
            pattern: pattern.parse().unwrap(),
            credentials: credentials.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(),
            plaintext_credentials: plaintext,
        });
        self
    }

    /// With a credential of the tenant's own.
    pub(crate) fn secret(mut self, name: &str, value: &str) -> Self {
        self.secrets.push((name.to_owned(), Secret::new(value)));
        self
    }

    pub(crate) fn setting(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With a DNS that knows this name.
    pub(crate) fn name(mut self, name: &str, address: &str) -> Self {
        self.names.insert(name.to_owned(), address.parse().unwrap());
        self
    }

    pub(crate) fn rate(mut self, bucket: &str) -> Self {
        self.grant.rates.push(Rate {
            bucket: bucket.to_owned(),
            requests: 100,
            period_ms: 1000,
            in_flight: 1,
        });
        self
    }

    /// Brings the guest up.
    pub(crate) async fn open(self) -> Play {
        self.open_with_dumps(None).await
    }

    /// The same, with a folder for the dump of its memory.
    pub(crate) async fn open_with_dumps(self, dumps: Option<&Path>) -> Play {
        let client = Client::new(self.grant, Vault::new(self.secrets), Arc::new(Names(self.names)), None);
        let mut session = Session::new(self.settings, client).with_log(Arc::clone(&self.log) as _);
        if let Some(folder) = dumps {
            session = session.with_core_dumps(folder);
        }
        let plugin = hostile().await;
        let instance = plugin.instantiate(&Arc::new(session)).await.unwrap();
        Play { plugin, instance, log: self.log, told: Vec::new() }
    }
}

/// One live guest.
pub(crate) struct Play {
    plugin: &'static Plugin,
    instance: Instance,
    log: Arc<Log>,
    told: Vec<String>,
}

impl Play {
    /// Has the guest play a scenario; what it saw.
    pub(crate) async fn play(&mut self, scenario: Value) -> Value {
        let seen = self.try_play(&scenario).await.unwrap();
        serde_json::from_str(seen["done"].as_str().unwrap()).unwrap()
    }

    pub(crate) async fn try_play(&mut self, scenario: &Value) -> Result<Value, Error> {
        let poll = self.plugin.function("driver.poll").unwrap();
        let result = self.instance.call_json(poll, &[json!(scenario.to_string())]).await;
        self.told.push(format!("{result:?}"));
        if let Err(error) = &result {
            self.told.push(format!("{error} {:?} {error:#?}", error.hint()));
        }
        result
    }

    /// Has the guest send a request; the answer that it saw.
    pub(crate) async fn send(&mut self, request: Value) -> Value {
        self.play(json!({ "request": request })).await
    }

    /// Has the guest send a request that is refused; the kind and the text, in one.
    pub(crate) async fn refused(&mut self, request: Value) -> String {
        let seen = self.send(request).await;
        let error = seen["error"].as_object().unwrap_or_else(|| panic!("it was answered: {seen}"));
        let (kind, text) = error.iter().next().unwrap();
        match text {
            Value::String(text) => format!("{kind}: {text}"),
            other => format!("{kind}: {other}"),
        }
    }

    pub(crate) fn log(&self) -> Vec<String> {
        self.log.0.lock().unwrap().clone()
    }

    /// Everything that left the guest so far: results, errors, and log lines.
    pub(crate) fn told(&self) -> String {
        [self.told.clone(), self.log()].concat().join("\n")
    }
}

/// That the engine still serves an honest call, in another instance and for another tenant.
pub(crate) async fn still_serves() {
    let server = Server::plain().await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    let seen = play.send(get(&server.url(ALIVE))).await;
    assert_eq!((&seen["status"], &seen["body"]), (&json!(200), &json!("alive")));
}

/// A plain request, for `with` to add to.
pub(crate) fn get(url: &str) -> Value {
    json!({ "method": "GET", "url": url, "replay": "mutating" })
}

/// A request with some of its fields set.
pub(crate) fn with(mut request: Value, fields: Value) -> Value {
    let (Value::Object(request_fields), Value::Object(fields)) = (&mut request, fields) else {
        panic!("both are objects")
    };
    request_fields.extend(fields);
    request
}

/// A request with one header that is the tenant's password.
pub(crate) fn with_password(request: Value) -> Value {
    with(request, json!({ "headers": [["x-password", [{ "secret": "password" }]]] }))
}

#[derive(Default)]
struct Log(Mutex<Vec<String>>);

impl LogSink for Log {
    fn write(&self, plugin: &str, level: LogLevel, message: &str, fields: &[(String, String)]) {
        let fields: String = fields.iter().map(|(key, value)| format!(" {key}={value}")).collect();
        self.0.lock().unwrap().push(format!("{plugin} {level:?} {message}{fields}"));
    }
}

struct Names(BTreeMap<String, IpAddr>);

impl Resolver for Names {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        let found = self.0.get(host).map(|address| vec![*address]);
        Box::pin(async move { found.ok_or_else(|| io::Error::other("no such name")) })
    }
}
