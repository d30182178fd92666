//! What would be changed.

use std::collections::BTreeMap;

use semver::{Version, VersionReq};
use skywright_contract::{Digest, PluginId};

use super::Installer;
use super::choose::{Chosen, Said, newest};
use crate::error::Error;
use crate::lock_file::{LockFile, LockFileStore, LockSnapshot, LockedPlugin, LockedRepository};
use crate::policy::{Before, Decision, Facts, Origin, Policy, Stage};
use crate::standing::{Standing, raised};
use crate::tuf::{Target, TargetPath, Verifier, Versions};

/// A plugin that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Which.
    pub id: PluginId,
    /// Which versions will do; any if not given.
    pub versions: Option<VersionReq>,
}

/// A plugin that would be pinned, or pinned in another version.
#[derive(Debug, Clone)]
pub struct Change {
    /// Which.
    pub id: PluginId,
    /// What is pinned now.
    pub before: Option<LockedPlugin>,
    /// What would be.
    pub after: LockedPlugin,
    /// What the policy says of it.
    pub decision: Decision,
    pub(super) component: Target,
    pub(super) bill: Target,
    pub(super) said: Vec<Said>,
}

/// What would be changed, and what it would be changed from.
#[derive(Debug, Clone)]
pub struct Plan {
    /// In the order of their ids.
    pub changes: Vec<Change>,
    /// What is pinned in the right version already.
    pub unchanged: Vec<(PluginId, Version)>,
    pub(super) snapshot: LockSnapshot,
    pub(super) repositories: BTreeMap<String, LockedRepository>,
    pub(super) policy: Policy,
    /// Whether the lock file stays as it is, to the byte.
    pub(super) is_locked: bool,
}

impl Plan {
    /// Whether somebody has to say yes, and nothing is denied.
    #[must_use]
    pub fn needs_yes(&self) -> bool {
        self.changes.iter().any(|change| matches!(change.decision, Decision::NeedsYes(_)))
    }
}

impl Installer<'_> {
    /// Plans to install these plugins, each in the newest version that fits. What is pinned and fits is left as
    /// it is.
    ///
    /// # Errors
    ///
    /// [`Error::NoVersion`] if nothing fits; whatever keeps a repository from being asked.
    pub async fn plan_install(&mut self, requests: &[Request]) -> Result<Plan, Error> {
        let mut plan = self.empty_plan()?;
        for request in requests {
            let locked = plan.snapshot.lock.plugins.get(&request.id).cloned();
            let fits = |locked: &&LockedPlugin| {
                request.versions.as_ref().is_none_or(|range| range.matches(&locked.version))
                    && self.installed.content_store().has(&locked.sha256)
            };
            match locked.as_ref().filter(fits) {
                Some(locked) => plan.unchanged.push((request.id.clone(), locked.version.clone())),
                None => self.plan_one(&mut plan, request, locked).await?,
            }
        }
        plan.changes.sort_by(|one, other| one.id.cmp(&other.id));
        Ok(plan)
    }

    /// Plans to bring these plugins to their newest versions; all that are pinned if none are given.
    ///
    /// # Errors
    ///
    /// As [`plan_install`](Self::plan_install); [`Error::NotInstalled`].
    pub async fn plan_update(&mut self, ids: &[PluginId]) -> Result<Plan, Error> {
        let mut plan = self.empty_plan()?;
        let all: Vec<_> = plan.snapshot.lock.plugins.keys().cloned().collect();
        for id in if ids.is_empty() { all.as_slice() } else { ids } {
            let locked = plan.snapshot.lock.plugins.get(id).cloned();
            let locked = locked.ok_or_else(|| Error::NotInstalled { id: id.to_string() })?;
            let request = Request { id: id.clone(), versions: None };
            self.plan_one(&mut plan, &request, Some(locked)).await?;
        }
        Ok(plan)
    }

    /// Plans to have exactly what the lock file pins. Nothing of it is changed: what repositories say has to
    /// be what it says.
    ///
    /// # Errors
    ///
    /// [`Error::LockDiffers`] if it is not.
    pub async fn plan_locked(&mut self) -> Result<Plan, Error> {
        let mut plan = Plan { is_locked: true, ..self.empty_plan()? };
        for (id, locked) in plan.snapshot.lock.plugins.clone() {
            let versions = self.versions(&id, self.upstream_of(&locked), &plan.policy).await?;
            let chosen = versions.into_iter().find(|it| it.facts.version == locked.version);
            let chosen = chosen.ok_or_else(|| Error::NotVouched {
                path: locked.path.to_string(),
                repository: locked.repository.clone(),
            })?;
            let change = self.change(&mut plan, chosen, Some(locked.clone())).await?;
            let pinned = |it: &LockedPlugin| {
                (it.repository.clone(), it.path.clone(), it.length_bytes, it.sha256, it.sbom_sha256)
            };
            if pinned(&change.after) != pinned(&locked) {
                return Err(Error::LockDiffers { id: id.to_string() });
            }
            plan.changes.push(Change { after: locked, ..change });
        }
        Ok(plan)
    }

    /// Plans to go back to what was pinned before the last change of a plugin. It has to be listed still, and not be
    /// revoked.
    ///
    /// # Errors
    ///
    /// [`Error::NoPrevious`], and as [`plan_install`](Self::plan_install).
    pub async fn plan_rollback(&mut self, id: &PluginId) -> Result<Plan, Error> {
        let mut plan = self.empty_plan()?;
        let previous = LockFileStore::new(self.installed.places().previous_lock_file()).read()?;
        let previous = previous.lock.plugins.get(id).cloned();
        let previous = previous.ok_or_else(|| Error::NoPrevious { id: id.to_string() })?;
        let locked = plan.snapshot.lock.plugins.get(id).cloned();
        let versions = self.versions(id, self.upstream_of(&previous), &plan.policy).await?;
        let chosen = versions.into_iter().find(|it| it.facts.version == previous.version);
        let chosen = chosen.ok_or_else(|| Error::NotVouched {
            path: previous.path.to_string(),
            repository: previous.repository.clone(),
        })?;
        let change = self.change(&mut plan, chosen, locked).await?;
        plan.changes.push(change);
        Ok(plan)
    }

    fn empty_plan(&self) -> Result<Plan, Error> {
        let snapshot = LockFileStore::new(self.installed.places().lock_file()).read()?;
        let repositories = snapshot.lock.repositories.clone();
        let policy = self.installed.policy()?;
        let (changes, unchanged) = (Vec::new(), Vec::new());
        Ok(Plan { changes, unchanged, snapshot, repositories, policy, is_locked: false })
    }

    /// The upstream repository that a pinned plugin is from; none if only the site vouches for it.
    fn upstream_of<'p>(&self, locked: &'p LockedPlugin) -> Option<&'p str> {
        let repository = self.repositories.get(&locked.repository).ok()?;
        (repository.kind == crate::RepositoryKind::Upstream).then_some(locked.repository.as_str())
    }

    async fn plan_one(
        &mut self,
        plan: &mut Plan,
        request: &Request,
        locked: Option<LockedPlugin>,
    ) -> Result<(), Error> {
        let pinned = locked.as_ref().and_then(|locked| self.upstream_of(locked).map(str::to_owned));
        let versions = self.versions(&request.id, pinned.as_deref(), &plan.policy).await?;
        let rules = plan.policy.rules(request.id.namespace()).unwrap_or_default();
        let found = newest(&versions, request.versions.as_ref(), rules.require.unwrap_or_default());
        let chosen = found.cloned().ok_or_else(|| no_version(request, &versions))?;
        let is_same = |locked: &LockedPlugin| {
            locked.version == chosen.facts.version && self.installed.content_store().has(&locked.sha256)
        };
        // An update never goes back, whatever was taken back since.
        let is_older =
            |locked: &LockedPlugin| request.versions.is_none() && locked.version > chosen.facts.version;
        if let Some(locked) = locked.as_ref().filter(|locked| is_same(locked) || is_older(locked)) {
            plan.unchanged.push((request.id.clone(), locked.version.clone()));
            return Ok(());
        }
        let change = self.change(plan, chosen, locked).await?;
        plan.changes.push(change);
        Ok(())
    }

    /// What pinning a version would mean.
    async fn change(
        &mut self,
        plan: &mut Plan,
        chosen: Chosen,
        before: Option<LockedPlugin>,
    ) -> Result<Change, Error> {
        let missing = || Error::NotListed { what: chosen.facts.id.to_string() };
        let main = chosen.main().ok_or_else(missing)?.clone();
        let bill = self.bill(&main, &chosen).await?;
        let mut revoked = None;
        for said in chosen.all() {
            let standing = self.note_repository(plan, said).await?;
            let keys = &said.authorised.signer_key_ids;
            let reason =
                standing.revocation(&chosen.facts.id, &chosen.facts.version, &said.target.digest, keys);
            revoked = revoked.or(reason);
        }
        let decision = self.decide(&plan.policy, &chosen, &main, before.as_ref(), revoked.as_deref());
        let facts = &chosen.facts;
        let site = chosen.site.as_ref().filter(|_| chosen.upstream.is_some());
        let after = LockedPlugin {
            version: facts.version.clone(),
            kind: facts.kind,
            title: facts.title.clone(),
            repository: main.repository.to_string(),
            site: site.map(|site| site.repository.to_string()),
            path: main.target.path.clone(),
            length_bytes: main.target.length_bytes,
            sha256: main.target.digest,
            sbom_sha256: facts.sbom.0,
            owner_key_ids: main.authorised.owner_key_ids.clone(),
            signer_key_ids: main.authorised.signer_key_ids.clone(),
            contract: facts.contract.clone(),
            capabilities: facts.capabilities.clone(),
        };
        let (id, said) = (facts.id.clone(), chosen.all().cloned().collect());
        Ok(Change { id, before, after, decision, component: main.target, bill, said })
    }

    /// The SBOM beside the component, which has to be the one that the component's entry names.
    async fn bill(&mut self, main: &Said, chosen: &Chosen) -> Result<Target, Error> {
        let path = main.target.path.sibling(TargetPath::SBOM)?;
        let (time, _) = self.time(&self.repositories.get(main.repository.as_str())?.clone());
        let bill = self.opened(&main.repository).await?.resolve(&path, time).await?;
        if bill.digest == chosen.facts.sbom.0 {
            Ok(bill)
        } else {
            Err(Error::Tampered {
                what: path.to_string(),
                reason: "the component's entry names another one".to_owned(),
            })
        }
    }

    /// Raises the floors of a repository that a change relies on, and gives what was last verified of it.
    async fn note_repository(&mut self, plan: &mut Plan, said: &Said) -> Result<Standing, Error> {
        let name = said.repository.clone();
        let versions = self.opened(&name).await?.versions()?;
        let repository = self.repositories.get(name.as_str())?;
        let root: Digest = repository.root_sha256.0;
        let locked = plan
            .repositories
            .entry(name.to_string())
            .or_insert_with(|| LockedRepository { root_sha256: root, floors: Versions::default() });
        if locked.root_sha256 != root {
            return Err(Error::OtherRepository { name: name.to_string() });
        }
        locked.floors = raised(locked.floors, versions);
        let standing = Standing::read(&self.installed.places().repository(&name))?;
        standing.ok_or_else(|| Error::NotVerified { name: name.to_string() })
    }

    fn decide(
        &self,
        policy: &Policy,
        chosen: &Chosen,
        main: &Said,
        before: Option<&LockedPlugin>,
        revoked: Option<&str>,
    ) -> Decision {
        let attest = |said: &Said| said.authorised.attestation(said.repository.as_str(), self.now);
        let (upstream, site) = (chosen.upstream.as_ref().map(attest), chosen.site.as_ref().map(attest));
        policy.decide(&Facts {
            stage: Stage::Install,
            id: &chosen.facts.id,
            version: &chosen.facts.version,
            sha256: main.target.digest,
            capabilities: &chosen.facts.capabilities,
            origin: Origin::Repository { upstream: upstream.as_ref(), site: site.as_ref() },
            before: before.map(|before| Before {
                version: &before.version,
                owner_keys: &before.owner_key_ids,
                capabilities: &before.capabilities,
            }),
            revoked,
            yanked: chosen.facts.yanked.as_ref().map(|yanked| yanked.reason.as_str()),
        })
    }
}

fn no_version(request: &Request, versions: &[Chosen]) -> Error {
    Error::NoVersion {
        id: request.id.to_string(),
        range: request.versions.as_ref().map(ToString::to_string),
        known: versions.iter().map(|chosen| chosen.facts.version.to_string()).collect(),
    }
}

/// The lock file with the changes in it.
pub(super) fn merged(plan: &Plan, now: &LockFile) -> LockFile {
    let mut lock = now.clone();
    if plan.is_locked {
        return lock;
    }
    for (name, repository) in &plan.repositories {
        let entry = lock.repositories.entry(name.clone()).or_insert_with(|| repository.clone());
        entry.floors = raised(entry.floors, repository.floors);
    }
    for change in &plan.changes {
        lock.plugins.insert(change.id.clone(), change.after.clone());
    }
    lock.tidy();
    lock
}
