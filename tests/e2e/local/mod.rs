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
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::home::{Done, Home};

/// A command takes no longer, but for the image, which is built once.
const PATIENCE: Duration = Duration::from_secs(600);

/// As many tests at a time have hosts: most of it is waiting, and more would take all memory.
static MACHINE: Semaphore = Semaphore::const_new(2);

/// A home of a test's own, with the local provider installed from the signed repository. Its hosts go with it,
/// also where the test fails.
pub(crate) struct Site {
    home: Home,
    _place: SemaphorePermit<'static>,
}

impl Site {
    /// `None` where there is no place for images.
    pub(crate) async fn new() -> Option<Self> {
        let images = Self::images()?;
        let place = MACHINE.acquire().await.unwrap();
        Some(Self::at(Home::with("skywright/local").await, &images, place))
    }

    /// Without any plugin.
    pub(crate) async fn bare() -> Option<Self> {
        let images = Self::images()?;
        let place = MACHINE.acquire().await.unwrap();
        Some(Self::at(Home::empty(), &images, place))
    }

    fn at(home: Home, images: &Path, place: SemaphorePermit<'static>) -> Self {
        std::fs::create_dir_all(home.path().join("cache")).unwrap();
        symlink(images, home.path().join("cache/images")).unwrap();
        Self { home, _place: place }
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

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.home.command(arguments)
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
    tokio::time::timeout(PATIENCE, command.output()).await.unwrap().unwrap().into()
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
