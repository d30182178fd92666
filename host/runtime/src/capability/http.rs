//! `skywright:host/http`: the contract's requests, handed to the egress.

use skywright_egress as egress;

use crate::bindings::skywright::host::http::{
    CaptureSource, Host, HttpError, Method, Replay, Request, Response,
};
use crate::bindings::skywright::host::types::Part;
use crate::guest::Guest;

impl Host for Guest {
    async fn send(&mut self, request: Request) -> wasmtime::Result<Result<Response, HttpError>> {
        let client = self.session.client().clone();
        self.cpu.pause();
        let outcome = client.send(to_egress(request)).await;
        self.cpu.resume();
        Ok(outcome.map(from_egress).map_err(refusal))
    }
}

fn to_egress(request: Request) -> egress::Request {
    egress::Request {
        method: match request.method {
            Method::Get => egress::Method::Get,
            Method::Head => egress::Method::Head,
            Method::Post => egress::Method::Post,
            Method::Put => egress::Method::Put,
            Method::Patch => egress::Method::Patch,
            Method::Delete => egress::Method::Delete,
            Method::Options => egress::Method::Options,
        },
        url: request.url,
        replay: match request.replay {
            Replay::Safe => egress::Replay::Safe,
            Replay::Idempotent => egress::Replay::Idempotent,
            Replay::Mutating => egress::Replay::Mutating,
        },
        bucket: request.bucket,
        headers: request.headers.into_iter().map(|(name, value)| (name, text(value))).collect(),
        body: request.body.map(text),
        captures: request.captures.into_iter().map(capture).collect(),
        timeout_ms: request.timeout_ms,
    }
}

fn text(parts: Vec<Part>) -> egress::Text {
    egress::Text(parts.into_iter().map(part).collect())
}

fn part(part: Part) -> egress::Part {
    match part {
        Part::Plain(text) => egress::Part::Plain(text),
        Part::Secret(name) => egress::Part::Secret(name),
        Part::SecretJson(name) => egress::Part::SecretJson(name),
        Part::SecretForm(name) => egress::Part::SecretForm(name),
        Part::SecretBasic((user, name)) => egress::Part::SecretBasic(user, name),
    }
}

fn capture(capture: crate::bindings::skywright::host::http::Capture) -> egress::Capture {
    egress::Capture {
        source: match capture.source {
            CaptureSource::Header(name) => egress::CaptureSource::Header(name),
            CaptureSource::JsonPointer(pointer) => egress::CaptureSource::JsonPointer(pointer),
        },
        credential: capture.credential,
        ttl_s: capture.ttl_s,
    }
}

fn from_egress(response: egress::Response) -> Response {
    Response { status: response.status, headers: response.headers, body: response.body }
}

/// The text tells the guest's author, and through the guest the user, what to do.
fn refusal(error: egress::HttpError) -> HttpError {
    let text = match error.hint() {
        Some(hint) => format!("{error} (hint: {hint})"),
        None => error.to_string(),
    };
    match error {
        egress::HttpError::Denied(_) => HttpError::Denied(text),
        egress::HttpError::NoCredential { .. } => HttpError::NoCredential(text),
        egress::HttpError::Invalid { .. } => HttpError::Invalid(text),
        egress::HttpError::Timeout { .. } => HttpError::Timeout,
        egress::HttpError::TooLarge { limit_bytes, .. } => HttpError::TooLarge(limit_bytes),
        egress::HttpError::NotRecorded(_) => HttpError::Invalid(text),
        egress::HttpError::Recorded { kind, text } => recorded(&kind, text),
        _ => HttpError::Transport(text),
    }
}

/// An error of a recording, as the guest had it.
fn recorded(kind: &str, text: String) -> HttpError {
    match kind {
        "denied" => HttpError::Denied(text),
        "no-credential" => HttpError::NoCredential(text),
        "invalid" => HttpError::Invalid(text),
        "timeout" => HttpError::Timeout,
        "too-large" => HttpError::TooLarge(limit_bytes(&text)),
        _ => HttpError::Transport(text),
    }
}

/// The number in `the answer's body has more than 33554432 bytes`.
fn limit_bytes(text: &str) -> u64 {
    text.split_ascii_whitespace().find_map(|word| word.parse().ok()).unwrap_or(0)
}
