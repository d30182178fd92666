//! Who vouches for a plugin, and how that is known.

use jiff::Timestamp;
use semver::Version;
use serde::Serialize;
use skywright_contract::{Capability, Digest, Package, PluginId};

use super::Installer;
use super::choose::{Chosen, Said};
use crate::error::Error;
use crate::lock_file::LockFileStore;
use crate::policy::{Decision, Facts, Origin, Stage};
use crate::standing::Standing;
use crate::tuf::{KeyId, RoleTrust, TargetPath, Versions};

/// Who vouches for a component, and what the policy says.
#[derive(Debug, Clone, Serialize)]
pub struct Explained {
    /// The plugin.
    pub id: PluginId,
    /// Its version.
    pub version: Version,
    /// Of its component.
    pub digest: Digest,
    /// What it asks of the host.
    pub capabilities: Vec<Capability>,
    /// Whether the lock file pins exactly this.
    pub is_pinned: bool,
    /// What repositories say of it.
    pub words: Vec<ExplainedWord>,
    /// What the policy says of it.
    pub decision: Decision,
    /// The digest of the policy file, if there is one.
    pub policy: Option<Digest>,
    /// The time that was used, by the clock on the wall.
    pub time: Timestamp,
}

/// What one repository says of a component.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedWord {
    /// The repository.
    pub repository: String,
    /// The component's place in it.
    pub path: TargetPath,
    /// What it says the digest is.
    pub digest: Digest,
    /// The roles from `targets` down to the one that lists it, with who may sign them.
    pub roles: Vec<RoleTrust>,
    /// The versions of the repository's own roles.
    pub versions: Versions,
    /// The keys that answer for the namespace.
    pub owner_key_ids: Vec<KeyId>,
    /// Why its publisher took it back, if it did. Foreign text.
    pub yanked: Option<String>,
    /// Why the registry revoked it, if it did. Foreign text.
    pub revoked: Option<String>,
    /// The time that its metadata was judged at.
    pub time: Timestamp,
}

impl Installer<'_> {
    /// Who vouches for a plugin in a version; in the pinned one, or else the newest, if none is given.
    ///
    /// # Errors
    ///
    /// [`Error::NotListed`] if nobody does; whatever keeps a repository from being asked.
    pub async fn explain(&mut self, id: &PluginId, version: Option<&Version>) -> Result<Explained, Error> {
        let lock = LockFileStore::new(self.installed.places().lock_file()).read()?.lock;
        let policy = self.installed.policy()?;
        let pinned = lock.plugins.get(id);
        let versions = self.versions(id, None, &policy).await?;
        let wanted = version.or(pinned.map(|pinned| &pinned.version));
        let found = match wanted {
            Some(wanted) => versions.into_iter().find(|it| it.facts.version == *wanted),
            None => versions.into_iter().next_back(),
        };
        let chosen = found.ok_or_else(|| Error::NotListed {
            what: wanted.map_or_else(|| id.to_string(), |version| format!("{id} {version}")),
        })?;
        let digest = chosen.main().map(|main| main.target.digest).ok_or(Error::NotRefreshed)?;
        self.explained(&chosen, digest)
    }

    /// Who vouches for these bytes, which need not be installed. They are held against what their manifest
    /// says that they are.
    ///
    /// # Errors
    ///
    /// [`Error::Package`] if they are no plugin, [`Error::Tampered`] if repositories list other bytes as that
    /// version, and as [`explain`](Self::explain).
    pub async fn verify(&mut self, what: &std::path::Path, bytes: &[u8]) -> Result<Explained, Error> {
        let package =
            Package::read(bytes).map_err(|source| Error::Package { path: what.to_owned(), source })?;
        let explained = self.explain(&package.manifest.id, Some(&package.manifest.version)).await?;
        match explained.words.iter().find(|word| word.digest != package.digest) {
            Some(word) => Err(Error::Tampered {
                what: what.display().to_string(),
                reason: format!("`{}` lists {} as {}", word.repository, word.digest, word.path),
            }),
            None => Ok(explained),
        }
    }

    fn explained(&self, chosen: &Chosen, digest: Digest) -> Result<Explained, Error> {
        let lock = LockFileStore::new(self.installed.places().lock_file()).read()?.lock;
        let policy = self.installed.policy()?;
        let words = chosen.all().map(|said| self.word(chosen, said)).collect::<Result<Vec<_>, _>>()?;
        let attest = |said: &Said| said.authorised.attestation(said.repository.as_str(), self.now);
        let (upstream, site) = (chosen.upstream.as_ref().map(attest), chosen.site.as_ref().map(attest));
        let facts = &chosen.facts;
        let decision = policy.decide(&Facts {
            stage: Stage::Install,
            id: &facts.id,
            version: &facts.version,
            sha256: digest,
            capabilities: &facts.capabilities,
            origin: Origin::Repository { upstream: upstream.as_ref(), site: site.as_ref() },
            before: None,
            revoked: words.iter().find_map(|word| word.revoked.as_deref()),
            yanked: facts.yanked.as_ref().map(|yanked| yanked.reason.as_str()),
        });
        Ok(Explained {
            id: facts.id.clone(),
            version: facts.version.clone(),
            digest,
            capabilities: facts.capabilities.iter().copied().collect(),
            is_pinned: lock.plugins.get(&facts.id).is_some_and(|locked| locked.sha256 == digest),
            words,
            decision,
            policy: policy.file,
            time: self.now,
        })
    }

    fn word(&self, chosen: &Chosen, said: &Said) -> Result<ExplainedWord, Error> {
        let repository = self.repositories.get(said.repository.as_str())?;
        let standing = Standing::read(&self.installed.places().repository(&said.repository))?;
        let (keys, facts) = (&said.authorised.signer_key_ids, &chosen.facts);
        let revoked = standing
            .and_then(|standing| standing.revocation(&facts.id, &facts.version, &said.target.digest, keys));
        Ok(ExplainedWord {
            repository: said.repository.to_string(),
            path: said.target.path.clone(),
            digest: said.target.digest,
            roles: said.target.chain.clone(),
            versions: said.target.versions,
            owner_key_ids: said.target.owner_key_ids().to_vec(),
            yanked: said.authorised.yanked.clone(),
            revoked,
            time: self.time(repository).0,
        })
    }
}
