//! Other programs: run with their output read line by line, and ended when they take too long.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;

/// How much of a failed program's output its error keeps, in bytes.
const KEPT_BYTES: usize = 64 << 10;

/// Which of the two a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Output,
    Error,
}

/// Runs a program to its end, handing over each line as it comes.
///
/// # Errors
///
/// [`Error::Start`] if there is no such program, [`Error::TimedOut`] if it was ended.
pub(crate) fn run(
    command: &mut Command,
    at_most: Option<Duration>,
    line: &mut dyn FnMut(Stream, &str),
) -> Result<ExitStatus, Error> {
    let program = name(command);
    let start = |source| Error::Start { program: program.clone(), source };
    let deadline = at_most.map(|limit| Instant::now() + limit);
    let mut child =
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(start)?;
    let (sender, lines) = mpsc::channel();
    if let Some(pipe) = child.stdout.take() {
        read_lines(pipe, Stream::Output, sender.clone());
    }
    if let Some(pipe) = child.stderr.take() {
        read_lines(pipe, Stream::Error, sender.clone());
    }
    drop(sender);
    loop {
        let received = match deadline {
            None => lines.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            Some(deadline) => lines.recv_timeout(deadline.saturating_duration_since(Instant::now())),
        };
        match received {
            Ok((stream, text)) => line(stream, &text),
            Err(mpsc::RecvTimeoutError::Disconnected) => return child.wait().map_err(start),
            Err(mpsc::RecvTimeoutError::Timeout) => {
                // It may have ended by itself just now; either way it is gone afterwards.
                let _ = child.kill();
                let _ = child.wait();
                return Err(Error::TimedOut { program, seconds: at_most.unwrap_or_default().as_secs() });
            }
        }
    }
}

/// Runs a program that answers quickly and returns what it printed on standard output.
///
/// # Errors
///
/// As [`run`], and [`Error::Failed`] with what it printed on standard error.
pub(crate) fn output(command: &mut Command) -> Result<String, Error> {
    let (mut output, mut errors) = (String::new(), Tail::default());
    let status = run(command, None, &mut |stream, line| match stream {
        Stream::Output => {
            output.push_str(line);
            output.push('\n');
        }
        Stream::Error => errors.push(line),
    })?;
    succeeded(command, status, errors).map(|()| output)
}

/// [`Error::Failed`] unless the status says that all went well.
pub(crate) fn succeeded(command: &Command, status: ExitStatus, output: Tail) -> Result<(), Error> {
    if status.success() {
        return Ok(());
    }
    Err(Error::Failed { program: name(command), status: status.to_string(), output: output.0 })
}

/// The last part of a program's output.
#[derive(Debug, Default)]
pub(crate) struct Tail(String);

impl Tail {
    pub(crate) fn push(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
        if self.0.len() > 2 * KEPT_BYTES {
            let cut = self.0.ceil_char_boundary(self.0.len() - KEPT_BYTES);
            self.0.drain(..cut);
        }
    }
}

fn name(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}

fn read_lines(pipe: impl Read + Send + 'static, stream: Stream, lines: mpsc::Sender<(Stream, String)>) {
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut bytes = Vec::new();
        while pipe.read_until(b'\n', &mut bytes).is_ok_and(|read| read > 0) {
            let text = String::from_utf8_lossy(&bytes);
            if lines.send((stream, text.trim_end_matches(['\n', '\r']).to_owned())).is_err() {
                return;
            }
            bytes.clear();
        }
    });
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
    fn both_streams_are_read() {
        let mut seen = Vec::new();
        let status = run(&mut shell("echo out; echo err >&2"), None, &mut |stream, line| {
            seen.push((stream, line.to_owned()))
        });
        assert!(status.unwrap().success());
        seen.sort_by_key(|(_, line)| line.clone());
        assert_eq!(seen, [(Stream::Error, "err".to_owned()), (Stream::Output, "out".to_owned())]);
    }

    #[test]
    fn what_takes_too_long_is_ended() {
        let error =
            run(&mut shell("exec sleep 600"), Some(Duration::from_millis(50)), &mut |_, _| {}).unwrap_err();
        assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    }

    #[test]
    fn a_failure_keeps_what_was_said() {
        let error = output(&mut shell("echo because >&2; exit 3")).unwrap_err();
        assert!(matches!(&error, Error::Failed { output, .. } if output == "because\n"), "{error:?}");
        assert!(matches!(output(&mut Command::new("/nonexistent/program")), Err(Error::Start { .. })));
    }

    #[test]
    fn only_the_end_of_a_long_output_is_kept() {
        let mut tail = Tail::default();
        for number in 0..100_000 {
            tail.push(&format!("é{number}"));
        }
        assert!(tail.0.len() <= 2 * KEPT_BYTES && tail.0.ends_with("é99999\n"));
    }
}
