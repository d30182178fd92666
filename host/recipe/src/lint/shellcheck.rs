//! shellcheck, where it is there: it reads rendered scripts.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde::Deserialize;

use super::rendered::Rendered;
use super::{Remarks, Severity};
use crate::Error;

/// The program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellCheck {
    program: PathBuf,
}

/// One of its comments, as `--format=json1` says them.
#[derive(Debug, Deserialize)]
struct Comment {
    line: usize,
    level: String,
    code: u32,
    message: String,
}

#[derive(Debug, Deserialize)]
struct Answer {
    comments: Vec<Comment>,
}

impl ShellCheck {
    /// The one of this machine, if it has one.
    #[must_use]
    pub fn find() -> Option<Self> {
        Self::at("shellcheck")
    }

    /// The one of this name or path, if it runs.
    #[must_use]
    pub fn at(program: impl Into<PathBuf>) -> Option<Self> {
        let program = program.into();
        let mut command = Command::new(&program);
        command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success()).then_some(Self { program })
    }

    /// Has it read every script that a shell reads; returns how many.
    pub(super) fn read(&self, remarks: &mut Remarks<'_>, scripts: &[Rendered]) -> Result<usize, Error> {
        let mut count = 0;
        for script in scripts {
            let Some(shell) = shell(&script.interpreter) else { continue };
            count += 1;
            for comment in self.comments(shell, &script.text)? {
                let severity = if comment.level == "error" { Severity::Error } else { Severity::Warning };
                let line = script.text.lines().nth(comment.line.saturating_sub(1)).unwrap_or_default().trim();
                let line: String = line.chars().take(80).collect();
                let message = format!(
                    "SC{}: {} (line {} as rendered: `{line}`)",
                    comment.code, comment.message, comment.line
                );
                remarks.at(severity, "shellcheck", &script.path, message);
            }
        }
        Ok(count)
    }

    fn comments(&self, shell: &str, text: &str) -> Result<Vec<Comment>, Error> {
        let failed = Error::io("run", &self.program);
        let mut command = Command::new(&self.program);
        command
            .args(["--format=json1", "--severity=warning", "--norc"])
            .arg(format!("--shell={shell}"))
            .arg("-");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let output = command.spawn().and_then(|mut child| {
            if let Some(mut input) = child.stdin.take() {
                // One that ends early says so by its answer.
                let _ = input.write_all(text.as_bytes());
            }
            child.wait_with_output()
        });
        let output = output.map_err(failed)?;
        let answer: Answer = serde_json::from_slice(&output.stdout).map_err(|error| {
            Error::Planner(format!("shellcheck answered what is not understood: {error}"))
        })?;
        Ok(answer.comments)
    }
}

/// The shell that an interpreter is, as shellcheck calls it.
fn shell(interpreter: &str) -> Option<&'static str> {
    let program = interpreter.split_whitespace().next()?;
    match program.rsplit('/').next()? {
        "sh" | "dash" => Some("sh"),
        "bash" => Some("bash"),
        "ksh" => Some("ksh"),
        _ => None,
    }
}
