//! Repositories from their operator's first key to a user's file, and what attackers make of them.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "all/cases.rs"]
mod cases;
#[path = "all/client.rs"]
mod client;
#[path = "all/corpus.rs"]
mod corpus;
#[path = "all/installs.rs"]
mod installs;
#[path = "all/lab.rs"]
mod lab;
#[path = "all/operator.rs"]
mod operator;
#[path = "all/support.rs"]
mod support;
#[path = "all/transports.rs"]
mod transports;
