//! The compile child, through the whole binary.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::guest;
use crate::run::Place;

/// Whoever compiles needs the limit; whoever has the artefact does not.
const NO_COMPILER: [&str; 2] = ["--limit", "compile-time-ms=0"];

fn check(place: &Place, more: &[&str]) -> crate::run::Outcome {
    place.run(&[&["plugin", "check", "example.wasm"], more].concat())
}

#[test]
fn a_plugin_is_compiled_once() {
    let place = Place::new();
    assert_eq!(check(&place, &NO_COMPILER).code, Some(22), "there is nothing compiled yet");
    assert_eq!(check(&place, &[]).code, Some(0));
    assert_eq!(place.artefacts().len(), 1);
    // Nothing has to be written any more either.
    place.set_mode("cache/artefacts", 0o500);
    assert_eq!(check(&place, &NO_COMPILER).code, Some(0));
    place.set_mode("cache/artefacts", 0o700);
}

#[test]
fn the_child_may_not_use_more_memory_than_it_is_given() {
    let place = Place::new();
    let outcome = check(&place, &["--limit", "compile-memory-bytes=50000000"]);
    insta::assert_snapshot!(outcome.shown(), @"
    exit 22
    stderr:
    error: the plugin met its limit `compile-memory-bytes`: 50000000 allowed, more was asked for
    hint: an operator may raise it with `--limit compile-memory-bytes=VALUE`; if the plugin needs no more than others, it has a defect
    ");
    assert!(place.artefacts().is_empty());
}

#[test]
fn the_child_may_not_take_longer_than_it_is_given() {
    let place = Place::for_development();
    place.put("example.wasm", guest::large(5000));
    insta::assert_snapshot!(check(&place, &["--limit", "compile-time-ms=1"]).shown(), @"
    exit 22
    stderr:
    error: the plugin met its limit `compile-time-ms`: 1 allowed, more was asked for
    hint: an operator may raise it with `--limit compile-time-ms=VALUE`; if the plugin needs no more than others, it has a defect
    ");
    assert!(place.artefacts().is_empty());
}

/// The child speaks to its parent alone: whoever calls it by hand gets a message, not a crash.
#[test]
fn the_child_called_by_hand() {
    let place = Place::for_development();
    insta::assert_snapshot!(place.run(&["__compile"]).shown(), @"
    exit 1
    stderr:
    internal error: compile child: three numbers are expected
    ");
}

/// What is left of a write that was cut off is never loaded: it has another name than an artefact, and
/// under the name of one it would not check out.
#[test]
fn half_an_artefact_is_not_loaded() {
    let place = Place::new();
    assert_eq!(check(&place, &[]).code, Some(0));
    let artefact = place.artefacts().remove(0);
    let whole = std::fs::read(&artefact).unwrap();
    let half = &whole[..whole.len() / 2];
    std::fs::remove_file(&artefact).unwrap();
    place.put("cache/artefacts/.tmpAbCdEf", half);
    assert_eq!(check(&place, &NO_COMPILER).code, Some(22), "a temporary file is no artefact");
    place.put(&format!("cache/artefacts/{}", artefact.file_name().unwrap().to_str().unwrap()), half);
    let outcome = check(&place, &[]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("does not check out"), "{}", outcome.stderr);
    assert_eq!(std::fs::read(&artefact).unwrap().len(), whole.len());
}

#[test]
fn a_parent_that_is_killed_leaves_nothing_that_harms() {
    let place = Place::for_development();
    place.put("example.wasm", guest::large(5000));
    let words = ["plugin", "check", "example.wasm"];
    let mut parent = place.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    // The key is written before the compile child starts.
    let patience = Instant::now() + Duration::from_secs(60);
    while !place.path("cache/artefacts/key").exists() && Instant::now() < patience {
        std::thread::sleep(Duration::from_millis(1));
    }
    parent.kill().unwrap();
    assert_eq!(parent.wait().unwrap().signal(), Some(9));
    assert!(place.artefacts().is_empty(), "it was killed while it compiled");
    let outcome = place.run(&words);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stderr);
    assert_eq!(place.artefacts().len(), 1);
}
