//! What a command prints: one JSON shape for scripts, tables for people, and nothing else on
//! standard output. Progress, log lines and errors go to standard error.

use std::io::{ErrorKind, IsTerminal, Write};

use clap::CommandFactory;
use clap_complete::Shell;
use comfy_table::{ContentArrangement, Table};
use serde::Serialize;
use serde_json::{Value, json};
use skywright_runtime::printable;

use crate::args::{Cli, Format};
use crate::details::details;
use crate::error::Error;
use crate::later;

/// Prints results and failures in the format that was asked for.
pub(crate) struct Printer {
    format: Format,
    quiet: bool,
}

impl Printer {
    pub(crate) fn new(format: Format, quiet: bool) -> Self {
        Self { format, quiet }
    }

    /// Whether progress is left out.
    pub(crate) fn is_quiet(&self) -> bool {
        self.quiet
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

    /// Text as it is, whatever the format: what is meant for another program.
    pub(crate) fn text(&self, text: &str) -> Result<(), Error> {
        print(text.trim_end_matches('\n'))
    }

    /// A list: an array in JSON, a table for people, who are told on standard error that there are no `what`.
    pub(crate) fn list<T: Serialize, const N: usize>(
        &self,
        what: &str,
        items: &[T],
        head: [&str; N],
        row: impl Fn(&T) -> [String; N],
    ) -> Result<(), Error> {
        if items.is_empty() && matches!(self.format, Format::Table) {
            complain(&styled("2", &format!("no {what}")));
            return Ok(());
        }
        self.result(&items, || table(head, items.iter().map(row)))
    }

    /// One thing: a view in JSON, its fields for people.
    pub(crate) fn details<T: Serialize>(&self, view: &T) -> Result<(), Error> {
        self.result(view, || details(view))
    }

    /// It was done, and there is nothing to show of it: `null` in JSON.
    pub(crate) fn done(&self) -> Result<(), Error> {
        match self.format {
            Format::Json => self.result(&Value::Null, String::new),
            Format::Table => Ok(()),
        }
    }

    /// What there is to show although it failed: words to standard output now; JSON with the failure.
    pub(crate) fn failed_result(&self, human: impl FnOnce() -> String) -> Result<(), Error> {
        match self.format {
            Format::Json => Ok(()),
            Format::Table => print(human().trim_end()),
        }
    }

    /// A step of long work, for people who wait.
    pub(crate) fn progress(&self, text: &str) {
        if !self.quiet {
            complain(&styled("2", text));
        }
    }

    /// An error: JSON to standard output, words to standard error. Gives the exit code.
    pub(crate) fn failure(&self, error: &Error) -> u8 {
        let code = error.exit_code();
        if matches!(self.format, Format::Json) {
            let guest = error.guest();
            let retry_after = guest.and_then(|guest| guest.retry_after);
            let result = error.result();
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
            let _ = print(&json!({ "error": error, "result": result, "status": "failure" }).to_string());
            return code;
        }
        complain(&format!("{} {error}", styled("1;31", "error:")));
        if let Some(snippet) = error.snippet() {
            complain(&snippet);
        }
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
        // Clouds and plugins wrote some of it.
        table.add_row(row.map(|cell| printable(&cell)));
    }
    let lines: Vec<_> =
        table.lines().map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned()).collect();
    lines.join("\n")
}

/// The completion script of a shell.
pub(crate) fn completion(shell: Shell) -> Result<(), Error> {
    later::describe_at_once();
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

/// Something that the user has to know, and that is no failure.
pub(crate) fn notice(text: &str) {
    complain(&format!("{} {}", styled("1;33", "note:"), printable(text)));
}

fn styled(style: &str, text: &str) -> String {
    if std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none() {
        format!("\u{1b}[{style}m{text}\u{1b}[0m")
    } else {
        text.to_owned()
    }
}
