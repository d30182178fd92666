//! Commands on what is in a cloud, as far as they come without one.

use serde_json::json;

use crate::run::Place;
use crate::run::lab::{place, run};

#[test]
fn aliases_and_flags_behind_arguments() {
    let place = place();
    for words in [
        &["network", "ls"][..],
        &["net", "list", "-o", "json"],
        &["subnet", "list", "-", "-T", "lab"],
        &["network", "subnet", "ls", "--tenant", "lab"],
        &["host", "ls", "-q"],
        &["subnet", "vip", "ls"],
        &["public-ip", "ls"],
        &["op", "ls", "-a"],
        &["-T", "lab", "host", "list"],
    ] {
        assert_eq!(run(&place, words).code, Some(0), "{words:?}: {}", run(&place, words).shown());
    }
}

/// Before anything is there no cloud is asked: the endpoint of this tenant does not exist.
#[test]
fn empty_lists_are_words_for_people_and_arrays_for_scripts() {
    let place = place();
    for (words, what) in [
        (["network", "list"], "no networks"),
        (["subnet", "list"], "no subnets"),
        (["host", "list"], "no hosts"),
        (["address", "list"], "no public addresses"),
        (["operation", "list"], "no operations that need anybody"),
    ] {
        let outcome = run(&place, &words);
        assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""), "{words:?}");
        assert!(outcome.stderr.contains(what), "{}", outcome.shown());
        let outcome = run(&place, &[&words[..], &["-o", "json"]].concat());
        assert_eq!((outcome.json_result(), outcome.stderr.as_str()), (json!([]), ""));
    }
}

#[test]
fn what_is_wrong_is_said_before_a_cloud_is_asked() {
    let place = place();
    let mut shown = String::new();
    for words in [
        &["network", "create", "a/b"][..],
        &["network", "create", "lab", "--cidr", "10.0.0.1/24"],
        &["network", "create", "lab", "--cidr", "10.0.0.0/33"],
        &["network", "create", "lab", "--gateway", "none", "--failover"],
        &["network", "create", "lab", "--empty", "--gwname", "gate"],
        &["network", "create", "lab", "--label", "a=1", "--label", "a=2"],
        &["network", "inspect", "lab"],
        &["network", "delete", "lab"],
        &["subnet", "create", "lab", "front"],
        &["host", "create", "web", "-S", "cpu>=2,rom=4"],
        &["host", "create", "web", "db", "-S", "count=2"],
        &["host", "create", "web", "web", "--single"],
        &["host", "create", "web", "--single", "--network", "lab"],
        &["host", "create", "web"],
        &["host", "inspect", "web"],
        &["host", "ssh", "web", "--show-secrets"],
        &["template", "match", "cpu>=4", "ram=[7-"],
        &["subnet", "vip", "create", "lab", "front", "a/b"],
        &["subnet", "vip", "inspect", "lab", "front", "api"],
        &["address", "bind", "front", "web"],
        &["address", "delete", "front"],
        &["host", "resize", "web", "-S", "cpu>=2,rom=4"],
        &["operation", "show", "12"],
        &["operation", "resume", ""],
    ] {
        let outcome = run(&place, words);
        assert_eq!(outcome.stdout, "", "{words:?}");
        shown.push_str(&format!("$ skywright {}\n{}\n\n", words.join(" "), outcome.shown()));
    }
    insta::assert_snapshot!("refusals", shown);
}

#[test]
fn a_sizing_that_is_none_has_its_column_in_json() {
    let error = run(&place(), &["host", "create", "web", "-S", "cpu>=2,rom=4", "-o", "json"]).json_error();
    assert_eq!((&error["code"], &error["exit_code"]), (&json!("sizing"), &json!(2)));
    assert!(error["message"].as_str().unwrap().contains("column 8"), "{error}");
}

#[test]
fn without_a_tenant_it_is_this_machine() {
    let place = Place::new();
    for words in [["network", "list"], ["operation", "list"], ["template", "list"]] {
        let error = place.run(&[&words[..], &["-o", "json"]].concat()).json_error();
        // Its plugin is not installed here.
        assert_eq!((&error["code"], &error["exit_code"]), (&json!("plugin"), &json!(4)));
    }
}
