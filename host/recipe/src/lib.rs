//! What recipe authors use: [`Source`] reads a recipe's folder, [`lint`] and [`preview`] show what it does on
//! targets that nobody has, [`build`] makes a feature of it, [`convert`] brings a SafeScale feature over, and
//! [`scaffold`] writes a new one.
//!
//! Nothing here runs a plugin. Whoever calls [`lint`] or [`preview`] brings a [`Planner`] that does: templates are
//! rendered inside the sandbox and nowhere else, since whoever wrote them may mean harm.

mod bill;
mod component;
mod convert;
mod error;
mod lint;
mod planner;
mod preview;
mod sample;
mod scaffold;
mod source;
#[cfg(test)]
mod test;
mod yaml;

pub use bill::bill;
pub use component::{Feature, build, manifest};
pub use convert::{Converted, Loss, convert, convert_file};
pub use error::{Error, Wrong};
pub use lint::{Remark, Report, Severity, ShellCheck, lint};
pub use planner::{Planner, Refused};
pub use preview::{End, Preview, Rounds, preview};
pub use sample::{Sample, samples};
pub use scaffold::{Scaffolded, scaffold};
pub use source::{RECIPE_FILE, SCRIPTS_FOLDER, Source};
