//! A cloud that answers with errors, rubbish, too late, too much or not at all: each ends in success or one
//! clear error, and nothing is lost.

use std::time::Duration;

use super::project::Census;
use super::proxy::{Fault, REMAINS, When};
use super::site::Site;

const CREATE: &[&str] = &["network", "create", "lan", "--gateway", "managed", "--quiet"];
const DELETE: &[&str] = &["network", "delete", "lan", "--quiet"];

/// Each fault at a create, where it hurts most: what was asked for may have been made.
#[tokio::test]
async fn one_request_comes_to_harm() {
    let Some(site) = Site::new("faults").await else { return };
    for (method, path) in [("POST", "/v2.0/networks"), ("POST", "/v2.0/subnets"), ("GET", "/v2.0/networks")] {
        for fault in [
            Fault::Status(500),
            Fault::Status(429),
            Fault::RetryAfter,
            Fault::Status(401),
            Fault::CutBefore,
            Fault::CutAfter,
            Fault::Slow,
            Fault::Garbage,
            Fault::Html,
            Fault::Huge,
        ] {
            let at = format!("{fault:?} at {method} {path}");
            site.proxy.harm(When::First(method, path), fault);
            let made = site.run(CREATE).await;
            let struck = site.proxy.struck() > 0;
            site.proxy.calm();
            if made.code == Some(0) {
                let census = site.project.census().await;
                assert_eq!((census["networks"], census["subnets"], census["routers"]), (1, 1, 1), "{at}");
                site.run(DELETE).await.result();
            } else {
                assert!(struck, "{at}: {made:?}");
                let error = made.error();
                assert!(!made.stdout.contains("script"), "{at}: {error}");
                site.run(&["network", "list"]).await.result();
            }
            assert_eq!(site.project.census().await, Census::new(), "{at}: {}", made.stderr);
        }
    }
}

/// A cloud that is broken for good: one clear error, in time, and nothing is left.
#[tokio::test]
async fn all_requests_come_to_harm() {
    let Some(site) = Site::new("broken").await else { return };
    for fault in [Fault::Status(403), Fault::Garbage, Fault::Html, Fault::Huge] {
        site.proxy.harm(When::All("GET", "/v2.0/"), fault);
        let patience = Duration::from_secs(240);
        let listed = tokio::time::timeout(patience, site.run(&["network", "list", "--all"])).await.unwrap();
        assert!(site.proxy.struck() > 0, "{fault:?}");
        site.proxy.calm();
        let error = listed.error();
        assert!(error["hint"].is_string() || error["message"].is_string(), "{error}");
        assert!(!listed.stdout.contains("script") && !listed.stdout.contains('\u{0}'), "{error}");
    }
    site.run(&["network", "list", "--all"]).await.result();
}

/// A token that is refused in the middle is fetched anew, once.
#[tokio::test]
async fn a_token_that_ends_early() {
    let Some(site) = Site::new("token").await else { return };
    site.run(&["network", "list", "--all"]).await.result();
    site.proxy.harm(When::First("GET", "/v2.0/networks"), Fault::Status(401));
    site.run(&["network", "list", "--all"]).await.result();
    let logins = site.proxy.lines().iter().filter(|line| line.contains("/auth/tokens")).count();
    assert_eq!((site.proxy.struck(), logins), (1, 1), "{:?}", site.proxy.lines());
}

/// Pages without an end: one clear error, and soon.
#[tokio::test]
async fn pages_without_an_end() {
    let Some(site) = Site::new("endless").await else { return };
    site.run(CREATE).await.result();
    for (noun, fault) in [("network", "/v2.0/networks"), ("security-group", "/v2.0/security-groups")] {
        site.proxy.harm(When::All("GET", fault), Fault::Endless);
        let patience = Duration::from_secs(120);
        let listed = tokio::time::timeout(patience, site.run(&[noun, "list", "--all"])).await.unwrap();
        assert!(site.proxy.struck() > 1, "{fault}: {:?}", site.proxy.lines());
        site.proxy.calm();
        assert_eq!(listed.error()["code"], "endless-listing", "{fault}");
    }
    site.run(DELETE).await.result();
    assert_eq!(site.project.census().await, Census::new());
}

/// Nova shows a server as deleted for a moment before it shows none: a delete waits for its end.
#[tokio::test]
async fn a_server_that_is_shown_as_deleted() {
    let Some(site) = Site::new("remains").await else { return };
    let network = ["network", "create", "lan", "--gateway", "host", "--quiet"];
    site.run(&network).await.result();
    site.run(&["host", "create", "web", "--network", "lan", "--quiet"]).await.result();
    site.proxy.harm(When::All("GET", "/servers/"), Fault::Remains);
    site.run(&["host", "delete", "web"]).await.result();
    let lines = site.proxy.lines();
    let mut later = lines.iter().skip_while(|line| *line != REMAINS).skip(1);
    assert!(later.any(|line| line.starts_with("GET ") && line.contains("/servers/")), "{lines:#?}");
    site.run(&["network", "delete", "lan", "--force", "--yes"]).await.result();
    assert_eq!(site.project.census().await, Census::new());
}
