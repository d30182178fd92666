//! State and cloud, when somebody has been at one of them.

use skywright_core::resource::{
    Chosen, CloudKind, Comparison, DeleteHosts, DeleteNetworks, Owner, Reconcile, Remedy, Verdict,
};

use crate::cloud::{Site, Thing};
use crate::survival::{hosts, network, run};

async fn compare(site: &Site) -> Comparison {
    site.tenancy().await.compare().await.unwrap()
}

/// Does what is proposed.
async fn reconcile(site: &Site) {
    let chosen = compare(site).await.proposals().filter_map(Chosen::proposed).collect();
    run(site, &Reconcile { chosen }).await.unwrap();
}

async fn site() -> Site {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    run(&site, &hosts(3)).await.unwrap();
    site
}

fn thing(kind: &'static str, name: &str, within: &[&str]) -> Thing {
    let within = within.iter().map(|id| (*id).to_owned()).collect();
    Thing { kind, name: name.to_owned(), within, ..Thing::default() }
}

#[tokio::test]
async fn nothing_is_found_where_all_is_well() {
    let site = site().await;
    let comparison = compare(&site).await;
    assert_eq!(comparison.findings, []);
    // The network, the subnet, two gateways and three hosts.
    assert_eq!(comparison.in_order, 7);
    assert_eq!(comparison.not_covered, []);
}

#[tokio::test]
async fn what_is_gone_is_forgotten_with_what_came_with_it() {
    let site = site().await;
    let (id, _) = site.cloud.named("web-2");
    site.cloud.things.lock().unwrap().remove(&id);
    let told: Vec<_> =
        compare(&site).await.findings.into_iter().map(|f| (f.kind, f.name, f.verdict, f.remedy)).collect();
    let (group, host) = (CloudKind::SecurityGroup, CloudKind::Host);
    assert_eq!(
        told,
        [
            (host, "web-2".to_owned(), Verdict::Gone, Remedy::Forget),
            (group, "web-2-public".to_owned(), Verdict::Orphan, Remedy::Delete),
        ]
    );
    reconcile(&site).await;
    assert_eq!(compare(&site).await.findings, []);
    assert_eq!(site.cloud.census()["security-group"], 2 + 2);
    assert!(site.tenancy().await.host("web-2").await.is_err());
}

#[tokio::test]
async fn a_gateway_that_is_gone_is_its_subnets_no_more() {
    let site = site().await;
    let (id, _) = site.cloud.named("gw2-lan");
    site.cloud.things.lock().unwrap().remove(&id);
    reconcile(&site).await;
    assert_eq!(site.tenancy().await.subnet("lan", "lan").await.unwrap().gateways, ["gw-lan"]);
}

#[tokio::test]
async fn what_was_made_here_and_is_recorded_nowhere_is_deleted_and_nothing_else() {
    let site = site().await;
    let ours = site.cloud.named("web-1").1.intent;
    // Another step of an operation of this home; one of another home; one of nobody.
    site.cloud.plant(
        "host-lost",
        Thing { intent: format!("{}00", &ours[..ours.len() - 2]), ..thing("host", "lost", &[]) },
    );
    site.cloud.plant(
        "host-theirs",
        Thing { intent: ours.replacen("sw-", "sw-0", 1), ..thing("host", "theirs", &[]) },
    );
    site.cloud.plant("host-other", thing("host", "other", &[]));
    let comparison = compare(&site).await;
    let told: Vec<_> = comparison.findings.iter().map(|f| (f.name.as_str(), f.remedy, f.owner)).collect();
    assert_eq!(
        told,
        [
            ("lost", Remedy::Delete, Owner::Here),
            ("other", Remedy::None, Owner::Others),
            ("theirs", Remedy::None, Owner::OtherHome),
        ]
    );
    for id in ["host-other", "host-theirs", "host-0"] {
        let chosen = vec![Chosen::Delete { kind: CloudKind::Host, id: id.to_owned() }];
        let error = run(&site, &Reconcile { chosen }).await.unwrap_err();
        assert_eq!(error.code(), "argument", "{id}: {error}");
    }
    reconcile(&site).await;
    let things = site.cloud.things.lock().unwrap();
    assert!(!things.contains_key("host-lost"));
    assert!(things.contains_key("host-theirs") && things.contains_key("host-other"));
}

#[tokio::test]
async fn what_others_made_is_taken_in_and_can_be_deleted_then() {
    let site = Site::new();
    site.cloud.plant("network-x", thing("network", "theirs", &[]));
    site.cloud.plant("subnet-x", thing("subnet", "their subnet", &["network-x"]));
    site.cloud.plant("security-group-x", thing("security-group", "default", &[]));
    site.cloud.plant("host-x", thing("host", "their host", &["security-group-x"]));
    let adopt = |kind, id: &str, name: Option<&str>| Chosen::Adopt {
        kind,
        id: id.to_owned(),
        name: name.map(|name| name.parse().unwrap()),
    };
    let unnamed = vec![adopt(CloudKind::Host, "host-x", None)];
    assert_eq!(run(&site, &Reconcile { chosen: unnamed }).await.unwrap_err().code(), "argument");
    let chosen = vec![
        adopt(CloudKind::Host, "host-x", Some("web")),
        adopt(CloudKind::SecurityGroup, "security-group-x", None),
        adopt(CloudKind::Network, "network-x", Some("lab")),
    ];
    run(&site, &Reconcile { chosen }).await.unwrap();
    assert_eq!(compare(&site).await.findings, []);
    let tenancy = site.tenancy().await;
    let host = tenancy.host("web").await.unwrap();
    assert_eq!((host.template.unwrap().name.as_str(), host.public_key), ("small", None));
    assert_eq!(tenancy.network("lab").await.unwrap().cidr.as_deref(), Some("192.168.0.0/24"));
    assert_eq!(tenancy.subnets(Some("lab")).await.unwrap()[0].name, "subnet-subnetx");
    let groups = tenancy.host_groups("web", false).await.unwrap();
    assert_eq!(groups.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["default"]);
    // Taken in is not made: it may be let go again.
    let forget = vec![Chosen::Forget { kind: CloudKind::SecurityGroup, name: "-/default".to_owned() }];
    run(&site, &Reconcile { chosen: forget }).await.unwrap();
    assert!(tenancy.host_groups("web", false).await.unwrap().is_empty());
    run(&site, &DeleteHosts { references: vec!["web".to_owned()], force: false }).await.unwrap();
    run(&site, &DeleteNetworks { references: vec!["lab".to_owned()], force: false }).await.unwrap();
    assert_eq!(site.cloud.census(), std::collections::BTreeMap::from([("security-group", 1)]));
}

#[tokio::test]
async fn what_the_cloud_has_is_not_forgotten() {
    let site = site().await;
    let forget = vec![Chosen::Forget { kind: CloudKind::Host, name: "web-1".to_owned() }];
    assert_eq!(run(&site, &Reconcile { chosen: forget }).await.unwrap_err().code(), "in-use");
}
