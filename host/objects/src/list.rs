//! What is in a bucket.

use std::fmt;

use futures_util::StreamExt;
use jiff::Timestamp;
use opendal::{EntryMode, Metadata};
use serde::Serialize;

use crate::error::{Error, Operation, from_opendal};
use crate::name::{Prefix, SEGMENTS};
use crate::plane::Protocol;
use crate::store::Bucket;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntryKind {
    /// An object.
    Object,
    /// A name that ends with `/`: what is below it, or an empty object that stands for a folder.
    Folder,
}

/// What is known of one object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The whole name, as the store has it: it need not be an [`crate::ObjectName`].
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// The size in bytes; 0 for a folder.
    pub size_bytes: u64,
    /// When it was last written, by the store's clock.
    pub modified: Option<Timestamp>,
    /// The store's mark of this content, without quotes.
    pub etag: Option<String>,
    /// The mark as it has to be sent back.
    #[serde(skip)]
    pub(crate) raw_etag: Option<String>,
}

impl Entry {
    pub(crate) fn of(name: &str, metadata: &Metadata) -> Self {
        let folder = metadata.mode() == EntryMode::DIR;
        // Swift lists the MD5 apart.
        let etag = metadata.etag().or_else(|| metadata.content_md5());
        Self {
            name: name.to_owned(),
            kind: if folder { EntryKind::Folder } else { EntryKind::Object },
            size_bytes: if folder { 0 } else { metadata.content_length() },
            modified: metadata.last_modified().map(opendal::raw::Timestamp::into_inner),
            etag: etag.map(|etag| etag.trim_matches('"').to_owned()),
            raw_etag: metadata.etag().map(ToOwned::to_owned),
        }
    }

    /// The ETag, if it may be the content's MD5: 32 hexadecimal digits.
    pub(crate) fn md5(&self) -> Option<&str> {
        let etag = self.etag.as_deref()?;
        (etag.len() == 32 && etag.bytes().all(|b| b.is_ascii_hexdigit())).then_some(etag)
    }
}

/// A listing as it comes, page by page.
pub struct Lister {
    inner: opendal::Lister,
    first: Option<opendal::Entry>,
    bucket: String,
    prefix: String,
    hide_segments: bool,
}

impl Bucket {
    /// Lists objects whose names begin with `prefix`: all of them, or (`recursive` off) only as far as
    /// the next `/`, what lies deeper being shown as [`EntryKind::Folder`].
    ///
    /// The order is the store's. What is written or deleted meanwhile may be there or not. The parts of
    /// large Swift objects are left out.
    ///
    /// # Errors
    ///
    /// Those of a store; [`crate::FailureKind::NotFound`] if there is no such bucket.
    pub async fn list(&self, prefix: &Prefix, recursive: bool) -> Result<Lister, Error> {
        self.list_raw(prefix.as_str(), recursive, self.protocol() == Protocol::Swift).await
    }

    pub(crate) async fn list_raw(
        &self,
        prefix: &str,
        recursive: bool,
        hide_segments: bool,
    ) -> Result<Lister, Error> {
        self.attempt(|operator| async move {
            let tell = |error| from_opendal(Operation::List, self.name.as_str(), &error);
            let mut inner = operator.lister_with(prefix).recursive(recursive).await.map_err(tell)?;
            // The first page now, so that refused keys are seen while they can still be renewed.
            let first = inner.next().await.transpose().map_err(tell)?;
            let bucket = self.name.as_str().to_owned();
            Ok(Lister { inner, first, bucket, prefix: prefix.to_owned(), hide_segments })
        })
        .await
    }
}

impl Lister {
    /// The next entry; `None` after the last. After an error there is nothing more.
    ///
    /// # Errors
    ///
    /// Those of a store.
    pub async fn next(&mut self) -> Result<Option<Entry>, Error> {
        loop {
            let next = match self.first.take() {
                Some(first) => Some(Ok(first)),
                None => self.inner.next().await,
            };
            let Some(next) = next else { return Ok(None) };
            let entry = next.map_err(|error| from_opendal(Operation::List, &self.bucket, &error))?;
            let hidden = self.hide_segments && entry.path().starts_with(SEGMENTS);
            let own = entry.path() == "/" || (entry.metadata().is_dir() && entry.path() == self.prefix);
            if !hidden && !own {
                return Ok(Some(Entry::of(entry.path(), entry.metadata())));
            }
        }
    }
}

impl fmt::Debug for Lister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lister")
            .field("bucket", &self.bucket)
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}
