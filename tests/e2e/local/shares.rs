//! A share: exported to the hosts of its network alone, with root squashed.

use super::Site;
use super::traces::Traces;

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_others_use() {
    let Some(site) = Site::new().await else { return };
    let before = Traces::before(&site.folder());
    site.run(&["network", "create", "lan", "--cidr", "192.168.97.0/24"]).await.result();
    site.run(&["host", "create", "files", "web", "--network", "lan"]).await.result();
    // An overlay has no file handles: that is said before anything is begun.
    let overlay = site.run(&["share", "create", "data", "files", "--path", "/data"]).await;
    assert_eq!(overlay.json["error"]["code"], "on-host", "{overlay:?}");
    assert!(site.run(&["share", "list"]).await.result().as_array().unwrap().is_empty());

    let made = site.run(&["share", "create", "data", "files"]).await;
    assert_eq!(made.result()["allowed"], serde_json::json!(["192.168.97.0/24"]));
    let address = site.run(&["host", "inspect", "files"]).await.result()["private_address"].clone();
    let url = format!("nfs://{}/srv/shares/data", address.as_str().unwrap());
    use_it(&site, &url).await;

    mount_where_the_kernel_can(&site).await;
    let used = site.run(&["host", "delete", "files"]).await;
    assert_eq!(used.json["error"]["code"], "in-use", "{used:?}");
    site.run(&["share", "delete", "data"]).await.result();
    assert_eq!(site.on("files", "cat /srv/shares/data/hello; ls /etc/skywright/ports.d").await, "hello");
    let gone = site.run(&["ssh", "run", "web", "-c", &format!("timeout 20 nfs-ls '{url}?version=4'")]).await;
    assert_ne!(gone.code, Some(0), "{gone:?}");
    site.run(&["network", "delete", "lan", "--force", "--yes"]).await.result();
    before.assert_none_new();
}

/// By a client of its own, as kernels need not have one.
async fn use_it(site: &Site, url: &str) {
    let install = "sudo apt-get -q update && sudo apt-get -qy install libnfs-utils";
    site.on("web", &format!("{{ {install}; }} >/dev/null 2>&1 && echo hello > /tmp/hello")).await;
    let owner = site.on("files", "stat -c %u /srv/shares/data").await;
    assert_ne!(owner, "0");
    let copy =
        |user: &str| format!("timeout 60 nfs-cp /tmp/hello '{url}/hello?version=4&uid={user}&gid={user}'");
    let as_root = site.run(&["ssh", "run", "web", "-c", &copy("0")]).await;
    assert_ne!(as_root.code, Some(0), "root of another host is nobody: {as_root:?}");
    site.on("web", &copy(&owner)).await;
    assert_eq!(site.on("files", "cat /srv/shares/data/hello").await, "hello");
    assert!(site.on("web", &format!("nfs-ls '{url}?version=4'")).await.contains("hello"));
    // The gateway is in the network, and this machine is not.
    let config =
        site.on("files", "sudo cat /etc/ganesha/ganesha.conf /etc/exports.d/* 2>/dev/null || true").await;
    assert!(config.contains("192.168.97.0/24") && !config.contains("Clients = *"), "{config}");
}

async fn mount_where_the_kernel_can(site: &Site) {
    let kernel = std::fs::read_to_string("/proc/filesystems").unwrap();
    let mounted = site.run(&["share", "mount", "data", "web"]).await;
    if !kernel.lines().any(|line| line.ends_with("nfs4")) {
        assert_eq!(mounted.json["error"]["code"], "unsupported", "{mounted:?}");
        assert!(mounted.json["error"]["message"].as_str().unwrap().contains("no NFS client"), "{mounted:?}");
        return;
    }
    assert_eq!(mounted.result()["mounts"][0]["path"], "/shares/data");
    assert_eq!(site.on("web", "cat /shares/data/hello").await, "hello");
    let used = site.run(&["share", "delete", "data"]).await;
    assert_eq!(used.json["error"]["code"], "in-use", "{used:?}");
    site.run(&["share", "umount", "data", "web"]).await.result();
}
