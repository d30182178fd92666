//! Across a gap, by commands alone: published outside, carried as one file, and run where there is no network at
//! all; and by way of an OCI registry.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::run::{Outcome, Place};
use crate::trust::{PLUGIN, Publisher};

/// A home in a network namespace of its own, whose one interface is a loopback that is down.
struct Inside(Place);

impl Inside {
    fn run(&self, words: &[&str]) -> Outcome {
        let plain = self.0.command(&[words, &["-o", "json"]].concat());
        let mut command = Command::new("unshare");
        // Root needs no user namespace, and others get nowhere without one.
        if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
            command.args(["--user", "--map-root-user"]);
        }
        command.arg("--net").arg(plain.get_program()).args(plain.get_args()).env_clear();
        command.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PATH", "/usr/bin:/bin").current_dir(self.0.path("")).stdin(Stdio::null());
        self.0.finish(command.output().unwrap())
    }

    #[track_caller]
    fn good(&self, words: &[&str]) -> Value {
        self.run(words).json_result()
    }

    #[track_caller]
    fn refused(&self, words: &[&str]) -> Value {
        self.run(words).json_error()
    }

    /// What somebody carries in. Roots of trust go the same way here, and by another one in earnest.
    fn carry(&self, from: &Path, name: &str) {
        self.0.put(name, std::fs::read(from).unwrap());
    }
}

/// A repository with the plugin in it, and a bundle that the site has vetted.
fn vetted() -> Publisher {
    let publisher = Publisher::new();
    publisher.publish();
    publisher.good(&["key", "new", "site"]);
    publisher.good(&["repo", "update"]);
    publisher.good(&["bundle", "save", "out.tar", "--plugins", &format!("{PLUGIN}@0.1.0")]);
    let vet = ["bundle", "vet", "out.tar", "--key", "site", "--site", "desk", "--by", "Ada"];
    let root = ["--root", "repository/metadata/1.root.json", "--out", "vetted.tar"];
    publisher.good(&[&vet[..], &root].concat());
    publisher
}

#[test]
fn published_outside_vetted_carried_and_run_without_a_network() {
    let publisher = vetted();
    let outside = &publisher.place;
    let inside = Inside(Place::empty());
    inside.carry(&outside.path("repository/metadata/1.root.json"), "root.json");
    inside.carry(&outside.path("desk/metadata/1.root.json"), "site-root.json");
    inside.carry(&outside.path("out.tar"), "unvetted.tar");
    inside.carry(&outside.path("vetted.tar"), "vetted.tar");
    let add = |name, place, root| inside.good(&["repo", "add", name, place, "--root", root, "--offline"]);
    add("main", "bundle:upstream", "root.json");
    inside.good(&["repo", "add", "site", "bundle:site", "--site", "--root", "site-root.json", "--offline"]);
    inside.0.put("config/trust.toml", "version = 1\n[namespace.\"*\"]\nrequire = \"both\"\n");

    // Nothing runs before somebody has vouched for it.
    assert_eq!(inside.refused(&["bundle", "load", "unvetted.tar"])["code"], "bundle");
    let install = ["plugin", "install", "skywright-tests/example@0.1.0", "--offline", "--yes"];
    assert_ne!(inside.run(&install).code, Some(0));

    inside.good(&["bundle", "verify", "vetted.tar"]);
    let loaded = inside.good(&["bundle", "load", "vetted.tar"]);
    assert_eq!(loaded["files"][0]["vetting"]["by"], "Ada", "{loaded}");
    inside.good(&install);
    let described = inside.good(&["plugin", "call", "example", "driver.describe"]);
    assert!(described.is_object(), "{described}");
    let words = inside.good(&["plugin", "explain", "example"])["words"].clone();
    assert_eq!(words.as_array().unwrap().len(), 2, "the publisher's and the site's: {words}");
}

#[test]
fn one_changed_bit_is_refused_and_what_runs_goes_on() {
    let publisher = vetted();
    let outside = &publisher.place;
    let inside = Inside(Place::empty());
    inside.carry(&outside.path("repository/metadata/1.root.json"), "root.json");
    inside.carry(&outside.path("desk/metadata/1.root.json"), "site-root.json");
    inside.carry(&outside.path("vetted.tar"), "vetted.tar");
    inside.good(&["repo", "add", "main", "bundle:upstream", "--root", "root.json", "--offline"]);
    inside.good(&["repo", "add", "site", "bundle:site", "--site", "--root", "site-root.json", "--offline"]);
    inside.good(&["bundle", "load", "vetted.tar"]);
    inside.good(&["plugin", "install", PLUGIN, "--offline", "--yes"]);
    let mut bytes = std::fs::read(outside.path("vetted.tar")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    inside.0.put("changed.tar", bytes);
    for what in ["verify", "load"] {
        let code = inside.refused(&["bundle", what, "changed.tar"])["code"].clone();
        assert!(["bundle", "signatures", "tampered"].contains(&code.as_str().unwrap()), "{code}");
    }
    inside.good(&["plugin", "call", "example", "driver.describe"]);
}

/// Debian's OCI registry, on a port that is free; it ends with the test.
struct OciRegistry {
    process: Child,
    host: String,
    _folder: tempfile::TempDir,
}

impl Drop for OciRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl OciRegistry {
    /// `None`, with a line that says why, where there is no such program. `cargo xtask test` installs it.
    #[expect(clippy::print_stdout, reason = "the harness keeps it for whoever asks")]
    fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let (data, config) = (folder.path().join("data"), folder.path().join("config.yml"));
        let text = format!(
            "version: 0.1\nlog: {{level: info}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"127.0.0.1:0\"}}\n",
            data.display()
        );
        std::fs::write(&config, text).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(&config).stdout(Stdio::null()).stderr(Stdio::piped());
        let Ok(mut process) = command.spawn() else {
            println!("skipped: docker-registry is not installed; run: sudo apt-get install docker-registry");
            return None;
        };
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let host = loop {
            let line = lines.next().unwrap().unwrap();
            if let Some((_, rest)) = line.split_once("listening on ") {
                let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'));
                break rest[..end.unwrap_or(rest.len())].to_owned();
            }
        };
        std::thread::spawn(move || for _ in lines {});
        Some(Self { process, host, _folder: folder })
    }
}

#[test]
fn an_oci_registry_is_a_mirror_of_repositories_and_bundles() {
    let Some(registry) = OciRegistry::start() else { return };
    let publisher = vetted();
    let place = |prefix: &str| format!("oci://{}/{prefix}", registry.host);
    publisher.good(&["registry", "push", "repository", &place("skywright")]);
    publisher.good(&["bundle", "push", "vetted.tar", &place("bundles"), "--tag", "first"]);
    let user = Place::empty();
    let json = |words: &[&str]| user.run(&[words, &["-o", "json"]].concat());
    user.put("root.json", std::fs::read(publisher.place.path("repository/metadata/1.root.json")).unwrap());
    json(&["repo", "add", "main", &place("skywright"), "--root", "root.json"]).json_result();
    json(&["plugin", "install", PLUGIN, "--yes"]).json_result();
    json(&["plugin", "call", "example", "driver.describe"]).json_result();
    json(&["bundle", "pull", "pulled.tar", &place("bundles"), "--tag", "first"]).json_result();
    let read = |place: &Place, name| std::fs::read(place.path(name)).unwrap();
    assert!(read(&user, "pulled.tar") == read(&publisher.place, "vetted.tar"), "the same bytes");
    let missing = json(&["bundle", "pull", "no.tar", &place("bundles"), "--tag", "second"]).json_error();
    assert_eq!((&missing["code"], user.path("no.tar").exists()), (&"missing".into(), false), "{missing}");
}
