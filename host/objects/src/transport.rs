//! The library's requests, sent by way of this site's egress.

use std::error::Error as _;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, stream};
use http::header::{CONTENT_LENGTH, HeaderName, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use opendal::raw::Operation as RawOperation;
use opendal::{Buffer, ErrorKind, HttpBody, HttpTransport};
use skywright_egress::{Connections, Denial, Grant, HttpError, Secret, no_answer, origin_of};
use tokio::sync::{OwnedSemaphorePermit, RwLock, Semaphore};
use tokio::time::timeout;
use url::Url;

use crate::credentials::{Credentials, CredentialsError, Keys};
use crate::error::{Failure, FailureKind};
use crate::plane::{Network, Settings};

const X_AUTH_TOKEN: HeaderName = HeaderName::from_static("x-auth-token");
/// What is read of an answer that is an error.
const MAX_ERROR_BYTES: usize = 64 << 10;
/// Where a listing says that it is one.
const LISTING_HEAD: usize = 4 << 10;
/// A request is given a second more for so much that it carries.
const SLOWEST_BYTES_PER_SECOND: u64 = 16 << 10;

/// One store's way out. Every request is held against the grant, and none is redirected.
pub(crate) struct Transport {
    grant: Arc<Grant>,
    connections: Connections,
    places: Arc<Semaphore>,
    answer_timeout: Duration,
    idle_timeout: Duration,
    /// For Swift: its requests carry the present token instead of the one the library was built with.
    token: Option<Token>,
}

/// A token, and where a new one comes from.
pub(crate) struct Token {
    credentials: Arc<dyn Credentials>,
    current: RwLock<Secret>,
}

impl Token {
    pub(crate) fn new(credentials: Arc<dyn Credentials>, first: Secret) -> Self {
        Self { credentials, current: RwLock::new(first) }
    }

    async fn current(&self) -> Secret {
        self.current.read().await.clone()
    }

    /// A newer token than `refused`. Requests that are refused together ask once.
    async fn newer_than(&self, refused: &Secret) -> Result<Secret, CredentialsError> {
        let mut current = self.current.write().await;
        if *current == *refused {
            match self.credentials.renew().await? {
                Keys::Token(token) => *current = token,
                Keys::Access { .. } | Keys::None => return Err(no_token()),
            }
        }
        Ok(current.clone())
    }
}

pub(crate) fn no_token() -> CredentialsError {
    let reason = "swift needs a token".to_owned();
    CredentialsError { category: skywright_contract::Category::Unauthenticated, reason }
}

impl Transport {
    pub(crate) fn new(network: &Network, settings: &Settings, token: Option<Token>) -> Self {
        Self {
            grant: Arc::clone(&network.grant),
            connections: Connections::new(Arc::clone(&network.grant), Arc::clone(&network.resolver)),
            places: Arc::new(Semaphore::new(settings.concurrent.clamp(1, Semaphore::MAX_PERMITS))),
            answer_timeout: settings.answer_timeout,
            idle_timeout: settings.idle_timeout,
            token,
        }
    }

    /// Whether the grant allows requests there.
    pub(crate) fn check(&self, url: &Url, method: &Method) -> Result<(), HttpError> {
        let method = egress_method(method);
        let endpoints = self.grant.endpoints_for(method, url)?;
        let origin = origin_of(url);
        self.grant.literal(url).map_err(|special| {
            let origin = origin.clone();
            Denial::Address { method, origin, special, redirected_by: None }
        })?;
        let encrypted = url.scheme() == "https";
        match endpoints.first() {
            Some(first) if !encrypted && !endpoints.iter().any(|e| e.plaintext_credentials) => {
                let (credential, endpoint) = ("object storage".to_owned(), first.name.clone());
                Err(Denial::Plaintext { method, origin, credential, endpoint }.into())
            }
            _ => Ok(()),
        }
    }

    async fn exchange(&self, mut request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| unexpected())?;
        let Some(token) = &self.token else { return self.send(request, place).await };
        let first = token.current().await;
        set_token(&mut request, &first)?;
        let again = request.clone();
        let refused = match self.send(request, place).await {
            Err(error) if is_unauthenticated(&error) => error,
            other => return other,
        };
        let Ok(newer) = token.newer_than(&first).await else { return Err(refused) };
        let mut request = again;
        set_token(&mut request, &newer)?;
        let place = Arc::clone(&self.places).acquire_owned().await.map_err(|_| unexpected())?;
        self.send(request, place).await
    }

    async fn send(
        &self,
        request: Request<Buffer>,
        place: OwnedSemaphorePermit,
    ) -> opendal::Result<Response<HttpBody>> {
        let (parts, body) = request.into_parts();
        let url = Url::parse(&parts.uri.to_string()).map_err(|_| unexpected())?;
        self.check(&url, &parts.method).map_err(|error| lost(error, false))?;
        let listing = parts.extensions.get::<RawOperation>() == Some(&RawOperation::List);
        let client = self.connections.client_for(&url).await.map_err(|error| lost(error, false))?;
        let limit = self.answer_timeout + Duration::from_secs(body.len() as u64 / SLOWEST_BYTES_PER_SECOND);
        let mut outgoing = reqwest::Request::new(parts.method.clone(), url.clone());
        *outgoing.headers_mut() = parts.headers;
        if !body.is_empty() {
            *outgoing.body_mut() = Some(body.to_bytes().into());
        }
        let answer = timeout(limit, client.execute(outgoing)).await;
        let answer = match answer {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(unanswered(&url, &parts.method, &error)),
            Err(_) => return Err(failed(Failure::of(FailureKind::Timeout), true)),
        };
        let status = answer.status();
        let head = parts.method == Method::HEAD;
        if status.is_success() || status == StatusCode::NOT_MODIFIED {
            let answer = self.streamed(answer, head, place);
            return if listing && self.token.is_none() { checked_listing(answer).await } else { Ok(answer) };
        }
        self.refused(answer, listing, head).await
    }

    /// The answer, its body as it comes.
    fn streamed(
        &self,
        answer: reqwest::Response,
        head: bool,
        place: OwnedSemaphorePermit,
    ) -> Response<HttpBody> {
        let length = answer.headers().get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        let length = if head || answer.status() == StatusCode::NO_CONTENT { Some(0) } else { length };
        let mut response = Response::new(());
        *response.status_mut() = answer.status();
        *response.headers_mut() = answer.headers().clone();
        let body = HttpBody::new(chunks(answer, self.idle_timeout, place), length);
        response.map(|()| body)
    }

    /// An answer that is an error. Those that the library tells apart go on to it, without their words.
    async fn refused(
        &self,
        answer: reqwest::Response,
        listing: bool,
        head: bool,
    ) -> opendal::Result<Response<HttpBody>> {
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = if head { Bytes::new() } else { self.beginning(answer).await };
        let code = error_code(&body);
        let bucket_missing = code.as_deref() == Some("NoSuchBucket");
        let told_apart = match status.as_u16() {
            404 => !listing && !bucket_missing && code.as_deref() != Some("NoSuchUpload"),
            412 | 416 => true,
            _ => false,
        };
        if !told_apart {
            let kind = kind_of(status, code.as_deref());
            let passing = matches!(status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504)
                || matches!(code.as_deref(), Some("RequestTimeout" | "SlowDown"));
            return Err(failed(Failure { kind, status: Some(status.as_u16()), code }, passing));
        }
        let mut response = Response::new(HttpBody::new(stream::empty(), None));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// The beginning of a body; what comes late or not at all is left out.
    async fn beginning(&self, mut answer: reqwest::Response) -> Bytes {
        let mut body = BytesMut::new();
        let read = async {
            while let Ok(Some(chunk)) = answer.chunk().await {
                body.extend_from_slice(&chunk);
                if body.len() >= MAX_ERROR_BYTES {
                    break;
                }
            }
        };
        // Whatever has come by then is enough to tell what kind of error it is.
        let _ = timeout(self.idle_timeout, read).await;
        body.freeze()
    }
}

impl HttpTransport for Shared {
    async fn fetch(&self, request: Request<Buffer>) -> opendal::Result<Response<HttpBody>> {
        self.0.exchange(request).await
    }
}

/// The library takes any XML, a proxy's page as well, for a listing of nothing: then everything that is
/// compared with it would seem to be gone.
async fn checked_listing(answer: Response<HttpBody>) -> opendal::Result<Response<HttpBody>> {
    let (parts, mut body) = answer.into_parts();
    let listing = body.to_buffer().await?;
    let bytes = listing.to_bytes();
    let beginning = String::from_utf8_lossy(bytes.get(..LISTING_HEAD).unwrap_or(&bytes));
    if !beginning.contains("<ListBucketResult") {
        let status = Some(parts.status.as_u16());
        return Err(failed(Failure { kind: FailureKind::NotUnderstood, status, code: None }, false));
    }
    let length = bytes.len() as u64;
    Ok(Response::from_parts(parts, HttpBody::new(stream::iter([Ok(listing)]), Some(length))))
}

/// The transport, as the library wants it.
pub(crate) struct Shared(pub(crate) Arc<Transport>);

type Chunks = Pin<Box<dyn Stream<Item = opendal::Result<Buffer>> + Send + Sync>>;

fn chunks(answer: reqwest::Response, idle: Duration, place: OwnedSemaphorePermit) -> Chunks {
    Box::pin(stream::unfold(Some((answer, place)), move |state| async move {
        let (mut answer, place) = state?;
        match timeout(idle, answer.chunk()).await {
            Ok(Ok(Some(chunk))) => Some((Ok(Buffer::from(chunk)), Some((answer, place)))),
            Ok(Ok(None)) => None,
            Ok(Err(_)) => Some((Err(failed(Failure::of(FailureKind::CutShort), true)), None)),
            Err(_) => Some((Err(failed(Failure::of(FailureKind::Timeout), true)), None)),
        }
    }))
}

fn set_token(request: &mut Request<Buffer>, token: &Secret) -> opendal::Result<()> {
    let mut value = HeaderValue::from_str(token.expose()).map_err(|_| {
        let error = CredentialsError { reason: "the token is no header value".to_owned(), ..no_token() };
        opendal::Error::new(ErrorKind::ConfigInvalid, "token").set_source(error)
    })?;
    value.set_sensitive(true);
    request.headers_mut().insert(X_AUTH_TOKEN, value);
    Ok(())
}

fn is_unauthenticated(error: &opendal::Error) -> bool {
    let failure = error.source().and_then(|source| source.downcast_ref::<Failure>());
    failure.is_some_and(|failure| failure.kind == FailureKind::Unauthenticated)
}

fn kind_of(status: StatusCode, code: Option<&str>) -> FailureKind {
    match code {
        Some(
            "ExpiredToken"
            | "InvalidToken"
            | "TokenRefreshRequired"
            | "InvalidAccessKeyId"
            | "SignatureDoesNotMatch"
            | "RequestTimeTooSkewed",
        ) => return FailureKind::Unauthenticated,
        Some("NoSuchBucket" | "NoSuchKey" | "NoSuchUpload") => return FailureKind::NotFound,
        Some("SlowDown") => return FailureKind::RateLimited,
        Some("RequestTimeout") => return FailureKind::Timeout,
        Some("QuotaExceeded" | "EntityTooLarge") => return FailureKind::Quota,
        _ => {}
    }
    match status.as_u16() {
        401 => FailureKind::Unauthenticated,
        403 => FailureKind::Forbidden,
        404 | 410 => FailureKind::NotFound,
        405 | 501 => FailureKind::Unsupported,
        408 | 504 => FailureKind::Timeout,
        409 => FailureKind::Conflict,
        413 | 507 => FailureKind::Quota,
        429 => FailureKind::RateLimited,
        300..=399 => FailureKind::Redirected,
        400..=499 => FailureKind::Refused,
        _ => FailureKind::Unavailable,
    }
}

/// The code of an S3 error. Its other words may repeat the request, signature and all.
fn error_code(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let code = text.split_once("<Code>")?.1.split_once("</Code>")?.0;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    ((1..=64).contains(&code.len()) && code.bytes().all(plain)).then(|| code.to_owned())
}

fn failed(failure: Failure, passing: bool) -> opendal::Error {
    let kind = match failure.kind {
        FailureKind::NotFound => ErrorKind::NotFound,
        FailureKind::Forbidden | FailureKind::Unauthenticated => ErrorKind::PermissionDenied,
        FailureKind::RateLimited => ErrorKind::RateLimited,
        _ => ErrorKind::Unexpected,
    };
    let error = opendal::Error::new(kind, failure.to_string()).set_source(failure);
    if passing { error.set_temporary() } else { error }
}

fn lost(error: HttpError, passing: bool) -> opendal::Error {
    let lost = opendal::Error::new(ErrorKind::Unexpected, "no answer").set_source(error);
    if passing { lost.set_temporary() } else { lost }
}

/// A request without an answer.
fn unanswered(url: &Url, method: &Method, error: &reqwest::Error) -> opendal::Error {
    let (error, again) = no_answer(egress_method(method), url, error);
    if !error.is_outcome_unknown() {
        return lost(error, again);
    }
    let changes = !matches!(*method, Method::GET | Method::HEAD);
    let kind = if changes { FailureKind::OutcomeUnknown } else { FailureKind::Unavailable };
    failed(Failure::of(kind), again)
}

fn egress_method(method: &Method) -> skywright_egress::Method {
    match *method {
        Method::HEAD => skywright_egress::Method::Head,
        Method::POST => skywright_egress::Method::Post,
        Method::PUT => skywright_egress::Method::Put,
        Method::DELETE => skywright_egress::Method::Delete,
        _ => skywright_egress::Method::Get,
    }
}

fn unexpected() -> opendal::Error {
    opendal::Error::new(ErrorKind::Unexpected, "the request cannot be sent")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_error_code_is_taken_and_nothing_else() {
        let body = b"<Error><Code>SlowDown</Code><StringToSign>AWS4 secret</StringToSign></Error>";
        assert_eq!(error_code(body).as_deref(), Some("SlowDown"));
        assert_eq!(error_code(b"<Code>a b</Code>"), None);
        assert_eq!(error_code(b"<Code></Code>"), None);
        assert_eq!(error_code(b"<html>503</html>"), None);
    }

    #[test]
    fn a_code_says_more_than_a_status() {
        let kind = |status, code| kind_of(StatusCode::from_u16(status).unwrap(), code);
        assert_eq!(kind(403, None), FailureKind::Forbidden);
        assert_eq!(kind(403, Some("SignatureDoesNotMatch")), FailureKind::Unauthenticated);
        assert_eq!(kind(503, Some("SlowDown")), FailureKind::RateLimited);
        assert_eq!(kind(503, None), FailureKind::Unavailable);
        assert_eq!(kind(301, None), FailureKind::Redirected);
        assert_eq!(kind(507, None), FailureKind::Quota);
    }

    proptest! {
        #[test]
        fn any_body_has_a_plain_code_or_none(body in "(<Code>)?[a-zA-Z<>/ \"'=ü]{0,80}(</Code>)?") {
            if let Some(code) = error_code(body.as_bytes()) {
                prop_assert!(code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-'));
                prop_assert!(body.contains(&code));
            }
        }
    }
}
