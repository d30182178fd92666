//! Policies, and what they decide.
#![no_main]

use std::collections::BTreeSet;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use skywright_contract::Digest;
use skywright_registry::policy::{Decision, Facts, Origin, Policy, Stage};

fuzz_target!(|data: &[u8]| {
    let Ok(policy) = Policy::parse(Path::new("trust.toml"), data) else { return };
    let (id, version) = ("acme/cloud".parse().unwrap(), "1.2.3-rc.1".parse().unwrap());
    let facts = Facts {
        stage: Stage::Install,
        id: &id,
        version: &version,
        sha256: Digest::of(b"plugin"),
        capabilities: &BTreeSet::new(),
        origin: Origin::Unsigned { allowed: false, file: Path::new("x.wasm") },
        before: None,
        revoked: None,
        yanked: None,
    };
    // Whatever it says, nobody signed this.
    assert!(matches!(policy.decide(&facts), Decision::Deny(_)));
});
