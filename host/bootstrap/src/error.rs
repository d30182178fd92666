//! Why a host cannot be told, or not be understood.

use skywright_contract::{Blame, Category};

/// Why there is no script, or no host key. No secret is in any text of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value that makes no sense.
    #[error("{what}: {reason}")]
    Invalid {
        /// Which.
        what: String,
        /// Why.
        reason: String,
    },
    /// The script is larger than clouds take.
    #[error("the bootstrap script has {size_bytes} bytes, of {limit_bytes} that clouds take")]
    TooLarge {
        /// How large it is.
        size_bytes: usize,
        /// How large it may be.
        limit_bytes: usize,
    },
    /// What the console shows of the host's keys is not what a host prints.
    #[error("the console shows host keys that cannot be trusted: {reason}")]
    HostKeys {
        /// Why not.
        reason: &'static str,
    },
}

impl Error {
    pub(crate) fn invalid(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), reason: reason.into() }
    }

    /// What kind of failure it is.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Invalid { .. } | Self::TooLarge { .. } => Category::InvalidRequest,
            Self::HostKeys { .. } => Category::Other,
        }
    }

    /// Who has to act on it.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Invalid { .. } | Self::TooLarge { .. } => Blame::Operator,
            Self::HostKeys { .. } => Blame::Cloud,
        }
    }

    /// The error's own name, stable for scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "argument",
            Self::TooLarge { .. } => "bootstrap-too-large",
            Self::HostKeys { .. } => "host-keys",
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Invalid { .. } => None,
            Self::TooLarge { .. } => Some("give it fewer keys or ranges".to_owned()),
            Self::HostKeys { .. } => Some("look at the host's console, or make the host anew".to_owned()),
        }
    }
}
