//! Why something was not done.

use std::path::{Path, PathBuf};
use std::time::Duration;

use skywright_contract::{Blame, Category};

/// Why something was not done. No secret is in any text of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The request makes no sense as it stands.
    #[error("{what}: {reason}")]
    Invalid {
        /// Which part of it.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is no such thing.
    #[error("there is no {0}")]
    NoSuch(String),
    /// Something else still uses it.
    #[error("{what} is used by {holder}")]
    InUse {
        /// What was to go.
        what: String,
        /// What uses it.
        holder: String,
    },
    /// It is in a state in which this cannot be done.
    #[error("{what} is {state}")]
    State {
        /// What.
        what: String,
        /// Its state.
        state: String,
    },
    /// This machine has no room for it.
    #[error("{what}: this machine has {available}")]
    Capacity {
        /// What was asked for.
        what: String,
        /// How much there is.
        available: String,
    },
    /// This machine cannot do it.
    #[error("{what}")]
    Unsupported {
        /// What is missing.
        what: String,
        /// What the operator can do.
        hint: Option<String>,
    },
    /// A command failed.
    #[error("`{command}` failed{}: {last_lines}", status.map_or(String::new(), |code| format!(" with {code}")))]
    Command {
        /// The program and its arguments, cut short.
        command: String,
        /// Its exit code; none where a signal ended it.
        status: Option<i32>,
        /// The last lines that it printed.
        last_lines: String,
    },
    /// A command took too long and was ended.
    #[error("`{command}` took longer than {} s{}", timeout.as_secs(), if last_lines.is_empty() { String::new() } else { format!(": {last_lines}") })]
    Slow {
        /// The program and its arguments, cut short.
        command: String,
        /// How long it might take.
        timeout: Duration,
        /// The last lines that it printed.
        last_lines: String,
    },
    /// Something did not come about in time.
    #[error("{what} within {} s", timeout.as_secs())]
    Late {
        /// What did not.
        what: String,
        /// How long it might take.
        timeout: Duration,
    },
    /// A file or folder could not be used.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The home's state cannot be read.
    #[error("{}: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// What was begun did not come to its end; asked again, it goes on.
    #[error("{what}: {fault}")]
    Unfinished {
        /// What of.
        what: String,
        /// What went wrong.
        fault: String,
    },
    /// A defect.
    #[error("{0}")]
    Internal(String),
}

impl Error {
    /// For `map_err`: what happened to this file.
    pub(crate) fn file(path: impl AsRef<Path>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.as_ref().to_path_buf();
        move |source| Self::File { path, source }
    }

    pub(crate) fn invalid(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Invalid { what: what.into(), reason: reason.into() }
    }

    /// The category.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Invalid { .. } => Category::InvalidRequest,
            Self::NoSuch(_) => Category::NotFound,
            Self::InUse { .. } => Category::InUse,
            Self::State { .. } => Category::Conflict,
            Self::Capacity { .. } => Category::Capacity,
            Self::Unsupported { .. } => Category::Unsupported,
            Self::Slow { .. } | Self::Late { .. } => Category::Timeout,
            Self::Internal(_) => Category::Internal,
            Self::Command { .. } | Self::File { .. } | Self::Corrupt { .. } | Self::Unfinished { .. } => {
                Category::Other
            }
        }
    }

    /// Who has to act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Internal(_) => Blame::Host,
            _ => Blame::Operator,
        }
    }

    /// A word that stands for the kind, for scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "argument",
            Self::NoSuch(_) => "no-such",
            Self::InUse { .. } => "in-use",
            Self::State { .. } => "state",
            Self::Capacity { .. } => "capacity",
            Self::Unsupported { .. } => "unsupported-here",
            Self::Command { .. } => "command",
            Self::Slow { .. } => "slow-command",
            Self::Late { .. } => "late",
            Self::File { .. } => "file",
            Self::Corrupt { .. } => "corrupt-state",
            Self::Unfinished { .. } => "unfinished",
            Self::Internal(_) => "internal",
        }
    }

    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unsupported { hint, .. } => hint.clone(),
            Self::Command { .. } | Self::Slow { .. } | Self::Late { .. } => {
                Some("`skywright doctor` tells what this machine lacks".to_owned())
            }
            Self::Corrupt { path, .. } => Some(format!(
                "move {} away and run `skywright reconcile`: hosts of this home are lost",
                path.display()
            )),
            _ => None,
        }
    }
}
