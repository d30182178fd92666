//! Every plugin that there is here.

use std::path::PathBuf;

use jiff::Timestamp;
use semver::Version;
use skywright_contract::{Digest, Kind, PluginId};

use super::{Ground, Installed, Trust};
use crate::development::DevelopmentFolders;
use crate::error::Error;
use crate::lock_file::LockedPlugin;
use crate::policy::{Decision, Facts, Origin, Stage};
use crate::shelf::{Listed, Shelf};

/// A plugin that is installed, or a file that may be one.
#[derive(Debug)]
pub struct ListedPlugin {
    /// Its file.
    pub path: PathBuf,
    /// Whose word there is for it.
    pub trust: Trust,
    /// What it is, or why it is none.
    pub facts: Result<ListedFacts, Error>,
    /// Why it would not run as things are; `None` if nothing is against it. The bytes are not looked at.
    pub refusal: Option<Error>,
}

/// What a listing says of a plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFacts {
    /// `namespace/name`.
    pub id: PluginId,
    /// Its version.
    pub version: Version,
    /// Provider or feature.
    pub kind: Kind,
    /// One line for people. Foreign text.
    pub title: String,
    /// The contract release that it was built for.
    pub contract: Version,
    /// Of the component.
    pub digest: Digest,
    /// Of the component, in bytes.
    pub size_bytes: u64,
    /// Why its publisher took it back, if it did. Foreign text.
    pub yanked: Option<String>,
}

impl Installed {
    /// What is installed, by id, and then the files of all folders, by folder and file name.
    ///
    /// # Errors
    ///
    /// Those of reading the lock file, the policy and the folders. What is wrong with a single plugin is part of
    /// the listing.
    pub fn list(&self, now: Timestamp) -> Result<Vec<ListedPlugin>, Error> {
        let mut ground = Ground::read(&self.places)?;
        let pinned: Vec<_> =
            ground.lock().plugins.iter().map(|(id, plugin)| (id.clone(), plugin.clone())).collect();
        let mut listed: Vec<_> =
            pinned.iter().map(|(id, plugin)| self.list_pinned(&mut ground, id, plugin, now)).collect();
        let development = self.development()?;
        let mut folders = self.folders.clone();
        folders.extend(development.plugin_folders());
        folders.extend(self.drop_in.iter().cloned());
        let mut seen: Vec<PathBuf> = Vec::new();
        for folder in folders {
            // A folder may be named twice, by other names even.
            let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
            if seen.contains(&real) {
                continue;
            }
            seen.push(real);
            for file in Shelf::new(vec![folder]).list()? {
                listed.push(self.list_file(&mut ground, &development, file, now));
            }
        }
        Ok(listed)
    }

    fn list_pinned(
        &self,
        ground: &mut Ground<'_>,
        id: &PluginId,
        plugin: &LockedPlugin,
        now: Timestamp,
    ) -> ListedPlugin {
        let path = self.content_store().path(&plugin.sha256);
        let words = ground.words(id, plugin, now);
        let yanked = words.as_ref().ok().and_then(|words| words.main.authorised.yanked.clone());
        let refusal = match words.map(|words| ground.decide_pinned(id, plugin, &words)) {
            Err(error) => Some(error),
            Ok(Decision::Deny(reasons) | Decision::NeedsYes(reasons)) => {
                Some(Error::Refused { plugin: format!("{id} {}", plugin.version), reasons })
            }
            Ok(Decision::Allow) if !path.is_file() => {
                Some(Error::NotFetched { plugin: format!("{id} {}", plugin.version) })
            }
            Ok(Decision::Allow) => None,
        };
        let facts = ListedFacts {
            id: id.clone(),
            version: plugin.version.clone(),
            kind: plugin.kind,
            title: plugin.title.clone(),
            contract: plugin.contract.clone(),
            digest: plugin.sha256,
            size_bytes: plugin.length_bytes,
            yanked,
        };
        let trust = Trust::Signed { repository: plugin.repository.clone(), site: plugin.site.clone() };
        ListedPlugin { path, trust, facts: Ok(facts), refusal }
    }

    fn list_file(
        &self,
        ground: &mut Ground<'_>,
        development: &DevelopmentFolders,
        file: Listed,
        now: Timestamp,
    ) -> ListedPlugin {
        let Listed { path, package } = file;
        let package = match package {
            Ok(package) => package,
            Err(error) => {
                return ListedPlugin { path, trust: Trust::Unsigned, facts: Err(error), refusal: None };
            }
        };
        let pinned = ground.lock().plugins.iter().find(|(_, plugin)| plugin.sha256 == package.digest);
        if let Some((id, plugin)) = pinned.map(|(id, plugin)| (id.clone(), plugin.clone())) {
            return ListedPlugin { path, ..self.list_pinned(ground, &id, &plugin, now) };
        }
        let manifest = package.manifest;
        let (trust, exposed) = match development.folder_of(&path) {
            Ok(Some(folder)) => (Trust::Development { folder: folder.to_owned() }, None),
            Ok(None) => (Trust::Unsigned, None),
            Err(error) => (Trust::Unsigned, Some(error)),
        };
        let origin = match &trust {
            Trust::Development { folder } => Origin::Development { folder },
            _ => Origin::Unsigned { allowed: self.allow_unsigned, file: &path },
        };
        let decision = ground.policy.decide(&Facts {
            stage: Stage::Load,
            id: &manifest.id,
            version: &manifest.version,
            sha256: package.digest,
            capabilities: &manifest.capabilities,
            origin,
            before: None,
            revoked: None,
            yanked: None,
        });
        let refusal = exposed.or(match decision {
            Decision::Allow => None,
            Decision::NeedsYes(reasons) | Decision::Deny(reasons) => {
                Some(Error::Refused { plugin: format!("{} {}", manifest.id, manifest.version), reasons })
            }
        });
        let facts = ListedFacts {
            id: manifest.id,
            version: manifest.version,
            kind: manifest.kind,
            title: manifest.title,
            contract: manifest.contract,
            digest: package.digest,
            size_bytes: package.size_bytes,
            yanked: None,
        };
        ListedPlugin { path, trust, facts: Ok(facts), refusal }
    }
}
