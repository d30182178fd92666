//! Volumes and buckets: attached and detached without losing one, taken back without deleting what was there.

use skywright_contract::Category;
use skywright_core::Error;
use skywright_core::resource::{
    AttachVolume, BucketBody, CreateBucket, CreateVolume, DeleteBuckets, DeleteHosts, DeleteNetworks,
    DeleteVolumes, DetachVolume, ExtendVolume, Labels, VolumeBody, VolumeSpeed,
};

use crate::cloud::{Site, Thing, Trouble};
use crate::survival::{hosts, killed, name, network, run};

fn volume() -> CreateVolume {
    CreateVolume {
        name: name("data"),
        size_gib: 10,
        speed: VolumeSpeed::Ssd,
        zone: None,
        labels: Labels::default(),
        keep_on_failure: false,
    }
}

fn attach() -> AttachVolume {
    AttachVolume { volume: "data".to_owned(), host: "web-1".to_owned(), mount: None }
}

fn delete_host(force: bool) -> DeleteHosts {
    DeleteHosts { references: vec!["web-1".to_owned()], force }
}

/// A network, three hosts, and a volume that no host has.
async fn site_with_volume() -> Site {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    run(&site, &hosts(3)).await.unwrap();
    run(&site, &volume()).await.unwrap();
    site
}

/// Whose the record says that the volume is.
async fn recorded_host(site: &Site) -> Option<String> {
    let record = site.tenancy().await.record::<VolumeBody>(&["data"]).await.unwrap().value;
    record.body.attachment.map(|at| at.host.to_string())
}

fn in_use_by(error: &Error) -> &str {
    match error {
        Error::InUse { by, .. } => by,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_volume_goes_to_a_host_and_back() {
    let site = site_with_volume().await;
    run(&site, &attach()).await.unwrap();
    let view = site.tenancy().await.volume("data").await.unwrap();
    assert_eq!(view.state, "attached");
    assert_eq!((view.attachments[0].host.as_str(), view.attachments.len()), ("web-1", 1));
    assert_eq!(view.attachments[0].device.as_deref(), Some("/dev/vdb"));
    assert!(view.attachments[0].since_unix_ms.is_some());
    let again = AttachVolume { host: "web-2".to_owned(), ..attach() };
    assert_eq!(in_use_by(&run(&site, &again).await.unwrap_err()), "the host web-1");
    let elsewhere = DetachVolume { volume: "data".to_owned(), host: "web-2".to_owned(), force: false };
    assert_eq!(in_use_by(&run(&site, &elsewhere).await.unwrap_err()), "the host web-1");
    let delete = DeleteVolumes { references: vec!["data".to_owned()] };
    assert_eq!(in_use_by(&run(&site, &delete).await.unwrap_err()), "the host web-1");
    run(&site, &DetachVolume { volume: "data".to_owned(), host: "web-1".to_owned(), force: false })
        .await
        .unwrap();
    assert_eq!(recorded_host(&site).await, None);
    run(&site, &delete).await.unwrap();
    assert_eq!(site.cloud.census().get("volume"), None);
    assert!(site.tenancy().await.volumes(false).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_volume_does_not_shrink() {
    let site = site_with_volume().await;
    let smaller = ExtendVolume { volume: "data".to_owned(), size_gib: 9 };
    let error = run(&site, &smaller).await.unwrap_err();
    assert!(matches!(error, Error::Invalid { .. }), "{error:?}");
}

#[tokio::test]
async fn an_attach_that_fails_is_taken_back() {
    for trouble in [Trouble::Refused, Trouble::AnswerLost] {
        for at in 1.. {
            let site = site_with_volume().await;
            site.cloud.trouble(at, trouble);
            let outcome = run(&site, &attach()).await;
            site.cloud.calm();
            let attached = !site.cloud.named("data").1.within.is_empty();
            assert_eq!(attached, outcome.is_ok(), "{trouble:?} at {at}: {outcome:?}");
            assert_eq!(recorded_host(&site).await.is_some(), attached, "{trouble:?} at {at}");
            if site.cloud.requests() < at {
                break;
            }
        }
    }
}

#[tokio::test]
async fn volumes_stay_when_their_host_goes() {
    let site = site_with_volume().await;
    run(&site, &attach()).await.unwrap();
    let error = run(&site, &delete_host(false)).await.unwrap_err();
    assert_eq!(in_use_by(&error), "the attached volumes data");
    assert_eq!(site.cloud.census()["host"], 5);
    // The cloud refuses to delete a host that has a volume: that it goes says that the volume was off.
    run(&site, &delete_host(true)).await.unwrap();
    assert_eq!((site.cloud.census()["host"], site.cloud.census()["volume"]), (4, 1));
    assert_eq!(recorded_host(&site).await, None);
}

#[tokio::test]
async fn a_forced_delete_that_is_cut_off_still_takes_volumes_off_first() {
    for trouble in [Trouble::SilentBefore, Trouble::SilentAfter] {
        for at in 1.. {
            let site = site_with_volume().await;
            run(&site, &attach()).await.unwrap();
            let ended = killed(&site, &delete_host(true), at, trouble).await;
            run(&site, &DeleteVolumes { references: vec!["data".to_owned()] }).await.unwrap();
            assert_eq!(site.cloud.census()["host"], 4, "{trouble:?} at {at}");
            if ended {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_network_with_a_volume_at_its_gateway_stays_unless_forced() {
    let site = Site::new();
    run(&site, &network()).await.unwrap();
    run(&site, &volume()).await.unwrap();
    run(&site, &AttachVolume { host: "gw-lan".to_owned(), ..attach() }).await.unwrap();
    let delete = |force| DeleteNetworks { references: vec!["lan".to_owned()], force };
    assert_eq!(in_use_by(&run(&site, &delete(false)).await.unwrap_err()), "the attached volumes data");
    run(&site, &delete(true)).await.unwrap();
    assert_eq!(site.cloud.census(), [("volume", 1)].into());
    assert_eq!(recorded_host(&site).await, None);
}

#[tokio::test]
async fn a_bucket_that_was_there_is_never_taken_back() {
    let site = Site::new();
    let create = CreateBucket { name: name("backups") };
    site.cloud.plant("backups", Thing { kind: "bucket", ..Thing::default() });
    run(&site, &create).await.unwrap();
    let view = site.tenancy().await.bucket("backups").await.unwrap();
    assert!(view.managed && view.adopted, "{view:?}");
    let error = run(&site, &create).await.unwrap_err();
    assert_eq!(error.category(), Category::AlreadyExists);
    assert_eq!(site.cloud.census()["bucket"], 1);
    run(&site, &DeleteBuckets { references: vec!["backups".to_owned()], force: false }).await.unwrap();
    assert!(site.cloud.census().is_empty());
}

#[tokio::test]
async fn a_bucket_survives_a_kill_at_every_request() {
    for trouble in [Trouble::SilentBefore, Trouble::SilentAfter] {
        for at in 1.. {
            let site = Site::new();
            let ended = killed(&site, &CreateBucket { name: name("backups") }, at, trouble).await;
            site.tenancy().await.recover(&tokio_util::sync::CancellationToken::new()).await.unwrap();
            if site.tenancy().await.record::<BucketBody>(&["backups"]).await.is_err() {
                // It was cut off while it was planned.
                run(&site, &CreateBucket { name: name("backups") }).await.unwrap();
            }
            let record = site.tenancy().await.record::<BucketBody>(&["backups"]).await.unwrap().value;
            assert!(record.ready_id().is_ok() && !record.adopted, "{trouble:?} at {at}");
            assert_eq!(site.cloud.census()["bucket"], 1);
            if ended {
                break;
            }
        }
    }
}
