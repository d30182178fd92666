//! From a key to a plugin that runs in somebody else's home, by commands alone.

use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::guest;
use crate::run::{Outcome, Place};

pub(crate) const PLUGIN: &str = "skywright-tests/example";

/// Somebody who runs a repository, publishes in it, and has one passphrase for everything.
pub(crate) struct Publisher {
    pub(crate) place: Place,
}

impl Publisher {
    pub(crate) fn new() -> Self {
        let place = Place::empty();
        place.put("passphrase", "correct horse battery\n");
        place.put("example.wasm", guest::example());
        place.put(
            "example.cdx.json",
            r#"{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"component":{"type":"library","name":"example","version":"0.1.0"}},"components":[]}"#,
        );
        let publisher = Self { place };
        publisher.good(&["key", "new", "operator"]);
        publisher.good(&["key", "new", "owner", "--comment", "the owner"]);
        publisher.good(&["registry", "init", "repository", "--all", "operator", "--timestamp-days", "30"]);
        let owner = ["--owner", "owner.pub", "--key", "operator"];
        publisher.good(&[&["registry", "delegate", "repository", "skywright-tests"], &owner[..]].concat());
        publisher.good(&["repo", "add", "main", "repository", "--root", "repository/metadata/1.root.json"]);
        publisher
    }

    fn run(&self, words: &[&str]) -> Outcome {
        let mut command = self.place.command(words);
        command.env("SKYWRIGHT_KEY_PASSPHRASE_FILE", self.place.path("passphrase"));
        self.place.finish(command.arg("-o").arg("json").output().unwrap())
    }

    #[track_caller]
    pub(crate) fn good(&self, words: &[&str]) -> Value {
        self.run(words).json_result()
    }

    pub(crate) fn publish(&self) -> Value {
        let publish = ["plugin", "publish", "example.wasm", "--repo", "main", "--owner-key", "owner"];
        self.good(&[&publish[..], &["--out", "publication"]].concat());
        self.admit("publication")
    }

    fn admit(&self, publication: &str) -> Value {
        self.good(&["registry", "admit", "repository", "skywright-tests", publication, "--key", "operator"])
    }

    /// Somebody else's home, that trusts the repository.
    fn user(&self) -> Place {
        let user = Place::empty();
        let repository = self.place.path("repository");
        let root = repository.join("metadata/1.root.json");
        let words = ["repo", "add", "main", repository.to_str().unwrap(), "--root", root.to_str().unwrap()];
        assert_eq!(user.run(&words).code, Some(0));
        user
    }
}

fn json(place: &Place, words: &[&str]) -> Outcome {
    place.run(&[words, &["-o", "json"]].concat())
}

#[test]
fn a_plugin_goes_from_its_publishers_key_to_somebody_elses_home() {
    let publisher = Publisher::new();
    let admitted = publisher.publish();
    assert_eq!(admitted["added"].as_array().unwrap().len(), 2);
    let user = publisher.user();
    let found = json(&user, &["plugin", "search", "EXAMPLE"]).json_result();
    assert_eq!((&found[0]["id"], &found[0]["installed"]), (&PLUGIN.into(), &Value::Null));
    let installed = json(&user, &["plugin", "install", PLUGIN]).json_result();
    assert_eq!(installed["changes"][0]["version"], "0.1.0");
    let listed = json(&user, &["plugin", "list"]).json_result();
    assert_eq!((&listed[0]["signed"], &listed[0]["trust"]["repository"]), (&true.into(), &"main".into()));
    assert_eq!(json(&user, &["plugin", "call", "example", "driver.describe"]).code, Some(0));
    let explained = json(&user, &["plugin", "explain", "example"]).json_result();
    assert_eq!(explained["decision"]["decision"], "allow");
    assert_eq!(explained["words"][0]["roles"][1]["role"], "skywright-tests");
    let bill = user.run(&["plugin", "sbom", "example", "--raw"]);
    assert!(bill.stdout.starts_with("{\"bomFormat\""), "{}", bill.shown());
    // A file is held against what is published.
    user.put("copy.wasm", guest::example());
    assert_eq!(json(&user, &["plugin", "verify", "copy.wasm"]).json_result()["is_pinned"], true);
    user.put("other.wasm", guest::crashes());
    assert_ne!(user.run(&["plugin", "verify", "other.wasm"]).code, Some(0));
    assert_eq!(user.run(&["plugin", "remove", "example"]).code, Some(0));
    assert_eq!(user.run(&["plugin", "call", "example", "driver.describe"]).code, Some(4));
    // All of it was written down, and a line that somebody changes shows.
    let log = json(&user, &["plugin", "log", "--last", "100"]).json_result();
    let actions: Vec<_> = log["records"].as_array().unwrap().iter().map(|one| &one["action"]).collect();
    assert!(actions.starts_with(&[&"install".into(), &"load".into()]), "{log}");
    assert_eq!(log["verified"]["records"], actions.len());
    // One that is moved away is whole by itself, and the next decision begins another.
    let file = user.path("state/audit.jsonl");
    let kept = user.path("audit-old.jsonl").display().to_string();
    std::fs::rename(&file, &kept).unwrap();
    assert_eq!(json(&user, &["plugin", "log", "--file", &kept]).json_result()["verified"], log["verified"]);
    assert_eq!(user.run(&["plugin", "install", PLUGIN]).code, Some(0));
    assert_eq!(json(&user, &["plugin", "log"]).json_result()["records"][0]["action"], "install");
    let nowhere = json(&user, &["plugin", "log", "--file", "nowhere.jsonl"]);
    assert_eq!(nowhere.json_error()["code"], "not-found");
    std::fs::rename(&kept, &file).unwrap();
    let changed = std::fs::read_to_string(&file).unwrap().replacen("\"install\"", "\"instal1\"", 1);
    std::fs::write(&file, changed).unwrap();
    assert_eq!(json(&user, &["plugin", "log"]).json_error()["code"], "audit-log");
}

#[test]
fn what_is_revoked_is_refused_with_its_reason() {
    let publisher = Publisher::new();
    publisher.publish();
    let user = publisher.user();
    assert_eq!(user.run(&["plugin", "install", PLUGIN]).code, Some(0));
    let what = ["--plugin", PLUGIN, "--versions", "<1", "--reason", "it leaks"];
    publisher.good(&[&["registry", "revoke", "repository"], &what[..], &["--key", "operator"]].concat());
    assert_eq!(user.run(&["repo", "update"]).code, Some(0));
    let refused = json(&user, &["plugin", "call", "example", "driver.describe"]).json_error();
    assert_eq!((&refused["code"], &refused["exit_code"]), (&"refused".into(), &11.into()));
    assert!(refused["message"].as_str().unwrap().contains("it leaks"), "{refused}");
    let listed = json(&user, &["plugin", "list"]).json_result();
    assert!(listed[0]["refusal"].as_str().unwrap().contains("it leaks"));
    assert!(user.run(&["plugin", "list"]).stdout.contains("signed, refused"));
}

#[test]
fn what_is_taken_back_is_told_and_not_chosen() {
    let publisher = Publisher::new();
    publisher.publish();
    let user = publisher.user();
    assert_eq!(user.run(&["plugin", "install", PLUGIN]).code, Some(0));
    let yank = ["plugin", "yank", "skywright-tests/example@0.1.0", "--reason", "slow", "--repo", "main"];
    publisher.good(&[&yank[..], &["--owner-key", "owner", "--out", "yanked"]].concat());
    publisher.admit("yanked");
    assert_eq!(user.run(&["repo", "update"]).code, Some(0));
    let outdated = json(&user, &["plugin", "list", "--outdated"]);
    assert_eq!(outdated.code, Some(0), "{}", outdated.shown());
    let called = user.run(&["plugin", "call", "example", "driver.describe"]);
    assert!(called.code == Some(0) && called.stderr.contains("taken back"), "{}", called.shown());
    let fresh = publisher.user();
    assert_eq!(json(&fresh, &["plugin", "install", PLUGIN]).json_error()["code"], "no-version");
}

#[test]
fn the_policy_says_who_may_provide_what() {
    let publisher = Publisher::new();
    publisher.publish();
    let user = publisher.user();
    user.put("config/trust.toml", "version = 1\n[namespace.acme]\n");
    let refused = json(&user, &["plugin", "install", PLUGIN]).json_error();
    assert_eq!((&refused["code"], &refused["category"]), (&"refused".into(), &"forbidden".into()));
    assert!(refused["hint"].as_str().unwrap().contains("[namespace.skywright-tests]"), "{refused}");
    user.put("config/trust.toml", "version = 1\n[namespace.skywright-tests]\ncapabilities = [\"https\"]\n");
    let wrong = json(&user, &["plugin", "list"]).json_error();
    assert!(wrong["message"].as_str().unwrap().contains("trust.toml:3:17"), "{wrong}");
    user.put("config/trust.toml", "version = 1\n[namespace.skywright-tests]\n");
    assert_eq!(user.run(&["plugin", "install", PLUGIN]).code, Some(0));
}

#[test]
fn unsigned_plugins_run_in_development_folders_or_when_somebody_says_so() {
    let place = Place::empty();
    place.put("project/example.wasm", guest::example());
    let check = ["plugin", "check", "project/example.wasm"];
    insta::assert_snapshot!(place.run(&check).shown(), @"
    exit 11
    stderr:
    error: skywright-tests/example 0.1.0 is refused: no repository signed project/example.wasm (unsigned)
    hint: install it from a repository; for a plugin of your own, `skywright plugin dev DIR` or --allow-unsigned
    ");
    let allowed = place.run(&[&check[..], &["--allow-unsigned"]].concat());
    insta::assert_snapshot!(allowed.shown(), @"
    exit 0
    stdout:
    skywright-tests/example 0.1.0 keeps the contract
    stderr:
     WARN skywright_core::host: skywright-tests/example is unsigned; it runs because of --allow-unsigned
    ");
    insta::assert_snapshot!(place.run(&["plugin", "dev", "project"]).shown(), @"
    exit 0
    stdout:
    plugins of HOME/project run unsigned from now on, for this user
    ");
    insta::assert_snapshot!(place.run(&check).shown(), @"
    exit 0
    stdout:
    skywright-tests/example 0.1.0 keeps the contract
    ");
    assert!(place.run(&["plugin", "list"]).stdout.contains("development"));
    insta::assert_snapshot!(place.run(&["plugin", "dev", "--list"]).shown(), @"
    exit 0
    stdout:
    FOLDER
    HOME/project
    ");
    insta::assert_snapshot!(place.run(&["plugin", "dev", "project", "--remove"]).shown(), @"
    exit 0
    stdout:
    plugins of HOME/project need a signature again
    ");
    assert_eq!(place.run(&check).code, Some(11));
}

#[test]
fn a_repository_whose_root_nobody_confirmed_is_not_added() {
    let publisher = Publisher::new();
    let user = Place::empty();
    let repository = publisher.place.path("repository");
    let words = ["repo", "add", "main", repository.to_str().unwrap()];
    let unasked = json(&user, &words).json_error();
    assert_eq!(unasked["code"], "unasked");
    assert_eq!(json(&user, &["repo", "list"]).json_result(), Value::Array(Vec::new()));
    let added = json(&user, &[&words[..], &["--yes"]].concat()).json_result();
    assert!(added["root"].as_str().unwrap().starts_with("sha256:"));
    // Another repository's root does not fit.
    let other = Publisher::new();
    let root = other.place.path("repository/metadata/1.root.json");
    let words = ["repo", "add", "other", repository.to_str().unwrap(), "--root", root.to_str().unwrap()];
    assert_ne!(user.run(&words).code, Some(0));
    assert_eq!(json(&user, &["repo", "list"]).json_result().as_array().unwrap().len(), 1);
}

#[test]
fn keys_are_made_once_and_opened_by_their_passphrase() {
    let place = Place::empty();
    place.put("passphrase", "correct horse battery\n");
    place.put("wrong", "incorrect horse battery\n");
    let made = json(&place, &["key", "new", "key", "--passphrase-file", "passphrase"]).json_result();
    assert_eq!(json(&place, &["key", "show", "key.pub"]).json_result()["key_id"], made["key_id"]);
    assert_eq!(json(&place, &["key", "show", "key"]).json_result()["key_id"], made["key_id"]);
    let again = json(&place, &["key", "new", "key", "--passphrase-file", "passphrase"]).json_error();
    assert_eq!((&again["code"], &again["exit_code"]), (&"key-file-exists".into(), &8.into()));
    let init = ["registry", "init", "repository", "--all", "key"];
    let wrong = json(&place, &[&init[..], &["--passphrase-file", "wrong"]].concat()).json_error();
    assert_eq!((&wrong["code"], &wrong["exit_code"]), (&"passphrase".into(), &10.into()));
    assert_eq!(json(&place, &init).json_error()["code"], "usage");
    let outcome = place.run(&[&init[..], &["--passphrase-file", "passphrase"]].concat());
    assert!(outcome.code == Some(0) && !outcome.holds("horse"), "{}", outcome.shown());
}

#[test]
fn a_kill_at_any_moment_leaves_what_was_there_or_what_was_asked_for() {
    let publisher = Publisher::new();
    publisher.publish();
    let user = publisher.user();
    let (mut killed, mut ended) = (0, 0);
    for delay_us in (0..).step_by(1500).take(60) {
        let mut command = user.command(&["plugin", "install", PLUGIN]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(delay_us));
        let _ = child.kill();
        if child.wait().unwrap().success() {
            ended += 1
        } else {
            killed += 1
        }
        let listed = json(&user, &["plugin", "list"]).json_result();
        for plugin in listed.as_array().unwrap() {
            assert_eq!(plugin["refusal"], Value::Null, "after {delay_us} µs: {plugin}");
        }
        if !listed.as_array().unwrap().is_empty() {
            assert_eq!(user.run(&["plugin", "remove", PLUGIN]).code, Some(0));
            std::fs::remove_dir_all(user.path("data/store")).unwrap();
        }
    }
    assert!(killed > 0, "{killed} {ended}");
    assert_eq!(user.run(&["plugin", "install", PLUGIN]).code, Some(0));
    assert_eq!(user.run(&["plugin", "call", "example", "driver.describe"]).code, Some(0));
}

#[test]
fn a_namespace_gets_other_owners_by_their_word_or_the_operators() {
    let publisher = Publisher::new();
    publisher.publish();
    let user = publisher.user();
    assert_eq!(user.run(&["plugin", "install", PLUGIN]).code, Some(0));
    publisher.good(&["key", "new", "second"]);
    publisher.good(&["key", "new", "third"]);
    let rotate = ["plugin", "rotate-key", "skywright-tests", "--repo", "main"];
    let owners = ["--owner", "second.pub", "--owner-key", "owner", "--owner-key", "second", "--out", "asked"];
    publisher.good(&[&rotate[..], &owners].concat());
    let delegate = ["registry", "delegate", "repository", "skywright-tests", "--key", "operator"];
    let request = ["--request", "asked.request.json", "--publication", "asked"];
    publisher.good(&[&delegate[..], &request].concat());
    // A user hears of it, and follows after a yes.
    assert_eq!(user.run(&["repo", "update"]).code, Some(0));
    assert_eq!(user.run(&["plugin", "call", "example", "driver.describe"]).code, Some(0));

    // The keys are lost: the operator vouches for others, who sign on top of what is there.
    publisher.good(&[&delegate[..], &["--owner", "third.pub"]].concat());
    let on_top = ["--on-top-of", "repository/metadata", "--owner-key", "third", "--out", "anew"];
    publisher.good(&[&rotate[..], &on_top].concat());
    publisher.admit("anew");
    let verified = publisher.good(&["registry", "verify", "repository", "--files"]);
    assert_eq!(verified["publishers"][0]["problem"], Value::Null, "{verified}");
    let fresh = publisher.user();
    assert_eq!(fresh.run(&["plugin", "install", PLUGIN]).code, Some(0));
}
