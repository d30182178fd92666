//! What is to run.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncRead;

use crate::error::Error;
use crate::marker::MARKER;
use crate::output::{KeepLimit, OutputCallback, Sink};
use crate::quote::{quote, quote_all};

/// What a command reads.
pub(crate) enum Stdin {
    Empty,
    Bytes(Bytes),
    Reader(Box<dyn AsyncRead + Send + Unpin>),
}

/// A command for a remote machine.
///
/// It has no input, no time limit, and its output is kept within [`KeepLimit`], unless the methods say
/// otherwise.
pub struct Command {
    line: Result<String, Error>,
    directory: Option<String>,
    environment: Vec<(String, String)>,
    secret_environment: Vec<(String, String)>,
    pub(crate) sudo: bool,
    pub(crate) timeout: Option<Duration>,
    pub(crate) stdin: Stdin,
    pub(crate) sink: Sink,
}

impl Command {
    /// A line for the user's shell (root's with [`sudo`](Self::sudo)). Nothing in it is quoted.
    pub fn shell(line: impl Into<String>) -> Self {
        let line = line.into();
        Self::new(if line.contains('\0') {
            Err(Error::invalid("command", "there is a NUL in it"))
        } else {
            Ok(line)
        })
    }

    /// A program and its arguments, which arrive as they are.
    pub fn arguments<W: AsRef<str>>(words: impl IntoIterator<Item = W>) -> Self {
        Self::new(quote_all(words))
    }

    fn new(line: Result<String, Error>) -> Self {
        Self {
            line,
            directory: None,
            environment: Vec::new(),
            secret_environment: Vec::new(),
            sudo: false,
            timeout: None,
            stdin: Stdin::Empty,
            sink: Sink::Keep(KeepLimit::default()),
        }
    }

    /// Runs it in that folder.
    #[must_use]
    pub fn directory(mut self, path: impl Into<String>) -> Self {
        self.directory = Some(path.into());
        self
    }

    /// Sets a variable. The value can be seen in the list of processes there; see
    /// [`secret_environment`](Self::secret_environment).
    #[must_use]
    pub fn environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Sets a variable whose value goes in front of the standard input: it is in no command line, here or
    /// there. Whoever may read the process's environment there (its user, and root) sees it.
    #[must_use]
    pub fn secret_environment(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.secret_environment.push((name.into(), value.into()));
        self
    }

    /// Runs it as root: by `sudo -n` unless the user is root. If `sudo` wants a password, it fails with
    /// `sudo`'s words and status.
    #[must_use]
    pub fn sudo(mut self) -> Self {
        self.sudo = true;
        self
    }

    /// Ends it after that time, and whatever it has started in its process group: first by SIGTERM, five
    /// seconds later by SIGKILL. The machine itself does, by coreutils' `timeout`, also if the connection is
    /// lost meanwhile.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Gives it an input.
    #[must_use]
    pub fn stdin(mut self, bytes: impl Into<Bytes>) -> Self {
        self.stdin = Stdin::Bytes(bytes.into());
        self
    }

    /// Gives it an input that is read as far as the command does.
    #[must_use]
    pub fn stdin_from(mut self, reader: impl AsyncRead + Send + Unpin + 'static) -> Self {
        self.stdin = Stdin::Reader(Box::new(reader));
        self
    }

    /// Keeps that much of its output.
    #[must_use]
    pub fn keep(mut self, limit: KeepLimit) -> Self {
        self.sink = Sink::Keep(limit);
        self
    }

    /// Hands its output over as it comes, and keeps nothing.
    #[must_use]
    pub fn stream(mut self, callback: OutputCallback) -> Self {
        self.sink = Sink::Stream(callback);
        self
    }

    /// The line to execute, and what goes in front of the input.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`].
    pub(crate) fn compose(&self) -> Result<Composed, Error> {
        let line = match &self.line {
            Ok(line) => quote(line)?,
            Err(Error::Invalid { what, reason }) => return Err(Error::invalid(what, reason)),
            Err(_) => return Err(Error::invalid("command", "it cannot be quoted")),
        };
        // Bash reads `.bashrc` when a server starts it, which it has done already; the level keeps it from
        // that.
        let mut script = format!("echo \"{MARKER}$$\" >&2\nexport SHLVL=1\n");
        let prelude = self.prelude()?;
        if let Some((_, end)) = &prelude {
            script.push_str(&READ_PRELUDE.replace("@END@", end));
        }
        for (name, value) in &self.environment {
            let _ = writeln!(script, "export {}={}", variable(name)?, quote(value)?);
        }
        if let Some(directory) = &self.directory {
            let _ = writeln!(script, "cd -- {} || exit 126", quote(directory)?);
        }
        let shell = "\"${SHELL:-/bin/sh}\" -c";
        if let Some(limit) = self.timeout {
            let limit_s = limit.as_secs_f64().max(0.001);
            let _ = writeln!(
                script,
                "command -v timeout >/dev/null 2>&1 && exec timeout -k 5 {limit_s:.3} {shell} {line}"
            );
        }
        let _ = write!(script, "exec {shell} {line}");
        let script = quote(&script)?;
        let line = if self.sudo { as_root(&script) } else { format!("exec sh -c {script}") };
        Ok(Composed { line, prelude: prelude.map_or_else(Bytes::new, |(text, _)| text.into()) })
    }

    /// What is read before the command's own input, and the line that ends it.
    fn prelude(&self) -> Result<Option<(String, String)>, Error> {
        if self.secret_environment.is_empty() {
            return Ok(None);
        }
        let mut text = String::new();
        for (name, value) in &self.secret_environment {
            // Always in quotes, so that no line of a value is read as anything else.
            if value.contains('\0') {
                return Err(Error::invalid(format!("variable {name}"), "there is a NUL in its value"));
            }
            let _ = writeln!(text, "export {}='{}'", variable(name)?, value.replace('\'', r"'\''"));
        }
        let mut end = "__end__".to_owned();
        while text.lines().any(|line| line == end) {
            end.push('_');
        }
        let _ = writeln!(text, "{end}");
        Ok(Some((text, end)))
    }
}

/// A command as it is sent.
pub(crate) struct Composed {
    pub(crate) line: String,
    pub(crate) prelude: Bytes,
}

/// Takes lines off the input up to the one that ends them, and runs them. `read` takes one byte at a time from
/// a pipe, so that the rest is left for the command; if it ends early, nothing is run.
const READ_PRELUDE: &str = r#"__prelude=
while :; do
IFS= read -r __line || exit 125
[ "$__line" = @END@ ] && break
__prelude="$__prelude$__line
"
done
eval "$__prelude"
unset __prelude __line
"#;

/// The quoted script, run as root. The user's own shell may be none of POSIX, so that it sees two words only.
pub(crate) fn as_root(script: &str) -> String {
    let choice = "if [ \"$(id -u)\" = 0 ]; then exec sh -c \"$1\"; fi; exec sudo -n -- sh -c \"$1\"";
    format!("exec sh -c '{choice}' sh {script}")
}

fn variable(name: &str) -> Result<&str, Error> {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if first && characters.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Ok(name);
    }
    Err(Error::invalid("variable", format!("`{}` is no name of one", crate::text::printable(name))))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::process::{self, Stdio};

    use super::*;

    /// What the command prints when a local shell runs it.
    fn local(command: &Command, stdin: &str) -> (String, Option<i32>) {
        let composed = command.compose().unwrap();
        let mut child = process::Command::new("sh")
            .arg("-c")
            .arg(&composed.line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut pipe = child.stdin.take().unwrap();
        pipe.write_all(&composed.prelude).unwrap();
        let _ = pipe.write_all(stdin.as_bytes());
        drop(pipe);
        let output = child.wait_with_output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    }

    #[test]
    fn words_stay_words_and_lines_are_lines() {
        assert_eq!(local(&Command::shell("printf %s%s \"$0\" a*b"), "").0, format!("{}a*b", shell()));
        assert_eq!(local(&Command::arguments(["printf", "%s", "$HOME 'x'"]), "").0, "$HOME 'x'");
        assert_eq!(local(&Command::arguments(["printf", "%s", "$HOME 'x'"]).sudo(), "").0, "$HOME 'x'");
    }

    fn shell() -> String {
        std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".to_owned())
    }

    #[test]
    fn secrets_come_by_the_input_and_leave_the_rest_of_it() {
        let value = "it's\n__end__\n\"$(id)\"  ";
        let command = Command::shell("printf '%s|' \"$SECRET\" \"$PLAIN\"; cat; exit 3")
            .secret_environment("SECRET", value)
            .environment("PLAIN", "a 'b'")
            .directory("/")
            .timeout(Duration::from_secs(60));
        assert!(!command.compose().unwrap().line.contains("it's"));
        assert_eq!(local(&command, "rest\n"), (format!("{value}|a 'b'|rest\n"), Some(3)));
    }

    #[test]
    fn a_prelude_that_ends_early_runs_nothing() {
        let command = Command::shell("echo ran").secret_environment("A", "b");
        let composed = command.compose().unwrap();
        let mut child = process::Command::new("sh")
            .arg("-c")
            .arg(&composed.line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let cut = &composed.prelude[..composed.prelude.len() - 4];
        child.stdin.take().unwrap().write_all(cut).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.stdout, output.status.code()), (Vec::new(), Some(125)));
    }

    #[test]
    fn what_cannot_be_said_is_refused() {
        for command in [
            Command::shell("a\0b"),
            Command::arguments(["a\0b"]),
            Command::shell("x").environment("A=B", "c"),
            Command::shell("x").secret_environment("1A", "c"),
            Command::shell("x").environment("A", "\0"),
            Command::shell("x").secret_environment("A", "\0"),
            Command::shell("x").directory("\0"),
        ] {
            assert!(matches!(command.compose(), Err(Error::Invalid { .. })));
        }
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(30))]
        #[test]
        fn values_arrive(value in "[^\0]{0,30}", secret in "[^\0]{0,30}") {
            let command = Command::shell("printf '%s\\0%s' \"$A\" \"$B\"")
                .environment("A", value.clone())
                .secret_environment("B", secret.clone());
            assert_eq!(local(&command, ""), (format!("{value}\0{secret}"), Some(0)));
        }
    }
}
