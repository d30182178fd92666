//! `cargo xtask fuzz`: libFuzzer on the parsers of foreign bytes, with the stable compiler.
//!
//! cargo-fuzz is not needed: the passes that it asks a nightly compiler for are LLVM's, and stable
//! rustc hands them on. Without a sanitizer they find panics, timeouts and memory use, which is what
//! safe Rust can do wrong.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::thread;

use clap::Args;

use crate::error::Error;
use crate::places::Places;
use crate::run::{Interrupt, Output, cargo, run, watch, without_ours};
use crate::{machine, say};

/// What makes LLVM count edges and comparisons, the way libFuzzer reads them.
const FLAGS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Clink-dead-code -Ccodegen-units=1 --cfg fuzzing";

/// Named, so that build scripts and macros run on the host uninstrumented.
const TRIPLE: &str = "x86_64-unknown-linux-gnu";

/// How the lines begin that libFuzzer prints when all is well: progress, and the words that it learned.
const CHATTER: [&str; 6] = ["#", "INFO:", "stat::", "\"", "Done ", "\tNEW_FUNC"];

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The target; all of them if not given
    target: Option<String>,
    /// How long each target runs
    #[arg(long, default_value_t = 60)]
    seconds: u32,
    /// Run the target once, on this file
    #[arg(long, value_name = "FILE", requires = "target")]
    replay: Option<PathBuf>,
}

pub(crate) fn fuzz(places: &Places, interrupt: &Interrupt, arguments: &Arguments) -> Result<(), Error> {
    let known = targets(places)?;
    let Some(name) = &arguments.target else {
        return all(places, interrupt, |_| arguments.seconds);
    };
    if !known.contains(name) {
        return Err(Error::NoTarget { name: name.clone(), known });
    }
    let programs = build(places, interrupt)?;
    match &arguments.replay {
        Some(file) => run(interrupt, name, Command::new(programs.join(name)).arg(file)),
        None => one(places, interrupt, &programs, name, arguments.seconds),
    }
}

/// How long a target runs among all the tests, in seconds: what reads plugins and answers from the network takes
/// its minute, the others a third of one.
pub(crate) fn seconds_among_tests(target: &str) -> u32 {
    if matches!(target, "component" | "http_headers" | "manifest") { 60 } else { 20 }
}

/// Every target for as long as `seconds` says, as many at a time as there are processors; none begins after a
/// finding.
pub(crate) fn all(
    places: &Places,
    interrupt: &Interrupt,
    seconds: impl Fn(&str) -> u32 + Sync,
) -> Result<(), Error> {
    let programs = build(places, interrupt)?;
    let waiting = Mutex::new(targets(places)?);
    let failed = Mutex::new(None);
    let next = || {
        let has_failed = failed.lock().is_ok_and(|failed| failed.is_some());
        waiting.lock().ok().filter(|_| !has_failed)?.pop()
    };
    let work = || {
        while let Some(target) = next() {
            if let Err(error) = one(places, interrupt, &programs, &target, seconds(&target))
                && let Ok(mut failed) = failed.lock()
            {
                failed.get_or_insert(error);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(work);
        }
    });
    failed.into_inner().ok().flatten().map_or(Ok(()), Err)
}

/// The names of the targets: one program each.
fn targets(places: &Places) -> Result<Vec<String>, Error> {
    let folder = places.root.join("tests/fuzz/src/bin");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).map_err(Error::io("read", &folder))? {
        let path = entry.map_err(Error::io("read", &folder))?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// Builds all targets and returns the folder that they are in.
fn build(places: &Places, interrupt: &Interrupt) -> Result<PathBuf, Error> {
    build_by(places, interrupt, cargo([]))
}

/// Builds all targets with what others leave of the processors.
pub(crate) fn build_beside(places: &Places, interrupt: &Interrupt) -> Result<(), Error> {
    let mut nice = Command::new("nice");
    without_ours(nice.args(["-n", "19", "cargo"]));
    build_by(places, interrupt, nice).map(drop)
}

fn build_by(places: &Places, interrupt: &Interrupt, mut command: Command) -> Result<PathBuf, Error> {
    machine::need(interrupt, "g++", "g++")?;
    let target_dir = places.target.join("fuzz");
    command
        .args(["build", "--release", "--locked", "--bins", "--target", TRIPLE])
        .current_dir(places.root.join("tests/fuzz"))
        .env("CARGO_TARGET_DIR", &target_dir)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", FLAGS);
    run(interrupt, "cargo build of the fuzz targets", &mut command)?;
    Ok(target_dir.join(TRIPLE).join("release"))
}

fn one(
    places: &Places,
    interrupt: &Interrupt,
    programs: &Path,
    target: &str,
    seconds: u32,
) -> Result<(), Error> {
    let folder = places.cache.join("fuzz").join(target);
    let (corpus, findings) = (folder.join("corpus"), folder.join("findings"));
    for folder in [&corpus, &findings] {
        fs::create_dir_all(folder).map_err(Error::io("make", folder))?;
    }
    let mut command = Command::new(programs.join(target));
    // New inputs go to the first folder; the others are only read.
    command.arg(&corpus).arg(places.root.join("tests/fuzz/seeds").join(target));
    if target == "component" && places.plugins().is_dir() {
        command.arg(places.plugins());
    }
    command
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .args(["-timeout=60", "-rss_limit_mb=2048", "-max_len=262144", "-print_final_stats=1"])
        .current_dir(&folder);
    let (mut first, mut last, mut artefact) = (None, 0, None);
    let result = watch(interrupt, target, &mut command, Output::Error, |line| {
        if let Some(count) = coverage(line) {
            first.get_or_insert(count);
            last = count;
        } else if !CHATTER.iter().any(|start| line.starts_with(start)) {
            say::note(line);
        }
        if let Some((_, path)) = line.split_once("Test unit written to ") {
            artefact = Some(PathBuf::from(path.trim()));
        }
    });
    match (result, artefact) {
        (Err(Error::Interrupted), _) => Err(Error::Interrupted),
        (_, Some(artefact)) => Err(Error::Finding { target: target.to_owned(), artefact }),
        (Err(error), None) => Err(error),
        (Ok(()), None) if last == 0 => Err(Error::Blind { target: target.to_owned() }),
        (Ok(()), None) => {
            say::line(&format!(
                "{target}: coverage {} to {last} in {seconds} s, no finding",
                first.unwrap_or(0)
            ));
            Ok(())
        }
    }
}

/// From `#1024  NEW    cov: 311 ft: 412 corp: …`.
fn coverage(line: &str) -> Option<u64> {
    let line = line.strip_prefix('#')?;
    line.split_once("cov: ")?.1.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_is_read_from_status_lines() {
        assert_eq!(
            coverage("#1024\tNEW    cov: 311 ft: 412 corp: 9/20b lim: 4 exec/s: 0 rss: 40Mb"),
            Some(311)
        );
        assert_eq!(coverage("#2\tINITED exec/s: 0 rss: 40Mb"), None);
        assert_eq!(coverage("stat::number_of_executed_units: 12"), None);
    }
}
