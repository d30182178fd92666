//! What a person does with one tenant from the first network to the last delete.

use serde_json::Value;

use super::project::Census;
use super::site::Site;

#[tokio::test]
async fn from_the_first_network_to_the_last_delete() {
    let Some(site) = Site::new("everyday").await else { return };
    let network = site.run(&["network", "create", "lan", "--cidr", "10.20.0.0/24"]).await;
    assert_eq!(network.result()["subnets"], serde_json::json!(["lan"]));
    let host = site
        .run(&[
            "host",
            "create",
            "web",
            "--network",
            "lan",
            "--sizing",
            "cpu>=2,ram>=2",
            "--os",
            "debian 12",
            "--public",
            "--label",
            "stage=test",
            "--tag",
            "front",
        ])
        .await;
    let host = host.result();
    assert_eq!(
        (&host["name"], &host["state"], &host["labels"]["stage"]),
        (&"web".into(), &"running".into(), &"test".into())
    );
    assert!(host["private_address"].as_str().unwrap().starts_with("10.20.0."), "{host}");
    assert!(host["public_address"].as_str().unwrap().starts_with("198.18."), "{host}");
    site.run(&["volume", "create", "data", "--size", "2"]).await.result();
    site.run(&["volume", "attach", "data", "web", "--do-not-mount"]).await.result();
    let refused = site.run(&["host", "delete", "web"]).await;
    assert_eq!(refused.error()["category"], "in-use", "{refused:?}");
    let refused = site.run(&["network", "delete", "lan"]).await;
    assert_eq!(refused.error()["category"], "in-use", "{refused:?}");
    site.run(&["volume", "detach", "data", "web"]).await.result();
    site.run(&["volume", "extend", "data", "--size", "3"]).await.result();
    assert_eq!(site.run(&["volume", "inspect", "data"]).await.result()["size_gib"], 3);
    site.run(&["host", "stop", "web"]).await.result();
    assert_eq!(state(&site).await, "stopped");
    site.run(&["host", "start", "web"]).await.result();
    site.run(&["host", "reboot", "web"]).await.result();
    assert_eq!(state(&site).await, "running");
    site.run(&["host", "resize", "web", "--sizing", "cpu>=4"]).await.result();
    assert!(site.run(&["host", "inspect", "web"]).await.result()["template"]["vcpus"].as_u64().unwrap() >= 4);
    let again = site.run(&["host", "create", "web", "--network", "lan"]).await;
    assert_eq!((again.error()["category"].as_str(), again.code), (Some("already-exists"), Some(8)));
    let quota = site.run(&["quota", "list"]).await;
    assert!(quota.result().as_array().unwrap().iter().any(|quota| quota["resource"] == "hosts"), "{quota:?}");
    site.run(&["host", "delete", "web"]).await.result();
    site.run(&["volume", "delete", "data"]).await.result();
    site.run(&["network", "delete", "lan"]).await.result();
    assert_eq!(site.project.census().await, Census::new());
    let missing = site.run(&["host", "inspect", "web"]).await;
    assert_eq!((missing.error()["category"].as_str(), missing.code), (Some("not-found"), Some(4)));
}

async fn state(site: &Site) -> Value {
    site.run(&["host", "state", "web"]).await.result()["state"].clone()
}

#[tokio::test]
async fn two_gateways_and_an_address_that_moves() {
    let Some(site) = Site::new("failover").await else { return };
    site.run(&["network", "create", "ha", "--failover"]).await.result();
    let subnet = site.run(&["subnet", "inspect", "ha", "ha"]).await;
    assert_eq!(subnet.result()["gateways"].as_array().unwrap().len(), 2);
    assert!(subnet.result()["virtual_ip"].is_string(), "{subnet:?}");
    site.run(&["network", "delete", "ha"]).await.result();
    assert_eq!(site.project.census().await, Census::new());
}

#[tokio::test]
async fn a_failure_takes_everything_back() {
    let Some(site) = Site::new("undo").await else { return };
    site.run(&["network", "create", "lan", "--gateway", "managed"]).await.result();
    // The rig fails to build a host that has this item of metadata; a label is one.
    let failed = site.run(&["host", "create", "web", "--network", "lan", "--label", "rig_fail=spawn"]).await;
    assert!(failed.error()["hint"].as_str().unwrap().contains("taken back"), "{failed:?}");
    let census = site.project.census().await;
    assert!(!census.contains_key("servers") && !census.contains_key("floatingips"), "{census:?}");
    assert!(site.run(&["host", "list"]).await.result().as_array().unwrap().is_empty());
    let kept = ["host", "create", "web", "--network", "lan", "--label", "rig_fail=spawn", "-k"];
    site.run(&kept).await.error();
    assert_eq!(site.project.census().await["servers"], 1);
    let operations = site.run(&["operation", "list"]).await;
    let failed =
        operations.result().as_array().unwrap().iter().find(|operation| operation["phase"] == "failed");
    let id = failed.unwrap()["id"].as_str().unwrap().to_owned();
    site.run(&["operation", "abort", &id, "--yes"]).await.result();
    site.run(&["network", "delete", "lan"]).await.result();
    assert_eq!(site.project.census().await, Census::new());
}

/// Two processes change one tenant at once: neither corrupts what the other does, and one waits or says who
/// holds what.
#[tokio::test]
async fn two_processes_at_once() {
    let Some(site) = Site::new("two").await else { return };
    site.run(&["network", "create", "lan", "--gateway", "managed"]).await.result();
    let create = async |name: &str| site.run(&["host", "create", name, "--network", "lan"]).await;
    let (one, two, same) = tokio::join!(create("one"), create("two"), create("one"));
    two.result();
    let (winner, loser) = if one.code == Some(0) { (&one, &same) } else { (&same, &one) };
    winner.result();
    assert!(matches!(loser.error()["category"].as_str(), Some("already-exists" | "conflict")), "{loser:?}");
    let held = site.start(&["host", "stop", "one"]);
    let waiting = site.run(&["host", "delete", "one", "--wait", "60"]).await;
    waiting.result();
    super::site::done(held).await;
    assert_eq!(site.project.census().await["servers"], 1);
    site.run(&["host", "delete", "two"]).await.result();
    site.run(&["network", "delete", "lan"]).await.result();
    assert_eq!(site.project.census().await, Census::new());
}
