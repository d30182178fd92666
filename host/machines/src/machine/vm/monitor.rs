//! QEMU's monitor: a socket that takes commands as lines of JSON (QMP).

use std::fs::{self, File};
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::line::PROGRAM;
use crate::error::Error;
use crate::home::Home;
use crate::id::{DiskId, MachineId};

/// The socket's name in the machine's folder.
pub(super) const SOCKET: &str = "monitor.sock";

/// How long QEMU may take to answer. It serves one client at a time.
const ANSWER: Duration = Duration::from_secs(30);

/// The longest line that is read: nobody knows what a machine has made of its QEMU.
const MAX_LINE_BYTES: u64 = 4 << 20;

/// A line of QEMU's.
#[derive(Debug, Default, Deserialize)]
struct Said {
    /// The answer to a command.
    #[serde(rename = "return")]
    answer: Option<Value>,
    error: Option<Refusal>,
}

/// Why a command was not done.
#[derive(Debug, Default, Deserialize)]
struct Refusal {
    desc: String,
}

/// What lists of devices and of nodes have in common: names.
#[derive(Debug, Deserialize)]
struct Named {
    #[serde(alias = "node-name")]
    name: Option<String>,
}

/// An open monitor.
#[derive(Debug)]
pub(super) struct Monitor {
    lines: BufReader<UnixStream>,
}

impl Monitor {
    /// That of a machine; none while nobody listens there.
    pub(super) fn open(home: &Home, id: MachineId) -> Result<Option<Self>, Error> {
        let folder = home.machine(id);
        let path = folder.join(SOCKET);
        let open = File::open(&folder).map_err(Error::file(&folder))?;
        // By this name it is short, wherever the home is.
        let short = format!("/proc/self/fd/{}/{SOCKET}", open.as_raw_fd());
        match UnixStream::connect(short) {
            Ok(socket) => Self::greet(socket).map(Some),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                Ok(None)
            }
            Err(error) => Err(Error::file(path)(error)),
        }
    }

    fn greet(socket: UnixStream) -> Result<Self, Error> {
        let timeouts = || {
            socket.set_read_timeout(Some(ANSWER))?;
            socket.set_write_timeout(Some(ANSWER))
        };
        timeouts().map_err(Error::file(SOCKET))?;
        let mut monitor = Self { lines: BufReader::new(socket) };
        monitor.execute("qmp_capabilities", &json!({}))?;
        Ok(monitor)
    }

    /// Has a command done, and answers with what QEMU says of it.
    pub(super) fn execute(&mut self, command: &'static str, arguments: &Value) -> Result<Value, Error> {
        let line = json!({ "execute": command, "arguments": arguments }).to_string() + "\n";
        self.lines.get_mut().write_all(line.as_bytes()).map_err(Error::file(SOCKET))?;
        loop {
            let said = self.next(command)?;
            match (said.answer, said.error) {
                (_, Some(Refusal { desc })) => return Err(failed(command, &desc)),
                (Some(answer), None) => return Ok(answer),
                // The greeting, or an event.
                (None, None) => {}
            }
        }
    }

    fn next(&mut self, command: &'static str) -> Result<Said, Error> {
        let mut line = Vec::new();
        let mut limited = (&mut self.lines).take(MAX_LINE_BYTES);
        limited.read_until(b'\n', &mut line).map_err(Error::file(SOCKET))?;
        match line.is_empty() {
            true => Err(failed(command, "it ended")),
            false => serde_json::from_slice(&line).map_err(|error| failed(command, &error.to_string())),
        }
    }

    /// Whether there is a device of this disk. One that was taken away is there until the machine has let go of it.
    pub(super) fn has_device(&mut self, disk: DiskId) -> Result<bool, Error> {
        self.lists("qom-list", &json!({ "path": "/machine/peripheral" }), disk)
    }

    /// Whether the file of this disk is open.
    pub(super) fn has_node(&mut self, disk: DiskId) -> Result<bool, Error> {
        self.lists("query-named-block-nodes", &json!({ "flat": true }), disk)
    }

    fn lists(&mut self, command: &'static str, arguments: &Value, disk: DiskId) -> Result<bool, Error> {
        let answer = self.execute(command, arguments)?;
        let all: Vec<Named> =
            serde_json::from_value(answer).map_err(|error| failed(command, &error.to_string()))?;
        Ok(all.into_iter().any(|known| known.name == Some(disk.to_string())))
    }
}

/// The monitor of a machine that runs.
pub(super) fn of_running(home: &Home, id: MachineId) -> Result<Monitor, Error> {
    Monitor::open(home, id)?.ok_or_else(|| failed("connect", "nobody listens at its monitor"))
}

/// Takes away the socket of the last start.
pub(super) fn forget(home: &Home, id: MachineId) -> Result<(), Error> {
    let path = home.machine(id).join(SOCKET);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::file(path)(error)),
        _ => Ok(()),
    }
}

fn failed(command: &str, why: &str) -> Error {
    let last_lines = why.chars().filter(|c| !c.is_control()).take(300).collect();
    Error::Command { command: format!("{PROGRAM}: {command}"), status: None, last_lines }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Says these lines whatever it is told. What it is told is not read, so that nothing is proved of it.
    fn saying(text: &str) -> Result<Monitor, Error> {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (&theirs).write_all(text.as_bytes()).unwrap();
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        let monitor = Monitor::greet(ours);
        drop(theirs);
        monitor
    }

    const GREETING: &str =
        "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n{\"return\": {}}\r\n";

    #[test]
    fn events_are_told_from_answers() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let lines = "{\"event\": \"POWERDOWN\", \"data\": {}}\r\n\
            {\"return\": [{\"name\": \"type\", \"type\": \"string\"}, {\"name\": \"d4\", \"type\": \"child\"}]}\r\n\
            {\"return\": [{\"node-name\": \"d4\"}]}\r\n\
            {\"error\": {\"class\": \"DeviceNotFound\", \"desc\": \"Device 'd4' not found\"}}\r\n";
        (&theirs).write_all(format!("{GREETING}{lines}").as_bytes()).unwrap();
        let mut monitor = Monitor::greet(ours).unwrap();
        assert!(monitor.has_device(DiskId(4)).unwrap());
        assert!(!monitor.has_node(DiskId(5)).unwrap());
        let error = monitor.execute("device_del", &json!({ "id": "d4" })).unwrap_err();
        assert!(error.to_string().contains("device_del` failed: Device 'd4' not found"), "{error}");
        drop(theirs);
        monitor.execute("quit", &json!({})).unwrap_err();
    }

    #[test]
    fn one_that_ends_is_an_error() {
        assert!(saying("").unwrap_err().to_string().contains("it ended"));
        assert!(saying(GREETING).is_ok());
    }

    proptest! {
        #[test]
        fn any_text_has_an_answer(text in ".{0,80}|(\\{\"(return|error|event)\": ?.{0,8}\\}\n){0,3}") {
            let _ = saying(&text);
        }
    }
}
