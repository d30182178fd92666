//! What a new host is told at its first start, and what it says of itself then.
//!
//! A [`Bootstrap`] is rendered to one script for bash. cloud-init runs it as a user script; a machine without
//! cloud-init runs it from [`FIRST_BOOT_UNIT`] once it lies at [`SCRIPT_PATH`]. It takes Debian from 11, Ubuntu from
//! 22.04, and the family of Red Hat Enterprise Linux from 9, and fails on anything else.
//!
//! The script is idempotent. It writes [`STATUS_PATH`] and [`LOG_PATH`], and says on the console how far it is.
//! A start that is cut off is taken up at the next one. It holds no secret.
//!
//! On the host, features open ports by a file in [`PORTS_FOLDER`] and `skywright-firewall apply`.

mod bootstrap;
mod error;
mod host_key;
mod quote;
mod script;
mod value;

pub use bootstrap::{Bootstrap, HostKeyPolicy, Role, SshFrom};
pub use error::Error;
pub use host_key::{HostKey, host_keys_from_console};
pub use value::{DomainName, HostName, OperatorUser, TimeServer};

/// Where the script lies on the host, for it to go on after a start that was cut off.
pub const SCRIPT_PATH: &str = "/var/lib/skywright/bootstrap.sh";

/// How far it is: `{"state": "running" | "done" | "failed", "line": …, "command": …, "message": …}`, the last three
/// null unless it failed. The line is one of the rendered script.
pub const STATUS_PATH: &str = "/var/lib/skywright/bootstrap.json";

/// There once it is done; [`FIRST_BOOT_UNIT`] looks for it.
pub const DONE_PATH: &str = "/var/lib/skywright/bootstrap.done";

/// All that the script and what it runs say.
pub const LOG_PATH: &str = "/var/log/skywright/bootstrap.log";

/// Files whose lines `tcp|udp PORT[-PORT] inside|anywhere|A.B.C.D/N` open ports once `skywright-firewall apply` ran.
pub const PORTS_FOLDER: &str = "/etc/skywright/ports.d";

/// The systemd unit that runs the script at [`SCRIPT_PATH`], for machines without cloud-init; to be enabled as
/// `skywright-bootstrap.service`. The script makes it itself where it is not there.
pub const FIRST_BOOT_UNIT: &str = include_str!("../scripts/skywright-bootstrap.service");
