//! A bucket as a zip file.

use std::io::Read;

use skywright_objects::Prefix;

use crate::stage::{local, read_files, write_files};

#[tokio::test]
async fn an_archive_holds_what_the_bucket_does() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = local(folder.path()).await;
    let root = folder.path().join("bucket");
    let large = vec![b'x'; (9 << 20) + 1];
    write_files(&root, &[("a", b"1"), ("d/ü b", b"22"), ("empty", b""), ("large", &large)]);
    let output = folder.path().join("all.zip");
    let archived = bucket.archive(&Prefix::default(), &output, &()).await.unwrap();
    assert_eq!((archived.objects, archived.bytes), (4, large.len() as u64 + 3));
    assert!(archived.skipped.is_empty());
    let packed = std::fs::metadata(&output).unwrap().len();
    assert!(packed < 1 << 20, "{packed}: it is compressed");
    let mut zip = zip::ZipArchive::new(std::fs::File::open(&output).unwrap()).unwrap();
    let mut found = std::collections::BTreeMap::new();
    for i in 0..zip.len() {
        let mut file = zip.by_index(i).unwrap();
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert!(file.last_modified().unwrap().year() >= 2024);
        found.insert(file.name().unwrap().into_owned(), content);
    }
    assert!(found == read_files(&root));
}

#[tokio::test]
async fn an_archive_of_nothing_is_empty_and_one_that_cannot_be_written_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let bucket = local(folder.path()).await;
    let output = folder.path().join("none.zip");
    let archived = bucket.archive(&Prefix::new("x/").unwrap(), &output, &()).await.unwrap();
    assert_eq!(archived.objects, 0);
    assert_eq!(zip::ZipArchive::new(std::fs::File::open(&output).unwrap()).unwrap().len(), 0);
    let nowhere = folder.path().join("no/where.zip");
    bucket.archive(&Prefix::default(), &nowhere, &()).await.unwrap_err();
    assert!(!nowhere.exists());
}
