//! `skywright tenant …`. `hunter2` is a secret wherever it stands.

use serde_json::{Value, json};

use crate::run::{Outcome, Place};

const TWO: &str = "\
# my clouds
tenants:
  lab: # the lab
    provider: ./example.wasm
    settings:
      endpoint: https://cloud.example
    secrets:
      token: { env: TOKEN }
  work:
    provider: skywright/nosuch
    settings: { endpoint: hunter2 }
";

fn place(yaml: &str) -> Place {
    let place = Place::new();
    place.put("config/tenants.yaml", yaml);
    place
}

fn run(place: &Place, words: &[&str]) -> Outcome {
    let outcome = place.run(&[&["tenant"], words].concat());
    assert!(!outcome.holds("hunter2"), "a secret is told: {}", outcome.shown());
    outcome
}

fn result(place: &Place, words: &[&str]) -> Value {
    run(place, &[words, &["-o", "json"]].concat()).json_result()
}

fn text(place: &Place) -> String {
    std::fs::read_to_string(place.path("config/tenants.yaml")).unwrap()
}

#[test]
fn the_current_tenant_is_the_flags_then_the_shells_then_the_users_then_the_only_one() {
    let place = place(TWO);
    let error = run(&place, &["get", "-o", "json"]).json_error();
    assert_eq!((&error["code"], &error["exit_code"]), (&json!("no-tenant-chosen"), &json!(2)));
    assert_eq!(result(&place, &["set", "lab"]), json!({ "name": "lab", "shell": null }));
    assert_eq!(result(&place, &["get"])["origin"], "set");
    let in_shell = |words: &[&str]| {
        let output = place.command(words).env("SKYWRIGHT_TENANT", "work").output().unwrap();
        place.finish(output).json_result()
    };
    let get = in_shell(&["tenant", "get", "-o", "json"]);
    assert_eq!((&get["name"], &get["origin"]), (&json!("work"), &json!("environment")));
    let get = in_shell(&["tenant", "get", "-T", "lab", "-o", "json"]);
    assert_eq!((&get["name"], &get["origin"]), (&json!("lab"), &json!("flag")));
    let get = in_shell(&["--tenant", "lab", "-o", "json", "tenant", "get"]);
    assert_eq!(get["name"], "lab");
    let only = self::place("tenants: { one: { provider: x } }");
    assert_eq!(result(&only, &["get"]), json!({ "name": "one", "origin": "only", "provider": "x" }));
    assert_eq!(run(&place, &["set", "lap"]).code, Some(4));
    assert_eq!(run(&place, &["get", "--tenant", "lap"]).code, Some(4));
}

#[test]
fn the_shells_choice_is_a_line_for_it() {
    let place = place(TWO);
    assert_eq!(run(&place, &["set", "work", "--shell"]).stdout, "export SKYWRIGHT_TENANT=work\n");
    assert!(!place.path("config/current-tenant").exists(), "nothing is written down");
}

#[test]
fn what_people_see() {
    let place = place(TWO);
    let mut shown = String::new();
    for words in [
        &["list"][..],
        &["set", "lab"],
        &["list"],
        &["get"],
        &["inspect"],
        &["inspect", "work"],
        &["check", "work"],
    ] {
        shown.push_str(&format!(
            "$ skywright tenant {}\n{}\n\n",
            words.join(" "),
            run(&place, words).shown()
        ));
    }
    insta::assert_snapshot!("tenant-commands", shown);
}

#[test]
fn what_scripts_see() {
    let place = place(TWO);
    let list = result(&place, &["list"]);
    assert_eq!(
        list[2],
        json!({ "current": false, "name": "work", "plugin_version": null, "provider": "skywright/nosuch" })
    );
    let lab = result(&place, &["inspect", "lab"]);
    assert_eq!(
        lab["secrets"],
        json!([{ "key": "token", "source": "env", "source_text": "environment variable TOKEN" }])
    );
    assert_eq!(
        lab["settings"][0],
        json!({ "key": "endpoint", "origin": "tenant", "value": "https://cloud.example" })
    );
    assert_eq!(lab["grants"]["endpoints"][0]["pattern"], "https://cloud.example");
    assert_eq!(lab["problem"], Value::Null);
    // Nobody knows whether it is a secret while the plugin is not there.
    let work = result(&place, &["inspect", "work"]);
    assert_eq!((&work["plugin"], &work["settings"][0]["value"]), (&Value::Null, &Value::Null));
}

#[test]
fn a_check_finds_what_is_wrong_and_reaches_no_cloud() {
    let place = place(TWO);
    let error = run(&place, &["check", "lab", "-o", "json"]).json_error();
    assert_eq!(error["code"], "secret", "the variable is not set");
    let output =
        place.command(&["tenant", "check", "lab", "-o", "json"]).env("TOKEN", "hunter2").output().unwrap();
    let outcome = place.finish(output);
    assert!(!outcome.holds("hunter2"));
    assert_eq!(outcome.json_result()["online"], Value::Null);
    place.put("config/tenants.yaml", TWO.replace("https://cloud.example", "nowhere"));
    let outcome = run(&place, &["check", "lab"]);
    assert!(
        outcome.holds("HOME/config/tenants.yaml:6:7: tenants.lab.settings.endpoint: expected a URL"),
        "{}",
        outcome.shown()
    );
}

#[test]
fn a_secret_is_sealed_used_and_removed_and_the_rest_stays_as_it_is() {
    let place = place(TWO);
    let set = place.run_with_input(&["tenant", "secret", "set", "lab", "token", "-o", "json"], "swordfish\n");
    assert!(!set.holds("swordfish"));
    let expected = json!({ "key": "token", "replaced": "env", "source": "sealed", "tenant": "lab" });
    assert_eq!(set.json_result(), expected);
    let sealed = text(&place);
    assert!(
        !sealed.contains("swordfish") && sealed.starts_with("# my clouds\ntenants:\n  lab: # the lab\n"),
        "{sealed}"
    );
    assert_eq!(sealed.lines().count(), TWO.lines().count());
    let check = result(&place, &["check", "lab"]);
    assert_eq!(check["name"], "lab");
    assert_eq!(result(&place, &["inspect", "lab"])["secrets"][0]["source"], "sealed");
    // It opens for this tenant alone.
    place.put("config/tenants.yaml", sealed.replace("  lab:", "  other:"));
    let error = run(&place, &["check", "other", "-o", "json"]).json_error();
    assert!(error["message"].as_str().unwrap().contains("for another tenant"), "{error}");
    place.put("config/tenants.yaml", sealed);
    assert_eq!(run(&place, &["secret", "remove", "lab", "token"]).code, Some(0));
    assert_eq!(text(&place), TWO.replace("    secrets:\n      token: { env: TOKEN }\n", ""));
    assert_eq!(run(&place, &["secret", "remove", "lab", "token"]).code, Some(4));
}

#[test]
fn a_secret_that_nobody_takes_is_refused() {
    let place = place(TWO);
    for (words, code) in
        [(["lab", "tokn"], Some(2)), (["lab", "endpoint"], Some(2)), (["nosuch", "token"], Some(4))]
    {
        let outcome = place.run_with_input(&[&["tenant", "secret", "set"], &words[..]].concat(), "hunter2");
        assert_eq!(outcome.code, code, "{}", outcome.shown());
    }
    let empty = place.run_with_input(&["tenant", "secret", "set", "lab", "token"], "\n");
    assert_eq!(empty.code, Some(2), "{}", empty.shown());
    assert_eq!(text(&place), TWO);
}

#[test]
fn a_keyring_that_is_not_there_says_what_to_do() {
    let place = place(&TWO.replace("{ env: TOKEN }", "{ keyring: lab }"));
    let command = || {
        let mut command = place.command(&["tenant", "check", "lab"]);
        command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
        command
    };
    let outcome = place.finish(command().output().unwrap());
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.holds("skywright tenant secret set TENANT KEY"), "{}", outcome.shown());
}

const CLOUDS: &str = "\
clouds:
  lab:
    auth: { auth_url: 'http://127.0.0.1:5000/v3', username: demo, password: hunter2, project_name: demo }
    region_name: RegionOne
    verify: false
  new:
    auth: { auth_url: 'https://k.example/v3', application_credential_id: a, application_credential_secret: hunter2 }
  sso: { auth_type: v3oidcpassword, auth: { auth_url: 'https://k.example' } }
";

#[test]
fn an_import_seals_secrets_replaces_nothing_unasked_and_tells_what_it_left() {
    let place = place(TWO);
    place.put("clouds.yaml", CLOUDS);
    let error = run(&place, &["import", "clouds.yaml", "-o", "json"]).json_error();
    assert_eq!((&error["code"], &error["exit_code"]), (&json!("tenant-exists"), &json!(8)));
    assert_eq!(text(&place), TWO, "all or none");
    let dry = run(&place, &["import", "clouds.yaml", "new", "--dry-run"]);
    assert_eq!((dry.code, text(&place)), (Some(0), TWO.to_owned()));
    insta::assert_snapshot!(
        "import-dry-run",
        run(&place, &["import", "clouds.yaml", "--replace", "-n"]).shown()
    );
    let imported = result(&place, &["import", "clouds.yaml", "new"]);
    assert_eq!(imported["tenants"][0]["secrets"], json!(["application-credential-secret"]));
    assert!(text(&place).starts_with(TWO), "{}", text(&place));
    assert!(!text(&place).contains("hunter2: ") && !text(&place).contains("secret: hunter2"));
    let inspected = result(&place, &["inspect", "new"]);
    assert_eq!(inspected["secrets"][0]["source"], "sealed");
    assert_eq!(inspected["provider"], "skywright/openstack");
    let replaced = result(&place, &["import", "clouds.yaml", "lab", "--replace", "--plaintext-credentials"]);
    assert_eq!(
        (&replaced["tenants"][0]["replaced"], &replaced["tenants"][0]["warning"]),
        (&json!(true), &Value::Null)
    );
    assert!(
        text(&place).contains("plaintext-credentials: true") && text(&place).starts_with("# my clouds\n")
    );
    let nothing = run(&place, &["import", "clouds.yaml", "sso", "-o", "json"]).json_error();
    assert_eq!(nothing["exit_code"], 9);
    assert_eq!(run(&place, &["import", "clouds.yaml", "nosuch"]).code, Some(4));
    assert_eq!(run(&place, &["import", "nosuch.yaml"]).code, Some(4));
}

/// A secret in every place where somebody may put one, and every command that reads the file.
#[test]
fn no_command_tells_a_secret() {
    let tenant = |lines: &str| format!("tenants:\n  lab:\n    provider: ./example.wasm\n{lines}");
    let files = [
        tenant("    settings: { endpoint: 'https://cloud.example', token: hunter2 }\n"),
        tenant("    settings: { endpoint: 'https://me:hunter2@cloud.example' }\n"),
        tenant("    settings: { endpoint: hunter2 }\n"),
        tenant("    settings: { tokn: hunter2 }\n"),
        tenant("    settings: { token: [hunter2] }\n"),
        tenant("    secrets: { token: hunter2 }\n"),
        tenant("    secrets: { token: { value: hunter2 } }\n"),
        tenant("    secrets: { token: { sealed: hunter2 } }\n"),
        tenant("    secrets: { token: { sealed: hunter2 } }\n    settings: { endpoint: 'https://cloud.example' }\n"),
        tenant("    secrets: { token: [hunter2] }\n"),
        tenant("    secrets: hunter2\n"),
        tenant("    grants: { proxy: 'http://me:hunter2@proxy.example' }\n    settings: { endpoint: 'https://cloud.example' }\n"),
        tenant("    grants: { networks: [hunter2] }\n"),
        tenant("    secrets: { token: \"hunter2\n"),
        "tenants: hunter2\n".to_owned(),
        "hunter2\n".to_owned(),
        "clouds: { lab: { auth: { auth_url: 'https://k', password: [hunter2], token: hunter2 } } }\n".to_owned(),
        "tenants: [{ name: a, client: ovh, identity: { OpenstackPassword: hunter2, Odd: hunter2 }, hunter: hunter2 }]\n".to_owned(),
        "tenants: [{ name: a, client: ovh, identity: hunter2 }]\n".to_owned(),
        "tenants: [{ name: a, client: [hunter2] }]\n".to_owned(),
    ];
    for yaml in files {
        let place = place(&yaml);
        for words in [
            &["list"][..],
            &["get"],
            &["set", "lab"],
            &["inspect", "lab"],
            &["check", "lab"],
            &["secret", "remove", "lab", "x"],
            &["import", "config/tenants.yaml", "--dry-run", "--tenants-file", "other.yaml"],
        ] {
            for more in [&["-o", "json"][..], &["-vvv"]] {
                run(&place, &[words, more].concat());
            }
        }
    }
}
