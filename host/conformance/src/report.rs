//! What a run came to.

use serde::Serialize;

use crate::check::Check;
use crate::name::RunName;
use crate::subject::Identity;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It is as the contract wants it.
    Passed,
    /// It is not.
    Failed,
    /// What it needs could not be made; another check says why.
    Blocked,
    /// It does not apply to this provider, or was not come to.
    Skipped,
}

impl Outcome {
    /// As it is written in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Blocked => "blocked",
            Self::Skipped => "skipped",
        }
    }
}

/// One check of a run.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport {
    /// The family that it is of, such as `networks`.
    pub family: &'static str,
    /// Its name within the family, such as `life-cycle`.
    pub name: &'static str,
    /// What it holds.
    pub title: &'static str,
    /// What it came to.
    pub outcome: Outcome,
    /// Why, if it did not pass.
    pub reason: Option<String>,
    /// How long it took, in milliseconds, with what it had to make first.
    pub time_ms: u64,
    /// How many requests it took.
    pub requests: u64,
}

/// How many came to what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// As the contract wants it.
    pub passed: usize,
    /// Not so.
    pub failed: usize,
    /// Could not be tried.
    pub blocked: usize,
    /// Do not apply, or were not come to.
    pub skipped: usize,
}

/// What a run came to.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whose it is.
    pub plugin: Identity,
    /// The word that everything carried.
    pub run: RunName,
    /// The region that was asked.
    pub region: Option<String>,
    /// How many came to what.
    pub summary: Summary,
    /// Requests in all.
    pub requests: u64,
    /// How long it took in all, in milliseconds.
    pub time_ms: u64,
    /// Whether somebody stopped it.
    pub stopped: bool,
    /// In the order in which they ran.
    pub checks: Vec<CheckReport>,
}

impl Report {
    /// Whether nothing failed, nothing was blocked and nobody stopped it.
    #[must_use]
    pub fn is_conforming(&self) -> bool {
        !self.stopped && self.summary.failed == 0 && self.summary.blocked == 0
    }
}

/// Is told of a run while it goes on.
pub trait Listener: Send + Sync {
    /// A check begins.
    fn begin(&self, _check: &Check) {}
    /// A check has ended.
    fn end(&self, _report: &CheckReport) {}
}

/// Tells nobody.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Listener for Silent {}
