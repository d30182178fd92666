//! What the rest of the crate knows of a repository.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::name::Namespace;
use super::path::TargetPath;
use super::target::{Target, Versions};
use crate::error::Error;

/// A repository through the eyes of somebody who trusts its root and nobody else.
///
/// Time is always given, never asked of the system. After an error what was trusted before is still
/// there: a later call may succeed.
#[async_trait]
pub trait Verifier: Send {
    /// Brings roots, timestamp, snapshot and top-level targets up to date. Has to succeed before
    /// anything else is asked, and again whenever news matter; it costs one small file if there are none.
    ///
    /// # Errors
    ///
    /// Whatever keeps the metadata from being trusted now ([`Error::Expired`], [`Error::Rollback`],
    /// [`Error::Signatures`], [`Error::Tampered`], [`Error::Metadata`], [`Error::ClockSetBack`]), from being
    /// fetched ([`Error::Transport`], [`Error::Missing`], [`Error::Oversize`]), or from being kept
    /// ([`Error::Store`]): what cannot be written down is not trusted.
    async fn refresh(&mut self, now: Timestamp) -> Result<Versions, Error>;

    /// What the repository says of a file.
    ///
    /// # Errors
    ///
    /// [`Error::NotListed`] if nobody who may lists it; those of [`refresh`](Self::refresh) otherwise,
    /// caused by the roles on the way to it alone.
    async fn resolve(&mut self, path: &TargetPath, now: Timestamp) -> Result<Target, Error>;

    /// The bytes of a file that [`resolve`](Self::resolve) gave, checked. They are whole in memory.
    ///
    /// # Errors
    ///
    /// [`Error::Tampered`], and those of fetching.
    async fn fetch(&mut self, target: &Target) -> Result<Vec<u8>, Error>;

    /// Every file of a namespace that its roles may list, in the order of the paths.
    ///
    /// # Errors
    ///
    /// Those of [`resolve`](Self::resolve); [`Error::NotListed`] if nothing is delegated to the namespace.
    async fn list(&mut self, namespace: &Namespace, now: Timestamp) -> Result<Vec<Target>, Error>;

    /// The namespaces that are delegated, sorted.
    ///
    /// # Errors
    ///
    /// [`Error::NotRefreshed`].
    fn namespaces(&self) -> Result<Vec<Namespace>, Error>;

    /// The versions that are trusted.
    ///
    /// # Errors
    ///
    /// [`Error::NotRefreshed`].
    fn versions(&self) -> Result<Versions, Error>;

    /// When what is trusted has to be refreshed at the latest: the timestamp's end.
    ///
    /// # Errors
    ///
    /// [`Error::NotRefreshed`].
    fn expires(&self) -> Result<Timestamp, Error>;

    /// The metadata files that a client of its own needs to resolve these namespaces, byte for byte as they
    /// were published, by file name: all roots there are, timestamp, snapshot, targets, and the roles.
    ///
    /// # Errors
    ///
    /// Those of [`resolve`](Self::resolve).
    async fn metadata(
        &mut self,
        namespaces: &[Namespace],
        now: Timestamp,
    ) -> Result<BTreeMap<String, Vec<u8>>, Error>;
}
