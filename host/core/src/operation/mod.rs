//! Changes that survive a kill.
//!
//! A change is an *operation*: its plan is written down before the cloud is asked for anything, and each
//! step before it is asked. Who carries it out may be killed at any moment: the next command finds the
//! operation, runs the same plan again, and each step answers with what is known of it. A step whose answer
//! was lost is asked again with the same intent, which makes nothing twice; a plan that fails is taken back
//! step by step, the last one first.

mod history;
mod id;
mod journal;
mod record;
mod request;
mod run;
mod view;

pub use id::{HomeId, OperationId, operation_of};
pub use journal::Operation;
pub use record::{Failure, OperationRecord, Phase, Sealed, StepRecord, StepStatus};
pub use request::{Request, Tagged};
pub use run::{Change, Recovery};
pub(crate) use view::{BEGUN, UNDONE};
pub use view::{OperationView, StepView};

use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
