//! One suite for every provider: what it declares must work, and what it does not must be refused.
//!
//! [`run`] asks a [`Subject`] for its families and capabilities and holds it against the contract: life
//! cycles, creates that are asked for twice, paging, tags, errors, changes that are polled by another process
//! than the one that began them. What a run makes carries its [`RunName`], is written down before it is asked
//! for, and is abandoned at the end, whatever happened before.
//!
//! A run against a live cloud can be recorded ([`Recording`]) and replayed without the cloud, a tenant or a
//! secret ([`Replay`]): names, choices and times are the recording's.
//!
//! What is *not* guaranteed: a suite samples. It does not cut connections or kill the provider midway, and
//! what the cloud does later than it says, such as freeing what was deleted, is not waited for but where the
//! suite itself needs it.

mod check;
mod checks;
mod context;
mod error;
mod failure;
mod fixture;
mod ledger;
mod listing;
mod machine;
mod meter;
mod name;
mod options;
mod replay;
mod report;
mod resource;
mod runner;
mod script;
mod subject;

pub use check::{Check, checks, families};
pub use context::Context;
pub use error::Error;
pub use failure::Failure;
pub use ledger::Kind;
pub use meter::Meter;
pub use name::RunName;
pub use options::{MachineChoice, Options, Pace};
pub use replay::{Recording, Replay};
pub use report::{CheckReport, Listener, Outcome, Report, Silent, Summary};
pub use runner::run;
pub use script::Script;
pub use subject::{Identity, Launch, LaunchError, Launched, Subject};
