//! Replays: a recording in the place of the network.
//!
//! Requests are answered in the order in which they were recorded. Compared are method, URL, headers and
//! body, with secrets by name; what was masked matches anything. Not compared are headers that change with
//! the day and the key ([`UNCOMPARED`]), and what the plugin says of resending, of buckets and of time-outs.
//! Nothing is sent, nothing is waited for, and the grant is not asked: it was when the recording was made,
//! and a request that was not recorded is answered with [`HttpError::NotRecorded`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::clock::{BoxFuture, Clock};
use crate::error::HttpError;
use crate::recording::{Exchange, Outcome};
use crate::redact::MASK;
use crate::request::{CaptureSource, Request, Response};
use crate::text::{Part, Text};
use crate::vault::{Secret, Vault};

/// Headers that are not compared, in lower case: signatures, and the moment that they are of.
pub const UNCOMPARED: [&str; 3] = ["authorization", "date", "x-amz-date"];

/// How a request differs from what was recorded. Secrets stand in it by name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Difference {
    /// Every exchange was asked for already.
    #[error("all {total} exchanges of the recording are over, and the plugin asks {asked}")]
    Over {
        /// How many there were.
        total: usize,
        /// The request.
        asked: String,
    },
    /// The next one is another.
    #[error("exchange {position} of {total}: its {part} was {recorded}, and now is {asked}")]
    Other {
        /// Which, from 1.
        position: usize,
        /// How many there are.
        total: usize,
        /// What of it: `request` (method and URL), `headers` or `body`.
        part: &'static str,
        /// As it was recorded.
        recorded: String,
        /// As it is asked for.
        asked: String,
    },
}

/// Answers requests from a recording. Shared by the clients of one replay, one after the other.
#[derive(Debug)]
pub struct Replayer {
    state: Mutex<State>,
    total: usize,
    clock: Arc<SteppedClock>,
}

#[derive(Debug)]
struct State {
    exchanges: VecDeque<Exchange>,
    difference: Option<Difference>,
}

impl Replayer {
    /// Replays these, in order. `clock` is set to the time of each that has one.
    #[must_use]
    pub fn new(exchanges: Vec<Exchange>, clock: Arc<SteppedClock>) -> Self {
        let total = exchanges.len();
        Self { state: Mutex::new(State { exchanges: exchanges.into(), difference: None }), total, clock }
    }

    /// The first request that was not recorded, if there was one.
    #[must_use]
    pub fn difference(&self) -> Option<Difference> {
        self.lock().difference.clone()
    }

    /// What would be asked for next, as `METHOD URL`; `None` at the end.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        self.lock().exchanges.front().map(|exchange| line(&exchange.request))
    }

    /// How many were not asked for yet.
    #[must_use]
    pub fn left(&self) -> usize {
        self.lock().exchanges.len()
    }

    pub(crate) fn answer(&self, request: &Request, vault: &Vault) -> Result<Response, HttpError> {
        let exchange = self.take(request)?;
        if let Some(at_s) = exchange.at_s {
            self.clock.set(at_s);
        }
        match exchange.outcome {
            Outcome::Response(response) => {
                capture(request, &response, vault);
                Ok(response)
            }
            Outcome::Error(error) => {
                let (kind, text) = error.into_iter().next().unwrap_or_default();
                Err(HttpError::Recorded { kind, text })
            }
        }
    }

    fn take(&self, request: &Request) -> Result<Exchange, HttpError> {
        let mut state = self.lock();
        // After the first difference nothing is comparable any more.
        if let Some(difference) = &state.difference {
            return Err(HttpError::NotRecorded(difference.clone()));
        }
        let position = self.total - state.exchanges.len() + 1;
        let difference = match state.exchanges.pop_front() {
            None => Difference::Over { total: self.total, asked: line(request) },
            Some(exchange) => match differs(&exchange.request, request) {
                None => return Ok(exchange),
                Some((part, recorded, asked)) => {
                    state.exchanges.push_front(exchange);
                    Difference::Other { position, total: self.total, part, recorded, asked }
                }
            },
        };
        state.difference = Some(difference.clone());
        Err(HttpError::NotRecorded(difference))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was captured was blanked when it was recorded: something stands in for it.
fn capture(request: &Request, response: &Response, vault: &Vault) {
    for capture in &request.captures {
        let there = match &capture.source {
            CaptureSource::Header(name) => {
                let name = name.to_ascii_lowercase();
                response.header(&name).is_some_and(|value| !value.is_empty())
            }
            CaptureSource::JsonPointer(pointer) => {
                let body: Option<serde_json::Value> = serde_json::from_slice(&response.body).ok();
                body.is_some_and(|body| body.pointer(pointer).is_some_and(serde_json::Value::is_string))
            }
        };
        if there {
            let value = Secret::new(format!("replayed:{}", capture.credential));
            // A name that a vault refuses was refused when it was recorded, and never came to an answer.
            let _ = vault.insert(&capture.credential, value, Duration::from_secs(capture.ttl_s.into()));
        }
    }
}

/// The part that differs first, as it was and as it is.
fn differs(recorded: &Request, asked: &Request) -> Option<(&'static str, String, String)> {
    let shown = |request: &Request| [line(request), headers(request), body(request)];
    let pairs = shown(recorded).into_iter().zip(shown(asked));
    ["request", "headers", "body"].into_iter().zip(pairs).find_map(|(part, (was, is))| {
        (!is_same(&was, &is)).then(|| (part, shortened(&was, &is), shortened(&is, &was)))
    })
}

/// Whether it is what was recorded. What was masked there may be anything: a plugin may know, and write, what
/// later became a credential, such as the id of a key that it captured.
fn is_same(recorded: &str, asked: &str) -> bool {
    let mut parts = recorded.split(MASK);
    let Some(mut rest) = parts.next().and_then(|first| asked.strip_prefix(first)) else { return false };
    let mut parts: Vec<_> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

fn line(request: &Request) -> String {
    format!("{} {}", request.method, request.url)
}

fn headers(request: &Request) -> String {
    let shown = request.headers.iter().filter_map(|(name, value)| {
        let name = name.to_ascii_lowercase();
        (!UNCOMPARED.contains(&name.as_str())).then(|| format!("{name}: {}", show(value)))
    });
    let mut shown: Vec<_> = shown.collect();
    shown.sort_unstable();
    shown.join(", ")
}

fn body(request: &Request) -> String {
    request.body.as_ref().map_or_else(|| "none".to_owned(), show)
}

/// A text with its secrets by name. How its plain parts are cut is no difference.
fn show(text: &Text) -> String {
    let parts = text.0.iter().map(|part| match part {
        Part::Plain(text) => text.clone(),
        Part::Secret(name) => format!("«secret {name}»"),
        Part::SecretJson(name) => format!("«secret {name}, as JSON»"),
        Part::SecretForm(name) => format!("«secret {name}, as a form»"),
        Part::SecretBasic(user, name) => format!("«{user} and secret {name}, as Basic»"),
    });
    parts.collect()
}

/// From shortly before the place where it differs, and not too much of it.
fn shortened(text: &str, other: &str) -> String {
    const AROUND: usize = 40;
    const MOST: usize = 240;
    let same = text.chars().zip(other.chars()).take_while(|(a, b)| a == b).count();
    let from = same.saturating_sub(AROUND);
    let mut shown: String = text.chars().skip(from).take(MOST).collect();
    if from > 0 {
        shown.insert(0, '…');
    }
    if text.chars().count() > from + MOST {
        shown.push('…');
    }
    shown
}

/// A clock that stands still until it is set: in a recording it is set at the end of each exchange, so that
/// in the replay a plugin reads the same times. Waiting on it takes no time.
#[derive(Debug, Default)]
pub struct SteppedClock(AtomicU64);

impl SteppedClock {
    /// At this time, in seconds since the Unix epoch.
    #[must_use]
    pub fn at(now_s: u64) -> Self {
        Self(AtomicU64::new(now_s))
    }

    /// Seconds since the Unix epoch.
    #[must_use]
    pub fn now_s(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Sets it, in seconds since the Unix epoch.
    pub fn set(&self, now_s: u64) {
        self.0.store(now_s, Ordering::Relaxed);
    }
}

impl Clock for SteppedClock {
    fn wall(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(self.now_s())
    }

    fn monotonic(&self) -> Duration {
        Duration::from_secs(self.now_s())
    }

    fn sleep(&self, _duration: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::ready(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Client;
    use crate::recording::read_recording;
    use crate::request::{Method, Replay};

    const RECORDING: &str = r#"{"skywright-recording":1}
{"request":{"method":"POST","url":"https://c/login","replay":"safe","headers":[["content-type",[{"plain":"a/b"}]],["Date",[{"plain":"then"}]]],"body":[{"plain":"{\"p"},{"plain":"\":\""},{"secret-json":"password"},{"plain":"\"}"}],"captures":[{"source":{"header":"x-token"},"credential":"session","ttl-s":60}]},"response":{"status":201,"headers":[["x-token","***"]],"body":"{}"},"at-s":100}
{"request":{"method":"GET","url":"https://c/slow","replay":"safe"},"error":{"timeout":"no answer within 60000 ms"},"at-s":170}
"#;

    fn client() -> (Client, Arc<Replayer>, Arc<SteppedClock>) {
        let clock = Arc::new(SteppedClock::at(90));
        let exchanges = read_recording(RECORDING).unwrap();
        let replayer = Arc::new(Replayer::new(exchanges, Arc::clone(&clock)));
        let own = [("password".to_owned(), Secret::new("stand-in"))];
        let vault = Vault::with_clock(own, clock.clone() as Arc<dyn Clock>);
        (Client::replaying(vault, Arc::clone(&replayer), None), replayer, clock)
    }

    fn login() -> Request {
        let body = vec![
            Part::Plain("{\"p\":\"".to_owned()),
            Part::SecretJson("password".to_owned()),
            Part::Plain("\"}".to_owned()),
        ];
        Request {
            headers: vec![
                ("Date".to_owned(), Text::plain("now")),
                ("Content-Type".to_owned(), Text::plain("a/b")),
            ],
            body: Some(Text(body)),
            captures: read_recording(RECORDING).unwrap()[0].request.captures.clone(),
            ..get("https://c/login", Method::Post)
        }
    }

    fn get(url: &str, method: Method) -> Request {
        Request {
            method,
            url: url.to_owned(),
            replay: Replay::Safe,
            bucket: Some("any".to_owned()),
            headers: Vec::new(),
            body: None,
            captures: Vec::new(),
            timeout_ms: Some(5),
        }
    }

    #[tokio::test]
    async fn what_was_recorded_is_answered_at_its_time() {
        let (client, replayer, clock) = client();
        assert_eq!(client.send(login()).await.unwrap().status, 201);
        assert_eq!(clock.now_s(), 100);
        assert!(client.vault().available("session"));
        let error = client.send(get("https://c/slow", Method::Get)).await.unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), ("timeout", "no answer within 60000 ms"));
        assert_eq!((clock.now_s(), replayer.left()), (170, 0));
        assert!(!client.vault().available("session"), "it expires by the recorded time");
        let error = client.send(get("https://c/more", Method::Get)).await.unwrap_err();
        assert!(matches!(error, HttpError::NotRecorded(Difference::Over { total: 2, .. })), "{error}");
    }

    #[tokio::test]
    async fn what_differs_is_said_and_ends_the_replay() {
        for (part, change) in [
            ("request", (|r| r.url.push('s')) as fn(&mut Request)),
            ("request", |r| r.method = Method::Put),
            ("headers", |r| r.headers.truncate(1)),
            ("body", |r| r.body = Some(Text::plain("{\"p\":\"secret\"}"))),
        ] {
            let (client, replayer, _) = client();
            let mut request = login();
            change(&mut request);
            let error = client.send(request).await.unwrap_err();
            let HttpError::NotRecorded(difference) = error else { panic!("{error}") };
            assert!(matches!(&difference, Difference::Other { position: 1, part: p, .. } if *p == part));
            assert!(client.send(login()).await.is_err());
            assert_eq!(replayer.difference(), Some(difference));
            assert_eq!(replayer.next().as_deref(), Some("POST https://c/login"));
        }
    }

    #[test]
    fn what_was_masked_may_be_anything_and_nothing_else_may() {
        for (recorded, asked, same) in [
            ("a", "a", true),
            ("a", "ab", false),
            ("/ec2/***", "/ec2/c777", true),
            ("/ec2/***/x", "/ec2/c777/x", true),
            ("/ec2/***/x", "/ec2/c777/y", false),
            ("/ec2/***/x", "/s3/c777/x", false),
            ("***a***b", "xaab", true),
            ("***a***b", "xb", false),
            ("ab***ba", "aba", false),
        ] {
            assert_eq!(is_same(recorded, asked), same, "{recorded} {asked}");
        }
    }

    #[test]
    fn long_texts_are_shown_where_they_differ() {
        let (was, is) = (format!("{}a", "x".repeat(500)), format!("{}b", "x".repeat(500)));
        assert_eq!(shortened(&was, &is), format!("…{}a", "x".repeat(40)));
    }
}
