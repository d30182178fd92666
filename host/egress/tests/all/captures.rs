//! Captures and recordings: what the guest and its files never see.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use skywright_egress::recording::read_recording;
use skywright_egress::{
    Capture, CaptureSource, Client, Exchange, ExchangeSink, HttpError, Outcome, Recorder, Response,
    VaultError,
};

use crate::rig::{
    Names, PASSWORD, Reply, Server, client, get, grant, header, plain, post, recorded, secret, vault,
};

const TOKEN: &str = "gAAAAABo/token+of==the\"cloud";

fn capture(source: CaptureSource) -> Vec<Capture> {
    vec![Capture { source, credential: "token".to_owned(), ttl_s: 60 }]
}

fn by_header() -> Vec<Capture> {
    capture(CaptureSource::Header("X-Subject-Token".to_owned()))
}

fn by_pointer() -> Vec<Capture> {
    capture(CaptureSource::JsonPointer("/access/token~1id".to_owned()))
}

/// Everything that the guest gets, in one text, with JSON escapes undone where there are any.
fn shown(response: &Response) -> String {
    let body = String::from_utf8_lossy(&response.body).into_owned();
    let parsed = serde_json::from_slice::<serde_json::Value>(&response.body).map(|v| format!("{v:?}"));
    format!("{:?} {body} {}", response.headers, parsed.unwrap_or_default())
}

#[tokio::test]
async fn a_token_in_a_header_is_kept_and_used_and_not_seen() {
    let server = Server::start(|number, request| match number {
        0 => Reply::new(201, &[&format!("x-subject-token: {TOKEN}"), &format!("x-copy: {TOKEN}")], b"{}"),
        // A service that shows what it was asked with.
        _ => Reply::new(200, &[], request.as_bytes()),
    })
    .await;
    let client = client(grant(&["http://cloud.test:*"], &["token"]));
    let url = format!("http://cloud.test:{}/", server.port());
    let mut login = post(url.clone(), vec![plain("{}")]);
    login.captures = by_header();
    let response = client.send(login).await.unwrap();
    assert_eq!(response.header("x-subject-token"), Some("***"));
    assert_eq!(response.header("x-copy"), Some("***"));
    assert!(client.vault().available("token"));
    let mut request = get(url);
    request.headers = vec![header("x-auth-token", vec![secret("token")])];
    let response = client.send(request).await.unwrap();
    assert!(server.requests()[1].contains(&format!("x-auth-token: {TOKEN}\r\n")));
    let echoed = shown(&response);
    assert!(echoed.contains("x-auth-token: ***") && !echoed.contains("gAAAAAB"), "{echoed}");
    client.vault().forget("token");
    assert!(!client.vault().available("token"));
}

#[tokio::test]
async fn a_token_in_a_body_is_taken_however_it_is_spelt() {
    let escaped: String = TOKEN.bytes().map(|byte| format!("\\u{byte:04X}")).collect();
    let plain_json = serde_json::to_string(TOKEN).unwrap();
    let bodies = [
        format!(r#"{{"access":{{"token/id":{plain_json},"id":1}}}}"#),
        format!(r#"{{"access":{{"token/id":"{escaped}","copy":["{escaped}"]}},"other":{plain_json}}}"#),
        format!(r#"{{"access":{{"token/id":"{escaped}","token/id":{plain_json}}}}}"#),
    ];
    for status in [200, 401, 500] {
        for body in &bodies {
            let answer = body.clone();
            let server = Server::start(move |_, _| Reply::new(status, &[], answer.as_bytes())).await;
            let client = client(grant(&["http://cloud.test:*"], &["token"]));
            let mut login = get(format!("http://cloud.test:{}/", server.port()));
            login.captures = by_pointer();
            let response = client.send(login).await.unwrap();
            let seen = shown(&response);
            assert!(!seen.contains("gAAAAAB") && !seen.to_lowercase().contains("u0041"), "{seen}");
            let value: serde_json::Value = serde_json::from_slice(&response.body).unwrap();
            assert_eq!(value.pointer("/access/token~1id").unwrap(), "");
            assert_eq!(response.header("content-length").unwrap(), response.body.len().to_string());
            assert!(client.vault().available("token"));
        }
    }
}

#[tokio::test]
async fn a_captured_token_expires() {
    let server = Server::start(|_, _| Reply::new(201, &["x-subject-token: gAAAAABtoken"], b"")).await;
    let (vault, clock) = vault();
    let client = Client::new(grant(&["http://cloud.test:*"], &["token"]), vault, Names::usual(), None);
    let mut login = get(format!("http://cloud.test:{}/", server.port()));
    login.captures = by_header();
    client.send(login).await.unwrap();
    assert!(client.vault().available("token"));
    *clock.elapsed.lock().unwrap() += Duration::from_secs(60);
    assert!(!client.vault().available("token"));
}

#[tokio::test]
async fn a_capture_does_not_replace_the_tenants_own() {
    let server = Server::start(|_, _| Reply::new(201, &["x-subject-token: attackers"], b"")).await;
    let client = client(grant(&["http://cloud.test:*"], &["password"]));
    let mut login = get(format!("http://cloud.test:{}/", server.port()));
    login.captures = by_header();
    login.captures[0].credential = "password".to_owned();
    let error = client.send(login).await.unwrap_err();
    let own = VaultError::Own { name: "password".to_owned() };
    let expected = HttpError::Invalid { subject: "captures".to_owned(), reason: own.to_string() };
    assert_eq!(error, expected);
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn what_cannot_be_captured_is_not_shown() {
    for body in [format!(r#"{{"access":{{"token/id":["{TOKEN}"]}}}}"#), format!(r#"{{"access":}} {TOKEN}"#)] {
        let server = Server::start(move |_, _| Reply::new(200, &[], body.as_bytes())).await;
        let client = client(grant(&["http://cloud.test:*"], &[]));
        let mut login = get(format!("http://cloud.test:{}/", server.port()));
        login.captures = by_pointer();
        let error = client.send(login).await.unwrap_err();
        // It was carried out, so that it must not look as if it had never been sent.
        assert!(matches!(error, HttpError::Transport { sent: true, .. }), "{error:?}");
        assert!(!format!("{error:?}").contains("gAAAAAB"));
    }
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_recording_has_no_secret_in_it() {
    let server = Server::start(|number, request| match number {
        0 => Reply::new(201, &[&format!("x-subject-token: {TOKEN}")], request.as_bytes()),
        _ => Reply::new(200, &[], &[0xff, 0xfe]),
    })
    .await;
    let out = Shared::default();
    let sink = Arc::new(Recorder::new(out.clone()).unwrap());
    let client =
        recorded(grant(&["http://cloud.test:*"], &["password", "token"]), sink as Arc<dyn ExchangeSink>);
    let url = format!("http://cloud.test:{}/", server.port());
    let mut login = post(url.clone(), vec![plain("p="), secret("password")]);
    login.captures = by_header();
    client.send(login.clone()).await.unwrap();
    // A plugin that learnt a secret elsewhere does not get it into a file either.
    let mut request = get(format!("{url}?token={}", "gAAAAABo%2Ftoken%2Bof%3D%3Dthe%22cloud"));
    request.headers =
        vec![header("x-auth-token", vec![secret("token")]), header("x-p", vec![plain("Tr0ub4dor&3/\"ü")])];
    client.send(request).await.unwrap();
    client.send(get("https://elsewhere.test/")).await.unwrap_err();
    let written = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
    for piece in ["gAAAAAB", "Tr0ub4dor", PASSWORD] {
        assert!(!written.contains(piece), "{piece} in {written}");
    }
    let exchanges: Vec<Exchange> = read_recording(&written).unwrap();
    assert_eq!(exchanges.len(), 3);
    assert_eq!(exchanges[0].request, login);
    assert!(matches!(&exchanges[1].outcome, Outcome::Response(r) if r.body == [0xff, 0xfe]));
    assert!(matches!(&exchanges[2].outcome, Outcome::Error(error) if error.contains_key("denied")));
}

#[tokio::test]
async fn a_known_credential_gets_no_second_name() {
    // A server that hands the password back, whole and with something around it.
    let server = Server::start(|number, _| {
        let around = if number == 0 { "" } else { "x" };
        let body = serde_json::json!({ "access": { "token/id": format!("{around}{PASSWORD}{around}") } });
        Reply::new(200, &[], body.to_string().as_bytes())
    })
    .await;
    let client = client(grant(&["http://cloud.test:*"], &["password"]));
    for _ in 0..2 {
        let mut request = post(format!("http://cloud.test:{}/", server.port()), vec![secret("password")]);
        request.captures = by_pointer();
        let error = client.send(request).await.unwrap_err();
        assert!(matches!(error, HttpError::Transport { sent: true, .. }), "{error:?}");
        assert!(!client.vault().available("token"));
    }
}
