//! Virtual IPs and public addresses: made, given to hosts, taken away; cut off at every request.

use skywright_core::Error;
use skywright_core::resource::{
    AllocateAddress, BindAddress, BindVirtualIp, ChangeLabels, CreateHosts, CreateVirtualIp, DeleteHosts,
    DeleteNetworks, DeleteVirtualIps, Kind, LabelEdit, Labels, ReleaseAddresses, UnbindAddress,
    VirtualIpAction,
};
use tokio_util::sync::CancellationToken;

use crate::cloud::{Site, Trouble};
use crate::survival::{hosts, killed, name, network, run};

const KILLS: [Trouble; 2] = [Trouble::SilentBefore, Trouble::SilentAfter];

fn virtual_ip() -> CreateVirtualIp {
    CreateVirtualIp {
        network: "lan".to_owned(),
        subnet: "lan".to_owned(),
        name: name("api"),
        labels: Labels::default(),
        keep_on_failure: false,
    }
}

fn bind(host: &str, action: VirtualIpAction) -> BindVirtualIp {
    let [network, subnet, ip] = ["lan", "lan", "api"].map(str::to_owned);
    BindVirtualIp { network, subnet, ip, host: host.to_owned(), action }
}

fn delete(force: bool) -> DeleteVirtualIps {
    let [network, subnet] = ["lan", "lan"].map(str::to_owned);
    DeleteVirtualIps { network, subnet, references: vec!["api".to_owned()], force }
}

fn address() -> AllocateAddress {
    AllocateAddress { name: name("front"), labels: Labels::default(), keep_on_failure: false }
}

fn bind_address() -> BindAddress {
    BindAddress { address: "front".to_owned(), host: "web-1".to_owned() }
}

fn release(force: bool) -> ReleaseAddresses {
    ReleaseAddresses { references: vec!["front".to_owned()], force }
}

/// A network, and two hosts that are not reached from outside.
async fn site() -> Site {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    run(&site, &CreateHosts { public: false, ..hosts(2) }).await.unwrap();
    site
}

/// How many there are of a kind.
fn count(site: &Site, kind: &str) -> usize {
    site.cloud.census().get(kind).copied().unwrap_or_default()
}

fn in_use_by(error: &Error) -> &str {
    match error {
        Error::InUse { by, .. } => by,
        other => panic!("{other:?}"),
    }
}

async fn recover(site: &Site) {
    site.tenancy().await.recover(&CancellationToken::new()).await.unwrap();
}

async fn public_address(site: &Site) -> Option<String> {
    site.tenancy().await.host("web-1").await.unwrap().public_address
}

#[tokio::test]
async fn a_virtual_ip_goes_from_host_to_host() {
    let site = site().await;
    run(&site, &virtual_ip()).await.unwrap();
    let view = site.tenancy().await.virtual_ip("lan", "lan", "api").await.unwrap();
    assert_eq!((view.status, view.address.as_deref()), ("ready", Some("192.168.0.9")));
    for host in ["web-1", "web-2", "web-1"] {
        run(&site, &bind(host, VirtualIpAction::Bind)).await.unwrap();
    }
    let views = site.tenancy().await.virtual_ips(Some("lan"), None).await.unwrap();
    assert_eq!(views.len(), 1, "the gateways' own is not listed");
    assert_eq!(views[0].hosts, ["web-1", "web-2"]);
    assert_eq!(in_use_by(&run(&site, &delete(false)).await.unwrap_err()), "hosts web-1, web-2");
    run(&site, &bind("web-1", VirtualIpAction::Unbind)).await.unwrap();
    run(&site, &DeleteHosts { references: vec!["web-2".to_owned()], force: false }).await.unwrap();
    let view = site.tenancy().await.virtual_ip("lan", "lan", "api").await.unwrap();
    assert!(view.hosts.is_empty(), "{view:?}");
    run(&site, &delete(false)).await.unwrap();
    assert_eq!(count(&site, "virtual-ip"), 1);
    assert!(site.tenancy().await.virtual_ips(None, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_virtual_ip_is_for_hosts_of_its_subnet() {
    let site = site().await;
    run(&site, &virtual_ip()).await.unwrap();
    let single =
        CreateHosts { names: vec![name("lone")], network: None, single: true, public: false, ..hosts(1) };
    run(&site, &single).await.unwrap();
    let error = run(&site, &bind("lone-1", VirtualIpAction::Bind)).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
}

#[tokio::test]
async fn a_network_with_virtual_ips_stays_unless_forced() {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    run(&site, &virtual_ip()).await.unwrap();
    let delete = |force| DeleteNetworks { references: vec!["lan".to_owned()], force };
    assert_eq!(in_use_by(&run(&site, &delete(false)).await.unwrap_err()), "virtual IPs api");
    run(&site, &delete(true)).await.unwrap();
    assert!(site.cloud.census().is_empty());
    assert!(site.tenancy().await.virtual_ips(None, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_virtual_ip_survives_a_kill_at_every_request() {
    for trouble in KILLS {
        for at in 1.. {
            let site = site().await;
            let made = killed(&site, &virtual_ip(), at, trouble).await;
            recover(&site).await;
            if site.tenancy().await.virtual_ip("lan", "lan", "api").await.is_err() {
                // It was cut off while it was planned.
                run(&site, &virtual_ip()).await.unwrap();
            }
            assert_eq!(count(&site, "virtual-ip"), 2, "{trouble:?} at {at}");
            let bound = killed(&site, &bind("web-1", VirtualIpAction::Bind), at, trouble).await;
            run(&site, &bind("web-1", VirtualIpAction::Bind)).await.unwrap();
            let view = site.tenancy().await.virtual_ip("lan", "lan", "api").await.unwrap();
            assert_eq!((view.status, view.hosts), ("ready", vec!["web-1".to_owned()]), "{trouble:?} at {at}");
            let deleted = killed(&site, &delete(true), at, trouble).await;
            recover(&site).await;
            if site.tenancy().await.virtual_ip("lan", "lan", "api").await.is_ok() {
                run(&site, &delete(true)).await.unwrap();
            }
            assert_eq!(count(&site, "virtual-ip"), 1, "{trouble:?} at {at}");
            assert!(site.tenancy().await.virtual_ips(None, None).await.unwrap().is_empty());
            if made && bound && deleted {
                break;
            }
        }
    }
}

#[tokio::test]
async fn what_fails_is_taken_back() {
    for trouble in [Trouble::Refused, Trouble::AnswerLost] {
        for at in 1.. {
            let site = site().await;
            site.cloud.trouble(at, trouble);
            let made = run(&site, &virtual_ip()).await.is_ok();
            let over = site.cloud.requests() < at;
            site.cloud.calm();
            assert_eq!(count(&site, "virtual-ip"), 1 + usize::from(made), "{trouble:?} at {at}");
            if !made {
                run(&site, &virtual_ip()).await.unwrap();
            }
            site.cloud.trouble(at, trouble);
            let bound = run(&site, &bind("web-1", VirtualIpAction::Bind)).await.is_ok();
            let over = over && site.cloud.requests() < at;
            site.cloud.calm();
            assert_eq!(!site.cloud.named("api").1.bound.is_empty(), bound, "{trouble:?} at {at}");
            if over {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_public_address_outlives_hosts() {
    let site = site().await;
    run(&site, &address()).await.unwrap();
    let view = site.tenancy().await.address("front").await.unwrap();
    assert_eq!((view.status, view.address.as_deref(), view.host), ("ready", Some("203.0.113.9"), None));
    run(&site, &bind_address()).await.unwrap();
    assert_eq!(public_address(&site).await.as_deref(), Some("203.0.113.9"));
    let access = site.tenancy().await.ssh_access("web-1").await.unwrap();
    assert!(access.address == "203.0.113.9" && access.gateways.is_empty(), "{access:?}");
    assert_eq!(site.tenancy().await.addresses(false).await.unwrap()[0].host.as_deref(), Some("web-1"));
    let other = BindAddress { host: "web-2".to_owned(), ..bind_address() };
    assert_eq!(in_use_by(&run(&site, &other).await.unwrap_err()), "the host web-1");
    assert_eq!(in_use_by(&run(&site, &release(false)).await.unwrap_err()), "the host web-1");
    run(&site, &UnbindAddress { address: "front".to_owned() }).await.unwrap();
    assert_eq!(public_address(&site).await, None);
    run(&site, &other).await.unwrap();
    run(&site, &DeleteHosts { references: vec!["web-2".to_owned()], force: false }).await.unwrap();
    assert_eq!(site.tenancy().await.address("front").await.unwrap().host, None);
    run(&site, &bind_address()).await.unwrap();
    run(&site, &release(true)).await.unwrap();
    assert_eq!((count(&site, "public-address"), public_address(&site).await), (0, None));
}

#[tokio::test]
async fn a_host_has_one_public_address() {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    run(&site, &hosts(1)).await.unwrap();
    run(&site, &address()).await.unwrap();
    let error = run(&site, &bind_address()).await.unwrap_err();
    assert!(error.to_string().contains("198.51.100.7"), "{error}");
    assert!(site.tenancy().await.address("front").await.unwrap().host.is_none());
}

#[tokio::test]
async fn a_public_address_survives_a_kill_at_every_request() {
    for trouble in KILLS {
        for at in 1.. {
            let site = site().await;
            let made = killed(&site, &address(), at, trouble).await;
            recover(&site).await;
            if site.tenancy().await.address("front").await.is_err() {
                run(&site, &address()).await.unwrap();
            }
            assert_eq!(count(&site, "public-address"), 1, "{trouble:?} at {at}");
            let bound = killed(&site, &bind_address(), at, trouble).await;
            run(&site, &bind_address()).await.unwrap();
            assert_eq!(public_address(&site).await.as_deref(), Some("203.0.113.9"), "{trouble:?} at {at}");
            assert_eq!(site.tenancy().await.address("front").await.unwrap().host.as_deref(), Some("web-1"));
            let released = killed(&site, &release(true), at, trouble).await;
            recover(&site).await;
            if site.tenancy().await.address("front").await.is_ok() {
                run(&site, &release(true)).await.unwrap();
            }
            assert_eq!(count(&site, "public-address"), 0, "{trouble:?} at {at}");
            assert_eq!(public_address(&site).await, None, "{trouble:?} at {at}");
            if made && bound && released {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_bind_that_fails_leaves_the_host_as_it_was() {
    for trouble in [Trouble::Refused, Trouble::AnswerLost] {
        for at in 1.. {
            let site = site().await;
            run(&site, &address()).await.unwrap();
            site.cloud.trouble(at, trouble);
            let bound = run(&site, &bind_address()).await.is_ok();
            let over = site.cloud.requests() < at;
            site.cloud.calm();
            let address = site.tenancy().await.address("front").await.unwrap();
            assert_eq!(address.host.is_some(), bound, "{trouble:?} at {at}");
            assert_eq!(public_address(&site).await.is_some(), bound, "{trouble:?} at {at}");
            if over {
                break;
            }
        }
    }
}

#[tokio::test]
async fn reconcile_and_labels_know_them() {
    let site = site().await;
    run(&site, &virtual_ip()).await.unwrap();
    run(&site, &address()).await.unwrap();
    let tenancy = site.tenancy().await;
    let comparison = tenancy.compare().await.unwrap();
    assert_eq!(comparison.proposals().count(), 0, "{:?}", comparison.findings);
    let path = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    for (kind, path) in
        [(Kind::VirtualIp, path(&["lan", "lan", "api"])), (Kind::PublicAddress, path(&["front"]))]
    {
        let edits = vec![LabelEdit::BindTag { name: "blue".to_owned() }];
        run(&site, &ChangeLabels { kind, path, edits }).await.unwrap();
    }
    let found = tenancy.label(skywright_core::resource::LabelKind::Tag, "blue").await.unwrap();
    let named: Vec<_> = found.resources.iter().map(|at| (at.kind, at.name.as_str())).collect();
    assert_eq!(named, [("virtual-ip", "lan/lan/api"), ("public-address", "front")]);
    // Somebody deletes both elsewhere.
    site.cloud
        .things
        .lock()
        .unwrap()
        .retain(|_, thing| thing.kind != "public-address" && thing.name != "api");
    let comparison = tenancy.compare().await.unwrap();
    let gone: Vec<_> = comparison.proposals().map(|finding| finding.name.as_str()).collect();
    assert_eq!(gone, ["lan/lan/api", "front"]);
}
