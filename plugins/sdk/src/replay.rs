//! Exchanges that were recorded from a real cloud, as the host of a native test.
//!
//! ```no_run
//! use skywright_sdk::replay::Recording;
//!
//! # fn zones() -> usize { 1 }
//! let recording = Recording::load("recordings/zones.json").unwrap();
//! let zones = recording.setting("region", "one").credential("password").play(|| zones());
//! assert_eq!(zones, 1);
//! ```
//!
//! A replay shows that the plugin asks what it asked when the recording was made and understands the
//! answers. It does not show that the cloud still answers so, nor anything of grants, captures and limits,
//! which are the host's.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::rc::Rc;

use base64::Engine as _;
use serde::Deserialize;

use crate::Text;
use crate::bindings::host::skywright::host::log::Level;
use crate::driver::Setting;
use crate::host::{Host, with_host};
use crate::http::{CaptureSource, HttpError, Method, Request, Response};
use crate::types::Part;

/// Why a recording was not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The file is not there or not readable.
    #[error("the recording {path} cannot be read: {source}")]
    Read {
        /// Its path, as given.
        path: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not of this form.
    #[error("the recording does not parse: {0}")]
    Syntax(#[source] serde_json::Error),
    /// It is of another version of the form.
    #[error("the recording is of version {0}; this reads version 1")]
    Version(u32),
}

/// Recorded exchanges, and the tenant that they are played to.
#[derive(Debug, Clone, Default)]
pub struct Recording {
    exchanges: VecDeque<Exchange>,
    settings: BTreeMap<String, String>,
    credentials: BTreeSet<String>,
    now: u64,
}

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    ///
    /// [`RecordingError`].
    pub fn load(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path)
            .map_err(|source| RecordingError::Read { path: path.display().to_string(), source })?;
        Self::parse(&text)
    }

    /// Reads the text of a recording.
    ///
    /// # Errors
    ///
    /// [`RecordingError`].
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let file: File = serde_json::from_str(text).map_err(RecordingError::Syntax)?;
        if file.version != 1 {
            return Err(RecordingError::Version(file.version));
        }
        Ok(Self { exchanges: file.exchanges.into(), ..Self::default() })
    }

    /// No exchange at all: for what must not touch the cloud.
    #[must_use]
    pub fn silent() -> Self {
        Self::default()
    }

    /// With a setting of the tenant.
    #[must_use]
    pub fn setting(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With the defaults of declared settings that are not set yet, as the host gives them.
    #[must_use]
    pub fn defaults(mut self, declared: &[Setting]) -> Self {
        for setting in declared {
            if let Some(default) = &setting.default {
                self.settings.entry(setting.key.clone()).or_insert_with(|| default.clone());
            }
        }
        self
    }

    /// With a credential of the tenant, by name alone. Captures add theirs.
    #[must_use]
    pub fn credential(mut self, name: &str) -> Self {
        self.credentials.insert(name.to_owned());
        self
    }

    /// At this time, in seconds since the Unix epoch.
    #[must_use]
    pub fn at(mut self, now: u64) -> Self {
        self.now = now;
        self
    }

    /// Followed by another recording's exchanges.
    #[must_use]
    pub fn then(mut self, other: Self) -> Self {
        self.exchanges.extend(other.exchanges);
        self
    }

    /// Runs `work` with these exchanges, in order. Method, URL and body must be the recorded ones.
    ///
    /// # Panics
    ///
    /// If `work` asked for something else, or did not ask for everything.
    #[expect(clippy::panic, reason = "a replay that differs is a failed test")]
    pub fn play<T>(self, work: impl FnOnce() -> T) -> T {
        let (result, difference) = self.try_play(work);
        match difference {
            Some(difference) => panic!("{difference}"),
            None => result,
        }
    }

    /// As [`play`](Self::play), but gives back how it differed.
    pub fn try_play<T>(self, work: impl FnOnce() -> T) -> (T, Option<String>) {
        let total = self.exchanges.len();
        let player =
            Player { recording: self, total, cache: BTreeMap::new(), log: Vec::new(), difference: None };
        let player = Rc::new(RefCell::new(player));
        let host: Rc<RefCell<dyn Host>> = player.clone();
        let result = with_host(host, work);
        let player = player.borrow();
        let left = player.recording.exchanges.front().map(|exchange| {
            format!(
                "exchange {} of {total} was never asked for: {}",
                player.position(),
                exchange.request.summary()
            )
        });
        let difference = player.difference.clone().or(left);
        (result, difference.map(|difference| format!("{difference}\nlog:\n{}", player.log.join("\n"))))
    }
}

/// The host while a recording is played.
struct Player {
    recording: Recording,
    total: usize,
    cache: BTreeMap<String, Vec<u8>>,
    log: Vec<String>,
    difference: Option<String>,
}

impl Player {
    /// The number of the exchange that is next, from 1.
    fn position(&self) -> usize {
        self.total - self.recording.exchanges.len() + 1
    }

    fn differs(&mut self, difference: String) -> HttpError {
        let text = format!("nothing was sent: {difference}");
        self.difference.get_or_insert(difference);
        HttpError::Invalid(text)
    }
}

impl Host for Player {
    fn send(&mut self, request: &Request) -> Result<Response, HttpError> {
        let asked = RecordedRequest::of(request);
        let position = self.position();
        let Some(exchange) = self.recording.exchanges.pop_front() else {
            return Err(self.differs(format!(
                "all {} exchanges are over, but: {}",
                self.total,
                asked.summary()
            )));
        };
        if exchange.request.summary() != asked.summary() {
            let (recorded, asked) = (exchange.request.summary(), asked.summary());
            let total = self.total;
            return Err(self.differs(format!(
                "exchange {position} of {total} differs\n  recorded: {recorded}\n  asked:    {asked}"
            )));
        }
        match exchange.answer {
            Answer::Response(response) => {
                let response = response.into_response();
                let response = response.map_err(|why| self.differs(format!("exchange {position}: {why}")))?;
                let captured = request.captures.iter().filter(|capture| has(&response, &capture.source));
                self.recording.credentials.extend(captured.map(|capture| capture.credential.clone()));
                Ok(response)
            }
            Answer::Error(error) => Err(error.into()),
        }
    }

    fn setting(&mut self, key: &str) -> Option<String> {
        self.recording.settings.get(key).cloned()
    }

    fn write(&mut self, level: Level, message: &str, fields: &[(String, String)]) {
        let fields: Vec<String> = fields.iter().map(|(key, value)| format!(" {key}={value}")).collect();
        self.log.push(format!("  {level:?} {message}{}", fields.concat()));
    }

    fn cache_get(&mut self, key: &str) -> Option<Vec<u8>> {
        self.cache.get(key).cloned()
    }

    fn cache_put(&mut self, key: &str, value: &[u8], _ttl_s: u32) {
        self.cache.insert(key.to_owned(), value.to_owned());
    }

    fn now(&mut self) -> u64 {
        self.recording.now
    }

    fn available(&mut self, name: &str) -> bool {
        self.recording.credentials.contains(name)
    }

    fn forget(&mut self, name: &str) {
        self.recording.credentials.remove(name);
    }
}

/// Whether there is something to capture; its value was blanked when it was recorded.
fn has(response: &Response, source: &CaptureSource) -> bool {
    match source {
        CaptureSource::Header(name) => response.header(name).is_some(),
        CaptureSource::JsonPointer(pointer) => {
            let body: Option<serde_json::Value> = serde_json::from_slice(&response.body).ok();
            body.is_some_and(|body| body.pointer(pointer).is_some_and(serde_json::Value::is_string))
        }
    }
}

#[derive(Deserialize)]
struct File {
    version: u32,
    exchanges: Vec<Exchange>,
}

#[derive(Debug, Clone, Deserialize)]
struct Exchange {
    request: RecordedRequest,
    #[serde(flatten)]
    answer: Answer,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Response(RecordedResponse),
    Error(RecordedError),
}

/// Of a recorded request, what is compared.
#[derive(Debug, Clone, Deserialize)]
struct RecordedRequest {
    method: String,
    url: String,
    #[serde(default)]
    body: Option<Vec<RecordedPart>>,
}

impl RecordedRequest {
    fn of(request: &Request) -> Self {
        let method = match request.method {
            Method::Get => "get",
            Method::Head => "head",
            Method::Post => "post",
            Method::Put => "put",
            Method::Patch => "patch",
            Method::Delete => "delete",
            Method::Options => "options",
        };
        let body = request.body.as_ref().map(|parts| parts.iter().cloned().map(RecordedPart::from).collect());
        Self { method: method.to_owned(), url: request.url.clone(), body }
    }

    fn summary(&self) -> String {
        let Some(body) = &self.body else { return format!("{} {}", self.method, self.url) };
        let text = Text::from_parts(body.iter().cloned().map(Part::from).collect());
        let parts = text.into_parts().into_iter().map(|part| match part {
            Part::Plain(text) => text,
            secret => format!("«{secret:?}»"),
        });
        format!("{} {} {}", self.method, self.url, parts.collect::<String>())
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RecordedPart {
    Plain(String),
    Secret(String),
    SecretJson(String),
    SecretForm(String),
    SecretBasic((String, String)),
}

impl From<Part> for RecordedPart {
    fn from(part: Part) -> Self {
        match part {
            Part::Plain(text) => Self::Plain(text),
            Part::Secret(name) => Self::Secret(name),
            Part::SecretJson(name) => Self::SecretJson(name),
            Part::SecretForm(name) => Self::SecretForm(name),
            Part::SecretBasic(pair) => Self::SecretBasic(pair),
        }
    }
}

impl From<RecordedPart> for Part {
    fn from(part: RecordedPart) -> Self {
        match part {
            RecordedPart::Plain(text) => Self::Plain(text),
            RecordedPart::Secret(name) => Self::Secret(name),
            RecordedPart::SecretJson(name) => Self::SecretJson(name),
            RecordedPart::SecretForm(name) => Self::SecretForm(name),
            RecordedPart::SecretBasic(pair) => Self::SecretBasic(pair),
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
struct RecordedResponse {
    status: u16,
    headers: Vec<(String, String)>,
    body: RecordedBody,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum RecordedBody {
    Text(String),
    Bytes { base64: String },
}

impl RecordedResponse {
    fn into_response(self) -> Result<Response, String> {
        let body = match self.body {
            RecordedBody::Text(text) => text.into_bytes(),
            RecordedBody::Bytes { base64 } => base64::engine::general_purpose::STANDARD
                .decode(base64)
                .map_err(|e| format!("the body is not base64: {e}"))?,
        };
        Ok(Response { status: self.status, headers: self.headers, body })
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RecordedError {
    Denied(String),
    NoCredential(String),
    Invalid(String),
    Timeout,
    TooLarge(u64),
    Transport(String),
}

impl From<RecordedError> for HttpError {
    fn from(error: RecordedError) -> Self {
        match error {
            RecordedError::Denied(text) => Self::Denied(text),
            RecordedError::NoCredential(text) => Self::NoCredential(text),
            RecordedError::Invalid(text) => Self::Invalid(text),
            RecordedError::Timeout => Self::Timeout,
            RecordedError::TooLarge(bytes) => Self::TooLarge(bytes),
            RecordedError::Transport(text) => Self::Transport(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Category, Client, Secret};

    const LOGIN: &str = r#"{"version":1,"exchanges":[
        {"request":{"method":"post","url":"http://c/login","replay":"safe","bucket":null,
            "headers":[["content-type",[{"plain":"application/json"}]]],
            "body":[{"plain":"{\"pass"},{"plain":"word\":\""},{"secret-json":"password"},{"plain":"\"}"}],
            "captures":[{"source":{"header":"x-token"},"credential":"session","ttl_s":60}]},
         "response":{"status":201,"headers":[["x-token",""]],"body":{"base64":"e30="}}},
        {"request":{"method":"get","url":"http://c/slow","replay":"safe"},"error":"timeout"},
        {"request":{"method":"get","url":"http://c/gone","replay":"safe"},"error":{"transport":"reset"}}
    ]}"#;

    fn login(path: &str) -> Result<serde_json::Value, crate::Error> {
        let body = || serde_json::json!({ "password": Secret::named("password") });
        Client::new("http://c").post(path).json_with(body).capture_header("x-token", "session", 60).json()
    }

    #[test]
    fn what_was_recorded_is_answered() {
        let recording = Recording::parse(LOGIN).unwrap().credential("password").setting("a", "b").at(7);
        recording.play(|| {
            assert!(!crate::credentials::available("session"));
            assert_eq!(login("/login").unwrap(), serde_json::json!({}));
            assert!(crate::credentials::available("session"));
            crate::credentials::forget("session");
            assert!(!crate::credentials::available("session"));
            let client = Client::new("http://c");
            assert_eq!(client.get("/slow").send().unwrap_err().category, Category::Timeout);
            assert_eq!(client.get("/gone").send().unwrap_err().category, Category::Unavailable);
            assert_eq!((crate::settings::text("a").as_deref(), crate::clock::now()), (Some("b"), 7));
            assert_eq!(crate::cache::get_or("k", 1, || Ok(1)), Ok(1));
            assert_eq!(crate::cache::get_or("k", 1, || Ok(2)), Ok(1));
        });
    }

    #[test]
    fn another_question_is_a_difference() {
        let (_, difference) = Recording::parse(LOGIN).unwrap().try_play(|| {
            crate::log::info!("about to fail {}", 1; region = "here");
            login("/logon").unwrap_err()
        });
        let difference = difference.unwrap();
        assert!(difference.contains("exchange 1 of 3 differs"), "{difference}");
        assert!(difference.contains(r#"recorded: post http://c/login {"password":"«"#), "{difference}");
        assert!(difference.contains("asked:    post http://c/logon"), "{difference}");
        assert!(difference.contains("Info about to fail 1 region=here"), "{difference}");
    }

    #[test]
    fn one_question_too_few_or_too_many_is_a_difference() {
        let (_, difference) = Recording::parse(LOGIN).unwrap().try_play(|| login("/login").unwrap());
        assert!(difference.unwrap().contains("exchange 2 of 3 was never asked for: get http://c/slow"));
        let (_, difference) = Recording::silent().try_play(|| login("/login").unwrap_err());
        assert!(difference.unwrap().contains("all 0 exchanges are over"));
    }
}
