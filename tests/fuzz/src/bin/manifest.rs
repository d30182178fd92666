//! Manifests, bare and as a component carries them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use skywright_contract::{Digest, MANIFEST_SECTION, Manifest, Package, PluginId, embed_manifest};

/// What a component begins with.
const HEADER: &[u8] = b"\0asm\x0d\0\x01\0";

fuzz_target!(|data: &[u8]| {
    let bare = Manifest::from_json(data);
    let carried = Package::read(&with_section(data));
    assert_eq!(bare.is_ok(), carried.is_ok(), "{bare:?}, but carried {carried:?}");
    if let Ok(manifest) = bare {
        let json = manifest.to_json().unwrap();
        assert_eq!(Manifest::from_json(&json).unwrap(), manifest);
        let plugin = embed_manifest(HEADER, &manifest).unwrap();
        let package = Package::read(&plugin).unwrap();
        assert_eq!((package.manifest, package.digest), (manifest, Digest::of(&plugin)));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        if let Ok(id) = text.parse::<PluginId>() {
            assert_eq!(id.to_string(), text);
        }
        if let Ok(digest) = text.parse::<Digest>() {
            assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
        }
    }
});

/// An empty component with these bytes as its manifest section.
fn with_section(data: &[u8]) -> Vec<u8> {
    let mut body = leb(MANIFEST_SECTION.len());
    body.extend_from_slice(MANIFEST_SECTION.as_bytes());
    body.extend_from_slice(data);
    [HEADER, &[0], &leb(body.len()), &body].concat()
}

fn leb(mut value: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
