//! Credentials where they do not belong.

use serde_json::{Value, json};

use crate::server::{Reply, Server};
use crate::stage::{PASSWORD, Stage, get, still_serves, with, with_password};

#[tokio::test]
async fn to_an_endpoint_that_does_not_list_it() {
    let (listing, other) = (Server::plain().await, Server::plain().await);
    let mut play = Stage::new().server(&listing, &["password"]).server(&other, &["another"]).open().await;
    let refusal = play.refused(with_password(get(&other.url("/")))).await;
    let origin = other.origin();
    assert_eq!(
        refusal,
        format!(
            "no-credential: {origin}: credential `password`: no endpoint of the grant lists it for this origin \
             (hint: add `password` to the `credentials` of the tenant's endpoint for `{origin}`)"
        )
    );
    assert!(other.seen().is_empty() && listing.seen().is_empty());
    still_serves().await;
}

#[tokio::test]
async fn without_tls() {
    let server = Server::plain().await;
    let mut play = Stage::new().granted(&server.origin(), &["password"], false).open().await;
    let refusal = play.refused(with_password(get(&server.url("/")))).await;
    assert_eq!(
        refusal,
        format!(
            "denied: GET {}: credential `password` would leave without TLS, which endpoint `cloud` does not allow \
             (hint: use an `https` endpoint, or set `plaintext_credentials` on the tenant's endpoint `cloud`)",
            server.origin()
        )
    );
    assert!(server.seen().is_empty());
    still_serves().await;
}

#[tokio::test]
async fn in_any_form_and_place() {
    let server = Server::plain().await;
    let mut play = Stage::new().server(&server, &["another"]).open().await;
    for part in [
        json!({ "secret": "password" }),
        json!({ "secret-json": "password" }),
        json!({ "secret-form": "password" }),
        json!({ "secret-basic": ["user", "password"] }),
    ] {
        let in_header = with(get(&server.url("/")), json!({ "headers": [["x", [part.clone()]]] }));
        let in_body = with(get(&server.url("/")), json!({ "body": [{ "plain": "a" }, part] }));
        for request in [in_header, in_body] {
            let refusal = play.refused(request).await;
            assert!(refusal.starts_with("no-credential: "), "{refusal}");
        }
    }
    assert!(server.seen().is_empty());
    still_serves().await;
}

#[tokio::test]
async fn one_that_is_not_there() {
    let server = Server::plain().await;
    let mut play = Stage::new().server(&server, &["session"]).open().await;
    assert_eq!(play.play(json!({ "available": "password" })).await, true);
    assert_eq!(play.play(json!({ "available": "session" })).await, false);
    let request = with(get(&server.url("/")), json!({ "headers": [["x", [{ "secret": "session" }]]] }));
    let refusal = play.refused(request).await;
    assert_eq!(
        refusal,
        format!(
            "no-credential: {}: credential `session`: it is not there or has expired \
             (hint: set `session` among the tenant's credentials, or sign in again)",
            server.origin()
        )
    );
    assert!(server.seen().is_empty());
    still_serves().await;
}

#[tokio::test]
async fn signatures_that_would_give_it_away() {
    let mut play = Stage::new().secret("pin", "1234").open().await;
    let absent = play.play(json!({ "sign": "session" })).await;
    for (kind, told) in absent.as_object().unwrap() {
        assert_eq!(told["no-credential"], "credential `session` is not there or has expired", "{kind}");
    }
    let short = play.play(json!({ "sign": "pin" })).await;
    for (kind, told) in short.as_object().unwrap() {
        let text = told["unsupported"].as_str().unwrap_or_else(|| panic!("{kind}: {told}"));
        assert!(text.starts_with("credential `pin` cannot sign: "), "{text}");
    }
    let long = play.play(json!({ "sign": "password" })).await;
    assert_eq!(
        long["hmac-sha256 without a step"]["unsupported"],
        "credential `password` cannot sign: there is no step to sign"
    );
    assert_eq!(long["hmac-sha256"].as_array().map(Vec::len), Some(32));
    still_serves().await;
}

#[tokio::test]
async fn a_secret_is_no_setting() {
    let mut play = Stage::new().setting("region", "one").open().await;
    assert_eq!(play.play(json!({ "setting": "region" })).await, "one");
    for key in ["password", "secrets.password", "../password"] {
        assert_eq!(play.play(json!({ "setting": key })).await, Value::Null, "{key}");
    }
    still_serves().await;
}

#[tokio::test]
async fn a_server_that_echoes_it() {
    // All that it was sent, in the body and in a header.
    let server = Server::start(|request| {
        let secret = request.lines().find_map(|line| line.strip_prefix("x-password: ")).unwrap();
        let spelt = format!(
            "{secret} {}",
            percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC)
        );
        Reply::new("401 Unauthorized", &[("x-echo", &spelt)], request)
    })
    .await;
    let mut play = Stage::new().server(&server, &["password"]).open().await;
    let basic = json!([{ "plain": "Basic " }, { "secret-basic": ["admin", "password"] }]);
    let request = json!({
        "method": "POST", "url": server.url("/"), "replay": "mutating",
        "headers": [["x-password", [{ "secret": "password" }]], ["authorization", basic]],
        "body": [{ "plain": "json \"" }, { "secret-json": "password" }, { "plain": "\" form " }, { "secret-form": "password" }]
    });
    let seen = play.send(request).await;
    assert!(server.seen()[0].contains(PASSWORD));
    assert_eq!(seen["status"], 401);
    let headers = seen["headers"].as_array().unwrap();
    assert!(headers.contains(&json!(["x-echo", "*** ***"])), "{headers:?}");
    let body = seen["body"].as_str().unwrap();
    assert!(body.contains("x-password: ***\r\n") && body.contains("Basic ***\r\n"), "{body}");
    assert!(body.ends_with("json \"***\" form ***"), "{body}");
    assert!(!play.told().contains("staple"));
    still_serves().await;
}
