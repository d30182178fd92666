//! What is done on hosts themselves, as root, by scripts over SSH.
//!
//! Every script may run again: an operation that was cut off runs it anew.

use std::time::Duration;

use skywright_egress::Secret;
use skywright_runtime::printable;
use skywright_ssh::{Client, Command, ExitStatus, Settings};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::tenancy::Tenancy;

/// What all scripts begin with.
const COMMON: &str = include_str!("common.sh");
const DISKS: &str = include_str!("disks.sh");

/// A package may have to be installed, and a large disk formatted.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

const SHARE_SERVER: &str = include_str!("share_server.sh");

/// What scripts exit with where something is still in use. The last line says by what.
const BUSY: u32 = 16;

/// What they exit with where the host's system cannot do it, and never will.
const UNSUPPORTED: u32 = 17;

/// A script that runs on hosts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Script {
    /// The numbers and nodes of all disks.
    ListDisks,
    /// Makes a file system on an empty volume, and mounts it now and at every start.
    MountVolume,
    /// Takes that back.
    UnmountVolume,
    /// Exports a folder by NFS.
    ExportShare,
    /// Takes that back. The files stay.
    UnexportShare,
    /// Mounts another host's folder, now and at every start.
    MountShare,
    /// Takes that back.
    UnmountShare,
    /// Mounts a bucket, now and at every start. Its keys are `ACCESS_KEY`, `SECRET_KEY` and `SESSION_TOKEN`.
    MountBucket,
    /// Takes that back, and the keys with it.
    UnmountBucket,
}

impl Script {
    fn text(self) -> String {
        let parts: &[&str] = match self {
            Self::ListDisks => &[DISKS, include_str!("volume_list.sh")],
            Self::MountVolume => &[DISKS, include_str!("volume_mount.sh")],
            Self::UnmountVolume => &[include_str!("volume_unmount.sh")],
            Self::ExportShare => &[SHARE_SERVER, include_str!("share_export.sh")],
            Self::UnexportShare => &[SHARE_SERVER, include_str!("share_unexport.sh")],
            Self::MountShare => &[include_str!("share_mount.sh")],
            Self::UnmountShare => &[include_str!("share_unmount.sh")],
            Self::MountBucket => &[include_str!("bucket_mount.sh")],
            Self::UnmountBucket => &[include_str!("bucket_unmount.sh")],
        };
        format!("{COMMON}\n{}", parts.join("\n"))
    }

    /// With secrets as variables. The text goes to the standard input of a shell: they are in no command line, no
    /// environment and no file of the way there.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for one with a control character in it: none that a cloud makes has any.
    pub(crate) fn with_secrets(self, secrets: &[(&str, Option<&Secret>)]) -> Result<Text, Error> {
        let mut text = Zeroizing::new(String::new());
        for (name, secret) in secrets {
            let secret = secret.map_or("", Secret::expose);
            if secret.chars().any(char::is_control) {
                let reason = "it has a control character in it".to_owned();
                return Err(Error::Invalid { what: (*name).to_owned(), reason });
            }
            text.push_str(&format!("readonly {name}='{}'\n", secret.replace('\'', r"'\''")));
        }
        text.push_str(&self.text());
        Ok(Text(text))
    }
}

/// What a shell is told.
pub(crate) struct Text(Zeroizing<String>);

impl From<Script> for Text {
    fn from(script: Script) -> Self {
        Self(Zeroizing::new(script.text()))
    }
}

impl Tenancy {
    /// Runs a script on a host as root; its standard output. `what` is what it does, for people.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect), [`Error::Busy`], and [`Error::OnHost`] with the last line that it printed.
    pub(crate) async fn run_script(
        &self,
        host: &str,
        what: &str,
        script: impl Into<Text>,
        arguments: &[&str],
    ) -> Result<String, Error> {
        let client = Client::new(Settings::default());
        let done = self.run_script_by(&client, host, what, script.into(), arguments).await;
        // What was dropped is ended on the other side before the process goes.
        client.settle().await;
        done
    }

    async fn run_script_by(
        &self,
        client: &Client,
        host: &str,
        what: &str,
        script: Text,
        arguments: &[&str],
    ) -> Result<String, Error> {
        let connection = self.connect(client, host).await?;
        let words = ["bash", "-s", "--"].iter().chain(arguments).copied();
        let command = Command::arguments(words).sudo().timeout(PATIENCE).stdin(script.0.as_bytes().to_vec());
        let finished = connection.run(command).await?;
        if finished.status.is_success() {
            return Ok(finished.output.stdout.to_text());
        }
        let said = finished.output.stderr.to_text();
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).map(printable);
        let (what, host) = (what.to_owned(), host.to_owned());
        Err(match finished.status {
            ExitStatus::Code(UNSUPPORTED) => {
                let why = last.unwrap_or_default();
                Error::Unsupported { what: format!("{what} on {host}: {why}; that"), hint: None }
            }
            ExitStatus::Code(BUSY) => Error::Busy { what, host, by: last.unwrap_or_default() },
            status => Error::OnHost { what, host, why: last.unwrap_or_else(|| status.to_string()) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_ones() {
        let volumes = [Script::ListDisks, Script::MountVolume, Script::UnmountVolume];
        let shares = [Script::ExportShare, Script::UnexportShare, Script::MountShare, Script::UnmountShare];
        let buckets = [Script::MountBucket, Script::UnmountBucket];
        for script in volumes.into_iter().chain(shares).chain(buckets) {
            let checked =
                std::process::Command::new("bash").args(["-n", "-c", &script.text()]).status().unwrap();
            assert!(checked.success(), "{script:?}");
        }
    }

    #[test]
    fn a_secret_is_one_word() {
        let secret = Secret::new("it's $(echo) `no` \\ command");
        let text = Script::UnmountBucket.with_secrets(&[("KEY", Some(&secret)), ("NONE", None)]).unwrap();
        let shown = format!("{}printf '%s' \"$KEY$NONE\"", text.0.split("set -euo").next().unwrap());
        let told = std::process::Command::new("bash").args(["-c", &shown]).output().unwrap();
        assert_eq!(String::from_utf8(told.stdout).unwrap(), secret.expose());
        let lines = Secret::new("two\nlines");
        assert!(Script::UnmountBucket.with_secrets(&[("KEY", Some(&lines))]).is_err());
    }
}
