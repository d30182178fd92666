//! Help, completion, streams.

use std::io::Read;
use std::process::Stdio;

use crate::run::Place;

#[test]
fn help() {
    let place = Place::empty();
    for words in [
        &["--help"][..],
        &["plugin", "--help"],
        &["plugin", "call", "--help"],
        &["tenant", "--help"],
        &["tenant", "set", "--help"],
        &["tenant", "import", "--help"],
        &["tenant", "secret", "set", "--help"],
    ] {
        let outcome = place.run(words);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
        insta::assert_snapshot!(words.concat().replace("--", "-"), outcome.stdout);
    }
}

#[test]
fn a_wrong_command_line_is_exit_code_2_and_nothing_on_standard_output() {
    let place = Place::empty();
    for words in [
        &["plugins"][..],
        &["plugin", "list", "--nosuch"],
        &["plugin", "call"],
        &["-o", "xml", "plugin", "list"],
        &[],
    ] {
        let outcome = place.run(words);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{words:?}");
        assert!(outcome.stderr.contains("Usage:") || outcome.stderr.contains("--help"), "{}", outcome.stderr);
    }
}

#[test]
fn the_output_format_may_come_from_the_environment() {
    let place = Place::empty();
    let output = place.command(&["plugin", "list"]).env("SKYWRIGHT_OUTPUT", "json").output().unwrap();
    assert_eq!(place.finish(output).stdout, "{\"result\":[],\"status\":\"success\"}\n");
}

#[test]
fn completion_scripts_know_the_commands() {
    let place = Place::empty();
    for shell in ["bash", "zsh", "fish"] {
        let outcome = place.run(&["completion", shell]);
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
        assert!(outcome.stdout.contains("plugin") && outcome.stdout.contains("inspect"), "{shell}");
    }
    // Below `help` is all that there is, too.
    let bash = place.run(&["completion", "bash"]).stdout;
    assert!(bash.contains("__help__subcmd__host__subcmd__create"), "{} bytes", bash.len());
}

/// As `skywright … | head -0`: a reader that goes away has seen enough.
#[test]
fn a_closed_pipe_is_no_error() {
    let place = Place::new();
    for words in [&["completion", "bash"][..], &["--help"], &["plugin", "inspect", "./example.wasm"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = place.command(words).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let mut complaint = String::new();
        child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
        assert_eq!((child.wait().unwrap().code(), complaint.as_str()), (Some(0), ""), "{words:?}");
    }
}

#[test]
fn what_is_not_a_terminal_gets_no_colours() {
    let place = Place::new();
    for words in [
        &["--help"][..],
        &["plugin", "inspect", "./example.wasm", "-vvv"],
        &["plugin", "call", "nosuch", "x"],
        &["nosuch"],
    ] {
        for variable in [("NO_COLOR", "1"), ("TERM", "xterm-256color")] {
            let outcome = place.finish(place.command(words).env(variable.0, variable.1).output().unwrap());
            assert!(!outcome.holds("\u{1b}"), "{words:?}: {}", outcome.shown());
        }
    }
}
