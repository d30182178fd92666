//! A plugin's folder: what its `plugin.toml` says, completed from `Cargo.toml`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use skywright_contract::{Capability, Kind, Manifest, PluginId};

use crate::Error;

/// The largest `plugin.toml` that is read, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// What `plugin.toml` says. Its keys are the manifest's own, `version` and `license` optional beside
/// a `Cargo.toml`, and a table `[build]` for what cargo does not build. Unknown keys are errors.
#[derive(Debug, Clone)]
pub struct Project {
    /// Where it was read from, absolute.
    pub folder: PathBuf,
    /// How the component is made, if not by cargo.
    pub build: Option<BuildCommand>,
    text: PluginToml,
}

/// The table `[build]`: how another tool chain makes the component.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuildCommand {
    /// A program and its arguments, run in the plugin's folder; no shell.
    pub command: Vec<String>,
    /// The component that it leaves, relative to the plugin's folder.
    pub component: PathBuf,
}

/// The manifest's keys as an author writes them. `Project::manifest` names every one of them, so a
/// key that the manifest gains is missed by the compiler.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct PluginToml {
    id: PluginId,
    version: Option<semver::Version>,
    kind: Kind,
    contract: semver::Version,
    title: String,
    license: Option<String>,
    report: String,
    documentation: Option<String>,
    #[serde(default)]
    capabilities: BTreeSet<Capability>,
    build: Option<BuildCommand>,
}

/// What `Cargo.toml` says of the crate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct CrateFacts {
    pub(crate) version: Option<semver::Version>,
    pub(crate) license: Option<String>,
}

impl Project {
    /// Reads `FOLDER/plugin.toml`.
    ///
    /// # Errors
    ///
    /// [`Error::NotAPlugin`], [`Error::Io`], and [`Error::Syntax`] with line and column.
    pub fn read(folder: &Path) -> Result<Self, Error> {
        let folder = fs::canonicalize(folder).map_err(Error::io("open", folder))?;
        let path = folder.join("plugin.toml");
        let size = match fs::metadata(&path) {
            Ok(found) if found.is_file() => found.len(),
            _ => return Err(Error::NotAPlugin { folder }),
        };
        if size > MAX_BYTES {
            let message = format!("the file is {size} bytes long; the limit is {MAX_BYTES}");
            return Err(Error::Syntax { path, line: 1, column: 1, message });
        }
        let source = fs::read_to_string(&path).map_err(Error::io("read", &path))?;
        let mut text: PluginToml = toml::from_str(&source).map_err(|error| syntax(&path, &source, &error))?;
        let build = text.build.take();
        if build.as_ref().is_some_and(|build| build.command.is_empty()) {
            return Err(Error::EmptyCommand { path });
        }
        Ok(Self { folder, build, text })
    }

    /// The plugin's identity; its name is the file's.
    #[must_use]
    pub fn id(&self) -> &PluginId {
        &self.text.id
    }

    /// Whether it is (also) a crate.
    pub(crate) fn is_crate(&self) -> bool {
        self.folder.join("Cargo.toml").is_file()
    }

    /// The manifest, with what only `Cargo.toml` says filled in.
    pub(crate) fn manifest(&self, facts: &CrateFacts) -> Result<Manifest, Error> {
        let PluginToml {
            id,
            version,
            kind,
            contract,
            title,
            license,
            report,
            documentation,
            capabilities,
            build: _,
        } = self.text.clone();
        Ok(Manifest {
            id,
            version: self.agreed("version", version, facts.version.clone())?,
            kind,
            contract,
            title,
            license: self.agreed("license", license, facts.license.clone())?,
            report,
            documentation,
            capabilities,
        })
    }

    fn agreed<T: PartialEq + ToString>(
        &self,
        key: &'static str,
        plugin: Option<T>,
        cargo: Option<T>,
    ) -> Result<T, Error> {
        match (plugin, cargo) {
            (Some(plugin), Some(cargo)) if plugin != cargo => {
                Err(Error::Differs { key, plugin: plugin.to_string(), cargo: cargo.to_string() })
            }
            (Some(value), _) | (None, Some(value)) => Ok(value),
            (None, None) => Err(Error::Missing { path: self.folder.join("plugin.toml"), key }),
        }
    }
}

fn syntax(path: &Path, source: &str, error: &toml::de::Error) -> Error {
    let at = error.span().map_or(0, |span| span.start.min(source.len()));
    let before = source.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Error::Syntax { path: path.to_owned(), line, column, message: error.message().replace('\n', " ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "id = \"acme/cloud\"\nkind = \"provider\"\ncontract = \"0.1.0\"\ntitle = \"Acme\"\nreport = \"mail@example.org\"\n";

    fn read(text: &str) -> Result<Project, Error> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("plugin.toml"), text).unwrap();
        Project::read(folder.path())
    }

    fn facts(version: &str, license: &str) -> CrateFacts {
        CrateFacts { version: Some(version.parse().unwrap()), license: Some(license.to_owned()) }
    }

    #[test]
    fn version_and_license_come_from_the_crate() {
        let manifest = read(PLAIN).unwrap().manifest(&facts("1.2.3", "MIT")).unwrap();
        assert_eq!((manifest.version.to_string(), manifest.license), ("1.2.3".to_owned(), "MIT".to_owned()));
    }

    #[test]
    fn what_is_said_twice_must_agree() {
        let project = read(&format!("{PLAIN}version = \"1.2.3\"\n")).unwrap();
        assert!(project.manifest(&facts("1.2.3", "MIT")).is_ok());
        let error = project.manifest(&facts("1.2.4", "MIT")).unwrap_err();
        assert_eq!(error.to_string(), "plugin.toml says version \"1.2.3\", Cargo.toml says \"1.2.4\"");
    }

    #[test]
    fn what_is_nowhere_is_missed() {
        let error = read(PLAIN).unwrap().manifest(&CrateFacts::default()).unwrap_err();
        assert!(matches!(error, Error::Missing { key: "version", .. }), "{error}");
    }

    #[test]
    fn an_unknown_key_is_shown_with_its_place() {
        let error = read(&format!("{PLAIN}  sandbox = \"off\"\n")).unwrap_err();
        let Error::Syntax { line, column, message, .. } = error else { panic!("{error}") };
        assert_eq!((line, column), (6, 3));
        assert!(message.starts_with("unknown field `sandbox`"), "{message}");
        let error = read(&format!("{PLAIN}capabilities = [\"http\", \"root\"]\n")).unwrap_err();
        assert!(matches!(error, Error::Syntax { line: 6, .. }), "{error}");
        let error = read(&PLAIN.replace("acme/cloud", "Acme")).unwrap_err();
        assert!(
            matches!(&error, Error::Syntax { line: 1, message, .. } if message.contains("namespace/name")),
            "{error}"
        );
    }

    #[test]
    fn a_build_table_says_command_and_component() {
        let project =
            read(&format!("{PLAIN}[build]\ncommand = [\"make\"]\ncomponent = \"out.wasm\"\n")).unwrap();
        assert_eq!(
            project.build,
            Some(BuildCommand { command: vec!["make".into()], component: "out.wasm".into() })
        );
        let error = read(&format!("{PLAIN}[build]\ncommand = []\ncomponent = \"x\"\n")).unwrap_err();
        assert!(matches!(error, Error::EmptyCommand { .. }), "{error}");
        assert!(read(&format!("{PLAIN}[build]\ncommand = [\"make\"]\n")).is_err());
    }
}
