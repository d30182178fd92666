//! `cargo xtask test`: everything, or the parts that are asked for.

use std::num::NonZero;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use crate::error::Error;
use crate::places::Places;
use crate::rig::{Openstack, Running};
use crate::run::{Interrupt, Output, cargo, run, watch};
use crate::suite::{self, Counts, Environment, Suite};
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
    /// Fuzz every target for a minute or a third of one
    Fuzz,
}

impl Arguments {
    fn wants(&self, part: Part) -> bool {
        match self.only.as_slice() {
            [] => !(self.quick && matches!(part, Part::E2e | Part::Fuzz)),
            only => only.contains(&part),
        }
    }
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
    let builds = arguments.wants(Part::Unit) || arguments.wants(Part::E2e);
    thread::scope(|scope| {
        let beside = scope.spawn(|| {
            let mut report = Report::default();
            let ended = beside(places, interrupt, arguments, &mut report);
            (report, ended)
        });
        let built = match builds {
            // All at once, and as the tests want it: another choice of crates or targets gives
            // dependencies other features, and has them compiled twice.
            true => report.step("build", |_| {
                let mut build = cargo(["build", "--workspace", "--all-targets"]);
                build.current_dir(&places.root).env("CARGO_TARGET_DIR", &places.target);
                run(interrupt, "cargo build", &mut build)
            }),
            false => Ok(()),
        };
        let (done_beside, ended) = beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        report.append(done_beside);
        built.and(ended)
    })?;
    if builds {
        native(places, interrupt, arguments, report)?;
    }
    if arguments.wants(Part::Fuzz) {
        report.step("fuzz", |_| fuzz::all(places, interrupt, fuzz::seconds_among_tests))?;
    }
    Ok(())
}

/// What needs none of our native crates, and is done while they are built: half of it is waiting.
fn beside(
    places: &Places,
    interrupt: &Interrupt,
    arguments: &Arguments,
    report: &mut Report,
) -> Result<(), Error> {
    if arguments.wants(Part::Plugins) {
        let fixtures = plugins::Arguments { fixtures: true, ..plugins::Arguments::default() };
        report.step("plugins", |_| plugins::plugins(places, interrupt, &fixtures))?;
    }
    if arguments.wants(Part::Guests) && places.root.join("plugins/Cargo.toml").is_file() {
        let mut command = cargo(["test", "--workspace", "--no-fail-fast"]);
        // In a folder of their own: both workspaces have the recipe's crates, and would mix them up.
        let target = places.target.join("guests");
        command.current_dir(places.root.join("plugins")).env("CARGO_TARGET_DIR", target);
        report.step("guests", |report| cargo_test(interrupt, &mut command, report))?;
    }
    let is_root = rustix::process::geteuid().is_root();
    if arguments.wants(Part::Unit) && !arguments.quick {
        report.step("readers", |_| readers(places, interrupt))?;
    }
    if arguments.wants(Part::Unit) && is_root {
        report.step("registry", |_| machine::need_for_oci(interrupt))?;
    }
    if arguments.wants(Part::E2e) && is_root {
        report.step("hosts", |_| {
            machine::need_for_hosts(interrupt)?;
            machine::need_for_packages(interrupt)
        })?;
    }
    if arguments.wants(Part::E2e) {
        report.step("clouds", |_| Openstack::new(places)?.install(interrupt))?;
    }
    Ok(())
}

/// Installs other clients of The Update Framework, for holding ours against them.
fn readers(places: &Places, interrupt: &Interrupt) -> Result<(), Error> {
    let mut install = Command::new(places.root.join("tests/rigs/tuf/install"));
    install.arg(places.tuf_readers());
    run(interrupt, "tests/rigs/tuf/install", &mut install)
}

/// The native tests: those of single crates while a control plane comes up, if it is wanted, and then the rest.
fn native(
    places: &Places,
    interrupt: &Interrupt,
    arguments: &Arguments,
    report: &mut Report,
) -> Result<(), Error> {
    let mut suites = Vec::new();
    report.step("suites", |_| {
        suites = suite::all(places, interrupt)?;
        Ok(())
    })?;
    let (whole, single): (Vec<_>, Vec<_>) = suites.into_iter().partition(Suite::is_end_to_end);
    let mut environment = environment(places, arguments);
    let rig = Openstack::new(places)?;
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let running = thread::scope(|scope| {
        let starting = arguments.wants(Part::E2e).then(|| scope.spawn(|| start(&rig, interrupt)));
        if arguments.wants(Part::Unit) {
            report.suites("unit", || suite::run(&single, processors, &environment, interrupt))?;
            report.step("doc", |report| {
                let mut command = cargo(["test", "--workspace", "--doc", "--no-fail-fast"]);
                command.current_dir(&places.root).env("CARGO_TARGET_DIR", &places.target);
                cargo_test(interrupt, &mut command, report)
            })?;
        }
        let Some(starting) = starting else { return Ok(None) };
        let (beside, running) = starting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        report.append(beside);
        running
    })?;
    if let Some((_, access)) = &running {
        environment.push(("SKYWRIGHT_RIG_OPENSTACK", access.into()));
    }
    if !(arguments.wants(Part::E2e) || arguments.quick) {
        return Ok(());
    }
    // A quarter of it is waiting for clouds and hosts.
    environment.push(("RUST_TEST_THREADS", (processors + 1).to_string().into()));
    thread::scope(|scope| {
        if arguments.wants(Part::Fuzz) {
            // What goes wrong with it is told where it is needed.
            scope.spawn(|| drop(fuzz::build_beside(places, interrupt)));
        }
        report.suites("e2e", || suite::run(&whole, 1, &environment, interrupt))
    })
}

/// Where the tests find what was built for them.
fn environment(places: &Places, arguments: &Arguments) -> Environment {
    let mut environment = vec![
        ("SKYWRIGHT_BIN", places.target.join("debug/skywright").into()),
        ("SKYWRIGHT_PLUGINS", places.plugins().into()),
        ("SKYWRIGHT_REPOSITORY", places.repository().into()),
    ];
    // `installed-lock.json` is the last that the installation writes.
    if places.tuf_readers().join("installed-lock.json").is_file() {
        environment.push(("SKYWRIGHT_TUF_READERS", places.tuf_readers().into()));
    }
    if arguments.wants(Part::E2e) && rustix::process::geteuid().is_root() {
        environment.push(("SKYWRIGHT_LOCAL", places.images().into()));
    }
    environment
}

/// A control plane that runs, and the file that says how it is reached; `None` if it does not come up.
type Started<'a> = Result<Option<(Running<'a>, PathBuf)>, Error>;

fn start<'a>(rig: &'a Openstack, interrupt: &Interrupt) -> (Report, Started<'a>) {
    let (mut report, mut running) = (Report::default(), None);
    let ended = report.step("rig", |_| {
        let started = Running::start(rig, interrupt)?;
        rig.seed(interrupt)?;
        running = Some((started, rig.write_access()?));
        Ok(())
    });
    (report, ended.map(|()| running))
}

fn cargo_test(interrupt: &Interrupt, command: &mut Command, report: &mut Report) -> Result<(), Error> {
    let mut counts = Counts::default();
    let result = watch(interrupt, "cargo test", command, Output::Standard, |line| {
        say::line(line);
        counts.note(line);
    });
    report.count(counts);
    result
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

    /// A step that is suites of tests.
    fn suites(
        &mut self,
        name: &'static str,
        work: impl FnOnce() -> (Counts, Result<(), Error>),
    ) -> Result<(), Error> {
        self.step(name, |report| {
            let (counts, ended) = work();
            report.count(counts);
            ended
        })
    }

    fn count(&mut self, counts: Counts) {
        self.passed += counts.passed;
        self.failed += counts.failed;
    }

    /// What another report has, behind what this one has.
    fn append(&mut self, other: Self) {
        self.steps.extend(other.steps);
        self.passed += other.passed;
        self.failed += other.failed;
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
        let mut whole = Report::default();
        whole.append(report);
        assert_eq!((whole.steps.len(), whole.failed), (3, 3));
        let mut report = whole;
        assert!(report.step("stopped", |_| Err(Error::Interrupted)).is_err());
    }
}
