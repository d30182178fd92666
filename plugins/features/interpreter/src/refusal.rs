//! Why there is no plan.

use skywright_recipe_format::{BundleError, limits};

/// Why there is no plan. The texts of templates may be in it; secrets are not, since templates have none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// No recipe was built in.
    #[error("this is the interpreter alone: no recipe is built into it")]
    NoRecipe,
    /// The recipe is none.
    #[error("the recipe is broken: {0}")]
    Broken(#[from] BundleError),
    /// The recipe has no such action.
    #[error("the recipe has no `{0}`")]
    NoAction(&'static str),
    /// More of something than is allowed.
    #[error("{what}: {found}, and the limit is {limit}")]
    TooMuch {
        /// Of what.
        what: &'static str,
        /// How much.
        found: usize,
        /// How much may be.
        limit: usize,
    },
    /// A template is not one, or uses what there is not.
    #[error("{place}: {message}{}", on(.host.as_deref()))]
    Template {
        /// The template's file and the line, or the keys that lead to it.
        place: String,
        /// What is wrong.
        message: String,
        /// The host that it was rendered for, if it matters.
        host: Option<String>,
    },
    /// A template rendered more text than may be.
    #[error("{place}: it renders to more than {limit} bytes{}", on(.host.as_deref()))]
    TooLong {
        /// The template.
        place: String,
        /// How many bytes it may be.
        limit: usize,
        /// The host that it was rendered for, if it matters.
        host: Option<String>,
    },
    /// A template rendered something that cannot be what it is for.
    #[error("{place}: it renders to {found:?}: expected {expected}")]
    Rendered {
        /// The keys that lead to it.
        place: String,
        /// The beginning of what it rendered to.
        found: String,
        /// What it should be.
        expected: &'static str,
    },
    /// An output is used that no host, or more than one, has given.
    #[error("{place}: `{output}` is an output of {hosts} hosts, and of this one not: expected one")]
    Output {
        /// The keys that lead to where it is used.
        place: String,
        /// `step.output`.
        output: String,
        /// How many hosts gave it.
        hosts: usize,
    },
    /// The host's request makes no sense.
    #[error("the request is wrong: {0}")]
    Request(String),
}

fn on(host: Option<&str>) -> String {
    host.map(|host| format!(" (for the host `{host}`)")).unwrap_or_default()
}

impl Refusal {
    /// A stable word for it.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoRecipe => "no-recipe",
            Self::Broken(_) => "broken-recipe",
            Self::NoAction(_) => "no-action",
            Self::TooMuch { .. } => "too-much",
            Self::Template { .. } => "template",
            Self::TooLong { .. } => "too-long",
            Self::Rendered { .. } => "rendered",
            Self::Output { .. } => "output",
            Self::Request(_) => "request",
        }
    }

    /// What can be done about it, where that is known.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NoRecipe => Some("build one in: skywright feature build DIR"),
            Self::TooLong { .. } | Self::TooMuch { .. } | Self::Broken(_) | Self::Rendered { .. } => {
                Some("tell the recipe's author: its limits are the same everywhere")
            }
            Self::Template { message, .. }
                if message.contains("undefined") || message.contains("not defined") =>
            {
                Some(
                    "a parameter without a value and a fact that a host lacks are not defined: ask with `if` or `default`; secrets never are",
                )
            }
            _ => None,
        }
    }

    /// As one that came of rendering for a host.
    pub(crate) fn for_host(mut self, name: &str) -> Self {
        if let Self::Template { host, .. } | Self::TooLong { host, .. } = &mut self {
            *host = Some(name.to_owned());
        }
        self
    }

    /// [`Refusal::TooMuch`] if it is more.
    pub(crate) fn at_most(what: &'static str, found: usize, limit: usize) -> Result<(), Self> {
        if found > limit { Err(Self::TooMuch { what, found, limit }) } else { Ok(()) }
    }
}

/// What a request may hold at most, whoever sent it.
pub(crate) fn check_size(hosts: usize, round: u32) -> Result<(), Refusal> {
    Refusal::at_most("hosts of the target", hosts, limits::HOSTS)?;
    if round >= limits::ROUNDS {
        return Err(Refusal::TooMuch {
            what: "rounds of the action",
            found: round as usize + 1,
            limit: limits::ROUNDS as usize,
        });
    }
    Ok(())
}
