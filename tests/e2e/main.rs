//! The whole stack, guest to runtime to egress: what a plugin that means harm gets, and what it does not.
//!
//! The guest is `guests/hostile`, which does whatever a test tells it. The servers are the test's own, on
//! this machine.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]
#![expect(clippy::print_stdout, reason = "the harness keeps it for the tests that fail")]

mod addresses;
mod answers;
mod cache;
mod captures;
mod cloud;
mod compat;
mod conformance;
mod credentials;
mod guest;
mod home;
mod javascript;
mod local;
mod log;
mod memory;
mod openstack;
mod recipe;
mod redirects;
mod requests;
mod server;
mod stage;
mod trap;
