//! Which version of a plugin, and who says what of it.

use jiff::Timestamp;
use semver::{Version, VersionReq};
use skywright_contract::{PluginId, speaks_contract};

use super::Installer;
use crate::error::Error;
use crate::policy::{Policy, Require};
use crate::repositories::{RepositoryKind, RepositoryName};
use crate::standing::Authorised;
use crate::tuf::{Namespace, PluginFacts, Target, TargetPath, Verifier};

/// A version of a plugin, with what repositories say of it.
#[derive(Debug, Clone)]
pub(super) struct Chosen {
    pub(super) facts: PluginFacts,
    /// The publisher's repository, if it lists the version.
    pub(super) upstream: Option<Said>,
    /// The site's own, if it does.
    pub(super) site: Option<Said>,
}

/// What one repository says.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub(super) repository: RepositoryName,
    pub(super) target: Target,
    pub(super) authorised: Authorised,
}

impl Chosen {
    /// Whose word the lock file keeps: the publisher's where there is one.
    pub(super) fn main(&self) -> Option<&Said> {
        self.upstream.as_ref().or(self.site.as_ref())
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Said> {
        self.upstream.iter().chain(&self.site)
    }
}

impl Installer<'_> {
    /// Every version of a plugin that the host can run, oldest first. `pinned` is the repository that it is
    /// installed from: no other takes its place.
    pub(super) async fn versions(
        &mut self,
        id: &PluginId,
        pinned: Option<&str>,
        policy: &Policy,
    ) -> Result<Vec<Chosen>, Error> {
        let namespace = Namespace::of(id)?;
        let rules = policy.rules(id.namespace()).unwrap_or_default();
        let upstream = self.names(RepositoryKind::Upstream);
        let is_wanted = |name: &RepositoryName| match pinned {
            Some(pinned) => pinned == name.as_str(),
            None => rules.repositories.as_ref().is_none_or(|these| these.contains(name.as_str())),
        };
        let mut said = Vec::new();
        for name in upstream.into_iter().filter(is_wanted) {
            match self.said(&name, &namespace, id).await {
                // The first that has the namespace provides it: another repository cannot slip a version in.
                Ok(found) => {
                    said = found;
                    break;
                }
                Err(Error::NotListed { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let mut vetted = Vec::new();
        for name in self.names(RepositoryKind::Site) {
            match self.said(&name, &namespace, id).await {
                Ok(found) => vetted.extend(found),
                Err(Error::NotListed { .. }) => {}
                // A site's repository that fails matters only to those who have to ask it.
                Err(error) if rules.require.unwrap_or_default() != Require::Upstream => return Err(error),
                Err(_) => {}
            }
        }
        Ok(joined(said, vetted))
    }

    fn names(&self, kind: RepositoryKind) -> Vec<RepositoryName> {
        self.repositories.of_kind(kind).map(|repository| repository.name.clone()).collect()
    }

    /// The components of a plugin that one repository lists.
    async fn said(
        &mut self,
        name: &RepositoryName,
        namespace: &Namespace,
        id: &PluginId,
    ) -> Result<Vec<(PluginFacts, Said)>, Error> {
        let (time, _) = self.time(&self.repositories.get(name.as_str())?.clone());
        let targets = self.opened(name).await?.list(namespace, time).await?;
        Ok(targets.into_iter().filter_map(|target| component(name, id, target, time)).collect())
    }
}

/// A target that is a component of this plugin, and says so in a way that is understood.
fn component(
    name: &RepositoryName,
    id: &PluginId,
    target: Target,
    time: Timestamp,
) -> Option<(PluginFacts, Said)> {
    let file = target.path.plugin()?;
    if file.file != TargetPath::COMPONENT || file.id != *id {
        return None;
    }
    // What is not understood was written for a later release; it cannot be chosen, and hides nothing else.
    let (facts, authorised) = (target.facts().ok()?, Authorised::of(&target, time).ok()?);
    Some((facts, Said { repository: name.clone(), target, authorised }))
}

/// Both sides of each version, oldest first.
fn joined(upstream: Vec<(PluginFacts, Said)>, site: Vec<(PluginFacts, Said)>) -> Vec<Chosen> {
    let mut versions: std::collections::BTreeMap<Version, Chosen> = std::collections::BTreeMap::new();
    for (facts, said) in upstream {
        versions.insert(facts.version.clone(), Chosen { facts, upstream: Some(said), site: None });
    }
    for (facts, said) in site {
        let entry = versions.entry(facts.version.clone());
        entry.or_insert(Chosen { facts, upstream: None, site: None }).site = Some(said);
    }
    versions.into_values().collect()
}

/// The newest version that fits: one that was not taken back, and no pre-release unless the range names one or there
/// is nothing else.
pub(super) fn newest<'a>(
    versions: &'a [Chosen],
    range: Option<&VersionReq>,
    require: Require,
) -> Option<&'a Chosen> {
    let fits = |chosen: &&Chosen| {
        let listed = match require {
            Require::Upstream => chosen.upstream.is_some(),
            Require::Site => chosen.site.is_some(),
            Require::Both => chosen.upstream.is_some() && chosen.site.is_some(),
        };
        listed
            && speaks_contract(&chosen.facts.contract)
            && range.is_none_or(|range| range.matches(&chosen.facts.version))
    };
    let is_good = |chosen: &&Chosen| chosen.facts.yanked.is_none();
    let is_release = |chosen: &&Chosen| range.is_some() || chosen.facts.version.pre.is_empty();
    let newest = |filter: &dyn Fn(&&Chosen) -> bool| versions.iter().filter(fits).rfind(|it| filter(it));
    newest(&|it| is_good(it) && is_release(it)).or_else(|| newest(&is_good))
}
