//! A home of a test's own, and the built binary in it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::sync::Mutex;

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    /// What it printed as JSON; null if it printed none.
    pub(crate) json: Value,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    /// The result of a command that succeeded.
    #[track_caller]
    pub(crate) fn result(&self) -> &Value {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        &self.json["result"]
    }

    /// The error's code, if the command failed with one of ours.
    pub(crate) fn error_code(&self) -> Option<&str> {
        (self.code != Some(0)).then(|| self.json["error"]["code"].as_str().unwrap_or("none"))
    }

    /// The error of a command that failed as it should: with a code of ours and words.
    #[track_caller]
    pub(crate) fn error(&self) -> &Value {
        assert!(self.code.is_some_and(|code| code != 0 && code != 101), "{self:?}");
        assert_eq!(self.json["status"], "failure", "{self:?}");
        let error = &self.json["error"];
        assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{self:?}");
        error
    }
}

impl From<std::process::Output> for Done {
    fn from(output: std::process::Output) -> Self {
        let stdout = String::from_utf8(output.stdout).unwrap();
        let json = serde_json::from_str(&stdout).unwrap_or(Value::Null);
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { code: output.status.code(), json, stdout, stderr }
    }
}

/// A home of a test's own.
pub(crate) struct Home(TempDir);

impl Home {
    /// With nothing in it.
    pub(crate) fn empty() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With a plugin as a user would have it: signed, installed, and compiled.
    pub(crate) async fn with(plugin: &str) -> Self {
        let home = Self::empty();
        let from = prepared(plugin).await.join(".");
        let copied = Command::new("cp").arg("-a").arg(from).arg(home.path()).status().await.unwrap();
        assert!(copied.success());
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// The binary with these arguments, not started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        command(self.path(), arguments)
    }
}

/// Where the signed plugins are that were built.
pub(crate) fn repository() -> PathBuf {
    PathBuf::from(std::env::var_os("SKYWRIGHT_REPOSITORY").unwrap())
}

fn command(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("SKYWRIGHT_BIN").unwrap());
    command
        .args(arguments)
        .args(["--output", "json"])
        .env_clear()
        .env("SKYWRIGHT_HOME", home)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

/// A home that has the plugin. It is made once, because compiling takes its time, and copied from then on.
async fn prepared(plugin: &str) -> PathBuf {
    static MADE: Mutex<BTreeSet<String>> = Mutex::const_new(BTreeSet::new());
    let homes = Path::new(env!("CARGO_TARGET_TMPDIR")).join("homes");
    let own = homes.join(std::process::id().to_string());
    let home = own.join(plugin);
    let mut made = MADE.lock().await;
    if made.contains(plugin) {
        return home;
    }
    remove_those_of_others(&homes);
    fs::create_dir_all(&home).unwrap();
    let repository = repository();
    let root = repository.join("metadata/1.root.json");
    let (repository, root) = (repository.to_str().unwrap(), root.to_str().unwrap());
    for words in [
        &["repo", "add", "built", repository, "--root", root, "--yes"][..],
        &["plugin", "install", plugin, "--yes"],
        &["plugin", "call", plugin, "driver.describe"],
    ] {
        Done::from(command(&home, words).output().await.unwrap()).result();
    }
    made.insert(plugin.to_owned());
    home
}

/// Processes that are gone need theirs no more.
fn remove_those_of_others(homes: &Path) {
    for entry in fs::read_dir(homes).into_iter().flatten().flatten() {
        if !Path::new("/proc").join(entry.file_name()).exists() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
