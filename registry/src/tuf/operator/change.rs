//! Files that are put into a repository together.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use async_trait::async_trait;
use skywright_contract::Digest;
use skywright_files::folder_of;

use crate::error::Error;
use crate::tuf::path::TargetPath;
use crate::tuf::transport::{Folder, Transport};

/// Files in the order in which they are written: what is named stands before what names it, so that whoever
/// reads meanwhile, and whoever comes after a kill, finds everything that is named.
#[derive(Debug, Default)]
pub(super) struct Change {
    files: Vec<(String, Vec<u8>)>,
}

impl Change {
    pub(super) fn metadata(&mut self, name: &str, bytes: Vec<u8>) {
        self.files.push((format!("metadata/{name}"), bytes));
    }

    pub(super) fn target(&mut self, path: &TargetPath, bytes: Vec<u8>) {
        self.files.push((format!("targets/{}", path.hashed(&Digest::of(&bytes))), bytes));
    }

    pub(super) fn append(&mut self, later: Self) {
        self.files.extend(later.files);
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), Error> {
        for (relative, bytes) in &self.files {
            write_public(&folder.join(relative), bytes)?;
        }
        Ok(())
    }

    /// The repository as it would be.
    pub(super) fn over(&self, folder: &Path) -> Overlay {
        Overlay { files: self.files.iter().cloned().collect(), below: Folder::new(folder) }
    }
}

/// A folder, and files that are not in it yet.
pub(super) struct Overlay {
    files: BTreeMap<String, Vec<u8>>,
    below: Folder,
}

#[async_trait]
impl Transport for Overlay {
    fn location(&self) -> String {
        self.below.location()
    }

    async fn metadata(&self, file: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
        match self.files.get(&format!("metadata/{file}")) {
            Some(bytes) => capped(bytes, file, max_bytes),
            None => self.below.metadata(file, max_bytes).await,
        }
    }

    async fn target(
        &self,
        path: &TargetPath,
        digest: &Digest,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        match self.files.get(&format!("targets/{}", path.hashed(digest))) {
            Some(bytes) => capped(bytes, path.as_str(), max_bytes),
            None => self.below.target(path, digest, max_bytes).await,
        }
    }
}

fn capped(bytes: &[u8], what: &str, limit_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
    if bytes.len() as u64 > limit_bytes {
        return Err(Error::Oversize { what: what.to_owned(), limit_bytes });
    }
    Ok(Some(bytes.to_vec()))
}

/// A file that a web server may read, durably and all at once. The folders above it are made.
pub(super) fn write_public(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    make_folders(folder_of(path))?;
    // Whatever the mask of the process: it must not keep the web server out.
    Ok(skywright_files::replace(path, bytes, 0o644)?)
}

/// Each new name is made to last before the next below it.
fn make_folders(folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    if above != folder {
        make_folders(above)?;
    }
    match fs::DirBuilder::new().mode(0o755).create(folder) {
        Ok(()) => Ok(skywright_files::sync_folder(above)?),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(Error::file("create", folder)(error)),
    }
}
