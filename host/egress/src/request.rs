//! Requests as the guest gives them, and answers as it sees them.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::redact::Redactor;
use crate::text::Text;

/// The methods that a plugin may use. As JSON, in upper case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `GET`
    Get,
    /// `HEAD`
    Head,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
    /// `OPTIONS`
    Options,
}

impl Method {
    /// The method as it is sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Method> for http::Method {
    fn from(method: Method) -> Self {
        match method {
            Method::Get => Self::GET,
            Method::Head => Self::HEAD,
            Method::Post => Self::POST,
            Method::Put => Self::PUT,
            Method::Patch => Self::PATCH,
            Method::Delete => Self::DELETE,
            Method::Options => Self::OPTIONS,
        }
    }
}

/// What sending a request twice would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Replay {
    /// Nothing.
    Safe,
    /// The same as sending it once.
    Idempotent,
    /// Something more: it is resent only if no byte of it had left.
    Mutating,
}

/// Where in an answer a secret stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaptureSource {
    /// The whole value of a header.
    Header(String),
    /// RFC 6901 JSON pointer to a string in the body.
    JsonPointer(String),
}

/// A secret that is moved out of an answer before the plugin sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Capture {
    /// Where it stands.
    pub source: CaptureSource,
    /// The name under which the vault keeps it.
    pub credential: String,
    /// How long it may be used, in seconds.
    pub ttl_s: u32,
}

/// A request as the guest gives it: secrets stand in it by name alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The absolute URL, without user name and password.
    pub url: String,
    /// What sending it twice would do.
    pub replay: Replay,
    /// The rate limit that it counts against.
    #[serde(default)]
    pub bucket: Option<String>,
    /// Names and values, in order. A name may come more than once.
    #[serde(default)]
    pub headers: Vec<(String, Text)>,
    /// The body.
    #[serde(default)]
    pub body: Option<Text>,
    /// The secrets that are expected in the answer.
    #[serde(default)]
    pub captures: Vec<Capture>,
    /// Of the whole exchange, in milliseconds; the grant's limit if absent or larger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_ms: Option<u32>,
}

impl Request {
    /// The same request with known secrets in its plain texts as `***`.
    #[must_use]
    pub fn redacted(&self, redactor: &Redactor) -> Self {
        Self {
            url: redactor.redact(&self.url).into_owned(),
            headers: self
                .headers
                .iter()
                .map(|(name, value)| (redactor.redact(name).into_owned(), value.redacted(redactor)))
                .collect(),
            body: self.body.as_ref().map(|body| body.redacted(redactor)),
            ..self.clone()
        }
    }
}

/// An answer as the guest sees it: captured secrets are blank, known ones `***`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Names in lower case and values, in the order received.
    pub headers: Vec<(String, String)>,
    /// The body, decoded. As JSON a string where it is UTF-8, else `{"base64":"…"}`.
    #[serde(serialize_with = "write_body", deserialize_with = "read_body")]
    pub body: Vec<u8>,
}

impl Response {
    /// The first value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Body {
    Text(String),
    Binary { base64: String },
}

fn write_body<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match str::from_utf8(body) {
        Ok(text) => serializer.serialize_str(text),
        Err(_) => Body::Binary { base64: STANDARD.encode(body) }.serialize(serializer),
    }
}

fn read_body<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    match Body::deserialize(deserializer)? {
        Body::Text(text) => Ok(text.into_bytes()),
        Body::Binary { base64 } => STANDARD.decode(base64).map_err(serde::de::Error::custom),
    }
}
