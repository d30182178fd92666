//! Why a developer's command failed.

use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("cannot {action} {}: {source}", .path.display())]
    Io { action: &'static str, path: PathBuf, source: io::Error },
    #[error("cannot run {program}: {source}")]
    Start { program: String, source: io::Error },
    #[error("{what} failed: {status}")]
    Failed { what: String, status: String },
    #[error("interrupted")]
    Interrupted,
    #[error("cannot catch signals: {0}")]
    Signals(io::Error),
    #[error("neither XDG_CACHE_HOME nor HOME says where the cache is")]
    NoCache,
    #[error("{0}")]
    Author(#[from] skywright_author::Error),
    #[error("{0}")]
    Recipe(#[from] skywright_recipe::Error),
    #[error("{0}")]
    Registry(#[from] skywright_registry::Error),
    #[error("{program} is not installed, and only root can install it")]
    NotInstalled { program: &'static str, package: &'static str },
    #[error("there is no fuzz target {name:?}: there are {}", .known.join(", "))]
    NoTarget { name: String, known: Vec<String> },
    #[error("{target} found something: {}", .artefact.display())]
    Finding { target: String, artefact: PathBuf },
    #[error("{target} ran blind: libFuzzer saw no coverage")]
    Blind { target: String },
    #[error("no port offset up to {0} leaves the rig's ports free")]
    NoPorts(u16),
    #[error("failed: {}", .0.join(", "))]
    Steps(Vec<String>),
}

impl Error {
    /// For `map_err` behind a file operation.
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.as_ref().to_owned(), source }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Author(error) => error.hint(),
            Self::Registry(error) => error.hint(),
            Self::NotInstalled { package, .. } => Some(format!("run: sudo apt-get install {package}")),
            Self::Finding { target, artefact } => {
                Some(format!("to see it again: cargo xtask fuzz {target} --replay {}", artefact.display()))
            }
            Self::NoPorts(_) => Some("set RIG_PORT_OFFSET".to_owned()),
            _ => None,
        }
    }
}
