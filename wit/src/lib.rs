//! The contract between the host and its plugins.
//!
//! The WIT files beside this crate are the contract's text; the rest is what both sides of a
//! signature need to know about a plugin without running it: the manifest that is embedded in its
//! component, what the component imports and exports, and whether that agrees with the contract.
//! Nothing here executes WebAssembly.

mod blame;
mod capability;
mod check;
mod manifest;
mod package;
mod released;
mod shape;

pub use blame::{Blame, Category};
pub use capability::{Capability, interface_track};
pub use check::{Interfaces, check, check_claims, speaks_contract};
pub use manifest::{Kind, MANIFEST_SECTION, Manifest, ManifestError, PluginId};
pub use package::{Digest, Package, PackageError, PluginBytes, embed_manifest};
pub use released::{Incompatibility, WitError, incompatibilities, is_draft, parse_packages};

/// The version of the contract that this host speaks: that of every `skywright:*` WIT package.
pub const CONTRACT_VERSION: &str = "0.1.0";

macro_rules! wit_files {
    ($($path:literal),* $(,)?) => {
        /// The WIT text, as (path below `wit/`, text). One folder is one package.
        pub const WIT: &[(&str, &str)] = &[$(($path, include_str!(concat!("../", $path)))),*];
    };
}

wit_files![
    "host/cache.wit",
    "host/clock.wit",
    "host/credentials.wit",
    "host/http.wit",
    "host/log.wit",
    "host/machines.wit",
    "host/settings.wit",
    "host/types.wit",
    "provider/addresses.wit",
    "provider/catalog.wit",
    "provider/changes.wit",
    "provider/driver.wit",
    "provider/hosts.wit",
    "provider/intents.wit",
    "provider/keypairs.wit",
    "provider/networks.wit",
    "provider/object-storage.wit",
    "provider/pricing.wit",
    "provider/quotas.wit",
    "provider/security-groups.wit",
    "provider/volumes.wit",
    "provider/worlds.wit",
    "feature/recipe.wit",
];
