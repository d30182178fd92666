//! Credentials: where they go, and where they never do.

use skywright_egress::{Denial, Grant, HttpError, NoCredential, Part, Secret};

use crate::rig::{PASSWORD, Reply, Server, client, get, grant, header, plain, post, secret};

#[tokio::test]
async fn a_listed_credential_arrives_in_every_form() {
    let server = Server::start(|_, _| Reply::new(204, &[], b"")).await;
    let client = client(grant(&["http://cloud.test:*"], &["password"]));
    let body = vec![
        plain("{\"p\":\""),
        Part::SecretJson("password".to_owned()),
        plain("\",\"f\":\""),
        Part::SecretForm("password".to_owned()),
        plain("\"}"),
    ];
    let mut request = post(format!("http://cloud.test:{}/v3", server.port()), body);
    request.headers = vec![
        header("X-Auth-Token", vec![secret("password")]),
        header(
            "authorization",
            vec![plain("Basic "), Part::SecretBasic("me".to_owned(), "password".to_owned())],
        ),
    ];
    client.send(request).await.unwrap();
    let seen = server.requests().remove(0);
    assert!(seen.contains(&format!("x-auth-token: {PASSWORD}\r\n")), "{seen}");
    assert!(seen.contains("authorization: Basic bWU6VHIwdWI0ZG9yJjMvIsO8\r\n"), "{seen}");
    let body = r#"{"p":"Tr0ub4dor&3/\"ü","f":"Tr0ub4dor%263%2F%22%C3%BC"}"#;
    assert!(seen.ends_with(body), "{seen}");
    assert!(seen.contains("accept-encoding: gzip\r\n"), "{seen}");
}

#[tokio::test]
async fn a_credential_does_not_go_where_it_is_not_listed() {
    let server = Server::start(|_, _| Reply::new(204, &[], b"")).await;
    let mut grant = grant(&["http://cloud.test:*", "http://other.test:*"], &["password"]);
    grant.endpoints[1].credentials.clear();
    let client = client(grant);
    for (in_body, name) in [(false, "password"), (true, "password"), (false, "never-heard-of")] {
        let mut request = post(format!("http://other.test:{}/", server.port()), vec![plain("x")]);
        match in_body {
            true => request.body = Some(skywright_egress::Text(vec![secret(name)])),
            false => request.headers = vec![header("x-auth-token", vec![secret(name)])],
        }
        let error = client.send(request).await.unwrap_err();
        let HttpError::NoCredential { credential, reason: NoCredential::NotListed, .. } = &error else {
            panic!("{error:?}");
        };
        assert_eq!(credential, name);
        assert!(error.hint().unwrap().contains("`credentials`"));
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_credential_that_is_not_there_is_said() {
    let server = Server::start(|_, _| Reply::new(204, &[], b"")).await;
    let client = client(grant(&["http://cloud.test:*"], &["token"]));
    let mut request = get(format!("http://cloud.test:{}/", server.port()));
    request.headers = vec![header("x-auth-token", vec![secret("token")])];
    let error = client.send(request).await.unwrap_err();
    assert!(matches!(error, HttpError::NoCredential { reason: NoCredential::Absent, .. }), "{error:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_credential_does_not_leave_in_the_clear() {
    let server = Server::start(|_, _| Reply::new(204, &[], b"")).await;
    let mut grant = grant(&["http://cloud.test:*", "http://127.0.0.1:*"], &["password"]);
    grant.endpoints.iter_mut().for_each(|endpoint| endpoint.plaintext_credentials = false);
    let client = client(grant);
    for host in ["cloud.test", "127.0.0.1"] {
        let mut request = get(format!("http://{host}:{}/", server.port()));
        request.headers = vec![header("x-auth-token", vec![secret("password")])];
        let error = client.send(request).await.unwrap_err();
        assert!(matches!(error, HttpError::Denied(Denial::Plaintext { .. })), "{error:?}");
        assert!(error.hint().unwrap().contains("`plaintext_credentials`"));
    }
    assert!(server.requests().is_empty());
}

#[test]
fn a_credential_is_lent_to_the_host_where_a_request_might_carry_it() {
    let lend = |grant: Grant, to: &str| client(grant).lend(to, &["password"]);
    let lent = lend(grant(&["http://cloud.test:*"], &["password"]), "http://cloud.test/v1").unwrap();
    assert_eq!(lent.iter().map(Secret::expose).collect::<Vec<_>>(), [PASSWORD]);
    let elsewhere = lend(grant(&["http://cloud.test:*"], &["password"]), "http://other.test/v1");
    assert!(matches!(elsewhere, Err(HttpError::Denied(Denial::Endpoint { .. }))), "{elsewhere:?}");
    let unlisted = lend(grant(&["http://cloud.test:*"], &["token"]), "http://cloud.test/v1");
    assert!(matches!(unlisted, Err(HttpError::NoCredential { .. })), "{unlisted:?}");
    let mut encrypted = grant(&["http://cloud.test:*"], &["password"]);
    encrypted.endpoints[0].plaintext_credentials = false;
    let open = lend(encrypted, "http://cloud.test/v1");
    assert!(matches!(open, Err(HttpError::Denied(Denial::Plaintext { .. }))), "{open:?}");
}

#[tokio::test]
async fn no_value_begins_another_header() {
    let server = Server::start(|_, _| Reply::new(204, &[], b"")).await;
    let client = client(grant(&["http://cloud.test:*"], &["password", "token"]));
    let broken = "gAAAAA\r\nx-injected: yes";
    let ttl = std::time::Duration::from_secs(60);
    client.vault().insert("token", Secret::new(broken), ttl).unwrap();
    for part in [secret("token"), plain("a\r\nb: c"), plain("a\nb"), plain("a\0b")] {
        let mut request = get(format!("http://cloud.test:{}/", server.port()));
        request.headers = vec![header("x-auth-token", vec![plain("x"), part])];
        let error = client.send(request).await.unwrap_err();
        assert!(matches!(error, HttpError::Invalid { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains("gAAAAA"), "{error:?}");
    }
    for name in ["Host", "content-length", "proxy-authorization", "x\r\ny", "transfer-encoding"] {
        let mut request = get(format!("http://cloud.test:{}/", server.port()));
        request.headers = vec![header(name, vec![plain("x")])];
        let error = client.send(request).await.unwrap_err();
        assert!(matches!(error, HttpError::Invalid { .. }), "{error:?}");
    }
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_server_that_echoes_shows_no_secret() {
    use base64::Engine;
    let server = Server::start(|_, request| {
        let escaped: String = PASSWORD.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
        let form = "Tr0ub4dor%263%2F%22%C3%BC";
        let base64 = base64::engine::general_purpose::STANDARD.encode(format!("xx{PASSWORD}yy"));
        let json = format!(
            "{{\"e\":\"{escaped}\",\"j\":\"Tr0ub4dor&3/\\\"ü\",\"f\":\"{form}\",\"b\":\"{base64}\"}}"
        );
        let raw = request.contains("/raw");
        let body = if raw { request.as_bytes() } else { json.as_bytes() };
        Reply::new(401, &[&format!("x-echo: {PASSWORD}"), &format!("x-form: a={form}")], body)
    })
    .await;
    let client = client(grant(&["http://cloud.test:*"], &["password"]));
    // With the secret in the request, and without: a service may show later what it was told.
    for (path, with) in [("raw", true), ("json", true), ("json", false)] {
        let mut request = get(format!("http://cloud.test:{}/{path}", server.port()));
        if with {
            request.headers = vec![header("x-auth-token", vec![secret("password")])];
        }
        let response = client.send(request).await.unwrap();
        assert_eq!(response.status, 401);
        assert_eq!(response.header("x-echo"), Some("***"));
        assert_eq!(response.header("x-form"), Some("a=***"));
        let body = String::from_utf8(response.body).unwrap();
        assert_eq!(
            response.headers.iter().find(|(n, _)| n == "content-length").unwrap().1,
            body.len().to_string()
        );
        assert!(
            !body.contains("Tr0ub4dor") && !body.contains("u0054") && !body.contains("VHIwdWI0"),
            "{body}"
        );
        match path {
            "raw" => assert!(body.contains("x-auth-token: ***\r\n"), "{body}"),
            _ => assert_eq!(body, r#"{"e":"***","j":"***","f":"***","b":"***"}"#),
        }
    }
}

#[tokio::test]
async fn a_short_secret_is_masked_where_it_was_used_and_a_word_elsewhere_is_not_spoilt() {
    use skywright_egress::{Client, Vault};
    let server = Server::start(|_, _| Reply::new(200, &[], b"{\"project\":\"demo\"}")).await;
    let vault = Vault::new([("password".to_owned(), Secret::new("demo"))]);
    let names = crate::rig::Names::usual();
    let client = Client::new(grant(&["http://cloud.test:*"], &["password"]), vault, names, None);
    let mut request = get(format!("http://cloud.test:{}/", server.port()));
    assert_eq!(client.send(request.clone()).await.unwrap().body, b"{\"project\":\"demo\"}");
    request.headers = vec![header("x-auth-token", vec![secret("password")])];
    assert_eq!(client.send(request).await.unwrap().body, b"{\"project\":\"***\"}");
}
