//! `list`, `inspect` and `check`. The plugin is a committed file, so its size and digest stay.

use crate::run::Place;

#[test]
fn list() {
    let place = Place::empty();
    insta::assert_snapshot!(place.run(&["plugin", "list"]).shown(), @"");
    insta::assert_snapshot!(place.run(&["plugin", "list", "-o", "json"]).shown(), @"");

    place.put("data/plugins/example.wasm", crate::guest::example());
    insta::assert_snapshot!(place.run(&["plugin", "list"]).shown(), @"");
    insta::assert_snapshot!(place.run(&["plugin", "list", "-o", "json"]).shown(), @"");

    place.put("data/plugins/junk.wasm", "\u{1b}[31mjunk");
    place.put("data/plugins/readme.txt", "not looked at");
    insta::assert_snapshot!(place.run(&["plugin", "list"]).shown(), @"");
    insta::assert_snapshot!(place.run(&["plugin", "list", "-o", "json"]).shown(), @"");
}

#[test]
fn inspect() {
    let place = Place::new();
    insta::assert_snapshot!(place.run(&["plugin", "inspect", "./example.wasm"]).shown(), @"");
    let json = place.run(&["plugin", "inspect", "./example.wasm", "-o", "json"]);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    insta::assert_snapshot!("inspect json", serde_json::to_string_pretty(&json).unwrap());
}

#[test]
fn check() {
    let place = Place::new();
    insta::assert_snapshot!(place.run(&["plugin", "check", "./example.wasm"]).shown(), @"");
    insta::assert_snapshot!(place.run(&["plugin", "check", "./example.wasm", "-o", "json"]).shown(), @"");
}

#[test]
fn a_plugin_is_found_by_path_id_and_name() {
    let place = Place::new();
    place.put("shelf/example.wasm", crate::guest::example());
    for name in ["./example.wasm", "example.wasm", "example", "skywright-tests/example"] {
        let outcome = place.run(&["plugin", "check", name, "--plugins", "shelf"]);
        assert_eq!(outcome.code, Some(0), "{name}: {}", outcome.stderr);
    }
}
