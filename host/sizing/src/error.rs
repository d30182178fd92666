//! Why nothing could be chosen.

use skywright_contract::{Blame, Category};

use crate::sizing::SyntaxError;

/// Why nothing could be chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A sizing expression that is not one.
    #[error("sizing: {0}")]
    Sizing(#[from] SyntaxError),
}

impl Error {
    /// The category.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Sizing(_) => Category::InvalidRequest,
        }
    }

    /// Who has to act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        Blame::Operator
    }

    /// The error's own name, stable for scripts.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::Sizing(_) => "sizing",
        }
        .to_owned()
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Sizing(error) => error.hint(),
        }
    }
}
