//! Carrying out what was planned.

use jiff::Timestamp;
use skywright_contract::{Package, PluginId, check_claims};

use super::Installer;
use super::plan::{Change, Plan, merged};
use crate::audit_log::Outcome;
use crate::error::Error;
use crate::files;
use crate::installed::{Decided, role_versions};
use crate::lock_file::{LockFile, LockFileStore, LockedPlugin, LockedRepository};
use crate::policy::{Decision, Policy, Reason};
use crate::standing::Standing;

impl Installer<'_> {
    /// Carries a plan out: fetches what is missing, checks it, and pins it. `yes` is the answer to what needs one.
    /// Gives what people should know all the same.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] for what is denied, or needs a yes and has none; [`Error::Changed`] if somebody
    /// else changed the same plugins since it was planned; [`Error::Busy`]; whatever keeps it from being fetched or
    /// written. What was installed before still is.
    pub async fn apply(&mut self, plan: &Plan, yes: bool) -> Result<Vec<String>, Error> {
        let mut warnings = Vec::new();
        for change in &plan.changes {
            self.check(plan, change, yes, &mut warnings)?;
        }
        let places = self.installed.places();
        let _held = files::hold(&places.install_lock(), self.options.patience)?;
        let store = LockFileStore::new(places.lock_file());
        let now = store.read()?;
        for change in &plan.changes {
            if now.lock.plugins.get(&change.id) != plan.snapshot.lock.plugins.get(&change.id) {
                return Err(Error::Changed { path: store.path().to_owned() });
            }
        }
        for change in &plan.changes {
            self.fetch(change).await?;
        }
        self.authorise(plan)?;
        let lock = merged(plan, &now.lock);
        for change in &plan.changes {
            self.record(plan, change, outcome(&change.decision), &[], &mut warnings)?;
        }
        if lock != now.lock {
            self.keep_previous(&plan.changes, &now.lock)?;
            store.replace(&now, &lock)?;
        }
        Ok(warnings)
    }

    /// Fails, and writes down that it did, unless the change is allowed.
    fn check(
        &self,
        plan: &Plan,
        change: &Change,
        yes: bool,
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let reasons = match &change.decision {
            Decision::Deny(reasons) => reasons,
            Decision::NeedsYes(reasons) if !yes => reasons,
            _ => return Ok(()),
        };
        self.record(plan, change, Outcome::Denied, reasons, warnings)?;
        let plugin = format!("{} {}", change.id, change.after.version);
        Err(Error::Refused { plugin, reasons: reasons.clone() })
    }

    /// Has component and SBOM in the content store, and holds the component against what was signed of it.
    async fn fetch(&mut self, change: &Change) -> Result<(), Error> {
        let said = change.said.first().ok_or(Error::NotRefreshed)?;
        let repository = said.repository.clone();
        let bytes = self.at_hand(&repository, &change.component).await?;
        let wrong = |source| Error::Package { path: change.component.path.as_str().into(), source };
        let package = Package::read(&bytes).map_err(wrong)?;
        check_claims(&package).map_err(wrong)?;
        if let Some(field) = change.component.facts()?.difference(&package.manifest) {
            return Err(Error::Metadata {
                what: change.component.path.to_string(),
                reason: format!("its manifest has another {field} than its publisher signed"),
            });
        }
        self.at_hand(&repository, &change.bill).await.map(drop)
    }

    /// Writes down what the repositories say of what is about to be pinned.
    fn authorise(&self, plan: &Plan) -> Result<(), Error> {
        for said in plan.changes.iter().flat_map(|change| &change.said) {
            let folder = self.installed.places().repository(&said.repository);
            Standing::authorise(&folder, said.repository.as_str(), &said.target.path, &said.authorised)?;
        }
        Ok(())
    }

    /// Keeps what is pinned now, so that there is a way back.
    fn keep_previous(&self, changes: &[Change], now: &LockFile) -> Result<(), Error> {
        let store = LockFileStore::new(self.installed.places().previous_lock_file());
        // What cannot be read any more is no way back.
        let Ok(before) = store.read() else { return Ok(()) };
        let mut previous = before.lock.clone();
        for change in changes {
            let Some(pinned) = now.plugins.get(&change.id) else { continue };
            if pinned.version != change.after.version {
                previous.plugins.insert(change.id.clone(), pinned.clone());
            }
        }
        complete(&mut previous, now);
        store.replace(&before, &previous).map(drop)
    }

    fn record(
        &self,
        plan: &Plan,
        change: &Change,
        outcome: Outcome,
        denied: &[Reason],
        warnings: &mut Vec<String>,
    ) -> Result<(), Error> {
        let action = if change.before.is_some() { "update" } else { "install" };
        let mut decided = Decided::new(action, &change.id, &change.after.version, change.after.sha256);
        decided.path = change.after.path.to_string();
        decided.repository = Some(change.after.repository.clone());
        for said in &change.said {
            if let Ok(Some(standing)) = Standing::read(&self.installed.places().repository(&said.repository))
            {
                decided.role_versions.extend(role_versions(said.repository.as_str(), &standing));
            }
        }
        decided.key_ids = change.after.signer_key_ids.clone();
        decided.outcome = outcome;
        let confirmed = match &change.decision {
            Decision::NeedsYes(reasons) => reasons.as_slice(),
            _ => &[],
        };
        let reasons = if denied.is_empty() { confirmed } else { denied };
        decided.reasons = reasons.iter().map(ToString::to_string).collect();
        decided.record(self.installed.places(), &plan.policy, self.now, warnings)
    }
}

fn outcome(decision: &Decision) -> Outcome {
    match decision {
        Decision::NeedsYes(_) => Outcome::Confirmed,
        _ => Outcome::Allowed,
    }
}

/// Adds the repositories that the plugins of a lock file are from.
fn complete(lock: &mut LockFile, from: &LockFile) {
    let names: Vec<_> = lock
        .plugins
        .values()
        .flat_map(|it| [Some(it.repository.clone()), it.site.clone()])
        .flatten()
        .collect();
    for name in names {
        if let Some(repository) = from.repositories.get(&name) {
            let repository: LockedRepository = repository.clone();
            lock.repositories.insert(name, repository);
        }
    }
    lock.tidy();
}

/// Takes a plugin out of the lock file. Its bytes stay in the content store: another lock file may pin them,
/// and it can be installed again without a network.
///
/// # Errors
///
/// [`Error::NotInstalled`], and whatever keeps it from being written.
pub fn remove(
    installed: &crate::Installed,
    id: &PluginId,
    now: Timestamp,
    patience: std::time::Duration,
) -> Result<(LockedPlugin, Vec<String>), Error> {
    let places = installed.places();
    let policy = Policy::read(&places.trust_file())?;
    let _held = files::hold(&places.install_lock(), patience)?;
    let store = LockFileStore::new(places.lock_file());
    let before = store.read()?;
    let mut lock = before.lock.clone();
    let removed = lock.plugins.remove(id).ok_or_else(|| Error::NotInstalled { id: id.to_string() })?;
    lock.tidy();
    let mut decided = Decided::new("remove", id, &removed.version, removed.sha256);
    decided.path = removed.path.to_string();
    decided.repository = Some(removed.repository.clone());
    decided.key_ids = removed.signer_key_ids.clone();
    let mut warnings = Vec::new();
    decided.record(places, &policy, now, &mut warnings)?;
    store.replace(&before, &lock)?;
    Ok((removed, warnings))
}
