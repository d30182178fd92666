//! Security groups, labels and `reconcile`, as far as they come without a cloud.

use serde_json::json;

use crate::run::{Outcome, Place};

const LAB: &str = "\
tenants:
  lab:
    provider: ./example.wasm
    settings: { endpoint: 'https://cloud.example' }
    secrets: { token: { env: TOKEN } }
";

fn place() -> Place {
    let place = Place::new();
    place.put("config/tenants.yaml", LAB);
    place
}

fn run(place: &Place, words: &[&str]) -> Outcome {
    place.finish(place.command(words).env("TOKEN", "hunter2").output().unwrap())
}

#[test]
fn help() {
    let place = Place::empty();
    for words in [
        &["security-group"][..],
        &["security-group", "rule", "add"],
        &["host", "security", "group"],
        &["network", "subnet", "security", "group", "add"],
        &["label"],
        &["host", "label", "bind"],
        &["subnet", "tag", "bind"],
        &["reconcile"],
    ] {
        let outcome = place.run(&[words, &["--help"]].concat());
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{words:?}");
        insta::assert_snapshot!(format!("help-{}", words.join("-")), outcome.stdout);
    }
}

#[test]
fn the_catalogue_is_kept_here() {
    let place = place();
    assert_eq!(run(&place, &["label", "list", "-o", "json"]).json_result(), json!([]));
    let made = run(&place, &["label", "create", "environment", "--value", "test", "-o", "json"]);
    let label = json!({
        "name": "environment", "catalogued": true, "default_value": "test", "resources": [],
    });
    assert_eq!(made.json_result(), label, "{}", made.shown());
    assert_eq!(run(&place, &["label", "create", "environment"]).code, Some(8));
    assert_eq!(run(&place, &["label", "inspect", "environment", "-o", "json"]).json_result(), label);
    assert_eq!(run(&place, &["tag", "list", "-o", "json"]).json_result(), json!([]));
    assert_eq!(run(&place, &["label", "delete", "environment"]).code, Some(0));
    assert_eq!(run(&place, &["label", "inspect", "environment"]).code, Some(4));
    for name in ["managed-by", "a=b", ""] {
        assert_eq!(run(&place, &["label", "create", name]).code, Some(2), "{name}");
    }
}

#[test]
fn what_is_wrong_is_said_before_a_cloud_is_asked() {
    let place = place();
    for (words, code) in [
        (&["sg", "inspect", "-", "web"][..], 4),
        (&["sg", "list", "lab"], 4),
        (&["sg", "rule", "add", "-", "web", "--cidr", "everywhere"], 2),
        (&["sg", "rule", "delete", "-", "web", "--id", "x", "-P", "tcp"], 2),
        (&["host", "security", "group", "add", "web", "web"], 4),
        (&["host", "label", "bind", "web", "role", "--value", "db"], 4),
        (&["subnet", "tag", "bind", "lab", "lan", "blue"], 4),
        (&["reconcile", "--adopt", "server:1"], 2),
        (&["reconcile", "--adopt", "host:1=a b"], 2),
        (&["reconcile", "--forget", "host"], 2),
    ] {
        let outcome = run(&place, words);
        assert_eq!(
            (outcome.code, outcome.stdout.as_str()),
            (Some(code), ""),
            "{words:?}\n{}",
            outcome.shown()
        );
    }
}
