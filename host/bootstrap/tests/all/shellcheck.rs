//! What shellcheck and bash say of it.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::{gateway, plain};

/// SC1091: files of the host are not here to be followed.
/// Of 2317: functions are called by name, too.
const SHELLCHECK: [&str; 4] = ["--shell=bash", "--exclude=SC1091,SC2317", "--color=never", "-"];

fn scripts() -> [String; 2] {
    [plain(), gateway()].map(|bootstrap| bootstrap.render().unwrap())
}

/// What a program says of a text, and whether it is content. `None`: the program is not here.
fn asked(program: &str, arguments: &[&str], text: &str) -> Option<(bool, String)> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().ok()?;
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Some((output.status.success(), said.concat()))
}

#[test]
fn bash_can_read_it() {
    for script in scripts() {
        let (good, said) = asked("bash", &["-n"], &script).unwrap();
        assert!(good, "{said}");
    }
}

#[test]
fn shellcheck_finds_nothing() {
    for script in scripts() {
        match asked("shellcheck", &SHELLCHECK, &script) {
            Some((good, said)) => assert!(good, "{said}"),
            None => eprintln!("NOT TESTED: shellcheck is not here; `apt-get install shellcheck` brings it"),
        }
    }
}

/// What it writes down on the host is a script as well.
#[test]
fn shellcheck_finds_nothing_in_the_firewalls_tool() {
    for script in scripts() {
        let (_, rest) = script.split_once("<<'TOOL'\n").unwrap();
        let (tool, _) = rest.split_once("TOOL\n").unwrap();
        match asked("shellcheck", &SHELLCHECK, tool) {
            Some((good, said)) => assert!(good, "{said}"),
            None => eprintln!("NOT TESTED: shellcheck is not here; `apt-get install shellcheck` brings it"),
        }
    }
}
