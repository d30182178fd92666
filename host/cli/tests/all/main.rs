//! The binary, as people and scripts meet it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod calls;
mod command_line;
mod compile;
mod guest;
mod inspection;
mod refusals;
mod run;
mod tenants;
