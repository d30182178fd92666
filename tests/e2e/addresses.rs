//! Places that are not granted: none of them hears of it.

use serde_json::json;

use crate::server::Server;
use crate::stage::{Stage, get, still_serves, with_password};

#[tokio::test]
async fn an_endpoint_that_is_not_granted() {
    let (granted, other) = (Server::plain().await, Server::plain().await);
    let mut play = Stage::new().server(&granted, &["password"]).open().await;
    let refusal = play.refused(with_password(get(&other.url("/secrets")))).await;
    let origin = other.origin();
    assert_eq!(
        refusal,
        format!(
            "denied: GET {origin}: no endpoint of the grant names it (hint: add `{origin}` to the tenant's `endpoints`)"
        )
    );
    assert!(granted.seen().is_empty() && other.seen().is_empty());
    still_serves().await;
}

#[tokio::test]
async fn the_empty_grant() {
    let server = Server::plain().await;
    let mut play = Stage::new().open().await;
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
        let request = json!({ "method": method, "url": server.url("/"), "replay": "safe" });
        let refusal = play.refused(request).await;
        let origin = server.origin();
        let expected = format!("denied: {method} {origin}: no endpoint of the grant names it");
        assert!(refusal.starts_with(&expected), "{refusal}");
    }
    assert!(server.seen().is_empty());
    still_serves().await;
}

/// The name is granted, and its DNS is the attacker's.
async fn rebound(address: &str) -> String {
    let server = Server::plain().await;
    let origin = format!("http://cloud.example:{}", server.port());
    let mut play =
        Stage::new().granted(&origin, &["password"], true).name("cloud.example", address).open().await;
    let refusal = play.refused(with_password(get(&format!("{origin}/")))).await;
    assert!(server.seen().is_empty());
    still_serves().await;
    let rest = refusal.strip_prefix(&format!("denied: GET {origin}: ")).unwrap_or(&refusal);
    rest.to_owned()
}

#[tokio::test]
async fn a_name_that_leads_to_the_metadata_service() {
    assert_eq!(
        rebound("169.254.169.254").await,
        "its address 169.254.169.254 is a cloud metadata address (in 169.254.169.254/32), and no granted network names it \
         (hint: add `169.254.169.254/32` to the tenant's `networks`)"
    );
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_in_disguise() {
    assert_eq!(
        rebound("::ffff:127.0.0.1").await,
        "its address ::ffff:127.0.0.1 is a loopback address (in 127.0.0.0/8), and no granted network names it \
         (hint: add `127.0.0.1/32` to the tenant's `networks`)"
    );
}

#[tokio::test]
async fn a_name_that_leads_into_the_site() {
    assert_eq!(
        rebound("10.1.2.3").await,
        "its address 10.1.2.3 is a private address (in 10.0.0.0/8), and no granted network names it \
         (hint: add `10.0.0.0/8` to the tenant's `networks`)"
    );
}

#[tokio::test]
async fn an_address_in_another_spelling() {
    let server = Server::plain().await;
    let port = server.port();
    let mut play = Stage::new().endpoint("http://cloud.example:*").open().await;
    for host in ["2130706433", "0x7f.1", "127.1", "[::ffff:127.0.0.1]", "[::1]", "localhost", "0"] {
        let refusal = play.refused(get(&format!("http://{host}:{port}/"))).await;
        assert!(refusal.contains("no endpoint of the grant names it"), "{host}: {refusal}");
    }
    assert!(server.seen().is_empty());
    still_serves().await;
}

#[tokio::test]
async fn urls_that_are_not_of_the_web() {
    let mut play = Stage::new().open().await;
    for url in ["file:///etc/passwd", "gopher://127.0.0.1:11211/_stats", "ftp://cloud.example/", "data:,x"] {
        let refusal = play.refused(get(url)).await;
        assert_eq!(refusal, "invalid: url: its scheme is neither `http` nor `https`", "{url}");
    }
    for url in ["", "/etc/passwd", "//cloud.example/", "http://"] {
        assert_eq!(play.refused(get(url)).await, "invalid: url: it is no absolute URL", "{url}");
    }
    still_serves().await;
}

#[tokio::test]
async fn a_user_name_in_the_url() {
    let server = Server::plain().await;
    let mut play = Stage::new().server(&server, &[]).open().await;
    let port = server.port();
    for url in
        [format!("http://admin:x@127.0.0.1:{port}/"), format!("http://cloud.example@127.0.0.1:{port}/")]
    {
        let refusal = play.refused(get(&url)).await;
        assert_eq!(refusal, "invalid: url: it has a user name or a password in it", "{url}");
    }
    assert!(server.seen().is_empty());
    still_serves().await;
}
