//! A request as JSON, spelt as in a recording, and what came of it.

use serde::Deserialize;
use serde_json::{Value, json};
use skywright_sdk::bindings::host::skywright::host::http;
use skywright_sdk::types;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct Request {
    method: Method,
    url: String,
    replay: Replay,
    bucket: Option<String>,
    #[serde(default)]
    headers: Vec<(String, Vec<Part>)>,
    body: Option<Vec<Part>>,
    #[serde(default)]
    captures: Vec<Capture>,
    timeout_ms: Option<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Replay {
    Safe,
    Idempotent,
    Mutating,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Part {
    Plain(String),
    Secret(String),
    SecretJson(String),
    SecretForm(String),
    SecretBasic(String, String),
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Capture {
    source: Source,
    credential: String,
    ttl_s: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Source {
    Header(String),
    JsonPointer(String),
}

impl Request {
    /// Sends it through the import itself: nothing of the SDK stands in between.
    pub(crate) fn send(self) -> Value {
        let text = |parts: Vec<Part>| parts.into_iter().map(Into::into).collect::<Vec<_>>();
        let request = http::Request {
            method: match self.method {
                Method::Get => http::Method::Get,
                Method::Head => http::Method::Head,
                Method::Post => http::Method::Post,
                Method::Put => http::Method::Put,
                Method::Patch => http::Method::Patch,
                Method::Delete => http::Method::Delete,
                Method::Options => http::Method::Options,
            },
            url: self.url,
            replay: match self.replay {
                Replay::Safe => http::Replay::Safe,
                Replay::Idempotent => http::Replay::Idempotent,
                Replay::Mutating => http::Replay::Mutating,
            },
            bucket: self.bucket,
            headers: self.headers.into_iter().map(|(name, value)| (name, text(value))).collect(),
            body: self.body.map(text),
            captures: self.captures.into_iter().map(Into::into).collect(),
            timeout_ms: self.timeout_ms,
        };
        match http::send(&request) {
            Ok(http::Response { status, headers, body }) => {
                json!({ "status": status, "headers": headers, "body": String::from_utf8_lossy(&body) })
            }
            Err(error) => json!({ "error": told(error) }),
        }
    }
}

/// The kind and its text, or limit.
fn told(error: http::HttpError) -> Value {
    match error {
        http::HttpError::Denied(text) => json!({ "denied": text }),
        http::HttpError::NoCredential(text) => json!({ "no-credential": text }),
        http::HttpError::Invalid(text) => json!({ "invalid": text }),
        http::HttpError::Timeout => json!({ "timeout": null }),
        http::HttpError::TooLarge(bytes) => json!({ "too-large": bytes }),
        http::HttpError::Transport(text) => json!({ "transport": text }),
    }
}

impl From<Part> for types::Part {
    fn from(part: Part) -> Self {
        match part {
            Part::Plain(text) => Self::Plain(text),
            Part::Secret(name) => Self::Secret(name),
            Part::SecretJson(name) => Self::SecretJson(name),
            Part::SecretForm(name) => Self::SecretForm(name),
            Part::SecretBasic(user, name) => Self::SecretBasic((user, name)),
        }
    }
}

impl From<Capture> for http::Capture {
    fn from(capture: Capture) -> Self {
        let source = match capture.source {
            Source::Header(name) => http::CaptureSource::Header(name),
            Source::JsonPointer(pointer) => http::CaptureSource::JsonPointer(pointer),
        };
        Self { source, credential: capture.credential, ttl_s: capture.ttl_s }
    }
}
