//! One file to one object, and back.

use std::path::Path;

use bytes::BytesMut;
use opendal::{Operator, Writer};
use serde::Serialize;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::error::{Error, FailureKind, Operation, from_opendal};
use crate::folder::Target;
use crate::name::{ObjectName, SEGMENTS};
use crate::operator::configuration;
use crate::progress::{Counted, Tracker, Watch};
use crate::store::{Bucket, next_bytes, stat_with};

/// Swift takes 1000 segments by default, S3 10 000 parts.
const MAX_PARTS: u64 = 900;
const MEBIBYTE: u64 = 1 << 20;

/// What was moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Transferred {
    /// Its size in bytes.
    pub bytes: u64,
}

impl Bucket {
    /// Writes a file to an object, in place of what was there. A larger file than one part goes in
    /// several, two at once; until the last is there, readers see the old object.
    ///
    /// # Errors
    ///
    /// [`Error::File`]; [`Error::Local`] if it is no regular file or changes meanwhile; those of a
    /// store. After [`FailureKind::OutcomeUnknown`] the object may be there.
    pub async fn upload(
        &self,
        file: &Path,
        name: &ObjectName,
        watch: &dyn Watch,
    ) -> Result<Transferred, Error> {
        let size = tokio::fs::metadata(file).await.map_err(|error| Error::file(file, error))?.len();
        let tracker = Tracker::new(watch, Some(size), Some(1));
        self.upload_counted(file, name, &tracker).await
    }

    pub(crate) async fn upload_counted(
        &self,
        file: &Path,
        name: &ObjectName,
        tracker: &Tracker<'_>,
    ) -> Result<Transferred, Error> {
        let replaced = self.segments(name).await?;
        let moved = self.attempt(|operator| self.upload_with(operator, file, name, tracker)).await?;
        self.delete_names(&replaced).await?;
        Ok(moved)
    }

    async fn upload_with(
        &self,
        operator: Operator,
        path: &Path,
        name: &ObjectName,
        tracker: &Tracker<'_>,
    ) -> Result<Transferred, Error> {
        let mut counted = Counted::new(tracker);
        let mut file = File::open(path).await.map_err(|error| Error::file(path, error))?;
        let metadata = file.metadata().await.map_err(|error| Error::file(path, error))?;
        if !metadata.is_file() {
            return Err(Error::Local { path: path.to_owned(), reason: "it is no regular file" });
        }
        let part = part_bytes(metadata.len(), self.store.settings.part_bytes)?;
        let tell = |error| from_opendal(Operation::Write, name.as_str(), &error);
        let writer = operator.writer_with(name.as_str()).chunk(part).concurrent(2).await;
        let mut writer = writer.map_err(tell)?;
        let written = write_all(&mut writer, &mut file, path, name, part, metadata.len(), &mut counted).await;
        let written = match written {
            Ok(()) => writer.close().await.map(|_| ()).map_err(tell),
            error => error,
        };
        if let Err(error) = written {
            // What went wrong first is what counts; parts that stay are the store's to end.
            let _ = writer.abort().await;
            return Err(error);
        }
        Ok(Transferred { bytes: counted.keep() })
    }

    /// Writes an object to a file, in place of what was there. The file appears when it is complete and
    /// on disk, its time being the object's; an attempt that ends early leaves nothing. The folder it is
    /// in must be there.
    ///
    /// # Errors
    ///
    /// [`Error::File`]; [`Error::Local`] if a folder is in its place; those of a store, among them
    /// [`FailureKind::Changed`] if the object is written meanwhile.
    pub async fn download(
        &self,
        name: &ObjectName,
        file: &Path,
        watch: &dyn Watch,
    ) -> Result<Transferred, Error> {
        let tracker = Tracker::new(watch, None, Some(1));
        self.download_counted(name, file, &tracker).await
    }

    pub(crate) async fn download_counted(
        &self,
        name: &ObjectName,
        file: &Path,
        tracker: &Tracker<'_>,
    ) -> Result<Transferred, Error> {
        self.attempt(|operator| self.download_with(operator, name, file, tracker)).await
    }

    async fn download_with(
        &self,
        operator: Operator,
        name: &ObjectName,
        path: &Path,
        tracker: &Tracker<'_>,
    ) -> Result<Transferred, Error> {
        let mut counted = Counted::new(tracker);
        let entry = stat_with(&operator, name).await?;
        let target = Target::create(path).await?;
        let mut file = target.file()?;
        let mut stream = self.stream(&operator, &entry, 0..entry.size_bytes).await?;
        while let Some(bytes) = next_bytes(&mut stream, name.as_str()).await? {
            file.write_all(&bytes).await.map_err(|error| Error::file(path, error))?;
            counted.add(bytes.len());
        }
        if counted.total() != entry.size_bytes {
            return Err(Error::store(Operation::Read, name.as_str(), FailureKind::CutShort));
        }
        file.flush().await.map_err(|error| Error::file(path, error))?;
        drop(file);
        target.finish(entry.modified).await?;
        Ok(Transferred { bytes: counted.keep() })
    }
}

async fn write_all(
    writer: &mut Writer,
    file: &mut File,
    path: &Path,
    name: &ObjectName,
    part: usize,
    size: u64,
    counted: &mut Counted<'_>,
) -> Result<(), Error> {
    loop {
        let left = size.saturating_sub(counted.total());
        let room = usize::try_from(left).unwrap_or(usize::MAX).min(part);
        // A byte more than is expected, so that a file which grows is seen.
        let mut buffer = BytesMut::with_capacity(room.max(1));
        let limit = if left == 0 { 1 } else { room as u64 };
        let mut source = (&mut *file).take(limit);
        while source.read_buf(&mut buffer).await.map_err(|error| Error::file(path, error))? > 0 {}
        let read = buffer.len();
        let complete = left == 0 && read == 0;
        if complete {
            return Ok(());
        }
        if left == 0 || read < room {
            return Err(Error::Local { path: path.to_owned(), reason: "it changed while it was read" });
        }
        let written = writer.write(buffer.freeze()).await;
        written.map_err(|error| from_opendal(Operation::Write, name.as_str(), &error))?;
        counted.add(read);
    }
}

/// How large a part has to be, so that there are not too many.
fn part_bytes(size: u64, least: usize) -> Result<usize, Error> {
    let part = size.div_ceil(MAX_PARTS).next_multiple_of(MEBIBYTE).max(least as u64);
    usize::try_from(part).map_err(|_| configuration("file", "it is larger than this machine can send"))
}

/// Whether a name lies where Swift's segments are.
pub(crate) fn is_segment(name: &str) -> bool {
    name.starts_with(SEGMENTS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_file_fits_into_few_enough_parts(size in 0..(4_u64 << 40)) {
            let part = part_bytes(size, 8 << 20).unwrap() as u64;
            prop_assert!(part >= 8 << 20);
            prop_assert!(size.div_ceil(part) <= MAX_PARTS);
        }
    }
}
