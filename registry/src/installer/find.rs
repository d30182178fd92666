//! Looking around in repositories.

use std::collections::BTreeMap;

use semver::Version;
use serde::Serialize;
use skywright_contract::{Kind, PluginId};

use super::Installer;
use super::choose::newest;
use crate::error::Error;
use crate::lock_file::LockFileStore;
use crate::repositories::RepositoryName;
use crate::tuf::{Target, TargetPath, Verifier};

/// A plugin that a repository lists, in its newest version that was not taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Found {
    /// `namespace/name`.
    pub id: PluginId,
    /// The newest version.
    pub version: Version,
    /// Provider or feature.
    pub kind: Kind,
    /// One line for people. Foreign text.
    pub title: String,
    /// The repository.
    pub repository: String,
    /// How many versions it lists.
    pub versions: usize,
    /// The version that is installed, if one is.
    pub installed: Option<Version>,
}

/// An installed plugin that is not the newest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Outdated {
    /// `namespace/name`.
    pub id: PluginId,
    /// What is installed.
    pub installed: Version,
    /// What there is.
    pub newest: Version,
    /// The repository.
    pub repository: String,
    /// Why its publisher took back what is installed, if it did. Foreign text.
    pub yanked: Option<String>,
}

impl Installer<'_> {
    /// Every plugin of every repository whose id or title has all of these words in it, by id; all plugins
    /// if there are no words. A repository that cannot be asked, or a publisher whose metadata is broken, is
    /// left out, and told in [`failures`](Self::failures).
    ///
    /// # Errors
    ///
    /// Those of reading the lock file.
    pub async fn search(&mut self, words: &[String]) -> Result<Vec<Found>, Error> {
        let lock = LockFileStore::new(self.installed.places().lock_file()).read()?.lock;
        let words: Vec<_> = words.iter().map(|word| word.to_lowercase()).collect();
        let mut found = BTreeMap::new();
        let names: Vec<_> = self.repositories.repositories.iter().map(|it| it.name.clone()).collect();
        for name in names {
            if let Err(error) = self.search_one(&name, &words, &mut found).await {
                self.note(&name, "", &error);
            }
        }
        let mut found: Vec<Found> = found.into_values().collect();
        for plugin in &mut found {
            plugin.installed = lock.plugins.get(&plugin.id).map(|locked| locked.version.clone());
        }
        Ok(found)
    }

    async fn search_one(
        &mut self,
        name: &RepositoryName,
        words: &[String],
        found: &mut BTreeMap<(PluginId, String), Found>,
    ) -> Result<(), Error> {
        let (time, _) = self.time(&self.repositories.get(name.as_str())?.clone());
        let namespaces = self.opened(name).await?.namespaces()?;
        for namespace in namespaces {
            let targets = match self.opened(name).await?.list(&namespace, time).await {
                Ok(targets) => targets,
                Err(error) => {
                    self.note(name, namespace.as_str(), &error);
                    continue;
                }
            };
            targets.iter().for_each(|target| collect(name, target, words, found));
        }
        Ok(())
    }

    fn note(&mut self, repository: &RepositoryName, place: &str, error: &Error) {
        self.failures.push(super::Failure {
            repository: repository.to_string(),
            url: place.to_owned(),
            code: error.code().to_owned(),
            reason: error.to_string(),
        });
    }

    /// What is installed and not the newest, by id.
    ///
    /// # Errors
    ///
    /// Whatever keeps a repository from being asked.
    pub async fn outdated(&mut self) -> Result<Vec<Outdated>, Error> {
        let lock = LockFileStore::new(self.installed.places().lock_file()).read()?.lock;
        let policy = self.installed.policy()?;
        let mut outdated = Vec::new();
        for (id, locked) in lock.plugins {
            let repository = self.repositories.get(&locked.repository)?;
            let is_upstream = repository.kind == crate::RepositoryKind::Upstream;
            let pinned = is_upstream.then_some(locked.repository.as_str());
            let versions = self.versions(&id, pinned, &policy).await?;
            let rules = policy.rules(id.namespace()).unwrap_or_default();
            let Some(newest) = newest(&versions, None, rules.require.unwrap_or_default()) else { continue };
            let yanked = versions.iter().find(|it| it.facts.version == locked.version);
            let yanked = yanked.and_then(|it| it.facts.yanked.as_ref()).map(|yanked| yanked.reason.clone());
            if newest.facts.version > locked.version || yanked.is_some() {
                outdated.push(Outdated {
                    id,
                    installed: locked.version,
                    newest: newest.facts.version.clone(),
                    repository: locked.repository,
                    yanked,
                });
            }
        }
        Ok(outdated)
    }
}

/// Counts a component among what was found, if the words are in its id or title.
fn collect(
    name: &RepositoryName,
    target: &Target,
    words: &[String],
    found: &mut BTreeMap<(PluginId, String), Found>,
) {
    if target.path.plugin().is_none_or(|file| file.file != TargetPath::COMPONENT) {
        return;
    }
    let Ok(facts) = target.facts() else { return };
    let text = format!("{} {}", facts.id, facts.title).to_lowercase();
    if facts.yanked.is_some() || !words.iter().all(|word| text.contains(word.as_str())) {
        return;
    }
    let entry = found.entry((facts.id.clone(), name.to_string())).or_insert_with(|| Found {
        id: facts.id.clone(),
        version: facts.version.clone(),
        kind: facts.kind,
        title: facts.title.clone(),
        repository: name.to_string(),
        versions: 0,
        installed: None,
    });
    entry.versions += 1;
    if facts.version >= entry.version {
        (entry.version, entry.kind, entry.title) = (facts.version, facts.kind, facts.title);
    }
}
