//! What there is to copy, and where each piece of it goes.

use super::file::{Kind, Metadata, join, split};
use super::files::Files;
use super::pattern::{Expanded, expand};
use crate::error::{Error, RemoteReason};

/// One file, folder or link to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) metadata: Metadata,
}

/// Everything to be made: folders before what is in them.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) items: Vec<Item>,
    /// Devices, pipes and sockets, which are not copied.
    pub(crate) skipped: Vec<String>,
}

impl Plan {
    /// How many bytes the files have.
    pub(crate) fn total_bytes(&self) -> u64 {
        let files = self.items.iter().filter(|item| item.metadata.kind == Kind::File);
        files.map(|item| item.metadata.size_bytes).sum()
    }

    pub(crate) fn files(&self) -> u64 {
        self.items.iter().filter(|item| item.metadata.kind == Kind::File).count() as u64
    }

    /// Adds what the path means. `into` says whether the destination is a folder that it goes into.
    pub(crate) async fn add(
        &mut self,
        source: &Files,
        path: &str,
        destination: &str,
        into: bool,
    ) -> Result<(), Error> {
        // A link that is named is followed; one that matches is a link, as those in folders.
        let (paths, follow) = match expand(source, path).await? {
            Expanded::Itself(path) => (vec![path], true),
            Expanded::Matches(paths) => (paths, false),
        };
        for from in paths {
            let metadata = source.metadata(&from, follow).await?;
            let metadata = metadata.ok_or_else(|| no_such(source, &from))?;
            let to = match split(&from).1 {
                // The contents of `/`, `.` and `..`: there is no name to go by.
                "" | "." | ".." => destination.trim_end_matches('/').to_owned(),
                name if into => join(destination, name),
                _ => destination.to_owned(),
            };
            self.walk(source, Item { from, to, metadata }).await?;
        }
        Ok(())
    }

    /// Adds the item and what is in it. Links in it are taken as links.
    async fn walk(&mut self, source: &Files, root: Item) -> Result<(), Error> {
        let mut waiting = vec![root];
        while let Some(item) = waiting.pop() {
            match item.metadata.kind {
                Kind::Other => self.skipped.push(item.from),
                Kind::File | Kind::Link => self.items.push(item),
                Kind::Folder => {
                    for (name, metadata) in source.list(&item.from).await?.into_iter().rev() {
                        let (from, to) = (join(&item.from, &name), join(&item.to, &name));
                        waiting.push(Item { from, to, metadata });
                    }
                    self.items.push(item);
                }
            }
        }
        Ok(())
    }
}

fn no_such(source: &Files, path: &str) -> Error {
    match source {
        Files::Local => Error::local("read", path)(std::io::ErrorKind::NotFound.into()),
        Files::Remote(files) => files.remote("read", path, RemoteReason::NotFound),
    }
}
