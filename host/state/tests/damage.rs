//! Files that are not as they should be.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use skywright_state::{Error, Prefix, SqliteStore, Store, Transaction};

use crate::contract::key;

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// A file of these bytes, in a folder that ends with the first of the two.
fn file_of(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    fs::write(&path, bytes).unwrap();
    set_mode(&path, 0o600);
    (folder, path)
}

/// The bytes of a file with a hundred entries.
async fn filled() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let store = SqliteStore::open(&path).unwrap();
    let put = (0..100)
        .fold(Transaction::new(), |all, n| all.put(key(&format!("host/{n}")), format!("{n}").repeat(500)));
    store.commit(put).await.unwrap();
    drop(store);
    fs::read(path).unwrap()
}

/// Opens it, and reads everything.
async fn read_all(path: &Path) -> Result<usize, Error> {
    SqliteStore::open(path)?.list(&Prefix::all()).await.map(|entries| entries.len())
}

fn assert_names(error: &Error, path: &Path) {
    assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
    assert!(error.hint().is_some(), "{error}");
}

#[tokio::test]
async fn files_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own/state/state.db");
    let store = SqliteStore::open(&path).unwrap();
    store.commit(Transaction::new().put(key("a"), "1")).await.unwrap();
    let state = path.parent().unwrap();
    assert_eq!(mode(state), 0o700);
    let files: Vec<_> = fs::read_dir(state).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 3, "the file, its log and its index: {files:?}");
    files.iter().for_each(|file| assert_eq!(mode(file), 0o600, "{file:?}"));
    drop(store);
    assert_eq!(fs::read_dir(state).unwrap().count(), 1, "one file is left at rest");

    set_mode(&path, 0o640);
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, Error::Exposed { .. }), "{error}");
    assert_eq!(error.hint().unwrap(), format!("`chmod 600 {}`", path.display()));
    set_mode(&path, 0o600);
    set_mode(state, 0o770);
    let error = SqliteStore::open(&path).unwrap_err();
    assert!(matches!(error, Error::Exposed { .. }), "{error}");
    set_mode(state, 0o750);
    assert_eq!(read_all(&path).await.unwrap(), 1);
}

#[tokio::test]
async fn what_is_no_store_is_left_alone() {
    let other = tempfile::tempdir().unwrap();
    let other = other.path().join("other.db");
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection.execute_batch("CREATE TABLE music (title TEXT)").unwrap();
    drop(connection);
    let tables = fs::read(&other).unwrap();
    let mut marked = filled().await;
    marked[68..72].copy_from_slice(b"ELSE");
    let mut beginning = filled().await;
    beginning[..16].fill(0xa5);
    for bytes in [&b"hosts: []\n"[..], &[0; 8192], &tables, &marked, &beginning] {
        let (_folder, path) = file_of(bytes);
        let error = SqliteStore::open(&path).unwrap_err();
        assert!(matches!(error, Error::NotAStore { .. }), "{error:?}");
        assert_names(&error, &path);
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
    let folder = tempfile::tempdir().unwrap();
    let link = folder.path().join("state.db");
    symlink(&other, &link).unwrap();
    assert!(matches!(SqliteStore::open(&link), Err(Error::NotAStore { .. })));
    assert!(matches!(SqliteStore::open(folder.path()), Err(Error::NotAStore { .. } | Error::Exposed { .. })));
}

#[tokio::test]
async fn a_newer_format_is_refused() {
    let mut bytes = filled().await;
    bytes[60..64].copy_from_slice(&7_u32.to_be_bytes());
    let (_folder, path) = file_of(&bytes);
    let error = SqliteStore::open(&path).unwrap_err();
    let expected = format!("{} has format 7, and this release knows 1 at most", path.display());
    assert_eq!(error.to_string(), expected);
    assert_names(&error, &path);
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[tokio::test]
async fn damage_is_told() {
    let whole = filled().await;
    let (_folder, path) = file_of(&whole);
    assert_eq!(read_all(&path).await.unwrap(), 100);
    let mut overwritten = whole.clone();
    overwritten[4096..].fill(0xa5);
    for bytes in [&overwritten[..], &whole[..4096], &whole[..whole.len() / 2]] {
        let (_folder, path) = file_of(bytes);
        let error = read_all(&path).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        assert_names(&error, &path);
    }
}

/// Somebody with another program at the file.
#[tokio::test]
async fn who_finds_it_locked_waits() {
    let (_folder, path) = file_of(b"");
    let store = SqliteStore::open(&path).unwrap();
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let writing = store.clone();
    let writing = tokio::spawn(async move { writing.commit(Transaction::new().put(key("a"), "1")).await });
    assert_eq!(store.get(&key("a")).await.unwrap(), None, "reading goes on meanwhile");
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    assert!(!writing.is_finished());
    other.execute_batch("COMMIT").unwrap();
    writing.await.unwrap().unwrap();
}

/// Where a file gets its log, SQLite itself does not wait.
#[test]
fn who_finds_a_new_file_locked_waits() {
    let (_folder, path) = file_of(b"");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let opening = scope.spawn(|| SqliteStore::open(&path));
        std::thread::sleep(std::time::Duration::from_millis(50));
        assert!(!opening.is_finished());
        other.execute_batch("COMMIT").unwrap();
        opening.join().unwrap().unwrap();
    });
}
