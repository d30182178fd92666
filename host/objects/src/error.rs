//! Why something was not done. No secret and no URL with a query is in any text of it: words of a
//! server's are not repeated, but for its error code.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use skywright_contract::{Blame, Category};
use skywright_egress::HttpError;

use crate::credentials::CredentialsError;
use crate::name::NameError;
use crate::plane::Protocol;

/// What was being done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// Opening the store.
    Open,
    /// Listing objects.
    List,
    /// Looking at one object.
    Stat,
    /// Reading an object.
    Read,
    /// Writing an object.
    Write,
    /// Deleting objects.
    Delete,
    /// Signing a URL.
    Presign,
}

impl Operation {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::List => "list",
            Self::Stat => "stat",
            Self::Read => "read",
            Self::Write => "write",
            Self::Delete => "delete",
            Self::Presign => "presign",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What kind of failure a store's is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// There is no such object or bucket.
    NotFound,
    /// These credentials may not do it.
    Forbidden,
    /// The credentials are missing, wrong or expired.
    Unauthenticated,
    /// Too many requests.
    RateLimited,
    /// The store does not work now, or cannot be reached.
    Unavailable,
    /// It took too long.
    Timeout,
    /// The connection ended after a change had been asked for: it may have been made.
    OutcomeUnknown,
    /// The object has changed meanwhile.
    Changed,
    /// It collides with another change.
    Conflict,
    /// No room, or larger than the store takes.
    Quota,
    /// The store says that the request makes no sense.
    Refused,
    /// The answer ended early, again and again.
    CutShort,
    /// The answer is none of this protocol: a proxy's or another service's.
    NotUnderstood,
    /// The answer sends the request elsewhere, which is not followed.
    Redirected,
    /// The library underneath or the store cannot do it.
    Unsupported,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "there is none",
            Self::Forbidden => "it is not allowed",
            Self::Unauthenticated => "the credentials were refused",
            Self::RateLimited => "too many requests",
            Self::Unavailable => "the store does not work now",
            Self::Timeout => "no answer in time",
            Self::OutcomeUnknown => "no answer; it may have been done",
            Self::Changed => "it has changed meanwhile",
            Self::Conflict => "it collides with another change",
            Self::Quota => "there is no room for it, or it is too large",
            Self::Refused => "the store calls the request invalid",
            Self::CutShort => "the answer ended early",
            Self::NotUnderstood => "the answer was not understood",
            Self::Redirected => "the store is elsewhere",
            Self::Unsupported => "it cannot be done there",
        })
    }
}

/// How a store failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Which kind.
    pub kind: FailureKind,
    /// The answer's HTTP status.
    pub status: Option<u16>,
    /// The store's own code (`SlowDown`), if it consists of nothing but letters, digits, `.` and `-`.
    pub code: Option<String>,
}

impl Failure {
    pub(crate) fn of(kind: FailureKind) -> Self {
        Self { kind, status: None, code: None }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.kind)?;
        match (self.status, &self.code) {
            (Some(status), Some(code)) => write!(f, " ({status} {code})"),
            (Some(status), None) => write!(f, " ({status})"),
            (None, Some(code)) => write!(f, " ({code})"),
            (None, None) => Ok(()),
        }
    }
}

impl std::error::Error for Failure {}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name of a bucket, an object or a prefix is none. Nothing was sent.
    #[error("`{}`: {reason}", name.escape_debug())]
    Name {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: NameError,
    },
    /// What a driver or the caller has set makes no sense. Nothing was sent.
    #[error("{subject}: {reason}")]
    Configuration {
        /// Which setting.
        subject: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The protocol cannot do it. Nothing was sent.
    #[error("{operation}: not with {protocol}")]
    Unsupported {
        /// What.
        operation: Operation,
        /// The protocol.
        protocol: Protocol,
    },
    /// There are no keys.
    #[error("credentials: {0}")]
    Credentials(#[from] CredentialsError),
    /// The grant does not allow it, or no answer came.
    #[error("{operation} `{subject}`: {source}")]
    Http {
        /// What was being done.
        operation: Operation,
        /// To which bucket or object.
        subject: String,
        /// What happened.
        source: Box<HttpError>,
    },
    /// The store did not do it.
    #[error("{operation} `{subject}`: {failure}")]
    Store {
        /// What was being done.
        operation: Operation,
        /// To which bucket or object.
        subject: String,
        /// How it failed.
        failure: Failure,
    },
    /// A file or folder of this machine.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file is not what it was when it was planned or opened, or its place is taken.
    #[error("{}: {reason}", path.display())]
    Local {
        /// Which.
        path: PathBuf,
        /// What is the matter.
        reason: &'static str,
    },
    /// Some of several objects failed; what comes after all others (deleting) was left.
    #[error("{failed} of {total} failed; the first: {first}")]
    Partial {
        /// How many failed.
        failed: u64,
        /// Of how many.
        total: u64,
        /// The first that failed.
        first: Box<Error>,
    },
}

impl Error {
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }

    pub(crate) fn name(name: &str, reason: NameError) -> Self {
        Self::Name { name: name.to_owned(), reason }
    }

    pub(crate) fn store(operation: Operation, subject: &str, kind: FailureKind) -> Self {
        Self::Store { operation, subject: subject.to_owned(), failure: Failure::of(kind) }
    }

    /// The category.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Name { .. } | Self::Configuration { .. } => Category::InvalidRequest,
            Self::Unsupported { .. } => Category::Unsupported,
            Self::Credentials(error) => error.category,
            Self::Http { source, .. } => source.category(),
            Self::Store { failure, .. } => match failure.kind {
                FailureKind::NotFound => Category::NotFound,
                FailureKind::Forbidden => Category::Forbidden,
                FailureKind::Unauthenticated => Category::Unauthenticated,
                FailureKind::RateLimited => Category::RateLimited,
                FailureKind::Unavailable | FailureKind::CutShort => Category::Unavailable,
                FailureKind::Timeout => Category::Timeout,
                FailureKind::OutcomeUnknown => Category::OutcomeUnknown,
                FailureKind::Changed | FailureKind::Conflict => Category::Conflict,
                FailureKind::Quota => Category::Quota,
                FailureKind::Refused => Category::InvalidRequest,
                FailureKind::Unsupported => Category::Unsupported,
                FailureKind::NotUnderstood | FailureKind::Redirected => Category::Other,
            },
            Self::File { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => Category::NotFound,
                io::ErrorKind::PermissionDenied => Category::Forbidden,
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Category::Quota,
                _ => Category::Other,
            },
            Self::Local { .. } => Category::Conflict,
            Self::Partial { first, .. } => first.category(),
        }
    }

    /// Who has to act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Configuration { .. } => Blame::Plugin,
            Self::Http { source, .. } => source.blame(),
            Self::Store { failure, .. } => match failure.kind {
                FailureKind::RateLimited
                | FailureKind::Unavailable
                | FailureKind::Timeout
                | FailureKind::OutcomeUnknown
                | FailureKind::CutShort
                | FailureKind::NotUnderstood => Blame::Cloud,
                _ => Blame::Operator,
            },
            Self::Partial { first, .. } => first.blame(),
            Self::Name { .. }
            | Self::Unsupported { .. }
            | Self::Credentials(_)
            | Self::File { .. }
            | Self::Local { .. } => Blame::Operator,
        }
    }

    /// A short name of the error, for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "object-name",
            Self::Configuration { .. } => "object-configuration",
            Self::Unsupported { .. } => "object-unsupported",
            Self::Credentials(_) => "object-credentials",
            Self::Http { .. } => "object-http",
            Self::Store { .. } => "object-store",
            Self::File { .. } => "object-file",
            Self::Local { .. } => "object-local",
            Self::Partial { .. } => "object-partial",
        }
    }

    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Http { source, .. } => source.hint(),
            Self::Partial { first, .. } => first.hint(),
            Self::Unsupported { protocol: Protocol::Gcs, .. } => Some(
                "use the store's S3-compatible endpoint, `https://storage.googleapis.com`, with an HMAC key"
                    .to_owned(),
            ),
            Self::Unsupported { operation: Operation::Presign, .. } => {
                Some("use the store's S3 endpoint, if it has one".to_owned())
            }
            Self::Store { failure, .. } => store_hint(failure).map(ToOwned::to_owned),
            _ => None,
        }
    }
}

fn store_hint(failure: &Failure) -> Option<&'static str> {
    match (failure.kind, failure.code.as_deref()) {
        (FailureKind::NotFound, Some("NoSuchBucket")) => Some("there is no bucket of that name"),
        (FailureKind::Unauthenticated, Some("RequestTimeTooSkewed")) => {
            Some("set this machine's clock right")
        }
        (FailureKind::Unauthenticated, Some("SignatureDoesNotMatch")) => {
            Some("check the secret key, and that the region is the store's own")
        }
        (FailureKind::Unauthenticated, _) => Some("check the tenant's credentials, or sign in again"),
        (FailureKind::Redirected, _) => Some("correct the endpoint or the region"),
        (FailureKind::OutcomeUnknown, _) => Some("look whether it was done before trying again"),
        (FailureKind::NotUnderstood, _) => {
            Some("check the endpoint and the proxy: something else than the store seems to answer")
        }
        _ => None,
    }
}

/// What an error of the library means. Its own message is left out: it repeats what a server wrote.
pub(crate) fn from_opendal(operation: Operation, subject: &str, error: &opendal::Error) -> Error {
    let subject = subject.to_owned();
    if let Some(source) = find::<HttpError>(error) {
        return Error::Http { operation, subject, source: Box::new(source.clone()) };
    }
    if let Some(credentials) = find::<CredentialsError>(error) {
        return Error::Credentials(credentials.clone());
    }
    if let Some(failure) = find::<Failure>(error) {
        return Error::Store { operation, subject, failure: failure.clone() };
    }
    let system = find::<io::Error>(error).and_then(io::Error::raw_os_error);
    if let Some(system) = system.filter(|_| error.kind() != opendal::ErrorKind::NotFound) {
        let source = io::Error::from_raw_os_error(system);
        return Error::File { path: PathBuf::from(subject), source };
    }
    let kind = match error.kind() {
        opendal::ErrorKind::NotFound => FailureKind::NotFound,
        opendal::ErrorKind::PermissionDenied => FailureKind::Forbidden,
        opendal::ErrorKind::RateLimited => FailureKind::RateLimited,
        opendal::ErrorKind::AlreadyExists | opendal::ErrorKind::Conflict => FailureKind::Conflict,
        opendal::ErrorKind::ConditionNotMatch | opendal::ErrorKind::RangeNotSatisfied => FailureKind::Changed,
        opendal::ErrorKind::Unsupported => FailureKind::Unsupported,
        opendal::ErrorKind::ConfigInvalid => FailureKind::Refused,
        opendal::ErrorKind::IsADirectory | opendal::ErrorKind::NotADirectory => FailureKind::Conflict,
        _ if error.message().contains("too little data") => FailureKind::CutShort,
        _ => FailureKind::NotUnderstood,
    };
    Error::Store { operation, subject, failure: Failure::of(kind) }
}

fn find<E: std::error::Error + 'static>(error: &opendal::Error) -> Option<&E> {
    let first: &(dyn std::error::Error + 'static) = error;
    std::iter::successors(Some(first), |error| (*error).source()).find_map(|error| error.downcast_ref())
}
