//! The check before each load, on a home that is made up by hand.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use jiff::Timestamp;
use skywright_contract::{Digest, Manifest, embed_manifest};

use super::{Installed, Trust};
use crate::audit_log::{AuditLog, Outcome, TimeSource};
use crate::development::DevelopmentFolders;
use crate::error::Error;
use crate::lock_file::{LockFile, LockFileStore, LockedPlugin, LockedRepository};
use crate::places::Places;
use crate::repositories::{Repositories, Repository, RepositoryKind};
use crate::standing::{Authorised, Standing};
use crate::tuf::{HexDigest, KeyId, Versions};

fn component(id: &str, version: &str) -> Vec<u8> {
    let json = format!(
        r#"{{"id":"{id}","version":"{version}","kind":"provider","contract":"0.1.0","title":"T","license":"MIT","report":"r"}}"#
    );
    let bare = wat::parse_str("(component)").unwrap();
    embed_manifest(&bare, &Manifest::from_json(json.as_bytes()).unwrap()).unwrap()
}

fn now() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

fn key() -> KeyId {
    "11".repeat(32).parse().unwrap()
}

/// A home with plugins that one repository vouches for.
struct Site {
    folder: tempfile::TempDir,
    lock: LockFile,
    standing: Standing,
}

impl Site {
    fn new(plugins: &[(&str, &str)]) -> Self {
        let root = Digest::of(b"root");
        let versions = Versions { root: 1, timestamp: 5, snapshot: 4, targets: 2 };
        let seen = (now(), TimeSource::SystemClock);
        let mut site = Self {
            folder: tempfile::tempdir().unwrap(),
            lock: LockFile::default(),
            standing: Standing::new(root, versions, now(), seen),
        };
        let locked = LockedRepository { root_sha256: root, floors: versions };
        site.lock.repositories.insert("main".to_owned(), locked);
        site.add_repository(root);
        for (id, version) in plugins {
            site.pin(id, version);
        }
        site.write();
        site
    }

    fn places(&self) -> Places {
        Places::below(self.folder.path())
    }

    fn installed(&self) -> Installed {
        Installed::new(self.places()).with_drop_in(vec![self.folder.path().join("drop-in")])
    }

    fn add_repository(&self, root: Digest) {
        let repository = Repository {
            name: "main".parse().unwrap(),
            kind: RepositoryKind::Upstream,
            root_sha256: HexDigest(root),
            urls: vec!["https://plugins.example.org".to_owned()],
        };
        Repositories::change(&self.places().repositories_file(), |it| it.add(repository)).unwrap();
    }

    fn pin(&mut self, id: &str, version: &str) {
        let bytes = component(id, version);
        let digest = self.installed().content_store().put(&bytes).unwrap();
        let plugin = LockedPlugin {
            version: version.parse().unwrap(),
            kind: skywright_contract::Kind::Provider,
            title: "T".to_owned(),
            repository: "main".to_owned(),
            site: None,
            path: format!("plugins/{id}/{version}/component.wasm").parse().unwrap(),
            length_bytes: bytes.len() as u64,
            sha256: digest,
            sbom_sha256: Digest::of(b"sbom"),
            owner_key_ids: [key()].into(),
            signer_key_ids: [key()].into(),
            contract: "0.1.0".parse().unwrap(),
            capabilities: [].into(),
        };
        let authorised = Authorised {
            length_bytes: plugin.length_bytes,
            sha256: HexDigest(digest),
            owner_key_ids: plugin.owner_key_ids.clone(),
            signer_key_ids: plugin.signer_key_ids.clone(),
            capabilities: [].into(),
            yanked: None,
            seen_fresh: now(),
        };
        self.standing.authorised.insert(plugin.path.clone(), authorised);
        self.lock.plugins.insert(id.parse().unwrap(), plugin);
    }

    /// Writes lock file and standing as they are by now.
    fn write(&self) {
        let store = LockFileStore::new(self.places().lock_file());
        store.replace(&store.read().unwrap(), &self.lock).unwrap();
        self.standing.write(&self.places().repository(&"main".parse().unwrap())).unwrap();
    }

    fn blob(&self, id: &str) -> PathBuf {
        let digest = self.lock.plugins[&id.parse().unwrap()].sha256;
        self.installed().content_store().path(&digest)
    }

    fn policy(&self, text: &str) {
        std::fs::write(self.places().trust_file(), format!("version = 1\n{text}")).unwrap();
    }

    fn refusal(&self, name: &str) -> Error {
        self.installed().load(name, now()).unwrap_err()
    }

    fn rules(&self, name: &str) -> Vec<String> {
        match self.refusal(name) {
            Error::Refused { reasons, .. } => reasons.into_iter().map(|reason| reason.rule).collect(),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn what_is_pinned_and_vouched_for_is_loaded_and_written_down() {
    let site = Site::new(&[("acme/cloud", "1.2.0")]);
    let loaded = site.installed().load("cloud", now()).unwrap();
    assert_eq!(loaded.bytes.into_vec(), component("acme/cloud", "1.2.0"));
    assert_eq!(loaded.trust, Trust::Signed { repository: "main".to_owned(), site: None });
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    let record = AuditLog::new(site.places().audit_log()).last(1).unwrap().remove(0);
    assert_eq!((record.action.as_str(), record.outcome), ("load", Outcome::Allowed));
    assert_eq!(
        record.role_versions,
        ["main root 1", "main timestamp 5", "main snapshot 4", "main targets 2"]
    );
    assert_eq!(record.key_ids, [key().to_string()]);
}

#[test]
fn bytes_that_changed_are_never_handed_out() {
    let site = Site::new(&[("acme/cloud", "1.2.0")]);
    let blob = site.blob("acme/cloud");
    let good = std::fs::read(&blob).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for bad in [flipped, component("acme/cloud", "9.9.9"), Vec::new()] {
        std::fs::write(&blob, bad).unwrap();
        assert!(matches!(site.refusal("acme/cloud"), Error::Damaged { .. }));
    }
    std::fs::remove_file(&blob).unwrap();
    assert!(matches!(site.refusal("acme/cloud"), Error::NotFetched { .. }));
    let other = site.folder.path().join("other.wasm");
    std::fs::write(&other, component("evil/cloud", "1.2.0")).unwrap();
    symlink(&other, &blob).unwrap();
    assert!(matches!(site.refusal("acme/cloud"), Error::Damaged { .. }));
    // The right bytes behind a link are the right bytes, and what becomes of the file later does not matter.
    std::fs::write(&other, &good).unwrap();
    let loaded = site.installed().load("acme/cloud", now()).unwrap();
    std::fs::write(&other, component("evil/cloud", "1.2.0")).unwrap();
    assert_eq!(loaded.bytes.into_vec(), good);
}

#[test]
fn a_link_that_is_swapped_all_the_time_never_yields_other_bytes() {
    let site = Site::new(&[("acme/cloud", "1.2.0")]);
    let (blob, folder) = (site.blob("acme/cloud"), site.folder.path());
    let good = std::fs::read(&blob).unwrap();
    let targets = [folder.join("good"), folder.join("evil")];
    std::fs::write(&targets[0], &good).unwrap();
    std::fs::write(&targets[1], component("evil/cloud", "1.2.0")).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let (mut loaded, mut refused) = (0, 0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut turn = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                turn += 1;
                let next = folder.join("next");
                symlink(&targets[turn % 2], &next).unwrap();
                std::fs::rename(&next, &blob).unwrap();
            }
        });
        while loaded + refused < 2000 && (loaded < 20 || refused < 20) {
            match site.installed().load("acme/cloud", now()) {
                Ok(it) => {
                    assert_eq!(it.bytes.into_vec(), good);
                    loaded += 1;
                }
                Err(Error::Damaged { .. }) => refused += 1,
                Err(other) => panic!("{other}"),
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    assert!(loaded > 0 && refused > 0, "{loaded} {refused}");
}

#[test]
fn nothing_runs_that_no_repository_vouches_for_any_more() {
    let mut site = Site::new(&[("acme/cloud", "1.2.0")]);
    let standing = site.places().repository(&"main".parse().unwrap()).join("standing.json");
    // Taken out by its publisher.
    let authorised = std::mem::take(&mut site.standing.authorised);
    site.write();
    assert!(matches!(site.refusal("cloud"), Error::NotVouched { .. }));
    // Listed as other bytes.
    site.standing.authorised = authorised;
    site.standing.authorised.values_mut().for_each(|it| it.sha256 = HexDigest(Digest::of(b"other")));
    site.write();
    assert_eq!(site.rules("cloud"), ["digest"]);
    // Older than what the lock file has seen.
    site = Site::new(&[("acme/cloud", "1.2.0")]);
    site.lock.repositories.get_mut("main").unwrap().floors.timestamp = 6;
    site.write();
    assert!(matches!(site.refusal("cloud"), Error::Rollback { offered: 5, trusted: 6, .. }));
    // What is known of the repository is lost, garbled, or of another one.
    site = Site::new(&[("acme/cloud", "1.2.0")]);
    let standing = site.places().repository(&"main".parse().unwrap()).join(standing.file_name().unwrap());
    std::fs::write(&standing, "{").unwrap();
    assert!(matches!(site.refusal("cloud"), Error::StoreDamaged { .. }));
    std::fs::remove_file(&standing).unwrap();
    assert!(matches!(site.refusal("cloud"), Error::NotVerified { .. }));
    site.write();
    Repositories::change(&site.places().repositories_file(), |it| it.remove("main")).unwrap();
    assert!(matches!(site.refusal("cloud"), Error::NoRepository { .. }));
    site.add_repository(Digest::of(b"another root"));
    assert!(matches!(site.refusal("cloud"), Error::OtherRepository { .. }));
}

#[test]
fn the_policy_is_asked_at_every_load() {
    let site = Site::new(&[("acme/cloud", "1.2.0")]);
    site.installed().load("cloud", now()).unwrap();
    site.policy("[namespace.globex]");
    assert_eq!(site.rules("cloud"), ["namespace"]);
    let denied = AuditLog::new(site.places().audit_log()).last(1).unwrap().remove(0);
    assert_eq!(denied.outcome, Outcome::Denied);
    assert!(denied.policy.is_some() && denied.reasons.len() == 1);
    site.policy("[namespace.acme]\n[[deny]]\nplugin = \"acme/cloud\"");
    assert_eq!(site.rules("cloud"), ["deny[0]"]);
    site.policy("[namespace.acme]\nmax_staleness = \"1d\"");
    site.installed().load("cloud", now()).unwrap();
    let later = Timestamp::from_second(now().as_second() + 2 * 86_400).unwrap();
    assert!(matches!(site.installed().load("cloud", later), Err(Error::Refused { .. })));
    site.policy("nonsense");
    assert!(matches!(site.refusal("cloud"), Error::Text { .. }));
}

#[test]
fn a_log_that_cannot_be_written_is_told_or_denies() {
    let site = Site::new(&[("acme/cloud", "1.2.0")]);
    // A file in the folder's place: no right helps against it, not even root's.
    std::fs::write(site.folder.path().join("state"), "").unwrap();
    let loaded = site.installed().load("cloud", now()).unwrap();
    assert!(loaded.warnings[0].contains("audit log"), "{:?}", loaded.warnings);
    site.policy("audit = \"required\"\n[namespace.acme]");
    assert!(matches!(site.refusal("cloud"), Error::File { .. }));
}

#[test]
fn what_nobody_signed_runs_only_where_somebody_said_so() {
    let site = Site::new(&[("acme/cloud", "1.2.0")]);
    let folder = site.folder.path().join("project");
    std::fs::create_dir_all(folder.join("dist")).unwrap();
    let file = folder.join("dist/mine.wasm");
    std::fs::write(&file, component("me/mine", "0.1.0")).unwrap();
    let path = file.to_str().unwrap();
    assert_eq!(site.rules(path), ["unsigned"]);
    assert!(matches!(site.refusal("mine"), Error::NotFound { .. }));
    let allowed = site.installed().with_allow_unsigned(true).load(path, now()).unwrap();
    assert!(allowed.trust == Trust::Unsigned && allowed.warnings[0].contains("--allow-unsigned"));
    DevelopmentFolders::change(&site.places().development_file(), &folder, true).unwrap();
    for name in [path, "mine", "me/mine"] {
        let loaded = site.installed().load(name, now()).unwrap();
        assert!(matches!(loaded.trust, Trust::Development { .. }), "{name}");
    }
    site.policy("unsigned = \"deny\"");
    assert_eq!(site.rules(path), ["unsigned"]);
    assert!(matches!(
        site.installed().with_allow_unsigned(true).load(path, now()),
        Err(Error::Refused { .. })
    ));
    std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o777)).unwrap();
    assert!(matches!(site.refusal(path), Error::Exposed { .. }));
}

#[test]
fn a_file_with_the_very_bytes_that_are_pinned_is_as_good() {
    let site = Site::new(&[("acme/cloud", "1.2.0")]);
    let file = site.folder.path().join("copy.wasm");
    std::fs::copy(site.blob("acme/cloud"), &file).unwrap();
    let loaded = site.installed().load(file.to_str().unwrap(), now()).unwrap();
    assert_eq!(loaded.trust.word(), "signed");
}

#[test]
fn a_name_that_two_publishers_use_is_nobodys() {
    let site = Site::new(&[("acme/cloud", "1.2.0"), ("globex/cloud", "1.0.0")]);
    assert!(matches!(site.refusal("cloud"), Error::Ambiguous { .. }));
    assert_eq!(site.installed().load("globex/cloud", now()).unwrap().version.to_string(), "1.0.0");
    let site = Site::new(&[("acme/cloud", "1.2.0")]);
    let drop_in = site.folder.path().join("drop-in");
    std::fs::create_dir(&drop_in).unwrap();
    std::fs::write(drop_in.join("x.wasm"), component("evil/cloud", "9.0.0")).unwrap();
    assert!(matches!(site.refusal("cloud"), Error::Ambiguous { .. }));
    // What is installed comes before what merely lies around under the same id.
    std::fs::write(drop_in.join("x.wasm"), component("acme/cloud", "9.0.0")).unwrap();
    assert_eq!(site.installed().load("cloud", now()).unwrap().version.to_string(), "1.2.0");
}

#[test]
fn every_listing_says_whose_word_there_is_and_what_would_not_run() {
    let mut site = Site::new(&[("acme/cloud", "1.2.0"), ("acme/gone", "1.0.0")]);
    let drop_in = site.folder.path().join("drop-in");
    std::fs::create_dir(&drop_in).unwrap();
    std::fs::write(drop_in.join("mine.wasm"), component("me/mine", "0.1.0")).unwrap();
    std::fs::write(drop_in.join("junk.wasm"), "junk").unwrap();
    std::fs::copy(site.blob("acme/cloud"), drop_in.join("copy.wasm")).unwrap();
    let path = site.lock.plugins[&"acme/gone".parse().unwrap()].path.clone();
    site.standing.authorised.remove(&path);
    site.write();
    let listed = site.installed().list(now()).unwrap();
    let shown: Vec<_> = listed
        .iter()
        .map(|it| {
            let name = it.facts.as_ref().map_or_else(|_| "junk".to_owned(), |facts| facts.id.to_string());
            (name, it.trust.word(), it.refusal.as_ref().map(Error::code))
        })
        .collect();
    let expected = [
        ("acme/cloud", "signed", None),
        ("acme/gone", "signed", Some("not-vouched")),
        ("acme/cloud", "signed", None),
        ("junk", "unsigned", None),
        ("me/mine", "unsigned", Some("refused")),
    ];
    assert_eq!(shown, expected.map(|(name, trust, code)| (name.to_owned(), trust, code)));
}
