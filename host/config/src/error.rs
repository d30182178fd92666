//! Why a file was not read, or not changed.

use std::io;
use std::path::PathBuf;

use skywright_contract::{Blame, Category};

use crate::Place;

/// Why a file was not read, or not changed. What stands in the file is never part of it: keys are.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("cannot {action} {}: {source}", .path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It does not parse, or says what cannot be.
    #[error("{place}: {reason}")]
    Wrong {
        /// Where.
        place: Place,
        /// What is wrong.
        reason: String,
    },
}

impl Error {
    /// What kind of failure it is.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound => Category::NotFound,
            Self::File { .. } => Category::Other,
            Self::Wrong { .. } => Category::InvalidRequest,
        }
    }

    /// Who has to act on it: whoever wrote the file.
    #[must_use]
    pub fn blame(&self) -> Blame {
        Blame::Operator
    }

    /// A stable word for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::File { .. } => "file",
            Self::Wrong { .. } => "config",
        }
    }

    /// What to do about it; nothing is known here.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        None
    }
}
