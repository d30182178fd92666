//! `wasi:http` requests, sent through the session's client like any other.
//!
//! Its guests cannot name credentials, so they can reach granted endpoints without any; a request
//! counts as mutating unless its method is safe, and bodies are collected before they are sent.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use skywright_egress as egress;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::logbook::Logbook;
use crate::session::LogLevel;

/// The longest request body, in bytes.
const MAX_BODY_BYTES: usize = 32 << 20;

/// Where `wasi:http` meets the egress.
pub(super) struct Hooks {
    pub(super) client: egress::Client,
    /// A guest's `fetch` hides why a request was refused; the log says it.
    pub(super) log: Arc<Logbook>,
}

type Answer = (http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>);

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        _processed: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Result<Answer, Error>> + Send> {
        let (client, log) = (self.client.clone(), self.log.clone());
        Box::new(Collect(Box::pin(async move {
            let request = to_egress(request, options).await?;
            let response = client.send(request).await.map_err(|error| refusal(&error, &log))?;
            let done: Box<dyn Future<Output = Result<(), Error>> + Send> =
                Box::new(std::future::ready(Ok(())));
            Ok((from_egress(response)?, done))
        })))
    }
}

/// The request's body is not `Sync`, so neither is the future that reads it; boxing it says so once.
struct Collect(Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send>>);

impl Future for Collect {
    type Output = Result<Answer, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut std::task::Context<'_>) -> std::task::Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

async fn to_egress(
    request: http::Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<egress::Request, Error> {
    let (head, body) = request.into_parts();
    let method = match head.method.as_str() {
        "GET" => egress::Method::Get,
        "HEAD" => egress::Method::Head,
        "POST" => egress::Method::Post,
        "PUT" => egress::Method::Put,
        "PATCH" => egress::Method::Patch,
        "DELETE" => egress::Method::Delete,
        "OPTIONS" => egress::Method::Options,
        _ => return Err(Error::HttpRequestMethodInvalid),
    };
    let body = Limited::new(body, MAX_BODY_BYTES).collect().await;
    let body = body.map_err(|_| Error::HttpRequestBodySize(Some(MAX_BODY_BYTES as u64)))?.to_bytes();
    // The contract's bodies are text, as every cloud's control plane is.
    let not_text = |_| Error::InternalError(Some("the request's body is not UTF-8".to_owned()));
    let body = String::from_utf8(body.to_vec()).map_err(not_text)?;
    let plain = |text: String| egress::Text(vec![egress::Part::Plain(text)]);
    let mut headers = Vec::new();
    for (name, value) in &head.headers {
        // Set by the client itself, from the URL and the body.
        if name == http::header::HOST || name == http::header::CONTENT_LENGTH {
            continue;
        }
        let value = value.to_str().map_err(|_| Error::HttpRequestHeaderSize {
            field_name: Some(name.to_string()),
            field_size: None,
        })?;
        headers.push((name.to_string(), plain(value.to_owned())));
    }
    let timeout = options.and_then(|options| options.first_byte_timeout);
    Ok(egress::Request {
        method,
        url: head.uri.to_string(),
        replay: if head.method.is_safe() { egress::Replay::Safe } else { egress::Replay::Mutating },
        bucket: None,
        headers,
        body: (!body.is_empty()).then(|| plain(body)),
        captures: Vec::new(),
        timeout_ms: timeout.and_then(|timeout| u32::try_from(timeout.as_millis()).ok()),
    })
}

fn from_egress(response: egress::Response) -> Result<http::Response<WasiBody>, Error> {
    let mut builder = http::Response::builder().status(response.status);
    for (name, value) in response.headers {
        builder = builder.header(name, value);
    }
    let body = Full::new(Bytes::from(response.body)).map_err(|never| match never {}).boxed_unsync();
    builder.body(body).map_err(|_| Error::HttpResponseIncomplete)
}

fn refusal(error: &egress::HttpError, log: &Logbook) -> Error {
    let hint = error.hint().map(|hint| ("hint".to_owned(), hint));
    // A log budget that is used up ends the guest at its next line anyway.
    let _ = log.write(LogLevel::Warn, &error.to_string(), hint.as_slice());
    match error {
        egress::HttpError::Denied(_) | egress::HttpError::NoCredential { .. } => Error::HttpRequestDenied,
        egress::HttpError::Invalid { .. } => Error::HttpRequestUriInvalid,
        egress::HttpError::Timeout { .. } => Error::ConnectionReadTimeout,
        egress::HttpError::TooLarge { .. } => Error::HttpResponseBodySize(None),
        _ => Error::ConnectionTerminated,
    }
}
