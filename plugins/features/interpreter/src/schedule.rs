//! Which steps come in which round.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use skywright_recipe_format::plan::{Action, StepResult};
use skywright_recipe_format::{Bundle, OnFailure, Step, TargetCount, Targets, Work};

use crate::refusal::Refusal;

/// The steps of an action, those of its rules among them, by level: a level is planned when all before it
/// are finished.
pub(crate) struct Schedule<'a> {
    levels: Vec<Vec<Cow<'a, Step>>>,
}

impl<'a> Schedule<'a> {
    /// Of an action that the bundle's findings have nothing against.
    pub(crate) fn new(bundle: &'a Bundle, action: Action) -> Result<Self, Refusal> {
        let own = bundle.recipe.action(action).ok_or(Refusal::NoAction(action.name()))?;
        let level_of = levels(&own.steps);
        let last = level_of.values().copied().max().unwrap_or(0);
        let mut levels: Vec<Vec<Cow<'a, Step>>> = Vec::new();
        levels.resize_with(last + 1, Vec::new);
        for step in &own.steps {
            let level = level_of.get(step.id.as_str()).copied().unwrap_or(0);
            if let Some(steps) = levels.get_mut(level) {
                steps.push(Cow::Borrowed(step));
            }
        }
        let mut schedule = Self { levels };
        schedule.add_rules(bundle, action);
        Ok(schedule)
    }

    /// Ports are opened first and closed last; a service is published when it is there, and not any more before it goes.
    fn add_rules(&mut self, bundle: &Bundle, action: Action) {
        let present = match action {
            Action::Check => return,
            Action::Add | Action::Upgrade => true,
            Action::Remove => false,
        };
        let recipe = &bundle.recipe;
        let firewall = recipe.firewall.iter().map(|rule| {
            let work = |open| Work::Firewall(rule.work(open));
            rule_step(format!("firewall-{}", rule.name), rule.targets.clone(), work(present), work(!present))
        });
        let firewall: Vec<_> = firewall.map(Cow::Owned).collect();
        match self.levels.first_mut() {
            Some(first) if present => first.extend(firewall),
            // What is being taken away may still talk to its other hosts.
            _ if firewall.is_empty() => {}
            _ => self.levels.push(firewall),
        }
        let one = Targets::Hosts(TargetCount::One);
        let publish = recipe.publish.iter().map(|rule| {
            let work = |present| Work::Publish(rule.work(present));
            rule_step(format!("publish-{}", rule.name), one.clone(), work(present), work(!present))
        });
        let publish: Vec<_> = publish.map(Cow::Owned).collect();
        if publish.is_empty() {
            return;
        }
        let at = if present { self.levels.len() } else { 0 };
        self.levels.insert(at, publish);
    }

    /// The levels that are not begun yet: those behind the last one that has a result.
    pub(crate) fn left(&self, results: &[StepResult]) -> &[Vec<Cow<'a, Step>>] {
        let done: BTreeSet<&str> = results.iter().map(|result| result.step.as_str()).collect();
        let begun =
            self.levels.iter().rposition(|level| level.iter().any(|step| done.contains(step.id.as_str())));
        self.levels.get(begun.map_or(0, |level| level + 1)..).unwrap_or_default()
    }

    /// A step of any level.
    pub(crate) fn step(&self, id: &str) -> Option<&Step> {
        self.levels.iter().flatten().map(AsRef::as_ref).find(|step| step.id == id)
    }
}

fn rule_step(id: String, targets: Targets, work: Work, undo: Work) -> Step {
    Step {
        id,
        title: None,
        targets,
        when: None,
        needs: Vec::new(),
        reads: Vec::new(),
        when_changed: Vec::new(),
        at_once: None,
        timeout_s: 120,
        tries: 2,
        retry_after_s: 5,
        on_failure: OnFailure::Undo,
        outputs: BTreeMap::new(),
        work,
        undo: Some(undo),
    }
}

/// Each step's level: as that of the latest step that it needs, and behind those that it reads.
fn levels(steps: &[Step]) -> BTreeMap<&str, usize> {
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    let mut open: Vec<&Step> = steps.iter().collect();
    while !open.is_empty() {
        let before = open.len();
        open.retain(|step| {
            let same = step.needs.iter().chain(&step.when_changed).map(|id| known.get(id.as_str()).copied());
            let behind = step.reads.iter().map(|id| known.get(id.as_str()).map(|level| level + 1));
            let level = same.chain(behind).try_fold(0, |most, level| level.map(|level| most.max(level)));
            if let Some(level) = level {
                known.insert(&step.id, level);
            }
            level.is_none()
        });
        // A circle; the findings would have named it.
        if open.len() == before {
            break;
        }
    }
    known
}
