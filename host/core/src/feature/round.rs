//! A round: its steps as a graph, each on its hosts.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use skywright_recipe_format::OnFailure;
use skywright_recipe_format::limits::OUTPUT_BYTES;
use skywright_recipe_format::plan::{Action, Assignment, KeyValue, Outcome, Step, StepResult, Work};

use super::fault::{Fault, shown};
use super::remote::{Answer, Frame, Way, call, way_back};
use super::run::{Ended, Run};
use crate::error::Error;
use crate::operation::BEGUN;
use crate::report::Step as Told;

/// On how many hosts a step is at once where it does not say.
const AT_ONCE: usize = 64;

/// That a step was begun on a host, and how it is taken back, as it is written down.
#[derive(Serialize, Deserialize)]
pub(super) struct Begun {
    pub(super) step: String,
    pub(super) host: String,
    /// Where it is done: a route is made where the edge proxy is.
    pub(super) places: Vec<String>,
    pub(super) way: Way,
    /// Of one try.
    pub(super) timeout_ms: u32,
}

/// The names of what is kept of a step on a host.
pub(super) fn begun_name(step: &str, host: &str) -> String {
    format!("{BEGUN}{step} {host}")
}

pub(super) fn ended_name(step: &str, host: &str) -> String {
    format!("ended {step} {host}")
}

/// How a step ended on all its hosts.
struct StepEnd<'s> {
    step: &'s Step,
    results: Vec<Result<StepResult, Error>>,
}

impl Run<'_> {
    /// Runs a round. The results are in the order of its steps and of the target's hosts, however they came.
    pub(super) async fn round(&self, steps: &[Step]) -> Result<Vec<StepResult>, Error> {
        let stopped = AtomicBool::new(false);
        let mut open: Vec<&Step> = steps.iter().collect();
        let own: BTreeSet<&str> = steps.iter().map(|step| step.id.as_str()).collect();
        let mut done: BTreeMap<&str, Vec<StepResult>> = BTreeMap::new();
        let mut running = FuturesUnordered::new();
        let mut failure: Option<Error> = None;
        loop {
            if failure.is_none() {
                let is_ready = |step: &&Step| {
                    let mut first = step.needs.iter().chain(&step.when_changed).map(String::as_str);
                    first.all(|id| !own.contains(id) || done.contains_key(id))
                };
                let (ready, rest): (Vec<&Step>, Vec<&Step>) = open.into_iter().partition(is_ready);
                open = rest;
                for step in ready {
                    let failed = self.failed_before(step, &done);
                    running.push(self.step(step, failed, &stopped));
                }
            }
            let Some(StepEnd { step, results }) = running.next().await else { break };
            let mut good = Vec::new();
            for result in results {
                match result {
                    Ok(result) => good.push(result),
                    // The first is why; others are what came of it.
                    Err(error) => failure = failure.or(Some(error)),
                }
            }
            done.insert(&step.id, good);
        }
        if let Some(error) = failure {
            return Err(error);
        }
        Ok(steps.iter().filter_map(|step| done.remove(step.id.as_str())).flatten().collect())
    }

    /// The hosts on which a step cannot be, since one that it needs failed and was to be ignored. A check looks at
    /// each host by itself; otherwise what failed somewhere has failed.
    fn failed_before(&self, step: &Step, done: &BTreeMap<&str, Vec<StepResult>>) -> BTreeSet<String> {
        let failed = step.needs.iter().filter_map(|id| done.get(id.as_str())).flatten();
        let failed: BTreeSet<String> =
            failed.filter(|own| own.outcome == Outcome::Failed).map(|own| own.host.clone()).collect();
        if failed.is_empty() || self.plan.request.action == Action::Check {
            return failed;
        }
        self.plan.hosts.iter().map(|part| part.name.clone()).collect()
    }

    async fn step<'s>(&self, step: &'s Step, failed: BTreeSet<String>, stopped: &AtomicBool) -> StepEnd<'s> {
        let order = &self.plan.request.target.hosts;
        let assigned =
            |host: &str| step.assignments.iter().find(|own| own.hosts.iter().any(|own| own == host));
        let work: Vec<(&str, &Assignment)> =
            order.iter().filter_map(|host| Some((host.id.as_str(), assigned(&host.id)?))).collect();
        let at_once = step.at_once.and_then(|count| usize::try_from(count).ok()).unwrap_or(AT_ONCE);
        let each = work.into_iter().map(|(host, assignment)| {
            let failed = &failed;
            async move {
                if stopped.load(Ordering::Relaxed) {
                    return None;
                }
                let result = match failed.contains(host) {
                    true => self.pass_over(step, host, Outcome::Failed).await,
                    false => self.on_host(step, host, assignment).await,
                };
                if result.is_err() {
                    stopped.store(true, Ordering::Relaxed);
                }
                Some(result)
            }
        });
        let results: Vec<_> = stream::iter(each).buffered(at_once.clamp(1, AT_ONCE)).collect().await;
        StepEnd { step, results: results.into_iter().flatten().collect() }
    }

    /// One step on one host: what it came to before, or what it comes to now.
    async fn on_host(&self, step: &Step, host: &str, assignment: &Assignment) -> Result<StepResult, Error> {
        if let Some(kept) = self.operation.kept(&ended_name(&step.id, host))? {
            let ended: Ended = serde_json::from_str(&kept)
                .map_err(|error| Error::Internal(format!("a result cannot be read: {error}")))?;
            let result = ended.result.clone();
            self.learn(ended);
            return Ok(result);
        }
        let changed = |id: &String| self.result(id, host).is_some_and(|own| own.changed);
        if !step.when_changed.is_empty() && !step.when_changed.iter().any(changed) {
            return self.pass_over(step, host, Outcome::Skipped).await;
        }
        let title = self.title(step, host);
        self.tell(&title, "running");
        let places = self.places(host, &assignment.work)?;
        self.begin(step, host, &places, assignment).await?;
        let mut answer = None;
        for attempt in 1..=step.tries {
            let tried = self.attempt(step, &places, assignment).await?;
            let is_well = tried.code == 0;
            answer = Some(tried);
            if is_well || attempt == step.tries {
                break;
            }
            self.tell(&title, &format!("failed; again in {} s", step.retry_after_ms / 1000));
            tokio::time::sleep(Duration::from_millis(u64::from(step.retry_after_ms))).await;
        }
        let answer = answer.ok_or_else(|| Error::Internal("a step without a try".to_owned()))?;
        self.end(step, host, answer).await
    }

    async fn end(&self, step: &Step, host: &str, answer: Answer) -> Result<StepResult, Error> {
        let title = self.title(step, host);
        if answer.code != 0 && step.on_failure != OnFailure::Ignore {
            self.tell(&title, "failed");
            return Err(Fault::Step {
                feature: self.plan.feature.clone(),
                step: step.id.clone(),
                host: host.to_owned(),
                reason: self.reason(&answer),
                stays: step.on_failure == OnFailure::Stop,
            }
            .into());
        }
        let ended = self.ended(step, host, &answer)?;
        let result = ended.result.clone();
        self.keep(&ended_name(&step.id, host), &ended).await?;
        self.learn(ended);
        let note = match (result.outcome, result.changed) {
            (Outcome::Failed, _) => "failed, and that is let be",
            (Outcome::Skipped, _) => "nothing to do",
            (Outcome::Succeeded, false) => "as it should be",
            (Outcome::Succeeded, true) => "done",
        };
        self.tell(&title, note);
        Ok(result)
    }

    /// Its exit status and the end of what it said.
    fn reason(&self, answer: &Answer) -> String {
        let said = self.redactor.redact(&answer.log);
        let lines: Vec<&str> = said.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
        let last: Vec<String> =
            lines.iter().rev().take(8).rev().map(|line| skywright_runtime::printable(line)).collect();
        match last.is_empty() {
            true => format!("exit status {}", answer.code),
            false => format!("exit status {}: {}", answer.code, last.join(" | ")),
        }
    }

    /// What is kept of an answer: outputs that the step declares, secret ones apart.
    fn ended(&self, step: &Step, host: &str, answer: &Answer) -> Result<Ended, Error> {
        let (mut outputs, mut secret_outputs, mut secrets) = (Vec::new(), Vec::new(), BTreeMap::new());
        for declared in &step.outputs {
            let Some(value) = answer.outputs.get(&declared.name) else { continue };
            if value.len() > OUTPUT_BYTES {
                let reason = format!("the output {}.{} has {} bytes", step.id, declared.name, value.len());
                return Err(Fault::Bounds { feature: self.plan.feature.clone(), reason }.into());
            }
            if declared.secret {
                secret_outputs.push(declared.name.clone());
                secrets.insert(declared.name.clone(), value.clone());
            } else {
                // A step that prints a secret by accident does not make it plain.
                let value = self.redactor.redact(value);
                outputs.push(KeyValue { key: declared.name.clone(), value });
            }
        }
        let result = StepResult {
            step: step.id.clone(),
            host: host.to_owned(),
            outcome: answer.outcome,
            exit_code: answer.code,
            // A check changes nothing, whatever its scripts forget to say.
            changed: answer.changed && answer.code == 0 && self.plan.request.action != Action::Check,
            outputs,
            secret_outputs,
        };
        Ok(Ended { result, secrets })
    }

    /// Writes down that a step is not run on a host.
    async fn pass_over(&self, step: &Step, host: &str, outcome: Outcome) -> Result<StepResult, Error> {
        let result = StepResult {
            step: step.id.clone(),
            host: host.to_owned(),
            outcome,
            exit_code: if outcome == Outcome::Failed { -1 } else { 0 },
            changed: false,
            outputs: Vec::new(),
            secret_outputs: Vec::new(),
        };
        let ended = Ended { result: result.clone(), secrets: BTreeMap::new() };
        self.keep(&ended_name(&step.id, host), &ended).await?;
        self.learn(ended);
        Ok(result)
    }

    async fn begin(&self, step: &Step, host: &str, places: &[String], own: &Assignment) -> Result<(), Error> {
        let begun = Begun {
            step: step.id.clone(),
            host: host.to_owned(),
            places: places.to_vec(),
            way: way_back(self.name(), &self.plan.request.target, &own.work, own.undo.as_ref()),
            timeout_ms: step.timeout_ms,
        };
        self.keep(&begun_name(&step.id, host), &begun).await
    }

    /// One try, in every place where it has to be done.
    async fn attempt(&self, step: &Step, places: &[String], own: &Assignment) -> Result<Answer, Error> {
        let limit = Duration::from_millis(u64::from(step.timeout_ms));
        let mut answer: Option<Answer> = None;
        for place in places {
            let next = match &own.work {
                Work::Reboot => self.reboot(step, place, limit).await?,
                work => self.perform(place, &step.id, work, limit).await?,
            };
            let is_well = next.code == 0;
            let changed = answer.as_ref().is_some_and(|before| before.changed) || next.changed;
            answer = Some(Answer { changed, ..next });
            if !is_well {
                break;
            }
        }
        answer.ok_or_else(|| Error::Internal("a step without a place".to_owned()))
    }

    /// Work on a host, by the name of a step or of what takes it back.
    pub(super) async fn perform(
        &self,
        host: &str,
        step: &str,
        work: &Work,
        limit: Duration,
    ) -> Result<Answer, Error> {
        let (run, target) = (self.id(), &self.plan.request.target);
        let frame = Frame { run: &run, step: step.to_owned(), limit, feature: self.name(), target };
        let call = call(frame, work, &|value| self.resolve(value))?;
        self.hosts.perform(host, &call).await
    }

    /// A host that was restarted since this was begun is not restarted again.
    async fn reboot(&self, step: &Step, host: &str, limit: Duration) -> Result<Answer, Error> {
        let name = format!("start {} {host}", step.id);
        let before = match self.operation.kept(&name)? {
            Some(before) => before.to_string(),
            None => {
                let now = self.hosts.start_of(host).await?;
                self.keep(&name, &now).await?;
                serde_json::to_string(&now).unwrap_or_default()
            }
        };
        let before: String = serde_json::from_str(&before).unwrap_or_default();
        self.hosts.reboot(host, &before, limit).await
    }

    /// Where a host's work is done.
    fn places(&self, host: &str, work: &Work) -> Result<Vec<String>, Error> {
        let Work::Publish(service) = work else { return Ok(vec![host.to_owned()]) };
        if self.plan.edges.is_empty() && service.present {
            return Err(Error::Unsupported {
                what: format!("publishing `{}` without an edge proxy", shown(&service.name)),
                hint: Some("`skywright feature add edge-proxy --on HOST` makes one".to_owned()),
            });
        }
        match self.plan.edges.is_empty() {
            true => Ok(vec![host.to_owned()]),
            false => Ok(self.plan.edges.clone()),
        }
    }

    /// The feature's own name, without its publisher.
    pub(super) fn name(&self) -> &str {
        self.plan.feature.rsplit('/').next().unwrap_or_default()
    }

    pub(super) async fn keep<T: Serialize>(&self, name: &str, value: &T) -> Result<(), Error> {
        let json = serde_json::to_string(value)
            .map_err(|error| Error::Internal(format!("a step cannot be written down: {error}")))?;
        self.operation.keep(name, || Ok(zeroize::Zeroizing::new(json))).await?;
        Ok(())
    }

    fn title(&self, step: &Step, host: &str) -> String {
        let title = if step.title.is_empty() { &step.id } else { &step.title };
        format!("{host}: {title}")
    }

    fn tell(&self, title: &str, note: &str) {
        self.operation.tenancy().report().step(&Told::new(title, note));
    }
}
