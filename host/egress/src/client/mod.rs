//! The client: one exchange from the guest's request to the guest's answer.

mod body;
mod capture;
mod connect;
mod filled;
mod lost;
mod rate;
mod redirect;
mod retry;

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{
    CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use tokio::sync::Semaphore;
use url::Url;

use crate::address::SpecialAddress;
use crate::denial::Denial;
use crate::error::{HttpError, Oversize};
use crate::grant::{EndpointGrant, Grant, HttpLimits};
use crate::header::header_name;
use crate::pattern::origin_of;
use crate::recording::{Exchange, ExchangeSink};
use crate::replay::Replayer;
use crate::request::{Method, Replay, Request, Response};
use crate::resolve::{Resolver, SystemResolver};
use crate::vault::{Secret, Vault};
use body::{BodyReader, Coding};
use lost::Lost;
use rate::Rates;
use redirect::Hop;
use retry::Budget;

pub use capture::{CaptureError, Captured, check_capture, redact_response, take_captures};
pub use connect::Connections;
pub use lost::no_answer;
pub use rate::Rate;
pub use retry::{back_off, is_busy, parse_retry_after};

/// Sends requests under one grant with one vault. A clone is the same client: it shares connections,
/// limits and rate buckets.
///
/// Making one costs next to nothing: proxies, certificates and connections are looked at when the
/// first request needs them. Sending needs a tokio runtime with time and I/O.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    grant: Arc<Grant>,
    resolver: Arc<dyn Resolver>,
    vault: Vault,
    connections: Connections,
    rates: Rates,
    places: Semaphore,
    sink: Option<Arc<dyn ExchangeSink>>,
    /// What answers in the place of the network.
    replayer: Option<Arc<Replayer>>,
}

/// What one exchange has done so far.
struct Run<'a> {
    budget: Budget,
    bucket: Option<&'a str>,
    /// The secrets that were filled in, in any of its requests.
    used: Vec<Secret>,
    /// Whether a byte of any of its requests may have left.
    sent: &'a AtomicBool,
}

/// What one attempt came to.
enum Attempt {
    Answer(Response),
    Redirect { status: u16, location: String },
    Again(Duration),
}

impl Client {
    /// A client for one grant. `sink` is told of every exchange that ends.
    #[must_use]
    pub fn new(
        grant: Grant,
        vault: Vault,
        resolver: Arc<dyn Resolver>,
        sink: Option<Arc<dyn ExchangeSink>>,
    ) -> Self {
        Self::made(grant, vault, resolver, sink, None)
    }

    /// A client that sends nothing and answers from a recording. Of the vault the names matter alone: its
    /// values stand in for the real ones, and should be no words that an answer may hold.
    #[must_use]
    pub fn replaying(vault: Vault, replayer: Arc<Replayer>, sink: Option<Arc<dyn ExchangeSink>>) -> Self {
        Self::made(Grant::default(), vault, Arc::new(SystemResolver), sink, Some(replayer))
    }

    fn made(
        grant: Grant,
        vault: Vault,
        resolver: Arc<dyn Resolver>,
        sink: Option<Arc<dyn ExchangeSink>>,
        replayer: Option<Arc<Replayer>>,
    ) -> Self {
        let grant = Arc::new(grant);
        Self(Arc::new(Inner {
            connections: Connections::new(Arc::clone(&grant), Arc::clone(&resolver)),
            resolver,
            rates: Rates::new(&grant.rates),
            places: Semaphore::new(grant.limits.concurrent.clamp(1, Semaphore::MAX_PERMITS)),
            grant,
            vault,
            sink,
            replayer,
        }))
    }

    /// The grant.
    #[must_use]
    pub fn grant(&self) -> &Arc<Grant> {
        &self.0.grant
    }

    /// What turns names into addresses.
    #[must_use]
    pub fn resolver(&self) -> &Arc<dyn Resolver> {
        &self.0.resolver
    }

    /// The credentials of these names, in their order, for the host's own code that speaks to `url` itself:
    /// as far as a request to there might carry them. No guest gets at this.
    ///
    /// # Errors
    ///
    /// [`HttpError::Invalid`] if it is no URL; [`HttpError::Denied`] if no endpoint names it, or one of them
    /// does not go there without TLS; [`HttpError::NoCredential`] if one may not go there at all, or is not
    /// there (any more).
    pub fn lend(&self, url: &str, names: &[&str]) -> Result<Vec<Secret>, HttpError> {
        let hop = Hop {
            method: Method::Get,
            url: parse_url(url).map_err(|reason| invalid("url", reason))?,
            replay: Replay::Safe,
            headers: Vec::new(),
            body: None,
            redirected_by: None,
        };
        let endpoints = self.endpoints_for(&hop)?;
        names.iter().map(|name| self.credential(&hop, &endpoints, name)).collect()
    }

    /// The vault.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// Sends a request and gives the answer as the guest may see it.
    ///
    /// Waits for a place and for its rate bucket, follows redirects, resends what may be resent. The
    /// whole takes no longer than the request's timeout or the grant's. Dropping the future ends the
    /// exchange and frees all that it held; what it had sent is sent.
    ///
    /// # Errors
    ///
    /// See [`HttpError`]. [`is_outcome_unknown`](HttpError::is_outcome_unknown) says whether the
    /// request may have been carried out.
    pub async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let result = match &self.0.replayer {
            Some(replayer) => replayer.answer(&request, &self.0.vault),
            None => self.send_in_time(&request).await,
        };
        if let Some(sink) = &self.0.sink {
            let request = request.redacted(&self.0.vault.echo_redactor(&[]));
            sink.exchange(&Exchange::new(request, &result));
        }
        result
    }

    async fn send_in_time(&self, request: &Request) -> Result<Response, HttpError> {
        let own = request.timeout_ms.map_or(Duration::MAX, |ms| Duration::from_millis(ms.into()));
        let limit = own.min(self.limits().exchange);
        let sent = AtomicBool::new(false);
        match tokio::time::timeout(limit, self.exchange(request, limit, &sent)).await {
            Ok(result) => result,
            Err(_) => Err(HttpError::Timeout {
                limit_ms: u64::try_from(limit.as_millis()).unwrap_or(u64::MAX),
                sent: sent.load(Ordering::Relaxed),
            }),
        }
    }

    async fn exchange(
        &self,
        request: &Request,
        limit: Duration,
        sent: &AtomicBool,
    ) -> Result<Response, HttpError> {
        let mut hop = self.first_hop(request)?;
        let deadline = self.0.vault.clock().monotonic().saturating_add(limit);
        let bucket = request.bucket.as_deref();
        let mut run = Run { budget: Budget::new(deadline), bucket, used: Vec::new(), sent };
        let mut redirects = 0;
        loop {
            match self.attempt(&hop, &mut run).await? {
                Attempt::Again(wait) => self.0.vault.clock().sleep(wait).await,
                Attempt::Answer(response) => return self.finish(request, response, &run.used),
                Attempt::Redirect { .. } if redirects >= self.limits().redirects => {
                    let (method, origin) = (hop.method, origin_of(&hop.url));
                    return Err(Denial::Redirects { method, origin, limit: redirects }.into());
                }
                Attempt::Redirect { status, location } => {
                    redirects += 1;
                    hop = self.next_hop(hop, status, &location, &run.used)?;
                }
            }
        }
    }

    /// Everything that can be wrong with a request before the grant is asked.
    fn first_hop(&self, request: &Request) -> Result<Hop, HttpError> {
        let url = parse_url(&request.url).map_err(|reason| invalid("url", reason))?;
        let mut headers = Vec::with_capacity(request.headers.len());
        for (name, value) in &request.headers {
            let name = header_name(name).map_err(|error| invalid("headers", error))?;
            headers.push((name, value.clone()));
        }
        for capture in &request.captures {
            check_capture(capture).map_err(|error| invalid("captures", error))?;
            self.0.vault.check_name(&capture.credential).map_err(|error| invalid("captures", error))?;
        }
        if let Some(bucket) = request.bucket.as_deref().filter(|bucket| !self.0.rates.contains(bucket)) {
            return Err(invalid("bucket", format_args!("no rate is declared for `{bucket}`")));
        }
        Ok(Hop {
            method: request.method,
            url,
            replay: request.replay,
            headers,
            body: request.body.clone(),
            redirected_by: None,
        })
    }

    fn next_hop(&self, hop: Hop, status: u16, location: &str, used: &[Secret]) -> Result<Hop, HttpError> {
        let from = origin_of(&hop.url);
        // Not even to its own origin: a secret in a URL ends up in logs.
        if matches!(self.0.vault.echo_redactor(used).redact(location), Cow::Owned(_)) {
            return Err(Denial::SecretInRedirect { method: hop.method, from }.into());
        }
        let target = hop.url.join(location).map_err(|_| "it is no URL");
        let target =
            target.and_then(|target| parse_url(target.as_str())).map_err(|reason| HttpError::Transport {
                origin: from,
                sent: true,
                reason: format!("it redirects to a place that cannot be asked: {reason}"),
            })?;
        Ok(redirect::follow(hop, status, target)?)
    }

    /// Sends one request once, as soon as there is a place for it.
    async fn attempt(&self, hop: &Hop, run: &mut Run<'_>) -> Result<Attempt, HttpError> {
        let endpoints = self.endpoints_for(hop)?;
        let _slot = self.0.rates.enter(run.bucket, self.0.vault.clock().as_ref()).await;
        // The semaphore is never closed.
        let _place = self.0.places.acquire().await.ok();
        // Filled in after the waiting: what is captured may have expired or been renewed.
        let filled = self.fill(hop, &endpoints, &mut run.used)?;
        let client = self.0.connections.client_for(&hop.url).await?;
        let before = run.sent.swap(true, Ordering::Relaxed);
        let lost = match client.execute(filled.into_request(hop)).await {
            Ok(response) => match self.read(hop, run, response).await {
                Ok(attempt) => return Ok(attempt),
                Err(lost) => lost,
            },
            Err(error) => self.lost(hop, &error),
        };
        run.sent.store(before || lost.sent, Ordering::Relaxed);
        let now = self.0.vault.clock().monotonic();
        let wait = if lost.again { run.budget.wait(hop.replay, lost.sent, None, now) } else { None };
        wait.map(Attempt::Again).ok_or(lost.error)
    }

    /// The decision by name, and by address where the URL has one instead of a name.
    fn endpoints_for(&self, hop: &Hop) -> Result<Vec<&EndpointGrant>, HttpError> {
        let endpoints = self.0.grant.endpoints_for(hop.method, &hop.url).map_err(|mut denial| {
            if let Denial::Endpoint { redirected_by, .. } = &mut denial {
                redirected_by.clone_from(&hop.redirected_by);
            }
            denial
        })?;
        self.0.grant.literal(&hop.url).map_err(|special| address_denied(hop, special))?;
        Ok(endpoints)
    }

    /// Reads an answer as far as it is needed.
    async fn read(
        &self,
        hop: &Hop,
        run: &mut Run<'_>,
        mut response: reqwest::Response,
    ) -> Result<Attempt, Lost> {
        let status = response.status().as_u16();
        let limits = self.limits();
        let size: usize = response.headers().iter().map(|(n, v)| n.as_str().len() + v.len() + 4).sum();
        if size > limits.header_bytes {
            return Err(Lost::for_good(too_large(Oversize::ResponseHeaders, limits.header_bytes)));
        }
        if is_busy(status) {
            let clock = self.0.vault.clock();
            let after = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
            let after = after.and_then(|value| parse_retry_after(value, clock.wall()));
            if let Some(wait) = run.budget.wait(hop.replay, true, after, clock.monotonic()) {
                return Ok(Attempt::Again(wait));
            }
        }
        if redirect::is_redirect(status)
            && let Some(location) = response.headers().get(LOCATION)
        {
            return Ok(Attempt::Redirect { status, location: text_of(location) });
        }
        let codings = response.headers().get_all(CONTENT_ENCODING).iter().map(text_of).collect::<Vec<_>>();
        let coding = Coding::parse(codings.iter().map(String::as_str));
        let is_coded = matches!(coding, Ok(Coding::Gzip));
        let mut reader = BodyReader::new(coding, limits.body_bytes);
        while let Some(chunk) = response.chunk().await.map_err(|error| self.lost(hop, &error))? {
            reader.push(&chunk).map_err(|error| self.body_lost(hop, error))?;
        }
        let body = reader.finish().map_err(|error| self.body_lost(hop, error))?;
        let headers = response
            .headers()
            .iter()
            .filter(|(name, _)| !is_of_the_connection(name))
            .filter(|(name, _)| !(is_coded && matches!(**name, CONTENT_ENCODING | CONTENT_LENGTH)))
            .map(|(name, value)| (name.as_str().to_owned(), text_of(value)))
            .collect();
        Ok(Attempt::Answer(Response { status, headers, body }))
    }

    /// Moves captured secrets into the vault and everything secret out of the answer.
    fn finish(
        &self,
        request: &Request,
        mut response: Response,
        used: &[Secret],
    ) -> Result<Response, HttpError> {
        let vault = &self.0.vault;
        // The request was carried out: only what may be shown of the answer is missing.
        let withheld = |reason: String| HttpError::Transport {
            origin: Url::parse(&request.url).map(|url| origin_of(&url)).unwrap_or_default(),
            sent: true,
            reason: format!("the answer is withheld: {reason}"),
        };
        let captured =
            take_captures(&request.captures, &mut response).map_err(|error| withheld(error.to_string()))?;
        // A server that hands back what it was sent would give a credential a second name, under
        // which it may go elsewhere.
        let known = vault.launder_redactor(used);
        let mut secrets = used.to_vec();
        secrets.extend(captured.dropped);
        for (index, secret) in captured.values {
            let capture = &request.captures[index];
            let same = vault.get(&capture.credential).is_some_and(|own| own == secret);
            if !same && known.redact(secret.expose()) != secret.expose() {
                return Err(withheld("what is to be captured holds a credential already known".to_owned()));
            }
            let ttl = Duration::from_secs(capture.ttl_s.into());
            secrets.push(secret.clone());
            vault.insert(&capture.credential, secret, ttl).map_err(|error| withheld(error.to_string()))?;
        }
        redact_response(&vault.echo_redactor(&secrets), &mut response);
        if request.method != Method::Head {
            let length = response.body.len().to_string();
            let own = response.headers.iter_mut().filter(|(name, _)| *name == CONTENT_LENGTH.as_str());
            own.for_each(|(_, value)| value.clone_from(&length));
        }
        Ok(response)
    }

    fn limits(&self) -> &HttpLimits {
        &self.0.grant.limits
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("grant", &self.0.grant)
            .field("vault", &self.0.vault)
            .finish_non_exhaustive()
    }
}

/// An absolute `http` or `https` URL with a host, and without user name and password.
fn parse_url(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "it is no absolute URL")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("its scheme is neither `http` nor `https`");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it has a user name or a password in it");
    }
    Ok(url)
}

fn address_denied(hop: &Hop, special: SpecialAddress) -> Denial {
    let (method, origin) = (hop.method, origin_of(&hop.url));
    Denial::Address { method, origin, special, redirected_by: hop.redirected_by.clone() }
}

fn invalid(subject: &str, reason: impl fmt::Display) -> HttpError {
    HttpError::Invalid { subject: subject.to_owned(), reason: reason.to_string() }
}

fn too_large(what: Oversize, limit: usize) -> HttpError {
    HttpError::TooLarge { what, limit_bytes: u64::try_from(limit).unwrap_or(u64::MAX) }
}

/// Headers that are about the connection, which the guest does not see.
fn is_of_the_connection(name: &HeaderName) -> bool {
    matches!(*name, CONNECTION | TE | TRAILER | TRANSFER_ENCODING | UPGRADE)
        || name.as_str() == "keep-alive"
        || name.as_str().starts_with("proxy-")
}

/// A header's value as text: UTF-8, or else each byte a character.
fn text_of(value: &HeaderValue) -> String {
    match str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().map(|byte| char::from(*byte)).collect(),
    }
}
