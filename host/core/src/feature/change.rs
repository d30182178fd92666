//! `feature add|check|remove|upgrade`: what is decided before anything runs.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use skywright_recipe_format::plan::{
    Action, Argument, HostView, InstalledFeature, KeyValue, Request, Requirement, Target,
};
use skywright_state::{Found, Key, LeaseRequest};
use zeroize::Zeroizing;

use super::argument::{Arguments, Given, arguments};
use super::fact;
use super::fault::{Fault, shown};
use super::guest::Feature;
use super::installation::{HostPart, Installation};
use super::plan::Planned;
use super::remote::Hosts;
use super::resolve;
use super::target::TargetSpec;
use crate::error::Error;
use crate::operation::Change;
use crate::resource::{HostBody, Plan, Record, SubnetBody};
use crate::tenancy::Tenancy;

/// How many hosts are asked at once what they are.
const AT_ONCE: usize = 64;

/// Adds, checks, removes or upgrades one feature.
#[derive(Debug, Clone)]
pub struct RunFeature {
    /// Its name or id.
    pub feature: String,
    /// What is to be done.
    pub action: Action,
    /// Where; where it is installed, if that is one place, by default.
    pub on: Option<TargetSpec>,
    /// What it is told.
    pub given: Vec<Given>,
    /// The feature that it is added for, if nobody asked for it alone.
    pub added_for: Option<String>,
    /// The plan that somebody reviewed: another one is refused.
    pub reviewed: Option<Planned>,
    /// Whether a failure leaves what was done.
    pub keep_on_failure: bool,
}

/// A run, decided: what the feature is asked, and what it may not see. It is kept sealed.
#[derive(Debug, Serialize, Deserialize)]
pub struct PlannedRun {
    pub(super) feature: String,
    pub(super) digest: String,
    pub(super) version: String,
    pub(super) request: Request,
    pub(super) secrets: BTreeMap<String, String>,
    pub(super) hosts: Vec<HostPart>,
    pub(super) has_roles: bool,
    pub(super) requires: Vec<Requirement>,
    pub(super) conflicts: Vec<Requirement>,
    pub(super) added_for: Option<String>,
    pub(super) edges: Vec<String>,
    pub(super) fingerprint: String,
    /// Whether there is nothing to do: it may break if it is added again, and it is there.
    pub(super) is_idle: bool,
}

/// What is known before a feature is asked.
pub(super) struct Prepared {
    pub(super) feature: Arc<dyn Feature>,
    pub(super) request: Request,
    pub(super) secrets: BTreeMap<String, Zeroizing<String>>,
    pub(super) hosts: Vec<HostPart>,
}

#[async_trait]
impl Change for RunFeature {
    fn title(&self) -> String {
        let on = self.on.as_ref().map(|on| format!(" on {on}")).unwrap_or_default();
        format!("feature {} {}{on}", self.action.name(), shown(&self.feature))
    }

    fn fingerprint(&self) -> String {
        // What is given for secrets is where they are kept.
        let given: Vec<_> = self.given.iter().map(|own| (&own.feature, &own.name, &own.value)).collect();
        let all = (self.action, &self.feature, self.on.as_ref().map(ToString::to_string), given);
        crate::resource::fingerprint("feature", &all)
    }

    async fn leases(&self, tenancy: &Tenancy) -> Result<Vec<LeaseRequest>, Error> {
        let on = self.place(tenancy).await?;
        let mut leases = Vec::new();
        for place in &on.places {
            let record = tenancy.record::<HostBody>(&[&place.host]).await?;
            let own = Key::of(["tenants", tenancy.name(), "features-of", record.value.name.as_str()])?;
            // The host stays, and one run at a time is on it.
            leases.push(LeaseRequest::shared(record.key));
            leases.push(LeaseRequest::exclusive(own));
        }
        Ok(leases)
    }

    fn keep_on_failure(&self) -> bool {
        self.keep_on_failure
    }

    async fn plan(&self, tenancy: &Tenancy) -> Result<Plan, Error> {
        let prepared = self.prepare(tenancy, &[]).await?;
        if let Some(reviewed) = &self.reviewed {
            let now = super::plan::planned(&prepared).await?;
            reviewed.hold_against(&now)?;
        }
        let Prepared { feature, request, secrets, hosts } = prepared;
        let info = feature.info();
        let is_once = info.idempotence == skywright_recipe_format::Idempotence::Once;
        let is_idle = is_once
            && self.action == Action::Add
            && request.target.hosts.iter().all(|host| host.installed.is_some());
        Ok(Plan::RunFeature(Box::new(PlannedRun {
            feature: feature.id().to_owned(),
            digest: feature.digest().to_owned(),
            version: info.version.clone(),
            secrets: secrets.into_iter().map(|(name, value)| (name, value.to_string())).collect(),
            hosts,
            has_roles: !info.roles.is_empty(),
            requires: info.requires.clone(),
            conflicts: info.conflicts.clone(),
            added_for: self.added_for.clone(),
            edges: self.edges(tenancy).await?,
            fingerprint: self.fingerprint(),
            request,
            is_idle,
        })))
    }
}

impl RunFeature {
    /// Where it is, or shall be.
    async fn place(&self, tenancy: &Tenancy) -> Result<TargetSpec, Error> {
        match (&self.on, self.action) {
            (Some(on), _) => Ok(on.clone()),
            (None, Action::Add) => {
                let reason = "say where: --on HOST, or --on a:manager,b:worker".to_owned();
                Err(Error::Invalid { what: self.title(), reason })
            }
            (None, _) => Ok(tenancy.installation(&self.feature, None).await?.value.spec()),
        }
    }

    /// Asks hosts and state everything that the feature is told, and holds against it what speaks against it.
    /// `assumed` are features that will be there by then.
    pub(super) async fn prepare(
        &self,
        tenancy: &Tenancy,
        assumed: &[Installation],
    ) -> Result<Prepared, Error> {
        let feature = tenancy.feature(&self.feature).await?;
        let (id, info) = (feature.id().to_owned(), feature.info());
        Tenancy::check_action(info, &id, self.action)?;
        let spec = self.place(tenancy).await?;
        let found = tenancy.installations().await?;
        let own: Vec<&Found<Installation>> = found.iter().filter(|one| one.value.feature == id).collect();
        let mut records = Vec::new();
        let mut hosts = Vec::new();
        for place in &spec.places {
            let record = tenancy.record::<HostBody>(&[&place.host]).await?.value;
            let name = record.name.to_string();
            let cloud_id = record.ready_id()?.to_owned();
            let known = own.iter().flat_map(|one| &one.value.hosts).find(|part| part.name == name);
            let roles = match (place.roles.is_empty(), known) {
                (true, Some(known)) => known.roles.clone(),
                _ => place.roles.clone(),
            };
            hosts.push(HostPart { name, cloud_id, roles });
            records.push(record);
        }
        if !info.roles.is_empty() {
            whole(&id, self.action, &hosts, &own)?;
        }
        let there: Vec<Installation> =
            found.iter().map(|one| one.value.clone()).chain(assumed.iter().cloned()).collect();
        match self.action {
            Action::Add | Action::Upgrade => {
                resolve::check(&id, &info.version, &info.requires, &info.conflicts, &hosts, &there)?;
            }
            Action::Remove => resolve::check_unneeded(&id, &hosts, &there)?,
            Action::Check => {}
        }
        let before = own.iter().find(|one| hosts.iter().any(|part| one.value.is_on(&part.name)));
        if before.is_none() && matches!(self.action, Action::Remove | Action::Upgrade) {
            return Err(Fault::Absent { feature: id, target: spec.to_string() }.into());
        }
        let before = before.map(|found| known_arguments(tenancy, found)).transpose()?;
        // What was asked for by this command is meant by a parameter without a feature.
        let is_named = self.added_for.is_none();
        let Arguments { arguments, secrets } =
            arguments(&id, info, &self.given, is_named, before.as_ref()).await?;
        let target = target(tenancy, &records, &hosts, &own, &there, &id).await?;
        let request =
            Request { action: self.action, target, parameters: arguments, round: 0, results: Vec::new() };
        let findings = feature.validate(&request).await?;
        if !findings.is_empty() {
            let findings = findings.iter().map(|finding| shown(&finding.to_string())).collect();
            return Err(Fault::Refused { feature: id, findings }.into());
        }
        Ok(Prepared { feature, request, secrets, hosts })
    }

    /// The hosts that lead requests to published services.
    async fn edges(&self, tenancy: &Tenancy) -> Result<Vec<String>, Error> {
        let found = tenancy.installations_of("edge-proxy", None).await?;
        Ok(found.into_iter().flat_map(|one| one.value.hosts).map(|part| part.name).collect())
    }
}

/// What plays parts is one thing on all its hosts: it may grow, and is otherwise taken as a whole.
fn whole(id: &str, action: Action, hosts: &[HostPart], own: &[&Found<Installation>]) -> Result<(), Error> {
    let touched = own.iter().filter(|one| hosts.iter().any(|part| one.value.is_on(&part.name)));
    for one in touched {
        let missing = one.value.hosts.iter().find(|part| !hosts.iter().any(|own| own.name == part.name));
        if let Some(part) = missing {
            let (on, word) = (one.value.spec(), action.name());
            let findings = vec![format!("{} is part of it as well; {word} it --on {on}", part.name)];
            return Err(Fault::Refused { feature: id.to_owned(), findings }.into());
        }
    }
    Ok(())
}

/// What an installation was told when it was made.
fn known_arguments(tenancy: &Tenancy, found: &Found<Installation>) -> Result<Arguments, Error> {
    let secrets = tenancy.secrets_of(found)?.parameters;
    let arguments: Vec<Argument> = found.value.arguments.clone();
    let secrets = secrets.into_iter().map(|(name, value)| (name, Zeroizing::new(value))).collect();
    Ok(Arguments { arguments, secrets })
}

async fn target(
    tenancy: &Tenancy,
    records: &[Record<HostBody>],
    hosts: &[HostPart],
    own: &[&Found<Installation>],
    there: &[Installation],
    id: &str,
) -> Result<Target, Error> {
    let remote = Hosts::new(tenancy);
    let asked: Vec<_> = records.iter().map(|record| fact::view(&remote, record)).collect();
    let mut views: Vec<HostView> = stream::iter(asked).buffered(AT_ONCE).try_collect().await?;
    for (view, part) in views.iter_mut().zip(hosts) {
        view.roles = if part.roles.is_empty() { vec!["host".to_owned()] } else { part.roles.clone() };
        view.installed =
            own.iter().find(|one| one.value.is_on(&part.name)).map(|one| one.value.version.clone());
    }
    let mut target = Target { name: target_name(hosts), hosts: views, ..Target::default() };
    let first = records.first();
    if let Some(at) = first.and_then(|record| record.body.subnets.first()) {
        let subnet = tenancy.record::<SubnetBody>(&[at.network.as_str(), at.name.as_str()]).await?.value;
        target.cidr = Some(subnet.body.cidr.to_string());
        for gateway in &subnet.body.gateways {
            let gateway = tenancy.record::<HostBody>(&[gateway.as_str()]).await?.value;
            target.gateways.push(fact::recorded(&gateway));
        }
    }
    let public =
        |view: &HostView| view.public_address.clone().unwrap_or_else(|| view.private_address.clone());
    target.endpoint = target.gateways.first().or(target.hosts.first()).map(public);
    target.default_route = target.gateways.first().map(|gateway| gateway.private_address.clone());
    let others = there.iter().filter(|one| one.feature != id);
    target.features = others
        .filter(|one| hosts.iter().any(|part| one.is_on(&part.name)))
        .map(|one| InstalledFeature {
            feature: one.feature.rsplit('/').next().unwrap_or_default().to_owned(),
            version: one.version.clone(),
            outputs: one
                .outputs
                .iter()
                .map(|(key, value)| KeyValue { key: key.clone(), value: value.clone() })
                .collect(),
        })
        .collect();
    Ok(target)
}

/// A host's own name, or the names of several.
fn target_name(hosts: &[HostPart]) -> String {
    let names: Vec<&str> = hosts.iter().map(|part| part.name.as_str()).collect();
    names.join("-").chars().take(63).collect()
}

impl PlannedRun {
    pub(crate) fn is_reversible(&self) -> bool {
        self.request.action != Action::Check
    }
}
