//! The `openstack` client as an independent witness: it sees what we made, and we take in what it made.

use serde_json::Value;

use super::project::Census;
use super::site::Site;

/// The client's answer, as JSON.
async fn openstack(site: &Site, arguments: &[&str]) -> Value {
    let project = &site.project;
    let output = tokio::process::Command::new(site.access["client"].as_str().unwrap())
        .args(arguments)
        .args(["-f", "json"])
        .env("OS_AUTH_URL", &project.auth_url)
        .env("OS_USERNAME", &project.name)
        .env("OS_PROJECT_NAME", &project.name)
        .env("OS_PASSWORD", &project.password)
        .env("OS_USER_DOMAIN_NAME", "Default")
        .env("OS_PROJECT_DOMAIN_NAME", "Default")
        .env("OS_REGION_NAME", &project.region)
        .env("OS_IDENTITY_API_VERSION", "3")
        .output()
        .await
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

fn names(list: &Value, key: &str) -> Vec<String> {
    let mut names: Vec<_> =
        list.as_array().unwrap().iter().map(|item| item[key].as_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_client_sees_what_we_made() {
    let Some(site) = Site::new("witness").await else { return };
    site.run(&["network", "create", "lan"]).await.result();
    site.run(&["host", "create", "web", "--network", "lan"]).await.result();
    site.run(&["volume", "create", "data", "--size", "1"]).await.result();
    site.run(&["volume", "attach", "data", "web", "--do-not-mount"]).await.result();
    let servers = openstack(&site, &["server", "list"]).await;
    assert_eq!(names(&servers, "Name"), ["gw-lan", "web"]);
    assert!(servers.as_array().unwrap().iter().all(|server| server["Status"] == "ACTIVE"), "{servers}");
    let volumes = openstack(&site, &["volume", "list"]).await;
    assert_eq!((names(&volumes, "Name"), &volumes[0]["Status"]), (vec!["data".to_owned()], &"in-use".into()));
    let networks = openstack(&site, &["network", "list", "--internal"]).await;
    assert_eq!(names(&networks, "Name"), ["lan"]);
    site.run(&["volume", "detach", "data", "web"]).await.result();
    site.run(&["volume", "delete", "data"]).await.result();
    site.run(&["network", "delete", "lan", "--force", "--yes"]).await.result();
    assert_eq!(site.project.census().await, Census::new());
}

#[tokio::test]
async fn what_the_client_made_is_listed_and_taken_in() {
    let Some(site) = Site::new("adopt").await else { return };
    openstack(&site, &["network", "create", "theirs"]).await;
    openstack(
        &site,
        &["subnet", "create", "theirs-sub", "--network", "theirs", "--subnet-range", "10.9.0.0/24"],
    )
    .await;
    let flavors = openstack(&site, &["flavor", "list"]).await;
    let with_disk =
        flavors.as_array().unwrap().iter().find(|flavor| flavor["Disk"].as_u64() >= Some(10)).unwrap();
    let flavor = with_disk["Name"].as_str().unwrap().to_owned();
    let image = names(&openstack(&site, &["image", "list"]).await, "Name").remove(0);
    let server = openstack(
        &site,
        &[
            "server",
            "create",
            "alien",
            "--network",
            "theirs",
            "--flavor",
            &flavor,
            "--image",
            &image,
            "--wait",
        ],
    )
    .await;
    let id = server["id"].as_str().unwrap().to_owned();
    assert!(site.run(&["host", "list"]).await.result().as_array().unwrap().is_empty());
    let all = site.run(&["host", "list", "--all"]).await;
    assert_eq!((&all.result()[0]["name"], &all.result()[0]["managed"]), (&"alien".into(), &false.into()));
    let network =
        site.run(&["network", "list", "--all"]).await.result()[0]["id"].as_str().unwrap().to_owned();
    let (network, host) = (format!("network:{network}"), format!("host:{id}"));
    site.run(&["reconcile", "--adopt", &network, "--adopt", &host, "--yes"]).await.result();
    let mine = site.run(&["host", "list"]).await;
    assert_eq!((&mine.result()[0]["name"], &mine.result()[0]["state"]), (&"alien".into(), &"running".into()));
    site.run(&["host", "delete", "alien"]).await.result();
    site.run(&["network", "delete", "theirs", "--force", "--yes"]).await.result();
    assert_eq!(site.project.census().await, Census::new());
}
