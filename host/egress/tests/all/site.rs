//! The site: its certificate authorities and its proxies.

use std::io::Write;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use skywright_egress::{CertificateAuthority, Client, Denial, HttpError, Proxy};
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::rig::{Names, PASSWORD, Reply, Server, client, get, grant, header, secret, vault};

/// A server with a certificate for `cloud.test`, and the authority that signed it, in PEM.
async fn tls_server(script: impl Fn(usize, &str) -> Reply + Send + Sync + 'static) -> (Server, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["cloud.test".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let accept = move |stream| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(stream).await.ok() }
    };
    (Server::start_with(script, accept).await, authority.pem())
}

#[tokio::test]
async fn the_sites_authority_is_trusted_and_no_other() {
    let (server, authority) = tls_server(|_, _| Reply::new(200, &[], b"safe")).await;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(authority.as_bytes()).unwrap();
    let url = format!("https://cloud.test:{}/", server.port());
    let (vault, clock) = vault();
    let send = |authorities: Vec<CertificateAuthority>| {
        let vault = vault.clone();
        let mut grant = grant(&["https://cloud.test:*"], &["password"]);
        grant.endpoints[0].plaintext_credentials = false;
        grant.certificate_authorities = authorities;
        let mut request = get(url.clone());
        request.headers = vec![header("x-auth-token", vec![secret("password")])];
        async move { Client::new(grant, vault, Names::usual(), None).send(request).await }
    };
    let by_file = send(vec![CertificateAuthority::File(file.path().to_owned())]).await;
    assert_eq!(by_file.unwrap().body, b"safe");
    assert_eq!(send(vec![CertificateAuthority::Pem(authority)]).await.unwrap().body, b"safe");
    assert!(server.requests()[1].contains(PASSWORD));
    let (_, stranger) = tls_server(|_, _| Reply::Close).await;
    let error = send(vec![CertificateAuthority::Pem(stranger)]).await.unwrap_err();
    assert!(matches!(error, HttpError::Transport { sent: false, .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("`certificate_authorities`"), "{error}");
    assert!(clock.sleeps.lock().unwrap().is_empty(), "a certificate does not get better by asking again");
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn a_certificate_for_another_name_is_none() {
    let (server, authority) = tls_server(|_, _| Reply::new(200, &[], b"safe")).await;
    let mut grant = grant(&["https://other.test:*"], &[]);
    grant.certificate_authorities = vec![CertificateAuthority::Pem(authority)];
    let error = client(grant).send(get(format!("https://other.test:{}/", server.port()))).await.unwrap_err();
    assert!(matches!(error, HttpError::Transport { sent: false, .. }), "{error:?}");
    assert!(server.requests().is_empty());
}

#[tokio::test]
async fn a_redirect_does_not_lead_credentials_out_of_tls() {
    let open = Server::start(|_, _| Reply::new(200, &[], b"open")).await;
    let location = format!("location: http://other.test:{}/", open.port());
    let (server, authority) = tls_server(move |_, _| Reply::new(302, &[&location], b"")).await;
    let mut grant = grant(&["https://cloud.test:*", "http://other.test:*"], &["password"]);
    grant.certificate_authorities = vec![CertificateAuthority::Pem(authority)];
    let client = client(grant);
    let mut request = get(format!("https://cloud.test:{}/", server.port()));
    assert_eq!(client.send(request.clone()).await.unwrap().body, b"open");
    request.headers = vec![header("x-auth-token", vec![secret("password")])];
    let error = client.send(request).await.unwrap_err();
    assert!(matches!(error, HttpError::Denied(Denial::Downgrade { .. })), "{error:?}");
    assert_eq!(open.requests().len(), 1);
}

#[tokio::test]
async fn certificates_are_read_for_https_and_not_before() {
    let server = Server::start(|_, _| Reply::new(204, &[], b"")).await;
    for authority in [
        CertificateAuthority::File("/nonexistent/authority.pem".into()),
        CertificateAuthority::Pem("no certificate".to_owned()),
    ] {
        let mut grant = grant(&["http://cloud.test:*", "https://cloud.test:*"], &[]);
        grant.certificate_authorities = vec![authority];
        let client = client(grant);
        let port = server.port();
        assert_eq!(client.send(get(format!("http://cloud.test:{port}/"))).await.unwrap().status, 204);
        let error = client.send(get(format!("https://cloud.test:{port}/"))).await.unwrap_err();
        assert!(matches!(error, HttpError::Site { .. }), "{error:?}");
        assert!(!error.is_outcome_unknown());
    }
}

#[tokio::test]
async fn a_proxy_is_asked_with_the_name() {
    let proxy = Server::start(|_, request| match request.starts_with("CONNECT") {
        true => Reply::new(403, &[], b"not there"),
        false => Reply::new(200, &[], b"by proxy"),
    })
    .await;
    let names = Names::new(&[("proxy.test", &["127.0.0.1"])]);
    let mut grant = grant(&["http://cloud.test", "https://cloud.test"], &[]);
    // The proxy is the operator's choice: its address needs no grant.
    grant.networks.clear();
    grant.proxy =
        Proxy::Url(Url::parse(&format!("http://me:pr0xy-pass@proxy.test:{}", proxy.port())).unwrap());
    let client = Client::new(grant, vault().0, Arc::clone(&names) as _, None);
    let response = client.send(get("http://cloud.test/v3?a=b")).await.unwrap();
    assert_eq!(response.body, b"by proxy");
    let seen = &proxy.requests()[0];
    assert!(seen.starts_with("GET http://cloud.test/v3?a=b HTTP/1.1\r\n"), "{seen}");
    assert!(seen.contains("proxy-authorization: Basic bWU6cHIweHktcGFzcw==\r\n"), "{seen}");
    assert_eq!(*names.asked.lock().unwrap(), ["proxy.test"]);
    // What the grant does not name does not get to the proxy either.
    let error = client.send(get("http://other.test/")).await.unwrap_err();
    assert!(matches!(error, HttpError::Denied(Denial::Endpoint { .. })), "{error:?}");
    let error = client.send(get("https://cloud.test/")).await.unwrap_err();
    assert!(matches!(error, HttpError::Transport { sent: false, .. }), "{error:?}");
    assert!(!format!("{error} {error:?} {client:?}").contains("pr0xy-pass"), "{error:?}");
    assert!(proxy.requests()[1].starts_with("CONNECT cloud.test:443 HTTP/1.1\r\n"), "{:?}", proxy.requests());
}

#[tokio::test]
async fn a_proxy_that_cannot_be_used_is_not_gone_around() {
    let server = Server::start(|_, _| Reply::new(204, &[], b"")).await;
    for proxy in ["socks5://127.0.0.1:1080", "ftp://127.0.0.1/"] {
        let mut grant = grant(&["http://cloud.test:*"], &[]);
        grant.proxy = Proxy::Url(Url::parse(proxy).unwrap());
        let error =
            client(grant).send(get(format!("http://cloud.test:{}/", server.port()))).await.unwrap_err();
        assert!(matches!(error, HttpError::Site { .. }), "{proxy}: {error:?}");
    }
    assert!(server.requests().is_empty());
}
