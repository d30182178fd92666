//! Files of this machine or another, looked at and changed the same way.

use tokio::sync::mpsc::{Receiver, Sender};

use super::file::{Kind, Metadata};
use super::local::LocalFiles;
use super::remote::RemoteFiles;
use super::{CopyOptions, Place};
use crate::error::Error;
use crate::hop::Hop;

/// What is read from a local disk at once if nothing else says how much.
const PIECE_BYTES: usize = 255 << 10;

/// The files of a machine.
pub(crate) enum Files {
    Local,
    Remote(Box<RemoteFiles>),
}

impl Files {
    pub(crate) async fn open(place: &Place, options: &CopyOptions) -> Result<Self, Error> {
        Ok(match place {
            Place::Local(_) => Self::Local,
            Place::Remote { connection, .. } => {
                Self::Remote(Box::new(RemoteFiles::open(connection, options.sudo).await?))
            }
        })
    }

    pub(crate) fn piece_bytes(&self) -> usize {
        match self {
            Self::Local => PIECE_BYTES,
            Self::Remote(files) => files.piece_bytes(),
        }
    }

    /// What is known about a file; `None` if there is none.
    pub(crate) async fn metadata(&self, path: &str, follow: bool) -> Result<Option<Metadata>, Error> {
        match self {
            Self::Local => LocalFiles::metadata(path, follow),
            Self::Remote(files) => files.metadata(path, follow).await,
        }
    }

    pub(crate) async fn list(&self, path: &str) -> Result<Vec<(String, Metadata)>, Error> {
        let mut entries = match self {
            Self::Local => LocalFiles::list(path)?,
            Self::Remote(files) => files.list(path).await?,
        };
        entries.sort_by(|one, other| one.0.cmp(&other.0));
        Ok(entries)
    }

    pub(crate) async fn read_link(&self, path: &str) -> Result<String, Error> {
        match self {
            Self::Local => LocalFiles::read_link(path),
            Self::Remote(files) => files.read_link(path).await,
        }
    }

    /// Makes a folder unless it is there. A link in its place is not followed.
    pub(crate) async fn make_folder(&self, path: &str) -> Result<(), Error> {
        match self {
            Self::Local => LocalFiles::make_folder(path),
            Self::Remote(files) => files.make_folder(path).await,
        }
    }

    /// Makes a link, in the place of a file or link that is there.
    pub(crate) async fn make_link(&self, path: &str, target: &str) -> Result<(), Error> {
        if self.metadata(path, false).await?.is_some_and(|there| there.kind != Kind::Folder) {
            self.remove(path).await?;
        }
        match self {
            Self::Local => LocalFiles::make_link(path, target),
            Self::Remote(files) => files.make_link(path, target).await,
        }
    }

    pub(crate) async fn set_attributes(&self, path: &str, mode: u32, modified_s: u32) -> Result<(), Error> {
        match self {
            Self::Local => LocalFiles::set_attributes(path, mode, modified_s),
            Self::Remote(files) => files.set_attributes(path, mode, modified_s).await,
        }
    }

    /// Renames, over a file that is there.
    pub(crate) async fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        match self {
            Self::Local => LocalFiles::rename(from, to),
            Self::Remote(files) => files.rename(from, to).await,
        }
    }

    pub(crate) async fn remove(&self, path: &str) -> Result<(), Error> {
        match self {
            Self::Local => LocalFiles::remove(path),
            Self::Remote(files) => files.remove(path).await,
        }
    }

    /// SHA-256 of the file, or of its first `length` bytes, in hex. `size` is how large it about is.
    pub(crate) async fn digest(&self, path: &str, size: u64, length: Option<u64>) -> Result<String, Error> {
        match self {
            Self::Local => LocalFiles::digest(path, length).await,
            Self::Remote(files) => files.digest(path, size, length).await,
        }
    }

    /// Sends the file from `offset` on. `size` is its size as it was seen, 0 if it has none.
    pub(crate) async fn read(
        &self,
        path: &str,
        offset: u64,
        size: u64,
        piece_bytes: usize,
        pieces: Sender<Vec<u8>>,
    ) -> Result<(), Error> {
        match self {
            Self::Local => LocalFiles::read(path, offset, piece_bytes, pieces).await,
            Self::Remote(files) => files.read(path, offset, size, piece_bytes, pieces).await,
        }
    }

    /// Writes what comes to the file from `offset` on, and cuts off what was there after it.
    pub(crate) async fn write(
        &self,
        path: &str,
        offset: u64,
        pieces: Receiver<Vec<u8>>,
    ) -> Result<(), Error> {
        match self {
            Self::Local => LocalFiles::write(path, offset, pieces).await,
            Self::Remote(files) => files.write(path, offset, pieces).await,
        }
    }
}

impl Place {
    /// The machine, if it is another.
    pub(crate) fn hop(&self) -> Option<Hop> {
        match self {
            Self::Local(_) => None,
            Self::Remote { connection, .. } => Some(connection.hop()),
        }
    }
}
