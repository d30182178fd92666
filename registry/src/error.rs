//! Why a plugin was not found or not read.

use std::path::PathBuf;

use skywright_contract::{Blame, Category, PackageError};

/// Why a plugin was not found or not read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Several plugins have the name.
    #[error("`{name}` is ambiguous: {}", .ids.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// What it could be.
        ids: Vec<String>,
    },
    /// A file or folder could not be read.
    #[error("cannot read {}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// No plugin has the name.
    #[error("there is no plugin `{name}`")]
    NotFound {
        /// What was asked for.
        name: String,
        /// Where it was looked for.
        folders: Vec<PathBuf>,
    },
    /// The file is there and is not a plugin.
    #[error("{}: {source}", path.display())]
    Package {
        /// Which.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: PackageError,
    },
    /// The file is larger than any plugin may be, so it was not read.
    #[error("{} is {bytes} bytes long; a plugin may have {limit_bytes}", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit_bytes: u64,
    },
}

impl Error {
    /// What kind of failure it was.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::NotFound { .. } => Category::NotFound,
            Self::File { source, .. } if source.kind() == std::io::ErrorKind::NotFound => Category::NotFound,
            Self::File { .. } => Category::Unavailable,
            Self::TooLarge { .. } => Category::Quota,
            Self::Ambiguous { .. } | Self::Package { .. } => Category::InvalidRequest,
        }
    }

    /// Who has to act on it.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Package { .. } | Self::TooLarge { .. } => Blame::Plugin,
            _ => Blame::Operator,
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NotFound { folders, .. } => {
                let folders: Vec<_> = folders.iter().map(|folder| folder.display().to_string()).collect();
                Some(format!(
                    "give the path of a plugin file, or one of `skywright plugin list`; looked in {}",
                    folders.join(", ")
                ))
            }
            Self::Ambiguous { .. } => Some("give the whole id, namespace/name".to_owned()),
            Self::Package { source, .. } => source.hint(),
            Self::File { .. } | Self::TooLarge { .. } => None,
        }
    }
}
