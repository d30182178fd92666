//! Why a run did not come about. A check that fails is no error, but part of the report.

use std::path::PathBuf;

use skywright_contract::{Blame, Category};
use skywright_egress::recording::RecordingError;

/// Why a suite was not run, recorded or replayed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A recording cannot be read or written.
    #[error("cannot {action} the recording {}: {source}", path.display())]
    File {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The subject could not be started.
    #[error(transparent)]
    Launch(#[from] crate::LaunchError),
    /// The file is no recording.
    #[error("{}: {source}", path.display())]
    Recording {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: RecordingError,
    },
    /// The file is a recording, but none of a suite.
    #[error("{} is no recording of a suite{}", path.display(), reason.as_ref().map(|r| format!(": {r}")).unwrap_or_default())]
    NoSuite {
        /// The file.
        path: PathBuf,
        /// What of its first line does not fit, if there is something.
        reason: Option<String>,
    },
    /// The recording is another plugin's.
    #[error("the recording is one of {recorded}, and the plugin is {given}")]
    OtherPlugin {
        /// The id in the recording.
        recorded: String,
        /// The plugin's.
        given: String,
    },
    /// There is no such family of checks.
    #[error("there are no checks of `{family}`")]
    UnknownFamily {
        /// What was asked for.
        family: String,
    },
}

impl Error {
    /// The category.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Category::NotFound,
            Self::File { .. } => Category::Unavailable,
            Self::Launch(error) => error.category,
            Self::Recording { .. }
            | Self::NoSuite { .. }
            | Self::OtherPlugin { .. }
            | Self::UnknownFamily { .. } => Category::InvalidRequest,
        }
    }

    /// Who has to act.
    #[must_use]
    pub fn blame(&self) -> Blame {
        if let Self::Launch(error) = self { error.blame } else { Blame::Operator }
    }

    /// The error's own name, stable for scripts.
    #[must_use]
    pub fn code(&self) -> String {
        match self {
            Self::File { .. } => "file".to_owned(),
            Self::Launch(error) => error.code.clone(),
            Self::Recording { .. } | Self::NoSuite { .. } => "recording".to_owned(),
            Self::OtherPlugin { .. } => "other-plugin".to_owned(),
            Self::UnknownFamily { .. } => "unknown-family".to_owned(),
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Launch(error) => error.hint.clone(),
            Self::UnknownFamily { .. } => Some(format!("there are: {}", crate::families().join(", "))),
            Self::NoSuite { .. } => Some("`skywright plugin test PLUGIN --record FILE` makes one".to_owned()),
            Self::File { .. } | Self::Recording { .. } | Self::OtherPlugin { .. } => None,
        }
    }
}
