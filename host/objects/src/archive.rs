//! A whole bucket as one zip file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use opendal::Operator;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::{Error, FailureKind, Operation};
use crate::folder::Target;
use crate::list::{Entry, EntryKind};
use crate::name::{ObjectName, Prefix};
use crate::plan::Skipped;
use crate::progress::{Counted, Tracker, Watch};
use crate::store::{Bucket, next_bytes, stat_with};

/// Pieces between reading and compressing.
const QUEUE: usize = 4;

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Archived {
    /// How many objects.
    pub objects: u64,
    /// Their size in bytes, not compressed.
    pub bytes: u64,
    /// What was left out: names that could lead out of the folder where the archive is unpacked.
    pub skipped: Vec<Skipped>,
}

enum Piece {
    Begin(Entry),
    Bytes(Bytes),
    /// All is there. Without it the file is thrown away.
    Complete,
}

impl Bucket {
    /// Writes all objects whose names begin with `prefix` into a zip file (deflate, Zip64 where it takes
    /// it), under their whole names, one after the other. The file appears when it is complete.
    ///
    /// Objects that are written or deleted meanwhile are there as the listing found them, or the archive
    /// fails. Folders that are empty are left out. Times are UTC, in steps of two seconds.
    ///
    /// # Errors
    ///
    /// [`Error::File`], those of a store. There is no archive then.
    pub async fn archive(
        &self,
        prefix: &Prefix,
        output: &Path,
        watch: &dyn Watch,
    ) -> Result<Archived, Error> {
        let target = Target::create(output).await?;
        let (pieces, incoming) = mpsc::channel(QUEUE);
        let path = output.to_owned();
        let writer = tokio::task::spawn_blocking(move || write(target, path, incoming));
        let read = self.send_all(prefix, &pieces, watch).await;
        let complete = match &read {
            Ok(_) => pieces.send(Piece::Complete).await.is_ok(),
            Err(_) => false,
        };
        drop(pieces);
        let written = joined(output, writer).await;
        match read {
            // The writer ended first: it knows why.
            Err(Stop::Writer) => written.and(Err(ended(output))),
            Err(Stop::Read(error)) => Err(error),
            Ok(_) if !complete => written.and(Err(ended(output))),
            Ok(archived) => written.map(|()| archived),
        }
    }

    async fn send_all(
        &self,
        prefix: &Prefix,
        pieces: &mpsc::Sender<Piece>,
        watch: &dyn Watch,
    ) -> Result<Archived, Stop> {
        let tracker = Tracker::new(watch, None, None);
        let mut archived = Archived::default();
        let mut lister = self.list(prefix, true).await?;
        while let Some(entry) = lister.next().await? {
            if entry.kind == EntryKind::Folder {
                continue;
            }
            let Ok(name) = ObjectName::new(entry.name.as_str()) else {
                let reason = "its name could leave the folder, or is not supported";
                archived.skipped.push(Skipped { name: entry.name, reason });
                continue;
            };
            // New keys are asked for while nothing of the object is in the archive yet.
            let (operator, entry) = self
                .attempt(|operator| {
                    let name = &name;
                    async move {
                        let entry = stat_with(&operator, name).await?;
                        Ok((operator, entry))
                    }
                })
                .await?;
            archived.bytes += self.send_one(&operator, entry, pieces, &tracker).await?;
            archived.objects += 1;
        }
        Ok(archived)
    }

    async fn send_one(
        &self,
        operator: &Operator,
        entry: Entry,
        pieces: &mpsc::Sender<Piece>,
        tracker: &Tracker<'_>,
    ) -> Result<u64, Stop> {
        let mut counted = Counted::new(tracker);
        let mut stream = self.stream(operator, &entry, 0..entry.size_bytes).await?;
        let (name, size) = (entry.name.clone(), entry.size_bytes);
        pieces.send(Piece::Begin(entry)).await.map_err(|_| Stop::Writer)?;
        while let Some(bytes) = next_bytes(&mut stream, &name).await? {
            counted.add(bytes.len());
            pieces.send(Piece::Bytes(bytes)).await.map_err(|_| Stop::Writer)?;
        }
        if counted.total() != size {
            return Err(Error::store(Operation::Read, &name, FailureKind::CutShort).into());
        }
        Ok(counted.keep())
    }
}

/// Why reading stopped.
enum Stop {
    Read(Error),
    Writer,
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Read(error)
    }
}

fn ended(path: &Path) -> Error {
    Error::file(path, std::io::Error::other("writing the archive ended early"))
}

async fn joined(path: &Path, writer: JoinHandle<Result<(), Error>>) -> Result<(), Error> {
    writer.await.map_err(|_| ended(path))?
}

/// Compresses what comes in. If the sender goes without saying that all is there, the file goes too.
fn write(target: Target, path: PathBuf, mut pieces: mpsc::Receiver<Piece>) -> Result<(), Error> {
    let mut archive = ZipWriter::new(BufWriter::new(target.handle()?));
    while let Some(piece) = pieces.blocking_recv() {
        match piece {
            Piece::Begin(entry) => archive
                .start_file(entry.name.as_str(), options_of(&entry))
                .map_err(|error| Error::file(&path, error.into()))?,
            Piece::Bytes(bytes) => archive.write_all(&bytes).map_err(|error| Error::file(&path, error))?,
            Piece::Complete => return finish(archive, target, &path),
        }
    }
    Ok(())
}

fn finish(archive: ZipWriter<BufWriter<File>>, target: Target, path: &Path) -> Result<(), Error> {
    let mut file = archive.finish().map_err(|error| Error::file(path, error.into()))?;
    file.flush().map_err(|error| Error::file(path, error))?;
    drop(file);
    target.finish_now(None)
}

fn options_of(entry: &Entry) -> SimpleFileOptions {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .large_file(entry.size_bytes >= u64::from(u32::MAX))
        .unix_permissions(0o644);
    match entry.modified.and_then(zip_time) {
        Some(time) => options.last_modified_time(time),
        None => options,
    }
}

/// `None` before 1980 and after 2107, which zip cannot say.
fn zip_time(time: Timestamp) -> Option<zip::DateTime> {
    zip::DateTime::try_from(time.to_zoned(TimeZone::UTC).datetime()).ok()
}
