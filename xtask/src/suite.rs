//! The executables of the native tests.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::thread;

use serde_json::Value;

use crate::error::Error;
use crate::places::Places;
use crate::run::{self, Interrupt, Output, cargo, watch};
use crate::say;

/// The package of the end-to-end tests.
const END_TO_END: &str = "tests";

/// What a suite's process is told by its environment.
pub(crate) type Environment = Vec<(&'static str, OsString)>;

/// The tests of one executable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Suite {
    /// The crate's folder, where its tests expect to run.
    folder: PathBuf,
    program: PathBuf,
    /// Whether they are a target of their own, and not in the crate: those take longer.
    is_apart: bool,
}

/// How many tests there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Suite {
    pub(crate) fn is_end_to_end(&self) -> bool {
        self.folder.ends_with(END_TO_END)
    }

    fn command(&self, environment: &Environment) -> Command {
        let mut command = Command::new(&self.program);
        run::without_ours(&mut command);
        command
            .current_dir(&self.folder)
            .env("CARGO_MANIFEST_DIR", &self.folder)
            .envs(environment.iter().map(|(name, value)| (name, value)));
        command
    }
}

/// Every suite of the workspace, those that take long first. They are built if they are not yet.
pub(crate) fn all(places: &Places, interrupt: &Interrupt) -> Result<Vec<Suite>, Error> {
    let mut suites = Vec::new();
    // The same choice of crates and targets as when they were built: another one builds them anew.
    let mut list = cargo(["test", "--workspace", "--no-run", "--quiet", "--message-format", "json"]);
    list.current_dir(&places.root).env("CARGO_TARGET_DIR", &places.target);
    watch(interrupt, "cargo test --no-run", &mut list, Output::Standard, |line| suites.extend(suite(line)))?;
    suites.sort_by_key(|suite| !suite.is_apart);
    Ok(suites)
}

/// From a line of what cargo tells of what it built.
fn suite(line: &str) -> Option<Suite> {
    let message: Value = serde_json::from_str(line).ok()?;
    let is_suite = message["reason"] == "compiler-artifact" && message["profile"]["test"] == true;
    let program = PathBuf::from(message["executable"].as_str().filter(|_| is_suite)?);
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
    let is_apart = message["target"]["kind"].as_array()?.iter().any(|kind| kind == "test");
    Some(Suite { folder, program, is_apart })
}

/// Runs suites, so many at a time. What a suite prints comes when it has ended, if there are others beside it.
///
/// Goes on behind a failure, and returns the first.
pub(crate) fn run(
    suites: &[Suite],
    at_once: usize,
    environment: &Environment,
    interrupt: &Interrupt,
) -> (Counts, Result<(), Error>) {
    let waiting = Mutex::new(suites.iter());
    let done = Mutex::new((Counts::default(), Ok(())));
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some(suite) = next() {
            let (counts, ended) = one(suite, at_once > 1, environment, interrupt);
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            done.0.add(counts);
            if done.1.is_ok() {
                done.1 = ended;
            }
        }
    };
    thread::scope(|scope| (0..at_once).for_each(|_| drop(scope.spawn(work))));
    done.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn one(
    suite: &Suite,
    hold_back: bool,
    environment: &Environment,
    interrupt: &Interrupt,
) -> (Counts, Result<(), Error>) {
    let what = suite.program.display().to_string();
    let (mut counts, mut held) = (Counts::default(), vec![format!("     Running {what}")]);
    if !hold_back {
        say::line(&held.concat());
    }
    let ended = watch(interrupt, &what, &mut suite.command(environment), Output::Standard, |line| {
        counts.note(line);
        match hold_back {
            true => held.push(line.to_owned()),
            false => say::line(line),
        }
    });
    if hold_back {
        say::line(&held.join("\n"));
    }
    if let Err(error) = &ended {
        say::error(error);
    }
    (counts, ended)
}

impl Counts {
    fn add(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
    }

    /// Takes in `test result: ok. 12 passed; 0 failed; 0 ignored; …`, and no other line.
    pub(crate) fn note(&mut self, line: &str) {
        let read = || {
            let mut parts = line.trim().strip_prefix("test result: ")?.split_once(". ")?.1.split("; ");
            let mut number = |unit| parts.next()?.strip_suffix(unit)?.trim().parse().ok();
            Some(Self { passed: number("passed")?, failed: number("failed")? })
        };
        self.add(read().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn results_are_counted() {
        let mut counts = Counts::default();
        for line in [
            "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.01s",
            "test result of something else",
            "test a::b ... ok",
        ] {
            counts.note(line);
        }
        assert_eq!(counts, Counts { passed: 12, failed: 3 });
    }

    #[test]
    fn cargo_tells_of_suites() {
        let line = r#"{"reason":"compiler-artifact","manifest_path":"/w/tests/Cargo.toml","target":{"kind":["test"]},"profile":{"test":true},"executable":"/t/e2e-1"}"#;
        let found = suite(line).unwrap();
        assert!(found.is_end_to_end() && found.is_apart);
        assert_eq!(found.program, Path::new("/t/e2e-1"));
        for other in [
            line.replace("true", "false"),
            line.replace("\"/t/e2e-1\"", "null"),
            line.replace("artifact", "message"),
            String::new(),
        ] {
            assert_eq!(suite(&other), None, "{other}");
        }
    }

    #[test]
    fn every_suite_runs_and_the_first_failure_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let program = |name: &str, script: &str| {
            let path = folder.path().join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            Suite { folder: folder.path().to_owned(), program: path, is_apart: true }
        };
        let result =
            |word: &str, failed| format!("echo 'test result: {word}. 2 passed; {failed} failed; 0 ignored'");
        let good = program("good", &format!("test \"$HERE\" = there && {}", result("ok", 0)));
        let bad = program("bad", &format!("{}; exit 101", result("FAILED", 1)));
        let environment = vec![("HERE", OsString::from("there"))];
        let suites = [bad, good.clone(), good];
        let (counts, ended) = run(&suites, 2, &environment, &Interrupt::never());
        assert_eq!(counts, Counts { passed: 6, failed: 1 });
        assert!(matches!(ended, Err(Error::Failed { .. })));
    }
}
