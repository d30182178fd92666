//! What a command prints: one JSON shape for scripts, tables for people, and nothing else on
//! standard output. Progress, log lines and errors go to standard error.

use std::io::{ErrorKind, IsTerminal, Write};

use clap::CommandFactory;
use clap_complete::Shell;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;
use serde_json::{Value, json};

use crate::args::{Cli, Format};
use crate::error::Error;

/// Prints results and failures in the format that was asked for.
pub(crate) struct Printer {
    format: Format,
}

impl Printer {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// A result: as it is in JSON, or as `human` puts it.
    pub(crate) fn result<T: Serialize>(
        &self,
        result: &T,
        human: impl FnOnce() -> String,
    ) -> Result<(), Error> {
        match self.format {
            Format::Json => {
                let result = serde_json::to_value(result).unwrap_or(Value::Null);
                print(&json!({ "result": result, "status": "success" }).to_string())
            }
            Format::Table => print(human().trim_end()),
        }
    }

    /// A step of long work, for people who wait.
    pub(crate) fn progress(&self, text: &str) {
        complain(&styled("2", text));
    }

    /// An error: JSON to standard output, words to standard error. Gives the exit code.
    pub(crate) fn failure(&self, error: &Error) -> u8 {
        let code = error.exit_code();
        if matches!(self.format, Format::Json) {
            let guest = error.guest();
            let retry_after = guest.and_then(|guest| guest.retry_after);
            let error = json!({
                "blame": error.blame(),
                "category": error.category(),
                "code": error.code(),
                "exit_code": code,
                "hint": error.hint(),
                "http_status": guest.and_then(|guest| guest.http_status),
                "message": error.to_string(),
                "retry_after_ms": retry_after.and_then(|after| u64::try_from(after.as_millis()).ok()),
                "subject": guest.and_then(|guest| guest.subject.as_ref()),
            });
            let _ = print(&json!({ "error": error, "result": null, "status": "failure" }).to_string());
            return code;
        }
        complain(&format!("{} {error}", styled("1;31", "error:")));
        if let Some(hint) = error.hint() {
            complain(&format!("{} {hint}", styled("1;36", "hint:")));
        }
        code
    }
}

/// A table for people, as wide as the terminal.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: impl IntoIterator<Item = [String; N]>) -> String {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head.map(str::to_uppercase));
    for row in rows {
        table.add_row(row);
    }
    let lines: Vec<_> = table.lines().map(|line| line.trim().to_owned()).collect();
    lines.join("\n")
}

/// The completion script of a shell.
pub(crate) fn completion(shell: Shell) -> Result<(), Error> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "skywright", &mut script);
    print(String::from_utf8_lossy(&script).trim_end())
}

/// To standard output. A reader that has gone away is not an error.
fn print(text: &str) -> Result<(), Error> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(Error::Output(error)),
        _ => Ok(()),
    }
}

/// To standard error, whose failures have nowhere to go.
pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

fn styled(style: &str, text: &str) -> String {
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\u{1b}[{style}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}
