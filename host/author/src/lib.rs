//! What plugin authors use: [`scaffold`] writes a new crate, [`Builder`] makes a guest's folder into
//! one plugin file. Nothing here runs a plugin.
//!
//! A plugin's folder holds `plugin.toml` (the manifest, see [`Project`]) and either a Rust crate or a
//! `[build]` table that says how another tool chain makes the component.

mod build;
mod cargo;
mod error;
mod process;
mod progress;
mod project;
mod sbom;
mod scaffold;
mod tool_chain;

pub use build::{Builder, Built, Options};
pub use error::Error;
pub use progress::{Event, Progress};
pub use project::{BuildCommand, Project};
pub use scaffold::{Scaffolded, scaffold};
pub use tool_chain::{TARGET, ToolChain, Way};
