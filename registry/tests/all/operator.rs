//! What an operator may do, and what is not admitted.

use jiff::SignedDuration;
use serde_json::{Value, json};
use skywright_registry::Error;
use skywright_registry::tuf::document::{Document, Signed, sign_value, to_value};
use skywright_registry::tuf::operator::{Lifetimes, OwnerRequest, Refusal, RoleSigners};
use skywright_registry::tuf::publisher::Staged;
use skywright_registry::tuf::{
    HexDigest, Namespace, Revocations, RevokedPlugin, RevokedSubject, Signer, TargetPath, Verifier, Yanked,
};

use crate::support::{World, acme, add, block_on, days, now, pair, path};

const COMPONENT: &str = "plugins/acme/cloud/1.0.0/component.wasm";

fn refusal(result: Result<impl std::fmt::Debug, Error>) -> Refusal {
    match result {
        Err(Error::NotAdmitted(refusal)) => *refusal,
        other => panic!("{other:?}"),
    }
}

/// A publication of `acme/cloud` 1.1.0, with one of its roles changed and signed again.
fn tampered(world: &World, role: &str, signer: &dyn Signer, change: impl FnOnce(&mut Value)) -> Refusal {
    let mut draft = world.draft();
    add(&mut draft, "acme/cloud", "1.1.0");
    draft.renew();
    let mut staged = world.sign(draft);
    let name = staged.files.keys().find(|name| name.ends_with(&format!(".{role}.json"))).unwrap().clone();
    let file: Value = serde_json::from_slice(&staged.files[&name]).unwrap();
    let mut signed = file["signed"].clone();
    change(&mut signed);
    staged.files.insert(name, sign_value(&signed, &[signer]).unwrap());
    admit(world, &staged)
}

fn admit(world: &World, staged: &Staged) -> Refusal {
    let before = world.operator.verify(true, now()).unwrap();
    let folder = world.stage(staged);
    let refusal = refusal(world.operator.admit(&acme(), folder.path(), &world.keys.online(), now()));
    assert_eq!(world.operator.verify(true, now()).unwrap().versions, before.versions);
    refusal
}

#[test]
fn only_what_the_publisher_may_sign_is_admitted() {
    let world = World::published();
    let release = &world.keys.release;
    let is = |refusal: Refusal, expected: fn(&Refusal) -> bool| assert!(expected(&refusal), "{refusal:?}");

    is(tampered(&world, "acme-release", &pair(99), |_| ()), |it| matches!(it, Refusal::ForeignKey { .. }));
    is(tampered(&world, "acme", &world.keys.owner[0], |_| ()), |it| {
        matches!(it, Refusal::Threshold { signed: 1, threshold: 2, .. })
    });
    is(tampered(&world, "acme-release", release, |it| it["version"] = json!(2 + 1)), |it| {
        matches!(it, Refusal::Layout(_))
    });
    is(tampered(&world, "acme-release", release, |it| it["expires"] = json!("2026-12-21T23:59:59Z")), |it| {
        matches!(it, Refusal::ExpiresTooSoon { .. })
    });
    is(
        tampered(&world, "acme-release", release, |it| {
            let entry = it["targets"][COMPONENT].clone();
            it["targets"]["plugins/globex/cloud/1.0.0/component.wasm"] = entry;
        }),
        |it| matches!(it, Refusal::OutsideNamespace { .. }),
    );
    is(tampered(&world, "acme-release", release, |it| it["targets"][COMPONENT]["length"] = json!(1)), |it| {
        matches!(it, Refusal::Changed { .. })
    });
    is(
        tampered(&world, "acme-release", release, |it| {
            it["targets"][COMPONENT]["hashes"]["sha256"] = json!("00".repeat(32));
        }),
        |it| matches!(it, Refusal::Changed { what: "its digest", .. }),
    );
    is(
        tampered(&world, "acme-release", release, |it| {
            it["targets"][COMPONENT]["custom"]["plugin"]["title"] = json!("Other");
        }),
        |it| matches!(it, Refusal::Changed { .. }),
    );
    is(
        tampered(&world, "acme-release", release, |it| {
            let entry = it["targets"]["plugins/acme/cloud/1.0.0/docs.md"].clone();
            it["targets"]["plugins/acme/cloud/1.0.0/more.md"] = entry;
        }),
        |it| matches!(it, Refusal::Changed { what: "the set of its version's files", .. }),
    );
    let new = "plugins/acme/cloud/1.1.0/component.wasm";
    for (fact, value) in [("capabilities", json!([])), ("title", json!("Other")), ("kind", json!("feature"))]
    {
        is(
            tampered(&world, "acme-release", release, |it| {
                it["targets"][new]["custom"]["plugin"][fact] = value
            }),
            |it| matches!(it, Refusal::Disagrees { .. }),
        );
    }
    is(
        tampered(&world, "acme-release", release, |it| {
            it["targets"].as_object_mut().unwrap().remove("plugins/acme/cloud/1.1.0/sbom.cdx.json");
        }),
        |it| matches!(it, Refusal::Sbom { .. }),
    );
    is(
        tampered(&world, "acme-release", release, |it| {
            it["targets"][new]["custom"]["plugin"]["sbom"] = json!("00".repeat(32));
        }),
        |it| matches!(it, Refusal::Sbom { .. }),
    );
    is(
        tampered(&world, "acme-release", release, |it| {
            it["targets"][new].as_object_mut().unwrap().remove("custom");
        }),
        |it| matches!(it, Refusal::File { .. }),
    );
}

#[test]
fn only_a_publication_that_every_client_reads_is_admitted() {
    let world = World::published();
    let mut draft = world.draft();
    add(&mut draft, "acme/cloud", "1.1.0");
    let good = world.sign(draft);
    let role = "metadata/2.acme-release.json".to_owned();

    let mut staged = good.clone();
    let text = String::from_utf8(staged.files[&role].clone()).unwrap();
    let twice = text.replace(r#""version":2"#, r#""version":1,"version":2"#);
    staged.files.insert(role.clone(), twice.into_bytes());
    let folder = world.stage(&staged);
    let error = world.operator.admit(&acme(), folder.path(), &world.keys.online(), now()).unwrap_err();
    assert!(error.to_string().contains("twice"), "{error}");

    let mut staged = good.clone();
    staged.files.insert("metadata/1.globex.json".to_owned(), b"{}".to_vec());
    assert!(matches!(admit(&world, &staged), Refusal::Layout(_)));

    let mut staged = good.clone();
    staged.files.retain(|name, _| !name.ends_with("component.wasm"));
    assert!(matches!(admit(&world, &staged), Refusal::File { .. }));
    let mut staged = good.clone();
    for (name, bytes) in &mut staged.files {
        if name.ends_with("component.wasm") {
            bytes[100] ^= 1;
        }
    }
    assert!(matches!(admit(&world, &staged), Refusal::File { .. }));

    let stranger: Namespace = "globex".parse().unwrap();
    let folder = world.stage(&good);
    let refused = world.operator.admit(&stranger, folder.path(), &world.keys.online(), now());
    assert!(matches!(refusal(refused), Refusal::NotDelegated(_)));
    let offline = world.operator.admit(&acme(), folder.path(), &[&world.keys.timestamp], now());
    assert!(matches!(offline, Err(Error::Signatures { .. })));

    // And the good one is, byte for byte, and once.
    let admission = world.operator.admit(&acme(), folder.path(), &world.keys.online(), now()).unwrap();
    assert_eq!(admission.added.len(), 3);
    assert_eq!(std::fs::read(world.repository().join(&role)).unwrap(), good.files[&role]);
    assert!(matches!(admit(&world, &good), Refusal::Version { expected: 3, found: 2, .. }));
}

#[test]
fn a_component_that_the_host_would_not_take_is_not_admitted() {
    let world = World::published();
    let mut draft = world.draft();
    let manifest = br#"{"id":"acme/empty","version":"1.0.0","kind":"provider","contract":"0.1.0","title":"T","license":"MIT","report":"r"}"#;
    let manifest = skywright_contract::Manifest::from_json(manifest).unwrap();
    let component =
        skywright_contract::embed_manifest(&wat::parse_str("(component)").unwrap(), &manifest).unwrap();
    let sbom = crate::support::sbom("acme/empty", "1.0.0");
    let release = skywright_registry::tuf::publisher::Release {
        component: &component,
        sbom: &sbom,
        docs: None,
        source_revision: None,
        others: Default::default(),
    };
    draft.add(&release).unwrap();
    assert!(matches!(admit(&world, &world.sign(draft)), Refusal::Component { .. }));

    let mut draft = world.draft();
    let component = crate::support::component("acme/other", "1.0.0");
    draft
        .add(&skywright_registry::tuf::publisher::Release { component: &component, sbom: b"{}", ..release })
        .unwrap();
    assert!(matches!(admit(&world, &world.sign(draft)), Refusal::Sbom { .. }));
}

#[test]
fn a_withdrawn_version_does_not_come_back_changed() {
    let world = World::published();
    let mut draft = world.draft();
    draft.remove(&path(COMPONENT)).unwrap();
    let staged = world.stage(&world.sign(draft));
    let admission = world.operator.admit(&acme(), staged.path(), &world.keys.online(), now()).unwrap();
    assert_eq!(admission.removed.len(), 3);

    let mut draft = world.draft();
    let component = crate::support::component("acme/cloud", "1.0.0");
    let sbom = br#"{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{"component":{"name":"changed","version":"1.0.0"}},"components":[]}"#;
    let release = skywright_registry::tuf::publisher::Release {
        component: &component,
        sbom,
        docs: None,
        source_revision: None,
        others: Default::default(),
    };
    draft.add(&release).unwrap();
    assert!(matches!(admit(&world, &world.sign(draft)), Refusal::Changed { .. }));
    world.publish("acme/cloud", "1.0.0");
}

#[test]
fn a_version_is_yanked_and_says_so() {
    let world = World::published();
    world.publish("acme/cloud", "1.1.0");
    let mut draft = world.draft();
    let yanked = Yanked { reason: "leaks".to_owned(), replacement: Some("1.1.0".parse().unwrap()) };
    draft.yank(&path(COMPONENT), &yanked).unwrap();
    let staged = world.stage(&draft.sign(&[], &[&world.keys.release], now()).unwrap());
    world.operator.admit(&acme(), staged.path(), &world.keys.online(), now()).unwrap();
    let mut client = world.client();
    block_on(client.refresh(now())).unwrap();
    let target = block_on(client.resolve(&path(COMPONENT), now())).unwrap();
    assert_eq!(target.facts().unwrap().yanked, Some(yanked));
    block_on(client.fetch(&target)).unwrap();
}

#[test]
fn a_publisher_replaces_its_release_key_alone() {
    let world = World::published();
    let stolen = &world.keys.release;
    let old = world.sign({
        let mut draft = world.draft();
        add(&mut draft, "acme/cloud", "1.1.0");
        draft
    });
    let new = pair(77);
    let mut draft = world.draft();
    draft.set_release_keys(&RoleSigners::one(new.public_key()));
    let staged = draft.sign(&world.keys.owner_signers(), &[&new], now()).unwrap();
    let folder = world.stage(&staged);
    world.operator.admit(&acme(), folder.path(), &world.keys.online(), now()).unwrap();
    let mut client = world.client();
    block_on(client.refresh(now())).unwrap();
    let target = block_on(client.resolve(&path(COMPONENT), now())).unwrap();
    assert_eq!(target.chain[2].key_ids, [new.public_key().id()]);
    assert!(!target.key_ids().contains(&stolen.public_key().id()));
    // The thief's publication was good, and is not any more.
    assert!(matches!(admit(&world, &old), Refusal::Version { .. }));
    let mut thief = world.draft();
    add(&mut thief, "acme/cloud", "6.6.6");
    let staged = thief.sign(&[], &[stolen], now()).unwrap();
    assert!(matches!(admit(&world, &staged), Refusal::ForeignKey { .. }));
}

#[test]
fn an_owner_asks_for_a_namespace_and_later_for_new_keys() {
    let world = World::new();
    let globex: Namespace = "globex".parse().unwrap();
    let (old, new) = (pair(40), pair(41));
    let owners = RoleSigners::one(old.public_key());
    let request = OwnerRequest::new(globex.clone(), &owners, None, now());
    // Nobody gets a namespace for a key that is not theirs.
    let foreign = request.sign(&[&new]).unwrap();
    let operator = world.keys.operator();
    let refused = world.operator.accept(&foreign, None, &operator, now());
    assert!(matches!(refusal(refused), Refusal::Threshold { .. }));
    let signed = request.sign(&[&old]).unwrap();
    assert!(world.operator.accept(&signed, None, &operator, now() + days(31)).is_err());
    world.operator.accept(&signed, None, &operator, now()).unwrap();
    assert!(matches!(refusal(world.operator.accept(&signed, None, &operator, now())), Refusal::Role { .. }));

    let publish = |signers: &[&dyn Signer]| {
        let mut client = world.client();
        block_on(client.refresh(now())).unwrap();
        let metadata = block_on(client.metadata(std::slice::from_ref(&globex), now())).unwrap();
        let mut draft = skywright_registry::tuf::publisher::Draft::new(globex.clone(), &metadata).unwrap();
        draft.renew();
        world.stage(&draft.sign(signers, &[], now()).unwrap())
    };
    world.operator.admit(&globex, publish(&[&old]).path(), &world.keys.online(), now()).unwrap();
    let replaces =
        skywright_registry::tuf::document::RoleKeys { keyids: [old.public_key().id()].into(), threshold: 1 };
    let change =
        OwnerRequest::new(globex.clone(), &RoleSigners::one(new.public_key()), Some(replaces), now());
    // Without the old key's word nobody takes a namespace over.
    let alone = change.sign(&[&new]).unwrap();
    let staged = publish(&[&new]);
    let refused = world.operator.accept(&alone, Some(staged.path()), &operator, now());
    assert!(matches!(refusal(refused), Refusal::Threshold { .. }));
    let both = change.sign(&[&old, &new]).unwrap();
    assert!(matches!(refusal(world.operator.accept(&both, None, &operator, now())), Refusal::Layout(_)));
    world.operator.accept(&both, Some(staged.path()), &operator, now()).unwrap();
    let report = world.operator.verify(true, now()).unwrap();
    assert!(report.publishers.iter().all(|publisher| publisher.problem.is_none()), "{report:?}");
    assert!(matches!(
        refusal(world.operator.admit(&globex, publish(&[&old]).path(), &world.keys.online(), now())),
        Refusal::ForeignKey { .. }
    ));
}

#[test]
fn what_is_revoked_is_read_by_clients() {
    let world = World::published();
    let entry = |reason: &str| RevokedPlugin {
        subject: RevokedSubject::Digest(HexDigest(skywright_contract::Digest::of(b"x"))),
        reason: reason.to_owned(),
        advisory: None,
        revoked: now(),
    };
    world.operator.revoke(entry("mines"), &world.keys.operator(), now()).unwrap();
    world.operator.revoke(entry("mines too"), &world.keys.operator(), now()).unwrap();
    assert!(world.operator.revoke(entry(""), &world.keys.operator(), now()).is_err());
    assert!(world.operator.revoke(entry("x"), &world.keys.online(), now()).is_err());
    let mut client = world.client();
    block_on(client.refresh(now())).unwrap();
    let target = block_on(client.resolve(&TargetPath::revocations(), now())).unwrap();
    assert_eq!(target.owner_key_ids().len(), 3);
    let list = Revocations::read(&block_on(client.fetch(&target)).unwrap()).unwrap();
    assert_eq!(list.revoked.len(), 2);
}

#[test]
fn roots_are_followed_and_stolen_online_keys_are_shut_out() {
    let mut world = World::published();
    let mut client = world.client();
    block_on(client.refresh(now())).unwrap();
    let mut keys = world.keys.top_level();
    let (root, snapshot, timestamp) = (pair(50), pair(51), pair(52));
    keys.root.keys[0] = root.public_key();
    keys.snapshot = RoleSigners::one(snapshot.public_key());
    keys.timestamp = RoleSigners::one(timestamp.public_key());
    let two_new: Vec<&dyn Signer> = vec![&root, &world.keys.root[1], &snapshot, &timestamp];
    assert!(matches!(world.operator.rotate_root(&keys, &two_new, now()), Err(Error::Signatures { .. })));
    let mut signers: Vec<&dyn Signer> = vec![&world.keys.root[2], &world.keys.root[1]];
    signers.extend([&root as &dyn Signer, &snapshot, &timestamp]);
    let versions = world.operator.rotate_root(&keys, &signers, now()).unwrap();
    assert_eq!(versions.root, 2);
    assert_eq!(block_on(client.refresh(now())).unwrap(), versions);
    block_on(client.resolve(&path(COMPONENT), now())).unwrap();
    assert!(world.operator.refresh(&world.keys.online(), now()).is_err());
    (world.keys.snapshot, world.keys.timestamp) = (snapshot, timestamp);
    world.operator.refresh(&world.keys.online(), now()).unwrap();
    world.publish("acme/cloud", "1.1.0");
    block_on(client.refresh(now())).unwrap();
}

#[test]
fn what_has_ended_is_renewed() {
    let world = World::published();
    let later = now() + days(8);
    let mut client = world.client();
    assert!(block_on(client.refresh(later)).is_err());
    let before = world.operator.refresh(&world.keys.online(), now()).unwrap();
    assert_eq!((before.timestamp, before.snapshot), (4, 3));
    let after = world.operator.refresh(&world.keys.online(), later).unwrap();
    assert_eq!((after.timestamp, after.snapshot), (5, 4));
    block_on(client.refresh(later)).unwrap();
    let long = Lifetimes { timestamp: SignedDuration::from_hours(48), ..Lifetimes::default() };
    world.operator.clone().with_lifetimes(long).refresh(&world.keys.online(), later).unwrap();
    block_on(client.refresh(later)).unwrap();
    assert_eq!(client.expires().unwrap(), later + days(2));
}

#[test]
fn a_kill_between_any_two_files_leaves_a_good_repository() {
    let world = World::published();
    let before = world.folder.path().join("before");
    crate::support::copy(world.repository(), &before);
    world.publish("acme/cloud", "1.1.0");
    let written = |root: &std::path::Path| {
        let mut files = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path)
                } else {
                    files.push(path.strip_prefix(root).unwrap().to_owned())
                }
            }
        }
        files
    };
    let new: Vec<_> =
        written(world.repository()).into_iter().filter(|file| !before.join(file).exists()).collect();
    assert_eq!(new.len(), 5, "{new:?}");
    // Whichever of the new files are there, without the timestamp that names them the old state is good; and the next
    // publication goes through.
    for mask in 0..1_u32 << new.len() {
        let part = world.folder.path().join(format!("part-{mask}"));
        crate::support::copy(&before, &part);
        for (_, file) in new.iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0) {
            std::fs::create_dir_all(part.join(file).parent().unwrap()).unwrap();
            std::fs::copy(world.repository().join(file), part.join(file)).unwrap();
        }
        let operator = skywright_registry::tuf::operator::Operator::open(&part);
        let report = operator.verify(true, now()).unwrap();
        assert!(report.publishers[0].problem.is_none() && report.publishers[0].files == 3, "{report:?}");
        operator.refresh(&world.keys.online(), now()).unwrap();
        std::fs::remove_dir_all(part).unwrap();
    }
}

#[test]
fn one_publishers_broken_role_is_nobody_elses_trouble() {
    let world = World::published();
    let globex: Namespace = "globex".parse().unwrap();
    let owner = pair(40);
    world
        .operator
        .delegate(&globex, &RoleSigners::one(owner.public_key()), &world.keys.operator(), now())
        .unwrap();
    let mut draft =
        skywright_registry::tuf::publisher::Draft::new(globex.clone(), &Default::default()).unwrap();
    draft.renew();
    let staged = world.stage(&draft.sign(&[&owner], &[], now()).unwrap());
    world.operator.admit(&globex, staged.path(), &world.keys.online(), now()).unwrap();
    std::fs::write(world.repository().join("metadata/1.globex.json"), b"{}").unwrap();
    let report = world.operator.verify(true, now()).unwrap();
    let [acme_report, globex_report] = report.publishers.as_slice() else { panic!("{report:?}") };
    assert!(acme_report.problem.is_none() && globex_report.problem.is_some(), "{report:?}");
    world.publish("acme/cloud", "1.1.0");
}

#[test]
fn a_role_reads_as_it_was_written() {
    let world = World::published();
    let bytes = std::fs::read(world.repository().join("metadata/1.acme-release.json")).unwrap();
    let signed = Signed::read("acme-release", &bytes).unwrap();
    let Document::Targets(targets) = &signed.document else { panic!() };
    assert_eq!(targets.targets.len(), 3);
    let again = sign_value(&to_value(&signed.document).unwrap(), &[&world.keys.release]).unwrap();
    assert_eq!(again, bytes);
}
