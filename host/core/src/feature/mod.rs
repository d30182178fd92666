//! Features: recipes as pure plans, run on real hosts.
//!
//! A feature is asked for a round of steps, which is held to the contract's bounds, shown, and run over SSH as a
//! graph. Each result is written down before anything follows from it, so that a run that is cut off goes on where
//! it was; the hosts themselves remember what a step came to that nobody heard of.
//!
//! A run is an [operation](crate::operation): `operation list` shows it, `resume` goes on, `abort` takes it back.
//!
//! # What is not guaranteed
//!
//! - A script that was cut off by the end of its host runs again: it has to look first, as lint demands.
//! - What a script did without an `undo` is not taken back; the run says which.

mod argument;
mod bounds;
mod change;
mod fact;
mod fault;
mod guest;
mod installation;
mod plan;
mod redact;
mod remote;
mod resolve;
mod round;
mod run;
mod target;
mod undo;

pub use argument::Given;
pub(crate) use change::PlannedRun;
pub use change::RunFeature;
pub use fault::Fault;
pub(crate) use guest::Features;
pub use guest::{Feature, FeatureSource, NoFeatures, PluginFeature};
pub use installation::{HostPart, Installation, InstallationView, RunRecord, RunView};
pub use plan::{Planned, PlannedFeature};
pub use resolve::Resolved;
pub(crate) use resolve::is_called;
pub use target::{Place, TargetSpec};
