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
    insta::assert_snapshot!(call(&[]), @"");
    insta::assert_snapshot!(call(&["-o", "json"]), @"");
    insta::assert_snapshot!(call(&["--wave"]), @"");
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
    insta::assert_snapshot!(place.run(&["plugin", "call", "nosuch", "driver.describe"]).shown(), @"");
    insta::assert_snapshot!(place.run(&["plugin", "call", "nosuch", "driver.describe", "-o", "json"]).shown(), @"");
    insta::assert_snapshot!(place.run(&["plugin", "check", "./nosuch.wasm"]).shown(), @"");
    insta::assert_snapshot!(place.run(&["plugin", "call", "./example.wasm", "driver.nosuch"]).shown(), @"");
}

#[test]
fn a_wrong_argument() {
    let place = Place::new();
    let call = |words: &[&str]| place.run(&[&["plugin", "call", "./example.wasm"], words].concat()).shown();
    insta::assert_snapshot!(call(&["catalog.templates", "5x"]), @"");
    insta::assert_snapshot!(call(&["catalog.templates"]), @"");
    insta::assert_snapshot!(call(&["driver.validate", r#"[["a", 1]]"#, "-o", "json"]), @"");
}

#[test]
fn a_crash_is_a_paragraph_with_a_backtrace() {
    let place = Place::empty();
    place
        .put("guest.wasm", guest::polls("(call $validate (local.get 0) (local.get 1)) (drop) (unreachable)"));
    let words = ["plugin", "call", "guest.wasm", "driver.poll", "x"];
    insta::assert_snapshot!(place.run(&words).shown(), @"");
    insta::assert_snapshot!(place.run(&[&words[..], &["-o", "json"]].concat()).shown(), @"");
    assert!(!place.path("state").exists(), "no dump was asked for");
    let outcome = place.run(&[&words[..], &["--core-dump"]].concat());
    assert!(
        outcome.stderr.contains("core dump (it holds the plugin's memory): HOME/state/core-dumps/guest-")
    );
    assert_eq!(std::fs::read_dir(place.path("state/core-dumps")).unwrap().count(), 1);
}

#[test]
fn a_limit() {
    let place = Place::empty();
    place.put("guest.wasm", guest::polls("(loop $again (br $again)) (unreachable)"));
    let words = ["plugin", "call", "guest.wasm", "driver.poll", "x", "--limit", "cpu-time-ms=50"];
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
    insta::assert_snapshot!(check("cpu=3"), @"");
    insta::assert_snapshot!(check("cpu-time-ms=3s"), @"");
    insta::assert_snapshot!(check("cpu-time-ms"), @"");
}
