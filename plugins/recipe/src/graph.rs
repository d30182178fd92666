//! The order of an action's steps.

use std::collections::{BTreeMap, BTreeSet};

use crate::step::Step;

/// Steps by their ids. Of two with the same id the first counts.
pub(crate) struct Graph<'a> {
    steps: BTreeMap<&'a str, &'a Step>,
}

/// The steps that a step waits for.
fn before(step: &Step) -> impl Iterator<Item = &str> {
    step.needs.iter().chain(&step.reads).chain(&step.when_changed).map(String::as_str)
}

impl<'a> Graph<'a> {
    pub(crate) fn new(steps: &'a [Step]) -> Self {
        Self { steps: steps.iter().rev().map(|step| (step.id.as_str(), step)).collect() }
    }

    pub(crate) fn get(&self, id: &str) -> Option<&'a Step> {
        self.steps.get(id).copied()
    }

    /// Whether a step is finished before another begins.
    pub(crate) fn comes_first(&self, id: &str, step: &Step) -> bool {
        let mut open: Vec<&str> = before(step).collect();
        let mut seen = BTreeSet::new();
        while let Some(next) = open.pop() {
            if next == id {
                return true;
            }
            if seen.insert(next)
                && let Some(step) = self.get(next)
            {
                open.extend(before(step));
            }
        }
        false
    }

    /// Steps that wait for each other, or for such: none of them would ever begin.
    pub(crate) fn circle(&self) -> Vec<&'a str> {
        let mut waiting: BTreeMap<&str, usize> = BTreeMap::new();
        let mut behind: BTreeMap<&str, Vec<&'a str>> = BTreeMap::new();
        for (id, step) in &self.steps {
            let first: BTreeSet<&str> = before(step).filter(|other| self.steps.contains_key(other)).collect();
            waiting.insert(id, first.len());
            for other in first {
                behind.entry(other).or_default().push(id);
            }
        }
        let mut ready: Vec<&str> =
            waiting.iter().filter(|(_, count)| **count == 0).map(|(id, _)| *id).collect();
        let mut begun = BTreeSet::new();
        while let Some(id) = ready.pop() {
            begun.insert(id);
            for next in behind.get(id).into_iter().flatten() {
                if let Some(count) = waiting.get_mut(next) {
                    *count -= 1;
                    if *count == 0 {
                        ready.push(next);
                    }
                }
            }
        }
        self.steps.keys().copied().filter(|id| !begun.contains(id)).collect()
    }
}
