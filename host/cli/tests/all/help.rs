//! What `--help` says. Each is a snapshot of its own.

use crate::run::Place;

const COMMANDS: &[&str] = &[
    "address",
    "address bind",
    "address create",
    "bucket",
    "bucket delete",
    "bucket download",
    "doctor",
    "host",
    "host create",
    "host label bind",
    "host resize",
    "host security group",
    "host ssh",
    "image",
    "label",
    "network",
    "network create",
    "network delete",
    "network subnet create",
    "network subnet security group add",
    "object",
    "object sync",
    "object url",
    "operation",
    "operation abort",
    "operation forget",
    "reconcile",
    "security-group",
    "security-group rule add",
    "share",
    "share create",
    "share mount",
    "subnet",
    "subnet tag bind",
    "subnet vip",
    "subnet vip bind",
    "subnet vip create",
    "template",
    "template match",
    "volume",
    "volume attach",
    "volume create",
];

#[test]
fn help() {
    let place = Place::empty();
    for command in COMMANDS {
        let words: Vec<_> = command.split(' ').chain(["--help"]).collect();
        let outcome = place.run(&words);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{command}");
        insta::assert_snapshot!(command.replace(' ', "-"), outcome.stdout);
    }
}
