//! One object and many, in a folder of this machine.

use skywright_contract::Category;
use skywright_objects::{EntryKind, Keys, Prefix, PresignedAction, Protocol, StaticCredentials, Store};

use crate::stage::{hasty, local, name, names, no_network, plane, read_files, write_files};

#[tokio::test]
async fn a_file_comes_back_as_it_went() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = local(folder.path()).await;
    // Several parts, the last of them odd; and nothing at all.
    let large: Vec<u8> = (0..(17_u32 << 20) + 5).map(|i| (i ^ (i >> 8)) as u8).collect();
    for (object, bytes) in [("deep/er/large ü", large.as_slice()), ("empty", b"")] {
        let source = folder.path().join("source");
        std::fs::write(&source, bytes).unwrap();
        let sent = bucket.upload(&source, &name(object), &()).await.unwrap();
        assert_eq!(sent.bytes, bytes.len() as u64);
        assert_eq!(bucket.stat(&name(object)).await.unwrap().size_bytes, bytes.len() as u64);
        let target = folder.path().join("target");
        let received = bucket.download(&name(object), &target, &()).await.unwrap();
        assert_eq!(received.bytes, bytes.len() as u64);
        assert!(std::fs::read(&target).unwrap() == bytes);
    }
    let mut reader = bucket.read(&name("deep/er/large ü"), 10..20).await.unwrap();
    assert_eq!(reader.remaining_bytes(), 10);
    assert_eq!(reader.next().await.unwrap().unwrap(), large[10..20]);
    assert_eq!(reader.next().await.unwrap(), None);
}

#[tokio::test]
async fn a_listing_goes_down_or_not() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = local(folder.path()).await;
    write_files(&folder.path().join("bucket"), &[("a", b"1"), ("d/b", b"22"), ("d/e/c", b""), ("dx", b"")]);
    let root = Prefix::default();
    assert_eq!(names(bucket.list(&root, false).await.unwrap()).await, ["a", "d/", "dx"]);
    let all = names(bucket.list(&root, true).await.unwrap()).await;
    assert_eq!(all, ["a", "d/", "d/b", "d/e/", "d/e/c", "dx"]);
    let below = Prefix::new("d/").unwrap();
    let mut lister = bucket.list(&below, false).await.unwrap();
    let mut seen = Vec::new();
    while let Some(entry) = lister.next().await.unwrap() {
        seen.push((entry.name, entry.kind, entry.size_bytes));
    }
    seen.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [("d/b".to_owned(), EntryKind::Object, 2), ("d/e/".to_owned(), EntryKind::Folder, 0)];
    assert_eq!(seen, expected);
    assert_eq!(names(bucket.list(&Prefix::new("nothing/").unwrap(), true).await.unwrap()).await, [""; 0]);
}

#[tokio::test]
async fn deleting_takes_what_was_named_and_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = local(folder.path()).await;
    let root = folder.path().join("bucket");
    write_files(&root, &[("a", b"1"), ("d/b", b"2"), ("d/e/c", b"3"), ("dx", b"4"), ("e", b"5")]);
    bucket.delete(&name("a")).await.unwrap();
    bucket.delete(&name("a")).await.unwrap();
    assert_eq!(read_files(&root).into_keys().collect::<Vec<_>>(), ["d/b", "d/e/c", "dx", "e"]);
    let cleared = bucket.clear(&Prefix::new("d/").unwrap(), &()).await.unwrap();
    assert!(cleared.deleted >= 2 && cleared.left.is_empty(), "{cleared:?}");
    assert_eq!(read_files(&root).into_keys().collect::<Vec<_>>(), ["dx", "e"]);
    bucket.clear(&Prefix::default(), &()).await.unwrap();
    assert_eq!(names(bucket.list(&Prefix::default(), true).await.unwrap()).await, [""; 0]);
}

#[tokio::test]
async fn what_is_not_there_is_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = local(folder.path()).await;
    let error = bucket.stat(&name("x")).await.unwrap_err();
    assert_eq!(
        (error.category(), error.to_string()),
        (Category::NotFound, "stat `x`: there is none".to_owned())
    );
    let target = folder.path().join("target");
    let error = bucket.download(&name("x"), &target, &()).await.unwrap_err();
    assert_eq!(error.category(), Category::NotFound);
    assert!(!target.exists());
    let plane = plane(Protocol::Local, folder.path().to_str().unwrap());
    let keys = std::sync::Arc::new(StaticCredentials(Keys::None));
    let store = Store::open(plane, keys, no_network(), hasty()).await.unwrap();
    assert_eq!(store.bucket("other").await.unwrap_err().category(), Category::NotFound);
    assert!(!folder.path().join("other").exists());
    assert_eq!(store.bucket("../bucket").await.unwrap_err().category(), Category::InvalidRequest);
}

#[tokio::test]
async fn only_s3_signs_urls() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = local(folder.path()).await;
    let hour = std::time::Duration::from_secs(3600);
    let error = bucket.presign(PresignedAction::Read, &name("x"), hour).await.unwrap_err();
    assert_eq!(error.category(), Category::Unsupported);
    assert_eq!(error.to_string(), "presign: not with local");
}

#[tokio::test]
async fn a_file_that_is_none_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = local(folder.path()).await;
    let error = bucket.upload(folder.path(), &name("x"), &()).await.unwrap_err();
    assert_eq!(error.category(), Category::Conflict, "{error}");
    write_files(&folder.path().join("bucket"), &[("x", b"1")]);
    let error = bucket.download(&name("x"), folder.path(), &()).await.unwrap_err();
    assert_eq!(error.category(), Category::Conflict, "{error}");
    let nowhere = folder.path().join("no/where");
    let error = bucket.download(&name("x"), &nowhere, &()).await.unwrap_err();
    assert_eq!(error.category(), Category::NotFound, "{error}");
}
