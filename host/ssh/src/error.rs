//! Why something could not be done. No secret is in any text of it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use skywright_contract::{Blame, Category};

use crate::hop::{Hop, Role};
use crate::output::Output;

/// What a server said about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RemoteReason {
    /// There is none.
    NotFound,
    /// The user may not.
    PermissionDenied,
    /// It was not a file, or not a folder, where one was needed.
    WrongKind,
    /// Anything else, in the server's words.
    Failed(String),
}

impl std::fmt::Display for RemoteReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotFound => f.write_str("there is none"),
            Self::PermissionDenied => f.write_str("permission denied"),
            Self::WrongKind => f.write_str("it is of another kind"),
            Self::Failed(words) => f.write_str(&crate::text::printable(words)),
        }
    }
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server does not take the key. Nothing was done.
    #[error("{hop} refuses the key of `{user}`{}", if *partial { ": it wants more than a key" } else { "" })]
    AuthRefused {
        /// Which server.
        hop: Hop,
        /// The user who wanted to sign in.
        user: String,
        /// Whether the key was taken but is not enough.
        partial: bool,
    },
    /// The source of a copy changed while it was copied. The destination has not been touched.
    #[error("`{path}` changed while it was copied")]
    Changed {
        /// Which file.
        path: String,
    },
    /// What arrived is not what was sent. The destination has not been touched.
    #[error("`{path}` did not arrive as it was sent: its digest is {got}, not {expected}")]
    Digest {
        /// The destination.
        path: String,
        /// The source's digest.
        expected: String,
        /// The copy's digest.
        got: String,
    },
    /// Both sides speak SSH, but not to one another, or one of them does not.
    #[error("{hop}: {reason}")]
    Handshake {
        /// With whom.
        hop: Hop,
        /// Why.
        reason: String,
    },
    /// The machine shows another host key than the pinned ones. Nothing was sent to it but our version.
    #[error("{hop} is not the one that is known: its host key is {got}, not {}", one_of(expected))]
    HostKeyMismatch {
        /// Which machine.
        hop: Hop,
        /// The fingerprints that would have been taken.
        expected: Vec<String>,
        /// The fingerprint of the one that it shows.
        got: String,
    },
    /// A defect.
    #[error("internal error: {0}")]
    Internal(String),
    /// Somebody hung up, or a signal ended this process's part.
    #[error("the session was left")]
    Interrupted,
    /// An argument that makes no sense.
    #[error("{what}: {reason}")]
    Invalid {
        /// Which.
        what: String,
        /// Why.
        reason: String,
    },
    /// A file or socket of this machine.
    #[error("cannot {action} {}: {source}", path.display())]
    Local {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file, or the address of the socket.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The connection ended in the middle: whether and how far it was done is unknown.
    #[error("the connection to {hop} was lost: {reason}; it may have been done in whole or in part")]
    Lost {
        /// The machine where something was being done.
        hop: Hop,
        /// How it ended, as far as this side saw.
        reason: String,
        /// What a command had printed until then.
        output: Option<Box<Output>>,
    },
    /// None of the gateways works.
    #[error("{target} cannot be reached: {}", causes(failures))]
    NoGateway {
        /// Where it should have gone.
        target: Hop,
        /// Why each of them does not.
        failures: Vec<Error>,
    },
    /// A file of a remote machine.
    #[error("cannot {action} `{path}` on {hop}: {reason}")]
    Remote {
        /// Which machine.
        hop: Hop,
        /// What was tried, such as `write`.
        action: &'static str,
        /// The file.
        path: String,
        /// What the server said.
        reason: RemoteReason,
    },
    /// The server does not allow something. It was not done.
    #[error("{hop} refuses {what}")]
    Refused {
        /// Which server.
        hop: Hop,
        /// What, such as `a session`.
        what: &'static str,
    },
    /// The terminal of this machine cannot be used.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[source] io::Error),
    /// A command took longer than it might.
    #[error(
        "the command took more than {} s on {hop}{}", limit.as_secs_f64(),
        if *ended { " and was ended" } else { "; it may still run" }
    )]
    Timeout {
        /// Where.
        hop: Hop,
        /// How long it might take.
        limit: Duration,
        /// Whether the machine confirmed that it was ended.
        ended: bool,
        /// What it had printed until then.
        output: Option<Box<Output>>,
    },
    /// There is no connection. Nothing was done.
    #[error("{hop} cannot be reached: {reason}")]
    Unreachable {
        /// Which machine.
        hop: Hop,
        /// Why.
        reason: String,
    },
}

fn one_of(fingerprints: &[String]) -> String {
    if fingerprints.is_empty() { "any".to_owned() } else { fingerprints.join(" or ") }
}

fn causes(failures: &[Error]) -> String {
    failures.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl Error {
    pub(crate) fn unreachable(hop: &Hop, reason: impl Into<String>) -> Self {
        Self::Unreachable { hop: hop.clone(), reason: reason.into() }
    }

    pub(crate) fn invalid(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), reason: reason.into() }
    }

    pub(crate) fn local(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Local { action, path, source }
    }

    /// Whether another way to the same machine may work: this one is down.
    #[must_use]
    pub fn is_unreachable(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::NoGateway { .. })
    }

    /// Whether something may have been done although there is no answer.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::Lost { .. } | Self::Timeout { ended: false, .. })
    }

    /// The category.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::AuthRefused { .. } => Category::Unauthenticated,
            Self::Changed { .. } => Category::Conflict,
            Self::Digest { .. } | Self::Internal(_) => Category::Internal,
            Self::HostKeyMismatch { .. } | Self::Refused { .. } => Category::Forbidden,
            Self::Handshake { .. } => Category::Unsupported,
            Self::Interrupted => Category::Cancelled,
            Self::Invalid { .. } => Category::InvalidRequest,
            Self::Local { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => Category::NotFound,
                io::ErrorKind::PermissionDenied => Category::Forbidden,
                io::ErrorKind::AlreadyExists => Category::AlreadyExists,
                io::ErrorKind::AddrInUse => Category::InUse,
                io::ErrorKind::StorageFull => Category::Quota,
                _ => Category::Other,
            },
            Self::Lost { .. } => Category::OutcomeUnknown,
            Self::NoGateway { .. } | Self::Unreachable { .. } => Category::Unavailable,
            Self::Remote { reason, .. } => match reason {
                RemoteReason::NotFound => Category::NotFound,
                RemoteReason::PermissionDenied => Category::Forbidden,
                RemoteReason::WrongKind => Category::Conflict,
                RemoteReason::Failed(_) => Category::Other,
            },
            Self::Terminal(_) => Category::Other,
            Self::Timeout { .. } => Category::Timeout,
        }
    }

    /// Who has to act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Digest { .. } | Self::Internal(_) => Blame::Host,
            Self::Lost { .. } | Self::NoGateway { .. } | Self::Unreachable { .. } => Blame::Cloud,
            _ => Blame::Operator,
        }
    }

    /// The code, which stays the same from release to release.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::AuthRefused { .. } => "ssh-key-refused",
            Self::Changed { .. } => "source-changed",
            Self::Digest { .. } => "digest",
            Self::Handshake { .. } => "ssh-handshake",
            Self::HostKeyMismatch { .. } => "host-key-mismatch",
            Self::Internal(_) => "internal",
            Self::Interrupted => "interrupted",
            Self::Invalid { .. } => "argument",
            Self::Local { .. } => "file",
            Self::Lost { .. } => "connection-lost",
            Self::NoGateway { .. } => "no-gateway",
            Self::Remote { .. } => "remote-file",
            Self::Refused { .. } => "ssh-refused",
            Self::Terminal(_) => "terminal",
            Self::Timeout { .. } => "command-timeout",
            Self::Unreachable { .. } => "unreachable",
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::AuthRefused { .. } => Some(
                "look at the user's `~/.ssh/authorized_keys` there; a new machine may not have it yet".to_owned(),
            ),
            Self::Changed { .. } => Some("copy it again once nobody writes to it".to_owned()),
            Self::HostKeyMismatch { .. } => Some(
                "either the machine was made anew or somebody is in between: compare with what the provider's console shows"
                    .to_owned(),
            ),
            Self::Lost { .. } => Some("a copy goes on where it ended when it is started again".to_owned()),
            Self::Remote { reason: RemoteReason::PermissionDenied, .. } => {
                Some("with `sudo` it is done as root".to_owned())
            }
            Self::Timeout { ended: false, .. } => Some("look whether it still runs".to_owned()),
            Self::Unreachable { hop, .. } if hop.role == Role::Gateway => {
                Some("look whether the gateway runs and its security group allows SSH from here".to_owned())
            }
            Self::NoGateway { .. } | Self::Unreachable { .. } => {
                Some("look whether the host runs and its security group allows SSH".to_owned())
            }
            _ => None,
        }
    }
}
