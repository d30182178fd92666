//! What an audit found.

use serde::Serialize;

use crate::sbom::Component;

/// What is known of a plugin's components.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// How many components were held against the folder.
    pub checked: usize,
    /// Those that could not be: they are not from crates.io, or their version is none.
    pub unchecked: Vec<AuditedComponent>,
    /// Whether the bill claims to list everything.
    pub is_complete: bool,
    /// What was found, vulnerabilities first, then by component and id.
    pub findings: Vec<Finding>,
}

/// A component, by what an audit goes by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct AuditedComponent {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// One advisory that applies to one component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub kind: FindingKind,
    /// What it is about.
    pub component: AuditedComponent,
    /// Whether the component is in the plugin; if not, it only ran while the plugin was built.
    pub is_included: bool,
    /// The advisory's id.
    pub id: String,
    /// The same advisory elsewhere, such as a CVE.
    pub aliases: Vec<String>,
    /// One line.
    pub title: String,
    /// When it was made known, `YYYY-MM-DD`.
    pub date: String,
    /// By CVSS, if the advisory has a vector: `low` to `critical`.
    pub severity: Option<String>,
    /// Versions that have it mended, as requirements. Empty if there is none.
    pub patched: Vec<String>,
    /// Processors and systems that alone are affected; empty if all are. A plugin runs on `wasm32`, of which
    /// advisories seldom speak: whoever reads it has to judge.
    pub only_on: Vec<String>,
    /// More about it.
    pub url: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FindingKind {
    /// Somebody may use it against the user.
    Vulnerability,
    /// It is not memory-safe as it promises, and nobody is known to be able to use that.
    Unsound,
    /// Nobody maintains it.
    Unmaintained,
    /// Something to know.
    Notice,
    /// Of a kind that this program does not know.
    Other(String),
}

impl AuditedComponent {
    pub(super) fn of(component: &Component) -> Self {
        Self { name: component.name.clone(), version: component.version.clone() }
    }
}

impl Audit {
    /// Whether anything that is in the plugin is known to be vulnerable.
    #[must_use]
    pub fn has_vulnerability(&self) -> bool {
        self.findings.iter().any(|f| f.is_included && f.kind == FindingKind::Vulnerability)
    }
}
