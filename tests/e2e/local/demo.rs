//! `cargo xtask demo`, the first command that the README names: works, works again, and leaves nothing.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::process::Command;

use super::traces::Traces;
use super::{MACHINE, Site};

const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
async fn the_demonstration_twice() {
    let Some(images) = Site::images() else { return };
    let _place = MACHINE.acquire().await.unwrap();
    let cache = tempfile::tempdir().unwrap();
    std::fs::create_dir(cache.path().join("skywright")).unwrap();
    symlink(images, cache.path().join("skywright/machines")).unwrap();
    let before = Traces::before(&cache.path().join("skywright/demo"));
    for _ in 0..2 {
        let output = demonstrate(cache.path(), &[]).await;
        let shown = String::from_utf8_lossy(&output.stdout);
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{shown}\n{told}");
        for said in ["gw-demo: running, up", "demo-1: running, up", "demo-2: running, up"] {
            assert!(shown.contains(said), "{said}: {shown}\n{told}");
        }
        assert!(told.contains("3 hosts after") && told.contains("--keep"), "{told}");
        before.assert_none_new();
    }
    // One that was left running is taken away by its own command.
    assert!(demonstrate(cache.path(), &["--keep"]).await.status.success());
    assert!(!before.new_ones().is_empty());
    assert!(demonstrate(cache.path(), &["--remove"]).await.status.success());
    before.assert_none_new();
}

/// With what was built for the tests. Building is what `cargo xtask test` has just done in the same way.
async fn demonstrate(cache: &Path, arguments: &[&str]) -> Output {
    let binary = PathBuf::from(std::env::var_os("SKYWRIGHT_BIN").unwrap());
    let repository = crate::home::repository();
    let mut command = Command::new(binary.with_file_name("xtask"));
    command
        .args(["demo", "--no-build"])
        .args(arguments)
        .env("XDG_CACHE_HOME", cache)
        .env("CARGO_TARGET_DIR", repository.parent().unwrap())
        .stdin(Stdio::null());
    tokio::time::timeout(PATIENCE, command.output()).await.unwrap().unwrap()
}
