//! Programs, each the leader of a group of its own, so that all of it ends when we are told to end.

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::error::Error;

/// How often it is looked whether a program has ended.
const EVERY: Duration = Duration::from_millis(50);

/// How long a program may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether SIGINT, SIGTERM or SIGHUP came. They no longer end this program by themselves.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    pub(crate) fn catch() -> Result<Self, Error> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP]
        {
            signal_hook::flag::register(signal, Arc::clone(&flag)).map_err(Error::Signals)?;
        }
        Ok(Self(flag))
    }

    /// For what has to be done in any case: it does not hear of signals.
    pub(crate) fn never() -> Self {
        Self(Arc::default())
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.0.load(Ordering::Relaxed) { Err(Error::Interrupted) } else { Ok(()) }
    }
}

/// Runs a program to its end; `what` names it in the error.
pub(crate) fn run(interrupt: &Interrupt, what: &str, command: &mut Command) -> Result<(), Error> {
    succeeded(what, wait(interrupt, &mut spawn(command)?)?)
}

/// The same, with each line of one of its outputs handed over from another thread.
pub(crate) fn watch(
    interrupt: &Interrupt,
    what: &str,
    command: &mut Command,
    output: Output,
    mut line: impl FnMut(&str) + Send,
) -> Result<(), Error> {
    match output {
        Output::Standard => command.stdout(Stdio::piped()),
        Output::Error => command.stderr(Stdio::piped()),
    };
    let mut child = spawn(command)?;
    let pipe: Option<Box<dyn std::io::Read + Send>> = match output {
        Output::Standard => child.stdout.take().map(|pipe| Box::new(pipe) as _),
        Output::Error => child.stderr.take().map(|pipe| Box::new(pipe) as _),
    };
    let status = thread::scope(|scope| {
        scope.spawn(move || {
            let mut lines = pipe.map(BufReader::new);
            let mut bytes = Vec::new();
            while let Some(reader) = &mut lines {
                bytes.clear();
                if !reader.read_until(b'\n', &mut bytes).is_ok_and(|read| read > 0) {
                    return;
                }
                line(String::from_utf8_lossy(&bytes).trim_end_matches('\n'));
            }
        });
        wait(interrupt, &mut child)
    })?;
    succeeded(what, status)
}

/// Which output of a program is watched; the other one goes where ours goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Output {
    Standard,
    Error,
}

/// `cargo ARGUMENTS`.
pub(crate) fn cargo<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new("cargo");
    without_ours(command.args(arguments));
    command
}

/// Takes away what a cargo that runs us says of our own crate: some build scripts look at it, and would run again.
pub(crate) fn without_ours(command: &mut Command) {
    const OURS: [&str; 5] = ["CARGO_MANIFEST_", "CARGO_PKG_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(|name| OURS.iter().any(|prefix| name.starts_with(prefix))) {
            command.env_remove(name);
        }
    }
}

fn spawn(command: &mut Command) -> Result<Child, Error> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).process_group(0).spawn().map_err(|source| Error::Start { program, source })
}

fn wait(interrupt: &Interrupt, child: &mut Child) -> Result<ExitStatus, Error> {
    let gone = |source| Error::Start { program: "a program that was started".to_owned(), source };
    loop {
        if let Some(status) = child.try_wait().map_err(gone)? {
            return Ok(status);
        }
        if interrupt.check().is_err() {
            end(child);
            return Err(Error::Interrupted);
        }
        thread::sleep(EVERY);
    }
}

/// Asks the whole group, then insists.
fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let signal = |signal| group.map(|group| kill_process_group(group, signal));
    let _ = signal(Signal::TERM);
    let until = Instant::now() + PATIENCE;
    while matches!(child.try_wait(), Ok(None)) && Instant::now() < until {
        thread::sleep(EVERY);
    }
    let _ = signal(Signal::KILL);
    let _ = child.wait();
}

fn succeeded(what: &str, status: ExitStatus) -> Result<(), Error> {
    if status.success() {
        Ok(())
    } else {
        Err(Error::Failed { what: what.to_owned(), status: status.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn an_interrupt_ends_the_whole_group() {
        let interrupt = Interrupt::never();
        let flag = Arc::clone(&interrupt.0);
        let mut child = String::new();
        let result =
            watch(&interrupt, "it", &mut shell("sleep 600 & echo $!; wait"), Output::Standard, |line| {
                line.clone_into(&mut child);
                flag.store(true, Ordering::Relaxed);
            });
        assert!(matches!(result, Err(Error::Interrupted)));
        // A signal takes effect in its own time, and its new parent may reap it late.
        let gone = || match std::fs::read_to_string(format!("/proc/{child}/stat")) {
            Ok(state) => state.contains(") Z "),
            Err(_) => true,
        };
        while !gone() {
            thread::sleep(EVERY);
        }
    }

    #[test]
    fn a_failure_has_a_name() {
        let error = run(&Interrupt::never(), "the thing", &mut shell("exit 3")).unwrap_err();
        assert_eq!(error.to_string(), "the thing failed: exit status: 3");
    }
}
