//! `cargo xtask test`: everything, or the parts that are asked for.

use std::process::Command;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::error::Error;
use crate::places::Places;
use crate::rig::{Openstack, Running};
use crate::run::{Interrupt, Output, cargo, run, watch};
use crate::{fuzz, machine, plugins, say};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Leave out what takes long: control planes and fuzzing
    #[arg(long, conflicts_with = "only")]
    quick: bool,
    /// Only these parts
    #[arg(long, value_delimiter = ',', value_name = "PART")]
    only: Vec<Part>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Build the plugins and the fixtures
    Plugins,
    /// Test the guests' crates on this machine, without WebAssembly
    Guests,
    /// Test the native crates
    Unit,
    /// Test the whole against a real control plane
    E2e,
    /// Fuzz every target for a minute or half of one
    Fuzz,
}

/// What was done, how long it took, and what came of it.
#[derive(Debug, Default)]
struct Report {
    steps: Vec<(&'static str, Duration, bool)>,
    passed: u64,
    failed: u64,
}

/// Walks every request of the changes that the tests only sample.
pub(crate) fn sweep(places: &Places, interrupt: &Interrupt) -> Result<(), Error> {
    let mut report = Report::default();
    let plugins = plugins::Arguments::default();
    report.step("plugins", |_| plugins::plugins(places, interrupt, &plugins))?;
    let mut build = cargo(["build", "--workspace", "--all-targets"]);
    build.current_dir(&places.root).env("CARGO_TARGET_DIR", &places.target);
    report.step("build", |_| run(interrupt, "cargo build", &mut build))?;
    let rig = Openstack::new(places)?;
    let _running = Running::start(&rig, interrupt)?;
    rig.seed(interrupt)?;
    let mut command = cargo(["test", "--workspace", "--test", "e2e", "cloud::survival"]);
    command
        .current_dir(&places.root)
        .env("CARGO_TARGET_DIR", &places.target)
        .env("SKYWRIGHT_BIN", places.target.join("debug/skywright"))
        .env("SKYWRIGHT_PLUGINS", places.plugins())
        .env("SKYWRIGHT_REPOSITORY", places.repository())
        .env("SKYWRIGHT_RIG_OPENSTACK", rig.write_access()?)
        .env("SKYWRIGHT_SWEEP", "all");
    let ended = report.step("sweep", |report| cargo_test(interrupt, &mut command, report));
    report.print();
    ended?;
    if report.failed == 0 { Ok(()) } else { Err(Error::Steps(vec!["sweep".to_owned()])) }
}

pub(crate) fn test(places: &Places, interrupt: &Interrupt, arguments: &Arguments) -> Result<(), Error> {
    let mut report = Report::default();
    let ended = parts(places, interrupt, arguments, &mut report);
    report.print();
    ended?;
    let failed: Vec<_> =
        report.steps.iter().filter(|(.., good)| !good).map(|(name, ..)| (*name).to_owned()).collect();
    if failed.is_empty() { Ok(()) } else { Err(Error::Steps(failed)) }
}

/// Goes on behind a failure, and stops when interrupted.
fn parts(
    places: &Places,
    interrupt: &Interrupt,
    arguments: &Arguments,
    report: &mut Report,
) -> Result<(), Error> {
    let wanted = |part| match arguments.only.as_slice() {
        [] => !(arguments.quick && matches!(part, Part::E2e | Part::Fuzz)),
        only => only.contains(&part),
    };
    if wanted(Part::Plugins) {
        let fixtures = plugins::Arguments { fixtures: true, ..plugins::Arguments::default() };
        report.step("plugins", |_| plugins::plugins(places, interrupt, &fixtures))?;
    }
    if wanted(Part::Guests) && places.root.join("plugins/Cargo.toml").is_file() {
        let mut command = cargo(["test", "--workspace", "--no-fail-fast"]);
        // In a folder of their own: both workspaces have the recipe's crates, and would mix them up.
        let target = places.target.join("guests");
        command.current_dir(places.root.join("plugins")).env("CARGO_TARGET_DIR", target);
        report.step("guests", |report| cargo_test(interrupt, &mut command, report))?;
    }
    let (unit, e2e) = (wanted(Part::Unit), wanted(Part::E2e));
    if unit || e2e {
        // All at once, and as the tests want it: another choice of crates or targets gives
        // dependencies other features, and has them compiled twice.
        let mut build = cargo(["build", "--workspace", "--all-targets"]);
        build.current_dir(&places.root).env("CARGO_TARGET_DIR", &places.target);
        report.step("build", |_| run(interrupt, "cargo build", &mut build))?;
        if unit && !arguments.quick {
            report.step("readers", |_| readers(places, interrupt))?;
        }
        if unit && rustix::process::geteuid().is_root() {
            report.step("registry", |_| machine::need_for_oci(interrupt))?;
        }
        native(places, interrupt, report, unit || arguments.quick, e2e || arguments.quick, e2e)?;
    }
    if wanted(Part::Fuzz) {
        report.step("fuzz", |_| fuzz::all(places, interrupt, fuzz::seconds_among_tests))?;
    }
    Ok(())
}

/// Installs other clients of The Update Framework, for holding ours against them.
fn readers(places: &Places, interrupt: &Interrupt) -> Result<(), Error> {
    let mut install = Command::new(places.root.join("tests/rigs/tuf/install"));
    install.arg(places.tuf_readers());
    run(interrupt, "tests/rigs/tuf/install", &mut install)
}

/// The native tests, with a control plane below them if it is wanted.
fn native(
    places: &Places,
    interrupt: &Interrupt,
    report: &mut Report,
    unit: bool,
    e2e: bool,
    with_rig: bool,
) -> Result<(), Error> {
    let mut command = cargo(["test", "--no-fail-fast"]);
    match (unit, e2e) {
        (true, false) => command.args(["--workspace", "--exclude", "skywright-tests"]),
        (false, true) => command.args(["--package", "skywright-tests"]),
        _ => command.arg("--workspace"),
    };
    command
        .current_dir(&places.root)
        .env("CARGO_TARGET_DIR", &places.target)
        .env("SKYWRIGHT_BIN", places.target.join("debug/skywright"))
        .env("SKYWRIGHT_PLUGINS", places.plugins())
        .env("SKYWRIGHT_REPOSITORY", places.repository());
    // `installed-lock.json` is the last that the installation writes.
    if places.tuf_readers().join("installed-lock.json").is_file() {
        command.env("SKYWRIGHT_TUF_READERS", places.tuf_readers());
    }
    let rig = Openstack::new(places)?;
    let mut running = None;
    if with_rig && rustix::process::geteuid().is_root() {
        report.step("hosts", |_| {
            command.env("SKYWRIGHT_LOCAL", places.images());
            machine::need_for_hosts(interrupt)?;
            machine::need_for_packages(interrupt)
        })?;
    }
    if with_rig {
        report.step("rig", |_| {
            running = Some(Running::start(&rig, interrupt)?);
            rig.seed(interrupt)?;
            command.env("SKYWRIGHT_RIG_OPENSTACK", rig.write_access()?);
            Ok(())
        })?;
    }
    report.step("tests", |report| cargo_test(interrupt, &mut command, report))
}

fn cargo_test(interrupt: &Interrupt, command: &mut Command, report: &mut Report) -> Result<(), Error> {
    let (mut passed, mut failed) = (0, 0);
    let result = watch(interrupt, "cargo test", command, Output::Standard, |line| {
        say::line(line);
        if let Some((more_passed, more_failed)) = counts(line) {
            passed += more_passed;
            failed += more_failed;
        }
    });
    report.passed += passed;
    report.failed += failed;
    result
}

/// From `test result: ok. 12 passed; 0 failed; 0 ignored; …`.
fn counts(line: &str) -> Option<(u64, u64)> {
    let mut parts = line.trim().strip_prefix("test result: ")?.split_once(". ")?.1.split("; ");
    let mut number = |unit| parts.next()?.strip_suffix(unit)?.trim().parse().ok();
    Some((number("passed")?, number("failed")?))
}

impl Report {
    /// Does a step. Its failure is said and remembered, and the next step comes; an interrupt ends all.
    fn step(
        &mut self,
        name: &'static str,
        work: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        say::note(&format!("==== {name}"));
        let (begin, failed_before) = (Instant::now(), self.failed);
        let result = work(self);
        let took = begin.elapsed();
        self.steps.push((name, took, result.is_ok()));
        let Err(error) = result else {
            say::note(&format!("==== {name}: done in {:.1} s", took.as_secs_f64()));
            return Ok(());
        };
        say::note(&format!("==== {name}: failed after {:.1} s", took.as_secs_f64()));
        say::error(&error);
        // A step that fails with no failed test of its own counts as one.
        self.failed += u64::from(self.failed == failed_before);
        if matches!(error, Error::Interrupted) { Err(error) } else { Ok(()) }
    }

    fn print(&self) {
        say::line("");
        for (name, took, good) in &self.steps {
            let result = if *good { "passed" } else { "FAILED" };
            say::line(&format!("{name:8}  {result}  {:7.1} s", took.as_secs_f64()));
        }
        say::line(&format!("{} passed, {} failed", self.passed, self.failed));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 1 filtered out; finished in 0.01s";
        assert_eq!(counts(line), Some((12, 3)));
        assert_eq!(counts("test result of something else"), None);
        assert_eq!(counts("test a::b ... ok"), None);
    }

    #[test]
    fn a_step_without_tests_counts_when_it_fails() {
        let mut report = Report::default();
        report.step("good", |_| Ok(())).unwrap();
        report.step("bad", |_| Err(Error::NoCache)).unwrap();
        report
            .step("tests", |report| {
                report.failed += 2;
                Err(Error::NoCache)
            })
            .unwrap();
        assert_eq!(report.failed, 3);
        assert!(report.step("stopped", |_| Err(Error::Interrupted)).is_err());
    }
}
