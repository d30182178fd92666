//! Every way in which loading or calling a plugin fails, with whose fault it is and what to do.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use skywright_contract::{Blame, Category, PackageError};

use crate::limits::{LimitExceeded, LimitName};
use crate::trap::TrapReport;
use crate::value::ValueError;

/// Why a plugin was not loaded, or a call to it did not succeed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file of the host's own (artefacts, keys, core dumps) could not be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The artefact folder is not the user's alone.
    #[error("the artefact folder {} is not safe to load code from: {reason}", path.display())]
    ArtefactFolder {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The call was stopped from outside.
    #[error("the call was cancelled")]
    Cancelled,
    /// The compile child refused or failed.
    #[error("the plugin could not be compiled: {reason}")]
    Compile {
        /// What the compiler, or the system, said.
        reason: String,
    },
    /// A defect of the host, or of the engine in it.
    #[error("internal error: {0}")]
    Engine(String),
    /// The plugin answered with an error of the contract.
    #[error("{}", .0.message)]
    Guest(Box<GuestError>),
    /// A limit was met.
    #[error(transparent)]
    Limit(#[from] LimitExceeded),
    /// The plugin exports no such function.
    #[error("the plugin has no function `{function}`")]
    NoFunction {
        /// What was asked for.
        function: String,
        /// What there is, in the plugin's order.
        available: Vec<String>,
    },
    /// Not a plugin, or not one that keeps the contract.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// The plugin crashed.
    #[error(transparent)]
    Trap(Box<TrapReport>),
    /// An argument does not fit the function.
    #[error(transparent)]
    Value(#[from] ValueError),
}

/// The contract's `error`, as a plugin gave it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestError {
    /// What kind.
    pub category: Category,
    /// The cloud's own code, or a code of the plugin's.
    pub code: String,
    /// One sentence fragment.
    pub message: String,
    /// What it is about.
    #[serde(default)]
    pub subject: Option<String>,
    /// The HTTP status that it came with.
    #[serde(default)]
    pub http_status: Option<u16>,
    /// When it may be worth asking again; `None` for never.
    #[serde(default)]
    pub retry_after: Option<Duration>,
    /// What the user can do.
    #[serde(default)]
    pub hint: Option<String>,
}

impl Error {
    /// What kind of failure it was.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Cancelled => Category::Cancelled,
            Self::Guest(error) => error.category,
            Self::Limit(LimitExceeded {
                limit: LimitName::WallTimeMs | LimitName::CompileTimeMs, ..
            }) => Category::Timeout,
            Self::Limit(_) => Category::Quota,
            Self::NoFunction { .. } => Category::NotFound,
            Self::Package(_) | Self::Value(_) => Category::InvalidRequest,
            Self::Compile { .. } | Self::Trap(_) | Self::Engine(_) => Category::Internal,
            Self::File { .. } => Category::Unavailable,
            Self::ArtefactFolder { .. } => Category::Forbidden,
        }
    }

    /// Who has to act on it.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Guest(error) => guest_blame(error.category),
            Self::Limit(_) | Self::Trap(_) | Self::Package(_) | Self::Compile { .. } => Blame::Plugin,
            Self::Cancelled
            | Self::NoFunction { .. }
            | Self::Value(_)
            | Self::File { .. }
            | Self::ArtefactFolder { .. } => Blame::Operator,
            Self::Engine(_) => Blame::Host,
        }
    }

    /// The error's own name, stable for scripts, such as `limit-exceeded`.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::File { .. } => "file".to_owned(),
            Self::ArtefactFolder { .. } => "artefact-folder".to_owned(),
            Self::Cancelled => "cancelled".to_owned(),
            Self::Compile { .. } => "compile".to_owned(),
            Self::Engine(_) => "internal".to_owned(),
            Self::Guest(error) => error.code.clone(),
            Self::Limit(limit) => format!("limit-{}", limit.limit),
            Self::NoFunction { .. } => "no-function".to_owned(),
            Self::Package(_) => "not-a-plugin".to_owned(),
            Self::Trap(_) => "trap".to_owned(),
            Self::Value(_) => "argument".to_owned(),
        }
    }

    /// The contract's error, if it is one that the plugin answered with.
    #[must_use]
    pub fn guest(&self) -> Option<&GuestError> {
        if let Self::Guest(error) = self { Some(error) } else { None }
    }

    /// What can be done about it, if anything can.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::File { .. } => Some("check the free space and the rights of that folder".to_owned()),
            Self::ArtefactFolder { path, .. } => {
                Some(format!("remove {} and let skywright make it again", path.display()))
            }
            Self::Engine(_) => Some("please report this, with the command that led to it".to_owned()),
            Self::Guest(error) => error.hint.clone(),
            Self::Limit(limit) => Some(format!(
                "an operator may raise it with `--limit {}=VALUE`; if the plugin needs no more than others, it has a defect",
                limit.limit
            )),
            Self::NoFunction { available, .. } => Some(format!("it has: {}", available.join(", "))),
            Self::Package(error) => error.hint(),
            Self::Trap(report) => Some(format!("report it to {}", report.report)),
            Self::Value(error) => error.hint(),
            Self::Cancelled | Self::Compile { .. } => None,
        }
    }
}

/// A plugin reports what the cloud said: the category tells whose move it is.
fn guest_blame(category: Category) -> Blame {
    match category {
        Category::InvalidRequest
        | Category::Unauthenticated
        | Category::Forbidden
        | Category::NotFound
        | Category::AlreadyExists
        | Category::Conflict
        | Category::Quota
        | Category::InUse
        | Category::Unsupported
        | Category::Cancelled => Blame::Operator,
        Category::Capacity
        | Category::RateLimited
        | Category::Unavailable
        | Category::Timeout
        | Category::OutcomeUnknown => Blame::Cloud,
        Category::Internal | Category::Other => Blame::Plugin,
    }
}

/// For `map_err` on the host's own files.
pub(crate) fn file_error(
    action: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.into();
    move |source| Error::File { action, path, source }
}
