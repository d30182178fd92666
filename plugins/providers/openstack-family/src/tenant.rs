//! The tenant of the recordings: a user of a real control plane (Keystone 30, Nova 34, Neutron 29,
//! Glance 33, release 2026.2) with simulated machines under it, whose one region is served by one
//! Keystone on one host. What they do not show: a cloud older than that release, a catalog of many regions,
//! services on hosts of their own, a policy that hides extra specs.

use std::path::Path;

use skywright_sdk::Driver;
use skywright_sdk::replay::Recording;

use crate::{Dialect, Profile, Provider};

/// The generic dialect.
pub(crate) enum Generic {}

impl Dialect for Generic {
    const PROFILE: &'static Profile = &Profile::GENERIC;
}

/// Its provider.
pub(crate) type Openstack = Provider<Generic>;

/// A recording and where its cloud was; the test says how it logs in.
pub(crate) fn played(name: &str) -> Recording {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("recordings").join(format!("{name}.jsonl"));
    let recording = Recording::load(path).unwrap().setting("auth-url", "http://127.0.0.1:5000/v3");
    recording.defaults(&Openstack::describe().settings)
}

/// A recording, of the user that logged in with a password.
pub(crate) fn recorded(name: &str) -> Recording {
    played(name).setting("user", "demo").setting("project-name", "demo").credential("password")
}

/// A host of the recordings, made by other means: its older port is in a subnet that is not routed, its
/// younger one in [`SUBNET`], which is.
pub(crate) const HOST: &str = "80ffc1ac-9810-4fe3-a841-257cbc2bdaef";

/// A subnet of the recordings.
pub(crate) const SUBNET: &str = "80ec1a81-7e3c-49ef-a6fb-fccfe3bcffee";
