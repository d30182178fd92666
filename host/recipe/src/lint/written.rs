//! What is found by reading a recipe as it is written.

use std::collections::BTreeSet;

use regex_lite::Regex;
use skywright_recipe_format::plan::Action;
use skywright_recipe_format::{Idempotence, ParameterKind, Step, Text, Value, Work};

use super::{Remarks, Severity};

pub(super) fn read(remarks: &mut Remarks<'_>) {
    let source = remarks.source;
    let recipe = &source.bundle.recipe;
    if recipe.remove.is_none() {
        remarks.at(Severity::Warning, "no-remove", "add", "there is no `remove`: it stays on hosts for good");
    }
    for action in [Action::Add, Action::Remove, Action::Upgrade] {
        let own = recipe.own_action(action).filter(|own| own.same_as.is_none());
        for (index, step) in own.iter().flat_map(|own| own.steps.iter().enumerate()) {
            self::step(remarks, &format!("{}.steps[{index}]", action.name()), action, step);
        }
    }
    texts(remarks);
    parameters(remarks);
}

fn step(remarks: &mut Remarks<'_>, path: &str, action: Action, step: &Step) {
    match &step.work {
        Work::Script(script) => {
            let is_marked = script.idempotent || script.unless.is_some() || script.creates.is_some();
            let converges = remarks.source.bundle.recipe.idempotence == Idempotence::Converges;
            if !is_marked && step.when_changed.is_empty() && converges {
                let message = format!(
                    "nothing says that `{}` may run again: give it `unless`, `creates` or `idempotent: true`",
                    step.id
                );
                remarks.at(Severity::Error, "idempotence", &format!("{path}.do.script"), message);
            }
            if action == Action::Add && step.undo.is_none() {
                let message = format!("`{}` has no `undo`: a failed run leaves what it did", step.id);
                remarks.at(Severity::Warning, "no-undo", path, message);
            }
        }
        Work::Packages(packages) => {
            for (index, source) in packages.sources.iter().enumerate() {
                if source.present && !source.uri.contains("{{") {
                    let message =
                        format!("the place of `{}` is fixed: make it a parameter, for mirrors", source.name);
                    remarks.at(
                        Severity::Warning,
                        "fixed-source",
                        &format!("{path}.do.packages.sources[{index}].uri"),
                        message,
                    );
                }
                if source.present && source.key.is_none() {
                    let message = format!("nothing says which key signs `{}`", source.name);
                    remarks.at(
                        Severity::Warning,
                        "unsigned-source",
                        &format!("{path}.do.packages.sources[{index}]"),
                        message,
                    );
                }
            }
        }
        _ => {}
    }
}

/// A use of a parameter, and what is behind it up to the closing brackets.
const USE: &str = r"\{\{-?\s*parameters\.([a-z][a-z0-9_]*)([^}]*)\}\}";

/// Every template: what a shell would read otherwise than is meant.
fn texts(remarks: &mut Remarks<'_>) {
    let bundle = &remarks.source.bundle;
    let mut inline: Vec<(String, &str)> = Vec::new();
    let mut scripts: BTreeSet<&str> = BTreeSet::new();
    for action in Action::ALL {
        bundle.recipe.texts(action, &mut |path, text| match text {
            Text::Inline(text) if path.ends_with(".script.text") || path.ends_with(".unless") => {
                inline.push((path, text))
            }
            Text::File(name) if path.contains(".script.") => {
                scripts.insert(name);
            }
            _ => {}
        });
    }
    let templates = &bundle.templates;
    for (name, text) in templates.iter().filter(|(name, _)| scripts.contains(name.as_str())) {
        for (at, message) in unquoted(remarks, text) {
            remarks.in_script(Severity::Warning, "unquoted", name, place(text, at), message);
        }
    }
    for (path, text) in inline {
        for (_, message) in unquoted(remarks, text) {
            remarks.at(Severity::Warning, "unquoted", &path, message);
        }
    }
    for (name, text) in templates {
        if let Some(at) = text.find("${#") {
            let message = "`{#` begins a comment: write {% raw %}${#…}{% endraw %}";
            if !text.get(..at).unwrap_or_default().contains("{% raw %}") {
                remarks.in_script(Severity::Warning, "comment", name, place(text, at), message);
            }
        }
    }
}

/// Parameters of free text that stand in a script as they are.
fn unquoted(remarks: &Remarks<'_>, text: &str) -> Vec<(usize, String)> {
    let Ok(usage) = Regex::new(USE) else { return Vec::new() };
    let parameters = &remarks.source.bundle.recipe.parameters;
    let found = usage.captures_iter(text).filter_map(|capture| {
        let (whole, name) = (capture.get(0)?, capture.get(1)?.as_str());
        let filters = capture.get(2).map_or("", |filters| filters.as_str());
        let is_free = parameters
            .get(name)
            .is_some_and(|parameter| parameter.kind == ParameterKind::Text && parameter.pattern.is_none());
        let is_safe = filters.contains("quote") || filters.contains("json");
        (is_free && !is_safe).then(|| {
            (whole.start(), format!("`{name}` can be any text: write {{{{ parameters.{name} | quote }}}}, or give it a `pattern`"))
        })
    });
    found.collect()
}

/// Line and column of a byte.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// What is declared and nowhere used.
fn parameters(remarks: &mut Remarks<'_>) {
    let bundle = &remarks.source.bundle;
    let mut all: Vec<&str> = bundle.templates.values().map(String::as_str).collect();
    let mut files: BTreeSet<&str> = BTreeSet::new();
    let mut secrets: BTreeSet<&str> = BTreeSet::new();
    for action in Action::ALL {
        bundle.recipe.texts(action, &mut |_, text| match text {
            Text::Inline(text) | Text::Condition(text) => all.push(text),
            Text::File(name) => {
                files.insert(name);
            }
        });
        for step in bundle.recipe.action(action).iter().flat_map(|action| &action.steps) {
            for work in [Some(&step.work), step.undo.as_ref()].into_iter().flatten() {
                secrets.extend(secrets_of(work));
            }
        }
    }
    for (name, parameter) in &bundle.recipe.parameters {
        let is_used = match parameter.kind {
            ParameterKind::Secret => secrets.contains(name.as_str()),
            _ => all.iter().any(|text| mentions(text, name)),
        };
        if !is_used {
            remarks.at(
                Severity::Warning,
                "unused",
                &format!("parameters.{name}"),
                format!("nothing uses `{name}`"),
            );
        }
    }
    for name in bundle.templates.keys() {
        let included = all.iter().any(|text| text.contains(&format!("\"{name}\"")));
        if !files.contains(name.as_str()) && !included {
            remarks.in_script(Severity::Warning, "unused", name, (1, 1), "nothing uses this template");
        }
    }
}

fn mentions(text: &str, name: &str) -> bool {
    [format!("parameters.{name}"), format!("parameters[\"{name}\"]")].iter().any(|wanted| {
        text.match_indices(wanted.as_str()).any(|(at, _)| {
            let behind = text.get(at + wanted.len()..).unwrap_or_default();
            !behind.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        })
    })
}

fn secrets_of<'a>(work: &'a Work) -> Vec<&'a str> {
    match work {
        Work::Script(script) => {
            let secret = |value: &'a Value| match value {
                Value::Secret(secret) => Some(secret.secret.as_str()),
                Value::Text(_) | Value::Output(_) => None,
            };
            script.environment.values().filter_map(secret).collect()
        }
        Work::File(file) => file.secret.as_deref().into_iter().collect(),
        _ => Vec::new(),
    }
}
