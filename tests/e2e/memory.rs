//! The guest's own memory, after all that it could do to get a secret into it.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use skywright_egress::Redactor;
use skywright_runtime::Error;

use crate::server::{Reply, Server};
use crate::stage::{PASSWORD, Play, Stage, get, still_serves, with};

const TOKEN: &str = "gAAAAABtöken+of/the\"session&";
const MARKER: &str = "m4rkerpl4in/ör+that\"may&be-seen";

/// Every spelling of a secret that a guest could make sense of. Not the host's own list: that one is on trial.
fn spellings(secret: &str) -> Vec<Vec<u8>> {
    let escaped = |text: &str| text.trim_matches('"').to_owned();
    let mut spellings = vec![
        secret.to_owned(),
        secret.chars().rev().collect(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string(),
        utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string().to_lowercase(),
        escaped(&json!(secret).to_string()),
        escaped(&json!(json!(secret).to_string()).to_string()),
        secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect(),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
        // The longest part that no encoding changes.
        secret.split(|c: char| !c.is_ascii_alphanumeric()).max_by_key(|part| part.len()).unwrap().to_owned(),
    ];
    for before in ["", "x", "xx", "admin:"] {
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let encoded = engine.encode(format!("{before}{secret}"));
            // The edges depend on the neighbours.
            let inner = &encoded[before.len().div_ceil(3) * 4..encoded.len() - 2];
            spellings.push(inner.to_owned());
        }
    }
    let utf16 = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    spellings.into_iter().map(String::into_bytes).chain([utf16]).collect()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn found(secret: &str, bytes: &[u8]) -> Option<String> {
    let spelt = spellings(secret).into_iter().find(|spelling| contains(bytes, spelling));
    let known = matches!(Redactor::new([secret]).redact_bytes(bytes), std::borrow::Cow::Owned(_));
    let known = known.then(|| "one that the host knows".to_owned());
    spelt.map(|spelling| String::from_utf8_lossy(&spelling).into_owned()).or(known)
}

/// Says back all that it hears, in every spelling, and hands out a token.
fn gossip(request: &str) -> Reply {
    if request.starts_with("POST /login") {
        let body = json!({ "token": TOKEN, "spelt": [TOKEN, json!(TOKEN).to_string()] }).to_string();
        return Reply::new("201 Created", &[("x-token", TOKEN), ("x-token", TOKEN)], body);
    }
    let spelt = |secret: &str| {
        let form = utf8_percent_encode(secret, NON_ALPHANUMERIC);
        let [standard, url_safe] = [STANDARD_NO_PAD, URL_SAFE_NO_PAD].map(|engine| engine.encode(secret));
        let unicode: String = secret.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        format!("{secret} {form} {standard} {url_safe} {} \"{unicode}\"", json!(secret))
    };
    let body = format!("{request} {} {}", spelt(PASSWORD), spelt(TOKEN));
    let form = utf8_percent_encode(PASSWORD, NON_ALPHANUMERIC).to_string();
    Reply::new("200 OK", &[("x-echo", PASSWORD), ("x-form", &form), ("x-token", TOKEN)], body)
}

/// All that the other tests try, in one instance.
async fn try_everything(play: &mut Play, server: &Server, other: &Server) {
    let secret = |form: &str| match form {
        "secret-basic" => json!({ form: ["admin", "password"] }),
        _ => json!({ form: "password" }),
    };
    let captures = json!([
        { "source": { "header": "x-token" }, "credential": "other", "ttl-s": 60 },
        { "source": { "json-pointer": "/token" }, "credential": "session", "ttl-s": 60 }
    ]);
    let login = json!({
        "method": "POST", "url": server.url("/login"), "replay": "safe", "captures": captures,
        "body": [{ "plain": "\"" }, secret("secret-json"), { "plain": "\"" }]
    });
    assert_eq!(play.send(login).await["status"], 201);
    for form in ["secret", "secret-json", "secret-form", "secret-basic"] {
        let headers = json!([["x-one", [secret(form)]], ["x-session", [{ "secret": "session" }]]]);
        let fields = json!({ "headers": headers, "body": [secret(form)] });
        for url in [server.url("/echo"), other.url("/"), "http://169.254.169.254/".to_owned()] {
            play.send(with(get(&url), fields.clone())).await;
        }
    }
    play.send(get(&server.url("/unasked"))).await;
    for name in ["password", "session"] {
        play.play(json!({ "sign": name })).await;
        assert_eq!(play.play(json!({ "setting": name })).await, Value::Null);
        play.play(json!({ "forget": name })).await;
    }
}

#[tokio::test]
async fn holds_no_secret() {
    let (server, other) = (Server::start(gossip).await, Server::plain().await);
    let folder = tempfile::tempdir().unwrap();
    let credentials = ["password", "session", "other"];
    let stage = Stage::new().server(&server, &credentials).server(&other, &[]).setting("marker", MARKER);
    let mut play = stage.open_with_dumps(Some(folder.path())).await;
    try_everything(&mut play, &server, &other).await;
    assert_eq!(play.play(json!({ "setting": "marker" })).await, MARKER);
    let error = play.try_play(&json!({ "panic": "the end" })).await.unwrap_err();
    let Error::Trap(report) = &error else { panic!("{error}") };
    let dump = std::fs::read(report.core_dump.as_ref().unwrap()).unwrap();

    // That both went over the wire, and that a dump shows what the guest was given.
    let sent = server.seen().concat();
    assert!(sent.contains(PASSWORD) && sent.contains(TOKEN));
    assert!(contains(&dump, MARKER.as_bytes()), "the dump does not show the guest's memory");
    assert_eq!(found(MARKER, &dump).as_deref(), Some(MARKER));
    assert!(contains(&dump, b"x-session: ***"), "the dump does not show the answers");

    for secret in [PASSWORD, TOKEN] {
        assert_eq!(found(secret, &dump), None, "in the guest's memory");
        assert_eq!(found(secret, play.told().as_bytes()), None, "in what it said");
        assert_eq!(found(secret, other.seen().concat().as_bytes()), None, "at another server");
    }
    still_serves().await;
}

#[test]
fn every_spelling_is_found() {
    for secret in [PASSWORD, TOKEN] {
        for spelling in spellings(secret) {
            assert!(found(secret, &[b"before ", spelling.as_slice(), b" after"].concat()).is_some());
        }
        assert_eq!(found(secret, b"*** nothing of the kind ***"), None);
    }
}
