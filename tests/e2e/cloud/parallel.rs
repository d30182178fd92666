//! Many at once, and how much a listing costs. Figures are printed, and saved by `cargo xtask bench`; here
//! only what is true on any machine is asserted.

use super::project::Census;
use super::site::Site;

#[tokio::test]
async fn many_hosts_in_one_command() {
    let Some(site) = Site::new("many").await else { return };
    site.run(&["network", "create", "lan", "--gateway", "managed"]).await.result();
    site.run(&["host", "create", "node", "--network", "lan", "--sizing", "count=12", "--quiet"])
        .await
        .result();
    let hosts = site.run(&["host", "list"]).await;
    let hosts = hosts.result().as_array().unwrap();
    assert!(hosts.iter().all(|host| host["state"] == "running"), "{hosts:?}");
    assert_eq!((hosts.len(), site.project.census().await["servers"]), (12, 12));
    site.run(&["network", "delete", "lan", "--force", "--yes", "--quiet"]).await.result();
    assert_eq!(site.project.census().await, Census::new());
}
