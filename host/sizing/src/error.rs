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
    /// A pattern that is not a regular expression.
    #[error("the pattern `{pattern}` is not a regular expression: {reason}")]
    Pattern {
        /// As it was written.
        pattern: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A template was asked for by name, and nothing else.
    #[error("there is no template `{name}`")]
    UnknownTemplate {
        /// The name, or the id.
        name: String,
        /// Names that may have been meant, nearest first.
        near: Vec<String>,
    },
    /// No template is as asked.
    #[error("no template is as asked for")]
    NoTemplate {
        /// Those that come nearest, with the reasons; empty where there are no templates at all.
        nearest: Vec<String>,
    },
    /// No image is as asked.
    #[error("there is no image like `{wanted}`")]
    NoImage {
        /// What was asked for.
        wanted: String,
        /// The names that come nearest; empty where there are no images at all.
        nearest: Vec<String>,
    },
    /// A flavor's name that does not follow the Sovereign Cloud Stack's standard.
    #[error("`{name}` is no SCS name: `{part}` where the standard has {expected}")]
    FlavorName {
        /// The whole name.
        name: String,
        /// The part of it that is wrong, with the separators of today.
        part: String,
        /// What should be there.
        expected: &'static str,
    },
}

impl Error {
    /// The category.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Sizing(_) | Self::Pattern { .. } | Self::FlavorName { .. } => Category::InvalidRequest,
            Self::UnknownTemplate { .. } | Self::NoTemplate { .. } | Self::NoImage { .. } => {
                Category::NotFound
            }
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
            Self::Pattern { .. } => "pattern",
            Self::UnknownTemplate { .. } => "unknown-template",
            Self::NoTemplate { .. } => "no-template",
            Self::NoImage { .. } => "no-image",
            Self::FlavorName { .. } => "flavor-name",
        }
        .to_owned()
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Sizing(error) => error.hint(),
            Self::Pattern { .. } | Self::FlavorName { .. } => None,
            Self::UnknownTemplate { near, .. } if near.is_empty() => None,
            Self::UnknownTemplate { near, .. } => Some(format!("did you mean `{}`?", near.join("` or `"))),
            Self::NoTemplate { nearest } if nearest.is_empty() => {
                Some("the cloud offers no templates".to_owned())
            }
            Self::NoTemplate { nearest } => Some(format!("nearest are {}", nearest.join(", "))),
            Self::NoImage { nearest, .. } if nearest.is_empty() => {
                Some("the cloud offers no images of that architecture".to_owned())
            }
            Self::NoImage { nearest, .. } => Some(format!("nearest are `{}`", nearest.join("`, `"))),
        }
    }
}
