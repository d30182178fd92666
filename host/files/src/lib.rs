//! Files and folders that are whole or not there, whoever reads them and whatever ends this process.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// What could not be done to which file or folder.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct Error {
    /// What was tried, as a verb.
    pub action: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl Error {
    fn at(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// The folder that a file lies in: `.` of a name alone.
#[must_use]
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Puts these bytes in the file's place, with this mode whatever the process's mask is. Its folder has to be there.
///
/// Durable: a kill, a full disk or a power cut leaves the old file or the new one. Cost: two synchronisations of
/// the disk. A kill may leave a file beside it whose name begins with `.skywright-`.
///
/// # Errors
///
/// [`Error`], and the file is as it was.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Error> {
    let file = beside(path, bytes, mode)?;
    file.persist(path).map_err(|error| Error::at("write", path)(error.error))?;
    sync_folder(folder_of(path))
}

/// A file beside `path` that holds these bytes, on the disk. It is removed unless it is given a name.
///
/// # Errors
///
/// [`Error`], and nothing is left.
pub fn beside(path: &Path, bytes: &[u8], mode: u32) -> Result<NamedTempFile, Error> {
    let folder = folder_of(path);
    let made = tempfile::Builder::new().prefix(".skywright-").tempfile_in(folder);
    let mut file = made.map_err(Error::at("create a file in", folder))?;
    file.write_all(bytes)
        .and_then(|()| file.as_file().set_permissions(Permissions::from_mode(mode)))
        .and_then(|()| file.as_file().sync_all())
        .map_err(Error::at("write", path))?;
    Ok(file)
}

/// Makes the names in a folder outlive a power cut.
///
/// # Errors
///
/// [`Error`], if the folder cannot be read or its disk fails.
pub fn sync_folder(folder: &Path) -> Result<(), Error> {
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::at("write", folder))
}

/// Makes a folder of these files, by their paths in it, and the folders above it. Everybody may read it.
///
/// Not durable: after a power cut a part of it may be missing.
///
/// # Errors
///
/// [`Error`], of kind [`AlreadyExists`](io::ErrorKind::AlreadyExists) if there is anything of that name; nothing
/// is left then.
pub fn create_folder(folder: &Path, files: &[(PathBuf, String)]) -> Result<(), Error> {
    if fs::symlink_metadata(folder).is_ok() {
        return Err(Error::at("make", folder)(io::ErrorKind::AlreadyExists.into()));
    }
    let parent = folder_of(folder);
    fs::create_dir_all(parent).map_err(Error::at("make", parent))?;
    // Made under another name and then renamed: one that was half written is not found later.
    let fresh = tempfile::Builder::new()
        .prefix(".skywright-new-")
        .tempdir_in(parent)
        .map_err(Error::at("write in", parent))?;
    for (path, text) in files {
        let path = fresh.path().join(path);
        let above = folder_of(&path);
        fs::create_dir_all(above).map_err(Error::at("make", above))?;
        fs::write(&path, text).map_err(Error::at("write", &path))?;
    }
    // A temporary folder is its user's alone.
    fs::set_permissions(fresh.path(), Permissions::from_mode(0o755)).map_err(Error::at("make", folder))?;
    // The folder could have appeared by now; a rename replaces no folder that holds something.
    fs::rename(fresh.path(), folder).map_err(Error::at("make", folder))?;
    let _ = fresh.keep();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_whole_or_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        for (bytes, mode) in [(b"one".as_slice(), 0o644), (b"two", 0o600)] {
            replace(&path, bytes, mode).unwrap();
            assert_eq!(fs::read(&path).unwrap(), bytes);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        }
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        assert_eq!(replace(&taken, b"", 0o600).unwrap_err().path, taken);
        drop(beside(&path, b"three", 0o600).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside");
        let nowhere = replace(&folder.path().join("b/c"), b"", 0o600).unwrap_err();
        assert_eq!(nowhere.source.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn a_folder_is_made_once_and_whole() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("x/y");
        let files = [(PathBuf::from("a/b"), "one".to_owned()), (PathBuf::from("c"), "two".to_owned())];
        create_folder(&folder, &files).unwrap();
        assert_eq!(fs::read_to_string(folder.join("a/b")).unwrap(), "one");
        assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o755);
        let again = create_folder(&folder, &files).unwrap_err();
        assert_eq!(again.source.kind(), io::ErrorKind::AlreadyExists);
        let wrong = [(PathBuf::from("a"), String::new()), (PathBuf::from("a/b"), String::new())];
        create_folder(&parent.path().join("x/z"), &wrong).unwrap_err();
        assert_eq!(fs::read_dir(parent.path().join("x")).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_name_alone_lies_here() {
        assert_eq!(folder_of(Path::new("a")), Path::new("."));
        assert_eq!(folder_of(Path::new("/a/b")), Path::new("/a"));
    }
}
