//! The binary, as people and scripts meet it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod air_gap;
mod calls;
mod command_line;
mod compile;
mod groups_and_labels;
mod guest;
mod help;
mod inspection;
mod refusals;
mod resources;
mod run;
mod storage;
mod tenant_commands;
mod tenants;
mod trust;
