//! Recordings: exchanges as a file that a plugin's tests replay.
//!
//! # The format, version 1
//!
//! JSON lines. The first is `{"skywright-recording":1}`; each further one is an exchange, in the order
//! in which they ended. An exchange has a `request` and either a `response` or an `error`:
//!
//! ```json
//! {"skywright-recording":1}
//! {"request":{"method":"POST","url":"https://cloud.example:5000/v3/auth/tokens","replay":"safe","bucket":"keystone","headers":[["content-type",[{"plain":"application/json"}]]],"body":[{"plain":"{\"password\":\""},{"secret-json":"password"},{"plain":"\"}"}],"captures":[{"source":{"header":"x-subject-token"},"credential":"token","ttl-s":3600}]},"response":{"status":201,"headers":[["x-subject-token","***"]],"body":"{}"}}
//! {"request":{"method":"GET","url":"https://cloud.example:8774/v2.1/servers","replay":"safe","bucket":null,"headers":[["x-auth-token",[{"secret":"token"}]]],"body":null,"captures":[]},"error":{"timeout":"no answer within 60000 ms"}}
//! ```
//!
//! - The first line may have a field `suite`: what a replay of the whole has to know of the run. Who reads
//!   exchanges alone skips it. There, an exchange has `at-s` too: when it ended, in seconds since the epoch.
//! - `method` is in upper case; `replay` is `safe`, `idempotent` or `mutating`; `timeout-ms` is there
//!   if the request had one.
//! - A text (header value, request body) is a list of parts, each an object of one field: `plain`,
//!   `secret`, `secret-json`, `secret-form` with a string, `secret-basic` with `[user, credential]`.
//! - A capture's `source` is `{"header":NAME}` or `{"json-pointer":POINTER}`.
//! - A response's `body` is a string where it is UTF-8, else `{"base64":"…"}`.
//! - An `error` is an object of one field, the kind, with the text: `denied`, `no-credential`,
//!   `invalid`, `timeout`, `too-large`, `transport`.
//!
//! # Secrets
//!
//! There are none by construction: a request names them, and a response is what the plugin saw, after
//! captures and redaction. What a plugin computed with `credentials` (a signature) is there, as the
//! plugin wrote it.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::HttpError;
use crate::request::{Request, Response};

/// The version of the format that this host writes.
pub const RECORDING_VERSION: u32 = 1;

/// One exchange: the request as the guest gave it, and what the guest got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The request, with its secrets by name.
    pub request: Request,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// When it ended, in seconds since the Unix epoch, where a replay has to know.
    #[serde(default, rename = "at-s", skip_serializing_if = "Option::is_none")]
    pub at_s: Option<u64>,
}

/// What the guest got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// An answer.
    Response(Response),
    /// The kind of the error, and its text: one entry.
    Error(BTreeMap<String, String>),
}

impl Exchange {
    /// Puts an exchange together.
    #[must_use]
    pub fn new(request: Request, result: &Result<Response, HttpError>) -> Self {
        let outcome = match result {
            Ok(response) => Outcome::Response(response.clone()),
            Err(error) => Outcome::Error([(error.kind().to_owned(), error.to_string())].into()),
        };
        Self { request, outcome, at_s: None }
    }
}

/// Is told of every exchange that ended; not of those that were cancelled.
pub trait ExchangeSink: Send + Sync {
    /// Called on the task that sent the request, before the guest goes on: it must not block for long.
    fn exchange(&self, exchange: &Exchange);
}

/// Why a text is no recording.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// The first line is not the format's.
    #[error("a recording begins with `{{\"skywright-recording\":{RECORDING_VERSION}}}`")]
    Header,
    /// It is of another version.
    #[error("the recording has version {version}, and this host reads {RECORDING_VERSION}")]
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

#[derive(Serialize, Deserialize)]
struct Header {
    #[serde(rename = "skywright-recording")]
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    suite: Option<serde_json::Value>,
}

/// Reads a recording. Blank lines are skipped.
///
/// # Errors
///
/// See [`RecordingError`].
pub fn read_recording(text: &str) -> Result<Vec<Exchange>, RecordingError> {
    Ok(read_suite_recording(text)?.1)
}

/// Reads a recording, and what its first line says of the run: `suite`, if it is there.
///
/// # Errors
///
/// See [`RecordingError`].
pub fn read_suite_recording(
    text: &str,
) -> Result<(Option<serde_json::Value>, Vec<Exchange>), RecordingError> {
    let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let header = lines.next().and_then(|(_, line)| serde_json::from_str::<Header>(line).ok());
    let suite = match header {
        None => return Err(RecordingError::Header),
        Some(Header { version: RECORDING_VERSION, suite }) => suite,
        Some(Header { version, .. }) => return Err(RecordingError::Version { version }),
    };
    let exchanges = lines
        .map(|(index, line)| {
            serde_json::from_str(line).map_err(|source| RecordingError::Line { line: index + 1, source })
        })
        .collect::<Result<_, _>>()?;
    Ok((suite, exchanges))
}

/// Writes exchanges as a recording, each at once and whole.
#[derive(Debug)]
pub struct Recorder<W> {
    out: Mutex<(W, std::io::Result<()>)>,
}

impl<W: Write> Recorder<W> {
    /// Begins a recording.
    ///
    /// # Errors
    ///
    /// If its first line cannot be written.
    pub fn new(out: W) -> std::io::Result<Self> {
        Self::of_suite(out, None)
    }

    /// Begins a recording that says in its first line what a replay of the run has to know.
    ///
    /// # Errors
    ///
    /// If its first line cannot be written.
    pub fn of_suite(mut out: W, suite: Option<serde_json::Value>) -> std::io::Result<Self> {
        let header = Header { version: RECORDING_VERSION, suite };
        writeln!(out, "{}", serde_json::to_string(&header)?)?;
        Ok(Self { out: Mutex::new((out, Ok(()))) })
    }

    /// Whether everything was written so far. Each exchange is flushed.
    ///
    /// # Errors
    ///
    /// The first error of writing: what came after it is not in the recording.
    pub fn check(&self) -> std::io::Result<()> {
        let guard = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        match &guard.1 {
            Ok(()) => Ok(()),
            Err(error) => Err(std::io::Error::new(error.kind(), error.to_string())),
        }
    }

    /// Ends it and gives the writer back.
    ///
    /// # Errors
    ///
    /// The first error of writing: what came after it is not in the recording.
    pub fn finish(self) -> std::io::Result<W> {
        let (mut out, result) = self.out.into_inner().unwrap_or_else(PoisonError::into_inner);
        result?;
        out.flush()?;
        Ok(out)
    }
}

impl<W: Write + Send> ExchangeSink for Recorder<W> {
    fn exchange(&self, exchange: &Exchange) {
        let mut guard = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let (out, result) = &mut *guard;
        if result.is_ok() {
            *result = serde_json::to_string(exchange)
                .map_err(Into::into)
                .and_then(|line| writeln!(out, "{line}"))
                .and_then(|()| out.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Capture, CaptureSource, Method, Replay};
    use crate::text::{Part, Text};

    fn request() -> Request {
        Request {
            method: Method::Post,
            url: "https://cloud.example/v3/auth/tokens".to_owned(),
            replay: Replay::Safe,
            bucket: None,
            headers: vec![("x-auth-token".to_owned(), Text(vec![Part::Secret("token".to_owned())]))],
            body: Some(Text::plain("{}")),
            captures: vec![Capture {
                source: CaptureSource::JsonPointer("/access_token".to_owned()),
                credential: "token".to_owned(),
                ttl_s: 3600,
            }],
            timeout_ms: None,
        }
    }

    #[test]
    fn a_recording_reads_back() {
        let recorder = Recorder::new(Vec::new()).unwrap();
        let text = Ok(Response {
            status: 200,
            headers: vec![("a".to_owned(), "b".to_owned())],
            body: b"{}".to_vec(),
        });
        let binary = Ok(Response { status: 200, headers: vec![], body: vec![0xff, 0] });
        let error = Err(HttpError::Timeout { limit_ms: 60_000, sent: true });
        let exchanges = [text, binary, error].map(|result| Exchange::new(request(), &result));
        exchanges.iter().for_each(|exchange| recorder.exchange(exchange));
        let written = String::from_utf8(recorder.finish().unwrap()).unwrap();
        assert_eq!(read_recording(&written).unwrap(), exchanges);
        assert!(written.contains(r#""body":{"base64":"/wA="}"#), "{written}");
        assert!(written.contains(r#""error":{"timeout":"no answer within 60000 ms"}"#), "{written}");
        assert!(
            written
                .contains(r#"{"source":{"json-pointer":"/access_token"},"credential":"token","ttl-s":3600}"#)
        );
    }

    #[test]
    fn the_example_of_the_documentation_reads() {
        let source = include_str!("recording.rs");
        let example: Vec<_> = source
            .lines()
            .skip_while(|line| !line.starts_with("//! ```json"))
            .skip(1)
            .take_while(|line| !line.starts_with("//! ```"))
            .map(|line| line.trim_start_matches("//! "))
            .collect();
        let exchanges = read_recording(&example.join("\n")).unwrap();
        assert_eq!(exchanges.len(), 2);
        let again = serde_json::to_string(&exchanges[0]).unwrap();
        assert_eq!(again, example[1]);
    }

    #[test]
    fn what_a_suite_says_of_its_run_reads_back_and_does_not_disturb_others() {
        let suite = serde_json::json!({ "seed": "a1" });
        let recorder = Recorder::of_suite(Vec::new(), Some(suite.clone())).unwrap();
        let answer = Ok(Response { status: 204, headers: vec![], body: vec![] });
        let exchange = Exchange { at_s: Some(7), ..Exchange::new(request(), &answer) };
        recorder.exchange(&exchange);
        let written = String::from_utf8(recorder.finish().unwrap()).unwrap();
        assert_eq!(read_suite_recording(&written).unwrap(), (Some(suite), vec![exchange.clone()]));
        assert_eq!(read_recording(&written).unwrap(), [exchange]);
    }

    #[test]
    fn what_is_no_recording_says_why() {
        assert!(matches!(read_recording(""), Err(RecordingError::Header)));
        assert!(matches!(read_recording("[]"), Err(RecordingError::Header)));
        let newer = read_recording("{\"skywright-recording\":2}\n");
        assert!(matches!(newer, Err(RecordingError::Version { version: 2 })));
        let broken = read_recording("{\"skywright-recording\":1}\n\n{\"request\":{}}\n");
        assert!(matches!(broken, Err(RecordingError::Line { line: 3, .. })));
    }
}
