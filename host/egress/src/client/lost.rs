//! What it means that there was no answer, and whether asking again may help.

use std::error::Error;

use url::Url;

use super::body::BodyError;
use super::redirect::Hop;
use super::{Client, address_denied, too_large};
use crate::denial::Denial;
use crate::error::{HttpError, Oversize};
use crate::pattern::origin_of;
use crate::request::Method;
use crate::resolve::Refused;

/// An attempt without an answer, and whether another one may have it.
pub(super) struct Lost {
    pub(super) error: HttpError,
    pub(super) sent: bool,
    pub(super) again: bool,
}

impl Client {
    /// What an error of the transport means.
    pub(super) fn lost(&self, hop: &Hop, error: &reqwest::Error) -> Lost {
        let origin = origin_of(&hop.url);
        if let Some(Refused(special)) = find::<Refused>(error) {
            let denial = address_denied(hop, *special);
            return Lost { error: denial.into(), sent: false, again: false };
        }
        if find::<hyper::Error>(error).is_some_and(hyper::Error::is_parse_too_large) {
            return Lost::for_good(too_large(Oversize::ResponseHeaders, self.limits().header_bytes));
        }
        let sent = !is_unsent(error);
        // A server chose some of the words.
        let reason = self.0.vault.redact(&reason_of(error));
        Lost { error: HttpError::Transport { origin, sent, reason }, sent, again: !is_certificate(error) }
    }

    pub(super) fn body_lost(&self, hop: &Hop, error: BodyError) -> Lost {
        let reason = match error {
            BodyError::TooLarge => {
                return Lost::for_good(too_large(Oversize::ResponseBody, self.limits().body_bytes));
            }
            BodyError::Broken => "the answer's gzip is broken or ends too early".to_owned(),
            BodyError::Coding(coding) => {
                let coding = self.0.vault.redact(&coding);
                format!("the answer is coded as `{coding}`, which was not asked for")
            }
        };
        Lost::for_good(HttpError::Transport { origin: origin_of(&hop.url), sent: true, reason })
    }
}

impl Lost {
    /// After an answer that will not be better the next time.
    pub(super) fn for_good(error: HttpError) -> Self {
        Self { error, sent: true, again: false }
    }
}

/// What it means that one of [`Connections::client_for`]'s clients had no answer, and whether asking
/// again may help. The reason holds words of the TLS and HTTP libraries, none of a server's body.
#[must_use]
pub fn no_answer(method: Method, url: &Url, error: &reqwest::Error) -> (HttpError, bool) {
    let origin = origin_of(url);
    if let Some(Refused(special)) = find::<Refused>(error) {
        let denial = Denial::Address { method, origin, special: *special, redirected_by: None };
        return (denial.into(), false);
    }
    let sent = !is_unsent(error);
    (HttpError::Transport { origin, sent, reason: reason_of(error) }, !is_certificate(error))
}

fn is_unsent(error: &reqwest::Error) -> bool {
    let canceled = find::<hyper::Error>(error).is_some_and(hyper::Error::is_canceled);
    error.is_connect() || error.is_builder() || canceled
}

/// A certificate does not get better by asking again.
fn is_certificate(error: &reqwest::Error) -> bool {
    find_tls(error).is_some_and(|error| matches!(error, rustls::Error::InvalidCertificate(_)))
}

/// The errors behind an error, itself first.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    let first: &(dyn Error + 'static) = error;
    std::iter::successors(Some(first), |error| (*error).source())
}

fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    chain(error).find_map(|error| error.downcast_ref())
}

/// An error of TLS, which travels inside errors of I/O that do not name it as their source.
fn find_tls(error: &reqwest::Error) -> Option<&rustls::Error> {
    chain(error).find_map(|error| {
        let mut inner = error;
        while let Some(io) = inner.downcast_ref::<std::io::Error>() {
            inner = io.get_ref()?;
        }
        inner.downcast_ref()
    })
}

/// What the errors behind an error say, without the URL that the first one shows.
fn reason_of(error: &reqwest::Error) -> String {
    let mut reason = String::new();
    for text in chain(error).skip(1).map(ToString::to_string) {
        if !reason.contains(&text) {
            if !reason.is_empty() {
                reason.push_str(": ");
            }
            reason.push_str(&text);
        }
    }
    if reason.is_empty() { "the exchange failed".to_owned() } else { reason }
}
