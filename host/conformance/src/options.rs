//! What whoever runs the suite chooses.

use serde::{Deserialize, Serialize};

use crate::name::RunName;

/// Which machine the suite's hosts are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineChoice {
    /// The id or name of a template; the smallest that an image fits on by default.
    #[serde(default)]
    pub template: Option<String>,
    /// The id or name of an image; the smallest that fits by default.
    #[serde(default)]
    pub image: Option<String>,
}

/// How waiting is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pace {
    /// As long as the provider asks for.
    #[default]
    Live,
    /// Not at all: nothing changes in a recording.
    Replay,
}

/// What whoever runs the suite chooses.
#[derive(Debug, Clone)]
pub struct Options {
    /// Of everything that the run makes.
    pub name: RunName,
    /// The families whose checks are run; all, where there is none.
    pub only: Vec<String>,
    /// Which machine hosts are.
    pub machine: MachineChoice,
    /// The tenant's region; the first that the catalog has by default.
    pub region: Option<String>,
    /// What the settings' own check gives to `driver.validate`: secrets with an empty value.
    pub settings: Vec<(String, String)>,
    /// How waiting is done.
    pub pace: Pace,
    /// Whether it ends with the first check that fails.
    pub stop_at_first: bool,
}

impl Options {
    /// All checks, live.
    #[must_use]
    pub fn new(name: RunName) -> Self {
        Self {
            name,
            only: Vec::new(),
            machine: MachineChoice::default(),
            region: None,
            settings: Vec::new(),
            pace: Pace::Live,
            stop_at_first: false,
        }
    }
}
