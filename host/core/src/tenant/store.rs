//! Files of the user that are replaced whole or not at all.

use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::choice::folder_of;
use crate::error::Error;

/// Writes a file so that a reader sees the old text or the new one. A new file is this user's alone;
/// one that is there keeps its mode, and a link to it stays a link.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let failed = |action| move |source| Error::File { action, path: path.to_owned(), source };
    let target = match std::fs::canonicalize(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => path.to_owned(),
        other => other.map_err(failed("write"))?,
    };
    let folder = folder_of(&target);
    std::fs::create_dir_all(&folder).map_err(failed("make the folder of"))?;
    let mode = std::fs::metadata(&target).map_or(0o600, |meta| meta.permissions().mode() & 0o7777);
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    let beside = folder.join(format!(".{name}.{}", std::process::id()));
    let written = replace(&beside, &target, text, mode);
    if written.is_err() {
        // Whatever is left of it; that it may not be there is all that can go wrong here.
        let _ = std::fs::remove_file(&beside);
    }
    written.map_err(failed("write"))
}

fn replace(beside: &Path, target: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(beside)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    file.sync_all()?;
    std::fs::rename(beside, target)
}
