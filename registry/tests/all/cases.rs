//! The attack corpus: repositories, good and bad, and what has to be said of each.

use jiff::Timestamp;
use serde_json::{Value, json};
use skywright_contract::Digest;
use skywright_registry::bundle::{Bundle, Desk, Limits, Selection, Side, Validity, save, vet};
use skywright_registry::tuf::operator::RoleSigners;
use skywright_registry::tuf::{Layout, Signer, Yanked};

use crate::lab::{
    BYTES, COMPONENT, Files, Lab, Part, after, delegation, entry, hashed, id, ids, keys, role, sign,
};
use crate::support::{World, acme, block_on, component, days, now, pair};

/// A repository, or several that are seen one after the other, and the verdict on the last.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// In which order they are seen, and when.
    pub(crate) visits: Vec<(Files, Timestamp)>,
    /// What is asked for.
    pub(crate) path: String,
    /// Who may list plugins.
    pub(crate) layout: Layout,
    /// What is there.
    pub(crate) digest: Digest,
    /// Whether our client accepts it.
    pub(crate) accepted: bool,
    /// Where the others' verdict differs, and why that is right.
    pub(crate) differs: Option<Difference>,
}

/// Where another client says otherwise.
pub(crate) struct Difference {
    /// What python-tuf says.
    pub(crate) python: bool,
    /// What tuf-js says.
    pub(crate) javascript: bool,
    /// Why ours is another one by intent.
    pub(crate) because: &'static str,
}

const TUF_JS_IS_LAX: &str = "tuf-js does not look at it; the specification and python-tuf refuse it";

const GLOBEX: &str = "plugins/globex/cloud/1.0.0/component.wasm";

fn case(name: &'static str, accepted: bool, files: Files) -> Case {
    let digest = Digest::of(BYTES);
    Case {
        name,
        visits: vec![(files, now())],
        path: COMPONENT.to_owned(),
        layout: Layout::Publishers,
        digest,
        accepted,
        differs: None,
    }
}

fn good(name: &'static str, change: impl FnOnce(&mut Lab)) -> Case {
    let mut lab = Lab::new();
    change(&mut lab);
    case(name, true, lab.files())
}

fn bad(name: &'static str, change: impl FnOnce(&mut Lab)) -> Case {
    let mut lab = Lab::new();
    change(&mut lab);
    case(name, false, lab.files())
}

/// A good repository whose files are changed behind its operator's back.
fn meddled(name: &'static str, change: impl FnOnce(&mut Files)) -> Case {
    let mut files = Lab::new().files();
    change(&mut files);
    case(name, false, files)
}

/// One after the other.
fn visits(name: &'static str, accepted: bool, labs: Vec<Lab>) -> Case {
    let visits = labs.iter().map(|lab| (lab.files(), now())).collect();
    Case { visits, ..case(name, accepted, Files::new()) }
}

impl Case {
    fn at(mut self, time: Timestamp) -> Self {
        self.visits[0].1 = time;
        self
    }

    fn asking(mut self, path: &str) -> Self {
        path.clone_into(&mut self.path);
        self
    }

    /// Others take what we refuse.
    fn stricter(mut self, because: &'static str) -> Self {
        self.differs = Some(Difference { python: true, javascript: true, because });
        self
    }

    fn others(mut self, python: bool, javascript: bool, because: &'static str) -> Self {
        self.differs = Some(Difference { python, javascript, because });
        self
    }
}

pub(crate) fn cases() -> Vec<Case> {
    let mut all = accepted();
    all.extend(our_own());
    all.extend(bundled());
    all.extend(changed_files());
    all.extend(ended());
    all.extend(signatures());
    all.extend(rollbacks());
    all.extend(delegations());
    all.extend(malformed());
    all.extend(files());
    all.extend(stricter());
    all
}

fn accepted() -> Vec<Case> {
    let rotated = |lab: &mut Lab| {
        let root = lab.next_root();
        root.signed["keys"] = keys(&[2, 3, 13, 4, 5, 6, 7, 8]);
        root.signed["roles"]["root"] = role(&[2, 3, 13], 2);
        root.signers = vec![2, 3];
        lab.next_root().signers = vec![3, 13];
    };
    let mut ahead = Lab::new();
    ahead.timestamp_version = 1 << 40;
    ahead.snapshot_version = 1 << 40;
    let mut recovered = Lab::new();
    let root = recovered.next_root();
    root.signed["keys"] = keys(&[1, 2, 3, 4, 5, 6, 17, 18]);
    root.signed["roles"]["snapshot"] = role(&[17], 1);
    root.signed["roles"]["timestamp"] = role(&[18], 1);
    (recovered.snapshot_signers, recovered.timestamp_signers) = (vec![17], vec![18]);
    let globex = |change: fn(&mut Lab, &mut Files)| {
        let mut lab = Lab::with_globex();
        let mut files = lab.files();
        change(&mut lab, &mut files);
        files
    };
    vec![
        good("good", |_| ()),
        good("good-more-signatures-than-needed", |lab| lab.targets.signers = vec![4, 5, 6]),
        good("good-signature-of-a-stranger-beside", |lab| lab.targets.signers = vec![4, 5, 99]),
        good("good-fields-that-nobody-knows", |lab| {
            lab.release().signed["x-more"] = json!({ "a": [1, "b"] })
        }),
        good("good-two-roots-later", rotated),
        good("good-first-root-ended", |lab| {
            lab.roots[0].signed["expires"] = json!(after(-1));
            lab.next_root().signed["expires"] = json!(after(300));
        }),
        good("good-listed-by-the-owner", |lab| {
            lab.acme().signed["targets"] = json!({ COMPONENT: entry(BYTES) });
            lab.acme().signed.as_object_mut().unwrap().remove("delegations");
            lab.roles.remove("acme-release");
        }),
        good("good-release-key-replaced", |lab| {
            lab.acme().signed["delegations"]["keys"] = keys(&[15]);
            lab.acme().signed["delegations"]["roles"][0]["keyids"] = json!(ids(&[15]));
            lab.release().signers = vec![15];
        }),
        good("good-yanked", |lab| {
            lab.component()["custom"] = json!({ "plugin": { "yanked": { "reason": "old" } } })
        }),
        good("good-text-in-other-scripts", |lab| {
            lab.component()["custom"] = json!({ "title": "Wölkchen \"雲\"\n\u{7f}" })
        }),
        case("good-written-with-spaces", true, {
            let lab = Lab::new();
            let mut files = lab.files();
            let value: Value = serde_json::from_slice(&files["metadata/timestamp.json"]).unwrap();
            files.insert("metadata/timestamp.json".into(), serde_json::to_vec_pretty(&value).unwrap());
            files
        }),
        visits("good-newer-after-older", true, vec![Lab::new(), Lab::new().later()]),
        visits("good-the-same-twice", true, vec![Lab::new(), Lab::new()]),
        visits("good-versions-start-anew-with-new-online-keys", true, vec![ahead, recovered]),
        case(
            "good-other-publisher-missing",
            true,
            globex(|_, files| {
                files.remove("metadata/1.globex.json");
            }),
        ),
        case(
            "good-other-publisher-garbled",
            true,
            globex(|_, files| {
                files.insert("metadata/1.globex.json".into(), b"{".to_vec());
            }),
        ),
        case(
            "good-other-publisher-ended",
            true,
            globex(|lab, files| {
                lab.roles.get_mut("globex").unwrap().signed["expires"] = json!(after(-1));
                *files = lab.files();
            }),
        ),
        case(
            "good-other-publisher-unsigned",
            true,
            globex(|lab, files| {
                lab.roles.get_mut("globex").unwrap().signers = vec![99];
                *files = lab.files();
            }),
        ),
        case("good-both-publishers", true, Lab::with_globex().files()).asking(GLOBEX),
    ]
}

/// As the operator and the publisher of this crate make them.
fn our_own() -> Vec<Case> {
    let mut world = World::published();
    let first = read(world.repository());
    world.publish("acme/cloud", "1.1.0");
    let mut draft = world.draft();
    let yanked = Yanked { reason: "old".to_owned(), replacement: None };
    draft.yank(&COMPONENT.parse().unwrap(), &yanked).unwrap();
    let staged = world.stage(&world.sign(draft));
    world.operator.admit(&acme(), staged.path(), &world.keys.online(), now()).unwrap();
    let mut top_level = world.keys.top_level();
    let timestamp = pair(52);
    top_level.timestamp = RoleSigners::one(timestamp.public_key());
    let mut signers = world.keys.operator();
    signers.push(&timestamp);
    world.operator.rotate_root(&top_level, &signers, now()).unwrap();
    world.keys.timestamp = timestamp;
    world.operator.refresh(&world.keys.online(), now()).unwrap();
    let later = read(world.repository());
    let digest = Digest::of(&component("acme/cloud", "1.0.0"));
    let ours = |name, visits| Case { visits, digest, ..case(name, true, Files::new()) };
    vec![
        ours("good-our-own", vec![(first.clone(), now())]),
        ours("good-our-own-later", vec![(later.clone(), now())]),
        ours("good-our-own-followed", vec![(first, now()), (later, now())]),
    ]
}

/// Both repositories of a bundle, as they come out of it.
fn bundled() -> Vec<Case> {
    let world = World::published();
    let home = world.folder.path();
    let (saved, vetted) = (home.join("saved.tar"), home.join("vetted.tar"));
    let selection = Selection {
        plugins: vec![("acme/cloud".parse().unwrap(), "1.0.0".parse().unwrap())],
        ..Selection::default()
    };
    let (root, signer) = (world.operator.first_root().unwrap(), pair(60));
    let desk = Desk {
        folder: &home.join("site"),
        signer: &signer,
        upstream_root: Some(&root),
        validity: Validity::default(),
        by: "Ada",
        ticket: None,
    };
    block_on(async {
        save(&mut world.client(), &selection, now(), &saved).await.unwrap();
        vet(&Bundle::open(&saved, Limits::default()).unwrap(), &desk, now(), &vetted).await.unwrap();
    });
    let bundle = Bundle::open(&vetted, Limits::default()).unwrap();
    let digest = Digest::of(&component("acme/cloud", "1.0.0"));
    let side = |name, side, layout, time| {
        let mut files = Files::new();
        for (file, bytes) in bundle.metadata(side).unwrap() {
            files.insert(format!("metadata/{file}"), bytes);
        }
        for (path, layer) in bundle.targets() {
            let bytes = bundle.bytes(&layer.digest, layer.length_bytes).unwrap();
            files.insert(format!("targets/{}", path.hashed(&layer.digest)), bytes);
        }
        Case { layout, digest, ..case(name, true, files) }.at(time)
    };
    vec![
        side("good-out-of-a-bundle", Side::Upstream, Layout::Publishers, now()),
        side("good-a-sites-own-out-of-a-bundle", Side::Site, Layout::Site, now() + days(30)),
    ]
}

/// All files below a folder.
fn read(root: &std::path::Path) -> Files {
    let mut files = Files::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    files
}

/// Mirrors and disks.
fn changed_files() -> Vec<Case> {
    let blob = || hashed(COMPONENT, BYTES);
    let edited = |name, file: &'static str| {
        meddled(name, move |files| {
            let text = String::from_utf8(files[file].clone()).unwrap();
            files.insert(file.into(), text.replace(r#""version":1"#, r#""version":2"#).into_bytes());
        })
    };
    let removed = |name, file: &'static str| meddled(name, move |files| drop(files.remove(file)));
    vec![
        meddled("component-one-bit", |files| files.get_mut(&blob()).unwrap()[0] ^= 1),
        meddled("component-longer", |files| files.get_mut(&blob()).unwrap().push(b'!')),
        meddled("component-cut-short", |files| {
            files.get_mut(&blob()).unwrap().pop();
        }),
        meddled("component-endless", |files| files.get_mut(&blob()).unwrap().resize(8 << 20, 0)),
        meddled("component-missing", |files| drop(files.remove(&blob()))),
        edited("timestamp-edited", "metadata/timestamp.json"),
        edited("snapshot-edited", "metadata/1.snapshot.json"),
        edited("targets-edited", "metadata/1.targets.json"),
        edited("owner-edited", "metadata/1.acme.json"),
        edited("release-edited", "metadata/1.acme-release.json"),
        removed("timestamp-missing", "metadata/timestamp.json"),
        removed("snapshot-missing", "metadata/1.snapshot.json"),
        removed("targets-missing", "metadata/1.targets.json"),
        removed("owner-missing", "metadata/1.acme.json"),
        removed("release-missing", "metadata/1.acme-release.json"),
        meddled("release-swapped-for-another-signed-one", |files| {
            let mut lab = Lab::new();
            lab.release().signed["expires"] = json!(after(99));
            files.insert("metadata/1.acme-release.json".into(), sign(lab.release()));
        }),
        meddled("snapshot-swapped-for-another-signed-one", |files| {
            let mut lab = Lab::new();
            lab.release().signed["expires"] = json!(after(99));
            let other = lab.files();
            for name in ["metadata/1.snapshot.json", "metadata/1.acme-release.json"] {
                files.insert(name.into(), other[name].clone());
            }
        }),
        meddled("targets-in-the-place-of-the-release-role", |files| {
            let bytes = files["metadata/1.targets.json"].clone();
            files.insert("metadata/1.acme-release.json".into(), bytes);
        }),
    ]
}

/// Freezes.
fn ended() -> Vec<Case> {
    let past = || json!(after(-1));
    let mut frozen = visits("frozen-mirror", false, vec![Lab::new(), Lab::new()]);
    frozen.visits[1].1 = now() + days(2);
    vec![
        case("timestamp-ended", false, Lab::new().files()).at(now() + days(2)),
        bad("snapshot-ended", move |lab| lab.snapshot_edit = Box::new(move |it| it["expires"] = past())),
        bad("targets-ended", |lab| lab.targets.signed["expires"] = past()),
        bad("owner-ended", |lab| lab.acme().signed["expires"] = past()),
        bad("release-ended", |lab| lab.release().signed["expires"] = past()),
        bad("root-ended", |lab| lab.roots[0].signed["expires"] = past()),
        bad("last-root-ended", |lab| lab.next_root().signed["expires"] = past()),
        frozen,
    ]
}

fn signatures() -> Vec<Case> {
    vec![
        bad("timestamp-by-a-stranger", |lab| lab.timestamp_signers = vec![99]),
        bad("timestamp-by-the-snapshot-key", |lab| lab.timestamp_signers = vec![7]),
        bad("timestamp-unsigned", |lab| lab.timestamp_signers = vec![]),
        bad("snapshot-by-the-timestamp-key", |lab| lab.snapshot_signers = vec![8]),
        bad("targets-by-one-of-two", |lab| lab.targets.signers = vec![4]),
        bad("targets-by-the-online-keys", |lab| lab.targets.signers = vec![7, 8]),
        bad("owner-by-one-of-two", |lab| lab.acme().signers = vec![9]),
        bad("owner-by-the-release-key", |lab| lab.acme().signers = vec![11]),
        bad("release-by-the-key-that-was-replaced", |lab| {
            lab.acme().signed["delegations"]["keys"] = keys(&[15]);
            lab.acme().signed["delegations"]["roles"][0]["keyids"] = json!(ids(&[15]));
        }),
        bad("release-by-the-online-keys", |lab| lab.release().signers = vec![7, 8]),
        meddled("targets-by-one-key-twice", |files| {
            let mut lab = Lab::new();
            lab.targets.signers = vec![4];
            let mut file: Value = serde_json::from_slice(&sign(&lab.targets)).unwrap();
            let one = file["signatures"][0].clone();
            file["signatures"].as_array_mut().unwrap().push(one);
            replace_sealed(files, &lab, serde_json::to_vec(&file).unwrap());
        }),
        meddled("targets-by-one-key-under-two-names", |files| {
            let mut lab = Lab::new();
            lab.targets.signers = vec![4];
            let mut file: Value = serde_json::from_slice(&sign(&lab.targets)).unwrap();
            let mut other = file["signatures"][0].clone();
            other["keyid"] = json!(id(5));
            file["signatures"].as_array_mut().unwrap().push(other);
            replace_sealed(files, &lab, serde_json::to_vec(&file).unwrap());
        }),
        bad("root-by-strangers", |lab| {
            let root = lab.next_root();
            root.signed["keys"] = keys(&[4, 5, 6, 7, 8, 91, 92]);
            root.signed["roles"]["root"] = role(&[91, 92], 2);
            root.signers = vec![91, 92];
        }),
        bad("root-by-one-of-the-old-two", |lab| {
            let root = lab.next_root();
            root.signed["keys"] = keys(&[1, 13, 14, 4, 5, 6, 7, 8]);
            root.signed["roles"]["root"] = role(&[1, 13, 14], 2);
            root.signers = vec![1, 13, 14];
        }),
        bad("root-not-by-its-own-keys", |lab| {
            let root = lab.next_root();
            root.signed["keys"] = keys(&[13, 14, 4, 5, 6, 7, 8]);
            root.signed["roles"]["root"] = role(&[13, 14], 2);
            root.signers = vec![1, 2, 13];
        }),
        bad("root-skips-a-version", |lab| lab.next_root().signed["version"] = json!(3)),
        bad("root-the-same-again", |lab| lab.next_root().signed["version"] = json!(1)),
        meddled("root-garbled", |files| drop(files.insert("metadata/2.root.json".into(), b"{".to_vec()))),
        bad("online-keys-were-replaced-and-the-old-ones-still-sign", |lab| {
            let root = lab.next_root();
            root.signed["keys"] = keys(&[1, 2, 3, 4, 5, 6, 17, 18]);
            root.signed["roles"]["snapshot"] = role(&[17], 1);
            root.signed["roles"]["timestamp"] = role(&[18], 1);
        }),
    ]
}

/// Puts a targets file among the others, with everything above it right.
fn replace_sealed(files: &mut Files, lab: &Lab, targets: Vec<u8>) {
    let mut meta = entry(&targets);
    meta["version"] = json!(1);
    let mut lab =
        Lab { snapshot_edit: Box::new(move |it| it["meta"]["targets.json"] = meta.clone()), ..copy(lab) };
    lab.targets.signers = vec![4];
    *files = lab.files();
    files.insert("metadata/1.targets.json".into(), targets);
}

fn copy(lab: &Lab) -> Lab {
    let fresh = Lab::new();
    Lab {
        roots: lab.roots.clone(),
        targets: lab.targets.clone(),
        roles: lab.roles.clone(),
        blobs: lab.blobs.clone(),
        expires: lab.expires.clone(),
        ..fresh
    }
}

fn rollbacks() -> Vec<Case> {
    let later = || Lab::new().later();
    let mut old_snapshot = Lab::new();
    old_snapshot.timestamp_version = 3;
    let mut old_release = later().later();
    old_release.release().signed["version"] = json!(1);
    let mut old_targets = later().later();
    old_targets.targets.signed["version"] = json!(1);
    let mut dropped = later().later();
    dropped.snapshot_edit =
        Box::new(|it| drop(it["meta"].as_object_mut().unwrap().remove("acme-release.json")));
    let mut replayed = later().later();
    replayed.snapshot_version = 2;
    vec![
        visits("rollback-of-everything", false, vec![later(), Lab::new()]),
        visits("rollback-of-the-snapshot", false, vec![later(), old_snapshot]),
        visits("rollback-of-the-release-role", false, vec![later(), old_release]),
        visits("rollback-of-the-targets-role", false, vec![later(), old_targets]),
        visits("a-role-vanishes-from-the-snapshot", false, vec![later(), dropped]),
        visits("two-snapshots-of-one-version", true, vec![later(), replayed]).others(
            true,
            true,
            "the online keys may sign two snapshots of one version; what they name is signed by others",
        ),
        bad("snapshot-of-another-version-than-named", |lab| {
            lab.timestamp_edit = Box::new(|it| it["meta"]["snapshot.json"]["version"] = json!(2));
        }),
        bad("release-of-another-version-than-named", |lab| {
            lab.snapshot_edit = Box::new(|it| it["meta"]["acme-release.json"]["version"] = json!(2));
        }),
        bad("snapshot-of-another-digest-than-named", |lab| {
            lab.timestamp_edit =
                Box::new(|it| it["meta"]["snapshot.json"]["hashes"]["sha256"] = json!("00".repeat(32)));
        }),
        bad("release-of-another-length-than-named", |lab| {
            lab.snapshot_edit = Box::new(|it| it["meta"]["acme-release.json"]["length"] = json!(10));
        }),
        bad("timestamp-names-no-snapshot", |lab| lab.timestamp_edit = Box::new(|it| it["meta"] = json!({}))),
        bad("snapshot-names-no-targets", |lab| {
            lab.snapshot_edit =
                Box::new(|it| drop(it["meta"].as_object_mut().unwrap().remove("targets.json")));
        }),
        bad("snapshot-names-no-release-role", |lab| {
            lab.snapshot_edit =
                Box::new(|it| drop(it["meta"].as_object_mut().unwrap().remove("acme-release.json")));
        }),
    ]
}

fn delegations() -> Vec<Case> {
    let foreign = |lab: &mut Lab| lab.release().signed["targets"][GLOBEX] = entry(BYTES);
    let narrowed = |paths: &'static [&'static str]| {
        move |lab: &mut Lab| lab.acme().signed["delegations"]["roles"][0]["paths"] = json!(paths)
    };
    let mut delegated = Lab::with_globex();
    foreign(&mut delegated);
    delegated.roles.get_mut("globex").unwrap().signed["targets"] = json!({});
    delegated.blobs.insert(hashed(GLOBEX, BYTES), BYTES.to_vec());
    vec![
        bad("a-publisher-lists-anothers-file", foreign).asking(GLOBEX),
        case("a-publisher-lists-anothers-file-that-the-other-does-not", false, delegated.files())
            .asking(GLOBEX),
        bad("release-role-outside-of-its-pattern", narrowed(&["plugins/acme/other/*/*"])),
        bad("star-stays-in-its-segment", narrowed(&["plugins/*"])),
        bad("two-stars-stay-in-their-segment", narrowed(&["plugins/**"])),
        bad("pattern-of-one-segment-less", narrowed(&["plugins/acme/*/*"])),
        bad("no-patterns", narrowed(&[])),
        bad("braces-are-no-pattern", narrowed(&["plugins/{acme,x}/*/*/*"])).others(
            false,
            true,
            "tuf-js takes braces as its file system patterns do; the specification has none",
        ),
        bad("nothing-is-delegated", |lab| {
            lab.targets.signed.as_object_mut().unwrap().remove("delegations");
        }),
        bad("the-first-role-ends-the-search", |lab| {
            lab.targets.signed["delegations"]["keys"] = keys(&[9, 10, 12]);
            let empty = delegation("abc", &[12], 1, &["plugins/*/*/*/*"]);
            lab.targets.signed["delegations"]["roles"].as_array_mut().unwrap().insert(0, empty);
            let mut signed = lab.release().signed.clone();
            signed["targets"] = json!({});
            lab.roles.insert("abc".into(), Part { signed, signers: vec![12] });
        }),
        bad("a-role-delegates-to-itself", |lab| {
            lab.acme().signed["delegations"] = json!({
                "keys": keys(&[9, 10]), "roles": [delegation("acme", &[9, 10], 2, &["plugins/acme/*/*/*"])],
            });
        }),
        bad("threshold-of-nothing", |lab| {
            lab.acme().signed["delegations"]["roles"][0]["threshold"] = json!(0);
            lab.release().signers = vec![99];
        }),
        bad("threshold-that-cannot-be-met", |lab| {
            lab.acme().signed["delegations"]["roles"][0]["threshold"] = json!(2);
        }),
        bad("the-same-key-named-twice-for-a-threshold", |lab| {
            let role = &mut lab.acme().signed["delegations"]["roles"][0];
            role["keyids"] = json!(ids(&[11, 11]));
            role["threshold"] = json!(2);
        }),
        bad("a-key-that-is-not-listed", |lab| lab.acme().signed["delegations"]["keys"] = json!({})),
        bad("a-role-named-as-a-top-level-one", |lab| {
            let snapshot = delegation("snapshot", &[11], 1, &["plugins/acme/*/*/*"]);
            lab.acme().signed["delegations"]["roles"] = json!([snapshot]);
        }),
        bad("one-role-delegated-twice", |lab| {
            let roles = lab.acme().signed["delegations"]["roles"].as_array_mut().unwrap();
            let mut other = roles[0].clone();
            other["keyids"] = json!(ids(&[10]));
            roles.push(other);
        }),
    ]
}

fn malformed() -> Vec<Case> {
    let value = |name, at: &'static str, value: Value| {
        bad(name, move |lab| lab.timestamp_edit = Box::new(move |it| it[at] = value.clone()))
    };
    vec![
        meddled("timestamp-empty", |files| drop(files.insert("metadata/timestamp.json".into(), Vec::new()))),
        meddled("timestamp-no-json", |files| {
            files.insert("metadata/timestamp.json".into(), b"<html>".to_vec());
        }),
        meddled("timestamp-cut-short", |files| {
            let bytes = files.get_mut("metadata/timestamp.json").unwrap();
            bytes.truncate(bytes.len() / 2);
        }),
        meddled("timestamp-too-large", |files| {
            let bytes = files.get_mut("metadata/timestamp.json").unwrap();
            bytes.resize(20_000, b' ');
        }),
        meddled("timestamp-nested-deep", |files| {
            files.insert("metadata/timestamp.json".into(), "[".repeat(10_000).into_bytes());
        }),
        meddled("timestamp-without-signatures", |files| {
            files.insert("metadata/timestamp.json".into(), br#"{"signed":{}}"#.to_vec());
        }),
        value("timestamp-of-another-type", "_type", json!("snapshot")),
        value("timestamp-of-another-specification", "spec_version", json!("2.0.0")),
        value("timestamp-version-negative", "version", json!(-1)).others(false, true, TUF_JS_IS_LAX),
        value("timestamp-version-zero", "version", json!(0)).others(false, true, TUF_JS_IS_LAX),
        value("timestamp-version-text", "version", json!("1")),
        value("timestamp-expires-never", "expires", json!("never")).others(false, true, TUF_JS_IS_LAX),
        value("timestamp-meta-is-a-list", "meta", json!([])),
        bad("release-version-zero", |lab| lab.release().signed["version"] = json!(0)),
        bad("release-without-targets", |lab| {
            drop(lab.release().signed.as_object_mut().unwrap().remove("targets"))
        }),
        bad("release-too-large", |lab| {
            lab.release().signed["x-padding"] = json!("x".repeat(6_000_000));
            lab.snapshot_edit = Box::new(|it| {
                drop(it["meta"]["acme-release.json"].as_object_mut().unwrap().remove("length"));
            });
        }),
        bad("release-is-a-snapshot", |lab| lab.release().signed["_type"] = json!("snapshot")),
    ]
}

/// What is said of the file itself.
fn files() -> Vec<Case> {
    let other = Digest::of(b"another").hex();
    vec![
        bad("no-such-plugin", |_| ()).asking("plugins/acme/cloud/9.9.9/component.wasm"),
        bad("length-too-small", |lab| lab.component()["length"] = json!(1)),
        bad("length-too-large", |lab| lab.component()["length"] = json!(1000)),
        bad("length-negative", |lab| lab.component()["length"] = json!(-1)),
        bad("length-missing", |lab| drop(lab.component().as_object_mut().unwrap().remove("length"))),
        bad("digest-of-other-bytes", move |lab| lab.component()["hashes"]["sha256"] = json!(other)),
        bad("digest-missing", |lab| lab.component()["hashes"] = json!({})),
        bad("digest-of-an-unknown-kind", |lab| {
            lab.component()["hashes"] = json!({ "md5000": Digest::of(BYTES).hex() });
        }),
        bad("digest-in-capitals", |lab| {
            let capitals = Digest::of(BYTES).hex().to_uppercase();
            lab.blobs.insert(
                format!("targets/plugins/acme/cloud/1.0.0/{capitals}.component.wasm"),
                BYTES.to_vec(),
            );
            lab.component()["hashes"]["sha256"] = json!(capitals);
        }),
        bad("hashes-missing", |lab| drop(lab.component().as_object_mut().unwrap().remove("hashes"))),
    ]
}

/// What others take, and ours refuses by intent.
fn stricter() -> Vec<Case> {
    let listing = |path: &'static str| {
        let mut lab = Lab::new();
        lab.release().signed["targets"][path] = entry(BYTES);
        lab.blobs.insert(hashed(path, BYTES), BYTES.to_vec());
        case("", false, lab.files()).asking(path).stricter("the path is outside of the grammar")
    };
    vec![
        bad("the-registry-lists-a-plugin-itself", |lab| {
            lab.targets.signed["targets"] = json!({ COMPONENT: entry(BYTES) });
        })
        .stricter("a plugin is its publisher's word; the registry's own keys cannot stand in for it"),
        bad("a-role-of-another-name-lists-it", |lab| {
            lab.acme().signed["delegations"]["roles"][0]["name"] = json!("acme-other");
            let part = lab.roles.remove("acme-release").unwrap();
            lab.roles.insert("acme-other".into(), part);
        })
        .stricter("a namespace has two roles, and these have names"),
        bad("a-role-below-the-release-role-lists-it", |lab| {
            let listed = lab.release().signed["targets"].take();
            lab.release().signed["targets"] = json!({});
            lab.release().signed["delegations"] =
                json!({ "keys": keys(&[16]), "roles": [delegation("acme-more", &[16], 1, &["plugins/acme/*/*/*"])] });
            let mut signed = lab.release().signed.clone();
            signed.as_object_mut().unwrap().remove("delegations");
            signed["targets"] = listed;
            lab.roles.insert("acme-more".into(), Part { signed, signers: vec![16] });
        })
        .stricter("a namespace has two roles"),
        bad("sha512-alone", |lab| {
            lab.component()["hashes"] = json!({ "sha512": sha512_of_bytes() });
            let path = format!("targets/plugins/acme/cloud/1.0.0/{}.component.wasm", sha512_of_bytes());
            lab.blobs.insert(path, BYTES.to_vec());
        })
        .stricter("everything below goes by SHA-256: lock file, store, bundles, images"),
        bad("without-consistent-snapshots", |lab| {
            lab.roots[0].signed["consistent_snapshot"] = json!(false);
            lab.blobs.insert(format!("targets/{COMPONENT}"), BYTES.to_vec());
        })
        .others(false, false, "files without versions in their names can change while they are read"),
        Case { name: "path-with-a-percent", ..listing("plugins/acme/cloud/1.0.0/%41.wasm") }
            .others(false, false, "the others look for another file than the one that is there"),
        Case { name: "path-with-capitals", ..listing("plugins/acme/cloud/1.0.0/Component.wasm") },
        Case { name: "path-with-a-hidden-file", ..listing("plugins/acme/cloud/1.0.0/.wasm") }
            .others(true, false, "tuf-js takes `.wasm` for a name without an end"),
        Case { name: "path-with-build-metadata", ..listing("plugins/acme/cloud/1.0.0+b/component.wasm") },
        Case { name: "path-of-no-version", ..listing("plugins/acme/cloud/latest/component.wasm") },
        bad("a-key-under-another-id", |lab| {
            lab.acme().signed["delegations"]["keys"] = json!({ "ci": keys(&[11])[id(11)] });
            lab.acme().signed["delegations"]["roles"][0]["keyids"] = json!(["ci"]);
        })
        .others(false, false, "the signature names the key by its digest"),
        bad("release-too-large-and-said-so", |lab| {
            lab.release().signed["x-padding"] = json!("x".repeat(6_000_000));
        })
        .stricter("the others take whatever length the snapshot names; ours has a limit for all of it"),
        bad("expires-with-a-fraction", |lab| lab.release().signed["expires"] = json!("2027-01-01T00:00:00.5Z"))
            .others(false, true, "python-tuf refuses the file, so nobody may rely on it"),
    ]
}

fn sha512_of_bytes() -> String {
    let digest = ring::digest::digest(&ring::digest::SHA512, BYTES);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
