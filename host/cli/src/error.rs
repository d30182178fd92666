//! Everything that a command can fail with, and what of it people and scripts are told.

use skywright_contract::{Blame, Category};
use skywright_runtime::GuestError;

use skywright_ssh::ExitStatus;

use crate::exit;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Author(#[from] skywright_author::Error),
    #[error("{}", checks_message(*failed, *blocked, *stopped))]
    Checks { failed: usize, blocked: usize, stopped: bool, report: Box<serde_json::Value> },
    #[error(transparent)]
    Conformance(#[from] skywright_conformance::Error),
    #[error("the replay differs: {difference}")]
    Replay { difference: String },
    #[error(transparent)]
    Core(#[from] skywright_core::Error),
    #[error("not confirmed; nothing was done")]
    Declined,
    #[error("stopped")]
    Interrupted,
    #[error("the recipe has {errors} errors")]
    Linted { errors: usize, report: Box<serde_json::Value> },
    #[error("the secret cannot be read: {0}")]
    Input(#[source] std::io::Error),
    #[error("{message}")]
    NotHere { message: String, hint: Option<String> },
    #[error("{message}")]
    NotFound { message: String, hint: Option<String> },
    #[error(transparent)]
    Recipe(#[from] skywright_recipe::Error),
    #[error("the result cannot be written: {0}")]
    Output(#[source] std::io::Error),
    /// What ran on a host ended so; that is the process's own end, without a word of ours.
    #[error("{status}")]
    Exited { status: Box<ExitStatus> },
    #[error("it failed on {failed} of {of} hosts")]
    RemoteFailed { failed: usize, of: usize, report: Box<serde_json::Value> },
    #[error("this machine cannot run hosts of its own: {lacks} things are missing")]
    Unfit { lacks: usize, report: Box<serde_json::Value> },
    #[error("the process cannot start its runtime: {0}")]
    Start(#[source] std::io::Error),
    #[error("nobody is there to answer: {question} Nothing was done")]
    Unasked { question: String },
    #[error("{plugins} plugins have components that are known to be vulnerable")]
    Vulnerable { plugins: usize, report: Box<serde_json::Value> },
    #[error("{message}")]
    Usage { message: String, hint: Option<String> },
}

impl From<skywright_runtime::Error> for Error {
    fn from(error: skywright_runtime::Error) -> Self {
        Self::Core(error.into())
    }
}

impl From<skywright_registry::Error> for Error {
    fn from(error: skywright_registry::Error) -> Self {
        Self::Core(error.into())
    }
}

impl From<skywright_ssh::Error> for Error {
    fn from(error: skywright_ssh::Error) -> Self {
        Self::Core(error.into())
    }
}

impl From<skywright_core::objects::Error> for Error {
    fn from(error: skywright_core::objects::Error) -> Self {
        Self::Core(error.into())
    }
}

impl From<skywright_runtime::ValueError> for Error {
    fn from(error: skywright_runtime::ValueError) -> Self {
        skywright_runtime::Error::from(error).into()
    }
}

impl Error {
    pub(crate) fn category(&self) -> Category {
        match self {
            Self::Author(error) => error.category(),
            Self::Recipe(error) => error.category(),
            Self::Linted { .. } => Category::Other,
            Self::Checks { stopped: true, .. } => Category::Cancelled,
            Self::Checks { .. }
            | Self::Exited { .. }
            | Self::RemoteFailed { .. }
            | Self::Replay { .. }
            | Self::Vulnerable { .. } => Category::Other,
            Self::Conformance(error) => error.category(),
            Self::Core(error) => error.category(),
            Self::Declined | Self::Interrupted => Category::Cancelled,
            Self::NotFound { .. } => Category::NotFound,
            Self::NotHere { .. } | Self::Unfit { .. } => Category::Unsupported,
            Self::Input(_) | Self::Output(_) | Self::Start(_) => Category::Unavailable,
            Self::Unasked { .. } | Self::Usage { .. } => Category::InvalidRequest,
        }
    }

    pub(crate) fn blame(&self) -> Blame {
        match self {
            Self::Author(error) => error.blame(),
            Self::Recipe(error) => error.blame(),
            Self::Linted { .. } => Blame::Plugin,
            Self::Checks { stopped: true, .. } => Blame::Operator,
            Self::Checks { .. } | Self::Replay { .. } | Self::Vulnerable { .. } => Blame::Plugin,
            Self::Conformance(error) => error.blame(),
            Self::Core(error) => error.blame(),
            Self::Declined
            | Self::Exited { .. }
            | Self::Input(_)
            | Self::Interrupted
            | Self::NotFound { .. }
            | Self::NotHere { .. }
            | Self::Output(_)
            | Self::RemoteFailed { .. }
            | Self::Start(_)
            | Self::Unasked { .. }
            | Self::Unfit { .. }
            | Self::Usage { .. } => Blame::Operator,
        }
    }

    pub(crate) fn code(&self) -> String {
        match self {
            Self::Author(_) => "build".to_owned(),
            Self::Checks { .. } => "checks-failed".to_owned(),
            Self::Conformance(error) => error.code(),
            Self::Replay { .. } => "replay-differs".to_owned(),
            Self::Core(error) => error.code(),
            Self::Declined => "declined".to_owned(),
            Self::Linted { .. } => "linted".to_owned(),
            Self::Recipe(error) => error.code().to_owned(),
            Self::Exited { .. } => "exited".to_owned(),
            Self::RemoteFailed { .. } => "remote-failed".to_owned(),
            Self::Input(_) => "input".to_owned(),
            Self::Interrupted => "stopped".to_owned(),
            Self::NotFound { .. } => "not-found".to_owned(),
            Self::NotHere { .. } => "unsupported".to_owned(),
            Self::Output(_) => "output".to_owned(),
            Self::Start(_) => "start".to_owned(),
            Self::Unasked { .. } => "unasked".to_owned(),
            Self::Unfit { .. } => "unfit".to_owned(),
            Self::Usage { .. } => "usage".to_owned(),
            Self::Vulnerable { .. } => "vulnerable".to_owned(),
        }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Author(error) => error.hint(),
            Self::Recipe(error) => error.hint(),
            Self::Linted { .. } => None,
            Self::Checks { .. } | Self::Exited { .. } | Self::RemoteFailed { .. } => None,
            Self::Vulnerable { .. } => Some(
                "`skywright plugin update` may have a version without them; ask the publisher".to_owned(),
            ),
            Self::Conformance(error) => error.hint(),
            Self::Replay { .. } => Some("if that is meant, record it again with `--record`".to_owned()),
            Self::Core(error) => error.hint(),
            Self::NotFound { hint, .. } | Self::NotHere { hint, .. } | Self::Usage { hint, .. } => {
                hint.clone()
            }
            Self::Unfit { .. } => Some("the commands of the table mend it, as root".to_owned()),
            Self::Unasked { .. } => Some("--yes goes ahead without a question".to_owned()),
            Self::Interrupted => Some("what was moved until then stays".to_owned()),
            Self::Declined | Self::Input(_) | Self::Output(_) | Self::Start(_) => None,
        }
    }

    /// The text that is wrong, with a mark under the place.
    pub(crate) fn snippet(&self) -> Option<String> {
        match self {
            Self::Core(skywright_core::Error::Sizing(skywright_sizing::Error::Sizing(error))) => {
                Some(error.snippet())
            }
            _ => None,
        }
    }

    /// What there is to show all the same.
    pub(crate) fn result(&self) -> Option<&serde_json::Value> {
        match self {
            Self::Checks { report, .. }
            | Self::Linted { report, .. }
            | Self::RemoteFailed { report, .. }
            | Self::Unfit { report, .. } => Some(report),
            _ => None,
        }
    }

    /// What the plugin answered, if it was the plugin that failed the command.
    pub(crate) fn guest(&self) -> Option<&GuestError> {
        match self {
            Self::Core(skywright_core::Error::Runtime(error)) => error.guest(),
            _ => None,
        }
    }

    pub(crate) fn exit_code(&self) -> u8 {
        if matches!(
            self,
            Self::Checks { stopped: false, .. }
                | Self::Linted { .. }
                | Self::Replay { .. }
                | Self::Vulnerable { .. }
        ) {
            return exit::CHECKS_FAILED;
        }
        match self {
            Self::RemoteFailed { .. } => return exit::REMOTE_FAILED,
            Self::Exited { status } => {
                return match &**status {
                    ExitStatus::Code(code) => u8::try_from(*code).unwrap_or(exit::FAILED),
                    // As a shell says it, without knowing every signal's number.
                    ExitStatus::Signal { .. } => exit::REMOTE_SIGNAL,
                };
            }
            _ => {}
        }
        // A plugin that reports a failure of its own has not crashed.
        if self.guest().is_some_and(|guest| guest.category == Category::Internal) {
            return exit::FAILED;
        }
        exit::code(self.category(), self.blame())
    }
}

fn checks_message(failed: usize, blocked: usize, stopped: bool) -> String {
    match (stopped, failed + blocked) {
        (true, 0) => "the run was stopped".to_owned(),
        (_, _) => format!("{failed} checks failed, {blocked} could not be tried"),
    }
}
