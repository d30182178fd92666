//! `plugin call`: results, and how a call fails.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};

use crate::guest;
use crate::run::Place;

#[test]
fn a_result_as_json_pretty_and_wave() {
    let place = Place::new();
    let call = |more: &[&str]| {
        place.run(&[&["plugin", "call", "./example.wasm", "driver.validate", "[]"], more].concat()).shown()
    };
    insta::assert_snapshot!(call(&[]), @r#"
    exit 0
    stdout:
    [
      {
        "detail": null,
        "path": "endpoint",
        "severity": "error",
        "summary": "the setting is missing"
      }
    ]
    "#);
    insta::assert_snapshot!(call(&["-o", "json"]), @r#"
    exit 0
    stdout:
    {"result":[{"detail":null,"path":"endpoint","severity":"error","summary":"the setting is missing"}],"status":"success"}
    "#);
    insta::assert_snapshot!(call(&["--wave"]), @r#"
    exit 0
    stdout:
    [{severity: error, path: "endpoint", summary: "the setting is missing"}]
    "#);
}

/// One request to a server of the test's own, with a secret that only the server sees.
#[test]
fn a_request_goes_out_with_the_tenants_secret() {
    let place = Place::new();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let endpoint = format!("endpoint=http://{}", listener.local_addr().unwrap());
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.windows(4).any(|four| four == b"\r\n\r\n") {
            let mut chunk = [0; 1024];
            let length = stream.read(&mut chunk).unwrap();
            assert!(length > 0, "the request is cut short");
            request.extend_from_slice(&chunk[..length]);
        }
        let body = r#"["north","south"]"#;
        write!(
            stream,
            "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        String::from_utf8(request).unwrap()
    });
    let words = [
        "plugin",
        "call",
        "example.wasm",
        "catalog.regions",
        "--plaintext-credentials",
        "-vvv",
        "-o",
        "json",
    ];
    let tenant = [
        "--setting",
        &endpoint,
        "--secret",
        "token=env:TOKEN",
        "--proxy",
        "none",
        "--record",
        "record.jsonl",
    ];
    let words = [words, tenant].concat();
    let outcome = place.finish(place.command(&words).env("TOKEN", "hunter2-hunter2").output().unwrap());
    assert_eq!(
        outcome.stdout, "{\"result\":[\"north\",\"south\"],\"status\":\"success\"}\n",
        "{}",
        outcome.stderr
    );
    assert!(server.join().unwrap().to_lowercase().contains("authorization: bearer hunter2-hunter2"));
    assert!(outcome.stderr.contains("2 regions") && !outcome.holds("hunter2"), "{}", outcome.stderr);
    let record = std::fs::read_to_string(place.path("record.jsonl")).unwrap();
    assert!(record.contains("/regions") && !record.contains("hunter2"), "{record}");
}

#[test]
fn what_there_is_not() {
    let place = Place::new();
    insta::assert_snapshot!(place.run(&["plugin", "call", "nosuch", "driver.describe"]).shown(), @"
    exit 4
    stderr:
    error: there is no plugin `nosuch`
    hint: give the path of a plugin file, or one of `skywright plugin list`; looked in HOME/data/plugins
    ");
    insta::assert_snapshot!(place.run(&["plugin", "call", "nosuch", "driver.describe", "-o", "json"]).shown(), @r#"
    exit 4
    stdout:
    {"error":{"blame":"operator","category":"not-found","code":"plugin","exit_code":4,"hint":"give the path of a plugin file, or one of `skywright plugin list`; looked in HOME/data/plugins","http_status":null,"message":"there is no plugin `nosuch`","retry_after_ms":null,"subject":null},"result":null,"status":"failure"}
    "#);
    insta::assert_snapshot!(place.run(&["plugin", "check", "./nosuch.wasm"]).shown(), @"
    exit 4
    stderr:
    error: cannot read ./nosuch.wasm: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(place.run(&["plugin", "call", "./example.wasm", "driver.nosuch"]).shown(), @"
    exit 4
    stderr:
    error: the plugin has no function `driver.nosuch`
    hint: it has: catalog.regions, catalog.zones, catalog.templates, catalog.images, driver.describe, driver.validate, driver.capabilities-of, driver.poll, driver.cancel
    ");
}

#[test]
fn a_wrong_argument() {
    let place = Place::new();
    let call = |words: &[&str]| place.run(&[&["plugin", "call", "./example.wasm"], words].concat()).shown();
    insta::assert_snapshot!(call(&["catalog.templates", "5x"]), @"
    exit 2
    stderr:
    error: the argument for `cursor` is neither JSON (trailing characters at line 1 column 2) nor WAVE (invalid value type at 0..1)
    hint: `skywright plugin inspect PLUGIN -o json` has each function's parameters
    ");
    insta::assert_snapshot!(call(&["catalog.templates"]), @"
    exit 2
    stderr:
    error: arguments expected: 1 (cursor); given: 0
    hint: `skywright plugin inspect PLUGIN -o json` has each function's parameters
    ");
    insta::assert_snapshot!(call(&["driver.validate", r#"[["a", 1]]"#, "-o", "json"]), @r#"
    exit 2
    stdout:
    {"error":{"blame":"operator","category":"invalid-request","code":"argument","exit_code":2,"hint":"`skywright plugin inspect PLUGIN -o json` has each function's parameters","http_status":null,"message":"settings[0][1]: expected a string, found 1","retry_after_ms":null,"subject":null},"result":null,"status":"failure"}
    "#);
}

#[test]
fn a_crash_is_a_paragraph_with_a_backtrace() {
    let place = Place::for_development();
    place.put("guest.wasm", guest::crashes());
    let words = ["plugin", "call", "guest.wasm", "driver.poll", "\"token\""];
    insta::assert_snapshot!(place.run(&words).shown(), @"
    exit 21
    stderr:
    error: plugin test/guest 1.2.3 crashed in driver.poll: wasm trap: wasm `unreachable` instruction executed
      0: inner
      1: outer
      2: poll
      this is a defect of the plugin; the host is unharmed
    hint: report it to https://example.org/defects
    ");
    insta::assert_snapshot!(place.run(&[&words[..], &["-o", "json"]].concat()).shown(), @r#"
    exit 21
    stdout:
    {"error":{"blame":"plugin","category":"internal","code":"trap","exit_code":21,"hint":"report it to https://example.org/defects","http_status":null,"message":"plugin test/guest 1.2.3 crashed in driver.poll: wasm trap: wasm `unreachable` instruction executed\n  0: inner\n  1: outer\n  2: poll\n  this is a defect of the plugin; the host is unharmed","retry_after_ms":null,"subject":null},"result":null,"status":"failure"}
    "#);
    assert!(!place.path("state/core-dumps").exists(), "no dump was asked for");
    let outcome = place.run(&[&words[..], &["--core-dump"]].concat());
    assert!(
        outcome.stderr.contains("core dump (it holds the plugin's memory): HOME/state/core-dumps/guest-")
    );
    assert_eq!(std::fs::read_dir(place.path("state/core-dumps")).unwrap().count(), 1);
}

#[test]
fn a_limit() {
    let place = Place::for_development();
    place.put("guest.wasm", guest::polls("(loop $again (br $again)) (unreachable)"));
    let words = ["plugin", "call", "guest.wasm", "driver.poll", "\"token\"", "--limit", "cpu-time-ms=50"];
    let outcome = place.run(&words);
    assert_eq!(outcome.code, Some(22));
    assert!(
        outcome.stderr.starts_with("error: the plugin met its limit `cpu-time-ms`: 50 allowed"),
        "{}",
        outcome.stderr
    );
    let error = place.run(&[&words[..], &["-o", "json"]].concat()).json_error();
    assert_eq!((&error["code"], &error["blame"]), (&"limit-cpu-time-ms".into(), &"plugin".into()));
}

#[test]
fn a_limit_that_there_is_not() {
    let place = Place::new();
    let check = |limit: &str| place.run(&["plugin", "check", "./example.wasm", "--limit", limit]).shown();
    insta::assert_snapshot!(check("cpu=3"), @"
    exit 2
    stderr:
    error: there is no limit `cpu`; there are: component-bytes, compile-time-ms, compile-memory-bytes, memory-bytes, instances, tables, memories, table-elements, stack-bytes, copied-bytes, handles, cpu-time-ms, wall-time-ms, log-bytes
    ");
    insta::assert_snapshot!(check("cpu-time-ms=3s"), @"
    exit 2
    stderr:
    error: the limit `cpu-time-ms` takes a whole number, not `3s`
    ");
    insta::assert_snapshot!(check("cpu-time-ms"), @"
    exit 2
    stderr:
    error: invalid value 'cpu-time-ms' for '--limit <NAME=VALUE>': KEY=VALUE is expected

    For more information, try '--help'.
    ");
}
