//! Whole plugins: bytes as they come, and valid components that wasm-smith makes of them.
#![no_main]

use libfuzzer_sys::arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use skywright_contract::{Capability, Kind, Manifest, check, embed_manifest};

fuzz_target!(|data: &[u8]| {
    // The magic number says that it is a component; anything else is a recipe for one.
    if data.starts_with(b"\0asm") {
        try_all(data);
    } else if let Ok(component) = wasm_smith::Component::arbitrary(&mut Unstructured::new(data)) {
        try_all(&component.to_bytes());
    }
});

/// As it is, and under a manifest of each kind that asks for everything.
fn try_all(component: &[u8]) {
    let _ = check(component);
    for kind in [Kind::Provider, Kind::Feature] {
        if let Ok(plugin) = embed_manifest(component, &manifest(kind)) {
            let _ = check(&plugin);
        }
    }
}

fn manifest(kind: Kind) -> Manifest {
    Manifest {
        id: "acme/cloud".parse().unwrap(),
        version: "1.0.0".parse().unwrap(),
        kind,
        contract: skywright_contract::CONTRACT_VERSION.parse().unwrap(),
        title: "Acme".to_owned(),
        license: "MIT".to_owned(),
        report: "mail@example.org".to_owned(),
        documentation: None,
        capabilities: match kind {
            Kind::Provider => Capability::ALL.iter().copied().collect(),
            Kind::Feature => Default::default(),
        },
    }
}
