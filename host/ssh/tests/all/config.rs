//! The same machines for plain `ssh`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use skywright_ssh::{ConfigHost, openssh_config};

use crate::rig::{Machine, Rig};

#[test]
fn plain_ssh_reads_it() {
    let Some(mut rig) = Rig::start() else { return };
    let host = |name: &str| ConfigHost {
        name: name.to_owned(),
        target: rig.target(),
        gateway_names: vec!["first".to_owned(), "second".to_owned()],
    };
    let known_hosts = rig.path("known hosts % of mine");
    let key = rig.path("id");
    let identity_file = |_: &str| -> PathBuf { key.clone() };
    let written = openssh_config(&[host("web"), host("db")], &identity_file, &known_hosts).unwrap();
    // OpenSSH itself does not quote this one when it starts the second `ssh`.
    let config = rig.path("ssh_config");
    fs::write(&config, &written.config).unwrap();
    fs::write(&known_hosts, &written.known_hosts).unwrap();

    let connection = |name: &str| {
        let output = Command::new("ssh")
            .arg("-F")
            .arg(&config)
            .args(["-o", "BatchMode=yes", name, "echo $SSH_CONNECTION"])
            .output()
            .unwrap();
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    for name in ["web", "db", "web.via-second", "first"] {
        let (out, err) = connection(name);
        let machine = if name == "first" { Machine::First } else { Machine::Inner };
        assert!(out.contains(&format!(" {} 22", rig.address(machine))), "{name}: {out}{err}");
    }
    rig.kill(Machine::First);
    assert_eq!(connection("web").0, "");
    assert!(connection("web.via-second").0.contains(&rig.address(Machine::Inner)));

    // A machine with another key is refused.
    let other =
        written.known_hosts.lines().map(|line| line.replace("first ", "x ").replace("web ", "first "));
    fs::write(&known_hosts, other.collect::<Vec<_>>().join("\n")).unwrap();
    let (out, err) = connection("web.via-second");
    assert!(out.is_empty() && err.contains("verification failed"), "{out}{err}");
}

#[test]
fn one_name_is_one_machine() {
    let Some(rig) = Rig::start() else { return };
    let mut hosts: Vec<_> = ["web", "web"]
        .map(|name| ConfigHost {
            name: name.to_owned(),
            target: rig.target(),
            gateway_names: vec!["first".to_owned(), "second".to_owned()],
        })
        .to_vec();
    let file = |_: &str| PathBuf::from("/id");
    assert!(openssh_config(&hosts, &file, "/known".as_ref()).is_ok());
    hosts[1].target.endpoint.port = 23;
    assert!(openssh_config(&hosts, &file, "/known".as_ref()).is_err());
    hosts[1].gateway_names.pop();
    assert!(openssh_config(&hosts[1..], &file, "/known".as_ref()).is_err());
}
