//! Real hosts on this machine, by the built binary and the signed plugin.
//!
//! `SKYWRIGHT_LOCAL` names the folder where images are kept between runs; without it these tests say so and do
//! nothing. They need root and Debian's systemd-container, mmdebstrap and nftables. What they do not prove: other
//! systems than Debian 12 in the hosts, and machines whose cgroups are those of version 2 alone.

mod authors;
mod buckets;
mod conformance;
mod demo;
mod edge_proxy;
mod everyday;
mod features;
mod kubernetes;
mod remote_desktop;
mod shares;
mod survival;
mod traces;
mod trust;

use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SemaphorePermit};

/// A command takes no longer, but for the image, which is built once.
const PATIENCE: Duration = Duration::from_secs(600);

/// As many tests at a time have hosts: most of it is waiting, and more would take all memory.
static MACHINE: Semaphore = Semaphore::const_new(2);

/// A home of a test's own, with the local provider installed from the signed repository. Its hosts go with it,
/// also where the test fails.
pub(crate) struct Site {
    home: tempfile::TempDir,
    _place: SemaphorePermit<'static>,
}

/// What a command did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) json: Value,
    pub(crate) stderr: String,
}

impl Done {
    #[track_caller]
    pub(crate) fn result(&self) -> &Value {
        assert_eq!(self.code, Some(0), "{}\n{}", self.json, self.stderr);
        &self.json["result"]
    }
}

impl Site {
    /// `None` where there is no place for images.
    pub(crate) async fn new() -> Option<Self> {
        let site = Self::bare().await?;
        let repository = PathBuf::from(std::env::var_os("SKYWRIGHT_REPOSITORY").unwrap());
        let root = repository.join("metadata/1.root.json");
        let (repository, root) = (repository.to_str().unwrap(), root.to_str().unwrap());
        site.run(&["repo", "add", "ours", repository, "--root", root, "--yes"]).await.result();
        site.run(&["plugin", "install", "skywright/local", "--yes"]).await.result();
        Some(site)
    }

    /// Where images are kept, if there is a place for them.
    fn images() -> Option<PathBuf> {
        let Some(images) = std::env::var_os("SKYWRIGHT_LOCAL") else {
            println!("SKYWRIGHT_LOCAL is not set: hosts on this machine are not tried");
            return None;
        };
        std::fs::create_dir_all(&images).unwrap();
        Some(PathBuf::from(images))
    }

    /// Without any plugin.
    pub(crate) async fn bare() -> Option<Self> {
        let images = Self::images()?;
        let place = MACHINE.acquire().await.unwrap();
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join("cache")).unwrap();
        symlink(&images, home.path().join("cache/images")).unwrap();
        Some(Self { home, _place: place })
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("SKYWRIGHT_BIN").unwrap());
        command
            .args(arguments)
            .args(["--output", "json"])
            .env_clear()
            .env("SKYWRIGHT_HOME", self.home.path())
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> Done {
        ended(self.command(arguments)).await
    }

    /// Runs a command in the site's folder, with the passphrase of its keys.
    pub(crate) async fn run_here(&self, arguments: &[&str]) -> Done {
        let passphrase = self.folder().join("passphrase");
        std::fs::write(&passphrase, "correct horse battery\n").unwrap();
        let mut command = self.command(arguments);
        command.env("SKYWRIGHT_KEY_PASSPHRASE_FILE", &passphrase).current_dir(self.folder());
        ended(command).await
    }

    /// A command of [`run_here`](Self::run_here) that succeeds.
    pub(crate) async fn publisher(&self, arguments: &[&str]) {
        let done = self.run_here(arguments).await;
        assert_eq!(done.code, Some(0), "{arguments:?}: {}\n{}", done.json, done.stderr);
    }

    /// What a shell line prints on a host, without the line end.
    pub(crate) async fn on(&self, host: &str, line: &str) -> String {
        let done = self.run(&["ssh", "run", host, "-c", line]).await;
        done.result()[0]["stdout"].as_str().unwrap().trim_end().to_owned()
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().to_owned()
    }
}

async fn ended(mut command: Command) -> Done {
    let output = tokio::time::timeout(PATIENCE, command.output()).await.unwrap().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    Done {
        code: output.status.code(),
        json: serde_json::from_str(&stdout).unwrap_or(Value::Null),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let run = |arguments: &[&str]| self.command(arguments).into_std().output();
        let Ok(listed) = run(&["network", "list", "--all"]) else { return };
        let listed: Value = serde_json::from_slice(&listed.stdout).unwrap_or_default();
        for network in listed["result"].as_array().into_iter().flatten() {
            let name = network["name"].as_str().unwrap_or_default();
            let _ = run(&["network", "delete", name, "--force", "--yes"]);
        }
    }
}
