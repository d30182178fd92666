//! Killed half-way, out of room half-way: what was brought in before stays, and the next attempt ends it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::world::{DAY, World, component, selection};
use crate::bundle::{Bundle, Limits, Loaded, Policy, Roots};
use crate::content_store::ContentStore;
use crate::error::Error;

/// Where a child process finds its world.
const FOLDER: &str = "SKYWRIGHT_TEST_BUNDLE_FOLDER";

/// Not a test by itself: what the tests below run in a process of its own.
#[tokio::test]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let (upstream, site) = (read("upstream.root.json"), read("site.root.json"));
    let loaded = Loaded::new(folder.join("inside/bundles"), ContentStore::new(folder.join("inside/store")));
    let bundle = Bundle::open(&folder.join("new.tar"), Limits::default()).unwrap();
    let roots = Roots { upstream: &upstream, site: Some(&site) };
    let now = String::from_utf8(read("now")).unwrap().parse().unwrap();
    println!("READY");
    let result = loaded.load(&bundle, roots, Policy::Vetted, now).await;
    println!("{}", if result.is_ok() { "LOADED" } else { "REFUSED" });
    std::fs::write(folder.join("result"), format!("{result:?}")).unwrap();
}

/// A world inside which the first bundle was brought in, and the second lies ready as `new.tar`.
async fn between_two_bundles() -> World {
    let mut world = World::new();
    world.save(&selection(&["1.0.0"]), "a.tar").await;
    world.vet("a.tar", "old.tar").await.unwrap();
    world.load("old.tar", world.now).await.unwrap();
    world.now += DAY;
    world.put("2.0.0", &"x".repeat(80));
    world.publish();
    world.save(&selection(&["1.0.0", "1.1.0", "2.0.0"]), "b.tar").await;
    world.vet("b.tar", "new.tar").await.unwrap();
    std::fs::write(world.path("upstream.root.json"), world.root()).unwrap();
    std::fs::write(world.path("site.root.json"), world.site_root()).unwrap();
    std::fs::write(world.path("now"), world.now.to_string()).unwrap();
    world
}

fn start(world: &World) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "bundle::tests::interrupted::child", "--nocapture"]);
    command.env(FOLDER, world.folder.path()).stdout(Stdio::piped()).stderr(Stdio::null());
    command
}

#[tokio::test]
async fn a_kill_at_any_moment_leaves_the_last_good_state() {
    use std::io::{BufRead, BufReader};
    let (mut interrupted, mut ended) = (0, 0);
    for delay_ms in [0, 1, 2, 4, 6, 8, 12, 16, 24, 40, 80, 5_000] {
        let world = between_two_bundles().await;
        let before = world.loaded().current().unwrap().unwrap();
        let mut child = start(&world).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("READY")));
        if delay_ms == 5_000 {
            child.wait().unwrap();
        } else {
            std::thread::sleep(Duration::from_millis(delay_ms));
            child.kill().unwrap();
            child.wait().unwrap();
        }
        let after = world.loaded().current().unwrap().unwrap();
        if after == before {
            interrupted += 1;
            assert!(matches!(world.find("2.0.0").await, Err(Error::NotListed { .. })));
        } else {
            ended += 1;
            assert_eq!(world.find("2.0.0").await.unwrap(), component("2.0.0", &"x".repeat(80)));
        }
        assert_eq!(world.find("1.0.0").await.unwrap(), component("1.0.0", "first"));
        // What counts is still what the site vetted: an older one is refused if the newer was taken, and the
        // newer is taken if it was not.
        world.load("new.tar", world.now).await.unwrap();
        assert_eq!(world.find("2.0.0").await.unwrap(), component("2.0.0", &"x".repeat(80)));
        assert_eq!(std::fs::read_dir(world.path("inside/bundles/states")).unwrap().count(), 1);
        assert_eq!(std::fs::read_dir(world.path("inside/store/quarantine")).unwrap().count(), 0);
    }
    assert!(interrupted > 0 && ended > 0, "{interrupted} interrupted, {ended} ended");
}

/// A file system of the size that the test wants, in a mount namespace of its own.
#[tokio::test]
async fn a_full_disk_half_way_leaves_the_last_good_state() {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can mount a small file system");
        return;
    }
    let world = between_two_bundles().await;
    let before = world.loaded().current().unwrap();
    // `states` alone is on it: the room for blobs is there, and what is written after them has none.
    let states = world.path("inside/bundles/states");
    let script = "set -e; cp -a \"$1\" \"$1.saved\"; mount -t tmpfs -o size=128k none \"$1\"; \
                  cp -a \"$1.saved/.\" \"$1\"; shift; exec \"$@\"";
    let exe = std::env::current_exe().unwrap();
    let status = Command::new("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(&states)
        .arg(exe)
        .args(["--exact", "bundle::tests::interrupted::child", "--nocapture"])
        .env(FOLDER, world.folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let result = std::fs::read_to_string(world.path("result")).unwrap();
    assert!(result.contains("StorageFull"), "{result}");
    assert_eq!(world.loaded().current().unwrap(), before);
    assert_eq!(world.find("1.0.0").await.unwrap(), component("1.0.0", "first"));
    world.load("new.tar", world.now).await.unwrap();
    assert!(world.find("2.0.0").await.is_ok());
}
