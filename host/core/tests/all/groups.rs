//! Security groups on hosts and subnets: what the records say, and what the cloud has.

use skywright_core::resource::{
    BindAction, BindHostGroup, BindSubnetGroup, BondKind, ChangeRules, CreateHosts, CreateSecurityGroup,
    DeleteHosts, DeleteNetworks, DeleteSecurityGroups, Labels, RuleChange, RuleRequest,
};
use skywright_runtime::provider::security_groups::{Direction, Protocol};
use tokio_util::sync::CancellationToken;

use crate::cloud::{Site, Trouble};
use crate::survival::{hosts, killed, name, network, run};

fn group(network: &str, text: &str) -> CreateSecurityGroup {
    CreateSecurityGroup {
        network: network.to_owned(),
        name: name(text),
        description: "web servers".to_owned(),
        labels: Labels::default(),
    }
}

fn on_host(host: &str, action: BindAction) -> BindHostGroup {
    BindHostGroup { host: host.to_owned(), group: "web".to_owned(), action }
}

fn on_subnet(action: BindAction) -> BindSubnetGroup {
    let (network, subnet) = ("lan".to_owned(), "lan".to_owned());
    BindSubnetGroup { network, subnet, group: "web".to_owned(), action }
}

fn delete(force: bool) -> DeleteSecurityGroups {
    DeleteSecurityGroups { network: "lan".to_owned(), references: vec!["web".to_owned()], force }
}

/// A network, three hosts and a group of the network.
async fn site() -> Site {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    run(&site, &hosts(3)).await.unwrap();
    run(&site, &group("lan", "web")).await.unwrap();
    site
}

/// The hosts that have the group in the cloud.
fn bearers(site: &Site) -> Vec<String> {
    let id = site.cloud.named("web").0;
    let things = site.cloud.things.lock().unwrap();
    let with_it = things.values().filter(|thing| thing.kind == "host" && thing.within.contains(&id));
    let mut names: Vec<_> = with_it.map(|thing| thing.name.clone()).collect();
    names.sort();
    names
}

const ADD: BindAction = BindAction::Add { disabled: false };

#[tokio::test]
async fn a_disabled_group_is_remembered_and_not_in_the_cloud() {
    let site = site().await;
    run(&site, &on_host("web-1", BindAction::Add { disabled: true })).await.unwrap();
    assert!(bearers(&site).is_empty());
    let groups = site.tenancy().await.host_groups("web-1", false).await.unwrap();
    assert_eq!(groups.iter().map(|g| (g.name.as_str(), g.disabled)).collect::<Vec<_>>(), [("web", true)]);
    run(&site, &on_host("web-1", BindAction::Enable)).await.unwrap();
    assert_eq!(bearers(&site), ["web-1"]);
    run(&site, &on_host("web-1", BindAction::Disable)).await.unwrap();
    assert!(bearers(&site).is_empty());
    run(&site, &on_host("web-1", BindAction::Remove)).await.unwrap();
    assert!(site.tenancy().await.host_groups("web-1", false).await.unwrap().is_empty());
    let error = run(&site, &on_host("web-1", BindAction::Enable)).await.unwrap_err();
    assert!(error.to_string().contains("not bound"), "{error}");
}

#[tokio::test]
async fn a_subnets_group_is_on_its_hosts_those_that_come_later_too() {
    let site = site().await;
    run(&site, &on_subnet(ADD)).await.unwrap();
    // Not on the gateways.
    assert_eq!(bearers(&site), ["web-1", "web-2", "web-3"]);
    run(&site, &CreateHosts { names: vec![name("late")], ..hosts(3) }).await.unwrap();
    assert_eq!(bearers(&site).len(), 6);
    // One host may do without.
    run(&site, &on_host("web-2", BindAction::Disable)).await.unwrap();
    assert!(!bearers(&site).contains(&"web-2".to_owned()));
    let error = run(&site, &on_host("web-1", BindAction::Remove)).await.unwrap_err();
    assert_eq!(error.code(), "in-use");
    run(&site, &on_subnet(BindAction::Remove)).await.unwrap();
    assert!(bearers(&site).is_empty());
    // Without the subnet's the host's own is what is left.
    run(&site, &on_host("web-2", BindAction::Enable)).await.unwrap();
    assert_eq!(bearers(&site), ["web-2"]);
}

#[tokio::test]
async fn a_group_in_use_says_by_what_and_goes_by_force() {
    let site = site().await;
    run(&site, &on_host("web-1", ADD)).await.unwrap();
    run(&site, &on_subnet(ADD)).await.unwrap();
    let error = run(&site, &delete(false)).await.unwrap_err().to_string();
    assert!(error.contains("web-1") && error.contains("lan/lan"), "{error}");
    let bonds = site.tenancy().await.bonds("lan", "web", BondKind::All).await.unwrap();
    assert_eq!((bonds.hosts.len(), bonds.subnets.len()), (1, 1));
    run(&site, &delete(true)).await.unwrap();
    assert_eq!(site.cloud.census()["security-group"], 2 + 3);
    let tenancy = site.tenancy().await;
    assert!(tenancy.host_groups("web-1", false).await.unwrap().is_empty());
    assert!(tenancy.subnet_groups("lan", "lan", false).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_group_goes_with_its_network_and_leaves_with_its_host() {
    let site = site().await;
    run(&site, &on_host("web-1", ADD)).await.unwrap();
    let references = vec!["web-1".to_owned()];
    run(&site, &DeleteHosts { references, force: false }).await.unwrap();
    let bonds = site.tenancy().await.bonds("lan", "web", BondKind::All).await.unwrap();
    assert!(bonds.hosts.is_empty());
    run(&site, &DeleteNetworks { references: vec!["lan".to_owned()], force: true }).await.unwrap();
    assert!(site.cloud.census().is_empty());
    assert!(site.tenancy().await.security_groups(None, false).await.unwrap().is_empty());
}

#[tokio::test]
async fn rules_are_added_once_and_removed_by_what_they_say() {
    let site = Site::new();
    run(&site, &group("-", "web")).await.unwrap();
    let request = RuleRequest {
        direction: Direction::Ingress,
        ip_version: None,
        protocol: Protocol::Tcp,
        port_from: Some(80),
        port_to: None,
        cidrs: vec!["10.0.0.0/8".parse().unwrap()],
        groups: vec!["web".to_owned()],
        description: "web".to_owned(),
    };
    let change = |change| ChangeRules { network: "-".to_owned(), group: "web".to_owned(), change };
    for _ in 0..2 {
        run(&site, &change(RuleChange::Add(request.clone()))).await.unwrap();
        let rules = site.tenancy().await.security_group("-", "web").await.unwrap().rules;
        let peers: Vec<_> = rules.iter().map(|rule| (rule.cidr.as_deref(), rule.group.as_deref())).collect();
        assert_eq!(peers, [(Some("10.0.0.0/8"), None), (None, Some("-/web"))]);
    }
    let without_group = RuleRequest { groups: Vec::new(), description: String::new(), ..request };
    run(&site, &change(RuleChange::Remove(without_group.clone()))).await.unwrap();
    let error = run(&site, &change(RuleChange::Remove(without_group))).await.unwrap_err();
    assert_eq!(error.code(), "no-rule");
    run(&site, &change(RuleChange::Clear)).await.unwrap();
    assert!(site.cloud.named("web").1.rules.is_empty());
}

#[tokio::test]
async fn bindings_survive_a_kill_at_every_request() {
    for trouble in [Trouble::SilentBefore, Trouble::SilentAfter] {
        for at in 1.. {
            let site = site().await;
            let ended = killed(&site, &on_subnet(ADD), at, trouble).await;
            if !ended {
                site.tenancy().await.recover(&CancellationToken::new()).await.unwrap();
            }
            assert_eq!(bearers(&site).len(), 3, "{trouble:?} at {at}");
            assert!(!killed(&site, &delete(true), at, trouble).await || ended, "{trouble:?} at {at}");
            site.tenancy().await.recover(&CancellationToken::new()).await.unwrap();
            assert_eq!(site.cloud.census()["security-group"], 2 + 3, "{trouble:?} at {at}");
            if ended {
                break;
            }
        }
    }
}
