//! Denials: what the grant does not allow, the rule that missed, and what would change it.

use skywright_contract::{Blame, Category};

use crate::address::SpecialAddress;
use crate::request::Method;

/// A request that the grant does not allow. Nothing of it was sent, unless it is about a redirect:
/// then the answer that redirected had come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Denial {
    /// No endpoint of the grant names the origin.
    #[error("{method} {origin}{}: no endpoint of the grant names it", by(redirected_by.as_ref()))]
    Endpoint {
        /// The operation.
        method: Method,
        /// Where it would have gone.
        origin: String,
        /// The origin that redirected there, if one did.
        redirected_by: Option<String>,
    },
    /// No address that the name has may be dialled.
    #[error(
        "{method} {origin}{}: its address {} is {} (in {}), and no granted network names it",
        by(redirected_by.as_ref()), special.address, special.kind, special.range
    )]
    Address {
        /// The operation.
        method: Method,
        /// Where it would have gone.
        origin: String,
        /// The first address that was refused.
        special: SpecialAddress,
        /// The origin that redirected there, if one did.
        redirected_by: Option<String>,
    },
    /// A credential would leave without TLS.
    #[error(
        "{method} {origin}: credential `{credential}` would leave without TLS, which endpoint `{endpoint}` does not allow"
    )]
    Plaintext {
        /// The operation.
        method: Method,
        /// Where it would have gone.
        origin: String,
        /// The credential's name.
        credential: String,
        /// The endpoint that lists it.
        endpoint: String,
    },
    /// A request with credentials was redirected from `https` to `http`.
    #[error("{method} {from}: it redirects a request with credentials to {to}, without TLS")]
    Downgrade {
        /// The operation.
        method: Method,
        /// The origin that redirected.
        from: String,
        /// The origin that it named.
        to: String,
    },
    /// A request with a credential in its body was redirected to another origin.
    #[error("{method} {from}: it redirects a body with credential `{credential}` to {to}")]
    BodyCredential {
        /// The operation.
        method: Method,
        /// The origin that redirected.
        from: String,
        /// The origin that it named.
        to: String,
        /// The credential's name.
        credential: String,
    },
    /// A redirect names a place that has a secret in its URL.
    #[error("{method} {from}: it redirects to a URL that has a secret in it")]
    SecretInRedirect {
        /// The operation.
        method: Method,
        /// The origin that redirected.
        from: String,
    },
    /// More redirects than the limit.
    #[error("{method} {origin}: more than {limit} redirects")]
    Redirects {
        /// The operation.
        method: Method,
        /// The origin of the last one.
        origin: String,
        /// The limit.
        limit: u32,
    },
}

impl Denial {
    /// What the operator can do, if it should be allowed.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Endpoint { origin, .. } => format!("add `{origin}` to the tenant's `endpoints`"),
            Self::Address { special, .. } => {
                format!("add `{}` to the tenant's `networks`", special.remedy())
            }
            Self::Plaintext { endpoint, .. } => format!(
                "use an `https` endpoint, or set `plaintext_credentials` on the tenant's endpoint `{endpoint}`"
            ),
            Self::Downgrade { from, .. } => {
                format!("configure the final `https` address in place of `{from}`")
            }
            Self::BodyCredential { to, .. } => {
                format!("configure `{to}` directly, with the credential among its endpoint's `credentials`")
            }
            Self::SecretInRedirect { from, .. } => {
                format!("the service at `{from}` reflects credentials: tell its operator")
            }
            Self::Redirects { .. } => "configure the address that the redirects lead to".to_owned(),
        }
    }

    /// Whether it is about a redirect, so that the request itself had been answered.
    #[must_use]
    pub fn is_redirected(&self) -> bool {
        match self {
            Self::Endpoint { redirected_by, .. } | Self::Address { redirected_by, .. } => {
                redirected_by.is_some()
            }
            Self::Plaintext { .. } => false,
            Self::Downgrade { .. }
            | Self::BodyCredential { .. }
            | Self::SecretInRedirect { .. }
            | Self::Redirects { .. } => true,
        }
    }

    /// Always [`Category::Forbidden`].
    #[must_use]
    pub fn category(&self) -> Category {
        Category::Forbidden
    }

    /// Who has to act: the operator, whose grant it is, or the cloud that redirects where it must not.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Endpoint { .. } | Self::Address { .. } | Self::Plaintext { .. } => Blame::Operator,
            Self::Downgrade { .. }
            | Self::BodyCredential { .. }
            | Self::SecretInRedirect { .. }
            | Self::Redirects { .. } => Blame::Cloud,
        }
    }
}

fn by(redirected_by: Option<&String>) -> String {
    redirected_by.map(|origin| format!(" (redirected by {origin})")).unwrap_or_default()
}
