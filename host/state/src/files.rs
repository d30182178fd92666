//! Files and folders that are one user's alone.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use crate::error::{Error, file_error};

/// The folder that the file is to lie in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Makes the folder (mode 0700) if it is not there, and refuses one that others may change.
pub(crate) fn ensure_folder(folder: &Path) -> Result<(), Error> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(file_error("create", folder))?;
    let meta = fs::metadata(folder).map_err(file_error("read", folder))?;
    check_owner(folder, &meta)?;
    if meta.mode() & 0o022 != 0 {
        let reason = "others may make and remove files in it";
        return Err(Error::Exposed { path: folder.to_owned(), reason, mode: Some(0o700) });
    }
    Ok(())
}

/// Makes an empty file (mode 0600) if it is not there; otherwise checks that it is this user's alone.
///
/// A file that is there is not opened: closing it would drop the locks that SQLite holds on it
/// elsewhere in this process.
pub(crate) fn ensure_private_file(path: &Path) -> Result<(), Error> {
    match fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(file) => {
            file.sync_all().map_err(file_error("write", path))?;
            sync_folder(folder_of(path))
        }
        Err(error) if error.kind() == ErrorKind::AlreadyExists => check_private_file(path),
        Err(error) => Err(file_error("create", path)(error)),
    }
}

/// Refuses what is not a regular file, or not this user's alone.
pub(crate) fn check_private_file(path: &Path) -> Result<(), Error> {
    let meta = fs::symlink_metadata(path).map_err(file_error("read", path))?;
    if !meta.is_file() {
        return Err(Error::NotAStore { path: path.to_owned(), reason: "it is not a regular file" });
    }
    check_owner(path, &meta)?;
    if meta.mode() & 0o077 != 0 {
        let reason = "others have rights on it";
        return Err(Error::Exposed { path: path.to_owned(), reason, mode: Some(0o600) });
    }
    Ok(())
}

fn check_owner(path: &Path, meta: &fs::Metadata) -> Result<(), Error> {
    if meta.uid() == rustix::process::geteuid().as_raw() {
        return Ok(());
    }
    Err(Error::Exposed { path: path.to_owned(), reason: "it belongs to another user", mode: None })
}

/// Makes a file of these bytes (mode 0600), durably and all at once; `false` if there is one already.
pub(crate) fn create_private_file(path: &Path, bytes: &[u8]) -> Result<bool, Error> {
    let folder = folder_of(path);
    let mut file = tempfile::Builder::new()
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(file_error("create a file in", folder))?;
    file.write_all(bytes).and_then(|()| file.as_file().sync_all()).map_err(file_error("write", path))?;
    match file.persist_noclobber(path) {
        Ok(_) => sync_folder(folder).map(|()| true),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(file_error("write", path)(error.error)),
    }
}

/// Makes a new name in a folder outlive a power cut.
fn sync_folder(folder: &Path) -> Result<(), Error> {
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(file_error("write", folder))
}
