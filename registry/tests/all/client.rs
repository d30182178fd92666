//! What a user's client takes, keeps and refuses.

use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use skywright_contract::Digest;
use skywright_registry::Error;
use skywright_registry::tuf::{Client, Folder, Layout, Store, TargetPath, Transport, Verifier, Versions};

use crate::support::{World, acme, block_on, copy, days, now, path};

const COMPONENT: &str = "plugins/acme/cloud/1.0.0/component.wasm";

#[test]
fn a_published_plugin_is_found_with_whom_it_is_trusted_from() {
    let world = World::published();
    let mut client = world.client();
    assert!(matches!(client.versions(), Err(Error::NotRefreshed)));
    assert!(matches!(block_on(client.resolve(&path(COMPONENT), now())), Err(Error::NotRefreshed)));
    let versions = block_on(client.refresh(now())).unwrap();
    assert_eq!(versions, Versions { root: 1, timestamp: 3, snapshot: 3, targets: 2 });
    let target = block_on(client.resolve(&path(COMPONENT), now())).unwrap();
    let roles: Vec<_> = target.chain.iter().map(|role| role.role.as_str()).collect();
    assert_eq!(roles, ["targets", "acme", "acme-release"]);
    assert_eq!(target.owner_key_ids().len(), 2);
    assert_eq!(target.key_ids().len(), 6);
    assert_eq!(target.facts().unwrap().id.to_string(), "acme/cloud");
    let bytes = block_on(client.fetch(&target)).unwrap();
    assert_eq!(bytes, crate::support::component("acme/cloud", "1.0.0"));
    let listed = block_on(client.list(&acme(), now())).unwrap();
    assert_eq!(listed.len(), 3);
    for target in listed {
        assert_eq!(block_on(client.resolve(&target.path, now())).unwrap(), target);
    }
    assert_eq!(client.namespaces().unwrap(), [acme()]);
    let absent = path("plugins/acme/cloud/2.0.0/component.wasm");
    assert!(matches!(block_on(client.resolve(&absent, now())), Err(Error::NotListed { .. })));
}

#[test]
fn what_was_verified_outlives_the_process_and_the_repository() {
    let world = World::published();
    let folder = world.folder.path().join("store");
    Store::create(&folder, &world.operator.first_root().unwrap()).unwrap();
    assert!(Store::create(&folder, b"other").is_err());
    let mut client = world.client_with(Store::open(&folder));
    assert!(block_on(client.load(now())).is_err());
    let versions = block_on(client.refresh(now())).unwrap();
    let target = block_on(client.resolve(&path(COMPONENT), now())).unwrap();
    std::fs::rename(world.repository(), world.folder.path().join("gone")).unwrap();
    let mut again = world.client_with(Store::open(&folder));
    assert!(block_on(again.refresh(now())).is_err());
    assert_eq!(block_on(again.load(now())).unwrap(), versions);
    assert_eq!(block_on(again.resolve(&path(COMPONENT), now())).unwrap(), target);
    let later = now() + days(2);
    assert!(matches!(block_on(again.load(later)), Err(Error::Expired { role, .. }) if role == "timestamp"));
}

#[test]
fn an_older_repository_is_refused_after_a_newer_one() {
    let world = World::published();
    let old = world.folder.path().join("old");
    copy(world.repository(), &old);
    world.publish("acme/cloud", "1.1.0");
    let folder = world.folder.path().join("store");
    Store::create(&folder, &world.operator.first_root().unwrap()).unwrap();
    block_on(world.client_with(Store::open(&folder)).refresh(now())).unwrap();
    let new = world.folder.path().join("new");
    std::fs::rename(world.repository(), &new).unwrap();
    std::fs::rename(&old, world.repository()).unwrap();
    let mut client = world.client_with(Store::open(&folder));
    assert!(matches!(block_on(client.refresh(now())), Err(Error::Rollback { .. })));
    // What was good stays usable.
    block_on(client.load(now())).unwrap();
    std::fs::rename(world.repository(), &old).unwrap();
    std::fs::rename(&new, world.repository()).unwrap();
    block_on(client.refresh(now())).unwrap();
}

#[test]
fn a_store_that_cannot_be_written_or_is_lost_ends_the_trust() {
    let world = World::published();
    let folder = world.folder.path().join("store");
    Store::create(&folder, &world.operator.first_root().unwrap()).unwrap();
    block_on(world.client_with(Store::open(&folder)).refresh(now())).unwrap();
    let state = folder.join("state.json");
    let good = std::fs::read(&state).unwrap();

    // Root may write anywhere but through what is no folder.
    let blobs = folder.join("blobs");
    let aside = folder.join("aside");
    std::fs::rename(&blobs, &aside).unwrap();
    assert!(matches!(
        block_on(world.client_with(Store::open(&folder)).refresh(now())),
        Err(Error::StoreDamaged { .. })
    ));
    std::fs::rename(&aside, &blobs).unwrap();
    world.publish("acme/cloud", "1.1.0");
    std::fs::rename(&blobs, &aside).unwrap();
    let mut fresh = world.client_with(Store::open(&folder));
    std::fs::write(&blobs, b"").unwrap();
    assert!(block_on(fresh.refresh(now())).is_err());
    assert!(matches!(fresh.versions(), Err(Error::NotRefreshed)));
    std::fs::remove_file(&blobs).unwrap();
    std::fs::rename(&aside, &blobs).unwrap();

    std::fs::write(&state, &good[..good.len() / 2]).unwrap();
    assert!(matches!(
        block_on(world.client_with(Store::open(&folder)).refresh(now())),
        Err(Error::StoreDamaged { .. })
    ));
    std::fs::remove_file(&state).unwrap();
    assert!(matches!(
        block_on(world.client_with(Store::open(&folder)).refresh(now())),
        Err(Error::StoreDamaged { .. })
    ));
    std::fs::write(&state, &good).unwrap();
    block_on(world.client_with(Store::open(&folder)).refresh(now())).unwrap();

    // A blob that changed on the disk is seen.
    let blob = std::fs::read_dir(&blobs).unwrap().next().unwrap().unwrap().path();
    std::fs::set_permissions(&blob, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::fs::write(&blob, b"{}").unwrap();
    assert!(block_on(world.client_with(Store::open(&folder)).refresh(now())).is_err());
}

#[test]
fn a_clock_that_is_set_back_does_not_make_old_metadata_fresh() {
    let world = World::published();
    let folder = world.folder.path().join("store");
    Store::create(&folder, &world.operator.first_root().unwrap()).unwrap();
    let later = now() + days(1) - jiff::SignedDuration::from_secs(1);
    let mut client = world.client_with(Store::open(&folder));
    block_on(client.refresh(later)).unwrap();
    let back = later - jiff::SignedDuration::from_mins(6);
    assert!(matches!(block_on(client.refresh(back)), Err(Error::ClockSetBack { .. })));
    assert!(matches!(block_on(client.load(back)), Err(Error::ClockSetBack { .. })));
    assert!(matches!(block_on(client.resolve(&path(COMPONENT), back)), Err(Error::ClockSetBack { .. })));
    block_on(client.refresh(later - jiff::SignedDuration::from_mins(4))).unwrap();
    // A moment that somebody vouches for is no clock.
    let mut vouched = world.client_with(Store::open(&folder)).as_of();
    block_on(vouched.refresh(now())).unwrap();
    // A clock that ran ahead finds nothing fresh, so it leaves no mark.
    assert!(matches!(block_on(client.refresh(now() + days(900))), Err(Error::Expired { .. })));
    block_on(client.refresh(later)).unwrap();
}

#[test]
fn two_clients_with_one_store_do_not_take_each_other_back() {
    let world = World::published();
    let folder = world.folder.path().join("store");
    Store::create(&folder, &world.operator.first_root().unwrap()).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let mut client = world.client_with(Store::open(&folder));
            std::thread::spawn(move || {
                for _ in 0..5 {
                    match block_on(client.refresh(now())) {
                        Ok(_) => drop(block_on(client.resolve(&path(COMPONENT), now())).unwrap()),
                        // Others were faster each time; nothing was lost.
                        Err(Error::Changed { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                }
            })
        })
        .collect();
    for _ in 0..3 {
        world.operator.refresh(&world.keys.online(), now()).unwrap();
    }
    for thread in threads {
        thread.join().unwrap();
    }
    let mut last = world.client_with(Store::open(&folder));
    block_on(last.refresh(now())).unwrap();
    assert!(block_on(last.load(now())).is_ok());
}

/// A repository that is looked at while something happens.
struct Meanwhile<F> {
    repository: Folder,
    happens: Mutex<Option<F>>,
}

#[async_trait::async_trait]
impl<F: FnOnce() + Send> Transport for Meanwhile<F> {
    fn location(&self) -> String {
        self.repository.location()
    }

    async fn metadata(&self, file: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
        if file == "timestamp.json" {
            let happens = self.happens.lock().unwrap().take();
            happens.into_iter().for_each(|happens| happens());
        }
        self.repository.metadata(file, max_bytes).await
    }

    async fn target(
        &self,
        path: &TargetPath,
        digest: &Digest,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        self.repository.target(path, digest, max_bytes).await
    }
}

#[test]
fn whoever_is_slower_does_not_write_down_something_older() {
    let world = World::published();
    let folder = world.folder.path().join("store");
    Store::create(&folder, &world.operator.first_root().unwrap()).unwrap();
    let old = world.folder.path().join("old");
    copy(world.repository(), &old);
    world.publish("acme/cloud", "1.1.0");
    let mut faster = world.client_with(Store::open(&folder));
    let happens = move || {
        std::thread::spawn(move || block_on(faster.refresh(now())).unwrap()).join().unwrap();
    };
    let transport = Meanwhile { repository: Folder::new(&old), happens: Mutex::new(Some(happens)) };
    let mut slower = Client::new(Store::open(&folder), Arc::new(transport), Layout::Publishers);
    assert!(matches!(block_on(slower.refresh(now())), Err(Error::Rollback { .. })));
    let kept = block_on(world.client_with(Store::open(&folder)).load(now())).unwrap();
    assert_eq!(kept.timestamp, 4);
}

#[test]
fn a_refresh_that_fails_half_way_counts_too() {
    let world = World::published();
    let folder = world.folder.path().join("store");
    Store::create(&folder, &world.operator.first_root().unwrap()).unwrap();
    let client = || world.client_with(Store::open(&folder));
    let trusted = block_on(client().refresh(now())).unwrap();
    let online = world.keys.online();
    world.operator.refresh(&online, now()).unwrap();
    let between = world.folder.path().join("between");
    copy(world.repository(), &between);
    world.publish("acme/cloud", "1.1.0");
    let snapshot = world.repository().join("metadata/4.snapshot.json");
    let aside = world.folder.path().join("aside");
    std::fs::rename(&snapshot, &aside).unwrap();
    assert!(matches!(block_on(client().refresh(now())), Err(Error::Missing { .. })));
    // Somebody keeps the newest from us, and now offers something older than it, and newer than what we have.
    let newest = world.folder.path().join("newest");
    std::fs::rename(world.repository(), &newest).unwrap();
    std::fs::rename(&between, world.repository()).unwrap();
    let refused = block_on(client().refresh(now()));
    assert!(matches!(refused, Err(Error::Rollback { trusted: 5, offered: 4, .. })), "{refused:?}");
    assert_eq!(block_on(client().load(now())).unwrap(), trusted);
    std::fs::rename(world.repository(), &between).unwrap();
    std::fs::rename(&newest, world.repository()).unwrap();
    std::fs::rename(&aside, &snapshot).unwrap();
    assert_eq!(block_on(client().refresh(now())).unwrap().timestamp, 5);
}

#[test]
fn a_kill_while_it_is_written_down_leaves_what_was_there() {
    let world = World::published();
    let folder = world.folder.path().join("store");
    Store::create(&folder, &world.operator.first_root().unwrap()).unwrap();
    let trusted = block_on(world.client_with(Store::open(&folder)).refresh(now())).unwrap();
    let before = world.folder.path().join("store-before");
    copy(&folder, &before);
    world.publish("acme/cloud", "1.1.0");
    let newer = block_on(world.client_with(Store::open(&folder)).refresh(now())).unwrap();
    // All blobs of the new state are there, whole or cut short, and the state still names the old ones.
    for cut_short in [false, true] {
        let killed = world.folder.path().join(format!("killed-{cut_short}"));
        copy(&before, &killed);
        for blob in std::fs::read_dir(folder.join("blobs")).unwrap() {
            let blob = blob.unwrap();
            let there = killed.join("blobs").join(blob.file_name());
            if !there.exists() {
                let bytes = std::fs::read(blob.path()).unwrap();
                std::fs::write(there, if cut_short { &bytes[..bytes.len() / 2] } else { &bytes }).unwrap();
            }
        }
        std::fs::write(killed.join(".skywright-abc"), b"{").unwrap();
        let mut client = world.client_with(Store::open(&killed));
        assert_eq!(block_on(client.load(now())).unwrap(), trusted);
        assert_eq!(block_on(client.refresh(now())).unwrap(), newer);
        assert_eq!(block_on(world.client_with(Store::open(&killed)).load(now())).unwrap(), newer);
    }
}
