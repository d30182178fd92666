//! This machine's hosts are lent to one plugin, by its signature.

use std::path::PathBuf;

use super::Site;

const ID: &[u8] = b"\"id\":\"skywright/local\"";

/// The provider's own bytes, which import the interface.
fn provider() -> Vec<u8> {
    let plugins = PathBuf::from(std::env::var_os("SKYWRIGHT_PLUGINS").unwrap());
    std::fs::read(plugins.join("local.wasm")).unwrap()
}

/// Puts a plugin into a folder whose plugins run unsigned, and asks it for networks.
async fn refused_as_unsigned(site: &Site, plugin: &[u8], tenant: &str) {
    let folder = site.folder().join(format!("of-{tenant}"));
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("plugin.wasm"), plugin).unwrap();
    site.run(&["plugin", "dev", folder.to_str().unwrap()]).await.result();
    let refused = site.run(&["network", "list", "--all", "--tenant", tenant]).await;
    assert_eq!(refused.json["error"]["code"], "machines-not-lent", "{refused:?}");
    assert_eq!(refused.code, Some(11));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unsigned_plugin_of_that_name_gets_none() {
    let Some(site) = Site::bare().await else { return };
    refused_as_unsigned(&site, &provider(), "local").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_plugin_that_imports_them_gets_none() {
    // The signed one is there, too: what it is lent is nobody else's.
    let Some(site) = Site::new().await else { return };
    let config = site.folder().join("config");
    std::fs::create_dir_all(&config).unwrap();
    std::fs::write(config.join("tenants.yaml"), "tenants:\n  other:\n    provider: skywright/lokal\n")
        .unwrap();
    let mut plugin = provider();
    let at = plugin.windows(ID.len()).position(|window| window == ID).unwrap();
    plugin[at..at + ID.len()].copy_from_slice(b"\"id\":\"skywright/lokal\"");
    refused_as_unsigned(&site, &plugin, "other").await;
    assert!(site.run(&["network", "list", "--all", "--tenant", "local"]).await.result().is_array());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_bytes_of_the_same_name_get_none_beside_the_signed_ones() {
    let Some(site) = Site::new().await else { return };
    // A custom section more: the same manifest, and other bytes than those that were signed.
    let mut plugin = provider();
    plugin.extend_from_slice(&[0, 3, 1, b'x', 0]);
    let folder = site.folder().join("changed");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("local.wasm"), &plugin).unwrap();
    let path = folder.join("local.wasm");
    let asked = ["plugin", "call", path.to_str().unwrap(), "networks.list", "[[],null]"];
    let refused = site.run(&asked).await;
    assert_ne!(refused.code, Some(0), "{refused:?}");
    assert!(refused.json["result"].is_null(), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_another_publisher_signed_gets_none() {
    let Some(site) = Site::bare().await else { return };
    let mut plugin = provider();
    let at = plugin.windows(ID.len()).position(|window| window == ID).unwrap();
    plugin[at..at + ID.len()].copy_from_slice(b"\"id\":\"strangers/local\"");
    std::fs::write(site.folder().join("local.wasm"), plugin).unwrap();
    let bill = r#"{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"component":{"type":"library","name":"local","version":"0.1.0"}},"components":[]}"#;
    std::fs::write(site.folder().join("local.cdx.json"), bill).unwrap();
    for words in [
        &["key", "new", "operator"][..],
        &["key", "new", "owner"],
        &["registry", "init", "repository", "--all", "operator"],
        &["registry", "delegate", "repository", "strangers", "--owner", "owner.pub", "--key", "operator"],
        &["repo", "add", "main", "repository", "--root", "repository/metadata/1.root.json"],
        &[
            "plugin",
            "publish",
            "local.wasm",
            "--repo",
            "main",
            "--owner-key",
            "owner",
            "--out",
            "publication",
        ],
        &["registry", "admit", "repository", "strangers", "publication", "--key", "operator"],
        &["plugin", "install", "strangers/local", "--yes"],
    ] {
        site.publisher(words).await;
    }
    std::fs::create_dir_all(site.folder().join("config")).unwrap();
    let tenants = "tenants:\n  other:\n    provider: strangers/local\n";
    std::fs::write(site.folder().join("config/tenants.yaml"), tenants).unwrap();
    let listed = site.run(&["plugin", "list"]).await;
    assert_eq!(listed.result()[0]["signed"], true, "{}", listed.json);
    let refused = site.run(&["network", "list", "--all", "--tenant", "other"]).await;
    assert_eq!(refused.json["error"]["code"], "machines-not-lent", "{refused:?}");
    assert_eq!(refused.code, Some(11));
}
