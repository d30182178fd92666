//! From a request to the next round, or to how it ended.

use std::collections::{BTreeMap, BTreeSet};

use skywright_recipe_format::plan::{
    self, Action, Assignment, DeclaredOutput, HostView, Plan, Request, StepResult,
};
use skywright_recipe_format::{
    Bundle, OnFailure, OutputRef, Step, TargetCount, Targets, Text, Value, Work, limits,
};
use tera::Context;

use crate::conclusion;
use crate::context::Variables;
use crate::fragment::Fragment;
use crate::refusal::{Refusal, check_size};
use crate::render::Renderer;
use crate::schedule::Schedule;

/// What a recipe does next. The bundle's findings are expected to be empty.
///
/// # Errors
///
/// [`Refusal`]: the action is none of the recipe's, a template does not render, or something is more than
/// [`limits`] allow.
pub fn next(bundle: &Bundle, request: &Request) -> Result<Plan, Refusal> {
    check_size(request.target.hosts.len(), request.round)?;
    let schedule = Schedule::new(bundle, request.action)?;
    let renderer = Renderer::new(bundle, request.action)?;
    let variables = Variables::new(bundle, request, &request.results)?;
    let engine = Engine { request, schedule: &schedule, renderer: &renderer, variables: &variables };
    for level in schedule.left(&request.results) {
        let steps: Vec<&Step> = level.iter().map(AsRef::as_ref).collect();
        let round = engine.round(&steps)?;
        if !round.is_empty() {
            return Ok(Plan::Round(round));
        }
    }
    conclusion::conclude(bundle, request, &renderer, &variables).map(Plan::Done)
}

struct Engine<'a> {
    request: &'a Request,
    schedule: &'a Schedule<'a>,
    renderer: &'a Renderer,
    variables: &'a Variables,
}

impl<'a> Engine<'a> {
    /// The steps of a level that have hosts.
    fn round(&self, level: &[&Step]) -> Result<Vec<plan::Step>, Refusal> {
        let mut hosts: BTreeMap<&str, Vec<&'a HostView>> = BTreeMap::new();
        for step in level {
            let own = self.hosts(step)?;
            if !own.is_empty() {
                hosts.insert(&step.id, own);
            }
        }
        Refusal::at_most("steps of the round", hosts.len(), limits::STEPS_PER_ROUND)?;
        let finished: BTreeSet<&str> =
            self.request.results.iter().map(|result| result.step.as_str()).collect();
        drop_unchangeable(level, &mut hosts, &finished);
        let mut round = Vec::new();
        for step in level {
            let Some(own) = hosts.get(step.id.as_str()) else { continue };
            let when_changed = watched(step, &hosts, &finished).map(str::to_owned).collect();
            let needs = self.needs(step, &hosts);
            round.push(self.step(step, own, &hosts, needs, when_changed)?);
        }
        Ok(round)
    }

    /// The hosts of a step, in the target's order.
    fn hosts(&self, step: &Step) -> Result<Vec<&'a HostView>, Refusal> {
        let all = &self.request.target.hosts;
        let ids: BTreeSet<&str> = match &step.targets {
            Targets::Hosts(count) => playing(all, None, *count).collect(),
            Targets::Roles(roles) => {
                roles.iter().flat_map(|(role, count)| playing(all, Some(role), *count)).collect()
            }
        };
        let mut hosts: Vec<&HostView> = all.iter().filter(|host| ids.contains(host.id.as_str())).collect();
        let Some(when) = &step.when else { return Ok(hosts) };
        if !self.renderer.is_host_bound(Text::Condition(when)) {
            return Ok(if self.renderer.holds(when, self.variables.shared())? { hosts } else { Vec::new() });
        }
        let mut failed = None;
        hosts.retain(|host| {
            failed.is_none()
                && self.renderer.holds(when, &self.variables.of(&host.id)).unwrap_or_else(|refusal| {
                    failed = Some(refusal.for_host(&host.name));
                    false
                })
        });
        failed.map_or(Ok(hosts), Err)
    }

    /// The steps of this round that a step waits for; instead of one without hosts, those that that one waits
    /// for.
    fn needs(&self, step: &Step, hosts: &BTreeMap<&str, Vec<&HostView>>) -> Vec<String> {
        let mut needs = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut open: Vec<&str> = step.needs.iter().chain(&step.when_changed).map(String::as_str).collect();
        while let Some(id) = open.pop() {
            if hosts.contains_key(id) {
                needs.insert(id.to_owned());
            } else if seen.insert(id)
                && let Some(step) = self.schedule.step(id)
            {
                open.extend(step.needs.iter().chain(&step.when_changed).map(String::as_str));
            }
        }
        needs.into_iter().collect()
    }

    fn step(
        &self,
        step: &Step,
        own: &[&HostView],
        hosts: &BTreeMap<&str, Vec<&HostView>>,
        needs: Vec<String>,
        when_changed: Vec<String>,
    ) -> Result<plan::Step, Refusal> {
        let is_check = self.request.action == Action::Check;
        Ok(plan::Step {
            id: step.id.clone(),
            title: step.title.clone().unwrap_or_else(|| step.id.clone()),
            assignments: self.assignments(step, own, hosts)?,
            needs,
            at_once: step.at_once,
            timeout_ms: step.timeout_s.saturating_mul(1000),
            tries: step.tries,
            retry_after_ms: step.retry_after_s.saturating_mul(1000),
            on_failure: if is_check { OnFailure::Ignore } else { step.on_failure },
            when_changed,
            outputs: step
                .outputs
                .iter()
                .map(|(name, output)| DeclaredOutput { name: name.clone(), secret: output.secret })
                .collect(),
        })
    }

    /// The work for each host, hosts with the same work together.
    fn assignments(
        &self,
        step: &Step,
        own: &[&HostView],
        hosts: &BTreeMap<&str, Vec<&HostView>>,
    ) -> Result<Vec<Assignment>, Refusal> {
        let path = format!("{}: {}", self.request.action.name(), step.id);
        if !self.is_host_bound(step) {
            let ids = own.iter().map(|host| host.id.clone()).collect();
            let (work, undo) = self.rendered(&path, step, None, self.variables.shared(), hosts)?;
            return Ok(vec![Assignment { hosts: ids, work, undo }]);
        }
        let mut assignments: Vec<Assignment> = Vec::new();
        for host in own {
            let context = self.variables.of(&host.id);
            let (work, undo) = self
                .rendered(&path, step, Some(host), &context, hosts)
                .map_err(|refusal| refusal.for_host(&host.name))?;
            match assignments.iter_mut().find(|known| known.work == work && known.undo == undo) {
                Some(known) => known.hosts.push(host.id.clone()),
                None => assignments.push(Assignment { hosts: vec![host.id.clone()], work, undo }),
            }
        }
        Ok(assignments)
    }

    fn rendered(
        &self,
        path: &str,
        step: &Step,
        host: Option<&HostView>,
        context: &Context,
        hosts: &BTreeMap<&str, Vec<&HostView>>,
    ) -> Result<(plan::Work, Option<plan::Work>), Refusal> {
        let resolve = |place: &str, output: &OutputRef| self.resolve(place, output, host, hosts);
        let fragment = Fragment { renderer: self.renderer, context, resolve: &resolve };
        let work = fragment.work(&format!("{path}.do.{}", step.work.name()), &step.work)?;
        let undo =
            step.undo.as_ref().map(|undo| fragment.work(&format!("{path}.undo.{}", undo.name()), undo));
        Ok((work, undo.transpose()?))
    }

    /// Which host's output is meant: this one's own if it has it, else that of the one host that does.
    fn resolve(
        &self,
        place: &str,
        output: &OutputRef,
        host: Option<&HostView>,
        hosts: &BTreeMap<&str, Vec<&HostView>>,
    ) -> Result<plan::OutputRef, Refusal> {
        let gave = |result: &&StepResult| {
            result.step == output.step
                && (result.outputs.iter().any(|pair| pair.key == output.output)
                    || result.secret_outputs.contains(&output.output))
        };
        let mut giving: Vec<&str> =
            self.request.results.iter().filter(gave).map(|result| result.host.as_str()).collect();
        giving.extend(hosts.get(output.step.as_str()).into_iter().flatten().map(|host| host.id.as_str()));
        let own = host.filter(|host| giving.contains(&host.id.as_str())).map(|host| host.id.as_str());
        let source = match (own, giving.as_slice()) {
            (Some(own), _) => own,
            (None, [one]) => one,
            (None, several) => {
                let output = output.to_string();
                return Err(Refusal::Output { place: place.to_owned(), output, hosts: several.len() });
            }
        };
        Ok(plan::OutputRef {
            step: output.step.clone(),
            host: source.to_owned(),
            output: output.output.clone(),
        })
    }

    /// Whether the step's work can be another for each host.
    fn is_host_bound(&self, step: &Step) -> bool {
        let mut bound = [Some(&step.work), step.undo.as_ref()].into_iter().flatten().any(uses_output);
        step.texts(&step.id, &mut |_, text| {
            bound |= !matches!(text, Text::Condition(_)) && self.renderer.is_host_bound(text);
        });
        bound
    }
}

/// What a step watches and what runs in this round or has run.
fn watched<'s>(
    step: &'s Step,
    hosts: &BTreeMap<&str, Vec<&HostView>>,
    finished: &BTreeSet<&str>,
) -> impl Iterator<Item = &'s str> {
    let runs = |id: &&str| hosts.contains_key(id) || finished.contains(id);
    step.when_changed.iter().map(String::as_str).filter(runs)
}

/// Takes out the steps of which nothing runs that they watch, and then those that watched them alone.
fn drop_unchangeable(level: &[&Step], hosts: &mut BTreeMap<&str, Vec<&HostView>>, finished: &BTreeSet<&str>) {
    loop {
        let unchangeable: Vec<&str> = level
            .iter()
            .filter(|step| hosts.contains_key(step.id.as_str()) && !step.when_changed.is_empty())
            .filter(|step| watched(step, hosts, finished).next().is_none())
            .map(|step| step.id.as_str())
            .collect();
        if unchangeable.is_empty() {
            return;
        }
        hosts.retain(|id, _| !unchangeable.contains(id));
    }
}

/// The ids of the hosts that play a role, all of them or the first.
fn playing<'h>(
    hosts: &'h [HostView],
    role: Option<&'h str>,
    count: TargetCount,
) -> impl Iterator<Item = &'h str> {
    let most = match count {
        TargetCount::All => usize::MAX,
        TargetCount::One => 1,
        TargetCount::None => 0,
    };
    let plays = move |host: &&HostView| role.is_none_or(|role| host.roles.iter().any(|own| own == role));
    hosts.iter().filter(plays).take(most).map(|host| host.id.as_str())
}

fn uses_output(work: &Work) -> bool {
    match work {
        Work::Script(script) => script.environment.values().any(|value| matches!(value, Value::Output(_))),
        Work::File(file) => file.output.is_some(),
        _ => false,
    }
}
