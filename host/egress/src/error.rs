//! Why there is no answer.

use std::fmt;

use skywright_contract::{Blame, Category};

use crate::denial::Denial;
use crate::replay::Difference;

/// What was larger than its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Oversize {
    /// The body of the request, with its secrets.
    RequestBody,
    /// The headers of the request, with their secrets.
    RequestHeaders,
    /// The body of the answer, decoded.
    ResponseBody,
    /// The headers of the answer.
    ResponseHeaders,
}

impl fmt::Display for Oversize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::RequestBody => "the request's body",
            Self::RequestHeaders => "the request's headers",
            Self::ResponseBody => "the answer's body",
            Self::ResponseHeaders => "the answer's headers",
        })
    }
}

/// Why a credential was not filled in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoCredential {
    /// The vault has none of that name, or it has expired.
    Absent,
    /// No endpoint of the grant lists it for this origin.
    NotListed,
}

impl fmt::Display for NoCredential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "it is not there or has expired",
            Self::NotListed => "no endpoint of the grant lists it for this origin",
        })
    }
}

/// Why there is no answer. No secret is in any text of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The grant does not allow it.
    #[error(transparent)]
    Denied(#[from] Denial),
    /// A credential in the request is not there, or not for this endpoint. Nothing was sent.
    #[error("{origin}: credential `{credential}`: {reason}")]
    NoCredential {
        /// The credential's name.
        credential: String,
        /// Where it would have gone.
        origin: String,
        /// Which of the two.
        reason: NoCredential,
    },
    /// The request is malformed, or what it captures is.
    #[error("{subject}: {reason}")]
    Invalid {
        /// Which part of it.
        subject: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The whole exchange took too long.
    #[error("no answer within {limit_ms} ms{}", if *sent { "" } else { "; nothing was sent" })]
    Timeout {
        /// How long it might take.
        limit_ms: u64,
        /// Whether anything may have left.
        sent: bool,
    },
    /// Something is larger than its limit.
    #[error("{what} has more than {limit_bytes} bytes")]
    TooLarge {
        /// What.
        what: Oversize,
        /// The limit.
        limit_bytes: u64,
    },
    /// No answer was understood.
    #[error("{origin}: {reason}{}", if *sent { "" } else { "; nothing was sent" })]
    Transport {
        /// Where it went.
        origin: String,
        /// Whether anything may have left: if so, the request may have been carried out.
        sent: bool,
        /// What happened.
        reason: String,
    },
    /// There is a recording in the place of the network, and this is not in it.
    #[error("nothing was sent: {0}")]
    NotRecorded(Difference),
    /// What was recorded is an error.
    #[error("{text}")]
    Recorded {
        /// Its [`kind`](Self::kind).
        kind: String,
        /// What it said.
        text: String,
    },
    /// The site's certificate authorities or its proxy cannot be used. Nothing was sent.
    #[error("{subject}: {reason}")]
    Site {
        /// Which file, or which proxy.
        subject: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl HttpError {
    /// The kind, as the contract's `http-error` and a recording spell it. [`Site`](Self::Site) is a
    /// `transport` there.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Denied(_) => "denied",
            Self::NoCredential { .. } => "no-credential",
            Self::Invalid { .. } => "invalid",
            Self::Timeout { .. } => "timeout",
            Self::TooLarge { .. } => "too-large",
            Self::NotRecorded(_) => "invalid",
            Self::Recorded { kind, .. } => match kind.as_str() {
                "denied" => "denied",
                "no-credential" => "no-credential",
                "invalid" => "invalid",
                "timeout" => "timeout",
                "too-large" => "too-large",
                _ => "transport",
            },
            Self::Transport { .. } | Self::Site { .. } => "transport",
        }
    }

    /// Whether the request may have been carried out although there is no answer.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Timeout { sent, .. } | Self::Transport { sent, .. } => *sent,
            Self::TooLarge { what, .. } => {
                matches!(what, Oversize::ResponseBody | Oversize::ResponseHeaders)
            }
            Self::Denied(denial) => denial.is_redirected(),
            Self::Recorded { .. } => {
                let unsent = self.to_string().ends_with("nothing was sent");
                !unsent && matches!(self.kind(), "timeout" | "transport")
            }
            Self::NoCredential { .. } | Self::Invalid { .. } | Self::NotRecorded(_) | Self::Site { .. } => {
                false
            }
        }
    }

    /// The category.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Denied(denial) => denial.category(),
            Self::NoCredential { .. } => Category::Unauthenticated,
            Self::Invalid { .. } | Self::NotRecorded(_) => Category::InvalidRequest,
            Self::Recorded { .. } => match self.kind() {
                "denied" => Category::Forbidden,
                "no-credential" => Category::Unauthenticated,
                "invalid" => Category::InvalidRequest,
                "timeout" => Category::Timeout,
                "too-large" => Category::Quota,
                _ if self.is_outcome_unknown() => Category::OutcomeUnknown,
                _ => Category::Unavailable,
            },
            Self::Timeout { .. } => Category::Timeout,
            Self::TooLarge { .. } => Category::Quota,
            Self::Transport { sent: true, .. } => Category::OutcomeUnknown,
            Self::Transport { sent: false, .. } => Category::Unavailable,
            Self::Site { .. } => Category::Other,
        }
    }

    /// Who has to act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Denied(denial) => denial.blame(),
            Self::NoCredential { .. } | Self::Site { .. } => Blame::Operator,
            Self::Invalid { .. } | Self::NotRecorded(_) => Blame::Plugin,
            Self::Recorded { .. } => match self.kind() {
                "denied" | "no-credential" => Blame::Operator,
                "invalid" => Blame::Plugin,
                _ => Blame::Cloud,
            },
            Self::TooLarge { what, .. } => match what {
                Oversize::RequestBody | Oversize::RequestHeaders => Blame::Plugin,
                Oversize::ResponseBody | Oversize::ResponseHeaders => Blame::Cloud,
            },
            Self::Timeout { .. } | Self::Transport { .. } => Blame::Cloud,
        }
    }

    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Denied(denial) => Some(denial.hint()),
            Self::NoCredential { credential, reason: NoCredential::Absent, .. } => {
                Some(format!("set `{credential}` among the tenant's credentials, or sign in again"))
            }
            Self::NoCredential { credential, origin, reason: NoCredential::NotListed } => Some(format!(
                "add `{credential}` to the `credentials` of the tenant's endpoint for `{origin}`"
            )),
            Self::Transport { reason, .. } if reason.contains("certificate") => Some(
                "if the site has its own authority, add it to the tenant's `certificate_authorities`"
                    .to_owned(),
            ),
            Self::NotRecorded(_) => Some("if that is meant, record it again".to_owned()),
            Self::Site { .. } => Some("correct the tenant's `certificate_authorities` or `proxy`".to_owned()),
            _ => None,
        }
    }
}
