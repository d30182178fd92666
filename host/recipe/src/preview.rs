//! What a recipe would do, on targets that nobody has.

use std::fmt;

use serde::Serialize;
use skywright_recipe_format::limits;
use skywright_recipe_format::plan::{Action, Conclusion, Plan, Step, Value, Work};

use crate::Error;
use crate::planner::{Planner, Refused};
use crate::sample::Sample;

/// An action, asked round by round as if every step succeeded, changed something, and gave its outputs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Preview {
    /// The sample's name.
    pub sample: String,
    /// The action.
    pub action: Action,
    /// What was planned, round by round.
    pub rounds: Vec<Vec<Step>>,
    /// How it ended.
    pub end: End,
}

/// How a previewed action ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// As it should.
    Done(Conclusion),
    /// There was no plan.
    Refused(Refused),
}

/// Asks for an action on a sample.
///
/// # Errors
///
/// [`Error::Planner`] if the planner could not be asked. That a recipe refuses is an [`End`].
pub fn preview(planner: &mut dyn Planner, sample: &Sample, action: Action) -> Result<Preview, Error> {
    let mut request = sample.request(action);
    let mut preview =
        Preview { sample: sample.name.clone(), action, rounds: Vec::new(), end: End::Refused(endless()) };
    for _ in 0..limits::ROUNDS {
        match planner.next(&request)? {
            Err(refused) => {
                preview.end = End::Refused(refused);
                break;
            }
            Ok(Plan::Done(conclusion)) => {
                preview.end = End::Done(conclusion);
                break;
            }
            Ok(Plan::Round(steps)) => {
                request.suppose_done(&steps, |name| format!("sample-{name}"));
                preview.rounds.push(steps);
            }
        }
    }
    Ok(preview)
}

fn endless() -> Refused {
    Refused {
        code: "too-much".to_owned(),
        message: format!("it goes on for more than {} rounds", limits::ROUNDS),
        hint: None,
    }
}

/// Rounds for people: every step with its hosts and its work. Foreign text is made plain.
#[derive(Debug, Clone, Copy)]
pub struct Rounds<'a>(pub &'a [Vec<Step>]);

impl fmt::Display for Rounds<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, round) in self.0.iter().enumerate() {
            writeln!(f, "  round {}", index + 1)?;
            for step in round {
                write_step(f, step)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} on {}", self.action.name(), self.sample)?;
        write!(f, "{}", Rounds(&self.rounds))?;
        match &self.end {
            End::Done(done) => writeln!(f, "  done: {}", plain(&done.summary)),
            End::Refused(refused) => writeln!(f, "  refused ({}): {}", refused.code, plain(&refused.message)),
        }
    }
}

fn write_step(f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
    write!(f, "    {}: {}", step.id, plain(&step.title))?;
    if !step.needs.is_empty() {
        write!(f, " (after {})", step.needs.join(", "))?;
    }
    if !step.when_changed.is_empty() {
        write!(f, " (when {} changed)", step.when_changed.join(" or "))?;
    }
    writeln!(f)?;
    for assignment in &step.assignments {
        writeln!(f, "      on {}", plain(&assignment.hosts.join(", ")))?;
        for line in described(&assignment.work).lines() {
            writeln!(f, "        {}", plain(line))?;
        }
        if let Some(undo) = &assignment.undo {
            let undo = described(undo);
            writeln!(f, "        undo: {}", plain(undo.lines().next().unwrap_or_default()))?;
        }
    }
    Ok(())
}

/// Foreign text without what could garble a terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect()
}

/// What work does, in lines.
fn described(work: &Work) -> String {
    match work {
        Work::Script(script) => {
            let mut text = format!("script, read by {}", script.interpreter);
            let names: Vec<_> = script.environment.iter().map(|own| own.name.as_str()).collect();
            if !names.is_empty() {
                text.push_str(&format!(", with {}", names.join(", ")));
            }
            for (word, condition) in [("unless", &script.unless), ("creates", &script.creates)] {
                text.extend(condition.as_ref().map(|condition| format!("\n{word}: {condition}")));
            }
            format!("{text}\n{}", indented(&script.text))
        }
        Work::File(file) if !file.present => format!("no file {}", file.path),
        Work::File(file) => {
            let head = format!("file {} ({:04o} {}:{})", file.path, file.mode, file.owner, file.group);
            match &file.content {
                Value::Plain(text) => format!("{head}\n{}", indented(text)),
                Value::SecretParameter(name) => format!("{head}\n| the secret `{name}`"),
                Value::Output(output) => {
                    format!("{head}\n| the output {}.{} of {}", output.step, output.output, output.host)
                }
            }
        }
        Work::Packages(set) => {
            let mut lines: Vec<String> = set
                .sources
                .iter()
                .map(|source| format!("{} source {} at {}", source.kind, source.name, source.uri))
                .collect();
            lines.extend(set.packages.iter().map(|package| {
                let version =
                    package.version.as_ref().map(|version| format!("={version}")).unwrap_or_default();
                format!(
                    "{} {}{version}",
                    if package.present { "package" } else { "no package" },
                    package.name
                )
            }));
            lines.join("\n")
        }
        Work::Service(service) => {
            let enabled = service.enabled.map(|enabled| if enabled { " enabled" } else { " disabled" });
            let state = service.state.map(|state| format!(" {state:?}").to_lowercase());
            format!("service {}{}{}", service.name, enabled.unwrap_or_default(), state.unwrap_or_default())
        }
        Work::Firewall(rule) => {
            let ports: Vec<_> = rule
                .ports
                .iter()
                .map(|range| match range.first == range.last {
                    true => range.first.to_string(),
                    false => format!("{}-{}", range.first, range.last),
                })
                .collect();
            let sources =
                if rule.sources.is_empty() { "the target".to_owned() } else { rule.sources.join(", ") };
            let verb = if rule.open { "open" } else { "close" };
            format!("{verb} {:?} {} to {sources}", rule.protocol, ports.join(",")).to_lowercase()
        }
        Work::Publish(rule) => {
            let verb = if rule.present { "publish" } else { "unpublish" };
            format!("{verb} {} at {} to {}", rule.name, rule.path, rule.upstreams.join(", "))
        }
        Work::Wait(wait) => format!("wait for {:?}, at most {} s", wait.probe, wait.at_most_ms / 1000),
        Work::Reboot => "reboot".to_owned(),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("| {line}")).collect::<Vec<_>>().join("\n")
}
