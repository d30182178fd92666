//! Whether a component keeps the contract: valid, importing only what the host lends and its
//! manifest asks for, exporting what its kind must, with the contract's own types.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use wit_component::DecodedWasm;
use wit_parser::{Resolve, WorldId};

use crate::capability::{Capability, interface_track};
use crate::manifest::{Kind, Manifest};
use crate::package::{Package, PackageError};
use crate::shape::{self, Shape};
use crate::{CONTRACT_VERSION, WIT, parse_packages};

/// What a component really imports and exports: interface names with their functions' signatures.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Interfaces {
    /// By interface name: function name → signature. Types-only imports have no functions.
    pub imports: BTreeMap<String, BTreeMap<String, String>>,
    /// By interface name: function name → signature.
    pub exports: BTreeMap<String, BTreeMap<String, String>>,
}

/// Validates the bytes and holds them against their manifest and the contract.
///
/// The whole file is parsed and validated here, nested modules too, so this belongs where a crash
/// or a long run of the parser does no harm: the host calls it in its compile child.
///
/// # Errors
///
/// [`PackageError`], naming every import that is not covered, or the first export that differs.
pub fn check(bytes: &[u8]) -> Result<(Package, Interfaces), PackageError> {
    let package = Package::read(bytes)?;
    check_claims(&package)?;
    wasmparser::Validator::new_with_features(features())
        .validate_all(bytes)
        .map_err(crate::package::malformed)?;
    let (resolve, world) = match wit_component::decode(bytes) {
        Ok(DecodedWasm::Component(resolve, world)) => (resolve, world),
        Ok(DecodedWasm::WitPackage(..)) => {
            return Err(PackageError::Malformed("it is a WIT package, not code".into()));
        }
        Err(error) => return Err(PackageError::Malformed(format!("{error:#}"))),
    };
    let interfaces = interfaces_of(&resolve, world);
    check_exports(&package.manifest, &interfaces)?;
    Ok((package, interfaces))
}

/// The cheap half of [`check`], by names alone: the contract's version, and that every import is one
/// that the host lends and the manifest asks for. It is repeated at every load.
///
/// # Errors
///
/// [`PackageError::ContractVersion`], [`PackageError::UnknownImports`] or
/// [`PackageError::UndeclaredImports`].
pub fn check_claims(package: &Package) -> Result<(), PackageError> {
    check_contract_version(&package.manifest)?;
    check_imports(package)
}

/// WebAssembly as the host's engine accepts it: the 2.0 set, without what the engine turns off.
fn features() -> wasmparser::WasmFeatures {
    use wasmparser::WasmFeatures as F;
    let mut features = F::WASM2 | F::COMPONENT_MODEL | F::TAIL_CALL | F::EXTENDED_CONST | F::MULTI_MEMORY;
    features.remove(F::MEMORY64 | F::RELAXED_SIMD | F::THREADS | F::GC);
    features
}

/// Whether this host runs plugins that were built for that release of the contract.
#[must_use]
pub fn speaks_contract(plugin: &semver::Version) -> bool {
    let host = contract_version();
    let same_track = if host.major == 0 {
        plugin.major == 0 && plugin.minor == host.minor
    } else {
        plugin.major == host.major
    };
    same_track && *plugin <= host
}

fn check_contract_version(manifest: &Manifest) -> Result<(), PackageError> {
    let host = contract_version();
    let plugin = &manifest.contract;
    if speaks_contract(plugin) {
        return Ok(());
    }
    let older = if *plugin < host { "plugin" } else { "host" };
    let (plugin, host) = (plugin.to_string(), host.to_string());
    Err(PackageError::ContractVersion { plugin, host, older: older.to_owned() })
}

fn contract_version() -> semver::Version {
    semver::Version::parse(CONTRACT_VERSION).unwrap_or_else(|_| semver::Version::new(0, 0, 0))
}

/// Coverage by name, before the bytes are trusted to a larger parser.
fn check_imports(package: &Package) -> Result<(), PackageError> {
    let mut unknown = Vec::new();
    let mut undeclared = Vec::new();
    for import in &package.imports {
        match Capability::of_import(import) {
            Some(capability) if package.manifest.capabilities.contains(&capability) => {}
            Some(capability) => undeclared.push(format!("{import} (needs {capability})")),
            None if Capability::covers_types_only(import) => {}
            None => unknown.push(import.clone()),
        }
    }
    if !unknown.is_empty() {
        return Err(PackageError::UnknownImports(unknown));
    }
    if !undeclared.is_empty() {
        return Err(PackageError::UndeclaredImports(undeclared));
    }
    Ok(())
}

fn interfaces_of(resolve: &Resolve, world: WorldId) -> Interfaces {
    let world = &resolve.worlds[world];
    let shapes = |items| -> BTreeMap<String, Shape> {
        shape::interfaces(resolve, items)
            .into_iter()
            .map(|(name, id)| (name, shape::of_interface(resolve, id)))
            .collect()
    };
    Interfaces { imports: shapes(&world.imports), exports: shapes(&world.exports) }
}

fn check_exports(manifest: &Manifest, found: &Interfaces) -> Result<(), PackageError> {
    let contract = contract_shapes();
    let required = match manifest.kind {
        Kind::Provider => "skywright:provider/driver",
        Kind::Feature => "skywright:feature/recipe",
    };
    if !found.exports.keys().any(|name| name.split('@').next() == Some(required)) {
        let missing = format!("{required}@{CONTRACT_VERSION}");
        return Err(PackageError::MissingExport { kind: manifest.kind, missing });
    }
    for (name, shape) in &found.exports {
        let Some(expected) = contract.get(&interface_track(name)) else {
            if name.starts_with("skywright:") {
                let difference = "the contract has no interface of this name and version".to_owned();
                return Err(PackageError::WrongShape { interface: name.clone(), difference });
            }
            continue;
        };
        if let Some(difference) = first_difference(expected, shape) {
            return Err(PackageError::WrongShape { interface: name.clone(), difference });
        }
    }
    Ok(())
}

/// `None` if the shapes are the same; otherwise the first function that is not.
pub(crate) fn first_difference(expected: &Shape, found: &Shape) -> Option<String> {
    for (function, signature) in expected {
        match found.get(function) {
            None => return Some(format!("`{function}` is missing")),
            Some(other) if other != signature => {
                return Some(format!("`{function}` is `{other}`, expected `{signature}`"));
            }
            Some(_) => {}
        }
    }
    found
        .keys()
        .find(|name| !expected.contains_key(*name))
        .map(|name| format!("`{name}` is not in the contract"))
}

/// The contract's interfaces by their track, drafts included, parsed once.
fn contract_shapes() -> &'static BTreeMap<String, Shape> {
    static SHAPES: OnceLock<BTreeMap<String, Shape>> = OnceLock::new();
    SHAPES.get_or_init(|| {
        // The files are part of this program and a test parses them: no error can reach a user.
        let Ok(resolve) = parse_packages(WIT.iter().copied()) else { return BTreeMap::new() };
        resolve
            .interfaces
            .iter()
            .filter_map(|(id, _)| {
                Some((interface_track(&resolve.id_of(id)?), shape::of_interface(&resolve, id)))
            })
            .collect()
    })
}
