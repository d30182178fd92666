//! Bills of materials, read: what a plugin was made of.
//!
//! Of CycloneDX as JSON, version 1.3 and later, what is needed to list components and to hold them
//! against advisories. The rest is passed over.

use serde::{Deserialize, Serialize};
use skywright_contract::Digest;

use crate::error::Error;

/// The largest bill that is read, in bytes.
pub const MAX_SBOM_BYTES: u64 = 8 << 20;

/// The most components that a bill may list.
const MAX_COMPONENTS: usize = 20_000;

/// The longest text that is kept of a component, in characters.
const MAX_TEXT: usize = 256;

/// A bill of materials.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sbom {
    /// What the bill is of: a plugin's id.
    pub subject: String,
    /// In which version.
    pub subject_version: String,
    /// The digest of what the bill is of, if it says so.
    pub subject_digest: Option<Digest>,
    /// Whether it claims to list everything: CycloneDX's `complete`.
    pub is_complete: bool,
    /// What it lists, by name and version.
    pub components: Vec<Component>,
}

/// One component of a bill. Its texts are foreign, without control characters and cut to 256 characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Component {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it is from.
    pub origin: ComponentOrigin,
    /// Whether it is in what the bill is of; if not, it only ran while that was built.
    pub is_included: bool,
    /// Its licence, an SPDX expression or a name; empty if the bill does not say.
    pub licence: String,
    /// Its package URL.
    pub purl: Option<String>,
    /// The SHA-256 of its archive, in hexadecimal.
    pub sha256: Option<String>,
}

/// Where a component is from, as far as advisories go by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ComponentOrigin {
    /// crates.io.
    CratesIo,
    /// Rust's standard library.
    RustLibrary,
    /// Somewhere else, or the bill does not say.
    Other,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    bom_format: String,
    spec_version: String,
    metadata: About,
    #[serde(default)]
    components: Vec<Entry>,
    #[serde(default)]
    compositions: Vec<Composition>,
}

#[derive(Deserialize)]
struct About {
    component: Entry,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "bom-ref")]
    reference: Option<String>,
    name: String,
    #[serde(default)]
    version: String,
    scope: Option<String>,
    #[serde(default)]
    hashes: Vec<Hash>,
    #[serde(default)]
    licenses: Vec<LicenceChoice>,
    purl: Option<String>,
    #[serde(default)]
    properties: Vec<Property>,
    /// Components of components are listed with the rest.
    #[serde(default)]
    components: Vec<Entry>,
}

#[derive(Deserialize)]
struct Hash {
    alg: String,
    content: String,
}

#[derive(Deserialize)]
struct LicenceChoice {
    expression: Option<String>,
    license: Option<Licence>,
}

#[derive(Deserialize)]
struct Licence {
    id: Option<String>,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Property {
    name: String,
    #[serde(default)]
    value: String,
}

#[derive(Deserialize)]
struct Composition {
    aggregate: String,
    #[serde(default)]
    assemblies: Vec<String>,
}

impl Sbom {
    /// Reads a bill. `what` is its name, for errors.
    ///
    /// # Errors
    ///
    /// [`Error::Oversize`], and [`Error::Sbom`] for anything that is not CycloneDX as JSON.
    pub fn read(what: &str, json: &[u8]) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Sbom { what: what.to_owned(), reason };
        if json.len() as u64 > MAX_SBOM_BYTES {
            return Err(Error::Oversize { what: what.to_owned(), limit_bytes: MAX_SBOM_BYTES });
        }
        let document: Document =
            serde_json::from_slice(json).map_err(|error| wrong(text(&error.to_string())))?;
        if document.bom_format != "CycloneDX" {
            return Err(wrong("its `bomFormat` is not `CycloneDX`".to_owned()));
        }
        if !document.spec_version.starts_with("1.") {
            return Err(wrong("it is of a version of CycloneDX that is not read".to_owned()));
        }
        let subject = document.metadata.component;
        let is_complete = document.compositions.iter().any(|composition| {
            composition.aggregate == "complete"
                && subject.reference.as_ref().is_some_and(|subject| composition.assemblies.contains(subject))
        });
        let mut components = Vec::new();
        flatten(document.components, &mut components).map_err(wrong)?;
        components.sort();
        components.dedup();
        let subject_digest = sha256(&subject).and_then(|hex| hex.parse().ok());
        Ok(Self {
            subject: text(&subject.name),
            subject_version: text(&subject.version),
            subject_digest,
            is_complete,
            components,
        })
    }
}

/// Components below components are as much a part of it as the others. The JSON reader bounds the depth.
fn flatten(entries: Vec<Entry>, into: &mut Vec<Component>) -> Result<(), String> {
    for mut entry in entries {
        if into.len() == MAX_COMPONENTS {
            return Err(format!("it lists more than {MAX_COMPONENTS} components"));
        }
        let below = std::mem::take(&mut entry.components);
        into.push(Component::from(entry));
        flatten(below, into)?;
    }
    Ok(())
}

impl From<Entry> for Component {
    fn from(entry: Entry) -> Self {
        Self {
            origin: origin(&entry),
            name: text(&entry.name),
            version: text(&entry.version),
            is_included: entry.scope.as_deref() != Some("excluded"),
            licence: licence(&entry.licenses),
            sha256: sha256(&entry),
            purl: entry.purl.as_deref().map(text),
        }
    }
}

fn origin(entry: &Entry) -> ComponentOrigin {
    if entry.properties.iter().any(|p| p.name == "skywright:collection" && p.value == "rust") {
        return ComponentOrigin::RustLibrary;
    }
    let is_from_crates_io = entry.purl.as_deref().is_some_and(|purl| {
        // Qualifiers name another registry, or git.
        purl.starts_with("pkg:cargo/") && !purl.contains(['?', '#'])
    });
    if is_from_crates_io { ComponentOrigin::CratesIo } else { ComponentOrigin::Other }
}

fn sha256(entry: &Entry) -> Option<String> {
    let hash = entry.hashes.iter().find(|hash| hash.alg == "SHA-256")?;
    let is_hex = hash.content.len() == 64 && hash.content.bytes().all(|c| c.is_ascii_hexdigit());
    is_hex.then(|| hash.content.to_ascii_lowercase())
}

fn licence(choices: &[LicenceChoice]) -> String {
    let one = |choice: &LicenceChoice| {
        let named = choice.license.as_ref().and_then(|licence| licence.id.clone().or(licence.name.clone()));
        choice.expression.clone().or(named)
    };
    text(&choices.iter().filter_map(one).collect::<Vec<_>>().join(" AND "))
}

fn text(foreign: &str) -> String {
    foreign.chars().filter(|c| !c.is_control()).take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BILL: &str = r#"{
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "application", "bom-ref": "me", "name": "acme/cloud", "version": "1.0.0",
            "hashes": [{"alg": "SHA-256", "content": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]}},
        "components": [
            {"type": "library", "name": "zlib", "version": "1.2", "licenses": [{"license": {"id": "Zlib"}}], "purl": "pkg:deb/debian/zlib@1.2"},
            {"type": "library", "name": "serde", "version": "1.0.1", "scope": "required", "licenses": [{"expression": "MIT OR Apache-2.0"}],
             "purl": "pkg:cargo/serde@1.0.1", "components": [{"type": "library", "name": "inner\u001b[31m", "version": "0.1"}]},
            {"type": "library", "name": "forked", "version": "1.0.1", "scope": "excluded", "purl": "pkg:cargo/forked@1.0.1?vcs_url=git%2Bhttps"}
        ],
        "compositions": [{"aggregate": "complete", "assemblies": ["me"]}]
    }"#;

    #[test]
    fn a_bill_is_flattened_sorted_and_stripped() {
        let bill = Sbom::read("it", BILL.as_bytes()).unwrap();
        let listed: Vec<_> =
            bill.components.iter().map(|c| (c.name.as_str(), c.origin, c.is_included)).collect();
        assert_eq!(
            listed,
            [
                ("forked", ComponentOrigin::Other, false),
                ("inner[31m", ComponentOrigin::Other, true),
                ("serde", ComponentOrigin::CratesIo, true),
                ("zlib", ComponentOrigin::Other, true),
            ]
        );
        assert_eq!(bill.subject_digest, Some(Digest::of(b"")));
        assert!(bill.is_complete);
        assert_eq!(bill.components[2].licence, "MIT OR Apache-2.0");
    }

    #[test]
    fn other_documents_are_refused() {
        for bad in ["", "{}", "[]", &BILL.replace("CycloneDX", "SPDX"), &BILL.replace("\"1.5\"", "\"2.0\"")] {
            assert!(matches!(Sbom::read("it", bad.as_bytes()), Err(Error::Sbom { .. })), "{bad}");
        }
        let partial = BILL.replace("\"complete\"", "\"incomplete\"");
        assert!(!Sbom::read("it", partial.as_bytes()).unwrap().is_complete);
        let long = vec![b' '; usize::try_from(MAX_SBOM_BYTES).unwrap() + 1];
        assert!(matches!(Sbom::read("it", &long), Err(Error::Oversize { .. })));
        let many = format!("{{\"name\":\"x\"}}{}", ",{\"name\":\"x\"}".repeat(MAX_COMPONENTS));
        let many = format!(
            r#"{{"bomFormat":"CycloneDX","specVersion":"1.5","metadata":{{"component":{{"name":"x"}}}},"components":[{many}]}}"#
        );
        assert!(matches!(Sbom::read("it", many.as_bytes()), Err(Error::Sbom { .. })));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(cut in 0..BILL.len(), with in ".{0,8}") {
            let mut bytes = BILL.as_bytes()[..cut].to_vec();
            bytes.extend_from_slice(with.as_bytes());
            bytes.extend_from_slice(&BILL.as_bytes()[cut..]);
            if let Ok(bill) = Sbom::read("it", &bytes) {
                prop_assert!(bill.components.iter().all(|c| !c.name.chars().any(char::is_control)));
            }
        }
    }
}
