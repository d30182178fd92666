//! Answers that send the host elsewhere.

use serde_json::json;

use crate::server::{Reply, Server};
use crate::stage::{PASSWORD, Stage, get, still_serves, with, with_password};

#[tokio::test]
async fn to_another_port_of_this_machine() {
    let inner = Server::plain().await;
    let target = inner.url("/admin");
    let server = Server::start(move |_| Reply::redirect(&target)).await;
    let mut play = Stage::new().server(&server, &["password"]).open().await;
    let refusal = play.refused(with_password(get(&server.url("/")))).await;
    assert!(refusal.starts_with(&format!("denied: GET {}", inner.origin())), "{refusal}");
    assert!(refusal.contains("no endpoint of the grant names it"), "{refusal}");
    assert!(inner.seen().is_empty());
    assert_eq!(server.seen().len(), 1);
    still_serves().await;
}

#[tokio::test]
async fn to_the_metadata_service() {
    let server = Server::start(|_| Reply::redirect("http://169.254.169.254/latest/meta-data/")).await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    let refusal = play.refused(get(&server.url("/"))).await;
    assert!(refusal.starts_with("denied: GET http://169.254.169.254"), "{refusal}");
    assert!(refusal.contains("no endpoint of the grant names it"), "{refusal}");
    still_serves().await;
}

#[tokio::test]
async fn out_of_the_web() {
    let server = Server::start(|_| Reply::redirect("file:///etc/passwd")).await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    let refusal = play.refused(get(&server.url("/"))).await;
    assert_eq!(
        refusal,
        format!(
            "transport: {}: it redirects to a place that cannot be asked: its scheme is neither `http` nor `https`",
            server.origin()
        )
    );
    still_serves().await;
}

#[tokio::test]
async fn to_another_origin_without_the_secret() {
    let other = Server::start(|_| Reply::ok("here")).await;
    let target = other.url("/next");
    let server = Server::start(move |_| Reply::redirect(&target)).await;
    // Even where that one may have the secret too: the plugin did not send it there.
    let mut play = Stage::new().server(&server, &["password"]).server(&other, &["password"]).open().await;
    let headers = json!([
        ["x-password", [{ "secret": "password" }]],
        ["authorization", [{ "plain": "Bearer plainly" }]],
        ["x-plain", [{ "plain": "stays" }]]
    ]);
    let seen = play.send(with(get(&server.url("/")), json!({ "headers": headers }))).await;
    assert_eq!(seen["body"], "here");
    assert!(server.seen()[0].contains(PASSWORD));
    let [request] = &other.seen()[..] else { panic!("one request") };
    assert!(!request.contains("x-password") && !request.contains(PASSWORD), "{request}");
    assert!(!request.contains("authorization") && request.contains("x-plain: stays"), "{request}");
    still_serves().await;
}

#[tokio::test]
async fn to_another_origin_with_the_secret_in_the_body() {
    let other = Server::plain().await;
    let target = other.url("/next");
    let server =
        Server::start(move |_| Reply::new("307 Temporary Redirect", &[("location", &target)], "")).await;
    let mut play = Stage::new().server(&server, &["password"]).server(&other, &["password"]).open().await;
    let login = json!({ "method": "POST", "url": server.url("/"), "replay": "safe", "body": [{ "secret": "password" }] });
    let refusal = play.refused(login).await;
    let (from, to) = (server.origin(), other.origin());
    let expected =
        format!("denied: POST {from}: it redirects a body with credential `password` to {to} (hint: ");
    assert!(refusal.starts_with(&expected), "{refusal}");
    assert!(other.seen().is_empty());
    still_serves().await;
}

#[tokio::test]
async fn to_a_url_with_the_secret_in_it() {
    let other = Server::plain().await;
    let target = other.url("/?password=");
    // What the request was told in a header comes back in the URL.
    let server = Server::start(move |request| {
        let secret = request.lines().find_map(|line| line.strip_prefix("x-password: ")).unwrap();
        let encoded = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
        Reply::redirect(&format!("{target}{encoded}"))
    })
    .await;
    let mut play = Stage::new().server(&server, &["password"]).server(&other, &[]).open().await;
    let refusal = play.refused(with_password(get(&server.url("/")))).await;
    let expected = format!("denied: GET {}: it redirects to a URL that has a secret in it", server.origin());
    assert!(refusal.starts_with(&expected), "{refusal}");
    assert!(other.seen().is_empty());
    still_serves().await;
}

#[tokio::test]
async fn in_a_circle() {
    let server = Server::start(|_| Reply::redirect("/again")).await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    let refusal = play.refused(get(&server.url("/"))).await;
    assert_eq!(
        refusal,
        format!(
            "denied: GET {}: more than 5 redirects (hint: configure the address that the redirects lead to)",
            server.origin()
        )
    );
    assert_eq!(server.seen().len(), 6);
    still_serves().await;
}
