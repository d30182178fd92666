//! Commands, files and tunnels over SSH, through gateways.
//!
//! A [`Client`] holds connections to [`Target`]s, which say who is there, who signs in, and through which
//! gateways. A [`Connection`] runs [`Command`]s, gives a terminal, and opens [`Tunnel`]s; [`copy()`] moves files
//! between [`Place`]s; [`openssh_config`] tells plain `ssh` the same machines.
//!
//! # What an attacker controls
//!
//! The network, and every machine that is connected to: what it prints, the names and digests that it tells,
//! when it answers. Whoever calls is trusted, but what they were given to run or to copy may hold anything.
//!
//! # What is guaranteed
//!
//! - **Who is there.** A machine shows a pinned host key or nothing is sent to it but our version, the key
//!   exchange included. Another gateway is tried when one is down, never when it is not itself.
//! - **Words stay words.** Arguments, values, paths and names reach the other side as they are, whatever shell
//!   is there. A name from the other side leads nowhere but into the folder that it is in.
//! - **Files are there whole or not at all**, with the digest that the source has.
//! - **Outcomes.** An error says whether something may have been done ([`Error::is_outcome_unknown`]).
//! - **Secrets** are in no command line, error or `Debug`, if they are given as such.
//! - **Nothing comes in** that was not asked for: neither agent, X11 nor ports are passed on by a server's wish.
//!
//! # What is bounded
//!
//! Time to connect and silence ([`Settings`]), kept output ([`KeepLimit`]), what is on its way of a file, and
//! sessions and connections a target. A channel that is not read holds 16 MiB at most and then its whole
//! connection, which is why tunnels have connections of their own.
//!
//! # What is not guaranteed
//!
//! - A process that leaves its process group outlives its command's end.
//! - File names that are not UTF-8 are an error, as the library for SFTP knows no others.
//! - RSA keys, of hosts or users, are not known: the library for them leaks time (RUSTSEC-2023-0071).

mod client;
mod client_key;
mod command;
mod config;
mod connection;
mod copy;
mod endings;
mod error;
mod escape;
mod hop;
mod host_key;
mod link;
mod marker;
mod output;
mod process;
mod quote;
mod run;
mod settings;
mod socks;
mod target;
mod terminal;
mod text;
mod tunnel;

pub use client::Client;
pub use client_key::ClientKey;
pub use command::Command;
pub use config::{ConfigHost, OpensshConfig, openssh_config};
pub use connection::Connection;
pub use copy::{Copied, CopyCallback, CopyOptions, CopyProgress, Place, copy};
pub use error::{Error, RemoteReason};
pub use hop::{Hop, Role};
pub use host_key::{HostKey, HostKeys, PinnedKey};
pub use output::{KeepLimit, Kept, Output, OutputCallback, Stream};
pub use quote::{quote, quote_all};
pub use run::{ExitStatus, Finished};
pub use settings::Settings;
pub use target::{Endpoint, Target};
pub use terminal::Terminal;
pub use tunnel::{Tunnel, TunnelCallback};
