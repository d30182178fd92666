//! Tokens that are moved out of answers.

use serde_json::{Value, json};

use crate::server::{Reply, Server};
use crate::stage::{PASSWORD, Stage, get, still_serves, with, with_password};

const TOKEN: &str = "gAAAAABtöken-of-the/session";

fn capture(source: Value, credential: &str) -> Value {
    json!({ "source": source, "credential": credential, "ttl-s": 60 })
}

#[tokio::test]
async fn a_token_is_kept_and_not_shown() {
    let escaped: String = TOKEN.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    let body = format!(r#"{{"token":"{escaped}","again":["{TOKEN}","{escaped}"],"{escaped}":1}}"#);
    let server = Server::start(move |request| {
        if request.contains("x-session") {
            Reply::ok(request)
        } else {
            Reply::new("201 Created", &[("x-token", TOKEN), ("x-token", "second-token-value")], &body)
        }
    })
    .await;
    let mut play = Stage::new().server(&server, &["session", "other"]).open().await;
    let captures = json!([
        capture(json!({ "header": "X-Token" }), "other"),
        capture(json!({ "json-pointer": "/token" }), "session")
    ]);
    let seen = play.send(with(get(&server.url("/login")), json!({ "captures": captures }))).await;
    assert_eq!(seen["status"], 201);
    let headers = seen["headers"].as_array().unwrap();
    assert_eq!(
        headers.iter().filter(|header| **header == json!(["x-token", "***"])).count(),
        2,
        "{headers:?}"
    );
    let body: Value = serde_json::from_str(seen["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, json!({ "token": "", "again": ["***", "***"], "***": 1 }));
    assert_eq!(play.play(json!({ "available": "session" })).await, true);

    // It can be used, and is masked where it comes back.
    let session = json!({ "headers": [["x-session", [{ "secret": "session" }]]] });
    let seen = play.send(with(get(&server.url("/")), session.clone())).await;
    assert!(server.seen()[1].contains(TOKEN));
    assert!(seen["body"].as_str().unwrap().contains("x-session: ***\r\n"), "{seen}");

    // Forgotten, it is out of use and no less a secret.
    play.play(json!({ "forget": "session" })).await;
    let refusal = play.refused(with(get(&server.url("/")), session)).await;
    assert!(refusal.contains("it is not there or has expired"), "{refusal}");
    play.play(json!({ "log": { "message": TOKEN, "fields": [] } })).await;
    assert_eq!(play.log(), ["skywright-tests/hostile Info ***"]);
    assert_eq!(server.seen().len(), 2);
    still_serves().await;
}

#[tokio::test]
async fn in_the_place_of_the_tenants_own() {
    let server = Server::start(|_| Reply::new("200 OK", &[("x-token", "mine now")], "")).await;
    let mut play = Stage::new().server(&server, &["password"]).open().await;
    let captures = json!([capture(json!({ "header": "x-token" }), "password")]);
    let refusal = play.refused(with(get(&server.url("/")), json!({ "captures": captures }))).await;
    assert_eq!(refusal, "invalid: captures: `password` is the tenant's own credential");
    assert!(server.seen().is_empty());

    play.play(json!({ "forget": "password" })).await;
    play.send(with_password(get(&server.url("/")))).await;
    assert!(server.seen()[0].contains(PASSWORD));
    still_serves().await;
}

#[tokio::test]
async fn under_a_name_that_smuggles() {
    let server = Server::start(|_| Reply::new("200 OK", &[("x-token", TOKEN)], "")).await;
    let mut play = Stage::new().server(&server, &["password", "session"]).open().await;
    let long = "n".repeat(129);
    for name in ["", long.as_str()] {
        let captures = json!([capture(json!({ "header": "x-token" }), name)]);
        let refusal = play.refused(with(get(&server.url("/")), json!({ "captures": captures }))).await;
        assert_eq!(refusal, "invalid: captures: a credential's name has 1 to 128 bytes");
    }
    assert!(server.seen().is_empty());

    // A name is a name: no prefix, case or space of it is another credential's.
    for name in ["password ", "PASSWORD", "password\0", "x\r\nx-evil: 1"] {
        let captures = json!([capture(json!({ "header": "x-token" }), name)]);
        play.send(with(get(&server.url("/")), json!({ "captures": captures }))).await;
        let request = with(get(&server.url("/")), json!({ "headers": [["x", [{ "secret": name }]]] }));
        let refusal = play.refused(request).await;
        assert!(refusal.contains("no endpoint of the grant lists it for this origin"), "{refusal}");
    }
    play.send(with_password(get(&server.url("/")))).await;
    let seen = server.seen();
    assert!(seen.last().unwrap().contains(PASSWORD));
    assert!(seen.iter().all(|request| !request.contains("x-evil")));
    still_serves().await;
}

/// The server hands the password back, and the guest has it kept under a name that another endpoint lists.
#[tokio::test]
async fn of_what_the_request_itself_carried() {
    let server = Server::start(|request| {
        let secret =
            request.lines().find_map(|line| line.strip_prefix("x-password: ")).unwrap_or("no-secret");
        Reply::new("200 OK", &[("x-token", secret)], "")
    })
    .await;
    let other = Server::plain().await;
    let mut play = Stage::new().server(&server, &["password"]).server(&other, &["elsewhere"]).open().await;
    let captures = json!([capture(json!({ "header": "x-token" }), "elsewhere")]);
    play.send(with(with_password(get(&server.url("/"))), json!({ "captures": captures }))).await;
    let request = with(get(&other.url("/")), json!({ "headers": [["x", [{ "secret": "elsewhere" }]]] }));
    let _ = play.send(request).await;
    assert!(other.seen().iter().all(|request| !request.contains(PASSWORD)), "{:?}", other.seen());
    still_serves().await;
}

#[tokio::test]
async fn from_what_is_no_json() {
    let server = Server::start(|_| Reply::ok(format!("token={TOKEN}"))).await;
    let mut play = Stage::new().server(&server, &["session"]).open().await;
    let captures = json!([capture(json!({ "json-pointer": "/token" }), "session")]);
    let refusal = play.refused(with(get(&server.url("/")), json!({ "captures": captures }))).await;
    assert!(refusal.ends_with("the answer is no JSON, and `/token` points into it"), "{refusal}");
    assert!(!play.told().contains(TOKEN));
    still_serves().await;
}
