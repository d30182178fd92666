//! Redirects, each decided like a first request.

use skywright_egress::{Denial, HttpError, Method};

use crate::rig::{PASSWORD, Reply, Server, client, get, grant, header, plain, post, secret};

fn to(status: u16, location: &str) -> Reply {
    Reply::new(status, &[&format!("location: {location}")], b"moved")
}

#[tokio::test]
async fn a_redirect_within_an_origin_keeps_everything() {
    let server = Server::start(|number, _| match number {
        0 => to(307, "/v3/#fragment"),
        _ => Reply::new(200, &[], b"here"),
    })
    .await;
    let client = client(grant(&["http://cloud.test:*"], &["password"]));
    let mut request = post(format!("http://cloud.test:{}/v2", server.port()), vec![secret("password")]);
    request.headers = vec![header("x-auth-token", vec![secret("password")])];
    assert_eq!(client.send(request).await.unwrap().body, b"here");
    let second = &server.requests()[1];
    assert!(second.starts_with("POST /v3/ HTTP/1.1\r\n"), "{second}");
    assert!(second.contains(&format!("x-auth-token: {PASSWORD}")) && second.ends_with(PASSWORD), "{second}");
}

#[tokio::test]
async fn a_redirect_goes_only_where_the_grant_does() {
    let victim = Server::start(|_, _| Reply::new(200, &[], b"inside")).await;
    let port = victim.port();
    for target in [
        format!("http://127.0.0.1:{port}/"),
        format!("http://localhost:{port}/"),
        format!("//2130706433:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "https://cloud.test.evil.org/".to_owned(),
    ] {
        let location = target.clone();
        let server = Server::start(move |_, _| to(302, &location)).await;
        let error = client(grant(&["http://cloud.test:*"], &[]))
            .send(get(format!("http://cloud.test:{}/", server.port())))
            .await
            .unwrap_err();
        assert!(matches!(error, HttpError::Denied(Denial::Endpoint { .. })), "{target}: {error:?}");
        let by = format!("(redirected by http://cloud.test:{})", server.port());
        assert!(error.is_outcome_unknown() && error.to_string().contains(&by), "{error}");
    }
    // By a name that is granted, to an address that is not.
    let server = Server::start(move |_, _| to(302, &format!("http://other.test:{port}/"))).await;
    let names = crate::rig::Names::new(&[("cloud.test", &["127.0.0.1"]), ("other.test", &["127.0.0.2"])]);
    let grant = grant(&["http://cloud.test:*", "http://other.test:*"], &[]);
    let client = skywright_egress::Client::new(grant, crate::rig::vault().0, names, None);
    let error = client.send(get(format!("http://cloud.test:{}/", server.port()))).await.unwrap_err();
    assert!(matches!(error, HttpError::Denied(Denial::Address { .. })), "{error:?}");
    assert!(victim.requests().is_empty());
}

#[tokio::test]
async fn another_origin_gets_no_credential() {
    let other = Server::start(|_, _| Reply::new(200, &[], b"other")).await;
    let location = format!("http://other.test:{}/", other.port());
    let server = Server::start(move |_, _| to(302, &location)).await;
    let client = client(grant(&["http://cloud.test:*", "http://other.test:*"], &["password"]));
    let mut request = get(format!("http://cloud.test:{}/", server.port()));
    request.headers = vec![
        header("x-auth-token", vec![secret("password")]),
        header("authorization", vec![plain("Bearer something")]),
        header("cookie", vec![plain("a=b")]),
        header("x-kept", vec![plain("yes")]),
    ];
    assert_eq!(client.send(request).await.unwrap().body, b"other");
    let seen = other.requests().remove(0);
    assert!(seen.contains("x-kept: yes"), "{seen}");
    for gone in ["x-auth-token", "authorization", "cookie", "Tr0ub4dor"] {
        assert!(!seen.contains(gone), "{gone} in {seen}");
    }
    assert!(server.requests()[0].contains("x-auth-token"));
}

#[tokio::test]
async fn a_credential_in_a_body_is_not_led_elsewhere() {
    let other = Server::start(|_, _| Reply::new(200, &[], b"other")).await;
    let location = format!("http://other.test:{}/", other.port());
    let server = Server::start(move |_, _| to(308, &location)).await;
    let client = client(grant(&["http://cloud.test:*", "http://other.test:*"], &["password"]));
    let url = format!("http://cloud.test:{}/", server.port());
    let error = client.send(post(url.clone(), vec![secret("password")])).await.unwrap_err();
    assert!(matches!(error, HttpError::Denied(Denial::BodyCredential { .. })), "{error:?}");
    assert!(other.requests().is_empty());
    assert_eq!(client.send(post(url, vec![plain("{}")])).await.unwrap().body, b"other");
    assert!(other.requests()[0].starts_with("POST / ") && other.requests()[0].ends_with("{}"));
}

#[tokio::test]
async fn a_location_with_a_secret_in_it_is_not_followed() {
    let other = Server::start(|_, _| Reply::new(200, &[], b"other")).await;
    let location = format!("http://other.test:{}/?p=Tr0ub4dor%263%2F%22%C3%BC", other.port());
    let server = Server::start(move |_, _| to(302, &location)).await;
    let client = client(grant(&["http://cloud.test:*", "http://other.test:*"], &["password"]));
    let mut request = get(format!("http://cloud.test:{}/", server.port()));
    request.headers = vec![header("x-auth-token", vec![secret("password")])];
    let error = client.send(request).await.unwrap_err();
    assert!(matches!(error, HttpError::Denied(Denial::SecretInRedirect { .. })), "{error:?}");
    assert!(!format!("{error:?}{error}").contains("Tr0ub4dor"));
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn see_other_is_asked_for_with_get() {
    let server = Server::start(|number, _| match number {
        0 => to(303, "/result"),
        _ => Reply::new(200, &[], b"result"),
    })
    .await;
    let client = client(grant(&["http://cloud.test:*"], &[]));
    let mut request = post(format!("http://cloud.test:{}/", server.port()), vec![plain("{}")]);
    request.method = Method::Put;
    request.headers = vec![header("content-type", vec![plain("application/json")])];
    assert_eq!(client.send(request).await.unwrap().body, b"result");
    let second = &server.requests()[1];
    assert!(second.starts_with("GET /result HTTP/1.1\r\n"), "{second}");
    assert!(!second.contains("content-type") && second.ends_with("\r\n\r\n"), "{second}");
}

#[tokio::test]
async fn redirects_are_counted() {
    let server = Server::start(|number, _| to(302, &format!("/{number}"))).await;
    let client = client(grant(&["http://cloud.test:*"], &[]));
    let error = client.send(get(format!("http://cloud.test:{}/", server.port()))).await.unwrap_err();
    assert!(matches!(error, HttpError::Denied(Denial::Redirects { limit: 5, .. })), "{error:?}");
    assert_eq!(server.requests().len(), 6);
    let five = Server::start(|number, _| match number {
        5 => Reply::new(200, &[], b"end"),
        _ => to(302, &format!("/{number}")),
    })
    .await;
    let response = client.send(get(format!("http://cloud.test:{}/", five.port()))).await.unwrap();
    assert_eq!(response.body, b"end");
}

#[tokio::test]
async fn a_location_that_is_none_is_said() {
    for location in ["http://", "ftp://cloud.test/", "http://user:pw@cloud.test/"] {
        let server = Server::start(move |_, _| to(302, location)).await;
        let client = client(grant(&["http://cloud.test:*"], &[]));
        let error = client.send(get(format!("http://cloud.test:{}/", server.port()))).await.unwrap_err();
        assert!(matches!(error, HttpError::Transport { sent: true, .. }), "{location}: {error:?}");
    }
    // Without one, a redirect is an answer like any other.
    let server = Server::start(|_, _| Reply::new(302, &[], b"nowhere")).await;
    let client = client(grant(&["http://cloud.test:*"], &[]));
    let response = client.send(get(format!("http://cloud.test:{}/", server.port()))).await.unwrap();
    assert_eq!((response.status, response.body.as_slice()), (302, b"nowhere".as_slice()));
}
