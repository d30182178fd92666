//! Carrying a run out: round after round, each result written down before anything follows from it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use skywright_recipe_format::limits;
use skywright_recipe_format::plan::{Action, Conclusion, Outcome, OutputRef, Plan, StepResult, Value};
use skywright_state::Transaction;
use zeroize::Zeroizing;

use super::bounds::Bounds;
use super::change::PlannedRun;
use super::fault::Fault;
use super::installation::{HostPart, Installation, RunRecord, Secrets};
use super::redact::Redactor;
use super::remote::Hosts;
use crate::error::Error;
use crate::operation::{Operation, now_unix_ms};

/// How many names of steps a record of a run has.
const NAMED: usize = 100;

/// A run that this process carries out.
pub(super) struct Run<'a> {
    pub(super) operation: &'a Operation<'a>,
    pub(super) plan: &'a PlannedRun,
    pub(super) hosts: Hosts<'a>,
    pub(super) redactor: Redactor,
    known: Mutex<Known>,
}

/// What steps came to.
#[derive(Default)]
struct Known {
    results: Vec<StepResult>,
    secrets: BTreeMap<(String, String, String), Zeroizing<String>>,
}

/// What a step came to on a host, as it is written down, sealed.
#[derive(Serialize, Deserialize)]
pub(super) struct Ended {
    pub(super) result: StepResult,
    /// Of outputs that are secret.
    pub(super) secrets: BTreeMap<String, String>,
}

impl<'a> Run<'a> {
    pub(super) fn new(operation: &'a Operation<'a>, plan: &'a PlannedRun) -> Self {
        let redactor = Redactor::default();
        for secret in plan.secrets.values() {
            redactor.learn(secret);
        }
        Self { operation, plan, hosts: Hosts::new(operation.tenancy()), redactor, known: Mutex::default() }
    }

    pub(super) fn id(&self) -> String {
        self.operation.record().id.to_string()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a result in, so that what follows may use it.
    pub(super) fn learn(&self, ended: Ended) {
        let mut known = self.known();
        for (name, value) in ended.secrets {
            self.redactor.learn(&value);
            let key = (ended.result.step.clone(), ended.result.host.clone(), name);
            known.secrets.insert(key, Zeroizing::new(value));
        }
        known.results.push(ended.result);
    }

    /// What a step came to on a host.
    pub(super) fn result(&self, step: &str, host: &str) -> Option<StepResult> {
        self.known().results.iter().find(|own| own.step == step && own.host == host).cloned()
    }

    pub(super) fn resolve(&self, value: &Value) -> Result<Zeroizing<String>, Error> {
        match value {
            Value::Plain(text) => Ok(Zeroizing::new(text.clone())),
            // One that is not required, and was not given.
            Value::SecretParameter(name) => {
                Ok(Zeroizing::new(self.plan.secrets.get(name).cloned().unwrap_or_default()))
            }
            Value::Output(output) => self.output(output).ok_or_else(|| {
                let reason = format!("{}.{} of {} has no value", output.step, output.output, output.host);
                Fault::Bounds { feature: self.plan.feature.clone(), reason }.into()
            }),
        }
    }

    fn output(&self, output: &OutputRef) -> Option<Zeroizing<String>> {
        let known = self.known();
        let key = (output.step.clone(), output.host.clone(), output.output.clone());
        if let Some(secret) = known.secrets.get(&key) {
            return Some(secret.clone());
        }
        let mut of_step =
            known.results.iter().filter(|own| own.step == output.step && own.host == output.host);
        let pair = of_step.find_map(|own| own.outputs.iter().find(|pair| pair.key == output.output))?;
        Some(Zeroizing::new(pair.value.clone()))
    }

    /// Round after round, to the end.
    async fn rounds(&self) -> Result<(Conclusion, Vec<StepResult>), Error> {
        let plan = self.plan;
        let feature = self.operation.tenancy().feature(&plan.feature).await?;
        if feature.digest() != plan.digest {
            return Err(Fault::Replaced { feature: plan.feature.clone() }.into());
        }
        let mut bounds = Bounds::new(&plan.feature, feature.info(), &plan.request);
        let mut request = plan.request.clone();
        for round in 0..limits::ROUNDS {
            request.round = round;
            match feature.next(&request).await? {
                Plan::Done(end) => {
                    bounds.admit_end(&end)?;
                    return Ok((end, request.results));
                }
                Plan::Round(steps) => {
                    bounds.admit(&steps)?;
                    request.results.extend(self.round(&steps).await?);
                }
            }
        }
        Err(super::plan::endless(&plan.feature).into())
    }

    /// What is kept of it when it is over: where the feature is, and what it gives.
    async fn conclude(&self, end: &Conclusion, then: Transaction) -> Result<Transaction, Error> {
        let (plan, tenancy) = (self.plan, self.operation.tenancy());
        if plan.request.action == Action::Check {
            return Ok(then);
        }
        let has: BTreeSet<&str> = end.hosts_with_feature.iter().map(String::as_str).collect();
        let mut then = then;
        // What was there before is part of this one now, but for hosts that this run was not about.
        for found in tenancy.installations_of(&plan.feature, None).await? {
            if !plan.hosts.iter().any(|part| found.value.is_on(&part.name)) {
                continue;
            }
            let mut rest = found.value.clone();
            rest.hosts.retain(|part| !plan.hosts.iter().any(|own| own.name == part.name));
            let secrets = tenancy.secrets_of(&found)?;
            then = then.delete(found.key.clone());
            if !rest.hosts.is_empty() {
                let key = tenancy.installation_key(&plan.feature, &rest.hosts)?;
                rest.secrets = tenancy.seal_secrets(&key, &secrets)?;
                then = then.put_json(key, &rest)?;
            }
        }
        let hosts: Vec<HostPart> =
            plan.hosts.iter().filter(|part| has.contains(part.name.as_str())).cloned().collect();
        if hosts.is_empty() {
            return Ok(then);
        }
        let key = tenancy.installation_key(&plan.feature, &hosts)?;
        let mut secrets = Secrets { parameters: plan.secrets.clone(), outputs: BTreeMap::new() };
        let mut outputs = BTreeMap::new();
        for output in &end.outputs {
            let value = self.resolve(&output.value)?;
            let is_secret = match &output.value {
                Value::Plain(_) => false,
                Value::SecretParameter(_) => true,
                Value::Output(reference) => {
                    let key = (reference.step.clone(), reference.host.clone(), reference.output.clone());
                    self.known().secrets.contains_key(&key)
                }
            };
            match is_secret {
                true => secrets.outputs.insert(output.name.clone(), value.to_string()),
                false => outputs.insert(output.name.clone(), value.to_string()),
            };
        }
        let installation = Installation {
            feature: plan.feature.clone(),
            version: plan.version.clone(),
            digest: plan.digest.clone(),
            hosts,
            has_roles: plan.has_roles,
            arguments: plan.request.parameters.clone(),
            secret_outputs: secrets.outputs.keys().cloned().collect(),
            secrets: tenancy.seal_secrets(&key, &secrets)?,
            outputs,
            endpoints: end.endpoints.clone(),
            requires: plan.requires.clone(),
            conflicts: plan.conflicts.clone(),
            added_for: plan.added_for.clone(),
            installed_unix_ms: now_unix_ms(),
        };
        Ok(then.put_json(key, &installation)?)
    }

    /// Says how it went; what is there of an earlier attempt is written over.
    fn record(&self, phase: &str) -> RunRecord {
        let (plan, own) = (self.plan, self.operation.record());
        let on = super::TargetSpec {
            places: plan
                .hosts
                .iter()
                .map(|part| super::Place { host: part.name.clone(), roles: part.roles.clone() })
                .collect(),
        };
        let known = self.known();
        let named = |is: &dyn Fn(&StepResult) -> bool| -> Vec<String> {
            let all = known.results.iter().filter(|result| is(result));
            all.take(NAMED).map(|result| format!("{}@{}", result.step, result.host)).collect()
        };
        RunRecord {
            id: own.id.to_string(),
            feature: plan.feature.clone(),
            version: plan.version.clone(),
            action: plan.request.action,
            on: on.to_string(),
            phase: phase.to_owned(),
            started_unix_ms: own.started_unix_ms,
            ended_unix_ms: (phase != "running").then(now_unix_ms),
            steps: known.results.len(),
            changed: named(&|result| result.changed),
            changes: known.results.iter().filter(|result| result.changed).count(),
            failed: named(&|result| result.outcome == Outcome::Failed),
            hosts_with_feature: Vec::new(),
            summary: String::new(),
            endpoints: Vec::new(),
            failure: None,
            fingerprint: plan.fingerprint.clone(),
        }
    }

    /// Writes down how far it is, for `feature history`.
    pub(super) async fn note(&self, phase: &str, failure: Option<String>) -> Result<(), Error> {
        let record = RunRecord { failure, ..self.record(phase) };
        let tenancy = self.operation.tenancy();
        let key = tenancy.runs_key()?.child(&record.id)?;
        tenancy.store().commit(self.operation.transaction().put_json(key, &record)?).await?;
        Ok(())
    }

    /// Takes off the hosts what they kept for this run alone. One that cannot be reached keeps it; that harms
    /// nobody.
    pub(super) async fn clean(&self) {
        use futures_util::StreamExt as _;
        let id = self.id();
        let hosts: BTreeSet<&str> = self
            .plan
            .hosts
            .iter()
            .map(|part| part.name.as_str())
            .chain(self.plan.edges.iter().map(String::as_str))
            .collect();
        let all: Vec<_> = hosts.into_iter().map(|host| self.hosts.forget(host, &id)).collect();
        let all = futures_util::stream::iter(all).buffer_unordered(64);
        let failed: Vec<_> = all.filter_map(|done| async { done.err() }).collect().await;
        for error in failed {
            tracing::info!(%error, "a host keeps what is no longer needed");
        }
        self.hosts.settle().await;
    }
}

impl PlannedRun {
    pub(crate) async fn execute(&self, operation: &Operation<'_>) -> Result<Transaction, Error> {
        let run = Run::new(operation, self);
        run.note("running", None).await?;
        let outcome = async {
            if self.is_idle {
                let end = Conclusion {
                    hosts_with_feature: self.hosts.iter().map(|part| part.name.clone()).collect(),
                    summary: "it is there; it may not be added twice".to_owned(),
                    outputs: Vec::new(),
                    endpoints: Vec::new(),
                };
                return Ok((end, Transaction::new()));
            }
            let (end, _) = run.rounds().await?;
            let then = run.conclude(&end, Transaction::new()).await?;
            Ok::<_, Error>((end, then))
        };
        match outcome.await {
            Ok((end, then)) => {
                run.clean().await;
                let record = RunRecord {
                    hosts_with_feature: end.hosts_with_feature,
                    summary: run.redactor.redact(&skywright_runtime::printable(&end.summary)),
                    endpoints: end.endpoints,
                    ..run.record("done")
                };
                let key = operation.tenancy().runs_key()?.child(&record.id)?;
                Ok(then.put_json(key, &record)?)
            }
            Err(error) => {
                run.hosts.settle().await;
                let _ = run.note("failed", Some(error.to_string())).await;
                Err(error)
            }
        }
    }
}
