//! Who holds a lease, and whether that process still lives.

use std::fmt;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// A process, told from all others, also from a later one with the same id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its id.
    pub process_id: u32,
    /// When it began, in clock ticks since the machine's boot.
    pub process_start_ticks: u64,
    /// Which process ids these are: containers of one machine count their own.
    pub process_namespace: String,
    /// Which boot of which machine.
    pub boot_id: String,
    /// The machine's name, for people.
    pub host_name: String,
    /// What the user ran, for people.
    pub command: String,
    /// Since when, in milliseconds since 1970, UTC.
    pub since_unix_ms: u64,
}

/// What is known of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Liveness {
    /// It runs on this machine.
    Alive,
    /// It ran on this machine since it booted, and has ended.
    Dead,
    /// It ran on another machine, in another container, or before this boot: it cannot be seen from
    /// here.
    Elsewhere,
}

impl Holder {
    /// This process, now. The command is shown to other users of the store, so it holds no secret.
    ///
    /// # Errors
    ///
    /// [`Error::Process`] if `/proc` does not say who this is.
    pub fn current(command: impl AsRef<str>) -> Result<Self, Error> {
        let (_, process_start_ticks) = parse_stat(&read("/proc/self/stat")?).ok_or_else(|| {
            Error::Process { path: "/proc/self/stat", reason: "it has an unknown form".to_owned() }
        })?;
        Ok(Self {
            process_id: std::process::id(),
            process_start_ticks,
            process_namespace: process_namespace()?,
            boot_id: boot_id()?,
            host_name: read("/proc/sys/kernel/hostname")?.trim().to_owned(),
            command: command.as_ref().chars().filter(|c| !c.is_control()).take(200).collect(),
            since_unix_ms: now_unix_ms(),
        })
    }

    /// The same process, as one that holds something since now.
    #[must_use]
    pub fn from_now(&self) -> Self {
        Self { since_unix_ms: now_unix_ms(), ..self.clone() }
    }

    /// Whether the process still runs, as far as can be seen from here.
    #[must_use]
    pub fn liveness(&self) -> Liveness {
        let (Ok(boot_id), Ok(process_namespace)) = (boot_id(), process_namespace()) else {
            return Liveness::Elsewhere;
        };
        if self.boot_id != boot_id || self.process_namespace != process_namespace {
            return Liveness::Elsewhere;
        }
        let stat = match fs::read(format!("/proc/{}/stat", self.process_id)) {
            Ok(stat) => stat,
            Err(error) if is_gone(&error) => return Liveness::Dead,
            Err(_) => return Liveness::Elsewhere,
        };
        match parse_stat(&String::from_utf8_lossy(&stat)) {
            // A zombie has ended; its parent has not asked yet.
            Some(('Z' | 'X' | 'x', _)) => Liveness::Dead,
            Some((_, ticks)) if ticks == self.process_start_ticks => Liveness::Alive,
            Some(_) => Liveness::Dead,
            None => Liveness::Elsewhere,
        }
    }

    /// Whether the process may still run: `false` only if it is known to have ended.
    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.liveness() != Liveness::Dead
    }
}

/// Milliseconds since 1970, UTC.
pub(crate) fn now_unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The process ended before its file was opened, or while it was read.
fn is_gone(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::NotFound
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

/// `process 123 on web (skywright host create web) since Sun, 06 Nov 1994 08:49:37 GMT`.
impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {} ({})", self.process_id, self.host_name, self.command)?;
        // What HTTP dates cannot say, is not said.
        let year_9999 = 253_402_300_800_000;
        if self.since_unix_ms < year_9999 {
            let since = UNIX_EPOCH + Duration::from_millis(self.since_unix_ms);
            write!(f, " since {}", httpdate::fmt_http_date(since))?;
        }
        Ok(())
    }
}

fn boot_id() -> Result<String, Error> {
    Ok(read("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

fn process_namespace() -> Result<String, Error> {
    let path = "/proc/self/ns/pid";
    let target = fs::read_link(path).map_err(|e| Error::Process { path, reason: e.to_string() })?;
    Ok(target.to_string_lossy().into_owned())
}

fn read(path: &'static str) -> Result<String, Error> {
    let bytes = fs::read(path).map_err(|e| Error::Process { path, reason: e.to_string() })?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// State and start time of a `/proc/PID/stat`, fields 3 and 22. The name in field 2 is in brackets and
/// may itself hold blanks and brackets.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace();
    let state = fields.next()?.chars().next()?;
    let ticks = fields.nth(18)?.parse().ok()?;
    Some((state, ticks))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn holder_of(child: &std::process::Child) -> Holder {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        let (_, process_start_ticks) = parse_stat(&stat).unwrap();
        Holder { process_id: child.id(), process_start_ticks, ..Holder::current("sleep").unwrap() }
    }

    #[test]
    fn this_process_lives() {
        let holder = Holder::current("skywright host create\nweb").unwrap();
        assert_eq!(holder.liveness(), Liveness::Alive);
        assert_eq!(holder.command, "skywright host createweb");
        let other = Holder { process_start_ticks: holder.process_start_ticks + 1, ..holder.clone() };
        assert_eq!(other.liveness(), Liveness::Dead);
        let boot = Holder { boot_id: "another".to_owned(), ..other.clone() };
        assert_eq!(boot.liveness(), Liveness::Elsewhere);
        let container = Holder { process_namespace: "pid:[1]".to_owned(), ..other };
        assert_eq!(container.liveness(), Liveness::Elsewhere);
        assert!(container.is_alive());
    }

    #[test]
    fn a_killed_process_is_dead_before_and_after_it_is_reaped() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let holder = holder_of(&child);
        assert_eq!(holder.liveness(), Liveness::Alive);
        child.kill().unwrap();
        // Not reaped yet; the signal itself takes a moment.
        for _ in 0..1000 {
            if !holder.is_alive() {
                break;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        assert_eq!(holder.liveness(), Liveness::Dead);
        assert!(fs::metadata(format!("/proc/{}/stat", child.id())).is_ok(), "it is a zombie");
        child.wait().unwrap();
        assert_eq!(holder.liveness(), Liveness::Dead);
    }

    #[test]
    fn who_it_is_for_people() {
        let holder = Holder {
            process_id: 123,
            process_start_ticks: 1,
            process_namespace: String::new(),
            boot_id: String::new(),
            host_name: "web".to_owned(),
            command: "skywright host list".to_owned(),
            since_unix_ms: 784_111_777_000,
        };
        let expected = "process 123 on web (skywright host list) since Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(holder.to_string(), expected);
        let never = Holder { since_unix_ms: u64::MAX, ..holder };
        assert_eq!(never.to_string(), "process 123 on web (skywright host list)");
    }

    #[test]
    fn the_start_time_is_field_22() {
        let fields: Vec<String> = (4..=52).map(|field| field.to_string()).collect();
        let stat = format!("7 (a) b) (c) S {}\n", fields.join(" "));
        assert_eq!(parse_stat(&stat), Some(('S', 22)));
        assert_eq!(parse_stat("7 (a) S 4 5"), None);
    }

    proptest! {
        #[test]
        fn any_stat_is_parsed_or_refused(stat in any::<String>()) {
            let _ = parse_stat(&stat);
        }

        #[test]
        fn any_name_is_skipped(name in "[^\u{0}]{0,20}") {
            let stat = format!("7 ({name}) R {}", (4..=22).map(|n| n.to_string()).collect::<Vec<_>>().join(" "));
            prop_assert_eq!(parse_stat(&stat), Some(('R', 22)));
        }
    }
}
