//! The software bill of materials of a guest: CycloneDX 1.5 as JSON.
//!
//! It names what cargo really compiled, with the features it compiled it with: `cargo metadata` alone
//! knows only what might be compiled for some member of the workspace. Nothing in it depends on the
//! time or on where the source lies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use skywright_contract::{Digest, Package as Plugin};
use url::Url;

use crate::cargo::{Crate, Metadata, Package, Unit};
use crate::{Error, ToolChain};

/// Where crates without a registry of their own come from, as cargo spells it.
const CRATES_IO: [&str; 2] =
    ["registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/"];

/// The crates of a guest, and who depends on whom. Sorted, so that one build has one order.
#[derive(Debug)]
pub(crate) struct Crates {
    components: Vec<Component>,
    /// Reference of a crate to those it depends on; the guest's own crate has the empty reference.
    dependencies: BTreeMap<String, BTreeSet<String>>,
    /// What `rustc --version` says.
    rustc: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    bom_format: &'static str,
    spec_version: &'static str,
    serial_number: String,
    version: u32,
    metadata: About,
    components: &'a [Component],
    dependencies: Vec<Dependency>,
    compositions: [Composition; 1],
}

#[derive(Debug, Serialize)]
struct About {
    tools: Tools,
    component: Component,
}

#[derive(Debug, Serialize)]
struct Tools {
    components: Vec<Component>,
}

#[derive(Debug, Clone, Serialize)]
struct Component {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(rename = "bom-ref", skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    name: String,
    version: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<License>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

#[derive(Debug, Clone, Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "lowercase")]
enum License {
    Expression(String),
    License { name: String },
}

#[derive(Debug, Clone, Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    #[serde(rename = "ref")]
    reference: String,
    depends_on: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Composition {
    aggregate: &'static str,
    assemblies: [String; 1],
}

/// `Cargo.lock`, as far as it is read.
#[derive(Debug, Default, Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Locked>,
}

#[derive(Debug, Deserialize)]
struct Locked {
    name: String,
    version: semver::Version,
    source: Option<String>,
    checksum: Option<String>,
}

/// The bill of a plugin, ending in a line feed. Without `crates` it names the plugin alone and says
/// that what is in it is not known.
pub(crate) fn document(plugin: &Plugin, crates: Option<&Crates>) -> Result<Vec<u8>, Error> {
    let manifest = &plugin.manifest;
    let reference = format!("{}@{}", manifest.id, manifest.version);
    let mut tools = vec![tool("skywright", env!("CARGO_PKG_VERSION"))];
    tools.extend(crates.map(|crates| tool("rustc", rustc_number(&crates.rustc))));
    let document = Document {
        bom_format: "CycloneDX",
        spec_version: "1.5",
        serial_number: serial_number(&plugin.digest),
        version: 1,
        metadata: About {
            tools: Tools { components: tools },
            component: Component {
                kind: "application",
                reference: Some(reference.clone()),
                name: manifest.id.to_string(),
                version: manifest.version.to_string(),
                scope: None,
                hashes: vec![Hash { alg: "SHA-256", content: plugin.digest.hex() }],
                licenses: vec![license(&manifest.license)],
                purl: None,
                properties: Vec::new(),
            },
        },
        components: crates.map_or(&[], |crates| &crates.components),
        dependencies: crates.map_or_else(Vec::new, |crates| dependencies(crates, &reference)),
        compositions: [Composition {
            aggregate: if crates.is_some() { "complete" } else { "unknown" },
            assemblies: [reference],
        }],
    };
    let mut json = serde_json::to_vec_pretty(&document)
        .map_err(|error| Error::Answer { program: "the JSON writer", message: error.to_string() })?;
    json.push(b'\n');
    Ok(json)
}

impl Crates {
    /// What `units` are, by `cargo metadata` and `Cargo.lock`. Crates of the standard library count
    /// as one, whether they were compiled here or came compiled.
    pub(crate) fn read(found: &Crate, tool_chain: &ToolChain, units: Vec<Unit>) -> Result<Self, Error> {
        let metadata = found.metadata(tool_chain)?;
        let lock = Lock::read(&found.workspace().join("Cargo.lock"))?;
        let mut crates = Self::of(&metadata, found.manifest(), &lock, &merge(units));
        crates.rustc.clone_from(&tool_chain.version);
        crates.components.push(standard_library(rustc_number(&crates.rustc)));
        crates.components.sort_by(|a, b| (&a.name, &a.reference).cmp(&(&b.name, &b.reference)));
        Ok(crates)
    }

    fn of(metadata: &Metadata, root: &Path, lock: &Lock, units: &BTreeMap<String, Unit>) -> Self {
        let compiled = metadata.packages.iter().filter(|package| units.contains_key(&package.id));
        let references = references(compiled.clone(), root);
        let components = compiled
            .filter(|package| package.manifest_path != root)
            .filter_map(|package| {
                Some(component(package, units.get(&package.id)?, references.get(&package.id)?, lock))
            })
            .collect();
        let mut dependencies = BTreeMap::new();
        for node in metadata.resolve.iter().flat_map(|resolve| &resolve.nodes) {
            if let Some(reference) = references.get(&node.id) {
                let on = node.dependencies.iter().filter_map(|id| references.get(id)).cloned().collect();
                dependencies.insert(reference.clone(), on);
            }
        }
        Self { components, dependencies, rustc: String::new() }
    }
}

impl Lock {
    fn read(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path).map_err(Error::io("read", path))?;
        toml::from_str(&text)
            .map_err(|error| Error::Answer { program: "cargo", message: format!("Cargo.lock: {error}") })
    }

    /// The digest of the package's archive, in hexadecimal. Folders and git have none.
    fn checksum(&self, package: &Package) -> Option<String> {
        self.package
            .iter()
            .find(|locked| {
                locked.name == package.name
                    && locked.version == package.version
                    && locked.source == package.source
            })
            .and_then(|locked| locked.checksum.clone())
    }
}

/// One unit a package: what is in the guest counts, whether or not it also ran while it was built.
fn merge(units: Vec<Unit>) -> BTreeMap<String, Unit> {
    let mut merged = BTreeMap::<String, Unit>::new();
    for unit in units {
        let Some(known) = merged.get_mut(&unit.package_id) else {
            merged.insert(unit.package_id.clone(), unit);
            continue;
        };
        match (known.is_in_guest, unit.is_in_guest) {
            (false, true) => *known = unit,
            (true, false) => {}
            _ => known.features.extend(unit.features),
        }
    }
    merged
}

/// A reference for each package, by cargo's id, which itself would say where the source lies.
fn references<'a>(packages: impl Iterator<Item = &'a Package>, root: &Path) -> BTreeMap<String, String> {
    let mut taken = BTreeMap::<String, u32>::new();
    let mut references = BTreeMap::new();
    let mut packages: Vec<_> = packages.collect();
    packages.sort_by_key(|package| (&package.name, &package.version, &package.source));
    for package in packages {
        if package.manifest_path == root {
            references.insert(package.id.clone(), String::new());
            continue;
        }
        let plain = purl(package).unwrap_or_else(|| format!("{}@{}", package.name, package.version));
        let count = taken.entry(plain.clone()).or_default();
        *count += 1;
        let reference = if *count == 1 { plain } else { format!("{plain}#{count}") };
        references.insert(package.id.clone(), reference);
    }
    references
}

fn component(package: &Package, unit: &Unit, reference: &str, lock: &Lock) -> Component {
    let features: BTreeSet<_> = unit.features.iter().map(String::as_str).collect();
    let features = features.into_iter().collect::<Vec<_>>().join(",");
    Component {
        kind: "library",
        reference: Some(reference.to_owned()),
        name: package.name.clone(),
        version: package.version.to_string(),
        scope: Some(if unit.is_in_guest { "required" } else { "excluded" }),
        hashes: lock.checksum(package).map(|content| Hash { alg: "SHA-256", content }).into_iter().collect(),
        licenses: package.license.as_deref().map(license).into_iter().collect(),
        purl: purl(package),
        properties: (!features.is_empty())
            .then_some(Property { name: "skywright:features", value: features })
            .into_iter()
            .collect(),
    }
}

/// The package's URL, where it comes from a registry or from git. A folder has none: its name and
/// version say nothing about crates.io.
fn purl(package: &Package) -> Option<String> {
    let source = package.source.as_deref()?;
    let plain = format!("pkg:cargo/{}@{}", package.name, encode(&package.version.to_string()));
    if CRATES_IO.contains(&source) {
        return Some(plain);
    }
    let (kind, url) = source.split_once('+')?;
    let mut url = Url::parse(url).ok()?;
    // A private registry may be named with a password in it, and these names are published.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let qualifier = if kind == "git" { "vcs_url=git%2B" } else { "repository_url=" };
    Some(format!("{plain}?{qualifier}{}", encode(url.as_str())))
}

fn encode(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// `MIT/Apache-2.0` is how crates once said `MIT OR Apache-2.0`.
fn license(text: &str) -> License {
    let text = text.replace('/', " OR ");
    let is_expression = !text.trim().is_empty()
        && text.chars().all(|c| c.is_ascii_alphanumeric() || " .-+():".contains(c))
        && text.split(' ').filter(|word| !word.is_empty()).enumerate().all(|(at, word)| {
            let is_operator = ["AND", "OR", "WITH"].contains(&word);
            is_operator == (at % 2 == 1)
        });
    if is_expression { License::Expression(text) } else { License::License { name: text } }
}

fn standard_library(version: &str) -> Component {
    Component {
        kind: "library",
        reference: Some(format!("rust-std@{version}")),
        name: "std".to_owned(),
        version: version.to_owned(),
        scope: Some("required"),
        hashes: Vec::new(),
        licenses: vec![license("MIT OR Apache-2.0")],
        purl: None,
        properties: vec![Property { name: "skywright:collection", value: "rust".to_owned() }],
    }
}

fn dependencies(crates: &Crates, plugin: &str) -> Vec<Dependency> {
    crates
        .dependencies
        .iter()
        .map(|(reference, on)| Dependency {
            reference: if reference.is_empty() { plugin.to_owned() } else { reference.clone() },
            depends_on: on.iter().cloned().collect(),
        })
        .collect()
}

fn tool(name: &str, version: &str) -> Component {
    Component {
        kind: "application",
        reference: None,
        name: name.to_owned(),
        version: version.to_owned(),
        scope: None,
        hashes: Vec::new(),
        licenses: Vec::new(),
        purl: None,
        properties: Vec::new(),
    }
}

/// `1.95.0` of `rustc 1.95.0 (59807616e 2026-04-14)`.
fn rustc_number(version: &str) -> &str {
    version.split_whitespace().nth(1).unwrap_or("0.0.0")
}

/// A UUID of the kind that applications define (8), by the plugin's digest: one plugin, one number.
fn serial_number(digest: &Digest) -> String {
    let hex = digest.hex();
    let variant = match u8::from_str_radix(&hex[16..17], 16).unwrap_or(0) & 0x3 {
        0 => '8',
        1 => '9',
        2 => 'a',
        _ => 'b',
    };
    format!(
        "urn:uuid:{}-{}-8{}-{variant}{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &hex[17..20],
        &hex[20..32]
    )
}

#[cfg(test)]
mod tests {
    use skywright_contract::{Manifest, embed_manifest};

    use super::*;

    fn plugin() -> Plugin {
        let json = r#"{"id":"acme/cloud","version":"1.0.0","kind":"provider","contract":"0.1.0","title":"T","license":"MIT","report":"r"}"#;
        let bare = wat::parse_str("(component)").unwrap();
        Plugin::read(&embed_manifest(&bare, &Manifest::from_json(json.as_bytes()).unwrap()).unwrap()).unwrap()
    }

    fn package(name: &str, source: Option<&str>) -> Package {
        let json = serde_json::json!({
            "id": format!("id of {name} {source:?}"), "name": name, "version": "1.2.3+build", "license": "MIT/Apache-2.0",
            "manifest_path": format!("/somewhere/{name}/Cargo.toml"), "targets": [], "source": source,
        });
        serde_json::from_value(json).unwrap()
    }

    fn unit(package: &Package, is_in_guest: bool, features: &[&str]) -> Unit {
        let features = features.iter().map(|feature| (*feature).to_owned()).collect();
        Unit { package_id: package.id.clone(), is_in_guest, features }
    }

    #[test]
    fn what_runs_only_while_it_is_built_is_not_in_the_guest() {
        let (a, b) = (package("a", Some(CRATES_IO[0])), package("b", Some(CRATES_IO[0])));
        let units = merge(vec![
            unit(&a, false, &["proc"]),
            unit(&a, true, &["z"]),
            unit(&a, true, &["y"]),
            unit(&a, false, &["host"]),
            unit(&b, false, &[]),
        ]);
        let lock = Lock {
            package: vec![Locked {
                name: "a".into(),
                version: a.version.clone(),
                source: a.source.clone(),
                checksum: Some("ab".into()),
            }],
        };
        let made = component(&a, &units[&a.id], "ref", &lock);
        assert_eq!((made.scope, made.properties[0].value.as_str()), (Some("required"), "y,z"));
        assert_eq!(made.hashes[0].content, "ab");
        let made = component(&b, &units[&b.id], "ref", &lock);
        assert_eq!((made.scope, made.hashes.len(), made.properties.len()), (Some("excluded"), 0, 0));
    }

    #[test]
    fn package_urls_say_where_a_crate_is_from_and_hold_no_password() {
        assert_eq!(purl(&package("a", Some(CRATES_IO[1]))).unwrap(), "pkg:cargo/a@1.2.3%2Bbuild");
        assert_eq!(purl(&package("a", None)), None);
        let git = purl(&package("a", Some("git+https://me:hunter2@git.example.org/a?rev=1#abc"))).unwrap();
        assert_eq!(
            git,
            "pkg:cargo/a@1.2.3%2Bbuild?vcs_url=git%2Bhttps%3A%2F%2Fgit.example.org%2Fa%3Frev%3D1%23abc"
        );
        let other = purl(&package("a", Some("sparse+https://token@crates.example.org/index/"))).unwrap();
        assert!(other.ends_with("?repository_url=https%3A%2F%2Fcrates.example.org%2Findex%2F"), "{other}");
    }

    #[test]
    fn two_folders_of_one_name_have_two_references() {
        let (a, mut b) = (package("a", None), package("a", None));
        b.id.push_str(" elsewhere");
        let packages = [a, b];
        let references = references(packages.iter(), Path::new("/root/Cargo.toml"));
        let found: BTreeSet<_> = references.values().map(String::as_str).collect();
        assert_eq!(found, BTreeSet::from(["a@1.2.3+build", "a@1.2.3+build#2"]));
    }

    #[test]
    fn licences_that_are_no_expressions_are_names() {
        let expression = |text: &str| matches!(license(text), License::Expression(_));
        for text in
            ["MIT", "MIT/Apache-2.0", "MIT OR Apache-2.0 WITH LLVM-exception", "(MIT OR ISC) AND Zlib"]
        {
            assert!(expression(text), "{text}");
        }
        for text in ["", "Acme Commercial", "see LICENSE.md, please", "OR"] {
            assert!(!expression(text), "{text}");
        }
    }

    #[test]
    fn a_bill_is_the_same_each_time_and_numbered_by_the_digest() {
        let plugin = plugin();
        let first = document(&plugin, None).unwrap();
        assert_eq!(first, document(&plugin, None).unwrap());
        let json: serde_json::Value = serde_json::from_slice(&first).unwrap();
        assert_eq!(json["metadata"]["component"]["hashes"][0]["content"], plugin.digest.hex());
        assert_eq!(json["compositions"][0]["aggregate"], "unknown");
        let number = json["serialNumber"].as_str().unwrap();
        let parts: Vec<_> = number.strip_prefix("urn:uuid:").unwrap().split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert!(number.starts_with(&format!("urn:uuid:{}", &plugin.digest.hex()[..8])), "{number}");
        assert!(json["metadata"].get("timestamp").is_none());
    }
}
