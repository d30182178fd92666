//! Resizing hosts, and what tenants do not allow.

use skywright_core::resource::{CreateHosts, HostAction, HostBody, ResizeHost, SwitchHosts};
use skywright_core::{Defaults, Error};
use tokio_util::sync::CancellationToken;

use crate::cloud::{Site, Trouble};
use crate::survival::{hosts, killed, network, run};

fn resize(sizing: &str) -> ResizeHost {
    ResizeHost { reference: "web-1".to_owned(), sizing: sizing.to_owned() }
}

async fn site() -> Site {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    run(&site, &hosts(1)).await.unwrap();
    site
}

async fn body(site: &Site) -> HostBody {
    site.tenancy().await.record::<HostBody>(&["web-1"]).await.unwrap().value.body
}

#[tokio::test]
async fn a_host_keeps_the_disk_that_it_boots_from() {
    let site = site().await;
    assert_eq!(body(&site).await.template.name, "small");
    // The one without a disk is less, and comes first where a host may boot from a volume.
    run(&site, &resize("cpu>=2")).await.unwrap();
    assert_eq!(body(&site).await.template.name, "medium");
    let error = run(&site, &resize("template=diskless")).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
    let error = run(&site, &resize("disk<20")).await.unwrap_err();
    assert!(matches!(error, Error::Sizing(_)), "{error:?}");
    assert_eq!(site.cloud.named("web-1").1.template, "t2");
}

#[tokio::test]
async fn a_host_on_a_volume_takes_a_template_without_a_disk() {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    let mut create = hosts(1);
    create.machine.sizing = "template=diskless,disk=30,count=1".to_owned();
    run(&site, &create).await.unwrap();
    assert_eq!(body(&site).await.boot_disk_gib, Some(30));
    let error = run(&site, &resize("cpu>=1,disk>=40")).await.unwrap_err();
    assert!(error.to_string().contains("boots from a volume of 30 GiB"), "{error}");
    run(&site, &resize("cpu>=2,ram>=4")).await.unwrap();
    let template = body(&site).await.template;
    assert_eq!((template.name.as_str(), template.disk_gib), ("medium", 30));
}

#[tokio::test]
async fn a_stopped_host_stays_stopped_wherever_a_resize_is_cut_off() {
    for stopped in [true, false] {
        for trouble in [Trouble::SilentBefore, Trouble::SilentAfter] {
            for at in 1.. {
                let site = site().await;
                if stopped {
                    let stop = HostAction::Stop { force: false };
                    let stop = SwitchHosts { references: vec!["web-1".to_owned()], action: stop };
                    run(&site, &stop).await.unwrap();
                }
                let ended = killed(&site, &resize("cpu>=2"), at, trouble).await;
                site.tenancy().await.recover(&CancellationToken::new()).await.unwrap();
                if body(&site).await.template.name == "small" {
                    // It was cut off while it was planned.
                    run(&site, &resize("cpu>=2")).await.unwrap();
                }
                let host = site.cloud.named("web-1").1;
                assert_eq!((host.template.as_str(), host.stopped), ("t2", stopped), "{trouble:?} at {at}");
                if ended {
                    break;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_tenant_can_do_without_single_hosts() {
    let mut site = Site::new();
    let single = CreateHosts { single: true, public: false, network: None, ..hosts(1) };
    site.defaults = Defaults { single_hosts: Some(false), ..Defaults::default() };
    let error = run(&site, &single).await.unwrap_err();
    assert_eq!((error.code().as_str(), site.cloud.requests()), ("not-allowed", 0));
    site.defaults = Defaults::default();
    run(&site, &single).await.unwrap();
}
