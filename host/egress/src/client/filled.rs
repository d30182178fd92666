//! A request with its secrets filled in: each may go to where the request goes, or nothing is sent.

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use zeroize::Zeroizing;

use super::redirect::Hop;
use super::{Client, invalid, too_large};
use crate::denial::Denial;
use crate::error::{HttpError, NoCredential, Oversize};
use crate::grant::EndpointGrant;
use crate::header::header_value;
use crate::pattern::origin_of;
use crate::text::{ExpandError, Text, expand};
use crate::vault::Secret;

/// A request with its secrets filled in.
pub(super) struct Filled {
    headers: HeaderMap,
    body: Option<Bytes>,
}

impl Client {
    /// A hop's request, with its secrets filled in, which are added to those that were used.
    pub(super) fn fill(
        &self,
        hop: &Hop,
        endpoints: &[&EndpointGrant],
        used: &mut Vec<Secret>,
    ) -> Result<Filled, HttpError> {
        let limits = self.limits();
        let mut headers = HeaderMap::new();
        let mut left = limits.header_bytes.saturating_sub(hop.url.as_str().len());
        for (name, text) in &hop.headers {
            left = left.saturating_sub(name.as_str().len() + 4);
            let value = self.expand(hop, endpoints, text, left, used).map_err(|error| {
                fill_error(error, name.as_str(), Oversize::RequestHeaders, limits.header_bytes)
            })?;
            left = left.saturating_sub(value.len());
            let secret = text.credentials().next().is_some();
            let value = header_value(name, &value, secret).map_err(|error| invalid("headers", error))?;
            headers.append(name, value);
        }
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let body = match &hop.body {
            None => None,
            Some(text) => {
                let body = self.expand(hop, endpoints, text, limits.body_bytes, used);
                let body = body
                    .map_err(|error| fill_error(error, "body", Oversize::RequestBody, limits.body_bytes))?;
                Some(Bytes::from_owner(Wiped(body)))
            }
        };
        Ok(Filled { headers, body })
    }

    fn expand(
        &self,
        hop: &Hop,
        endpoints: &[&EndpointGrant],
        text: &Text,
        limit: usize,
        used: &mut Vec<Secret>,
    ) -> Result<Zeroizing<Vec<u8>>, ExpandError<HttpError>> {
        expand(text, limit, |name| {
            let secret = self.credential(hop, endpoints, name)?;
            if !used.contains(&secret) {
                used.push(secret.clone());
            }
            Ok(secret)
        })
    }

    /// A credential, if it may go to where the hop goes.
    pub(super) fn credential(
        &self,
        hop: &Hop,
        endpoints: &[&EndpointGrant],
        name: &str,
    ) -> Result<Secret, HttpError> {
        let refused = |reason| HttpError::NoCredential {
            credential: name.to_owned(),
            origin: origin_of(&hop.url),
            reason,
        };
        let mut listing = endpoints.iter().filter(|endpoint| endpoint.credentials.contains(name));
        let Some(first) = listing.next() else { return Err(refused(NoCredential::NotListed)) };
        let plaintext = first.plaintext_credentials || listing.any(|e| e.plaintext_credentials);
        if hop.url.scheme() != "https" && !plaintext {
            return Err(Denial::Plaintext {
                method: hop.method,
                origin: origin_of(&hop.url),
                credential: name.to_owned(),
                endpoint: first.name.clone(),
            }
            .into());
        }
        self.0.vault.get(name).ok_or_else(|| refused(NoCredential::Absent))
    }
}

impl Filled {
    pub(super) fn into_request(self, hop: &Hop) -> reqwest::Request {
        let mut request = reqwest::Request::new(hop.method.into(), hop.url.clone());
        *request.headers_mut() = self.headers;
        *request.body_mut() = self.body.map(Into::into);
        request
    }
}

/// Overwrites the body when the last copy of it is dropped.
struct Wiped(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for Wiped {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

fn fill_error(error: ExpandError<HttpError>, subject: &str, what: Oversize, limit: usize) -> HttpError {
    match error {
        ExpandError::Credential(error) => error,
        ExpandError::BasicUser => invalid(subject, "the user of `secret-basic` has a colon in it"),
        ExpandError::TooLong => too_large(what, limit),
    }
}
