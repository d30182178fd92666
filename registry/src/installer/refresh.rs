//! Bringing what is known of repositories up to date.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use skywright_contract::Digest;

use super::Installer;
use crate::error::Error;
use crate::lock_file::{LockFile, LockFileStore};
use crate::repositories::{Repository, RepositoryName};
use crate::standing::{Authorised, Standing, fetch_revocations};
use crate::tuf::{Client, Memory, TargetPath, Verifier, Versions};

/// A place of a repository that was refused or not reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Failure {
    /// The repository.
    pub repository: String,
    /// The place.
    pub url: String,
    /// A word for scripts.
    pub code: String,
    /// What happened. Parts of it may be foreign text.
    pub reason: String,
}

/// What came of bringing one repository up to date.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refreshed {
    /// The repository.
    pub name: String,
    /// The place that it was had from.
    pub url: String,
    /// The versions of its roles.
    pub versions: Versions,
    /// When its metadata ends.
    pub expires: Timestamp,
    /// What is installed and the repository does not list any more: it is not run.
    pub lost: Vec<TargetPath>,
    /// What could not be looked at again, and why; what was known of it before still holds.
    pub stale: Vec<String>,
}

impl Installer<'_> {
    /// Fetches and verifies what is new in a repository, tries its places in order, and writes down what it
    /// says of what is installed from it.
    ///
    /// # Errors
    ///
    /// [`Error::NoRepository`]; what the first place failed with if all did. What was known before still is.
    pub async fn refresh(&mut self, name: &str) -> Result<Refreshed, Error> {
        let repository = self.repositories.get(name)?.clone();
        let mut first = None;
        for (url, transport) in self.reach.transports(&repository) {
            let tried = match transport {
                Ok(transport) => self.try_place(&repository, &url, transport).await,
                Err(error) => Err(error),
            };
            match tried {
                Ok(refreshed) => return Ok(refreshed),
                // Another place does not help against these.
                Err(
                    error @ (Error::Store { .. } | Error::StoreDamaged { .. } | Error::ClockSetBack { .. }),
                ) => {
                    return Err(error);
                }
                Err(error) => {
                    self.failures.push(Failure {
                        repository: name.to_owned(),
                        url,
                        code: error.code().to_owned(),
                        reason: error.to_string(),
                    });
                    first = first.or(Some(error));
                }
            }
        }
        Err(first.unwrap_or_else(|| Error::NoPlace { name: name.to_owned() }))
    }

    async fn try_place(
        &mut self,
        repository: &Repository,
        url: &str,
        transport: Arc<dyn crate::tuf::Transport>,
    ) -> Result<Refreshed, Error> {
        let (time, _) = self.time(repository);
        let mut client = self.client(repository, transport)?;
        let versions = client.refresh(time).await?;
        let lock = LockFileStore::new(self.installed.places().lock_file()).read()?.lock;
        let folder = self.installed.places().repository(&repository.name);
        let before = Standing::read(&folder).ok().flatten();
        let before = before.filter(|before| before.root_sha256 == repository.root_sha256);
        let watched = self.watched(repository, &lock, before.as_ref());
        let found = self.look_again(repository, &mut client, &lock, (before.as_ref(), &watched)).await?;
        let (standing, lost, stale) = found;
        standing.put(&folder, &watched)?;
        let refreshed = Refreshed {
            name: repository.name.to_string(),
            url: url.to_owned(),
            versions,
            expires: client.expires()?,
            lost,
            stale,
        };
        self.open.insert(repository.name.clone(), client);
        Ok(refreshed)
    }

    /// What the repository says by now of what is installed from it, and what it revoked.
    async fn look_again(
        &self,
        repository: &Repository,
        client: &mut Client,
        lock: &LockFile,
        (before, watched): (Option<&Standing>, &BTreeSet<TargetPath>),
    ) -> Result<(Standing, Vec<TargetPath>, Vec<String>), Error> {
        let (time, source) = self.time(repository);
        let (versions, expires) = (client.versions()?, client.expires()?);
        let floors = lock.repositories.get(repository.name.as_str()).map(|it| it.floors).unwrap_or_default();
        let mut standing = Standing::new(repository.root_sha256.0, versions, expires, (time, source));
        standing.check_floors(&floors)?;
        standing.revocations = fetch_revocations(client, time).await?;
        let (mut lost, mut stale) = (Vec::new(), Vec::new());
        for path in watched {
            match client.resolve(path, time).await.and_then(|target| Authorised::of(&target, time)) {
                Ok(authorised) => {
                    standing.authorised.insert(path.clone(), authorised);
                }
                Err(Error::NotListed { .. }) => lost.push(path.clone()),
                // One publisher's metadata has ended or is broken. What it signed before still holds, until
                // `max_staleness` says otherwise.
                Err(error) => {
                    stale.push(format!("{path}: {error}"));
                    if let Some(known) = before.and_then(|before| before.authorised.get(path)) {
                        standing.authorised.insert(path.clone(), known.clone());
                    }
                }
            }
        }
        Ok((standing, lost, stale))
    }

    /// The components that have to be looked at again: those of the lock file and of the one before it, and those
    /// that other lock files may pin.
    fn watched(
        &self,
        repository: &Repository,
        lock: &LockFile,
        before: Option<&Standing>,
    ) -> BTreeSet<TargetPath> {
        let name = repository.name.as_str();
        let previous = LockFileStore::new(self.installed.places().previous_lock_file()).read();
        let previous = previous.map(|snapshot| snapshot.lock).unwrap_or_default();
        let of = |lock: &LockFile| -> Vec<TargetPath> {
            let plugins = lock.plugins.values();
            let of_it = plugins.filter(|it| it.repository == name || it.site.as_deref() == Some(name));
            of_it.map(|it| it.path.clone()).collect()
        };
        let known = before.into_iter().flat_map(|before| before.authorised.keys().cloned());
        known.chain(of(lock)).chain(of(&previous)).collect()
    }

    /// A repository that may be asked: refreshed, or, offline, as it was verified last.
    pub(super) async fn opened(&mut self, name: &RepositoryName) -> Result<&mut Client, Error> {
        if !self.open.contains_key(name) {
            let repository = self.repositories.get(name.as_str())?.clone();
            match (self.options.offline, self.reach.kept(&repository)) {
                (false, _) => drop(self.refresh(name.as_str()).await?),
                (true, Some((url, transport))) => {
                    drop(self.try_place(&repository, &url, transport?).await?);
                }
                (true, None) => {
                    let (time, _) = self.time(&repository);
                    let mut client = self.client(&repository, Arc::new(Memory::default()))?;
                    client.load(time).await?;
                    self.open.insert(name.clone(), client);
                }
            }
        }
        self.open.get_mut(name).ok_or(Error::NotRefreshed)
    }

    /// Has a file at hand: from the content store, or fetched into it.
    pub(super) async fn at_hand(
        &mut self,
        repository: &RepositoryName,
        target: &crate::tuf::Target,
    ) -> Result<Vec<u8>, Error> {
        let store = self.installed.content_store();
        if let Ok(bytes) = store.get(&target.digest) {
            target.check(&bytes)?;
            return Ok(bytes);
        }
        if self.options.offline {
            return Err(Error::Offline { what: target.path.to_string() });
        }
        let bytes = self.opened(repository).await?.fetch(target).await?;
        let digest = store.put(&bytes)?;
        debug_assert_eq!(digest, Digest::of(&bytes));
        Ok(bytes)
    }
}
