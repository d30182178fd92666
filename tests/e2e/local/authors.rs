//! What authors of features do: one from nothing to published, and SafeScale's files made recipes.

use std::path::Path;

use super::Site;
use super::features::changes;

/// Added, there, added again without a change, and gone without a trace.
async fn comes_and_goes(site: &Site, feature: &str, host: &str, look: &[(&str, &str)]) {
    let clean = site.traces(&[host]).await;
    let added = site.run(&["feature", "add", feature, "--on", host]).await;
    assert!(changes(added.result()) > 0, "{}", added.json);
    for (line, says) in look {
        assert_eq!(site.on(host, line).await, *says, "{feature}: {line}");
    }
    site.run(&["feature", "check", feature]).await.result();
    let again = site.run(&["feature", "add", feature, "--on", host]).await;
    assert_eq!(changes(again.result()), 0, "{feature}: {}", again.json);
    site.run(&["feature", "remove", feature, "--yes"]).await.result();
    let absent = site.run(&["feature", "check", feature, "--on", host]).await;
    assert_eq!(absent.json["error"]["code"], "feature-absent", "{feature}: {}", absent.json);
    assert_eq!(site.traces(&[host]).await, clean, "{feature}");
}

/// As docs/features.md and docs/publishing.md say it.
async fn publish_a_new_one(site: &Site) {
    for words in [
        &["feature", "new", "acme/greeting"][..],
        &["feature", "lint", "greeting"],
        &["feature", "preview", "greeting"],
        &["feature", "build", "greeting"],
        &["key", "new", "operator"],
        &["key", "new", "owner"],
        &["registry", "init", "repository", "--all", "operator"],
        &["registry", "delegate", "repository", "acme", "--owner", "owner.pub", "--key", "operator"],
        &["repo", "add", "main", "repository", "--root", "repository/metadata/1.root.json"],
        &[
            "plugin",
            "publish",
            "dist/greeting.wasm",
            "--repo",
            "main",
            "--owner-key",
            "owner",
            "--out",
            "publication",
        ],
        &["registry", "admit", "repository", "acme", "publication", "--key", "operator"],
        &["plugin", "install", "acme/greeting", "--yes"],
    ] {
        site.publisher(words).await;
    }
    let listed = site.run(&["feature", "inspect", "acme/greeting"]).await;
    assert_eq!(listed.result()["name"], "greeting", "{}", listed.json);
}

/// Makes a recipe of a SafeScale file, without an error of the linter, and a plugin that runs from its folder.
async fn convert(site: &Site, name: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/safescale/{name}.yml"));
    site.publisher(&["feature", "convert", file.to_str().unwrap()]).await;
    site.publisher(&["feature", "lint", name]).await;
    let out = format!("{name}/dist");
    site.publisher(&["feature", "build", name, "--out", &out]).await;
    site.publisher(&["plugin", "dev", name]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn features_of_ones_own_and_of_safescale() {
    let Some(site) = Site::new().await else { return };
    site.install(&["recipe-interpreter"]).await;
    publish_a_new_one(&site).await;
    for name in ["webpage", "tree-ospkg"] {
        convert(&site, name).await;
    }
    site.run(&["network", "create", "lan", "--cidr", "192.168.100.0/24"]).await.result();
    site.run(&["host", "create", "a", "--network", "lan"]).await.result();
    // What SafeScale's scripts install themselves stays, as it did there.
    site.on("a", "sudo apt-get -q update && sudo apt-get -qy install busybox").await;
    comes_and_goes(&site, "acme/greeting", "a", &[]).await;
    let address = site.address("a").await;
    let page =
        "bash -c 'exec 3<>/dev/tcp/127.0.0.1/8090; printf \"GET / HTTP/1.0\\r\\n\\r\\n\" >&3; tail -1 <&3'";
    comes_and_goes(&site, "converted/webpage", "a", &[(page, &format!("hello from a at {address}"))]).await;
    let package = "dpkg-query -W -f '${db:Status-Status}' tree";
    comes_and_goes(&site, "converted/tree-ospkg", "a", &[(package, "installed")]).await;
    site.run(&["network", "delete", "lan", "--force", "--yes"]).await.result();
}
