//! The rendered script: held against shellcheck, and run for real in a root file system.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on has failed"
)]

mod host_keys;
mod real;
mod shellcheck;

use std::num::NonZeroU16;

use skywright_bootstrap::{Bootstrap, HostKeyPolicy, Role, SshFrom};

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti it's one";

fn plain() -> Bootstrap {
    Bootstrap {
        host_name: "web-1".parse().unwrap(),
        domain: Some("lab.example".parse().unwrap()),
        user: "skywright".parse().unwrap(),
        authorized_keys: vec![KEY.parse().unwrap()],
        ssh_port: NonZeroU16::new(22).unwrap(),
        ssh_from: SshFrom::Inside,
        role: Role::Plain,
        inside: vec!["10.20.0.0/16".parse().unwrap()],
        name_servers: Vec::new(),
        time_servers: Vec::new(),
        host_keys: HostKeyPolicy::Ed25519,
    }
}

/// With all that there is only under circumstances.
fn gateway() -> Bootstrap {
    Bootstrap {
        ssh_port: NonZeroU16::new(2222).unwrap(),
        role: Role::Gateway { forward_for: vec!["10.20.3.0/24".parse().unwrap()], nat: true },
        name_servers: vec!["192.0.2.53".parse().unwrap()],
        time_servers: vec!["time.example".parse().unwrap()],
        ..plain()
    }
}
