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
    insta::assert_snapshot!(with_file(unknown_key), @"
    exit 2
    stderr:
    error: HOME/config/tenants.yaml: tenants.lab: unknown field `region`, expected one of `provider`, `settings`, `secrets`, `grants` at line 4 column 5
    ");
    let wrong_type = "tenants:\n  lab:\n    grants:\n      plaintext-credentials: 3\n";
    insta::assert_snapshot!(with_file(wrong_type), @"
    exit 2
    stderr:
    error: HOME/config/tenants.yaml: tenants.lab.grants.plaintext-credentials: expected a boolean at line 4 column 30
    ");
    let no_source = "tenants:\n  lab:\n    secrets:\n      token: { value: hunter2 }\n";
    insta::assert_snapshot!(with_file(no_source), @"
    exit 2
    stderr:
    error: HOME/config/tenants.yaml: tenants.lab.secrets.token: unknown field `value`, expected one of `env`, `file`, `command` at line 4 column 16
    ");
    let two_sources = "tenants:\n  lab:\n    secrets:\n      token: { env: A, file: b }\n";
    insta::assert_snapshot!(with_file(two_sources), @"
    exit 2
    stderr:
    error: HOME/config/tenants.yaml: tenants.lab.secrets: a secret has one source: env, file or command at line 4 column 7
    ");
    let unclosed = "tenants:\n  lab:\n    secrets:\n      token: \"hunter2\n";
    insta::assert_snapshot!(with_file(unclosed), @"
    exit 2
    stderr:
    error: HOME/config/tenants.yaml: found unexpected end of stream at line 5 column 1, while scanning a quoted scalar at line 4 column 14
    ");
}

#[test]
fn settings_are_what_the_plugin_declares() {
    let settings = |settings: &str| with_file(&format!("tenants:\n  lab:\n    settings: {settings}\n"));
    insta::assert_snapshot!(settings("{ endpoint: \"https://cloud.example\", region: north }"), @"
    exit 2
    stderr:
    error: setting `region`: the plugin declares no such setting; it declares: endpoint, token
    hint: `skywright plugin inspect PLUGIN` lists the settings that it declares
    ");
    insta::assert_snapshot!(settings("{ endpoint: north }"), @"
    exit 2
    stderr:
    error: setting `endpoint`: expected a URL, such as https://cloud.example/v3
    hint: `skywright plugin inspect PLUGIN` lists the settings that it declares
    ");
    insta::assert_snapshot!(settings("{}"), @"
    exit 2
    stderr:
    error: setting `endpoint`: it is required and has no default
    hint: `skywright plugin inspect PLUGIN` lists the settings that it declares
    ");
    insta::assert_snapshot!(settings("{ token: hunter2 }"), @"
    exit 2
    stderr:
    error: setting `token`: expected its source under `secrets`, not a value under `settings`
    hint: `skywright plugin inspect PLUGIN` lists the settings that it declares
    ");
}

#[test]
fn a_tenant_that_there_is_not() {
    let place = Place::new();
    insta::assert_snapshot!(regions(&place, &["--tenant", "lab"]).shown(), @"
    exit 4
    stderr:
    error: there is no tenant `lab`
    hint: HOME/config/tenants.yaml has no tenants yet
    ");
    place.put("config/tenants.yaml", "tenants: { home: {}, work: {} }");
    insta::assert_snapshot!(regions(&place, &["--tenant", "lab"]).shown(), @"
    exit 4
    stderr:
    error: there is no tenant `lab`
    hint: there are: home, work
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
    hint: write --secret KEY=env:NAME, KEY=file:PATH or KEY=command:PROGRAM
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
