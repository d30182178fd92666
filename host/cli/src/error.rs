//! Everything that a command can fail with, and what of it people and scripts are told.

use skywright_contract::{Blame, Category};
use skywright_runtime::GuestError;

use crate::exit;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error(transparent)]
    Author(#[from] skywright_author::Error),
    #[error(transparent)]
    Core(#[from] skywright_core::Error),
    #[error("the result cannot be written: {0}")]
    Output(#[source] std::io::Error),
    #[error("the process cannot start its runtime: {0}")]
    Start(#[source] std::io::Error),
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

impl From<skywright_runtime::ValueError> for Error {
    fn from(error: skywright_runtime::ValueError) -> Self {
        skywright_runtime::Error::from(error).into()
    }
}

impl Error {
    pub(crate) fn category(&self) -> Category {
        match self {
            Self::Author(error) => error.category(),
            Self::Core(error) => error.category(),
            Self::Output(_) | Self::Start(_) => Category::Unavailable,
            Self::Usage { .. } => Category::InvalidRequest,
        }
    }

    pub(crate) fn blame(&self) -> Blame {
        match self {
            Self::Author(error) => error.blame(),
            Self::Core(error) => error.blame(),
            Self::Output(_) | Self::Start(_) | Self::Usage { .. } => Blame::Operator,
        }
    }

    pub(crate) fn code(&self) -> String {
        match self {
            Self::Author(_) => "build".to_owned(),
            Self::Core(error) => error.code(),
            Self::Output(_) => "output".to_owned(),
            Self::Start(_) => "start".to_owned(),
            Self::Usage { .. } => "usage".to_owned(),
        }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Author(error) => error.hint(),
            Self::Core(error) => error.hint(),
            Self::Usage { hint, .. } => hint.clone(),
            Self::Output(_) | Self::Start(_) => None,
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
        // A plugin that reports a failure of its own has not crashed.
        if self.guest().is_some_and(|guest| guest.category == Category::Internal) {
            return exit::FAILED;
        }
        exit::code(self.category(), self.blame())
    }
}
