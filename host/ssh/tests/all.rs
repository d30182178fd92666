//! Against OpenSSH's server: two gateways, and a machine behind them, each in a network namespace of its own.
//! Needs root, and Debian's `openssh-server` and `iproute2`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "all/config.rs"]
mod config;
#[path = "all/connect.rs"]
mod connect;
#[path = "all/copy.rs"]
mod copy;
#[path = "all/rig.rs"]
mod rig;
#[path = "all/run.rs"]
mod run;
#[path = "all/terminal.rs"]
mod terminal;
#[path = "all/tunnel.rs"]
mod tunnel;
