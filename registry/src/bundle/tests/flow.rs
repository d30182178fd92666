//! Save, vet, verify, load, renew.

use jiff::SignedDuration;
use skywright_contract::Digest;

use super::world::{DAY, World, component, entries, path, selection};
use crate::bundle::{
    BundleProblem, Limits, Policy, Roots, Selection, Side, Since, Trust, Validity, renew, save, verify,
};
use crate::error::Error;
use crate::tuf::{KeyPair, Store};

fn problem<T: std::fmt::Debug>(result: Result<T, Error>) -> BundleProblem {
    match result {
        Err(Error::Bundle { problem, .. }) => problem,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_vetted_outside_is_found_inside_after_the_publishers_word_has_ended() {
    let world = World::new();
    let saved = world.save_all("a.tar").await;
    assert_eq!(saved.files.len(), 7);
    assert!(saved.files.iter().all(|file| !file.is_left_out));
    let vetted = world.vet("a.tar", "v.tar").await.unwrap();
    assert_eq!(vetted.site_root_sha256, Digest::of(&world.site_root()));

    let later = world.now + DAY * 60;
    let verified = world.load("v.tar", later).await.unwrap();
    assert_eq!((verified.as_of, verified.files.len()), (world.now, 7));
    assert_eq!(verified.files[0].vetting.as_ref().unwrap().ticket.as_deref(), Some("CHG-1"));
    for (version, title) in [("1.0.0", "first"), ("1.1.0", "second")] {
        assert_eq!(world.find(version).await.unwrap(), component(version, title));
    }
    assert_eq!(world.content().get(&world.hex_of("1.0.0", "docs.md")).unwrap(), b"# It\n");
    // The same one again changes nothing.
    world.load("v.tar", later).await.unwrap();
    assert_eq!(std::fs::read_dir(world.path("inside/bundles/states")).unwrap().count(), 1);
}

#[tokio::test]
async fn two_bundles_of_one_state_are_the_same_bytes() {
    let world = World::new();
    let (first, second) = (world.save_all("a.tar").await, world.save_all("b.tar").await);
    assert_eq!(first, second);
    assert_eq!(std::fs::read(world.path("a.tar")).unwrap(), std::fs::read(world.path("b.tar")).unwrap());
    let names: Vec<_> = entries(&world.path("a.tar")).into_iter().map(|(name, _)| name).collect();
    assert!(names.is_sorted() && names.ends_with(&["index.json".to_owned(), "oci-layout".to_owned()]));
    // Metadata is in it byte for byte.
    let bundle = world.open("a.tar").unwrap();
    for (name, bytes) in bundle.metadata(Side::Upstream).unwrap() {
        assert_eq!(world.upstream.metadata[&name], bytes, "{name}");
    }
    let inspection = bundle.inspect().unwrap();
    assert_eq!(inspection.id, first.id.to_string());
    assert!(inspection.site.is_empty() && inspection.upstream.iter().all(|role| role.version.is_some()));
}

#[tokio::test]
async fn what_was_not_vetted_is_not_taken() {
    let world = World::new();
    world.save(&selection(&["1.0.0"]), "a.tar").await;
    world.vet("a.tar", "v.tar").await.unwrap();
    assert_eq!(problem(world.load("a.tar", world.now).await), BundleProblem::NotVetted);
    // The site's word on the one, beside the files of both.
    world.save_all("both.tar").await;
    let forged = with_site_of(&world, "both.tar", "v.tar");
    assert!(matches!(world.load(&forged, world.now).await, Err(Error::NotListed { .. })));
    assert!(world.loaded().current().unwrap().is_none());
}

/// The artifacts of one bundle with the site's metadata of another.
fn with_site_of(world: &World, bundle: &str, site: &str) -> String {
    let (bundle, site) = (world.open(bundle).unwrap(), world.open(site).unwrap());
    let mut writer = crate::bundle::writer::Writer::default();
    for artifact in bundle.artifacts().iter().filter(|a| a.name != "site-metadata") {
        writer.carry(&bundle, artifact, &Default::default());
    }
    for artifact in site.artifacts().iter().filter(|a| a.name == "site-metadata") {
        writer.carry(&site, artifact, &Default::default());
    }
    writer.write(&world.path("forged.tar")).unwrap();
    "forged.tar".to_owned()
}

#[tokio::test]
async fn the_moment_of_the_vetting_is_the_sites_word_alone() {
    let mut world = World::new();
    world.save_all("a.tar").await;
    world.vet("a.tar", "v.tar").await.unwrap();
    // The publisher's next state, which nobody vetted.
    world.now += DAY * 2;
    world.put("1.0.0", "another");
    world.publish();
    world.save_all("next.tar").await;
    let forged = with_site_of(&world, "next.tar", "v.tar");
    let refused = world.load(&forged, world.now).await;
    assert!(matches!(problem(refused), BundleProblem::Record { .. }));
    // An edited record is not the site's.
    let bundle = world.open("v.tar").unwrap();
    let mut files = bundle.metadata(Side::Site).unwrap();
    let (name, bytes) = files
        .iter_mut()
        .find(|(name, _)| name.ends_with("targets.json"))
        .map(|(n, b)| (n.clone(), b))
        .unwrap();
    let text = String::from_utf8(bytes.clone()).unwrap().replace("2026-11-22", "2026-11-23");
    assert_ne!(text.as_bytes(), bytes.as_slice(), "{name}");
    *bytes = text.into_bytes();
    let mut writer = crate::bundle::writer::Writer::default();
    for artifact in bundle.artifacts().iter().filter(|a| a.name != "site-metadata") {
        writer.carry(&bundle, artifact, &Default::default());
    }
    writer.metadata(Side::Site, files).unwrap();
    writer.write(&world.path("edited.tar")).unwrap();
    assert!(world.load("edited.tar", world.now).await.is_err());
    // By a clock for which the vetting is to come, one of the two is wrong.
    let refused = world.load("v.tar", world.now - DAY * 3).await;
    assert!(matches!(problem(refused), BundleProblem::Record { .. }));
    assert!(world.loaded().current().unwrap().is_none());
    world.load("v.tar", world.now).await.unwrap();
}

#[tokio::test]
async fn an_older_bundle_after_a_newer_one_is_refused_and_the_newer_stays() {
    let mut world = World::new();
    world.save_all("a.tar").await;
    world.vet("a.tar", "old.tar").await.unwrap();
    world.now += DAY;
    world.put("1.2.0", "third");
    world.publish();
    world.save(&selection(&["1.1.0", "1.2.0"]), "b.tar").await;
    world.vet("b.tar", "new.tar").await.unwrap();
    world.load("new.tar", world.now).await.unwrap();
    let before = world.loaded().current().unwrap();
    assert!(matches!(
        world.load("old.tar", world.now).await,
        Err(Error::Rollback { .. } | Error::Tampered { .. })
    ));
    assert_eq!(world.loaded().current().unwrap(), before);
    assert_eq!(world.find("1.2.0").await.unwrap(), component("1.2.0", "third"));
    // Nor with the clock set back.
    assert!(matches!(world.load("new.tar", world.now - DAY).await, Err(Error::ClockSetBack { .. })));
}

#[tokio::test]
async fn a_bundle_on_top_of_another_leaves_out_what_is_there() {
    let mut world = World::new();
    world.save(&selection(&["1.0.0"]), "a.tar").await;
    world.vet("a.tar", "first.tar").await.unwrap();
    world.now += DAY;
    world.publish();
    let since = Some(Since::bundle(&world.open("first.tar").unwrap()));
    let saved = world.save(&Selection { since, ..selection(&["1.0.0", "1.1.0"]) }, "b.tar").await;
    let left_out: Vec<_> = saved.files.iter().filter(|f| f.is_left_out).map(|f| f.path.to_string()).collect();
    assert!(left_out.contains(&path("1.0.0", "component.wasm").to_string()), "{left_out:?}");
    assert!(!left_out.contains(&path("1.1.0", "component.wasm").to_string()), "{left_out:?}");
    world.vet("b.tar", "second.tar").await.unwrap();

    // Where the first never came, it cannot be taken.
    let missing = world.hex_of("1.0.0", "component.wasm");
    assert!(matches!(problem(world.load("second.tar", world.now).await), BundleProblem::Absent { .. }));
    assert!(world.loaded().current().unwrap().is_none());
    world.load("first.tar", world.now).await.unwrap();
    // Nor where the blob is there with other bytes.
    let blob = world.content().path(&missing);
    let good = std::fs::read(&blob).unwrap();
    std::fs::write(&blob, b"damaged").unwrap();
    assert_eq!(problem(world.load("second.tar", world.now).await), BundleProblem::Absent { digest: missing });
    std::fs::write(&blob, good).unwrap();
    world.load("second.tar", world.now).await.unwrap();
    assert_eq!(world.find("1.0.0").await.unwrap(), component("1.0.0", "first"));
    assert_eq!(world.find("1.1.0").await.unwrap(), component("1.1.0", "second"));
}

#[tokio::test]
async fn what_the_site_signed_ends_and_is_renewed_inside() {
    let mut world = World::new();
    world.save_all("a.tar").await;
    world.vet("a.tar", "v.tar").await.unwrap();
    let later = world.now + DAY * 100;
    assert!(matches!(world.load("v.tar", later).await, Err(Error::Expired { .. })));
    let bundle = world.open("v.tar").unwrap();
    let other = KeyPair::from_seed(&[9; 32]).unwrap();
    renew(&bundle, &other, Validity::default(), later, &world.path("other.tar")).unwrap();
    assert!(matches!(world.load("other.tar", later).await, Err(Error::Signatures { .. })));
    renew(&bundle, &world.site_key, Validity::default(), later, &world.path("renewed.tar")).unwrap();
    let verified = world.load("renewed.tar", later).await.unwrap();
    assert_eq!(verified.as_of, world.now);
    assert!(world.find("1.0.0").await.is_ok());
    // What is vetted outside afterwards is newer than what was renewed inside.
    world.now = later + DAY;
    world.publish();
    world.save_all("b.tar").await;
    world.vet("b.tar", "again.tar").await.unwrap();
    assert_eq!(world.load("again.tar", world.now).await.unwrap().as_of, world.now);
}

#[tokio::test]
async fn a_desk_refuses_what_the_publisher_did_not_sign_or_what_is_stale() {
    let mut world = World::new();
    world.save_all("a.tar").await;
    world.now += DAY * 2;
    assert!(matches!(world.vet("a.tar", "v.tar").await, Err(Error::Expired { .. })));
    assert!(!world.path("v.tar").exists());
    // A component under the path of another plugin's version.
    let mut world = World::new();
    let wrong = component("9.9.9", "first");
    let entry = crate::tuf::document::TargetEntry::of(&wrong, None);
    world.swap(&path("1.0.0", "component.wasm"), entry, wrong);
    world.publish();
    let refused = save(&mut world.client(), &selection(&["1.0.0"]), world.now, &world.path("x.tar")).await;
    assert!(matches!(refused, Err(Error::Metadata { .. })));
    assert!(!world.path("x.tar").exists());
}

#[tokio::test]
async fn without_a_site_the_publishers_word_may_be_so_old_and_no_older() {
    let world = World::new();
    world.save_all("a.tar").await;
    let root = world.root();
    let policy = Policy::UpstreamOnly { max_staleness: DAY * 90 };
    let at = |days: i32| world.now + DAY * days;
    let load = async |now| {
        let roots = Roots { upstream: &root, site: None };
        world.loaded().load(&world.open("a.tar").unwrap(), roots, policy, now).await
    };
    // The timestamp was good for a day.
    let refused = load(at(91) + SignedDuration::from_secs(1)).await;
    assert!(matches!(problem(refused), BundleProblem::Stale { .. }));
    assert!(load(at(91)).await.is_ok());
    assert!(world.find("1.0.0").await.is_ok());
    assert!(matches!(load(at(90)).await, Err(Error::ClockSetBack { .. })));
}

#[tokio::test]
async fn verifying_takes_nothing_and_needs_the_right_roots() {
    let world = World::new();
    world.save_all("a.tar").await;
    world.vet("a.tar", "v.tar").await.unwrap();
    let bundle = world.open("v.tar").unwrap();
    let (root, site) = (world.root(), world.site_root());
    let trust = |upstream: &[u8], site: &[u8]| Trust {
        upstream: Store::in_memory(upstream),
        site: Some(Store::in_memory(site)),
        policy: Policy::Vetted,
    };
    verify(&bundle, trust(&root, &site), None, world.now).await.unwrap();
    assert!(verify(&bundle, trust(&site, &site), None, world.now).await.is_err());
    assert!(verify(&bundle, trust(&root, &root), None, world.now).await.is_err());
    assert!(!world.path("inside").exists());
    // A place that was brought in with one root does not take another's word.
    world.load("v.tar", world.now).await.unwrap();
    let roots = Roots { upstream: &root, site: Some(&root) };
    let refused = world.loaded().load(&bundle, roots, Policy::Vetted, world.now).await;
    assert!(matches!(refused, Err(Error::StoreDamaged { .. })));
}

#[tokio::test]
async fn a_file_that_changes_after_it_was_opened_is_found_out() {
    let world = World::new();
    world.save_all("a.tar").await;
    world.vet("a.tar", "v.tar").await.unwrap();
    let bundle = crate::bundle::Bundle::open(&world.path("v.tar"), Limits::default()).unwrap();
    let bytes = std::fs::read(world.path("v.tar")).unwrap();
    let needle = component("1.0.0", "first");
    let at = bytes.windows(needle.len()).position(|window| window == needle).unwrap();
    let mut changed = bytes.clone();
    changed[at + needle.len() - 1] ^= 1;
    std::fs::write(world.path("v.tar"), changed).unwrap();
    let (upstream, site) = (world.root(), world.site_root());
    let roots = Roots { upstream: &upstream, site: Some(&site) };
    let refused = world.loaded().load(&bundle, roots, Policy::Vetted, world.now).await;
    assert!(matches!(problem(refused), BundleProblem::Digest { .. }));
    assert!(world.loaded().current().unwrap().is_none());
    assert!(!world.content().has(&Digest::of(&needle)));
}

/// An image layout as other programs write one: an index of one image, its configuration and a layer.
fn image(world: &World) -> (std::path::PathBuf, Digest) {
    let folder = world.path("image");
    let put = |bytes: &[u8]| {
        let path = folder.join("blobs/sha256").join(Digest::of(bytes).hex());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
        serde_json::json!({"digest": Digest::of(bytes).to_string(), "size": bytes.len()})
    };
    let typed = |mut descriptor: serde_json::Value, media_type: &str| {
        descriptor["mediaType"] = media_type.into();
        descriptor
    };
    let config = typed(put(b"{}"), "application/vnd.oci.image.config.v1+json");
    let layer = typed(put(b"a layer"), "application/vnd.oci.image.layer.v1.tar+gzip");
    let manifest = serde_json::json!({"schemaVersion": 2, "config": config, "layers": [layer]}).to_string();
    let manifest = typed(put(manifest.as_bytes()), "application/vnd.oci.image.manifest.v1+json");
    let several = serde_json::json!({"schemaVersion": 2, "manifests": [manifest]}).to_string();
    let several = typed(put(several.as_bytes()), "application/vnd.oci.image.index.v1+json");
    let digest = several["digest"].as_str().unwrap().parse().unwrap();
    let index = serde_json::json!({"schemaVersion": 2, "manifests": [several]}).to_string();
    std::fs::write(folder.join("index.json"), index).unwrap();
    (folder, digest)
}

#[tokio::test]
async fn images_go_along_if_the_site_signs_for_them() {
    let world = World::new();
    let (folder, digest) = image(&world);
    let artifacts = vec![("images/tool:1".to_owned(), folder)];
    world.save(&Selection { artifacts, ..selection(&["1.0.0"]) }, "with.tar").await;
    world.save(&selection(&["1.0.0"]), "without.tar").await;
    // Nobody but a site signs for it.
    let root = world.root();
    let roots = Roots { upstream: &root, site: None };
    let policy = Policy::UpstreamOnly { max_staleness: DAY };
    let refused = world.loaded().load(&world.open("with.tar").unwrap(), roots, policy, world.now).await;
    assert!(matches!(problem(refused), BundleProblem::Unsigned { .. }));
    world.vet("without.tar", "v.tar").await.unwrap();
    let forged = with_site_of(&world, "with.tar", "v.tar");
    assert!(matches!(problem(world.load(&forged, world.now).await), BundleProblem::Unsigned { .. }));
    assert!(!world.content().has(&Digest::of(b"a layer")));
    world.vet("with.tar", "v.tar").await.unwrap();
    let verified = world.load("v.tar", world.now).await.unwrap();
    assert_eq!(verified.artifacts["images/tool:1"], digest);
    assert_eq!(world.content().get(&Digest::of(b"a layer")).unwrap(), b"a layer");
    assert_eq!(world.loaded().current().unwrap().unwrap().artifacts.len(), 1);
    // The name of a plugin is not to be had.
    let artifacts = vec![("plugins/acme/cloud:9.0.0".to_owned(), world.path("image"))];
    let selection = Selection { artifacts, ..selection(&["1.0.0"]) };
    let refused = save(&mut world.client(), &selection, world.now, &world.path("x.tar")).await;
    assert!(matches!(refused, Err(Error::Metadata { .. })));
}

#[tokio::test]
async fn what_was_revoked_cannot_be_left_out_on_the_way() {
    let world = World::new();
    world.save_all("a.tar").await;
    world.vet("a.tar", "v.tar").await.unwrap();
    let bundle = world.open("v.tar").unwrap();
    let mut writer = crate::bundle::writer::Writer::default();
    for artifact in bundle.artifacts().iter().filter(|a| a.name != "registry") {
        writer.carry(&bundle, artifact, &Default::default());
    }
    writer.write(&world.path("forged.tar")).unwrap();
    let refused = world.load("forged.tar", world.now).await;
    assert!(matches!(problem(refused), BundleProblem::Layout { .. }));
}

#[tokio::test]
async fn the_sites_word_alone_is_not_enough() {
    let world = World::new();
    world.save_all("a.tar").await;
    let vetted = world.vet("a.tar", "v.tar").await.unwrap();
    // The site signs for other bytes than the publisher did, with an honest record beside.
    let other = component("1.0.0", "the site's own");
    let custom = vetted.vetting.custom(None).unwrap();
    let entry = crate::tuf::document::TargetEntry::of(&other, Some(custom));
    let folder = world.path("site");
    let site =
        crate::bundle::site::Site::open_or_make(&folder, &world.site_key, Validity::default(), world.now)
            .unwrap();
    let path = path("1.0.0", "component.wasm");
    let entries = std::collections::BTreeMap::from([(path.clone(), entry)]);
    let signed = site.list(entries, &world.site_key, Validity::default(), world.now).unwrap();
    drop(site);
    let bundle = world.open("v.tar").unwrap();
    let mut writer = crate::bundle::writer::Writer::default();
    for artifact in bundle.artifacts().iter().filter(|a| a.name != "site-metadata") {
        writer.carry(&bundle, artifact, &Default::default());
    }
    writer.metadata(Side::Site, signed).unwrap();
    writer.write(&world.path("forged.tar")).unwrap();
    let refused = problem(world.load("forged.tar", world.now).await);
    assert!(matches!(&refused, BundleProblem::Disagreement { path: of, .. } if *of == path), "{refused}");
    assert!(world.loaded().current().unwrap().is_none());
}
