//! A new plugin's crate, which builds and passes its tests as it is written.

use std::fs;
use std::path::{Path, PathBuf};

use include_dir::{Dir, DirEntry, include_dir};
use skywright_contract::{CONTRACT_VERSION, Kind, PluginId, WIT};

use crate::Error;

/// The crate that a provider starts from, and that of a feature. A file's name ends in `.tmpl`.
static PROVIDER: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/provider");
static FEATURE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates/feature");

/// What plugins are written with, copied beside them: it need not be fetched from anywhere.
static SDK_SOURCE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../../plugins/sdk/src");
const SDK_MANIFEST: &str = include_str!("../../../plugins/sdk/Cargo.toml");

/// The publisher of a plugin whose name came without one.
const NAMESPACE: &str = "example";

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaffolded {
    /// The new folder.
    pub folder: PathBuf,
    /// The new plugin's identity.
    pub id: PluginId,
    /// How many files there are in it.
    pub files: usize,
}

/// Writes a new plugin's crate to `folder`, which must not be there yet.
///
/// `name` is the plugin's, or `publisher/name`; without a publisher it is `example`'s. The SDK and the
/// contract are copied into the crate, so that it depends on nothing of Skywright's elsewhere; what
/// it takes from crates.io is fetched at its first build.
///
/// # Errors
///
/// [`Error::Name`], [`Error::Exists`], and [`Error::Io`], after which nothing is left behind.
pub fn scaffold(name: &str, kind: Kind, folder: &Path) -> Result<Scaffolded, Error> {
    let id = identity(name)?;
    if fs::symlink_metadata(folder).is_ok() {
        return Err(Error::Exists { path: folder.to_owned() });
    }
    let files = files(&id, kind);
    skywright_files::create_folder(folder, &files)?;
    Ok(Scaffolded { folder: folder.to_owned(), id, files: files.len() })
}

fn identity(name: &str) -> Result<PluginId, Error> {
    let full = if name.contains('/') { name.to_owned() } else { format!("{NAMESPACE}/{name}") };
    full.parse().map_err(|_| Error::Name { name: name.chars().take(80).collect() })
}

/// Every file of the new crate, by its path.
fn files(id: &PluginId, kind: Kind) -> Vec<(PathBuf, String)> {
    let template = match kind {
        Kind::Provider => &PROVIDER,
        Kind::Feature => &FEATURE,
    };
    let mut files = Vec::new();
    for (path, text) in texts(template) {
        let path = match path.to_str() {
            // Under its own name it would act on the repository that the template lies in.
            Some("gitignore.tmpl") => PathBuf::from(".gitignore"),
            _ => path.with_extension(""),
        };
        files.push((path, fill(text, id)));
    }
    let vendored = Path::new("skywright");
    files.extend(WIT.iter().map(|(path, text)| (vendored.join("wit").join(path), (*text).to_owned())));
    let sdk = vendored.join("plugins/sdk");
    files.push((sdk.join("Cargo.toml"), SDK_MANIFEST.to_owned()));
    files.extend(texts(&SDK_SOURCE).map(|(path, text)| (sdk.join("src").join(path), text.to_owned())));
    files
}

fn fill(template: &str, id: &PluginId) -> String {
    template
        .replace("{{name}}", id.name())
        .replace("{{id}}", &id.to_string())
        .replace("{{contract}}", CONTRACT_VERSION)
}

/// Every file below a folder, with its path in it.
fn texts<'a>(folder: &'a Dir<'a>) -> Box<dyn Iterator<Item = (&'a Path, &'a str)> + 'a> {
    Box::new(folder.entries().iter().flat_map(|entry| match entry {
        DirEntry::Dir(inner) => texts(inner),
        DirEntry::File(file) => Box::new(file.contents_utf8().map(|text| (file.path(), text)).into_iter()),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_over() {
        let parent = tempfile::tempdir().unwrap();
        let error = scaffold("cloud", Kind::Provider, parent.path()).unwrap_err();
        assert!(matches!(error, Error::Exists { .. }), "{error}");
    }

    #[test]
    fn names_are_strict() {
        let parent = tempfile::tempdir().unwrap();
        for bad in ["", "Cloud", "../cloud", "a/b/c", "-x", "a b", "{{id}}"] {
            let error = scaffold(bad, Kind::Feature, &parent.path().join("new")).unwrap_err();
            assert!(matches!(error, Error::Name { .. }), "{bad:?}: {error}");
        }
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 0);
    }

    #[test]
    fn every_placeholder_is_filled_in_and_everything_vendored() {
        let parent = tempfile::tempdir().unwrap();
        for kind in [Kind::Provider, Kind::Feature] {
            let folder = parent.path().join(kind.name());
            let made = scaffold("acme/cloud", kind, &folder).unwrap();
            assert_eq!(made.id.to_string(), "acme/cloud");
            assert!(made.files > 30, "{made:?}");
            for file in ["Cargo.toml", "plugin.toml", "README.md", ".gitignore", "src/lib.rs"] {
                let text = fs::read_to_string(folder.join(file)).unwrap();
                assert!(
                    ["{{name", "{{id", "{{contract"].iter().all(|left| !text.contains(left)),
                    "{file}: {text}"
                );
            }
            assert!(folder.join("skywright/wit/host/types.wit").is_file());
            assert!(folder.join("skywright/plugins/sdk/src/lib.rs").is_file());
        }
        // Nothing but the two: what was written under another name first is gone.
        assert_eq!(fs::read_dir(parent.path()).unwrap().count(), 2);
    }
}
