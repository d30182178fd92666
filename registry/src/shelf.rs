//! Folders of plugin files.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use skywright_contract::{Package, PluginBytes, PluginId};

use crate::error::Error;

/// The largest plugin file that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// Folders in which plugins lie, searched in order.
#[derive(Debug, Clone)]
pub struct Shelf {
    folders: Vec<PathBuf>,
}

/// A plugin that was found: its bytes, read once.
#[derive(Debug)]
pub struct Found {
    /// Where it was read from.
    pub path: PathBuf,
    /// The whole file.
    pub bytes: PluginBytes,
}

/// One line of a listing. A file that is not a plugin is listed too, with what is wrong.
#[derive(Debug)]
pub struct Listed {
    /// The file.
    pub path: PathBuf,
    /// What it says of itself.
    pub package: Result<Package, Error>,
}

impl Shelf {
    /// A shelf over these folders. Ones that do not exist are empty.
    #[must_use]
    pub fn new(folders: Vec<PathBuf>) -> Self {
        Self { folders }
    }

    /// Every `.wasm` file, by folder and then by file name.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if a folder cannot be read; a file's own trouble is part of the listing.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        let mut listed = Vec::new();
        for folder in &self.folders {
            for path in plugin_files(folder)? {
                let package = read_plugin(&path).and_then(|found| package_of(&path, &found.bytes));
                listed.push(Listed { path, package });
            }
        }
        Ok(listed)
    }

    /// Finds a plugin by path (anything with a `/` before its end, or ending in `.wasm`), id, or name.
    ///
    /// # Errors
    ///
    /// [`Error::NotFound`], [`Error::Ambiguous`] where two publishers use the name, or why the file
    /// could not be read.
    pub fn find(&self, name: &str) -> Result<Found, Error> {
        if name.ends_with(".wasm") || name.starts_with(['.', '/']) {
            return read_plugin(Path::new(name));
        }
        let (_, path) = self.find_listed(name)?;
        read_plugin(&path)
    }

    /// The id and file of the newest plugin of that id or name.
    pub(crate) fn find_listed(&self, name: &str) -> Result<(PluginId, PathBuf), Error> {
        let mut candidates = self.list()?;
        candidates.retain(|listed| {
            listed.package.as_ref().is_ok_and(|package| {
                let id = &package.manifest.id;
                id.name() == name || id.to_string() == name
            })
        });
        let mut ids: Vec<_> =
            candidates.iter().flat_map(|c| &c.package).map(|p| p.manifest.id.to_string()).collect();
        ids.sort();
        ids.dedup();
        match (ids.len(), newest(candidates)) {
            (1, Some(found)) => Ok(found),
            (0, _) | (1, None) => {
                Err(Error::NotFound { name: name.to_owned(), folders: self.folders.clone() })
            }
            _ => Err(Error::Ambiguous { name: name.to_owned(), ids }),
        }
    }
}

/// The highest version.
fn newest(candidates: Vec<Listed>) -> Option<(PluginId, PathBuf)> {
    candidates
        .into_iter()
        .filter_map(|listed| Some((listed.package.ok()?.manifest, listed.path)))
        // The first of equals, since earlier folders come first.
        .reduce(|best, next| if next.0.version > best.0.version { next } else { best })
        .map(|(manifest, path)| (manifest.id, path))
}

fn plugin_files(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |source| Error::File { action: "read", path: folder.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Reads a plugin file, once. Its size is checked on what was opened, before anything is read.
///
/// # Errors
///
/// [`Error::File`] and [`Error::TooLarge`].
pub fn read_plugin(path: &Path) -> Result<Found, Error> {
    let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
    let file = File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err(failed(std::io::Error::other("it is not a regular file")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(meta.len().min(MAX_BYTES)).unwrap_or(0));
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::TooLarge { path: path.to_owned(), bytes: meta.len(), limit_bytes: MAX_BYTES });
    }
    Ok(Found { path: path.to_owned(), bytes: bytes.into() })
}

fn package_of(path: &Path, bytes: &PluginBytes) -> Result<Package, Error> {
    Package::of(bytes).map_err(|source| Error::Package { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use skywright_contract::{Manifest, embed_manifest};

    use super::*;

    fn put(folder: &Path, file: &str, id: &str, version: &str) {
        let json = format!(
            r#"{{"id":"{id}","version":"{version}","kind":"provider","contract":"0.1.0","title":"T","license":"MIT","report":"r"}}"#
        );
        let bare = wat::parse_str("(component)").unwrap();
        let plugin = embed_manifest(&bare, &Manifest::from_json(json.as_bytes()).unwrap()).unwrap();
        std::fs::write(folder.join(file), plugin).unwrap();
    }

    #[test]
    fn plugins_are_found_by_name_id_and_path_and_the_newest_wins() {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "a.wasm", "acme/cloud", "1.9.0");
        put(folder.path(), "b.wasm", "acme/cloud", "1.10.0");
        std::fs::write(folder.path().join("c.wasm"), "junk").unwrap();
        let shelf = Shelf::new(vec!["/does/not/exist".into(), folder.path().into()]);
        assert_eq!(shelf.list().unwrap().len(), 3);
        for name in ["cloud", "acme/cloud"] {
            assert!(shelf.find(name).unwrap().path.ends_with("b.wasm"));
        }
        assert!(shelf.find(folder.path().join("a.wasm").to_str().unwrap()).is_ok());
        assert!(matches!(shelf.find("clod"), Err(Error::NotFound { .. })));
        put(folder.path(), "d.wasm", "evil/cloud", "9.0.0");
        assert!(matches!(shelf.find("cloud"), Err(Error::Ambiguous { .. })));
        assert!(shelf.find("acme/cloud").unwrap().path.ends_with("b.wasm"));
    }

    #[test]
    fn a_folder_or_an_endless_file_is_not_a_plugin() {
        assert!(matches!(read_plugin(Path::new("/")), Err(Error::File { .. })));
        assert!(matches!(read_plugin(Path::new("/dev/zero")), Err(Error::File { .. })));
    }
}
