//! How this machine reaches repositories.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use skywright_core::Home;
use skywright_registry::bundle::{Loaded, Side};
use skywright_registry::tuf::{Transport, transport_for};
use skywright_registry::{
    ContentStore, Error as RegistryError, Failure, Installed, Installer, Options, Reach, Repository, Way,
};

use crate::error::Error;
use crate::oci::{self, OciArgs};
use crate::output::notice;

/// The place of a publisher's repository that came in a bundle.
pub(crate) const BUNDLE_UPSTREAM: &str = "bundle:upstream";
/// The place of the site's repository that came in a bundle.
pub(crate) const BUNDLE_SITE: &str = "bundle:site";

/// How repositories are reached.
#[derive(Debug, Args)]
pub(crate) struct ReachArgs {
    /// Fetch nothing: what was verified and fetched before has to do.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Certificate authorities beside the system's, in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) oci: OciArgs,
    /// How long to wait for another process that installs.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, env = "SKYWRIGHT_WAIT")]
    wait: u64,
}

impl ReachArgs {
    /// An installer of now.
    pub(crate) fn installer<'a>(&'a self, installed: &'a Installed) -> Result<Installer<'a>, Error> {
        let patience = std::time::Duration::from_secs(self.wait);
        let options = Options { offline: self.offline, patience };
        Ok(Installer::new(installed, self, options, Timestamp::now())?)
    }

    /// How long to wait for another process that installs.
    pub(crate) fn patience(&self) -> std::time::Duration {
        std::time::Duration::from_secs(self.wait)
    }

    /// A place by itself.
    pub(crate) fn transport(&self, url: &str) -> Result<Arc<dyn Transport>, RegistryError> {
        match url {
            _ if is_bundled(url) => Self::bundled(url),
            _ if url.starts_with(oci::SCHEME) => self.oci.mirror(url, self.ca_file.as_deref()),
            _ => transport_for(url, self.ca_file.as_deref()),
        }
    }

    /// One of the two places that bundles fill.
    pub(crate) fn bundled(url: &str) -> Result<Arc<dyn Transport>, RegistryError> {
        let side = if url == BUNDLE_SITE { Side::Site } else { Side::Upstream };
        let nothing = || RegistryError::Missing {
            location: "the last bundle that was loaded".to_owned(),
            file: side.to_string(),
        };
        brought_in().and_then(|it| it.repository(side).ok().flatten()).ok_or_else(nothing)
    }
}

/// Whether bundles bring what is there.
pub(crate) fn is_bundled(url: &str) -> bool {
    url == BUNDLE_UPSTREAM || url == BUNDLE_SITE
}

/// What bundles have brought to this machine.
fn brought_in() -> Option<Loaded> {
    let places = Home::from_env().ok()?.registry_places(None);
    Some(Loaded::new(places.bundles(), ContentStore::new(places.content_store())))
}

impl Reach for ReachArgs {
    fn transports(
        &self,
        repository: &Repository,
    ) -> Vec<(String, Result<Arc<dyn Transport>, RegistryError>)> {
        repository.urls.iter().map(|url| (url.clone(), self.transport(url))).collect()
    }

    fn kept(&self, repository: &Repository) -> Option<Way> {
        let url = repository.urls.iter().find(|url| is_bundled(url))?;
        Some((url.clone(), Self::bundled(url)))
    }

    /// What came in a bundle is judged as of the vetting: by the time that the site signed.
    fn as_of(&self, repository: &Repository) -> Option<Timestamp> {
        Self::bundled_as_of(repository)
    }
}

impl ReachArgs {
    /// The moment that the last bundle is judged at, if the repository is reached by bundles.
    pub(crate) fn bundled_as_of(repository: &Repository) -> Option<Timestamp> {
        let is_from_bundle = repository.urls.iter().any(|url| url == BUNDLE_UPSTREAM);
        let current = brought_in().filter(|_| is_from_bundle)?.current().ok().flatten();
        current.map(|current| current.as_of)
    }
}

/// Tells of places that were refused or not reached, although it went on.
pub(crate) fn tell(failures: &[Failure]) {
    for Failure { repository, url, reason, .. } in failures {
        let place = if url.is_empty() { String::new() } else { format!(" at {url}") };
        notice(&format!("{repository}{place}: {reason}"));
    }
}
