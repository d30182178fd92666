//! A home of a test's own, the built binary, and the proxy between it and the cloud.

use std::path::PathBuf;
use std::process::Stdio;

use serde_json::Value;
use tokio::process::{Child, Command};

use super::project::{Project, access};
use super::proxy::Proxy;

/// Where a test works.
pub(crate) struct Site {
    pub(crate) project: Project,
    pub(crate) proxy: Proxy,
    pub(crate) access: Value,
    home: tempfile::TempDir,
}

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

impl Site {
    /// `None` without a rig.
    pub(crate) async fn new(purpose: &str) -> Option<Self> {
        let access = access()?;
        let project = Project::new(&access, purpose).await;
        let proxy = Proxy::start().await;
        let site = Self { project, proxy, access, home: tempfile::tempdir().unwrap() };
        site.write_tenants();
        site.install().await;
        Some(site)
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.home.path().to_owned()
    }

    /// The laboratory's hosts are records: nothing boots.
    fn write_tenants(&self) {
        let folder = self.home.path().join("config");
        std::fs::create_dir_all(&folder).unwrap();
        let Project { name, auth_url, region, .. } = &self.project;
        let tenants = format!(
            "tenants:\n  lab:\n    provider: skywright/openstack\n    settings:\n      auth-url: {auth_url}\n      region: {region}\n      user: {name}\n      project-name: {name}\n    secrets:\n      password: {{ env: PLANTED_PASSWORD }}\n    defaults: {{ wait-for-boot: false }}\n    grants:\n      plaintext-credentials: true\n      proxy: {}\n",
            self.proxy.url()
        );
        std::fs::write(folder.join("tenants.yaml"), tenants).unwrap();
    }

    /// The provider, signed, as a user would have it. Without a repository, as it was built.
    async fn install(&self) {
        let Some(repository) = std::env::var_os("SKYWRIGHT_REPOSITORY") else { return };
        let repository = repository.into_string().unwrap();
        let root = format!("{repository}/metadata/1.root.json");
        for words in [
            &["repo", "add", "built", &repository, "--root", &root][..],
            &["plugin", "install", "skywright/openstack"],
        ] {
            let done = done(self.command(words).spawn().unwrap()).await;
            assert_eq!(done.code, Some(0), "{}\n{}", done.stdout, done.stderr);
        }
    }

    /// The binary with these arguments, not started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let binary = std::env::var_os("SKYWRIGHT_BIN").unwrap();
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .args(["--output", "json"])
            .env_clear()
            .env("SKYWRIGHT_HOME", self.home.path())
            .env("PLANTED_PASSWORD", &self.project.password)
            .env("PATH", "/usr/bin:/bin")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        if std::env::var_os("SKYWRIGHT_REPOSITORY").is_none() {
            let plugins = std::env::var_os("SKYWRIGHT_PLUGINS").unwrap();
            command.env("SKYWRIGHT_PLUGINS", plugins).env("SKYWRIGHT_ALLOW_UNSIGNED", "1");
        }
        command
    }

    /// Starts the binary; the proxy knows whom to kill.
    pub(crate) fn start(&self, arguments: &[&str]) -> Child {
        let child = self.command(arguments).spawn().unwrap();
        self.proxy.victim(child.id().unwrap());
        child
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Done {
        done(self.start(arguments)).await
    }
}

/// Waits for a command's end.
pub(crate) async fn done(child: Child) -> Done {
    let output = child.wait_with_output().await.unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    let json = serde_json::from_str(&stdout).unwrap_or(Value::Null);
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Done { code: output.status.code(), json, stdout, stderr }
}
