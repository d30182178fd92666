//! What can be tried, one thing a call.

use std::cell::RefCell;

use serde::Deserialize;
use serde_json::{Value, json};
use skywright_sdk::bindings::host::skywright::host::{cache, log};
use skywright_sdk::credentials::{self, SignError};
use skywright_sdk::settings;

use crate::request::Request;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Scenario {
    /// Any request.
    Request(Box<Request>),
    /// Whether the credential is there.
    Available(String),
    /// Asks for a signature with the credential, of each kind.
    Sign(String),
    /// Has a captured credential forgotten.
    Forget(String),
    /// The value of a setting.
    Setting(String),
    /// Writes one log line.
    Log { message: String, fields: Vec<(String, String)> },
    /// Puts so many values of so many bytes into the cache, and counts those that are there then.
    Cache { values: usize, bytes: usize },
    /// Panics.
    Panic(String),
}

impl Scenario {
    pub(crate) fn play(self) -> Value {
        match self {
            Self::Request(request) => request.send(),
            Self::Available(name) => json!(credentials::available(&name)),
            Self::Sign(name) => sign(&name),
            Self::Forget(name) => {
                credentials::forget(&name);
                Value::Null
            }
            Self::Setting(key) => json!(settings::text(&key).map(keep)),
            Self::Log { message, fields } => {
                log::write(log::Level::Info, &message, &fields);
                Value::Null
            }
            Self::Cache { values, bytes } => fill_cache(values, bytes),
            Self::Panic(message) => fall_over(&message),
        }
    }
}

fn sign(name: &str) -> Value {
    let told = |error| match error {
        SignError::NoCredential(text) => json!({ "no-credential": text }),
        SignError::Unsupported(text) => json!({ "unsupported": text }),
    };
    json!({
        "hmac-sha256": credentials::hmac_sha256(name, "", &[b"step".to_vec()]).map_or_else(told, |tag| json!(tag)),
        "hmac-sha256 without a step": credentials::hmac_sha256(name, "", &[]).map_or_else(told, |tag| json!(tag)),
        "rs256": credentials::rs256(name, b"message").map_or_else(told, |tag| json!(tag)),
        "sha1-with": credentials::sha1_with(name, "a", "b").map_or_else(told, |tag| json!(tag)),
    })
}

fn fill_cache(values: usize, bytes: usize) -> Value {
    let key = |number| format!("key-{number:06}");
    let value = vec![7; bytes];
    (0..values).for_each(|number| cache::put(&key(number), &value, 3600));
    let kept: Vec<_> = (0..values).filter(|number| cache::get(&key(*number)).is_some()).collect();
    json!({ "kept": kept.len(), "first": kept.first(), "last": kept.last() })
}

/// Under its own name in a backtrace.
#[inline(never)]
fn fall_over(message: &str) -> ! {
    panic!("{message}");
}

thread_local! {
    static SEEN: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Keeps a copy for as long as the instance lives.
pub(crate) fn keep(text: String) -> String {
    SEEN.with(|seen| seen.borrow_mut().push(text.clone()));
    text
}
