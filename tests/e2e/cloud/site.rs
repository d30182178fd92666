//! A home of a test's own, the built binary, and the proxy between it and the cloud.

use std::path::PathBuf;

use serde_json::Value;
use tokio::process::{Child, Command};

use super::project::{Project, access};
use super::proxy::Proxy;
use crate::home::{Done, Home};

/// Where a test works.
pub(crate) struct Site {
    pub(crate) project: Project,
    pub(crate) proxy: Proxy,
    pub(crate) access: Value,
    home: Home,
}

impl Site {
    /// `None` without a rig.
    pub(crate) async fn new(purpose: &str) -> Option<Self> {
        let access = access()?;
        let project = Project::new(&access, purpose).await;
        let proxy = Proxy::start().await;
        let site = Self { project, proxy, access, home: Home::with("skywright/openstack").await };
        site.write_tenants();
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

    /// The binary with these arguments, not started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.home.command(arguments);
        command.env("PLANTED_PASSWORD", &self.project.password);
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
    child.wait_with_output().await.unwrap().into()
}
