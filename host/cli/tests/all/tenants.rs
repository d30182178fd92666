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

/// Wrong files, each with what is said of it.
#[test]
fn a_tenants_file_is_read_strictly() {
    let files = [
        ("syntax", "tenants:\n  lab:\n    secrets:\n      token: \"hunter2\n"),
        ("indentation", "tenants:\n  lab:\n    settings:\n   region: x\n"),
        ("no map", "- lab\n"),
        ("unknown at the top", "tenant:\n  lab: {}\n"),
        ("unknown in a tenant", "tenants:\n  lab:\n    provider: example\n    region: north\n"),
        ("unknown in grants", "tenants:\n  lab:\n    grants:\n      ca_file: x\n"),
        ("twice", "tenants:\n  lab: {}\n  work: {}\n  lab: {}\n"),
        ("a tenant that is none", "tenants:\n  lab: hunter2\n"),
        ("wrong type", "tenants:\n  lab:\n    grants:\n      plaintext-credentials: 3\n"),
        ("wrong item", "tenants:\n  lab:\n    grants:\n      networks: [10.0.0.0/8, hunter2]\n"),
        ("no value", "tenants:\n  lab:\n    settings:\n      endpoint:\n"),
        ("list for a value", "tenants:\n  lab:\n    settings:\n      endpoint: [a]\n"),
        ("a secret as it is", "tenants:\n  lab:\n    secrets:\n      token: hunter2\n"),
        ("a secret under a key", "tenants:\n  lab:\n    secrets:\n      token: { value: hunter2 }\n"),
        ("a secret for a key", "tenants:\n  lab:\n    secrets:\n      token: { hunter2 }\n"),
        ("two sources", "tenants:\n  lab:\n    secrets:\n      token: { env: A, file: b }\n"),
        ("words for a command", "tenants:\n  lab:\n    secrets:\n      token: { command: hunter2 }\n"),
    ];
    let said = files.map(|(what, yaml)| format!("## {what}\n{yaml}\n{}\n", with_file(yaml)));
    insta::assert_snapshot!("wrong-files", said.join("\n"));
}

#[test]
fn settings_are_what_the_plugin_declares() {
    let cases = [
        ("unknown", "    settings:\n      endpoint: https://cloud.example\n      regoin: north\n"),
        ("near", "    settings:\n      end-point: https://cloud.example\n"),
        ("no URL", "    settings:\n      endpoint: hunter2\n"),
        ("missing", "    settings: {}\n"),
        ("a secret as a setting", "    settings:\n      token: hunter2\n"),
        ("a setting as a secret", "    secrets:\n      endpoint: { env: A }\n"),
        (
            "an unknown secret",
            "    settings: { endpoint: https://cloud.example }\n    secrets:\n      tokn: { env: A }\n",
        ),
    ];
    let said = cases.map(|(what, yaml)| {
        let yaml = format!("tenants:\n  lab:\n{yaml}");
        format!("## {what}\n{yaml}\n{}\n", with_file(&yaml))
    });
    insta::assert_snapshot!("wrong-settings", said.join("\n"));
}

#[test]
fn a_tenant_that_there_is_not() {
    let place = Place::new();
    insta::assert_snapshot!(regions(&place, &["--tenant", "lab"]).shown(), @"
    exit 4
    stderr:
    error: there is no tenant `lab`
    hint: there are: local
    ");
    place.put("config/tenants.yaml", "tenants: { home: {}, work: {} }");
    insta::assert_snapshot!(regions(&place, &["--tenant", "lab"]).shown(), @"
    exit 4
    stderr:
    error: there is no tenant `lab`
    hint: there are: home, local, work
    ");
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
    insta::assert_snapshot!(regions(&place, &["--secret", "token=hunter2"]).shown(), @"
    exit 2
    stderr:
    error: the source of the secret `token` is not understood
    hint: write --secret KEY=env:NAME, KEY=file:PATH, KEY=command:PROGRAM or KEY=keyring:NAME
    ");
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
    insta::assert_snapshot!(secret("file:token"), @"
    exit 2
    stderr:
    error: secret `token`: other users can read ./token; `chmod 600 ./token`
    ");
    insta::assert_snapshot!(secret("file:nosuch"), @"
    exit 2
    stderr:
    error: secret `token`: cannot read ./nosuch: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(secret("env:NOSUCH"), @"
    exit 2
    stderr:
    error: secret `token`: the environment variable NOSUCH is not set, or not text
    ");
    insta::assert_snapshot!(secret("command:/bin/false"), @"
    exit 2
    stderr:
    error: secret `token`: /bin/false ended with exit status: 1
    ");
}
