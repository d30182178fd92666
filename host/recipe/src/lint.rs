//! What is better changed in a recipe, found by reading it and by rendering it for every system that it names.

mod rendered;
mod shellcheck;
mod written;

use std::collections::BTreeSet;
use std::fmt;

use serde::Serialize;
use skywright_recipe_format::plan::Action;

pub use shellcheck::ShellCheck;

use crate::preview::{End, Preview, preview};
use crate::sample::samples;
use crate::{Error, Planner, Source};

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It will fail, or harm.
    Error,
    /// It may be regretted.
    Warning,
}

/// One thing that is better changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Remark {
    /// How bad.
    pub severity: Severity,
    /// The rule's name, such as `pipe-to-shell`.
    pub rule: &'static str,
    /// The file, relative to the recipe's folder.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What.
    pub message: String,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.severity == Severity::Error { "error" } else { "warning" };
        write!(f, "{}:{}:{}: {severity}: {} [{}]", self.file, self.line, self.column, self.message, self.rule)
    }
}

/// What lint found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Sorted by file and place.
    pub remarks: Vec<Remark>,
    /// How many samples it was rendered for.
    pub samples: usize,
    /// How many scripts shellcheck read; `None` if it is not on this machine.
    pub shellchecked: Option<usize>,
}

impl Report {
    /// Whether nothing is an error.
    #[must_use]
    pub fn is_passed(&self) -> bool {
        self.remarks.iter().all(|remark| remark.severity != Severity::Error)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for remark in &self.remarks {
            writeln!(f, "{remark}")?;
        }
        let errors = self.remarks.iter().filter(|remark| remark.severity == Severity::Error).count();
        let warnings = self.remarks.len() - errors;
        write!(f, "{errors} errors, {warnings} warnings; rendered for {} samples; ", self.samples)?;
        match self.shellchecked {
            Some(scripts) => writeln!(f, "shellcheck read {scripts} scripts"),
            None => writeln!(f, "shellcheck is not here"),
        }
    }
}

/// Lints a recipe: `planner` asks it, `shellcheck` reads its scripts if it is there.
///
/// # Errors
///
/// [`Error::Planner`] if the recipe could not be asked. What is wrong with it is in the report.
pub fn lint(
    source: &Source,
    planner: &mut dyn Planner,
    shellcheck: Option<&ShellCheck>,
) -> Result<Report, Error> {
    let mut remarks = Remarks { source, all: BTreeSet::new() };
    written::read(&mut remarks);
    let samples = samples(&source.bundle.recipe);
    let mut previews = Vec::new();
    for sample in &samples {
        for action in Action::ALL {
            if source.bundle.recipe.action(action).is_none() {
                continue;
            }
            for finding in planner.validate(&sample.request(action))? {
                let message = format!("on {}: {finding}", sample.name);
                remarks.at(Severity::Warning, "sample", &finding.path, message);
            }
            previews.push(preview(planner, sample, action)?);
        }
    }
    for preview in &previews {
        refusal(&mut remarks, preview);
    }
    let scripts = rendered::read(&mut remarks, &previews);
    let shellchecked = shellcheck.map(|shellcheck| shellcheck.read(&mut remarks, &scripts)).transpose()?;
    let mut all: Vec<Remark> = remarks.all.into_iter().collect();
    all.sort_by(|one, other| {
        (&one.file, one.line, one.column, one.rule).cmp(&(&other.file, other.line, other.column, other.rule))
    });
    Ok(Report { remarks: all, samples: samples.len(), shellchecked })
}

/// A sample that has no plan. The same refusal of several samples is said once.
fn refusal(remarks: &mut Remarks<'_>, preview: &Preview) {
    let End::Refused(refused) = &preview.end else { return };
    let (place, message) = refused.message.split_once(": ").unwrap_or(("", &refused.message));
    let hint = refused.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    // Which host of the sample it was says nothing.
    let message = message.split(" (for the host").next().unwrap_or(message);
    let message = format!("{message}{hint}");
    let mut parts = place.rsplitn(3, ':');
    let (column, line, name) = (parts.next(), parts.next(), parts.next());
    match (name, line.and_then(|line| line.parse().ok()), column.and_then(|column| column.parse().ok())) {
        (Some(name), Some(line), Some(column)) if remarks.source.bundle.templates.contains_key(name) => {
            remarks.in_script(Severity::Error, "render", name, (line, column), message);
        }
        (Some(path), Some(_), Some(_)) => remarks.at(Severity::Error, "render", path, message),
        _ => remarks.at(Severity::Error, "render", place, format!("{place}: {message}")),
    }
}

/// Remarks while they are gathered, each once.
struct Remarks<'a> {
    source: &'a Source,
    all: BTreeSet<Remark>,
}

impl Remarks<'_> {
    /// About a place in recipe.yaml, by its keys.
    fn at(&mut self, severity: Severity, rule: &'static str, path: &str, message: impl Into<String>) {
        let mark = self.source.mark(path);
        let file = crate::RECIPE_FILE.to_owned();
        let message = printable(&message.into());
        self.all.insert(Remark { severity, rule, file, line: mark.line, column: mark.column, message });
    }

    /// About a line of a template.
    fn in_script(
        &mut self,
        severity: Severity,
        rule: &'static str,
        name: &str,
        (line, column): (usize, usize),
        message: impl Into<String>,
    ) {
        let file = self.source.template_path(name);
        let message = printable(&message.into());
        self.all.insert(Remark { severity, rule, file, line, column, message });
    }
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
