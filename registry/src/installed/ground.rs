//! What decisions stand on: lock file, policy, and what is known of repositories.

use std::collections::BTreeMap;

use jiff::Timestamp;
use skywright_contract::PluginId;

use super::{Decided, role_versions};
use crate::audit_log::Outcome;
use crate::error::Error;
use crate::lock_file::{LockFile, LockFileStore, LockSnapshot, LockedPlugin};
use crate::places::Places;
use crate::policy::{Attestation, Before, Decision, Facts, Origin, Policy, Reason, Stage};
use crate::repositories::{Repositories, RepositoryKind};
use crate::standing::{Authorised, Standing};

/// All that is known, read once. The standing of a repository is read when it is asked for first.
pub(crate) struct Ground<'a> {
    pub(crate) places: &'a Places,
    pub(crate) snapshot: LockSnapshot,
    pub(crate) policy: Policy,
    repositories: Option<Repositories>,
    standings: BTreeMap<String, Standing>,
}

/// What the repositories of a pinned plugin say of it.
pub(crate) struct Words {
    /// The one that provides it.
    pub(crate) main: Word,
    /// The site's own, if it is another one and lists it.
    pub(crate) site: Option<Word>,
    main_is_site: bool,
}

/// What one repository says of a plugin.
pub(crate) struct Word {
    pub(crate) authorised: Authorised,
    attestation: Attestation,
    revoked: Option<String>,
    role_versions: Vec<String>,
}

impl<'a> Ground<'a> {
    pub(crate) fn read(places: &'a Places) -> Result<Self, Error> {
        Ok(Self {
            places,
            snapshot: LockFileStore::new(places.lock_file()).read()?,
            policy: Policy::read(&places.trust_file())?,
            repositories: None,
            standings: BTreeMap::new(),
        })
    }

    pub(crate) fn lock(&self) -> &LockFile {
        &self.snapshot.lock
    }

    /// What the repositories of a pinned plugin said of it when they were last verified.
    ///
    /// # Errors
    ///
    /// [`Error::NoRepository`] if one was not added here, [`Error::OtherRepository`] if another one has its name,
    /// [`Error::NotVerified`] if it was never verified here or that was lost, [`Error::Rollback`] if the
    /// lock file has seen newer, [`Error::NotVouched`] if it does not list the plugin.
    pub(crate) fn words(
        &mut self,
        id: &PluginId,
        plugin: &LockedPlugin,
        now: Timestamp,
    ) -> Result<Words, Error> {
        let main = self.word(&plugin.repository, id, plugin, now)?;
        let site = plugin.site.as_ref().map(|site| self.word(site, id, plugin, now)).transpose()?;
        let main_is_site = self.repositories()?.get(&plugin.repository)?.kind == RepositoryKind::Site;
        Ok(Words { main, site, main_is_site })
    }

    fn word(
        &mut self,
        name: &str,
        id: &PluginId,
        plugin: &LockedPlugin,
        now: Timestamp,
    ) -> Result<Word, Error> {
        let standing = self.standing(name)?;
        let authorised = standing.authorised.get(&plugin.path).cloned().ok_or_else(|| Error::NotVouched {
            path: plugin.path.to_string(),
            repository: name.to_owned(),
        })?;
        Ok(Word {
            attestation: authorised.attestation(name, now),
            revoked: standing.revocation(id, &plugin.version, &plugin.sha256, &authorised.signer_key_ids),
            role_versions: role_versions(name, standing),
            authorised,
        })
    }

    fn standing(&mut self, name: &str) -> Result<&Standing, Error> {
        if !self.standings.contains_key(name) {
            let standing = self.read_standing(name)?;
            self.standings.insert(name.to_owned(), standing);
        }
        self.standings.get(name).ok_or_else(|| Error::NotVerified { name: name.to_owned() })
    }

    fn read_standing(&mut self, name: &str) -> Result<Standing, Error> {
        let repository = self.repositories()?.get(name)?.clone();
        let locked = self.snapshot.lock.repositories.get(name);
        if locked.is_some_and(|locked| locked.root_sha256 != repository.root_sha256.0) {
            return Err(Error::OtherRepository { name: name.to_owned() });
        }
        match Standing::read(&self.places.repository(&repository.name))? {
            Some(standing) if standing.root_sha256 == repository.root_sha256 => {
                standing.check_floors(&locked.map(|locked| locked.floors).unwrap_or_default())?;
                Ok(standing)
            }
            _ => Err(Error::NotVerified { name: name.to_owned() }),
        }
    }

    fn repositories(&mut self) -> Result<&Repositories, Error> {
        match self.repositories {
            Some(ref repositories) => Ok(repositories),
            None => {
                let read = Repositories::read(&self.places.repositories_file())?;
                Ok(self.repositories.insert(read))
            }
        }
    }

    /// What the policy says of a pinned plugin, without a look at its bytes.
    pub(crate) fn decide_pinned(&self, id: &PluginId, plugin: &LockedPlugin, words: &Words) -> Decision {
        let (upstream, site) = words.attestations();
        self.policy.decide(&Facts {
            stage: Stage::Load,
            id,
            version: &plugin.version,
            sha256: plugin.sha256,
            capabilities: &words.main.authorised.capabilities,
            origin: Origin::Repository { upstream, site },
            before: Some(Before {
                version: &plugin.version,
                owner_keys: &plugin.owner_key_ids,
                capabilities: &plugin.capabilities,
            }),
            revoked: words.revoked(),
            yanked: None,
        })
    }

    /// Writes a decision about a load down, and fails unless it is to allow it. Nobody is asked at a load:
    /// what needs a yes was answered at the installation, or is a no.
    pub(crate) fn conclude(
        &self,
        decision: Decision,
        mut decided: Decided<'_>,
        now: Timestamp,
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let reasons = match decision {
            Decision::Allow => Vec::new(),
            Decision::NeedsYes(reasons) | Decision::Deny(reasons) => reasons,
        };
        decided.reasons = reasons.iter().map(Reason::to_string).collect();
        decided.outcome = if reasons.is_empty() { Outcome::Allowed } else { Outcome::Denied };
        let plugin = decided.title();
        decided.record(self.places, &self.policy, now, warnings)?;
        if reasons.is_empty() { Ok(()) } else { Err(Error::Refused { plugin, reasons }) }
    }
}

impl Words {
    /// As the policy sees them: the publisher's, and the site's.
    pub(crate) fn attestations(&self) -> (Option<&Attestation>, Option<&Attestation>) {
        let main = Some(&self.main.attestation);
        if self.main_is_site {
            return (None, main);
        }
        (main, self.site.as_ref().map(|site| &site.attestation))
    }

    fn all(&self) -> impl Iterator<Item = &Word> {
        [Some(&self.main), self.site.as_ref()].into_iter().flatten()
    }

    pub(crate) fn revoked(&self) -> Option<&str> {
        self.all().find_map(|word| word.revoked.as_deref())
    }

    pub(crate) fn role_versions(&self) -> Vec<String> {
        self.all().flat_map(|word| word.role_versions.iter().cloned()).collect()
    }
}
