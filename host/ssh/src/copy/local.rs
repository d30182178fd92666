//! Files of this machine.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use ring::digest::{Context, SHA256};
use tokio::sync::mpsc::{Receiver, Sender};

use super::file::{Kind, Metadata};
use crate::error::Error;

/// What is read at once for a digest.
const DIGEST_PIECE_BYTES: usize = 256 << 10;

/// The files of this machine. Everything that waits for a disk is done on threads for that.
#[derive(Clone)]
pub(crate) struct LocalFiles;

impl LocalFiles {
    pub(crate) fn metadata(path: &str, follow: bool) -> Result<Option<Metadata>, Error> {
        let found = if follow { fs::metadata(path) } else { fs::symlink_metadata(path) };
        match found {
            Ok(metadata) => Ok(Some(of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::local("look at", path)(error)),
        }
    }

    /// The names in a folder, with what is known about them.
    pub(crate) fn list(path: &str) -> Result<Vec<(String, Metadata)>, Error> {
        let folder = if path.is_empty() { "." } else { path };
        let mut entries = Vec::new();
        for entry in fs::read_dir(folder).map_err(Error::local("read", folder))? {
            let entry = entry.map_err(Error::local("read", folder))?;
            let metadata = entry.metadata().map_err(Error::local("look at", entry.path()))?;
            let name = entry.file_name().into_string().map_err(|name| {
                Error::invalid(
                    "name",
                    format!("`{}` is not UTF-8", crate::text::printable(&name.to_string_lossy())),
                )
            })?;
            entries.push((name, of(&metadata)));
        }
        Ok(entries)
    }

    pub(crate) fn read_link(path: &str) -> Result<String, Error> {
        let target = fs::read_link(path).map_err(Error::local("read", path))?;
        target
            .into_os_string()
            .into_string()
            .map_err(|_| Error::invalid("link", "what it leads to is not UTF-8"))
    }

    /// Makes the folder unless it is there.
    pub(crate) fn make_folder(path: &str) -> Result<(), Error> {
        let made = fs::create_dir(path).or_else(|error| match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(()),
            _ => Err(error),
        });
        made.map_err(Error::local("make", path))
    }

    pub(crate) fn make_link(path: &str, target: &str) -> Result<(), Error> {
        std::os::unix::fs::symlink(target, path).map_err(Error::local("make", path))
    }

    pub(crate) fn set_attributes(path: &str, mode: u32, modified_s: u32) -> Result<(), Error> {
        let set = || -> io::Result<()> {
            fs::set_permissions(path, fs::Permissions::from_mode(mode | 0o400))?;
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::from(modified_s));
            File::open(path)?.set_modified(time)?;
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
        };
        set().map_err(Error::local("set the attributes of", path))
    }

    pub(crate) fn rename(from: &str, to: &str) -> Result<(), Error> {
        fs::rename(from, to).map_err(Error::local("write", to))
    }

    pub(crate) fn remove(path: &str) -> Result<(), Error> {
        fs::remove_file(path).map_err(Error::local("remove", path))
    }

    /// SHA-256 of the file's beginning, in hex.
    pub(crate) async fn digest(path: &str, length: Option<u64>) -> Result<String, Error> {
        let owned = path.to_owned();
        on_a_thread(move || digest(&owned, length).map_err(Error::local("read", owned))).await
    }

    /// Sends the file from `offset` on.
    pub(crate) async fn read(
        path: &str,
        offset: u64,
        piece_bytes: usize,
        pieces: Sender<Vec<u8>>,
    ) -> Result<(), Error> {
        let owned = path.to_owned();
        on_a_thread(move || read(&owned, offset, piece_bytes, &pieces).map_err(Error::local("read", owned)))
            .await
    }

    /// Writes what comes to the file from `offset` on, and cuts off what was there after it.
    pub(crate) async fn write(path: &str, offset: u64, pieces: Receiver<Vec<u8>>) -> Result<(), Error> {
        let owned = path.to_owned();
        on_a_thread(move || write(&owned, offset, pieces).map_err(Error::local("write", owned))).await
    }
}

fn of(metadata: &fs::Metadata) -> Metadata {
    Metadata {
        kind: Kind::of_mode(metadata.mode()),
        size_bytes: metadata.size(),
        mode: metadata.mode() & Metadata::MODE_BITS,
        modified_s: metadata.mtime().clamp(0, i64::from(u32::MAX)).try_into().unwrap_or_default(),
    }
}

async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|_| Err(Error::Internal("a thread for files has ended".to_owned())))
}

fn digest(path: &str, length: Option<u64>) -> io::Result<String> {
    let mut file = File::open(path)?.take(length.unwrap_or(u64::MAX));
    let mut context = Context::new(&SHA256);
    let mut piece = vec![0; DIGEST_PIECE_BYTES];
    loop {
        let count = file.read(&mut piece)?;
        if count == 0 {
            break;
        }
        context.update(piece.get(..count).unwrap_or_default());
    }
    Ok(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn read(path: &str, offset: u64, piece_bytes: usize, pieces: &Sender<Vec<u8>>) -> io::Result<()> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(offset))?;
    loop {
        let mut piece = Vec::with_capacity(piece_bytes);
        (&mut file).take(piece_bytes as u64).read_to_end(&mut piece)?;
        // If nobody takes it any more, they say why.
        if piece.is_empty() || pieces.blocking_send(piece).is_err() {
            return Ok(());
        }
    }
}

fn write(path: &str, offset: u64, mut pieces: Receiver<Vec<u8>>) -> io::Result<()> {
    let mut options = OpenOptions::new();
    // Nobody else may read it before its mode is set, nor put a link in its place.
    options.write(true).create(true).truncate(false).mode(0o600);
    let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    let mut file = options.custom_flags(no_follow).open(Path::new(path))?;
    file.set_len(offset)?;
    file.seek(SeekFrom::Start(offset))?;
    while let Some(piece) = pieces.blocking_recv() {
        file.write_all(&piece)?;
    }
    Ok(())
}
