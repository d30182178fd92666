//! Against Debian's `docker-registry` on this machine, and `skopeo` beside it.

#![cfg(test)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use skywright_contract::{Digest, Manifest, Package, embed_manifest};
use skywright_registry::Error;
use skywright_registry::bundle::{Bundle, Limits, Selection, save};
use skywright_registry::tuf::document::{
    Document, LatestSnapshot, MetaFile, Root, Snapshot, TargetEntry, Targets, WholeSecond,
};
use skywright_registry::tuf::{
    Client, KeyPair, Layout, PluginFacts, Signer, Store, TargetPath, Transport, Verifier,
};
use skywright_registry_oci::{Access, Location, Mirror, pull_bundle, push_bundle, push_repository};

/// A registry that ends with the test.
struct Registry {
    process: Child,
    host: String,
    folder: tempfile::TempDir,
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    /// `None`, with a line that says why, where there is no such program.
    fn start() -> Option<Self> {
        if !(need("docker-registry") && need("skopeo")) {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let config = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
             http: {{addr: \"127.0.0.1:0\"}}\n",
            folder.path().join("data").display()
        );
        let path = folder.path().join("config.yml");
        std::fs::write(&path, config).unwrap();
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(path)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let host = loop {
            let line = lines.next().expect("the registry ended").unwrap();
            if let Some((_, rest)) = line.split_once("listening on ") {
                let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'));
                break rest[..end.unwrap_or(rest.len())].to_owned();
            }
        };
        std::thread::spawn(move || for _ in lines {});
        Some(Self { process, host, folder })
    }

    fn location(&self, prefix: &str) -> Location {
        format!("oci://{}/{prefix}", self.host).parse().unwrap()
    }

    fn skopeo(&self, arguments: &[&str]) -> Vec<u8> {
        let output = Command::new("skopeo").arg("--insecure-policy").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// Whether the program is there. `cargo xtask test` installs it.
fn need(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    if !is_there {
        println!("skipped: {program} is not installed; run: sudo apt-get install {program}");
    }
    is_there
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn now() -> Timestamp {
    "2026-11-22T00:00:00Z".parse().unwrap()
}

fn component() -> Vec<u8> {
    let json = br#"{"id":"acme/cloud","version":"1.0.0","kind":"provider","contract":"0.1.0","title":"T","license":"MIT","report":"r"}"#;
    let bare = wat::parse_str("(component (import \"a:b/c@1.0.0\" (instance)))").unwrap();
    embed_manifest(&bare, &Manifest::from_json(json).unwrap()).unwrap()
}

fn path(file: &str) -> TargetPath {
    format!("plugins/acme/cloud/1.0.0/{file}").parse().unwrap()
}

/// A repository's folder with one plugin; its first root.
fn repository(folder: &Path) -> Vec<u8> {
    let (key, owner) = (KeyPair::from_seed(&[1; 32]).unwrap(), KeyPair::from_seed(&[2; 32]).unwrap());
    let after = |days| WholeSecond::after(now(), DAY * days);
    let put = |path: PathBuf, bytes: &[u8]| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    };
    let bill =
        br#"{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"component":{"name":"acme/cloud"}}}"#;
    let component = component();
    let manifest = Package::read(&component).unwrap().manifest;
    let custom = serde_json::json!({ "plugin": PluginFacts::of(&manifest, Digest::of(bill)) });
    let mut acme = Targets::new(1, after(200));
    let listed: [(TargetPath, &[u8], _); 2] =
        [(path("component.wasm"), &component, Some(custom)), (path("sbom.cdx.json"), bill, None)];
    for (path, bytes, custom) in listed {
        put(folder.join("targets").join(path.hashed(&Digest::of(bytes))), bytes);
        acme.targets.insert(path, TargetEntry::of(bytes, custom));
    }
    let revoked = br#"{"version":1}"#;
    let mut targets = Targets::new(1, after(100));
    targets.delegate("acme", &[owner.public_key()], 1, "plugins/acme/*/*/*".to_owned());
    targets.targets.insert(TargetPath::revocations(), TargetEntry::of(revoked, None));
    put(folder.join("targets").join(TargetPath::revocations().hashed(&Digest::of(revoked))), revoked);
    let keys = || (vec![key.public_key()], 1);
    let roles = ["root", "targets", "snapshot", "timestamp"].map(|role| (role, keys())).into();
    let root = Document::Root(Root::new(1, after(365), &roles)).sign(&[&key]).unwrap();
    let acme = Document::Targets(acme).sign(&[&owner]).unwrap();
    let targets = Document::Targets(targets).sign(&[&key]).unwrap();
    let meta = BTreeMap::from([
        ("acme.json".to_owned(), MetaFile::of(1, &acme)),
        ("targets.json".to_owned(), MetaFile::of(1, &targets)),
    ]);
    let snapshot = Document::Snapshot(Snapshot::new(1, after(7), meta)).sign(&[&key]).unwrap();
    let timestamp = LatestSnapshot::new(1, after(1), MetaFile::of(1, &snapshot));
    let timestamp = Document::Timestamp(timestamp).sign(&[&key]).unwrap();
    for (name, bytes) in [
        ("1.root.json", &root),
        ("1.acme.json", &acme),
        ("1.targets.json", &targets),
        ("1.snapshot.json", &snapshot),
        ("timestamp.json", &timestamp),
    ] {
        put(folder.join("metadata").join(name), bytes);
    }
    root
}

fn client(root: &[u8], location: Location) -> Client {
    let mirror = Mirror::new(location, &Access::default()).unwrap();
    Client::new(Store::in_memory(root), Arc::new(mirror), Layout::Publishers)
}

async fn fetch(root: &[u8], location: Location) -> Result<Vec<u8>, Error> {
    let mut client = client(root, location);
    client.refresh(now()).await?;
    let target = client.resolve(&path("component.wasm"), now()).await?;
    client.fetch(&target).await
}

#[tokio::test]
async fn a_repository_is_mirrored_and_mirrored_again() {
    let Some(registry) = Registry::start() else { return };
    let folder = registry.path("repository");
    let root = repository(&folder);
    let location = registry.location("team/mirror");
    assert!(matches!(fetch(&root, location.clone()).await, Err(Error::Missing { .. })));
    for _ in 0..2 {
        let pushed = push_repository(&folder, location.clone(), &Access::default()).await.unwrap();
        assert_eq!((pushed.metadata, pushed.artifacts, pushed.files), (5, 2, 3));
    }
    assert_eq!(fetch(&root, location.clone()).await.unwrap(), component());

    let mirror = Mirror::new(location.clone(), &Access::default()).unwrap();
    assert!(mirror.metadata("2.root.json", 1 << 20).await.unwrap().is_none());
    assert!(matches!(mirror.metadata("1.root.json", 10).await, Err(Error::Oversize { .. })));
    let digest = Digest::of(&component());
    let cut = mirror.target(&path("component.wasm"), &digest, 10).await;
    assert!(matches!(cut, Err(Error::Oversize { .. })), "{cut:?}");
    let other = mirror.target(&path("component.wasm"), &Digest::of(b"other"), 10).await;
    assert!(matches!(other, Ok(None)), "{other:?}");

    // What others make of it: the component is the first layer, and its digest the one that is signed.
    let plugin = format!("docker://{}/team/mirror/plugins/acme/cloud:1.0.0", registry.host);
    let raw = registry.skopeo(&["inspect", "--tls-verify=false", "--raw", &plugin]);
    let manifest: serde_json::Value = serde_json::from_slice(&raw).unwrap();
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    assert_eq!(manifest["layers"][0]["mediaType"], "application/wasm");
    assert_eq!(manifest["layers"][0]["digest"], digest.to_string());

    for artifact in ["tuf-metadata:latest", "registry:latest", "plugins/acme/cloud:1.0.0"] {
        let from = format!("docker://{}/team/mirror/{artifact}", registry.host);
        let archive = format!("oci-archive:{}", registry.path("one.tar").display());
        let to = format!("docker://{}/copy/{artifact}", registry.host);
        registry.skopeo(&["copy", "-q", "--preserve-digests", "--src-tls-verify=false", &from, &archive]);
        registry.skopeo(&["copy", "-q", "--preserve-digests", "--dest-tls-verify=false", &archive, &to]);
        std::fs::remove_file(registry.path("one.tar")).unwrap();
    }
    assert_eq!(fetch(&root, registry.location("copy")).await.unwrap(), component());
    // A mirror is trusted with nothing.
    let other_root = repository_of_another_key(&registry.path("other"));
    assert!(fetch(&other_root, location).await.is_err());
}

fn repository_of_another_key(folder: &Path) -> Vec<u8> {
    let key = KeyPair::from_seed(&[9; 32]).unwrap();
    std::fs::create_dir_all(folder).unwrap();
    let roles =
        ["root", "targets", "snapshot", "timestamp"].map(|role| (role, (vec![key.public_key()], 1))).into();
    Document::Root(Root::new(1, WholeSecond::after(now(), DAY), &roles)).sign(&[&key]).unwrap()
}

#[tokio::test]
async fn a_bundle_comes_back_as_it_went() {
    let Some(registry) = Registry::start() else { return };
    let root = repository(&registry.path("repository"));
    let location = registry.location("bundles");
    push_repository(&registry.path("repository"), location.clone(), &Access::default()).await.unwrap();
    let selection = Selection {
        plugins: vec![("acme/cloud".parse().unwrap(), "1.0.0".parse().unwrap())],
        ..Selection::default()
    };
    let (sent, back) = (registry.path("sent.tar"), registry.path("back.tar"));
    save(&mut client(&root, location.clone()), &selection, now(), &sent).await.unwrap();
    let bundle = Bundle::open(&sent, Limits::default()).unwrap();
    push_bundle(&bundle, location.clone(), "2026-11", &Access::default()).await.unwrap();
    let id = pull_bundle(location.clone(), "2026-11", &Access::default(), &back).await.unwrap();
    assert_eq!(id, bundle.id());
    assert_eq!(std::fs::read(&sent).unwrap(), std::fs::read(&back).unwrap());
    let missing = pull_bundle(location.clone(), "none", &Access::default(), &back).await;
    assert!(matches!(missing, Err(Error::Missing { .. })), "{missing:?}");
    assert!(pull_bundle(location, "../x", &Access::default(), &back).await.is_err());

    // By way of another program and its archive.
    let from = format!("docker://{}/bundles:2026-11", registry.host);
    let to = format!("docker://{}/elsewhere:2026-11", registry.host);
    let archive = format!("oci-archive:{}", registry.path("one.tar").display());
    registry.skopeo(&["copy", "-q", "--preserve-digests", "--src-tls-verify=false", &from, &archive]);
    registry.skopeo(&["copy", "-q", "--preserve-digests", "--dest-tls-verify=false", &archive, &to]);
    let id = pull_bundle(registry.location("elsewhere"), "2026-11", &Access::default(), &back).await.unwrap();
    assert_eq!(id, bundle.id());
    assert_eq!(std::fs::read(&sent).unwrap(), std::fs::read(&back).unwrap());
}

/// A registry that is no registry: a web server that answers one thing.
async fn answering(answer: &'static [u8], endless: bool) -> Location {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let location = format!("oci://{}/x", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer).await;
            while endless && stream.write_all(&[b' '; 65536]).await.is_ok() {}
        }
    });
    location
}

#[tokio::test]
async fn what_never_ends_is_cut_off_and_what_makes_no_sense_refused() {
    let read = async |location| {
        Mirror::new(location, &Access::default()).unwrap().metadata("timestamp.json", 1 << 20).await
    };
    let endless = answering(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{", true).await;
    let refused = read(endless).await;
    assert!(matches!(refused, Err(Error::Oversize { .. })), "{refused:?}");
    let garbled = answering(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\nno", false).await;
    assert!(matches!(read(garbled).await, Err(Error::Metadata { .. })));
    let failing = answering(b"HTTP/1.1 500 No\r\nconnection: close\r\n\r\n", false).await;
    assert!(matches!(read(failing).await, Err(Error::Transport { .. })));
    let elsewhere =
        answering(b"HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:1/\r\nconnection: close\r\n\r\n", false)
            .await;
    assert!(matches!(read(elsewhere).await, Err(Error::Transport { .. })));
}
