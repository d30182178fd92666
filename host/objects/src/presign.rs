//! URLs that work without credentials for a while.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use skywright_egress::Secret;

use crate::error::{Error, Operation, from_opendal};
use crate::name::ObjectName;
use crate::operator::configuration;
use crate::plane::Protocol;
use crate::store::Bucket;

/// The longest that S3 signs for: a week.
const MAX_EXPIRY: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a presigned URL is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresignedAction {
    /// `GET` the object.
    Read,
    /// `PUT` the object, whole.
    Write,
}

/// A URL that works without credentials until it expires. Whoever has it may use it: `Debug` does not
/// show its query.
#[derive(Clone)]
pub struct PresignedUrl {
    /// `GET` or `PUT`.
    pub method: &'static str,
    /// The URL, signature and all.
    pub url: Secret,
    /// Headers that have to be sent with it, besides `host`.
    pub headers: Vec<(String, String)>,
    /// When it stops working. A session token that expires earlier ends it earlier.
    pub expires: Timestamp,
}

impl fmt::Debug for PresignedUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.url.expose().split('?').next().unwrap_or_default();
        f.debug_struct("PresignedUrl")
            .field("method", &self.method)
            .field("url", &format_args!("{place}?***"))
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl Bucket {
    /// Signs a URL for one object. Nothing is sent: neither the object nor the keys are checked.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] but on S3 (Swift's temporary URLs need a key that is set on the account);
    /// [`Error::Configuration`] for an expiry of less than a second or more than seven days.
    pub async fn presign(
        &self,
        action: PresignedAction,
        name: &ObjectName,
        expiry: Duration,
    ) -> Result<PresignedUrl, Error> {
        if self.protocol() != Protocol::S3 {
            return Err(Error::Unsupported { operation: Operation::Presign, protocol: self.protocol() });
        }
        if expiry < Duration::from_secs(1) || expiry > MAX_EXPIRY {
            return Err(configuration("expiry", "it is less than a second or more than seven days"));
        }
        let wrong = configuration("expiry", "it is out of range");
        let expires = Timestamp::now().checked_add(expiry).map_err(|_| wrong)?;
        self.attempt(|operator| async move {
            let signed = match action {
                PresignedAction::Read => operator.presign_read(name.as_str(), expiry).await,
                PresignedAction::Write => operator.presign_write(name.as_str(), expiry).await,
            };
            let signed = signed.map_err(|error| from_opendal(Operation::Presign, name.as_str(), &error))?;
            let headers = signed.header().iter().filter(|(name, _)| *name != http::header::HOST);
            let headers = headers.map(|(name, value)| (name.to_string(), text(value))).collect();
            let method = if action == PresignedAction::Read { "GET" } else { "PUT" };
            Ok(PresignedUrl { method, url: Secret::new(signed.uri().to_string()), headers, expires })
        })
        .await
    }
}

fn text(value: &http::HeaderValue) -> String {
    String::from_utf8_lossy(value.as_bytes()).into_owned()
}
