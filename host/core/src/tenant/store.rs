//! Files of the user that are replaced whole or not at all.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use skywright_files::folder_of;

use crate::error::Error;

/// Writes a file so that a reader sees the old text or the new one. A new file is this user's alone;
/// one that is there keeps its mode, and a link to it stays a link.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |action| move |source| Error::File { action, path: path.to_owned(), source };
    let target = match std::fs::canonicalize(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => path.to_owned(),
        other => other.map_err(failed("write"))?,
    };
    std::fs::create_dir_all(folder_of(&target)).map_err(failed("make the folder of"))?;
    let mode = std::fs::metadata(&target).map_or(0o600, |meta| meta.permissions().mode() & 0o7777);
    Ok(skywright_files::replace(&target, text.as_bytes(), mode)?)
}
