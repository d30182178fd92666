//! The tenants file, settings and secrets. `hunter2` is a secret wherever it stands.

use crate::run::{Outcome, Place};

fn regions(place: &Place, more: &[&str]) -> Outcome {
    let outcome = place.run(&[&["plugin", "call", "./example.wasm", "catalog.regions"], more].concat());
    assert!(!outcome.holds("hunter2"), "a secret is told: {}", outcome.shown());
    outcome
}

fn with_file(yaml: &str) -> String {
    let place = Place::new();
    place.put("config/tenants.yaml", yaml);
    let json = regions(&place, &["--tenant", "lab", "-o", "json"]).json_error();
    assert_eq!(json["blame"], "operator");
    regions(&place, &["--tenant", "lab"]).shown()
}

#[test]
fn a_tenants_file_is_read_strictly() {
    let unknown_key = "tenants:\n  lab:\n    provider: example\n    region: north\n";
    insta::assert_snapshot!(with_file(unknown_key), @"");
    let wrong_type = "tenants:\n  lab:\n    grants:\n      plaintext-credentials: 3\n";
    insta::assert_snapshot!(with_file(wrong_type), @"");
    let no_source = "tenants:\n  lab:\n    secrets:\n      token: { value: hunter2 }\n";
    insta::assert_snapshot!(with_file(no_source), @"");
    let two_sources = "tenants:\n  lab:\n    secrets:\n      token: { env: A, file: b }\n";
    insta::assert_snapshot!(with_file(two_sources), @"");
    let unclosed = "tenants:\n  lab:\n    secrets:\n      token: \"hunter2\n";
    insta::assert_snapshot!(with_file(unclosed), @"");
}

#[test]
fn settings_are_what_the_plugin_declares() {
    let settings = |settings: &str| with_file(&format!("tenants:\n  lab:\n    settings: {settings}\n"));
    insta::assert_snapshot!(settings("{ endpoint: \"https://cloud.example\", region: north }"), @"");
    insta::assert_snapshot!(settings("{ endpoint: north }"), @"");
    insta::assert_snapshot!(settings("{}"), @"");
    insta::assert_snapshot!(settings("{ token: hunter2 }"), @"");
}

#[test]
fn a_tenant_that_there_is_not() {
    let place = Place::new();
    insta::assert_snapshot!(regions(&place, &["--tenant", "lab"]).shown(), @"");
    place.put("config/tenants.yaml", "tenants: { home: {}, work: {} }");
    insta::assert_snapshot!(regions(&place, &["--tenant", "lab"]).shown(), @"");
}

#[test]
fn a_secret_that_is_given_as_a_value_is_refused_and_not_repeated() {
    let place = Place::new();
    for secret in ["token=hunter2", "hunter2", "token=value:hunter2", "token=", "=env:TOKEN"] {
        let outcome = regions(&place, &["--secret", secret, "-vvv"]);
        assert_eq!(outcome.code, Some(2), "{secret}: {}", outcome.shown());
        assert_eq!(
            regions(&place, &["--secret", secret, "-o", "json"]).json_error()["code"],
            "usage",
            "{secret}"
        );
    }
    insta::assert_snapshot!(regions(&place, &["--secret", "token=hunter2"]).shown(), @"");
}

#[test]
fn a_secret_that_cannot_be_had() {
    let place = Place::new();
    let secret = |source: &str| {
        let source = format!("token={source}");
        regions(&place, &["--setting", "endpoint=https://cloud.example", "--secret", &source]).shown()
    };
    place.put("token", "hunter2\n");
    place.set_mode("token", 0o640);
    insta::assert_snapshot!(secret("file:token"), @"");
    insta::assert_snapshot!(secret("file:nosuch"), @"");
    insta::assert_snapshot!(secret("env:NOSUCH"), @"");
    insta::assert_snapshot!(secret("command:/bin/false"), @"");
}
