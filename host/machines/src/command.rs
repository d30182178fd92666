//! Commands of the system: each with a limit in time, and an error that shows what it said.

use std::ffi::{OsStr, OsString};
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::process::{Pid, PidfdFlags};

use crate::error::Error;

/// How long a command may take that only asks the kernel.
const SHORT: Duration = Duration::from_secs(60);

/// As much of the output is kept; the rest is read and dropped.
const MAX_OUTPUT_BYTES: usize = 4 << 20;

/// Where programs of the system are, whatever the caller's `PATH` says.
pub(crate) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Starts a program, unless the process whose number comes first was gone before it could be told of that end.
const WITH_ITS_PARENT: &str = r#"[ "$PPID" = "$0" ] && exec "$@""#;

/// A command to be run.
pub(crate) struct Command {
    program: &'static str,
    arguments: Vec<OsString>,
    input: Vec<u8>,
    timeout: Duration,
}

impl Command {
    pub(crate) fn new(program: &'static str) -> Self {
        Self { program, arguments: Vec::new(), input: Vec::new(), timeout: SHORT }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// What it reads from its standard input.
    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The program with its arguments, cut short, for messages.
    fn line(&self) -> String {
        let mut line = self.program.to_owned();
        for argument in &self.arguments {
            line.push(' ');
            line.extend(argument.to_string_lossy().chars().filter(|c| !c.is_control()).take(200));
        }
        line.chars().take(400).collect()
    }

    /// Runs it, and answers with its standard output.
    pub(crate) fn run(self) -> Result<String, Error> {
        self.run_watched(|_| {})
    }

    /// Runs it; `line` gets each line of its standard error as it comes.
    pub(crate) fn run_watched(self, mut line: impl FnMut(&str) + Send) -> Result<String, Error> {
        let mut child = self.spawn()?;
        let (input, output, errors) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let deadline = Instant::now() + self.timeout;
        let (ended, output, errors) = thread::scope(|scope| {
            if let Some(mut pipe) = input {
                let bytes = &self.input;
                // One that does not want its input closes the pipe: its exit code tells the rest.
                scope.spawn(move || drop(pipe.write_all(bytes)));
            }
            let output = scope.spawn(move || output.map_or_else(Vec::new, |pipe| read(pipe, |_| {})));
            let errors = scope.spawn(move || errors.map_or_else(Vec::new, |pipe| read(pipe, |l| line(l))));
            let ended = wait(&mut child, deadline);
            if !matches!(ended, Ok(true)) {
                // Ours, and not waited for yet: its id is still its own.
                let _ = child.kill();
            }
            (ended, output.join().unwrap_or_default(), errors.join().unwrap_or_default())
        });
        let status = child.wait().map_err(Error::file(self.program))?;
        let last_lines = match last_lines(&errors) {
            lines if lines.is_empty() => last_lines(&output),
            lines => lines,
        };
        if !ended.map_err(Error::file(self.program))? {
            return Err(Error::Slow { command: self.line(), timeout: self.timeout, last_lines });
        }
        match status.success() {
            true => Ok(String::from_utf8_lossy(&output).into_owned()),
            false => Err(Error::Command { command: self.line(), status: status.code(), last_lines }),
        }
    }

    /// It ends with this process: one that was killed does nothing any more behind the back of whoever
    /// takes up its work.
    fn spawn(&self) -> Result<Child, Error> {
        let program = find(self.program).ok_or_else(|| Error::Unsupported {
            what: format!("the program `{}` is not on this machine", self.program),
            hint: Some("`skywright doctor` tells which package has it".to_owned()),
        })?;
        std::process::Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "--", "/bin/sh", "-c", WITH_ITS_PARENT])
            .arg(std::process::id().to_string())
            .arg(program)
            .args(&self.arguments)
            .env_clear()
            .env("PATH", PATH)
            .env("LC_ALL", "C.UTF-8")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(Error::file("setpriv"))
    }
}

/// Where a program of the system is.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    PATH.split(':').map(|folder| Path::new(folder).join(program)).find(|path| path.exists())
}

/// Whether it ended before the deadline.
fn wait(child: &mut Child, deadline: Instant) -> std::io::Result<bool> {
    let pid = Pid::from_child(child);
    let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout =
            Timespec::try_from(left).unwrap_or(Timespec { tv_sec: i64::from(i32::MAX), tv_nsec: 0 });
        match rustix::event::poll(
            &mut [PollFd::from_borrowed_fd(handle.as_fd(), PollFlags::IN)],
            Some(&timeout),
        ) {
            Ok(0) => return Ok(false),
            Ok(_) => return Ok(true),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads a pipe to its end, line by line.
fn read(mut pipe: impl Read, mut line: impl FnMut(&str)) -> Vec<u8> {
    let (mut kept, mut buffer, mut begun) = (Vec::new(), [0; 8192], 0);
    while let Ok(count @ 1..) = pipe.read(&mut buffer) {
        if kept.len() < MAX_OUTPUT_BYTES {
            kept.extend_from_slice(&buffer[..count]);
        }
        while let Some(end) = kept[begun..].iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            line(&String::from_utf8_lossy(&kept[begun..begun + end]));
            begun += end + 1;
        }
    }
    kept
}

/// The last lines of what a command or a machine printed, in one, without control characters.
pub(crate) fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| line.chars().filter(|c| !c.is_control()).take(300).collect::<String>())
        .filter(|line| !line.trim().is_empty())
        .collect();
    lines.drain(..lines.len().saturating_sub(4));
    lines.join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        Command::new("sh").arg("-c").arg(script)
    }

    #[test]
    fn output_and_input_are_passed_on() {
        assert_eq!(shell("tr a b").input("banana").run().unwrap(), "bbnbnb");
        // More than a pipe holds, in both directions.
        let much = "x".repeat(1 << 20);
        assert_eq!(shell("cat").input(much.clone()).run().unwrap(), much);
    }

    #[test]
    fn a_failure_shows_the_command_and_its_last_lines() {
        let error = shell("echo one >&2; printf 'two\\033[1m\\n' >&2; exit 3").run().unwrap_err();
        assert!(error.to_string().ends_with("failed with 3: one / two[1m"), "{error}");
        assert_eq!(error.code(), "command");
    }

    #[test]
    fn one_that_takes_too_long_is_ended() {
        let error =
            shell("echo begun; exec sleep 1000").timeout(Duration::from_millis(300)).run().unwrap_err();
        assert!(matches!(&error, Error::Slow { last_lines, .. } if last_lines == "begun"), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_is_said_to_be_missing() {
        let error = Command::new("skywright-no-such-program").run().unwrap_err();
        assert_eq!(error.code(), "unsupported-here");
    }

    #[test]
    fn lines_are_told_as_they_come() {
        let mut lines = Vec::new();
        shell("printf 'a\\nb\\rc' >&2").run_watched(|line| lines.push(line.to_owned())).unwrap();
        assert_eq!(lines, ["a", "b"]);
    }
}
