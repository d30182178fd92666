//! Advisories, checked without a network: a folder in the layout of RustSec against a bill of materials.
//!
//! The folder is `crates/NAME/ID.md` and `rust/NAME/ID.md`, as RustSec's repository has it. Only the
//! advisories of names that the bill lists are read.

mod database;
mod finding;

pub use database::AdvisoryDatabase;
pub use finding::{Audit, AuditedComponent, Finding, FindingKind};
