//! The folder of advisories.

use std::path::{Path, PathBuf};

use rustsec::advisory::{Advisory, Informational};
use semver::Version;

use super::finding::{Audit, AuditedComponent, Finding, FindingKind};
use crate::error::Error;
use crate::files::read_if_there;
use crate::sbom::{Component, ComponentOrigin, Sbom};

/// The largest advisory that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The most advisories of one component.
const MAX_ADVISORIES: usize = 1_000;

/// A folder of advisories in RustSec's layout.
#[derive(Debug, Clone)]
pub struct AdvisoryDatabase {
    folder: PathBuf,
}

impl AdvisoryDatabase {
    /// Over a folder that has `crates` in it.
    ///
    /// # Errors
    ///
    /// [`Error::Advisory`] if it has not: an audit against nothing would find nothing.
    pub fn open(folder: &Path) -> Result<Self, Error> {
        if !folder.join("crates").is_dir() {
            let reason = "there is no folder `crates` in it, so it is no advisory database".to_owned();
            return Err(Error::Advisory { path: folder.to_owned(), reason });
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Holds every component of a bill against the folder. Advisories that were withdrawn are passed over.
    ///
    /// # Errors
    ///
    /// [`Error::Advisory`] if one that might apply cannot be read, so that none is missed in silence;
    /// [`Error::File`].
    pub fn audit(&self, bill: &Sbom) -> Result<Audit, Error> {
        let (mut checked, mut unchecked, mut findings) = (0, Vec::new(), Vec::new());
        for component in &bill.components {
            let (Some(collection), Ok(version)) = (collection(component), component.version.parse()) else {
                unchecked.push(AuditedComponent::of(component));
                continue;
            };
            checked += 1;
            for advisory in self.advisories(collection, &component.name)? {
                findings.extend(finding(component, &version, &advisory));
            }
        }
        findings.sort();
        Ok(Audit { checked, unchecked, is_complete: bill.is_complete, findings })
    }

    fn advisories(&self, collection: &str, name: &str) -> Result<Vec<Advisory>, Error> {
        let folder = self.folder.join(collection).join(name);
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::file("read", &folder)(error)),
        };
        let mut advisories = Vec::new();
        for entry in entries {
            let path = entry.map_err(Error::file("read", &folder))?.path();
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            if advisories.len() == MAX_ADVISORIES {
                let reason = format!("there are more than {MAX_ADVISORIES} advisories in it");
                return Err(Error::Advisory { path: folder, reason });
            }
            let advisory = read(&path)?;
            if advisory.metadata.package.as_str() != name {
                let reason = format!("it is about another package than `{name}`");
                return Err(Error::Advisory { path, reason });
            }
            advisories.push(advisory);
        }
        Ok(advisories)
    }
}

/// The folder of a component's advisories, if there may be any: its name is a folder's name below it.
fn collection(component: &Component) -> Option<&'static str> {
    let is_name = !component.name.is_empty()
        && component.name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'));
    match component.origin {
        ComponentOrigin::CratesIo if is_name => Some("crates"),
        ComponentOrigin::RustLibrary if is_name => Some("rust"),
        _ => None,
    }
}

fn read(path: &Path) -> Result<Advisory, Error> {
    let wrong = |reason: String| Error::Advisory { path: path.to_owned(), reason };
    let bytes = read_if_there(path, MAX_BYTES)?.unwrap_or_default();
    let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
    // The parser quotes the first bytes of anything else, and may cut a character in two.
    if !text.starts_with("```toml") {
        return Err(wrong("it does not begin with its description in TOML".to_owned()));
    }
    text.parse().map_err(|error: rustsec::Error| wrong(plain(&error.to_string())))
}

fn finding(component: &Component, version: &Version, advisory: &Advisory) -> Option<Finding> {
    if advisory.withdrawn() || !advisory.versions.is_vulnerable(version) {
        return None;
    }
    let metadata = &advisory.metadata;
    let kind = match &metadata.informational {
        None => FindingKind::Vulnerability,
        Some(Informational::Unsound) => FindingKind::Unsound,
        Some(Informational::Unmaintained) => FindingKind::Unmaintained,
        Some(Informational::Notice) => FindingKind::Notice,
        Some(other) => FindingKind::Other(plain(other.as_str())),
    };
    let only_on = advisory.affected.iter().flat_map(|affected| {
        let processors = affected.arch.iter().map(ToString::to_string);
        processors.chain(affected.os.iter().map(ToString::to_string))
    });
    Some(Finding {
        kind,
        component: AuditedComponent::of(component),
        is_included: component.is_included,
        id: metadata.id.to_string(),
        aliases: metadata.aliases.iter().map(ToString::to_string).collect(),
        title: plain(&metadata.title),
        date: metadata.date.as_str().to_owned(),
        severity: advisory.severity().map(|severity| severity.as_str().to_owned()),
        patched: advisory.versions.patched().iter().map(ToString::to_string).collect(),
        only_on: only_on.collect(),
        url: metadata.url.as_ref().map(ToString::to_string),
    })
}

fn plain(foreign: &str) -> String {
    foreign.chars().map(|c| if c == '\n' { ' ' } else { c }).filter(|c| !c.is_control()).take(300).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn advisory(id: &str, package: &str, more: &str, versions: &str) -> String {
        format!(
            "```toml\n[advisory]\nid = \"{id}\"\npackage = \"{package}\"\ndate = \"2025-01-02\"\n{more}\n\n\
             [versions]\n{versions}\n```\n\n# It breaks\n\nBadly.\n"
        )
    }

    fn put(folder: &Path, collection: &str, package: &str, id: &str, text: &str) {
        let folder = folder.join(collection).join(package);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join(format!("{id}.md")), text).unwrap();
    }

    fn component(name: &str, version: &str, origin: ComponentOrigin) -> Component {
        Component {
            name: name.into(),
            version: version.into(),
            origin,
            is_included: true,
            licence: String::new(),
            purl: None,
            sha256: None,
        }
    }

    fn bill(components: Vec<Component>) -> Sbom {
        Sbom {
            subject: "acme/cloud".into(),
            subject_version: "1.0.0".into(),
            subject_digest: None,
            is_complete: true,
            components,
        }
    }

    fn database() -> (tempfile::TempDir, AdvisoryDatabase) {
        let folder = tempfile::tempdir().unwrap();
        let put = |collection, package, id, more, versions| {
            put(folder.path(), collection, package, id, &advisory(id, package, more, versions));
        };
        put(
            "crates",
            "leaky",
            "RUSTSEC-2025-0001",
            "cvss = \"CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H\"\naliases = [\"CVE-2025-1\"]",
            "patched = [\">= 1.2.3\", \">= 1.0.9, < 1.1.0\"]\nunaffected = [\"< 0.9.0\"]",
        );
        put("crates", "leaky", "RUSTSEC-2025-0002", "withdrawn = \"2025-02-02\"", "patched = []");
        put("crates", "leaky", "RUSTSEC-2025-0003", "informational = \"unmaintained\"", "patched = []");
        put("rust", "std", "RUSTSEC-2025-0004", "", "patched = [\">= 1.95.0\"]");
        std::fs::create_dir_all(folder.path().join("crates/other")).unwrap();
        std::fs::write(folder.path().join("crates/other/RUSTSEC-2025-0009.md"), "junk").unwrap();
        let database = AdvisoryDatabase::open(folder.path()).unwrap();
        (folder, database)
    }

    fn ids(database: &AdvisoryDatabase, component: Component) -> Vec<String> {
        let audit = database.audit(&bill(vec![component])).unwrap();
        audit.findings.into_iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn versions_are_held_against_what_is_patched_and_what_never_was_affected() {
        let (_folder, database) = database();
        let found = |version: &str| ids(&database, component("leaky", version, ComponentOrigin::CratesIo));
        let (bad, known) = ("RUSTSEC-2025-0001".to_owned(), "RUSTSEC-2025-0003".to_owned());
        for version in ["0.9.0", "1.0.0", "1.1.0", "1.2.2", "1.2.3-rc.1"] {
            assert_eq!(found(version), [bad.clone(), known.clone()], "{version}");
        }
        for version in ["0.8.9", "1.0.9", "1.2.3", "2.0.0"] {
            assert_eq!(found(version), [known.as_str()], "{version}");
        }
        let audit =
            database.audit(&bill(vec![component("leaky", "1.0.0", ComponentOrigin::CratesIo)])).unwrap();
        assert!(audit.has_vulnerability());
        let finding = &audit.findings[0];
        assert_eq!((finding.title.as_str(), finding.severity.as_deref()), ("It breaks", Some("critical")));
        assert_eq!(audit.findings[1].kind, FindingKind::Unmaintained);
    }

    #[test]
    fn the_standard_library_is_held_against_its_own_folder() {
        let (_folder, database) = database();
        assert_eq!(
            ids(&database, component("std", "1.94.1", ComponentOrigin::RustLibrary)),
            ["RUSTSEC-2025-0004"]
        );
        assert!(ids(&database, component("std", "1.95.0", ComponentOrigin::RustLibrary)).is_empty());
    }

    #[test]
    fn what_cannot_be_checked_is_named_and_what_cannot_be_read_is_an_error() {
        let (_folder, database) = database();
        let odd = vec![
            component("leaky", "1.0.0", ComponentOrigin::Other),
            component("leaky", "one", ComponentOrigin::CratesIo),
            component("../leaky", "1.0.0", ComponentOrigin::CratesIo),
        ];
        let audit = database.audit(&bill(odd)).unwrap();
        assert_eq!((audit.checked, audit.unchecked.len(), audit.findings.len()), (0, 3, 0));
        let broken = database.audit(&bill(vec![component("other", "1.0.0", ComponentOrigin::CratesIo)]));
        assert!(matches!(broken, Err(Error::Advisory { .. })));
        assert!(matches!(AdvisoryDatabase::open(Path::new("/proc")), Err(Error::Advisory { .. })));
    }

    #[test]
    fn an_advisory_for_another_package_is_not_taken_for_this_one() {
        let (folder, database) = database();
        put(
            folder.path(),
            "crates",
            "mine",
            "RUSTSEC-2025-0007",
            &advisory("RUSTSEC-2025-0007", "yours", "", "patched = []"),
        );
        let audit = database.audit(&bill(vec![component("mine", "1.0.0", ComponentOrigin::CratesIo)]));
        assert!(matches!(audit, Err(Error::Advisory { .. })));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(```toml)?(\n)?[^\u{0}]{0,80}(\n```)?(\n# )?.{0,20}") {
            let folder = tempfile::tempdir().unwrap();
            put(folder.path(), "crates", "x", "RUSTSEC-2025-0001", &text);
            let database = AdvisoryDatabase::open(folder.path()).unwrap();
            let _ = database.audit(&bill(vec![component("x", "1.0.0", ComponentOrigin::CratesIo)]));
        }
    }
}
