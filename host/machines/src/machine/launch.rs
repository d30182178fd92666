//! How a machine is started: by systemd-nspawn or QEMU, which outlive this process.

use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::storage;
use crate::cgroup::Joins;
use crate::command::{self, PATH};
use crate::error::Error;
use crate::home::Home;
use crate::id::MachineId;
use crate::net::Namespace;
use crate::process::Process;
use crate::state::{self, MachineRecord};

/// How long it has until its init runs.
const START: Duration = Duration::from_secs(60);

/// As much of the console is kept from start to start.
const MAX_CONSOLE_BYTES: u64 = 1 << 20;

/// The most of it that is given at once.
const MAX_TAIL_BYTES: usize = 64 << 10;

/// Watches over a machine: joins the control groups, tells its number, and runs it. Whatever it starts is in
/// the groups from the first moment on. One that is started anew from within ends with 133; whatever else
/// is the end of it, nothing of it goes on without being watched.
const WATCH: &str = r#"set -eu
while [ "$1" != -- ]; do echo $$ > "$1"; shift; done
shift; echo $$ > "$1.new"; mv "$1.new" "$1"; shift
set +e
while unshare --mount --propagation slave -- sh -c "$RUN" sh "$@"; [ $? = 133 ]; do :; done
for file; do
    case $file in
        */run/cgroup.procs) echo 1 > "${file%procs}kill" ;;
        --) exit ;;
    esac
done 2> /dev/null"#;

/// What runs the machine, in the groups for that and with its own view of mounts. There others' mounts are
/// taken away: the machine would hold on to them after they are gone everywhere else.
const RUN: &str = r#"set -eu; unset RUN
own=$1; shift
while read -r source place rest; do
    case $place in
        */machines/m[0-9]*/root | */machines/m[0-9]*/disk)
            place=$(printf %b "$place")
            [ "${place%/*}" = "$own" ] || umount "$place" || umount --lazy "$place" ;;
    esac
done < /proc/self/mounts
while [ "$1" != -- ]; do echo $$ > "$1"; shift; done
shift; exec "$@""#;

fn pid_file(home: &Home, id: MachineId) -> PathBuf {
    home.machine(id).join("supervisor.pid")
}

fn console_file(home: &Home, id: MachineId) -> PathBuf {
    home.machine(id).join("console.log")
}

/// What systemd calls it; its host name is its own.
fn machine_name(home: &Home, id: MachineId) -> String {
    Namespace::new(home.machine_namespace(id)).name().to_owned()
}

/// Starts a container, and waits until its init runs.
pub(super) fn launch(home: &Home, machine: &MachineRecord, joins: &Joins) -> Result<Process, Error> {
    watch(home, machine.id, joins, &supervisor(home, machine))?;
    wait(home, machine.id, "systemd-nspawn", |process| Ok(init(process).map(drop)))
        .map(|(process, ())| process)
}

/// Has a command line run in the machine's groups, and watched over, from now on.
pub(super) fn watch(home: &Home, id: MachineId, joins: &Joins, line: &[String]) -> Result<(), Error> {
    forget(home, id)?;
    let console = open_console(&console_file(home, id))?;
    let errors = console.try_clone().map_err(Error::file(console_file(home, id)))?;
    let status = std::process::Command::new("setsid")
        .args(["--fork", "--", "sh", "-c", WATCH, "sh"])
        .args(&joins.watch)
        .arg("--")
        .arg(pid_file(home, id))
        .arg(home.machine(id))
        .args(&joins.run)
        .arg("--")
        .args(line)
        .env_clear()
        .env("PATH", PATH)
        .env("RUN", RUN)
        // No colours on the console, which is a file here.
        .env("TERM", "dumb")
        .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
        .env("SYSTEMD_NSPAWN_USE_CGNS", "1")
        // All of it would start udev in the machine, which then changes devices that are not its own.
        .env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "network")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(console)
        .stderr(errors)
        .status()
        .map_err(Error::file("setsid"))?;
    match status.success() {
        true => Ok(()),
        false => Err(failed(home, id, "setsid", status.code())),
    }
}

/// The supervisor's command line.
fn supervisor(home: &Home, machine: &MachineRecord) -> Vec<String> {
    let id = machine.id;
    let bind = |from: PathBuf, to: &str| format!("{}:{to}", from.display());
    let mut line = vec![
        "systemd-nspawn".to_owned(),
        "--quiet".to_owned(),
        "--boot".to_owned(),
        "--register=no".to_owned(),
        "--keep-unit".to_owned(),
        format!("--machine={}", machine_name(home, id)),
        format!("--hostname={}", machine.name),
        format!("--directory={}", storage::root(home, id).display()),
        format!("--network-namespace-path={}", Namespace::new(home.machine_namespace(id)).path().display()),
        "--resolv-conf=off".to_owned(),
        "--timezone=off".to_owned(),
        "--link-journal=no".to_owned(),
        // The clock and the kernel are this machine's.
        "--capability=all".to_owned(),
        "--drop-capability=CAP_SYS_TIME,CAP_SYS_MODULE".to_owned(),
        // What container engines in it need beside, and NFS servers outside of the kernel.
        "--system-call-filter=@keyring bpf open_by_handle_at".to_owned(),
        "--kill-signal=SIGRTMIN+4".to_owned(),
        "--console=read-only".to_owned(),
        format!("--bind={}", bind(storage::fuse(home, id), "/dev/fuse")),
        format!("--bind-ro={}", bind(storage::volumes(home, id), state::DEVICES)),
    ];
    for folder in storage::PLAIN {
        line.push(format!("--bind={}", bind(storage::plain(home, id, folder), folder)));
    }
    line
}

/// Waits until what was started does what it is to do: `ready` is asked until it answers.
pub(super) fn wait<T>(
    home: &Home,
    id: MachineId,
    program: &str,
    mut ready: impl FnMut(Process) -> Result<Option<T>, Error>,
) -> Result<(Process, T), Error> {
    let deadline = Instant::now() + START;
    let mut supervisor: Option<Process> = None;
    while Instant::now() < deadline {
        match supervisor {
            None => {
                let pid = fs::read_to_string(pid_file(home, id)).ok();
                supervisor = pid.and_then(|text| Process::of_pid(text.trim().parse().ok()?));
            }
            Some(process) if !process.is_alive() => return Err(failed(home, id, program, None)),
            Some(process) => {
                if let Some(answer) = ready(process)? {
                    return Ok((process, answer));
                }
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
    Err(Error::Late { what: format!("{} did not start", id.noun()), timeout: START })
}

/// The init of the machine that this process watches over.
pub(super) fn init(watcher: Process) -> Option<Process> {
    let below = watcher.children().into_iter().flat_map(Process::children);
    below.into_iter().find(|process| process.is_init())
}

/// Asks a container to power off, until it has or the time is over.
pub(super) fn power_off(watcher: Process, timeout: Duration) -> Result<bool, Error> {
    let deadline = Instant::now() + timeout;
    while Instant::now() < deadline {
        for supervisor in watcher.children() {
            // It passes that on as a request to power off. Asked again: it may just have been started anew.
            supervisor.signal(Signal::TERM)?;
        }
        if watcher.ended_within(Duration::from_secs(3)) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn failed(home: &Home, id: MachineId, program: &str, status: Option<i32>) -> Error {
    let last_lines = command::last_lines(&tail(&console_file(home, id), 4096).unwrap_or_default());
    Error::Command { command: program.to_owned(), status, last_lines }
}

/// Opened for appending: what several starts print is one after the other.
fn open_console(path: &Path) -> Result<File, Error> {
    let file = File::options().create(true).append(true).open(path).map_err(Error::file(path))?;
    if file.metadata().map_err(Error::file(path))?.len() > MAX_CONSOLE_BYTES {
        file.set_len(0).map_err(Error::file(path))?;
    }
    Ok(file)
}

/// Where systemd-nspawn has a folder for each machine that runs, and leaves it when it is ended.
const PROPAGATE: &str = "/run/systemd/nspawn/propagate";

/// Takes away what a start leaves outside of the home.
pub(super) fn forget(home: &Home, id: MachineId) -> Result<(), Error> {
    // It is empty, unless it is another's.
    let _ = fs::remove_dir(Path::new(PROPAGATE).join(machine_name(home, id)));
    match fs::remove_file(pid_file(home, id)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::file(pid_file(home, id))(error))
        }
        _ => Ok(()),
    }
}

/// The machines of a home that left something outside of it when they ended.
pub(crate) fn traces(home: &Home) -> Vec<(MachineId, PathBuf)> {
    let entries = fs::read_dir(PROPAGATE).into_iter().flatten().flatten();
    let ours = entries.filter_map(|entry| {
        let name = entry.file_name();
        let id = name.to_str()?.strip_prefix(&home.public_namespace())?.strip_prefix('-')?.parse().ok()?;
        Some((id, entry.path()))
    });
    ours.collect()
}

/// The last lines of its console, without control characters.
pub(super) fn console(home: &Home, id: MachineId, lines: usize) -> Result<String, Error> {
    let bytes = match tail(&console_file(home, id), MAX_TAIL_BYTES) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        read => read.map_err(Error::file(console_file(home, id)))?,
    };
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<String> =
        text.lines().map(|line| line.chars().filter(|c| !c.is_control()).collect()).collect();
    Ok(all[all.len().saturating_sub(lines)..].iter().map(|line| format!("{line}\n")).collect())
}

fn tail(path: &Path, limit: usize) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let limit = u64::try_from(limit).unwrap_or(u64::MAX);
    file.seek(SeekFrom::Start(length.saturating_sub(limit)))?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
