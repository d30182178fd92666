//! A cluster of the stand-in's packages: what is called, in which order and with what, and what is left.
//!
//! No program of Kubernetes runs here: see rigs/kubernetes/README.md for what this proves and what it does not.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use super::Site;
use super::features::changes;
use super::traces::Traces;

const FROM: &str = "1.34.1";
const TO: &str = "1.34.2";
const PORT: &str = "8034";

/// A package source that hosts reach, until it is dropped.
struct Source {
    address: String,
    folder: PathBuf,
    cni_sha256: String,
    server: Child,
}

impl Source {
    /// `None` where the programs are missing that make packages.
    fn serve(site: &Site, traces: &Traces) -> Option<Self> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("rigs/kubernetes/standin");
        let folder = site.folder().join("source");
        let built = Command::new(&program).arg("build").arg(&folder).args([FROM, TO]).output().unwrap();
        let said = String::from_utf8_lossy(&built.stderr);
        if said.contains("FileNotFoundError") {
            println!("dpkg-dev or gpg is not here: there is no source of packages");
            return None;
        }
        assert!(built.status.success(), "{said}");
        let cni_sha256 = String::from_utf8(built.stdout).unwrap().split(' ').next().unwrap().to_owned();
        let address = uplink(traces);
        let mut server = Command::new(&program);
        server.arg("serve").arg(&folder).args([&address, PORT]).stderr(std::process::Stdio::null());
        let server = server.spawn().unwrap();
        Some(Self { address, folder, cni_sha256, server })
    }

    /// Parameters that lead to it.
    fn parameters(&self, version: &str) -> Vec<String> {
        let Self { address, folder, cni_sha256, .. } = self;
        let values = [
            format!("version={version}"),
            format!("package_source=http://{address}:{PORT}/"),
            format!("package_key=file:{}", folder.join("Release.key").display()),
            "cni=manifest".to_owned(),
            format!("cni_manifest=http://{address}:{PORT}/cni.yaml"),
            format!("cni_manifest_sha256={cni_sha256}"),
        ];
        values.into_iter().flat_map(|value| ["-p".to_owned(), value]).collect()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// This machine's address on the way that the home's hosts go out.
fn uplink(traces: &Traces) -> String {
    let link = format!("sw{}up", traces.tag());
    let shown = Command::new("ip").args(["-4", "-o", "addr", "show", "dev", &link]).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let address = shown.split_whitespace().skip_while(|word| *word != "inet").nth(1).unwrap();
    address.split('/').next().unwrap().to_owned()
}

/// How often the stand-in of kubeadm was called on a host to make, join or upgrade a cluster, in that order.
async fn calls(site: &Site, host: &str) -> Vec<String> {
    let log = site.on(host, "sudo cat /var/log/standin.log").await;
    let calls = log.lines().filter_map(|line| line.split_once("kubeadm ")?.1.split_whitespace().next());
    let mut calls: Vec<_> = calls.filter(|call| ["init", "join", "upgrade"].contains(call)).collect();
    calls.dedup();
    calls.into_iter().map(str::to_owned).collect()
}

async fn feature(site: &Site, verb: &str, parameters: &[String]) -> u64 {
    let mut words = vec!["feature", verb, "kubernetes"];
    if verb == "add" {
        words.extend(["--on", "a:master,b:node,c:node"]);
    }
    words.extend(parameters.iter().map(String::as_str));
    changes(site.run(&words).await.result())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_of_the_stand_in() {
    let Some(site) = Site::new().await else { return };
    let before = Traces::before(&site.folder());
    site.install(&["kubernetes"]).await;
    site.run(&["network", "create", "lan", "--cidr", "192.168.102.0/24"]).await.result();
    let hosts = ["a", "b", "c"];
    site.run(&["host", "create", "a", "b", "c", "--network", "lan", "-S", "ram>=1"]).await.result();
    if let Some(source) = Source::serve(&site, &before) {
        let clean = site.traces(&hosts).await;
        assert!(feature(&site, "add", &source.parameters(FROM)).await > 0);
        assert_members(&site, FROM).await;
        assert_eq!(feature(&site, "add", &source.parameters(FROM)).await, 0);
        assert!(feature(&site, "upgrade", &source.parameters(TO)).await > 0);
        assert_members(&site, TO).await;
        // The upgrade of a control plane uploads its certificates again, by a phase of `init`.
        assert_eq!(calls(&site, "a").await, ["init", "upgrade", "init"]);
        for node in ["b", "c"] {
            assert_eq!(calls(&site, node).await, ["join", "upgrade"]);
        }
        site.run(&["feature", "remove", "kubernetes", "--yes"]).await.result();
        for (now, clean) in site.traces(&hosts).await.iter().zip(&clean) {
            assert_eq!(now, clean);
        }
    }
    site.run(&["network", "delete", "lan", "--force", "--yes"]).await.result();
    before.assert_none_new();
}

/// Three members of this version.
async fn assert_members(site: &Site, version: &str) {
    let nodes =
        site.on("a", "sudo kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes --no-headers").await;
    let of_version = nodes.lines().filter(|line| line.contains(&format!("v{version}"))).count();
    assert_eq!(of_version, 3, "{nodes}");
}
