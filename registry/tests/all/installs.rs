//! From a publisher's keys to bytes that run, with everything real but the network.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use skywright_contract::{Digest, PluginId};
use skywright_registry::policy::Decision;
use skywright_registry::tuf::operator::{Lifetimes, Operator, RoleSigners, TopLevelKeys};
use skywright_registry::tuf::publisher::{Draft, Release};
use skywright_registry::tuf::{
    Client, Folder, HexDigest, KeyPair, Layout, Namespace, RevokedPlugin, RevokedSubject, Signer, Store,
    TargetPath, Transport, Verifier, Yanked,
};
use skywright_registry::{
    AuditLog, Error, Failure, Installed, Installer, Loaded, Options, Outcome, Places, Plan, Reach, Refreshed,
    Repositories, Repository, RepositoryKind, Request, add_repository, remove,
};

use super::support::{component, component_asking, days, pair as key, sbom};

/// What a plugin asks for beyond what it uses.
const HTTP: &str = ",\"http\"";

fn start() -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap()
}

fn after(hours: i64) -> Timestamp {
    start() + SignedDuration::from_hours(hours)
}

/// A repository in a folder, with whoever runs it.
struct Registry {
    folder: tempfile::TempDir,
    operator: Operator,
    key: KeyPair,
}

impl Registry {
    fn new(seed: u8) -> Self {
        let (folder, key) = (tempfile::tempdir().unwrap(), key(seed));
        let keys = TopLevelKeys::one(key.public_key());
        let lifetimes = Lifetimes { timestamp: days(30), snapshot: days(60), ..Lifetimes::default() };
        let operator = Operator::init(folder.path(), &keys, lifetimes, &[&key], start()).unwrap();
        Self { folder, operator, key }
    }

    fn delegate(&self, namespace: &str, owner: &KeyPair) {
        let owners = RoleSigners::one(owner.public_key());
        self.operator.delegate(&namespace.parse().unwrap(), &owners, &[&self.key], start()).unwrap();
    }

    /// What a change of a namespace comes to, from its publisher's draft to its admission.
    fn change(&self, namespace: &str, owner: &KeyPair, change: impl FnOnce(&mut Draft)) {
        let namespace: Namespace = namespace.parse().unwrap();
        let mut draft = Draft::new(namespace.clone(), &self.metadata(&namespace)).unwrap();
        change(&mut draft);
        let staged = draft.sign(&[owner], &[], start()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        staged.write(folder.path()).unwrap();
        self.operator.admit(&namespace, folder.path(), &[&self.key], start()).unwrap();
    }

    #[tokio::main(flavor = "current_thread")]
    async fn metadata(&self, namespace: &Namespace) -> BTreeMap<String, Vec<u8>> {
        let root = self.operator.first_root().unwrap();
        let transport = Arc::new(Folder::new(self.folder.path()));
        let mut client = Client::new(Store::in_memory(&root), transport, Layout::Publishers);
        client.refresh(start()).await.unwrap();
        client.metadata(std::slice::from_ref(namespace), start()).await.unwrap()
    }

    fn publish(&self, owner: &KeyPair, id: &str, version: &str, more: &str) -> Vec<u8> {
        let bytes = component_asking(id, version, more);
        let bill = sbom(id, version);
        self.change(id.split('/').next().unwrap(), owner, |draft| {
            let release = Release {
                component: &bytes,
                sbom: &bill,
                docs: None,
                source_revision: None,
                others: BTreeMap::new(),
            };
            draft.add(&release).unwrap();
        });
        bytes
    }

    fn revoke(&self, subject: RevokedSubject) {
        let entry =
            RevokedPlugin { subject, reason: "it leaks".to_owned(), advisory: None, revoked: start() };
        self.operator.revoke(entry, &[&self.key], start()).unwrap();
    }
}

/// Folders by their paths, each repository in all of the places that were given.
struct Folders;

impl Reach for Folders {
    fn transports(&self, repository: &Repository) -> Vec<(String, Result<Arc<dyn Transport>, Error>)> {
        let open = |url: &String| -> (String, Result<Arc<dyn Transport>, Error>) {
            (url.clone(), Ok(Arc::new(Folder::new(Path::new(url)))))
        };
        repository.urls.iter().map(open).collect()
    }
}

/// Somebody's home.
struct Home {
    folder: tempfile::TempDir,
}

impl Home {
    fn new(registries: &[(&str, &Registry)]) -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap() };
        for (name, registry) in registries {
            home.add(name, registry, RepositoryKind::Upstream, vec![registry.folder.path().to_owned()]);
        }
        home
    }

    fn add(&self, name: &str, registry: &Registry, kind: RepositoryKind, places: Vec<PathBuf>) {
        let root = registry.operator.first_root().unwrap();
        let repository = Repository {
            name: name.parse().unwrap(),
            kind,
            root_sha256: HexDigest(Digest::of(&root)),
            urls: places.iter().map(|place| place.display().to_string()).collect(),
        };
        add_repository(&self.installed(), repository, &root).unwrap();
    }

    fn installed(&self) -> Installed {
        Installed::new(Places::below(self.folder.path()))
    }

    fn policy(&self, text: &str) {
        std::fs::write(self.installed().places().trust_file(), format!("version = 1\n{text}")).unwrap();
    }

    /// Plans and carries out, in a process of its own as it were.
    #[tokio::main(flavor = "current_thread")]
    async fn apply(&self, yes: bool, options: Options, now: Timestamp, what: What) -> Result<Plan, Error> {
        let installed = self.installed();
        let mut installer = Installer::new(&installed, &Folders, options, now).unwrap();
        let plan = match what {
            What::Install(text) => installer.plan_install(&[request(&text)]).await?,
            What::Update => installer.plan_update(&[]).await?,
            What::Locked => installer.plan_locked().await?,
            What::Rollback(id) => installer.plan_rollback(&id.parse().unwrap()).await?,
        };
        installer.apply(&plan, yes).await?;
        Ok(plan)
    }

    fn install(&self, what: &str) -> Result<Plan, Error> {
        self.apply(false, Options::default(), start(), What::Install(what.to_owned()))
    }

    fn update(&self, yes: bool) -> Result<Plan, Error> {
        self.apply(yes, Options::default(), start(), What::Update)
    }

    #[tokio::main(flavor = "current_thread")]
    async fn refresh(&self, name: &str, now: Timestamp) -> Result<(Refreshed, Vec<Failure>), Error> {
        let installed = self.installed();
        let mut installer = Installer::new(&installed, &Folders, Options::default(), now).unwrap();
        let refreshed = installer.refresh(name).await?;
        Ok((refreshed, installer.failures().to_vec()))
    }

    fn load(&self, name: &str) -> Result<Loaded, Error> {
        self.installed().load(name, start())
    }

    fn version(&self, name: &str) -> String {
        self.load(name).unwrap().version.to_string()
    }

    fn rules(&self, result: Result<Plan, Error>) -> Vec<String> {
        match result {
            Err(Error::Refused { reasons, .. }) => reasons.into_iter().map(|it| it.rule).collect(),
            other => panic!("{other:?}"),
        }
    }
}

enum What {
    Install(String),
    Update,
    Locked,
    Rollback(String),
}

fn request(text: &str) -> Request {
    let (id, versions) = text.split_once('@').map_or((text, None), |(id, range)| (id, Some(range)));
    Request { id: id.parse().unwrap(), versions: versions.map(|range| range.parse().unwrap()) }
}

/// One registry with one publisher and one plugin.
fn acme() -> (Registry, KeyPair, Home) {
    let (registry, owner) = (Registry::new(1), key(2));
    registry.delegate("acme", &owner);
    registry.publish(&owner, "acme/cloud", "1.0.0", "");
    let home = Home::new(&[("main", &registry)]);
    (registry, owner, home)
}

#[test]
fn what_is_published_is_installed_pinned_and_loaded() {
    let (registry, owner, home) = acme();
    let plan = home.install("acme/cloud").unwrap();
    assert_eq!(plan.changes[0].decision, Decision::Allow);
    assert_eq!(home.load("cloud").unwrap().bytes.into_vec(), component("acme/cloud", "1.0.0"));
    let lock = home.installed().lock().unwrap();
    let plugin = &lock.plugins[&"acme/cloud".parse::<PluginId>().unwrap()];
    assert_eq!(plugin.owner_key_ids, [owner.public_key().id()].into());
    assert!(plugin.signer_key_ids.contains(&registry.key.public_key().id()));
    assert!(lock.repositories["main"].floors.timestamp > 0);
    let bill = home.installed().content_store().get(&plugin.sbom_sha256).unwrap();
    assert_eq!(bill, sbom("acme/cloud", "1.0.0"));
    // Again is nothing to do, and the lock file stays byte for byte as it was.
    let before = std::fs::read(home.installed().places().lock_file()).unwrap();
    assert!(home.install("acme/cloud").unwrap().changes.is_empty());
    assert_eq!(std::fs::read(home.installed().places().lock_file()).unwrap(), before);
    let log = AuditLog::new(home.installed().places().audit_log());
    assert_eq!(log.last(9).unwrap()[0].action, "install");
    log.verify().unwrap();
}

#[test]
fn updates_take_the_newest_and_there_is_a_way_back() {
    let (registry, owner, home) = acme();
    home.install("acme/cloud").unwrap();
    registry.publish(&owner, "acme/cloud", "1.1.0", "");
    registry.publish(&owner, "acme/cloud", "2.0.0-rc.1", "");
    assert_eq!(home.version("cloud"), "1.0.0", "nothing changes by itself");
    home.update(false).unwrap();
    assert_eq!(home.version("cloud"), "1.1.0");
    assert!(home.update(false).unwrap().changes.is_empty());
    let back = |home: &Home| {
        home.apply(false, Options::default(), start(), What::Rollback("acme/cloud".to_owned())).map(drop)
    };
    back(&home).unwrap();
    assert_eq!(home.version("cloud"), "1.0.0");
    back(&home).unwrap();
    assert_eq!(home.version("cloud"), "1.1.0", "and back again");
    home.install("acme/cloud@=2.0.0-rc.1").unwrap();
    assert_eq!(home.version("cloud"), "2.0.0-rc.1");
    let (removed, _) =
        remove(&home.installed(), &"acme/cloud".parse().unwrap(), start(), Duration::ZERO).unwrap();
    assert_eq!(removed.version.to_string(), "2.0.0-rc.1");
    assert!(matches!(home.load("cloud"), Err(Error::NotFound { .. })));
    assert!(home.installed().lock().unwrap().repositories.is_empty());
}

#[test]
fn more_capabilities_and_other_owners_need_a_yes() {
    let (registry, owner, home) = acme();
    home.install("acme/cloud").unwrap();
    registry.publish(&owner, "acme/cloud", "1.1.0", HTTP);
    assert_eq!(home.rules(home.update(false)), ["capabilities"]);
    assert_eq!(home.version("cloud"), "1.0.0");
    home.update(true).unwrap();
    assert_eq!(home.version("cloud"), "1.1.0");
    let log = AuditLog::new(home.installed().places().audit_log());
    let outcomes: Vec<_> =
        log.last(9).unwrap().into_iter().filter(|it| it.action == "update").map(|it| it.outcome).collect();
    assert_eq!(outcomes, [Outcome::Denied, Outcome::Confirmed]);
}

#[test]
fn what_is_revoked_or_taken_out_does_not_run_once_that_is_known() {
    let (registry, _, home) = acme();
    home.install("acme/cloud").unwrap();
    let digest = home.load("cloud").unwrap().digest;
    registry.revoke(RevokedSubject::Digest(HexDigest(digest)));
    assert!(home.load("cloud").is_ok(), "nobody has told this machine");
    home.refresh("main", start()).unwrap();
    assert!(matches!(home.load("cloud"), Err(Error::Refused { .. })));
    assert_eq!(
        home.rules(home.install("acme/cloud@=1.0.0").and_then(|_| home.update(false)).and_then(|_| {
            remove(&home.installed(), &"acme/cloud".parse().unwrap(), start(), Duration::ZERO)?;
            home.install("acme/cloud")
        })),
        ["revocation"]
    );

    let (registry, owner, home) = acme();
    home.install("acme/cloud").unwrap();
    let path: TargetPath = "plugins/acme/cloud/1.0.0/component.wasm".parse().unwrap();
    registry.change("acme", &owner, |draft| draft.remove(&path).unwrap());
    let (refreshed, _) = home.refresh("main", start()).unwrap();
    assert_eq!(refreshed.lost, [path]);
    assert!(matches!(home.load("cloud"), Err(Error::NotVouched { .. })));
}

#[test]
fn what_is_taken_back_is_not_chosen_and_whoever_has_it_is_warned() {
    let (registry, owner, home) = acme();
    registry.publish(&owner, "acme/cloud", "1.1.0", "");
    home.install("acme/cloud").unwrap();
    let path: TargetPath = "plugins/acme/cloud/1.1.0/component.wasm".parse().unwrap();
    let yanked = Yanked { reason: "it is slow".to_owned(), replacement: None };
    registry.change("acme", &owner, |draft| draft.yank(&path, &yanked).unwrap());
    home.refresh("main", start()).unwrap();
    let loaded = home.load("cloud").unwrap();
    assert!(loaded.warnings[0].contains("it is slow"), "{:?}", loaded.warnings);
    assert!(home.update(false).unwrap().changes.is_empty(), "an update never goes back");
    let fresh = Home::new(&[("main", &registry)]);
    fresh.install("acme/cloud").unwrap();
    assert_eq!(fresh.version("cloud"), "1.0.0");
    assert!(matches!(fresh.install("acme/cloud@=1.1.0"), Err(Error::NoVersion { .. })));
}

#[test]
fn a_mirror_that_lies_is_told_and_passed_over() {
    let (registry, _, _) = acme();
    let (lying, empty) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    copy(registry.folder.path(), lying.path());
    let timestamp = lying.path().join("metadata/timestamp.json");
    let text = std::fs::read_to_string(&timestamp).unwrap();
    std::fs::write(&timestamp, text.replace("\"version\":", "\"version\":1")).unwrap();
    let home = Home { folder: tempfile::tempdir().unwrap() };
    let places = vec![lying.path().to_owned(), empty.path().to_owned(), registry.folder.path().to_owned()];
    home.add("main", &registry, RepositoryKind::Upstream, places);
    let (refreshed, failures) = home.refresh("main", start()).unwrap();
    assert_eq!(refreshed.url, registry.folder.path().display().to_string());
    assert_eq!(failures.len(), 2, "{failures:?}");
    home.install("acme/cloud").unwrap();
    assert_eq!(home.version("cloud"), "1.0.0");
}

#[test]
fn locked_installs_have_exactly_what_is_pinned() {
    let (registry, owner, home) = acme();
    home.install("acme/cloud").unwrap();
    registry.publish(&owner, "acme/cloud", "1.1.0", "");
    // Another machine, with the lock file alone.
    let other = Home::new(&[("main", &registry)]);
    let lock_file = other.installed().places().lock_file().to_owned();
    std::fs::copy(home.installed().places().lock_file(), &lock_file).unwrap();
    assert!(matches!(other.load("cloud"), Err(Error::NotFetched { .. })));
    let locked = |home: &Home| home.apply(false, Options::default(), start(), What::Locked).map(drop);
    let before = std::fs::read(&lock_file).unwrap();
    locked(&other).unwrap();
    assert_eq!(other.version("cloud"), "1.0.0");
    assert_eq!(std::fs::read(&lock_file).unwrap(), before);
    // A lock file that pins other bytes gets nobody to load them.
    let text = String::from_utf8(before).unwrap();
    let evil =
        other.installed().content_store().put(&component_asking("acme/cloud", "1.0.0", ",\"wasi\"")).unwrap();
    let good = home.load("cloud").unwrap().digest;
    std::fs::write(&lock_file, text.replace(&good.hex(), &evil.hex())).unwrap();
    assert!(matches!(locked(&other), Err(Error::LockDiffers { .. })));
    assert!(matches!(other.load("cloud"), Err(Error::Refused { .. })));
}

#[test]
fn without_a_network_what_was_verified_is_enough() {
    let (registry, _, home) = acme();
    let offline = Options { offline: true, ..Options::default() };
    let install = |options, now| home.apply(false, options, now, What::Install("acme/cloud".to_owned()));
    assert!(install(offline, start()).is_err(), "nothing was ever verified");
    home.refresh("main", start()).unwrap();
    let hidden = registry.folder.path().join("hidden");
    std::fs::rename(registry.folder.path().join("targets"), &hidden).unwrap();
    assert!(install(offline, start()).is_err(), "nothing was fetched");
    std::fs::rename(&hidden, registry.folder.path().join("targets")).unwrap();
    install(Options::default(), start()).unwrap();
    remove(&home.installed(), &"acme/cloud".parse().unwrap(), start(), Duration::ZERO).unwrap();
    std::fs::remove_dir_all(registry.folder.path().join("metadata")).unwrap();
    install(offline, start()).unwrap();
    assert_eq!(home.version("cloud"), "1.0.0");
    // Long after, metadata has ended: what is installed runs on, and nothing new comes of it.
    let late = after(24 * 90);
    assert!(home.installed().load("cloud", late).is_ok());
    remove(&home.installed(), &"acme/cloud".parse().unwrap(), late, Duration::ZERO).unwrap();
    assert!(matches!(install(offline, late), Err(Error::Expired { .. })));
}

#[test]
fn another_repository_cannot_slip_a_version_in() {
    let (registry, _, _) = acme();
    let (other, thief) = (Registry::new(7), key(8));
    other.delegate("acme", &thief);
    other.publish(&thief, "acme/cloud", "9.0.0", "");
    let home = Home::new(&[("main", &registry), ("other", &other)]);
    home.install("acme/cloud").unwrap();
    assert_eq!(home.version("cloud"), "1.0.0");
    assert!(home.update(false).unwrap().changes.is_empty());
    // Nor when it comes first later: what is installed stays with its repository.
    let turned = Home::new(&[("other", &other), ("main", &registry)]);
    turned.policy("[namespace.acme]\nrepositories = [\"main\"]");
    turned.install("acme/cloud").unwrap();
    assert_eq!(turned.version("cloud"), "1.0.0");
}

#[test]
fn floors_in_the_lock_file_outlive_what_this_machine_remembers() {
    let (registry, owner, home) = acme();
    let old = tempfile::tempdir().unwrap();
    copy(registry.folder.path(), old.path());
    registry.publish(&owner, "acme/cloud", "1.1.0", "");
    home.install("acme/cloud").unwrap();
    // The store is lost, and the repository is served as it was.
    std::fs::remove_dir_all(home.folder.path().join("data/repositories")).unwrap();
    assert!(matches!(home.load("cloud"), Err(Error::NotVerified { .. })));
    Repositories::change(&home.installed().places().repositories_file(), |it| it.remove("main")).unwrap();
    home.add("main", &registry, RepositoryKind::Upstream, vec![old.path().to_owned()]);
    assert!(matches!(home.refresh("main", start()), Err(Error::Rollback { .. })));
    assert!(home.load("cloud").is_err());
}

#[test]
fn two_installers_at_once_lose_nothing() {
    let (registry, owner, home) = acme();
    let names: Vec<_> = (0..4).map(|number| format!("acme/p{number}")).collect();
    for name in &names {
        registry.publish(&owner, name, "1.0.0", "");
    }
    home.refresh("main", start()).unwrap();
    std::thread::scope(|scope| {
        for name in &names {
            let home = &home;
            scope.spawn(move || {
                for attempt in 0.. {
                    match home.install(name) {
                        Ok(_) => break,
                        // Somebody else was faster: that is told, and trying again is right.
                        Err(Error::Changed { .. }) if attempt < 20 => {}
                        Err(error) => panic!("{name}: {error}"),
                    }
                }
            });
        }
    });
    for name in &names {
        assert_eq!(home.version(name), "1.0.0");
    }
    AuditLog::new(home.installed().places().audit_log()).verify().unwrap();
}

#[test]
fn a_plan_that_is_overtaken_is_not_carried_out() {
    let (registry, owner, home) = acme();
    registry.publish(&owner, "acme/cloud", "1.1.0", "");
    let installed = home.installed();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut installer = Installer::new(&installed, &Folders, Options::default(), start()).unwrap();
    let plan = runtime.block_on(installer.plan_install(&[request("acme/cloud@=1.0.0")])).unwrap();
    home.install("acme/cloud").unwrap();
    let late = runtime.block_on(installer.apply(&plan, false)).unwrap_err();
    assert!(matches!(late, Error::Changed { .. }), "{late}");
    assert_eq!(home.version("cloud"), "1.1.0");
}

#[test]
fn what_fails_half_way_leaves_what_was_there() {
    let (registry, owner, home) = acme();
    home.install("acme/cloud").unwrap();
    registry.publish(&owner, "acme/cloud", "1.1.0", "");
    // No room for bytes: a file is where the folder of blobs has to be.
    let store = home.folder.path().join("data/store");
    let aside = home.folder.path().join("data/aside");
    std::fs::rename(&store, &aside).unwrap();
    std::fs::write(&store, "").unwrap();
    assert!(home.update(false).is_err());
    std::fs::remove_file(&store).unwrap();
    std::fs::rename(&aside, &store).unwrap();
    assert_eq!(home.version("cloud"), "1.0.0");
    // Bytes that are not those that were signed.
    let targets = registry.folder.path().join("targets/plugins/acme/cloud/1.1.0");
    let file = std::fs::read_dir(&targets)
        .unwrap()
        .map(|it| it.unwrap().path())
        .find(|it| it.extension().unwrap() == "wasm")
        .unwrap();
    let good = std::fs::read(&file).unwrap();
    std::fs::write(&file, [&good[..good.len() - 1], b"x"].concat()).unwrap();
    assert!(matches!(home.update(false), Err(Error::Tampered { .. })));
    assert_eq!(home.version("cloud"), "1.0.0");
    std::fs::write(&file, good).unwrap();
    home.update(false).unwrap();
    assert_eq!(home.version("cloud"), "1.1.0");
}

#[test]
fn search_outdated_explain_and_verify_say_who_vouches() {
    let (registry, owner, home) = acme();
    home.install("acme/cloud").unwrap();
    let newer = registry.publish(&owner, "acme/cloud", "1.1.0", HTTP);
    registry.publish(&owner, "acme/other", "0.1.0", "");
    let installed = home.installed();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let mut installer = Installer::new(&installed, &Folders, Options::default(), start()).unwrap();
    let found = runtime.block_on(installer.search(&["CLOUD".to_owned()])).unwrap();
    assert_eq!((found.len(), found[0].versions, found[0].version.to_string()), (1, 2, "1.1.0".to_owned()));
    assert_eq!(found[0].installed.as_ref().unwrap().to_string(), "1.0.0");
    assert_eq!(runtime.block_on(installer.search(&[])).unwrap().len(), 2);
    let outdated = runtime.block_on(installer.outdated()).unwrap();
    assert_eq!(outdated[0].newest.to_string(), "1.1.0");
    let id = "acme/cloud".parse().unwrap();
    let explained = runtime.block_on(installer.explain(&id, None)).unwrap();
    assert!(explained.is_pinned && explained.decision == Decision::Allow);
    let roles: Vec<_> = explained.words[0].roles.iter().map(|role| role.role.as_str()).collect();
    assert_eq!(roles, ["targets", "acme"]);
    let verified = runtime.block_on(installer.verify(Path::new("x"), &newer)).unwrap();
    assert!(!verified.is_pinned && verified.version.to_string() == "1.1.0");
    let forged = component("acme/cloud", "1.1.0");
    let refused = runtime.block_on(installer.verify(Path::new("x"), &forged)).unwrap_err();
    assert!(matches!(refused, Error::Tampered { .. }), "{refused}");
    let unknown = component("acme/nobody", "1.0.0");
    assert!(matches!(
        runtime.block_on(installer.verify(Path::new("x"), &unknown)),
        Err(Error::NotListed { .. })
    ));
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
