//! The binary in a home of its own.

use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::guest;

/// A folder that is home and working folder of every command in it.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

/// What one command came to.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    /// With nothing in it.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// With nothing in it, and whatever plugin is put there is nobody's but the test's.
    pub(crate) fn for_development() -> Self {
        let place = Self::empty();
        let folder = place.folder.path().canonicalize().unwrap();
        place.put("config/development.toml", format!("folders = [{folder:?}]\n"));
        place
    }

    /// With the provider of contract release 0.1.0, as `example.wasm`.
    pub(crate) fn new() -> Self {
        let place = Self::for_development();
        place.put("example.wasm", guest::example());
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A file, readable by this user alone, and its folders.
    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        self.set_mode(name, 0o600);
    }

    pub(crate) fn set_mode(&self, name: &str, mode: u32) {
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    }

    /// Compiled plugins in the cache.
    pub(crate) fn artefacts(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.path("cache/artefacts")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|e| e == "artefact")).collect()
    }

    /// A command that knows this place and nothing of whoever runs the tests.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_skywright"));
        command.args(words).env_clear().env("SKYWRIGHT_HOME", self.folder.path());
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, words: &[&str]) -> Outcome {
        self.finish(self.command(words).output().unwrap())
    }

    /// With this on standard input.
    pub(crate) fn run_with_input(&self, words: &[&str], input: &str) -> Outcome {
        use std::io::Write as _;
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that fails early does not read it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        self.finish(child.wait_with_output().unwrap())
    }

    /// What it printed, with this place's path as `HOME`.
    pub(crate) fn finish(&self, output: Output) -> Outcome {
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(path_text(self.folder.path()), "HOME");
        Outcome { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

fn path_text(path: &Path) -> &str {
    path.to_str().unwrap()
}

impl Outcome {
    /// Code, standard output and standard error, for a snapshot.
    pub(crate) fn shown(&self) -> String {
        let mut text = self.code.map_or_else(|| "killed".to_owned(), |code| format!("exit {code}"));
        for (name, printed) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !printed.is_empty() {
                let _ = write!(text, "\n{name}:\n{}", printed.trim_end());
            }
        }
        text
    }

    /// The `error` of a JSON answer.
    pub(crate) fn json_error(&self) -> serde_json::Value {
        let answer: serde_json::Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!((&answer["status"], &answer["result"]), (&"failure".into(), &serde_json::Value::Null));
        assert_eq!(answer["error"]["exit_code"].as_i64(), self.code.map(i64::from));
        answer["error"].clone()
    }

    /// The `result` of a JSON answer.
    pub(crate) fn json_result(&self) -> serde_json::Value {
        let answer: serde_json::Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!((self.code, &answer["status"]), (Some(0), &"success".into()), "{}", self.shown());
        answer["result"].clone()
    }

    pub(crate) fn holds(&self, text: &str) -> bool {
        self.stdout.contains(text) || self.stderr.contains(text)
    }
}

/// A place with a tenant whose cloud nobody can reach.
pub(crate) mod lab {
    use super::{Outcome, Place};

    const TENANTS: &str = "\
tenants:
  lab:
    provider: ./example.wasm
    settings: { endpoint: 'https://cloud.example' }
    secrets: { token: { env: TOKEN } }
";

    pub(crate) fn place() -> Place {
        let place = Place::new();
        place.put("config/tenants.yaml", TENANTS);
        place
    }

    pub(crate) fn run(place: &Place, words: &[&str]) -> Outcome {
        place.finish(place.command(words).env("TOKEN", "hunter2").output().unwrap())
    }
}
