//! Processes, told apart from others that get the same number later.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A process: its number, and when it started, in ticks since the machine did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    start_time: u64,
}

impl Process {
    /// The one that has this number now.
    pub(crate) fn of_pid(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        Some(Self { pid, start_time: start_time(&stat)? })
    }

    /// Whether it still runs. One that ended and was not waited for does not.
    pub(crate) fn is_alive(self) -> bool {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).unwrap_or_default();
        start_time(&stat) == Some(self.start_time) && !matches!(state(&stat), Some('Z' | 'X'))
    }

    /// Sends a signal to it and to no other. One that is gone is done.
    pub(crate) fn signal(self, signal: Signal) -> Result<(), Error> {
        let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) else { return Ok(()) };
        let result = rustix::process::pidfd_open(pid, PidfdFlags::empty()).and_then(|handle| {
            // The handle is of whatever has the number now. It stays that one's from here on.
            match self.is_alive() {
                true => rustix::process::pidfd_send_signal(&handle, signal),
                false => Ok(()),
            }
        });
        match result {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(error) => Err(Error::file(format!("/proc/{}", self.pid))(error.into())),
        }
    }

    /// Whether it ended within this time.
    pub(crate) fn ended_within(self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while self.is_alive() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(Duration::from_millis(10));
        }
        true
    }

    /// The processes that it started and that still run.
    pub(crate) fn children(self) -> Vec<Self> {
        let text = fs::read_to_string(format!("/proc/{0}/task/{0}/children", self.pid)).unwrap_or_default();
        text.split_whitespace().filter_map(|pid| Self::of_pid(pid.parse().ok()?)).collect()
    }

    /// Whether it is the first in a process namespace of its own.
    pub(crate) fn is_init(self) -> bool {
        fs::read_to_string(format!("/proc/{}/status", self.pid))
            .is_ok_and(|status| is_namespace_init(&status))
    }
}

/// Whether a `status` says that the process is the first in its innermost namespace, and not in ours.
fn is_namespace_init(status: &str) -> bool {
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or("");
    let ids: Vec<&str> = ids.split_whitespace().collect();
    ids.len() > 1 && ids.last() == Some(&"1")
}

/// What follows the name, which may hold spaces and parentheses itself.
fn fields(stat: &str) -> Option<std::str::SplitWhitespace<'_>> {
    Some(stat.rsplit_once(')')?.1.split_whitespace())
}

fn state(stat: &str) -> Option<char> {
    fields(stat)?.next()?.chars().next()
}

fn start_time(stat: &str) -> Option<u64> {
    // It is the 22nd field; the state is the third.
    fields(stat)?.nth(19)?.parse().ok()
}

/// The processes of a control group and of all below it.
pub(crate) fn of_cgroup(folder: &Path) -> Vec<Process> {
    let mut found: Vec<Process> = fs::read_to_string(folder.join("cgroup.procs"))
        .unwrap_or_default()
        .lines()
        .filter_map(|pid| Process::of_pid(pid.parse().ok()?))
        .collect();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(of_cgroup(&entry.path()));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_process_is_told_from_a_later_one_of_its_number() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let process = Process::of_pid(child.id()).unwrap();
        let later = Process { start_time: process.start_time + 1, ..process };
        assert!(process.is_alive() && !later.is_alive());
        later.signal(Signal::KILL).unwrap();
        assert!(!process.ended_within(Duration::from_millis(50)));
        process.signal(Signal::KILL).unwrap();
        assert!(process.ended_within(Duration::from_secs(10)), "a zombie has ended");
        child.wait().unwrap();
        process.signal(Signal::KILL).unwrap();
    }

    #[test]
    fn a_name_may_look_like_fields() {
        let stat = "7 (a) R 1 (x)) S 1 7 7 0 -1 4 5 6 7 8 9 10 11 12 20 0 1 0 4711 13 14";
        assert_eq!((state(stat), start_time(stat)), (Some('S'), Some(4711)));
    }

    #[test]
    fn the_first_of_a_namespace_is_told() {
        assert!(is_namespace_init("Name:\tinit\nNSpid:\t4711\t1\n"));
        assert!(!is_namespace_init("NSpid:\t1\n") && !is_namespace_init("NSpid:\t4711\t2\n"));
        assert!(!is_namespace_init(""));
    }

    proptest! {
        #[test]
        fn any_text_has_an_answer(text in ".{0,200}") {
            let _ = (start_time(&text), state(&text), is_namespace_init(&text));
        }
    }
}
