//! Archives that somebody made to get at more than a bundle's files.

use std::io::Write;
use std::path::PathBuf;

use proptest::prelude::*;
use skywright_contract::Digest;
use tar::{Builder, EntryType, Header};

use super::world::{World, entries};
use crate::bundle::archive::Table;
use crate::bundle::{Bundle, BundleProblem, Limits};
use crate::error::Error;

/// An entry to be: a header that may be bent, and bytes.
type Entry = (Header, Vec<u8>);

fn header(name: &str, kind: EntryType, length: usize) -> Header {
    let mut header = Header::new_ustar();
    // As it is: the crate's own setter refuses what is tried here.
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(length as u64);
    header.set_cksum();
    header
}

fn file(name: &str, bytes: &[u8]) -> Entry {
    (header(name, EntryType::Regular, bytes.len()), bytes.to_vec())
}

fn blob(bytes: &[u8]) -> Entry {
    file(&format!("blobs/sha256/{}", Digest::of(bytes).hex()), bytes)
}

fn archive(entries: &[Entry]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (header, bytes) in entries {
        builder.append(header, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn read(bytes: &[u8]) -> Result<Table, BundleProblem> {
    Table::read(bytes, &Limits::default())
}

/// The least that is an archive of ours, and these entries before it.
fn with(more: Vec<Entry>) -> Result<Table, BundleProblem> {
    let mut all = more;
    all.push(file("index.json", b"{}"));
    all.push(file("oci-layout", b"{}"));
    read(&archive(&all))
}

#[test]
fn only_plain_files_are_read() {
    assert!(with(vec![blob(b"x")]).is_ok());
    let name = format!("blobs/sha256/{}", Digest::of(b"").hex());
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Directory,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Continuous,
        EntryType::GNUSparse,
        EntryType::GNULongName,
        EntryType::GNULongLink,
        EntryType::XHeader,
        EntryType::XGlobalHeader,
        EntryType::new(b'Z'),
    ] {
        let refused = with(vec![(header(&name, kind, 0), Vec::new())]);
        assert!(matches!(refused, Err(BundleProblem::NotAFile { .. })), "{kind:?}: {refused:?}");
    }
    // What tar wrote before there were types.
    let mut old = header(&name, EntryType::Regular, 0);
    old.as_old_mut().linkflag = [0];
    old.set_cksum();
    assert!(matches!(with(vec![(old, Vec::new())]), Err(BundleProblem::NotAFile { .. })));
    let mut linked = header(&name, EntryType::Regular, 0);
    linked.as_old_mut().linkname[..11].copy_from_slice(b"/etc/passwd");
    linked.set_cksum();
    assert!(matches!(with(vec![(linked, Vec::new())]), Err(BundleProblem::NotAFile { .. })));
    let mut prefixed = header(&name, EntryType::Regular, 0);
    prefixed.as_ustar_mut().unwrap().prefix[..2].copy_from_slice(b"..");
    prefixed.set_cksum();
    assert!(matches!(with(vec![(prefixed, Vec::new())]), Err(BundleProblem::NotAFile { .. })));
    let mut gnu = Header::new_gnu();
    gnu.set_path(&name).unwrap();
    gnu.set_size(0);
    gnu.set_cksum();
    assert!(matches!(with(vec![(gnu, Vec::new())]), Err(BundleProblem::NotAFile { .. })));
}

#[test]
fn an_extension_header_does_not_rename_what_follows() {
    // A path, and a size that another reader would go by.
    for record in ["19 path=../../x.txt\n", "19 size=00000000000\n"] {
        let extended = (header("PaxHeaders/x", EntryType::XHeader, record.len()), record.as_bytes().to_vec());
        assert!(matches!(with(vec![extended, blob(b"x")]), Err(BundleProblem::NotAFile { .. })));
    }
}

#[test]
fn only_the_names_of_a_bundle_are_read() {
    let hex = Digest::of(b"").hex();
    for name in [
        "../oci-layout",
        "/etc/passwd",
        "./oci-layout",
        "blobs",
        "blobs/",
        "blobs/sha256/",
        "blobs/sha256/../../x",
        "blobs/sha512/00",
        "oci-layout/",
        "index.json\n",
        "INDEX.JSON",
        "",
        &hex,
        &format!("/blobs/sha256/{hex}"),
        &format!("blobs//sha256/{hex}"),
        &format!("blobs/sha256/{}", hex.to_uppercase()),
        &format!("blobs/sha256/{}", &hex[1..]),
        &format!("blobs/sha256/{hex}0"),
        &format!("blobs/sha256/sha256:{}", &hex[7..]),
        &format!("blobs/sha256/{hex}/x"),
    ] {
        let refused = with(vec![file(name, b"")]);
        assert!(matches!(refused, Err(BundleProblem::Name { .. })), "{name:?}: {refused:?}");
    }
    let mut not_text = header("oci-layout", EntryType::Regular, 0);
    not_text.as_old_mut().name[3] = 0xff;
    not_text.set_cksum();
    assert!(matches!(with(vec![(not_text, Vec::new())]), Err(BundleProblem::Name { .. })));
}

#[test]
fn nothing_is_there_twice_and_everything_is_what_its_name_says() {
    assert!(matches!(with(vec![blob(b"x"), blob(b"x")]), Err(BundleProblem::Twice { .. })));
    for name in ["oci-layout", "index.json"] {
        assert!(matches!(with(vec![file(name, b"{}")]), Err(BundleProblem::Twice { .. })), "{name}");
    }
    let name = format!("blobs/sha256/{}", Digest::of(b"x").hex());
    assert_eq!(
        with(vec![file(&name, b"y")]).unwrap_err(),
        BundleProblem::Digest { digest: Digest::of(b"x") }
    );
}

#[test]
fn archives_that_are_cut_short_or_go_on_are_refused() {
    let whole = archive(&[blob(&[7; 2000]), file("index.json", b"{}"), file("oci-layout", b"{}")]);
    assert!(read(&whole).is_ok());
    // The end is two empty blocks; whatever is cut before the second is missed.
    for cut in (0..whole.len() - 512).step_by(100) {
        assert!(read(&whole[..cut]).is_err(), "{cut}");
    }
    let mut more = whole.clone();
    more.extend_from_slice(&archive(&[blob(b"second archive")]));
    assert!(matches!(read(&more), Err(BundleProblem::Archive { .. })));
    let mut endless = whole;
    endless.extend(std::iter::repeat_n(0, 2 << 20));
    assert!(matches!(read(&endless), Err(BundleProblem::Archive { .. })));
    assert!(read(b"").is_err());
    assert!(read(&[0; 10240]).is_err());
    assert!(read(b"\x1f\x8b compressed").is_err());
}

#[test]
fn sizes_and_counts_have_limits() {
    let small =
        Limits { blob_bytes: 100, json_bytes: 10, entries: 3, archive_bytes: 8192, ..Limits::default() };
    let read = |entries: &[Entry]| Table::read(archive(entries).as_slice(), &small);
    let (index, layout) = (file("index.json", b"{}"), file("oci-layout", b"{}"));
    assert!(read(&[blob(&[1; 100]), index.clone(), layout.clone()]).is_ok());
    for too_much in [
        vec![blob(&[1; 101]), index.clone(), layout.clone()],
        vec![file("index.json", &[b' '; 11]), layout.clone()],
        vec![blob(b"1"), blob(b"2"), index.clone(), layout.clone()],
    ] {
        let refused = read(&too_much);
        assert!(matches!(refused, Err(BundleProblem::TooLarge { .. })), "{refused:?}");
    }
    // A header that promises more than comes, up to what no file system holds.
    for length in [1 << 20, u64::MAX / 2, u64::MAX] {
        let mut promise = header(&format!("blobs/sha256/{}", Digest::of(b"").hex()), EntryType::Regular, 0);
        promise.set_size(length);
        promise.set_cksum();
        let mut bytes = promise.as_bytes().to_vec();
        bytes.extend_from_slice(&[0; 1024]);
        assert!(Table::read(bytes.as_slice(), &Limits::default()).is_err(), "{length}");
    }
    assert!(Table::read(std::io::repeat(0), &small).is_err());
}

#[test]
fn a_file_made_of_holes_is_refused_before_it_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("holes.tar");
    let file = std::fs::File::create(&path).unwrap();
    file.set_len(8 << 30).unwrap();
    let refused = Bundle::open(&path, Limits::default()).unwrap_err();
    assert!(matches!(refused, Error::Bundle { problem: BundleProblem::TooLarge { .. }, .. }), "{refused}");
    assert!(matches!(
        Bundle::open(std::path::Path::new("/dev/zero"), Limits::default()),
        Err(Error::File { .. })
    ));
}

/// A bundle of ours whose entries are changed by `change`.
async fn changed(change: impl FnOnce(&mut Vec<(String, Vec<u8>)>)) -> Result<Bundle, Error> {
    let world = World::new();
    world.save_all("a.tar").await;
    let mut all = entries(&world.path("a.tar"));
    change(&mut all);
    let path: PathBuf = world.path("changed.tar");
    let all: Vec<_> = all.iter().map(|(name, bytes)| file(name, bytes)).collect();
    std::fs::File::create(&path).unwrap().write_all(&archive(&all)).unwrap();
    Bundle::open(&path, Limits::default())
}

fn index(all: &mut [(String, Vec<u8>)], change: impl FnOnce(&mut serde_json::Value)) {
    let (_, bytes) = all.iter_mut().find(|(name, _)| name == "index.json").unwrap();
    let mut json = serde_json::from_slice(bytes).unwrap();
    change(&mut json);
    *bytes = serde_json::to_vec(&json).unwrap();
}

#[tokio::test]
async fn an_index_that_does_not_fit_is_refused() {
    assert!(changed(|_| {}).await.is_ok());
    let problem = async |change: fn(&mut serde_json::Value)| match changed(|all| index(all, change)).await {
        Err(Error::Bundle { problem, .. }) => problem,
        other => panic!("{other:?}"),
    };
    type Change = fn(&mut serde_json::Value);
    let wrong: [Change; 7] = [
        |json| json["schemaVersion"] = 1.into(),
        |json| json["artifactType"] = "application/vnd.other".into(),
        |json| json["manifests"][0]["annotations"] = serde_json::json!({}),
        |json| json["manifests"][1] = json["manifests"][0].clone(),
        |json| json["manifests"][0]["size"] = 1.into(),
        |json| json["manifests"][0]["mediaType"] = "application/wasm".into(),
        |json| json["annotations"] = serde_json::json!({"skywright.bundle.since": "yesterday"}),
    ];
    for change in wrong {
        let found = problem(change).await;
        assert!(matches!(found, BundleProblem::Layout { .. }), "{found}");
    }
    let found = problem(|json| drop(json["manifests"].as_array_mut().unwrap().pop())).await;
    assert!(matches!(found, BundleProblem::Stray { .. }), "{found}");
    let extra =
        changed(|all| all.insert(0, ("blobs/sha256/".to_owned() + &Digest::of(b"x").hex(), b"x".to_vec())))
            .await;
    assert!(matches!(extra, Err(Error::Bundle { problem: BundleProblem::Stray { .. }, .. })));
    let fewer = changed(|all| drop(all.remove(0))).await;
    assert!(matches!(fewer, Err(Error::Bundle { problem: BundleProblem::Absent { .. }, .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_make_it_panic(
        at in 0..4096_usize,
        with in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let mut bytes = archive(&[blob(b"some bytes"), file("index.json", b"{}"), file("oci-layout", b"{}")]);
        let end = (at + with.len()).min(bytes.len());
        if at < end {
            bytes[at..end].copy_from_slice(&with[..end - at]);
        }
        if let Ok(table) = read(&bytes) {
            for (digest, place) in table.blobs {
                let (from, to) = (place.offset as usize, (place.offset + place.length) as usize);
                prop_assert_eq!(Digest::of(&bytes[from..to]), digest);
            }
        }
    }
}
