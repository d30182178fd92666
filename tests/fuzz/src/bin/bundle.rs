//! Bundles: archives as they come, and layouts whose blobs have the digests that they are named by.
//!
//! The first byte says which. A layout is an index and blobs, apart by zero bytes; in all of them `@N` stands
//! for the digest of the blob N, and `#N` for its length.
#![no_main]

use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use skywright_contract::Digest;
use skywright_registry::bundle::{Bundle, Limits, Side};
use skywright_registry::sbom::Sbom;

/// The largest input that becomes a file.
const LIMITS: Limits = Limits {
    archive_bytes: 1 << 20,
    blob_bytes: 1 << 18,
    entries: 64,
    json_bytes: 1 << 16,
    metadata_bytes: 1 << 16,
    all_metadata_bytes: 1 << 17,
    expansion: 100,
};

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else { return };
    match kind {
        b'a' => open(rest),
        b's' => bill(rest),
        _ => open(&layout(rest)),
    }
});

/// Whatever opens is as it says: every blob has its digest, and everything it names has a place.
fn open(archive: &[u8]) {
    let path = file(archive);
    let opened = Bundle::open(&path, LIMITS);
    // It is read through the file that is open.
    std::fs::remove_file(&path).unwrap();
    if let Ok(bundle) = opened {
        for (digest, length) in bundle.named_blobs() {
            match bundle.bytes(&digest, LIMITS.blob_bytes) {
                Ok(bytes) => assert_eq!((Digest::of(&bytes), bytes.len() as u64), (digest, length)),
                Err(_) => assert!(!bundle.holds(&digest)),
            }
        }
        for (path, layer) in bundle.targets() {
            assert!(path.as_str().ends_with(&layer.title));
        }
        let _ = bundle.metadata(Side::Upstream);
        let inspection = bundle.inspect();
        let names = inspection.iter().flat_map(|it| &it.artifacts).map(|artifact| &artifact.name);
        assert!(names.into_iter().all(|name| name.is_ascii() && !name.contains(char::is_control)));
    }
}

/// What a bill of materials lists is fit to be printed.
fn bill(json: &[u8]) {
    let Ok(bill) = Sbom::read("it", json) else { return };
    for component in bill.components {
        assert!(!component.name.contains(char::is_control) && !component.licence.contains(char::is_control));
    }
}

fn layout(data: &[u8]) -> Vec<u8> {
    let pieces: Vec<_> = data.split(|byte| *byte == 0).take(40).collect();
    let Some((index, raw)) = pieces.split_first() else { return Vec::new() };
    // From the last to the first: a blob names those behind it.
    let mut blobs: Vec<Vec<u8>> = raw.iter().map(|piece| piece.to_vec()).collect();
    for at in (0..blobs.len()).rev() {
        blobs[at] = filled_in(raw[at], &blobs);
    }
    let mut archive = tar::Builder::new(Vec::new());
    let mut append = |name: &str, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.set_path(name).unwrap();
        header.set_size(bytes.len() as u64);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_cksum();
        archive.append(&header, bytes).unwrap();
    };
    for blob in &blobs {
        append(&format!("blobs/sha256/{}", Digest::of(blob).hex()), blob);
    }
    append("index.json", &filled_in(index, &blobs));
    append("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    archive.into_inner().unwrap()
}

fn filled_in(text: &[u8], blobs: &[Vec<u8>]) -> Vec<u8> {
    let mut filled = Vec::new();
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let number = bytes.peek().and_then(|next| char::from(*next).to_digit(36)).map(|at| at as usize);
        match (byte, number.and_then(|at| blobs.get(at))) {
            (b'@', Some(blob)) => filled.extend_from_slice(Digest::of(blob).to_string().as_bytes()),
            (b'#', Some(blob)) => filled.extend_from_slice(blob.len().to_string().as_bytes()),
            _ => {
                filled.push(byte);
                continue;
            }
        }
        bytes.next();
    }
    filled
}

/// A file of these bytes, where files are memory.
fn file(bytes: &[u8]) -> PathBuf {
    let folder = PathBuf::from("/dev/shm");
    let folder = if folder.is_dir() { folder } else { std::env::temp_dir() };
    let path = folder.join(format!("skywright-fuzz-bundle-{}", std::process::id()));
    std::fs::write(&path, bytes).unwrap();
    path
}
