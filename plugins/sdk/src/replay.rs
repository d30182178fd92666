//! Exchanges that were recorded from a real cloud, as the host of a native test.
//!
//! ```no_run
//! use skywright_sdk::replay::Recording;
//!
//! # fn zones() -> usize { 1 }
//! let recording = Recording::load("recordings/zones.jsonl").unwrap();
//! let zones = recording.setting("region", "one").credential("password").play(|| zones());
//! assert_eq!(zones, 1);
//! ```
//!
//! A recording is what the host writes: JSON lines, the first `{"skywright-recording":1}`, each further one
//! an exchange. Of a request, its method, URL and body are compared.
//!
//! A replay shows that the plugin asks what it asked when the recording was made and understands the
//! answers. It does not show that the cloud still answers so, nor anything of grants, captures and limits,
//! which are the host's.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::rc::Rc;

use base64::Engine as _;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::Text;
use crate::bindings::host::skywright::host::log::Level;
use crate::driver::Setting;
use crate::host::{Host, with_host};
use crate::http::{self, CaptureSource, HttpError, Request, Response};
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
    /// Its first line is not the format's.
    #[error("a recording begins with `{{\"skywright-recording\":{VERSION}}}`")]
    Header,
    /// It is of another version of the format.
    #[error("the recording has version {version}, and this reads {VERSION}")]
    Version {
        /// The version it has.
        version: u32,
    },
    /// A line is no exchange.
    #[error("line {line} of the recording: {source}")]
    Line {
        /// Which, from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// The version of the format that is read here.
const VERSION: u32 = 1;

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

    /// Reads the text of a recording. Blank lines are skipped.
    ///
    /// # Errors
    ///
    /// [`RecordingError`].
    pub fn parse(text: &str) -> Result<Self, RecordingError> {
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let header = lines.next().and_then(|(_, line)| serde_json::from_str(line).ok());
        match header {
            None => return Err(RecordingError::Header),
            Some(Header { version: VERSION }) => {}
            Some(Header { version }) => return Err(RecordingError::Version { version }),
        }
        let exchange = |(index, line)| {
            serde_json::from_str(line).map_err(|source| RecordingError::Line { line: index + 1, source })
        };
        Ok(Self { exchanges: lines.map(exchange).collect::<Result<_, _>>()?, ..Self::default() })
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
                let response = Response::from(response);
                let captured = request.captures.iter().filter(|capture| has(&response, &capture.source));
                self.recording.credentials.extend(captured.map(|capture| capture.credential.clone()));
                Ok(response)
            }
            Answer::Error(error) => Err(error),
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
struct Header {
    #[serde(rename = "skywright-recording")]
    version: u32,
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
    #[serde(deserialize_with = "error")]
    Error(HttpError),
}

/// Of a recorded request, what is compared.
#[derive(Debug, Clone, Deserialize)]
struct RecordedRequest {
    method: Method,
    url: String,
    #[serde(default)]
    body: Option<Vec<RecordedPart>>,
}

impl RecordedRequest {
    fn of(request: &Request) -> Self {
        let body = request.body.as_ref().map(|parts| parts.iter().cloned().map(RecordedPart::from).collect());
        Self { method: request.method.into(), url: request.url.clone(), body }
    }

    fn summary(&self) -> String {
        let asked = format!("{} {}", self.method.name(), self.url);
        let Some(body) = &self.body else { return asked };
        let text = Text::from_parts(body.iter().cloned().map(Part::from).collect());
        let parts = text.into_parts().into_iter().map(|part| match part {
            Part::Plain(text) => text,
            secret => format!("«{secret:?}»"),
        });
        format!("{asked} {}", parts.collect::<String>())
    }
}

#[derive(Debug, Clone, Copy, Deserialize)]
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

impl Method {
    fn name(self) -> &'static str {
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

impl From<http::Method> for Method {
    fn from(method: http::Method) -> Self {
        match method {
            http::Method::Get => Self::Get,
            http::Method::Head => Self::Head,
            http::Method::Post => Self::Post,
            http::Method::Put => Self::Put,
            http::Method::Patch => Self::Patch,
            http::Method::Delete => Self::Delete,
            http::Method::Options => Self::Options,
        }
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
    #[serde(deserialize_with = "body")]
    body: Vec<u8>,
}

/// A string where it is UTF-8, else `{"base64":"…"}`.
fn body<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Body {
        Text(String),
        Bytes { base64: String },
    }
    match Body::deserialize(deserializer)? {
        Body::Text(text) => Ok(text.into_bytes()),
        Body::Bytes { base64 } => {
            base64::engine::general_purpose::STANDARD.decode(base64).map_err(D::Error::custom)
        }
    }
}

impl From<RecordedResponse> for Response {
    fn from(recorded: RecordedResponse) -> Self {
        let RecordedResponse { status, headers, body } = recorded;
        Self { status, headers, body }
    }
}

/// An object of one field, the kind, with the text.
fn error<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HttpError, D::Error> {
    let fields = BTreeMap::<String, String>::deserialize(deserializer)?;
    let mut fields = fields.into_iter();
    let (Some((kind, text)), None) = (fields.next(), fields.next()) else {
        return Err(D::Error::custom("an error has one kind"));
    };
    Ok(match kind.as_str() {
        "denied" => HttpError::Denied(text),
        "no-credential" => HttpError::NoCredential(text),
        "invalid" => HttpError::Invalid(text),
        "timeout" => HttpError::Timeout,
        "too-large" => HttpError::TooLarge(limit_bytes(&text).map_err(D::Error::custom)?),
        "transport" => HttpError::Transport(text),
        _ => return Err(D::Error::custom(format!("there is no kind of error `{kind}`"))),
    })
}

/// The number in `the answer's body has more than 33554432 bytes`.
fn limit_bytes(text: &str) -> Result<u64, String> {
    let number = text.split_ascii_whitespace().find_map(|word| word.parse().ok());
    number.ok_or_else(|| format!("`{text}` does not say how many bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Category, Client, Secret};

    const LOGIN: &str = r#"{"skywright-recording":1}
{"request":{"method":"POST","url":"http://c/login","replay":"safe","bucket":null,"headers":[["content-type",[{"plain":"application/json"}]]],"body":[{"plain":"{\"pass"},{"plain":"word\":\""},{"secret-json":"password"},{"plain":"\"}"}],"captures":[{"source":{"header":"x-token"},"credential":"session","ttl-s":60}]},"response":{"status":201,"headers":[["x-token","***"]],"body":{"base64":"e30="}}}

{"request":{"method":"GET","url":"http://c/slow","replay":"safe","bucket":null,"headers":[],"body":null,"captures":[]},"error":{"timeout":"no answer within 60000 ms"}}
{"request":{"method":"GET","url":"http://c/gone","replay":"safe","bucket":null,"headers":[],"body":null,"captures":[]},"error":{"transport":"http://c: reset"}}
{"request":{"method":"GET","url":"http://c/huge","replay":"safe","bucket":null,"headers":[],"body":null,"captures":[]},"error":{"too-large":"the answer's body has more than 33554432 bytes"}}
"#;

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
            assert_eq!(client.get("/huge").exchange(), Err(HttpError::TooLarge(32 << 20)));
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
        assert!(difference.contains("exchange 1 of 4 differs"), "{difference}");
        assert!(difference.contains(r#"recorded: POST http://c/login {"password":"«"#), "{difference}");
        assert!(difference.contains("asked:    POST http://c/logon"), "{difference}");
        assert!(difference.contains("Info about to fail 1 region=here"), "{difference}");
    }

    #[test]
    fn one_question_too_few_or_too_many_is_a_difference() {
        let (_, difference) = Recording::parse(LOGIN).unwrap().try_play(|| login("/login").unwrap());
        assert!(difference.unwrap().contains("exchange 2 of 4 was never asked for: GET http://c/slow"));
        let (_, difference) = Recording::silent().try_play(|| login("/login").unwrap_err());
        assert!(difference.unwrap().contains("all 0 exchanges are over"));
    }

    #[test]
    fn what_is_no_recording_says_why() {
        let parse = |text: &str| Recording::parse(text).unwrap_err();
        assert!(matches!(parse(""), RecordingError::Header));
        assert!(matches!(parse(r#"{"version":1,"exchanges":[]}"#), RecordingError::Header));
        assert!(matches!(parse(r#"{"skywright-recording":2}"#), RecordingError::Version { version: 2 }));
        for line in [
            "{}",
            r#"{"request":{"method":"get","url":"http://c"},"error":{"timeout":"x"}}"#,
            r#"{"request":{"method":"GET","url":"http://c"},"error":"timeout"}"#,
            r#"{"request":{"method":"GET","url":"http://c"},"error":{"too-large":"very"}}"#,
            r#"{"request":{"method":"GET","url":"http://c"},"error":{"tired":"very"}}"#,
            r#"{"request":{"method":"GET","url":"http://c"},"error":{}}"#,
            r#"{"request":{"method":"GET","url":"http://c"},"response":{"status":1,"headers":[],"body":{"base64":"?"}}}"#,
        ] {
            let error = parse(&format!("{{\"skywright-recording\":1}}\n\n{line}\n"));
            assert!(matches!(error, RecordingError::Line { line: 3, .. }), "{line}: {error}");
        }
    }
}
