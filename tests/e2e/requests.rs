//! Requests that try to become other requests.

use serde_json::{Value, json};

use crate::server::Server;
use crate::stage::{Stage, get, still_serves, with};

fn with_header(request: Value, name: &str, value: Value) -> Value {
    with(request, json!({ "headers": [[name, [value]]] }))
}

#[tokio::test]
async fn a_line_break_in_a_header() {
    let server = Server::plain().await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    for value in ["a\r\nx-evil: 1", "a\nx-evil: 1", "a\rb", "a\0b", "a\r\n\r\nGET /evil HTTP/1.1"] {
        let refusal =
            play.refused(with_header(get(&server.url("/")), "x-plain", json!({ "plain": value }))).await;
        assert_eq!(
            refusal, "invalid: headers: the value of header `x-plain` has a control character in it",
            "{value:?}"
        );
    }
    assert!(server.seen().is_empty());
    still_serves().await;
}

#[tokio::test]
async fn a_line_break_in_a_secret() {
    let server = Server::plain().await;
    let broken = "first-half\r\nx-evil: second-half";
    let mut play = Stage::new().secret("broken", broken).server(&server, &["broken"]).open().await;
    let request = with_header(get(&server.url("/")), "x-secret", json!({ "secret": "broken" }));
    let refusal = play.refused(request).await;
    assert_eq!(refusal, "invalid: headers: the value of header `x-secret` has a control character in it");
    assert!(server.seen().is_empty());
    assert!(!play.told().contains("half"), "{}", play.told());
    still_serves().await;
}

#[tokio::test]
async fn headers_of_the_host() {
    let server = Server::plain().await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    for name in [
        "host",
        "Host",
        "content-length",
        "transfer-encoding",
        "connection",
        "upgrade",
        "proxy-authorization",
    ] {
        let refusal = play.refused(with_header(get(&server.url("/")), name, json!({ "plain": "1" }))).await;
        let name = name.to_ascii_lowercase();
        assert_eq!(refusal, format!("invalid: headers: header `{name}` is the host's own"));
    }
    for name in ["", "a b", "x:y", "x\r\ny"] {
        let refusal = play.refused(with_header(get(&server.url("/")), name, json!({ "plain": "1" }))).await;
        assert_eq!(refusal, format!("invalid: headers: `{}` is no header name", name.escape_debug()));
    }
    assert!(server.seen().is_empty());
    still_serves().await;
}

#[tokio::test]
async fn a_line_break_in_the_url() {
    let server = Server::plain().await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    // The URL's own rules drop it or encode it; either way it begins nothing.
    for path in ["/a\r\nx-evil: 1", "/a HTTP/1.1\r\nx-evil: 1\r\n\r\n", "/a?b=\r\nx-evil: 1"] {
        let seen = play.send(get(&server.url(path))).await;
        assert_eq!(seen["status"], 200, "{seen}");
    }
    let requests = server.seen();
    assert_eq!(requests.len(), 3);
    for request in requests {
        assert!(!request.lines().any(|line| line.starts_with("x-evil")), "{request}");
    }
    still_serves().await;
}

#[tokio::test]
async fn a_bucket_that_nobody_declared() {
    let server = Server::plain().await;
    let mut play = Stage::new().server(&server, &[]).rate("compute").open().await;
    let request = |bucket| with(get(&server.url("/")), json!({ "bucket": bucket }));
    let refusal = play.refused(request("unlimited")).await;
    assert_eq!(refusal, "invalid: bucket: no rate is declared for `unlimited`");
    assert!(server.seen().is_empty());
    assert_eq!(play.send(request("compute")).await["status"], 200);
    still_serves().await;
}

#[tokio::test]
async fn a_request_that_is_too_large() {
    let server = Server::plain().await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    let long = json!({ "plain": "x".repeat(200 << 10) });
    assert_eq!(play.refused(with_header(get(&server.url("/")), "x-long", long)).await, "too-large: 131072");
    assert!(server.seen().is_empty());
    still_serves().await;
}
