//! Files.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use skywright_ssh::{Client, Connection, CopyOptions, Error, Place, Settings, copy};

use crate::rig::{Machine, Rig};

/// Content that differs from place to place.
fn content(size: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33).to_le_bytes()
    };
    std::iter::repeat_with(next).flatten().take(size).collect()
}

fn remote(connection: &Connection, path: &Path) -> Place {
    Place::remote(connection, path.to_str().unwrap())
}

fn write(path: &Path, content: &[u8], mode: u32) {
    fs::write(path, content).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    fs::File::open(path).unwrap().set_modified(time).unwrap();
}

/// Paths below the folder with kind, mode, time and content.
fn listing(folder: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let metadata = fs::symlink_metadata(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if metadata.is_dir() {
            lines.push(format!("{name}/ {:o} {}", metadata.mode() & 0o777, metadata.mtime()));
            lines.extend(listing(&path).into_iter().map(|line| format!("{name}/{line}")));
        } else if metadata.is_symlink() {
            lines.push(format!("{name} -> {}", fs::read_link(&path).unwrap().display()));
        } else {
            let content = fs::read(&path).unwrap();
            lines.push(format!("{name} {:o} {} {content:?}", metadata.mode() & 0o777, metadata.mtime()));
        }
    }
    lines.sort();
    lines
}

fn make_tree(folder: &Path) {
    fs::create_dir_all(folder.join("sub/empty")).unwrap();
    write(&folder.join("plain"), b"plain", 0o644);
    write(&folder.join("it's a \"name\" $(id)\n*"), b"odd", 0o600);
    write(&folder.join("sub/run"), &content(300_000), 0o755);
    write(&folder.join("sub/nothing"), b"", 0o444);
    for index in 0..40 {
        write(&folder.join(format!("sub/{index}")), &content(index * 100), 0o640);
    }
    std::os::unix::fs::symlink("sub/run", folder.join("link")).unwrap();
    std::os::unix::fs::symlink("/nowhere", folder.join("dangling")).unwrap();
    fs::set_permissions(folder.join("sub/empty"), fs::Permissions::from_mode(0o555)).unwrap();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_001);
    for name in ["sub/empty", "sub", ""] {
        fs::File::open(folder.join(name)).unwrap().set_modified(time).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_goes_there_across_and_back() {
    let Some(rig) = Rig::start() else { return };
    let client = Client::new(Settings::default());
    let inner = client.connect(&rig.target()).await.unwrap();
    let gateway = skywright_ssh::Target { endpoint: rig.endpoint(Machine::Second), gateways: Vec::new() };
    let gateway = client.connect(&gateway).await.unwrap();
    let [source, there, across, back] = ["source", "there", "across", "back"].map(|name| rig.path(name));
    make_tree(&source);
    fs::create_dir(&back).unwrap();
    let options = CopyOptions::default();
    let sudo = CopyOptions { sudo: true, ..CopyOptions::default() };

    let copied = copy(&[Place::local(&source)], &remote(&inner, &there), &options, None).await.unwrap();
    assert_eq!((copied.files, copied.resumed_bytes), (44, 0));
    copy(&[remote(&inner, &there)], &remote(&gateway, &across), &sudo, None).await.unwrap();
    // Into a folder that is there it goes under its own name.
    copy(&[remote(&gateway, &across)], &Place::local(&back), &options, None).await.unwrap();
    for copied in [&there, &across, &back.join("across")] {
        assert_eq!(listing(copied), listing(&source), "{}", copied.display());
    }
    // And once more, over what is there.
    copy(
        &[Place::remote(&inner, format!("{}/*", there.display()))],
        &Place::local(back.join("across")),
        &options,
        None,
    )
    .await
    .unwrap();
    assert_eq!(listing(&back.join("across")), listing(&source));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_goes_on_through_the_other_gateway_and_is_whole() {
    let Some(mut rig) = Rig::start() else { return };
    let client = Client::new(Settings::default());
    let connection = client.connect(&rig.target()).await.unwrap();
    let (source, there, back) = (rig.path("source"), rig.path("there"), rig.path("back"));
    let bytes = content(48 << 20);
    write(&source, &bytes, 0o600);

    // Without a second gateway the copy fails, and the next one goes on where it ended.
    rig.kill(Machine::Second);
    let halfway = AtomicBool::new(false);
    let watch = |progress: skywright_ssh::CopyProgress<'_>| {
        halfway.fetch_or(progress.done_bytes > 16 << 20, Ordering::Relaxed);
    };
    let options = CopyOptions::default();
    let from = [Place::local(&source)];
    let to = remote(&connection, &there);
    let copying = copy(&from, &to, &options, Some(&watch));
    let mut copying = std::pin::pin!(copying);
    let failed = loop {
        tokio::select! {
            done = &mut copying => break done,
            () = tokio::time::sleep(Duration::from_millis(1)) => {
                if halfway.swap(false, Ordering::Relaxed) {
                    rig.kill(Machine::First);
                }
            }
        }
    };
    let error = failed.unwrap_err();
    assert!(error.is_unreachable() || matches!(error, Error::Lost { .. }), "{error}");
    assert!(!there.exists());
    rig.serve(Machine::Second);
    let copied = copy(&from, &to, &options, None).await.unwrap();
    assert!(copied.resumed_bytes > 4 << 20, "{copied:?}");
    assert_eq!(copied.resumed_bytes + copied.moved_bytes, bytes.len() as u64);
    assert!(fs::read(&there).unwrap() == bytes);

    // With a second one it goes on by itself.
    rig.serve(Machine::First);
    let killed = std::sync::Mutex::new(Some(rig));
    let watch = |progress: skywright_ssh::CopyProgress<'_>| {
        if progress.done_bytes > 16 << 20
            && let Some(rig) = killed.lock().unwrap().as_mut()
        {
            rig.kill(Machine::Second);
        }
    };
    let copied = copy(std::slice::from_ref(&to), &Place::local(&back), &options, Some(&watch)).await.unwrap();
    assert!(copied.resumed_bytes > 0, "{copied:?}");
    assert!(fs::read(&back).unwrap() == bytes);
    assert_eq!(fs::metadata(&back).unwrap().mtime(), 1_000_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_something_else_is_not_gone_on_with() {
    let Some(rig) = Rig::start() else { return };
    let connection = Client::new(Settings::default()).connect(&rig.target()).await.unwrap();
    let (source, there) = (rig.path("source"), rig.path("there"));
    write(&source, &content(100_000), 0o600);
    write(&rig.path(".there.skywright-part"), &vec![7; 50_000], 0o600);
    let copied =
        copy(&[Place::local(&source)], &remote(&connection, &there), &CopyOptions::default(), None).await;
    assert_eq!(copied.unwrap().resumed_bytes, 0);
    assert!(fs::read(&there).unwrap() == content(100_000));
    assert!(!rig.path(".there.skywright-part").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_copied_is_said() {
    let Some(rig) = Rig::start() else { return };
    let connection = Client::new(Settings::default()).connect(&rig.target()).await.unwrap();
    let here = Place::local(rig.path("here"));
    let there = |path: &str| Place::remote(&connection, path);
    for (source, code) in [("/no/such", "remote-file"), ("/no/such*", "argument"), ("/a\0b", "argument")] {
        let error = copy(&[there(source)], &here, &CopyOptions::default(), None).await.unwrap_err();
        assert_eq!(error.code(), code, "{source:?}: {error}");
    }
    let error =
        copy(&[Place::local("/etc/hostname")], &there("/no/such/folder/x"), &CopyOptions::default(), None)
            .await
            .unwrap_err();
    assert_eq!(error.code(), "remote-file", "{error}");
    // Files without a size are read to their end.
    copy(&[there("/proc/version")], &here, &CopyOptions::default(), None).await.unwrap();
    assert_eq!(fs::read(rig.path("here")).unwrap(), fs::read("/proc/version").unwrap());
}
