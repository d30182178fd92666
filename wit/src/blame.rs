//! What kind of failure it was, and whose: the two facts that every error of the product carries.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why something did not succeed: the contract's `category`, used for the host's own errors too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// The request makes no sense as it stands.
    InvalidRequest,
    /// Credentials are missing or wrong.
    Unauthenticated,
    /// It is not allowed.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// It is there already.
    AlreadyExists,
    /// It collides with another change.
    Conflict,
    /// A quota or one of the sandbox's limits is used up.
    Quota,
    /// The cloud has no room.
    Capacity,
    /// Too many requests.
    RateLimited,
    /// It does not answer now.
    Unavailable,
    /// It took too long.
    Timeout,
    /// Somebody stopped it.
    Cancelled,
    /// It may have been carried out.
    OutcomeUnknown,
    /// Something else still uses it.
    InUse,
    /// It cannot be done here.
    Unsupported,
    /// A defect.
    Internal,
    /// None of these.
    Other,
}

impl Category {
    /// The category's name, as the contract and all output spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid-request",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::AlreadyExists => "already-exists",
            Self::Conflict => "conflict",
            Self::Quota => "quota",
            Self::Capacity => "capacity",
            Self::RateLimited => "rate-limited",
            Self::Unavailable => "unavailable",
            Self::Timeout => "timeout",
            Self::Cancelled => "cancelled",
            Self::OutcomeUnknown => "outcome-unknown",
            Self::InUse => "in-use",
            Self::Unsupported => "unsupported",
            Self::Internal => "internal",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who has to act on an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Blame {
    /// The plugin's author: it broke a limit, trapped, or lied.
    Plugin,
    /// The cloud's operator.
    Cloud,
    /// Whoever runs skywright: a setting, an argument, a grant, a full disk.
    Operator,
    /// Skywright itself.
    Host,
}

impl fmt::Display for Blame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Plugin => "plugin",
            Self::Cloud => "cloud",
            Self::Operator => "operator",
            Self::Host => "host",
        })
    }
}
