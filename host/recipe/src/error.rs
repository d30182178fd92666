//! Why a recipe author's command failed.

use std::io;
use std::path::{Path, PathBuf};

use skywright_config::Place;
use skywright_contract::{Blame, Category, PackageError};
use skywright_recipe_format::BundleError;

/// Every way in which an author's command fails. What lint finds is no error of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be read as YAML, or says what a recipe cannot; with line and column.
    #[error(transparent)]
    Config(#[from] skywright_config::Error),
    /// A recipe parses, and is wrong.
    #[error("{}", listed(.0))]
    Wrong(Vec<Wrong>),
    /// A recipe with its templates is no bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// A file or folder could not be read or written.
    #[error("cannot {action} {}: {source}", .path.display())]
    Io {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is no `recipe.yaml`.
    #[error("{} is not a recipe's folder: it has no recipe.yaml", .folder.display())]
    NotARecipe {
        /// The folder.
        folder: PathBuf,
    },
    /// A file of `scripts/` that no template is, or that is too large.
    #[error("{}: {reason}", .path.display())]
    Template {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The interpreter is not one that a recipe can be written into.
    #[error("this interpreter takes no recipe: {0}")]
    Interpreter(String),
    /// What was built does not keep the contract.
    #[error("the component that was built does not keep the contract: {0}")]
    Contract(#[from] PackageError),
    /// A name that no recipe can have.
    #[error("{name:?} is no recipe's name: publisher/name, lower-case letters, digits and single hyphens")]
    Name {
        /// What was given.
        name: String,
    },
    /// A new recipe never goes where something is already.
    #[error("{} exists already", .path.display())]
    Exists {
        /// The folder.
        path: PathBuf,
    },
    /// What plans, inside the sandbox or natively, could not be asked.
    #[error("the recipe could not be asked for a plan: {0}")]
    Planner(String),
    /// A SafeScale file that is none.
    #[error("{place}: {reason}")]
    SafeScale {
        /// Where.
        place: Place,
        /// What is wrong.
        reason: String,
    },
}

/// One thing that is wrong with a recipe, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The file, line and column, and the keys.
    pub place: Place,
    /// What, as a lower-case fragment.
    pub message: String,
}

fn listed(all: &[Wrong]) -> String {
    all.iter().map(|wrong| format!("{}: {}", wrong.place, wrong.message)).collect::<Vec<_>>().join("\n")
}

impl From<skywright_files::Error> for Error {
    fn from(error: skywright_files::Error) -> Self {
        Self::Io { action: error.action, path: error.path, source: error.source }
    }
}

impl Error {
    /// For `map_err` behind a file operation.
    pub(crate) fn io(action: &'static str, path: impl AsRef<Path>) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { action, path: path.as_ref().to_owned(), source }
    }

    /// A stable word for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(_) | Self::Wrong(_) | Self::Bundle(_) => "recipe",
            Self::Io { .. } => "file",
            Self::NotARecipe { .. } => "not-a-recipe",
            Self::Template { .. } => "template",
            Self::Interpreter(_) => "interpreter",
            Self::Contract(_) => "contract",
            Self::Name { .. } => "name",
            Self::Exists { .. } => "exists",
            Self::Planner(_) => "planner",
            Self::SafeScale { .. } => "safescale",
        }
    }

    /// What kind of failure it is; exit codes follow from it.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Config(error) => error.category(),
            Self::NotARecipe { .. } => Category::NotFound,
            Self::Exists { .. } => Category::AlreadyExists,
            Self::Io { .. } => Category::Other,
            Self::Interpreter(_) | Self::Contract(_) => Category::Internal,
            _ => Category::InvalidRequest,
        }
    }

    /// Who has to act on it: the recipe's author, or whoever runs the command.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Config(_) | Self::Wrong(_) | Self::Bundle(_) | Self::Template { .. } | Self::Planner(_) => {
                Blame::Plugin
            }
            Self::Interpreter(_) | Self::Contract(_) => Blame::Host,
            _ => Blame::Operator,
        }
    }

    /// What to do about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::NotARecipe { .. } => {
                "name the folder that holds recipe.yaml, or start one: skywright feature new NAME"
            }
            Self::Exists { .. } => "choose another name, or remove it yourself",
            Self::Interpreter(_) => "take the interpreter of the same release as this program",
            Self::Wrong(_) | Self::Config(_) => "the keys are in recipe.schema.json, which editors read",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
