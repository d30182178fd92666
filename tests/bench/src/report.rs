//! Figures, the goal of each, and whether it is met.

use std::io::Write;

use serde_json::json;

use crate::Outcome;

/// Every figure of a run.
#[derive(Default)]
pub(crate) struct Report {
    figures: Vec<Figure>,
}

struct Figure {
    name: &'static str,
    value: f64,
    unit: &'static str,
    /// At most this; `None` where there is no goal.
    goal: Option<f64>,
    /// What it was made of.
    parts: String,
}

impl Report {
    pub(crate) fn add(
        &mut self,
        name: &'static str,
        value: f64,
        unit: &'static str,
        goal: Option<f64>,
        parts: String,
    ) {
        self.figures.push(Figure { name, value, unit, goal, parts });
    }

    pub(crate) fn met(&self) -> bool {
        self.figures.iter().all(|figure| figure.goal.is_none_or(|goal| figure.value <= goal))
    }

    pub(crate) fn print(&self) {
        let mut out = std::io::stdout().lock();
        for Figure { name, value, unit, goal, parts } in &self.figures {
            let goal = match goal {
                Some(goal) if value > goal => format!("MISSED, goal {goal}"),
                Some(goal) => format!("goal {goal}"),
                None => String::new(),
            };
            let _ = writeln!(out, "{name:<34} {value:>9.3} {unit:<4} {goal:<18} {parts}");
        }
    }

    pub(crate) fn to_json(&self) -> Outcome<String> {
        let figures: Vec<_> = self
            .figures
            .iter()
            .map(|f| json!({ "goal": f.goal, "name": f.name, "parts": f.parts, "unit": f.unit, "value": f.value }))
            .collect();
        Ok(serde_json::to_string_pretty(&json!({ "figures": figures, "version": 1 }))?)
    }
}

pub(crate) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "error: {text}");
}
