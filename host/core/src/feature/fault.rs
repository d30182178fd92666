//! What can be wrong with a feature, or with running it.

use skywright_contract::{Blame, Category};
use skywright_runtime::printable;

/// What can be wrong with a feature, or with running it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A parameter that is none, or a value that is none of its.
    #[error("{feature}: {parameter}: {reason}")]
    Argument {
        /// The feature.
        feature: String,
        /// The parameter.
        parameter: String,
        /// What is wrong; never the value.
        reason: String,
    },
    /// Its steps are not what a feature may ask for.
    #[error("{feature} asks for what no feature may: {reason}")]
    Bounds {
        /// The feature.
        feature: String,
        /// Which bound.
        reason: String,
    },
    /// Another feature is in the way.
    #[error("{feature} cannot be with {other} on {host}")]
    Conflict {
        /// What was to be added.
        feature: String,
        /// What is there.
        other: String,
        /// Where.
        host: String,
    },
    /// What a host says of itself is not understood.
    #[error("{host} does not say what it is: {reason}")]
    Facts {
        /// The host.
        host: String,
        /// What is missing.
        reason: String,
    },
    /// The plan is not the one that was reviewed.
    #[error("the plan is not the one that was reviewed: {what}")]
    Stale {
        /// What is different.
        what: String,
    },
    /// Not installed where it is asked for.
    #[error("{feature} is not on {target}")]
    Absent {
        /// The feature.
        feature: String,
        /// Where it was looked for.
        target: String,
    },
    /// Several answers, and the user has to say which.
    #[error("{feature} is in several places")]
    Ambiguous {
        /// The feature.
        feature: String,
        /// Where.
        places: Vec<String>,
    },
    /// Another feature needs it.
    #[error("{feature} is needed by {by}")]
    Needed {
        /// The feature.
        feature: String,
        /// By which, and where.
        by: String,
    },
    /// A required feature is missing, or of another version.
    #[error("{feature} needs {requirement}: {reason}")]
    Requirement {
        /// The feature.
        feature: String,
        /// What it needs.
        requirement: String,
        /// What is wrong.
        reason: String,
    },
    /// What the feature itself says against it.
    #[error("{feature} is not for this: {}", findings.join("; "))]
    Refused {
        /// The feature.
        feature: String,
        /// Each with its place in front.
        findings: Vec<String>,
    },
    /// A step failed for good.
    #[error("{feature}: `{step}` failed on {host}: {reason}")]
    Step {
        /// The feature.
        feature: String,
        /// The step.
        step: String,
        /// The host.
        host: String,
        /// The exit status and the end of what it said, without secrets.
        reason: String,
        /// Whether what was done stays.
        stays: bool,
    },
    /// The recipe is not the one that the run began with.
    #[error("{feature} has changed since the run began")]
    Replaced {
        /// The feature.
        feature: String,
    },
    /// A plugin that is no feature, or says nothing that is understood.
    #[error("{name} is no feature: {reason}")]
    NoFeature {
        /// The plugin.
        name: String,
        /// Why not.
        reason: String,
    },
}

impl Fault {
    pub(crate) fn category(&self) -> Category {
        match self {
            Self::Argument { .. }
            | Self::Refused { .. }
            | Self::Ambiguous { .. }
            | Self::NoFeature { .. } => Category::InvalidRequest,
            Self::Bounds { .. } | Self::Step { .. } | Self::Facts { .. } => Category::Other,
            Self::Absent { .. } => Category::NotFound,
            Self::Conflict { .. } | Self::Stale { .. } | Self::Replaced { .. } | Self::Requirement { .. } => {
                Category::Conflict
            }
            Self::Needed { .. } => Category::InUse,
        }
    }

    pub(crate) fn blame(&self) -> Blame {
        match self {
            Self::Bounds { .. } | Self::NoFeature { .. } | Self::Step { .. } => Blame::Plugin,
            _ => Blame::Operator,
        }
    }

    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Argument { .. } => "feature-argument",
            Self::Bounds { .. } => "feature-bounds",
            Self::Conflict { .. } => "feature-conflict",
            Self::Facts { .. } => "host-facts",
            Self::Stale { .. } => "stale-plan",
            Self::Absent { .. } => "feature-absent",
            Self::Ambiguous { .. } => "feature-ambiguous",
            Self::Needed { .. } => "feature-needed",
            Self::Requirement { .. } => "feature-requirement",
            Self::Refused { .. } => "feature-refused",
            Self::Step { .. } => "feature-step",
            Self::Replaced { .. } => "feature-replaced",
            Self::NoFeature { .. } => "no-feature",
        }
    }

    pub(crate) fn hint(&self) -> Option<String> {
        match self {
            Self::Argument { feature, .. } => {
                Some(format!("`skywright feature inspect {feature}` lists its parameters"))
            }
            Self::Bounds { .. } => {
                Some("nothing of this round was run; the feature's author has to mend it".to_owned())
            }
            Self::Conflict { other, host, .. } => {
                let name = other.split(' ').next().unwrap_or_default();
                Some(format!("`skywright feature remove {name} --on {host}` comes first"))
            }
            Self::Stale { .. } => Some("plan anew, and have that reviewed".to_owned()),
            Self::Ambiguous { places, .. } => Some(format!("say which with --on: {}", places.join("; "))),
            Self::Requirement { requirement, .. } => {
                let name = requirement.split(' ').next().unwrap_or_default();
                Some(format!("`skywright plugin install {name}` lets it be added on the way"))
            }
            Self::Replaced { .. } => Some(
                "install the version that it began with, or take it back with `skywright operation abort`"
                    .to_owned(),
            ),
            _ => None,
        }
    }

    /// Whether what was done is not taken back.
    pub(crate) fn stays(&self) -> bool {
        matches!(self, Self::Step { stays: true, .. })
    }
}

impl From<Fault> for crate::error::Error {
    fn from(fault: Fault) -> Self {
        Self::Feature(Box::new(fault))
    }
}

/// Foreign text for a message: its beginning, on one line.
pub(super) fn shown(text: &str) -> String {
    printable(&text.chars().take(200).collect::<String>())
}
