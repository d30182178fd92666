//! What a run would do, before it does it: every round, asked as if each step succeeded and changed something.

use serde::{Deserialize, Serialize};
use skywright_recipe_format::limits;
use skywright_recipe_format::plan::{Action, Argument, Conclusion, Plan, Step, Target};

use super::argument::Given;
use super::bounds::Bounds;
use super::change::{Prepared, RunFeature};
use super::fault::Fault;
use super::installation::Installation;
use super::resolve::Resolved;
use super::target::TargetSpec;
use crate::error::Error;
use crate::tenancy::Tenancy;

/// A feature's plan for hosts as they are. The same hosts, feature and parameters give the same plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planned {
    /// `publisher/name`.
    pub feature: String,
    /// Its version.
    pub version: String,
    /// Of its component.
    pub digest: String,
    /// What is to be done.
    pub action: Action,
    /// Where, with what was found there.
    pub target: Target,
    /// What it is told; secrets by name alone.
    pub parameters: Vec<Argument>,
    /// Round by round. What a later one takes from results stands there as `«output»`.
    pub rounds: Vec<Vec<Step>>,
    /// How it would end.
    pub end: Conclusion,
}

/// A plan, and where in the order of a command's features it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFeature {
    /// Where, as `--on` takes it.
    pub on: TargetSpec,
    /// The feature that it is added for, if nobody asked for it alone.
    pub added_for: Option<String>,
    /// What would be done.
    pub plan: Planned,
}

impl Planned {
    /// Refuses another plan than this one.
    pub(super) fn hold_against(&self, now: &Self) -> Result<(), Error> {
        let mut different = Vec::new();
        let mut look = |is_same: bool, what: &str| {
            if !is_same {
                different.push(what.to_owned());
            }
        };
        look(self.feature == now.feature && self.action == now.action, "another feature or action");
        look(self.digest == now.digest, "the feature has changed");
        look(self.parameters == now.parameters, "the parameters are others");
        for host in &now.target.hosts {
            let before = self.target.hosts.iter().find(|own| own.id == host.id);
            look(before == Some(host), &format!("what is known of {} has changed", host.name));
        }
        // What another feature gives is not known before it is there; where it matters the steps are others.
        let frame = |target: &Target| {
            let mut target = target.clone();
            target.hosts.clear();
            target.features.iter_mut().for_each(|feature| feature.outputs.clear());
            target
        };
        let is_same = frame(&self.target) == frame(&now.target);
        look(is_same && self.target.hosts.len() == now.target.hosts.len(), "the target has changed");
        look(self.rounds == now.rounds, "the steps are others");
        if different.is_empty() {
            return Ok(());
        }
        Err(Fault::Stale { what: different.join("; ") }.into())
    }
}

/// Asks for every round.
pub(super) async fn planned(prepared: &Prepared) -> Result<Planned, Error> {
    let (feature, mut request) = (&prepared.feature, prepared.request.clone());
    let mut bounds = Bounds::new(feature.id(), feature.info(), &prepared.request);
    let mut rounds = Vec::new();
    for _ in 0..limits::ROUNDS {
        match feature.next(&request).await? {
            Plan::Done(end) => {
                bounds.admit_end(&end)?;
                return Ok(Planned {
                    feature: feature.id().to_owned(),
                    version: feature.info().version.clone(),
                    digest: feature.digest().to_owned(),
                    action: request.action,
                    target: request.target,
                    parameters: request.parameters,
                    rounds,
                    end,
                });
            }
            Plan::Round(steps) => {
                bounds.admit(&steps)?;
                request.suppose_done(&steps, |name| format!("«{name}»"));
                rounds.push(steps);
            }
        }
    }
    Err(endless(feature.id()).into())
}

pub(super) fn endless(feature: &str) -> Fault {
    let reason = format!("it goes on for more than {} rounds", limits::ROUNDS);
    Fault::Bounds { feature: feature.to_owned(), reason }
}

impl Tenancy {
    /// What a command would do: the plan of each feature that it runs, in order. Hosts are asked what they are, and
    /// nothing is changed.
    ///
    /// # Errors
    ///
    /// Whatever speaks against it.
    pub async fn plan_features(
        &self,
        name: &str,
        action: Action,
        on: Option<&TargetSpec>,
        given: &[Given],
    ) -> Result<Vec<PlannedFeature>, Error> {
        let mut plans: Vec<PlannedFeature> = Vec::new();
        let mut assumed: Vec<Installation> = Vec::new();
        for run in self.feature_changes(name, action, on, given).await? {
            let prepared = run.prepare(self, &assumed).await?;
            let plan = planned(&prepared).await?;
            let info = prepared.feature.info();
            assumed.push(Installation {
                feature: plan.feature.clone(),
                version: plan.version.clone(),
                digest: plan.digest.clone(),
                hosts: prepared.hosts.clone(),
                has_roles: !info.roles.is_empty(),
                arguments: Vec::new(),
                secrets: None,
                outputs: Default::default(),
                secret_outputs: Vec::new(),
                endpoints: Vec::new(),
                requires: info.requires.clone(),
                conflicts: info.conflicts.clone(),
                added_for: run.added_for.clone(),
                installed_unix_ms: 0,
            });
            let places = prepared
                .hosts
                .iter()
                .map(|part| super::Place { host: part.name.clone(), roles: part.roles.clone() });
            let on = TargetSpec { places: places.collect() };
            plans.push(PlannedFeature { on, added_for: run.added_for, plan });
        }
        Ok(plans)
    }

    /// The changes that a command is made of: what a feature needs is added first.
    ///
    /// # Errors
    ///
    /// If a feature cannot be found, or a parameter is for one that has no part in it.
    pub async fn feature_changes(
        &self,
        name: &str,
        action: Action,
        on: Option<&TargetSpec>,
        given: &[Given],
    ) -> Result<Vec<RunFeature>, Error> {
        let order = match (action, on) {
            (Action::Add | Action::Upgrade, Some(on)) => self.resolve_feature(name, on).await?,
            _ => vec![Resolved {
                feature: self.feature(name).await?.id().to_owned(),
                on: TargetSpec { places: Vec::new() },
                added_for: None,
            }],
        };
        let ids = order.iter().map(|one| one.feature.as_str()).collect();
        super::argument::refuse_unknown(given, &ids)?;
        let last = order.len().saturating_sub(1);
        let changes = order.into_iter().enumerate().map(|(index, one)| RunFeature {
            feature: one.feature,
            action: if index == last { action } else { Action::Add },
            on: if one.on.places.is_empty() { on.cloned() } else { Some(one.on) },
            given: given.to_vec(),
            added_for: one.added_for,
            reviewed: None,
            keep_on_failure: false,
        });
        Ok(changes.collect())
    }
}
