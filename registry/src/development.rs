//! The folders whose plugins run without a signature, because their author works on them here.

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::{files, toml_text};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The folders that `plugin dev` registered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DevelopmentFolders {
    /// Absolute, without symbolic links.
    #[serde(default)]
    pub folders: BTreeSet<PathBuf>,
}

impl DevelopmentFolders {
    /// Reads the file; if there is none, there are no such folders.
    ///
    /// # Errors
    ///
    /// [`Error::Text`] with line and column; [`Error::File`].
    pub fn read(path: &Path) -> Result<Self, Error> {
        match files::read_if_there(path, MAX_BYTES)? {
            Some(bytes) => toml_text::read(path, toml_text::utf8(path, &bytes)?),
            None => Ok(Self::default()),
        }
    }

    /// Registers a folder in the file, or takes it out. Gives the folder's real path, and whether that changed
    /// anything.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if there is no such folder; [`Error::Exposed`] if others may write to one that is to
    /// be registered; those of [`read`](Self::read).
    pub fn change(path: &Path, folder: &Path, registered: bool) -> Result<(PathBuf, bool), Error> {
        let real = match folder.canonicalize() {
            Ok(real) => real,
            // What was taken away since has to be got rid of too.
            Err(_) if !registered => std::path::absolute(folder).map_err(Error::file("open", folder))?,
            Err(error) => return Err(Error::file("open", folder)(error)),
        };
        if registered {
            check_folder(&real)?;
        }
        let _held = files::hold_folder(skywright_files::folder_of(path), Duration::from_secs(10))?;
        let mut folders = Self::read(path)?;
        let changed =
            if registered { folders.folders.insert(real.clone()) } else { folders.folders.remove(&real) };
        if changed {
            let text = toml::to_string(&folders)
                .map_err(|error| Error::Encode { what: "the folder's path", reason: error.to_string() })?;
            files::replace(path, text.as_bytes())?;
        }
        Ok((real, changed))
    }

    /// Where their plugin files are: in the folders themselves, and in `dist`, where builds put them.
    #[must_use]
    pub fn plugin_folders(&self) -> Vec<PathBuf> {
        self.folders.iter().flat_map(|folder| [folder.clone(), folder.join("dist")]).collect()
    }

    /// The registered folder that a file lies in, or below; symbolic links are followed first.
    ///
    /// # Errors
    ///
    /// [`Error::Exposed`] if others may write to that folder by now.
    pub fn folder_of(&self, file: &Path) -> Result<Option<&Path>, Error> {
        let Ok(real) = file.canonicalize() else { return Ok(None) };
        let Some(folder) = self.folders.iter().find(|folder| real.starts_with(folder)) else {
            return Ok(None);
        };
        check_folder(folder)?;
        Ok(Some(folder))
    }
}

/// A folder that anybody may write to would let anybody's plugin run.
fn check_folder(folder: &Path) -> Result<(), Error> {
    let meta = std::fs::metadata(folder).map_err(Error::file("read", folder))?;
    if !meta.is_dir() {
        return Err(Error::file("read", folder)(std::io::ErrorKind::NotADirectory.into()));
    }
    let mine = [0, rustix::process::geteuid().as_raw()];
    if meta.mode() & 0o002 != 0 || !mine.contains(&meta.uid()) {
        return Err(Error::Exposed { path: folder.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn files_count_by_where_they_really_are() {
        let place = tempfile::tempdir().unwrap();
        let (list, project) = (place.path().join("development.toml"), place.path().join("project"));
        std::fs::create_dir_all(project.join("dist")).unwrap();
        std::fs::write(project.join("dist/a.wasm"), "a").unwrap();
        std::fs::write(place.path().join("b.wasm"), "b").unwrap();
        let real = project.canonicalize().unwrap();
        assert_eq!(DevelopmentFolders::change(&list, &project, true).unwrap(), (real.clone(), true));
        assert_eq!(DevelopmentFolders::change(&list, &project, true).unwrap(), (real.clone(), false));
        let folders = DevelopmentFolders::read(&list).unwrap();
        assert_eq!(folders.folder_of(&project.join("dist/a.wasm")).unwrap(), Some(real.as_path()));
        assert_eq!(folders.folder_of(&place.path().join("b.wasm")).unwrap(), None);
        assert_eq!(folders.folder_of(&project.join("../b.wasm")).unwrap(), None);
        symlink(place.path().join("b.wasm"), project.join("c.wasm")).unwrap();
        assert_eq!(folders.folder_of(&project.join("c.wasm")).unwrap(), None, "a link leads out of it");
        assert_eq!(folders.folder_of(&project.join("none.wasm")).unwrap(), None);
        std::fs::remove_dir_all(&project).unwrap();
        assert!(DevelopmentFolders::change(&list, &real, false).unwrap().1);
        assert_eq!(DevelopmentFolders::read(&list).unwrap(), DevelopmentFolders::default());
    }

    #[test]
    fn a_folder_that_anybody_may_write_to_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let (list, project) = (place.path().join("development.toml"), place.path().join("project"));
        std::fs::create_dir(&project).unwrap();
        std::fs::write(project.join("a.wasm"), "a").unwrap();
        let open = |mode| std::fs::set_permissions(&project, PermissionsExt::from_mode(mode)).unwrap();
        open(0o777);
        assert!(matches!(DevelopmentFolders::change(&list, &project, true), Err(Error::Exposed { .. })));
        open(0o755);
        DevelopmentFolders::change(&list, &project, true).unwrap();
        open(0o777);
        let folders = DevelopmentFolders::read(&list).unwrap();
        assert!(matches!(folders.folder_of(&project.join("a.wasm")), Err(Error::Exposed { .. })));
    }
}
