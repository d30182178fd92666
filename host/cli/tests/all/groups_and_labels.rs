//! Security groups, labels and `reconcile`, as far as they come without a cloud.

use serde_json::json;

use crate::run::lab::{place, run};

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

/// Nobody sits at a terminal here.
#[test]
fn what_destroys_something_is_not_done_without_an_answer() {
    let place = place();
    for words in [
        &["network", "delete", "lab", "--force"][..],
        &["subnet", "delete", "lab", "front", "--force"],
        &["subnet", "vip", "delete", "lab", "front", "api", "--force"],
        &["address", "delete", "front", "--force"],
        &["sg", "clear", "lab", "web"],
        &["sg", "delete", "lab", "web", "--force"],
        &["bucket", "clear", "backups"],
        &["bucket", "delete", "backups", "--force"],
        &["label", "delete", "environment", "--force"],
    ] {
        let error = run(&place, &[words, &["-o", "json"]].concat()).json_error();
        assert_eq!((&error["code"], &error["exit_code"]), (&json!("unasked"), &json!(2)), "{words:?}");
        assert!(error["hint"].as_str().unwrap().contains("--yes"), "{error}");
        // With the answer it goes as far as that there is no such thing; every bucket can be cleared.
        if words[1] != "clear" || words[0] != "bucket" {
            assert_eq!(run(&place, &[words, &["--yes"]].concat()).code, Some(4), "{words:?}");
        }
    }
}
