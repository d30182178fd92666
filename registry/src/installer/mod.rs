//! Changes to what is installed: each is planned, decided on, and then carried out at once.
//!
//! What is fetched is written before anything says that it is installed, and the lock file is replaced last,
//! so a kill or a full disk at any moment leaves what was installed before.

mod apply;
mod choose;
mod explain;
mod find;
mod plan;
mod refresh;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::audit_log::TimeSource;
use crate::error::Error;
use crate::installed::Installed;
use crate::repositories::{Repositories, Repository, RepositoryKind, RepositoryName};
use crate::tuf::{Client, Layout, Store, Transport};

pub use apply::remove;
pub use explain::{Explained, ExplainedWord};
pub use find::{Found, Outdated};
pub use plan::{Change, Plan, Request};
pub use refresh::{Failure, Refreshed};

/// A place as it was written down, and the way to it or why there is none.
pub type Way = (String, Result<Arc<dyn Transport>, Error>);

/// How repositories are reached. It moves bytes, and is not trusted.
pub trait Reach: Send + Sync {
    /// The places of a repository, in the order in which they are tried. One that makes no sense is an error
    /// in its place.
    fn transports(&self, repository: &Repository) -> Vec<Way>;

    /// The place of a repository that is on this machine, as what a bundle brought is: asked also where nothing
    /// may be fetched.
    fn kept(&self, repository: &Repository) -> Option<Way> {
        let _ = repository;
        None
    }

    /// The moment that the repository's metadata is judged at, if somebody vouches for one, as a site does
    /// that vetted it; the clock on the wall otherwise.
    fn as_of(&self, repository: &Repository) -> Option<Timestamp> {
        let _ = repository;
        None
    }
}

/// What may be done to get at a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Nothing is fetched: neither metadata nor plugins.
    pub offline: bool,
    /// How long to wait for another process that installs.
    pub patience: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { offline: false, patience: Duration::from_secs(60) }
    }
}

/// Changes what is installed.
pub struct Installer<'a> {
    installed: &'a Installed,
    reach: &'a dyn Reach,
    options: Options,
    now: Timestamp,
    repositories: Repositories,
    open: BTreeMap<RepositoryName, Client>,
    failures: Vec<Failure>,
}

impl<'a> Installer<'a> {
    /// At this time, by the clock on the wall.
    ///
    /// # Errors
    ///
    /// Those of [`Repositories::read`].
    pub fn new(
        installed: &'a Installed,
        reach: &'a dyn Reach,
        options: Options,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let repositories = Repositories::read(&installed.places().repositories_file())?;
        Ok(Self { installed, reach, options, now, repositories, open: BTreeMap::new(), failures: Vec::new() })
    }

    /// The mirrors that failed so far, for people. What they failed with was refused.
    #[must_use]
    pub fn failures(&self) -> &[Failure] {
        &self.failures
    }

    /// The repositories that were added.
    #[must_use]
    pub fn repositories(&self) -> &Repositories {
        &self.repositories
    }

    /// The time that a repository is judged at.
    fn time(&self, repository: &Repository) -> (Timestamp, TimeSource) {
        match self.reach.as_of(repository) {
            Some(time) => (time, TimeSource::SiteRecord),
            None => (self.now, TimeSource::SystemClock),
        }
    }

    /// The metadata store of a repository, trusting the root that it was added with.
    fn store(&self, repository: &Repository) -> Result<Store, Error> {
        let store = Store::open(&self.installed.places().metadata(&repository.name));
        if skywright_contract::Digest::of(&store.pinned_root()?) == repository.root_sha256.0 {
            Ok(store)
        } else {
            Err(Error::OtherRepository { name: repository.name.to_string() })
        }
    }

    fn client(&self, repository: &Repository, transport: Arc<dyn Transport>) -> Result<Client, Error> {
        let layout = match repository.kind {
            RepositoryKind::Upstream => Layout::Publishers,
            RepositoryKind::Site => Layout::Site,
        };
        let client = Client::new(self.store(repository)?, transport, layout);
        Ok(if self.reach.as_of(repository).is_some() { client.as_of() } else { client })
    }
}

/// Adds a repository: keeps the root that it is trusted from, and writes it down. Nothing is fetched.
///
/// # Errors
///
/// [`Error::RepositoryExists`], and whatever keeps it from being written.
pub fn add_repository(installed: &Installed, repository: Repository, root: &[u8]) -> Result<(), Error> {
    let places = installed.places();
    if skywright_contract::Digest::of(root) != repository.root_sha256.0 {
        return Err(Error::OtherRepository { name: repository.name.to_string() });
    }
    Repositories::change(&places.repositories_file(), |repositories| {
        let folder = places.metadata(&repository.name);
        repositories.add(repository)?;
        match Store::create(&folder, root) {
            // Left behind by one of the same name: what it remembers is only good for the same root.
            Err(Error::Changed { .. }) if Store::open(&folder).pinned_root().is_ok_and(|old| old == root) => {
                Ok(())
            }
            Err(Error::Changed { .. }) => {
                std::fs::remove_dir_all(&folder).map_err(Error::file("remove", &folder))?;
                Store::create(&folder, root).map(drop)
            }
            other => other.map(drop),
        }
    })
}
