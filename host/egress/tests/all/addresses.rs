//! The decision by address.

use std::sync::Arc;

use skywright_egress::{AddressKind, Client, Denial, HttpError};

use crate::rig::{Names, Reply, Server, client, get, grant, vault};

/// What a request to a name with these addresses comes to, with 127.0.0.1 granted or not.
async fn ask(addresses: &[&str], networks: &[&str]) -> (Result<u16, HttpError>, usize) {
    let server = Server::start(|_, _| Reply::new(204, &[], b"")).await;
    let mut grant = grant(&["http://cloud.test:*"], &[]);
    grant.networks = networks.iter().map(|network| network.parse().unwrap()).collect();
    let names = Names::new(&[("cloud.test", addresses)]);
    let client = Client::new(grant, vault().0, names, None);
    let result = client.send(get(format!("http://cloud.test:{}/", server.port()))).await;
    (result.map(|response| response.status), server.requests().len())
}

#[tokio::test]
async fn a_name_does_not_lead_to_what_is_not_public() {
    for (address, kind) in [
        ("169.254.169.254", AddressKind::Metadata),
        ("::ffff:169.254.169.254", AddressKind::Metadata),
        ("64:ff9b::169.254.169.254", AddressKind::Metadata),
        ("fd00:ec2::254", AddressKind::Metadata),
        ("127.0.0.1", AddressKind::Loopback),
        ("::ffff:127.0.0.1", AddressKind::Loopback),
        ("::1", AddressKind::Loopback),
        ("0.0.0.0", AddressKind::Unspecified),
        ("10.1.2.3", AddressKind::Private),
    ] {
        let (result, requests) = ask(&[address], &[]).await;
        let Err(HttpError::Denied(denial @ Denial::Address { special, .. })) = result else {
            panic!("{address}: {result:?}");
        };
        assert_eq!(special.kind, kind, "{address}");
        assert_eq!(requests, 0);
        assert!(denial.to_string().contains(&special.address.to_string()), "{denial}");
        assert!(denial.hint().contains("`networks`"), "{}", denial.hint());
    }
}

#[tokio::test]
async fn a_granted_network_is_reached() {
    assert_eq!(ask(&["127.0.0.1"], &["127.0.0.0/8"]).await, (Ok(204), 1));
    let (result, requests) = ask(&["127.0.0.1"], &["0.0.0.0/0"]).await;
    assert!(matches!(result, Err(HttpError::Denied(Denial::Address { .. }))), "{result:?}");
    assert_eq!(requests, 0);
}

#[tokio::test]
async fn of_many_addresses_only_the_permitted_are_dialled() {
    assert_eq!(ask(&["169.254.169.254", "::1", "127.0.0.1"], &["127.0.0.1/32"]).await, (Ok(204), 1));
}

#[tokio::test]
async fn a_name_is_resolved_once_for_a_connection() {
    let server = Server::start(|_, _| Reply::new(204, &[], b"")).await;
    let names = Names::usual();
    let client = Client::new(grant(&["http://cloud.test:*"], &[]), vault().0, Arc::clone(&names) as _, None);
    client.send(get(format!("http://cloud.test:{}/", server.port()))).await.unwrap();
    assert_eq!(*names.asked.lock().unwrap(), ["cloud.test"]);
}

#[tokio::test]
async fn an_address_in_the_url_is_granted_by_a_pattern_alone() {
    let server = Server::start(|_, _| Reply::new(204, &[], b"")).await;
    let port = server.port();
    let mut by_pattern = grant(&["http://127.0.0.1:*"], &[]);
    by_pattern.networks.clear();
    let by_pattern = client(by_pattern);
    let send = |url: String| by_pattern.send(get(url));
    assert_eq!(send(format!("http://127.0.0.1:{port}/")).await.unwrap().status, 204);
    // Other spellings of the same address are the same; other addresses are not.
    assert_eq!(send(format!("http://0x7f000001:{port}/")).await.unwrap().status, 204);
    assert_eq!(send(format!("http://2130706433:{port}/")).await.unwrap().status, 204);
    for url in [
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://127.0.0.2:{port}/"),
        "http://[::1]/".to_owned(),
    ] {
        let result = send(url.clone()).await;
        assert!(matches!(result, Err(HttpError::Denied(Denial::Endpoint { .. }))), "{url}: {result:?}");
    }
    assert_eq!(server.requests().len(), 3);
}

#[tokio::test]
async fn localhost_by_name_is_this_machine() {
    let server = Server::start(|_, _| Reply::new(204, &[], b"")).await;
    let mut grant = grant(&["http://localhost:*"], &[]);
    grant.networks.clear();
    let names = Names::new(&[("localhost", &["127.0.0.1"])]);
    let client = Client::new(grant, vault().0, names, None);
    let response = client.send(get(format!("http://localhost:{}/", server.port()))).await.unwrap();
    assert_eq!(response.status, 204);
}

#[tokio::test]
async fn what_no_pattern_names_is_not_even_resolved() {
    let names = Names::usual();
    let client = Client::new(grant(&["https://cloud.test"], &[]), vault().0, Arc::clone(&names) as _, None);
    for url in
        ["https://other.test/", "http://cloud.test/", "https://cloud.test:8443/", "https://a.cloud.test/"]
    {
        let error = client.send(get(url)).await.unwrap_err();
        assert!(matches!(error, HttpError::Denied(Denial::Endpoint { .. })), "{error:?}");
        let origin = url.trim_end_matches('/');
        assert_eq!(error.hint().unwrap(), format!("add `{origin}` to the tenant's `endpoints`"));
    }
    assert!(names.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_url_that_is_none_is_invalid() {
    let client = client(grant(&["http://cloud.test:*"], &[]));
    for url in
        ["", "/v3", "ftp://cloud.test/", "http://user@cloud.test/", "http://:pw@cloud.test/", "http://"]
    {
        let error = client.send(get(url)).await.unwrap_err();
        assert!(matches!(error, HttpError::Invalid { .. }), "{url}: {error:?}");
    }
}
