//! What a recording says of its run, in its first line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::RunName;
use crate::options::{MachineChoice, Options, Pace};
use crate::subject::Identity;

/// What a replay has to know of a run. No secret is in it: of credentials there are the names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Script {
    /// Whose run it was.
    pub plugin: Identity,
    /// The word that everything carried.
    pub run: RunName,
    /// When it began, in seconds since the Unix epoch.
    pub started_s: u64,
    /// The settings of the tenant, those that have a default included.
    pub settings: BTreeMap<String, String>,
    /// The names of its secrets.
    pub credentials: Vec<String>,
    /// The families whose checks were run; all, where there is none.
    #[serde(default)]
    pub only: Vec<String>,
    /// What was chosen for hosts.
    #[serde(default)]
    pub machine: MachineChoice,
    /// The region that was asked for.
    #[serde(default)]
    pub region: Option<String>,
}

impl Script {
    /// The options of the same run again, without waiting.
    #[must_use]
    pub fn options(&self) -> Options {
        let secrets = self.credentials.iter().map(|name| (name.clone(), String::new()));
        let settings = self.settings.iter().map(|(key, value)| (key.clone(), value.clone()));
        Options {
            only: self.only.clone(),
            machine: self.machine.clone(),
            region: self.region.clone(),
            settings: settings.chain(secrets).collect(),
            pace: Pace::Replay,
            ..Options::new(self.run.clone())
        }
    }
}
