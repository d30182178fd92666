//! A publication as files.

use std::collections::BTreeMap;
use std::path::Path;

use crate::error::Error;
use crate::files;

/// A publication: `metadata/VERSION.ROLE.json` and `targets/…`, as
/// [`Operator::admit`](crate::tuf::operator::Operator::admit) reads them from a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Staged {
    /// By path.
    pub files: BTreeMap<String, Vec<u8>>,
}

impl Staged {
    /// Writes it to a folder that is new or empty.
    ///
    /// # Errors
    ///
    /// [`Error::Changed`] if there is something in the folder; [`Error::File`].
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        files::ensure_folder(folder)?;
        let mut entries = std::fs::read_dir(folder).map_err(Error::file("read", folder))?;
        if entries.next().is_some() {
            return Err(Error::Changed { path: folder.to_owned() });
        }
        for (relative, bytes) in &self.files {
            files::replace(&folder.join(relative), bytes)?;
        }
        Ok(())
    }
}
