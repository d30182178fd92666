//! One file, from one machine to another, so that it is there whole or not at all.

use std::sync::atomic::Ordering;

use tokio::sync::mpsc;

use super::file::{Kind, Metadata, join, split};
use super::files::Files;
use super::plan::Item;
use super::progress::Tally;
use crate::error::Error;

/// How many pieces wait between reading and writing.
const WAITING_PIECES: usize = 8;

/// Both sides of a copy.
pub(crate) struct Sides {
    pub(crate) source: Files,
    pub(crate) destination: Files,
}

impl Sides {
    /// Copies one file. It is written beside its place under another name, goes on with what is there already
    /// if that is the source's beginning, and is renamed when the digests agree.
    pub(crate) async fn transfer(&self, item: &Item, verify: bool, tally: &Tally<'_>) -> Result<(), Error> {
        let part = part_path(&item.to);
        let size = item.metadata.size_bytes;
        let offset = self.resumable(item, &part, verify).await?;
        tally.resumed(&item.to, offset);
        let whole = async {
            match verify {
                true => self.source.digest(&item.from, size, None).await.map(Some),
                false => Ok(None),
            }
        };
        let (expected, ()) = tokio::try_join!(whole, self.pump(item, &part, offset, tally))?;
        self.check_unchanged(item).await?;
        if let Some(expected) = expected {
            let got = self.destination.digest(&part, size, None).await?;
            if got != expected {
                self.destination.remove(&part).await?;
                return Err(self.difference(item, expected, got).await);
            }
        }
        self.destination.set_attributes(&part, item.metadata.mode, item.metadata.modified_s).await?;
        self.destination.rename(&part, &item.to).await
    }

    /// How much of the file is there from before: all of the part, if it is the source's beginning.
    async fn resumable(&self, item: &Item, part: &str, verify: bool) -> Result<u64, Error> {
        let Some(there) = self.destination.metadata(part, false).await? else { return Ok(0) };
        let length = there.size_bytes;
        if !verify || there.kind != Kind::File || length == 0 || length > item.metadata.size_bytes {
            self.destination.remove(part).await?;
            return Ok(0);
        }
        let (source, part) = tokio::try_join!(
            self.source.digest(&item.from, item.metadata.size_bytes, Some(length)),
            self.destination.digest(part, length, None),
        )?;
        Ok(if source == part { length } else { 0 })
    }

    /// Moves the bytes.
    async fn pump(&self, item: &Item, part: &str, offset: u64, tally: &Tally<'_>) -> Result<(), Error> {
        let piece_bytes = self.source.piece_bytes().min(self.destination.piece_bytes());
        let (read, mut taken) = mpsc::channel::<Vec<u8>>(WAITING_PIECES);
        let (give, write) = mpsc::channel(WAITING_PIECES);
        let count = async move {
            while let Some(piece) = taken.recv().await {
                let count = piece.len() as u64;
                if give.send(piece).await.is_err() {
                    break;
                }
                tally.moved(&item.to, count);
            }
            Ok(())
        };
        let size = item.metadata.size_bytes;
        tokio::try_join!(
            self.source.read(&item.from, offset, size, piece_bytes, read),
            count,
            self.destination.write(part, offset, write),
        )?;
        tally.files_done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The source has to be what it was when it was looked at, in the middle of which others may write to it.
    async fn check_unchanged(&self, item: &Item) -> Result<(), Error> {
        let now = self.source.metadata(&item.from, true).await?;
        let is_same = |now: Metadata| {
            now.size_bytes == item.metadata.size_bytes && now.modified_s == item.metadata.modified_s
        };
        // Files such as those in /proc have no size, and a time that is always now.
        if item.metadata.size_bytes == 0 || now.is_some_and(is_same) {
            return Ok(());
        }
        Err(Error::Changed { path: crate::text::printable(&item.from) })
    }

    async fn difference(&self, item: &Item, expected: String, got: String) -> Error {
        match self.check_unchanged(item).await {
            Err(error) => error,
            Ok(()) => Error::Digest { path: crate::text::printable(&item.to), expected, got },
        }
    }
}

/// Where a file is written until it is whole: hidden, beside its place.
pub(crate) fn part_path(path: &str) -> String {
    let (folder, name) = split(path);
    // Names have 255 bytes at most.
    let mut end = name.len().min(230);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    join(folder, &format!(".{}.skywright-part", name.get(..end).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_beside_their_files() {
        assert_eq!(part_path("/a/b"), "/a/.b.skywright-part");
        assert_eq!(part_path("b"), ".b.skywright-part");
        assert!(split(&part_path(&"ä".repeat(127))).1.len() <= 255);
    }
}
