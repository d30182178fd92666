//! A service that the edge proxy publishes: seen over TLS by who trusts its certificate, and gone with the feature.

use std::path::Path;

use super::Site;
use super::features::changes;
use super::traces::Traces;

/// A feature that publishes what it serves, run from its folder.
async fn page(site: &Site) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recipes/page/recipe.yaml");
    std::fs::create_dir(site.folder().join("page")).unwrap();
    std::fs::copy(fixture, site.folder().join("page/recipe.yaml")).unwrap();
    for words in [
        &["feature", "lint", "page"][..],
        &["feature", "build", "page", "--out", "page/dist"],
        &["plugin", "dev", "page"],
    ] {
        site.publisher(words).await;
    }
}

/// What a client in the network gets, and with which status. It trusts nothing but the proxy's own certificate.
async fn get(site: &Site, edge: &str, path: &str) -> String {
    let client = format!(
        "curl -sS -w ' %{{http_code}}' --cacert /tmp/edge.pem --resolve edge.internal:443:{edge} \
         https://edge.internal{path}"
    );
    site.on("c", &client).await.replace('\n', "")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_published_over_tls() {
    let Some(site) = Site::new().await else { return };
    let before = Traces::before(&site.folder());
    site.install(&["edge-proxy", "recipe-interpreter"]).await;
    page(&site).await;
    site.run(&["network", "create", "lan", "--cidr", "192.168.101.0/24"]).await.result();
    site.run(&["host", "create", "a", "b", "c", "--network", "lan"]).await.result();
    let clean = site.traces(&["a", "b"]).await;
    site.on("c", "{ sudo apt-get -q update && sudo apt-get -qy install curl; } >/dev/null 2>&1").await;

    let proxy = ["feature", "add", "edge-proxy", "--on", "a"];
    assert!(changes(site.run(&proxy).await.result()) > 0);
    let serve = ["feature", "add", "acme/page", "--on", "b"];
    assert!(changes(site.run(&serve).await.result()) > 0);
    let edge = site.address("a").await;
    let certificate = site.on("a", "sudo cat /etc/skywright/edge-proxy/certificate.pem").await;
    site.on("c", &format!("echo '{certificate}' >/tmp/edge.pem")).await;
    let stranger = format!("curl -s --resolve edge.internal:443:{edge} https://edge.internal/page/; echo $?");
    assert_eq!(site.on("c", &stranger).await, "60", "who does not know the certificate");
    assert_eq!(get(&site, &edge, "/page/").await, "this is b 200");
    assert_eq!(get(&site, &edge, "/other/").await.rsplit(' ').next(), Some("404"));

    // Again it changes nothing; whom it is not for is refused; and what is gone leads nowhere.
    for again in [&proxy, &serve] {
        let again = site.run(again).await;
        assert_eq!(changes(again.result()), 0, "{}", again.json);
    }
    let narrow = [&serve[..], &["-p", "allowed_from=10.9.9.0/24"]].concat();
    assert!(changes(site.run(&narrow).await.result()) > 0);
    assert_eq!(get(&site, &edge, "/page/").await.rsplit(' ').next(), Some("403"));
    site.run(&["feature", "remove", "acme/page", "--yes"]).await.result();
    assert_eq!(get(&site, &edge, "/page/").await.rsplit(' ').next(), Some("404"));

    site.run(&["feature", "remove", "edge-proxy", "--yes"]).await.result();
    for (now, clean) in site.traces(&["a", "b"]).await.iter().zip(&clean) {
        assert_eq!(now, clean);
    }
    site.run(&["network", "delete", "lan", "--force", "--yes"]).await.result();
    before.assert_none_new();
}
