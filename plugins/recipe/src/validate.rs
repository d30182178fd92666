//! What the types cannot say: names, references, graphs.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::Graph;
use crate::limits;
use crate::parameter::ParameterKind;
use crate::plan::Action as ActionName;
use crate::step::{OutputRef, Step, TargetCount, Targets};
use crate::work::{File, Packages, Publish, Script, Value, Wait, Work};
use crate::{Action, Finding, Parameter, Recipe, is_environment_name, is_name, is_template_name};

/// The files of `scripts/`, by name.
type Templates = BTreeMap<String, String>;

impl Recipe {
    /// Everything that is wrong with it beyond its types, in the order of its keys. `templates` are the
    /// files of `scripts/`. What only rendering shows is not found.
    #[must_use]
    pub fn findings(&self, templates: &Templates) -> Vec<Finding> {
        let mut check = Check { recipe: self, templates, findings: Vec::new() };
        check.head();
        check.roles();
        check.parameters();
        check.rules();
        for name in ActionName::ALL {
            if let Some(action) = self.own_action(name) {
                check.action(name, action);
            }
        }
        check.outputs();
        check.findings
    }
}

struct Check<'a> {
    recipe: &'a Recipe,
    templates: &'a Templates,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn wrong(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.findings.push(Finding::new(path, message));
    }

    fn named(&mut self, path: &str, name: &str) {
        if !is_name(name) {
            self.wrong(path, "a name is lower-case letters, digits, `-` and `_`, a letter first, 64 at most");
        }
    }

    /// A text that stands in a line: not empty, and not longer than any needs to be.
    fn text(&mut self, path: &str, text: &str) {
        if text.trim().is_empty() {
            self.wrong(path, "it is empty");
        } else if text.chars().count() > limits::TEXT_CHARACTERS {
            self.wrong(path, format!("longer than {} characters", limits::TEXT_CHARACTERS));
        }
    }

    fn head(&mut self) {
        let recipe = self.recipe;
        if recipe.recipe != crate::FORMAT_VERSION {
            let message = format!("this reads format {}", crate::FORMAT_VERSION);
            self.wrong("recipe", message);
        }
        let is_id = recipe.id.split_once('/').is_some_and(|(publisher, name)| {
            [publisher, name].into_iter().all(|part| is_name(part) && !part.contains('_') && part.len() <= 40)
        });
        if !is_id {
            self.wrong("id", "expected publisher/name: lower-case letters, digits and hyphens");
        }
        for (path, text) in
            [("title", &recipe.title), ("description", &recipe.description), ("license", &recipe.license)]
        {
            self.text(path, text);
        }
        self.text("report", &recipe.report);
        if recipe.suitable_for.is_empty() {
            self.wrong("suitable_for", "it suits nothing");
        }
        if recipe.platforms.is_empty() {
            self.wrong("platforms", "it runs on nothing");
        }
        for (list, requirements) in [("requires", &recipe.requires), ("conflicts", &recipe.conflicts)] {
            for (index, requirement) in requirements.iter().enumerate() {
                if !requirement.feature.split('/').all(is_name) || requirement.feature.split('/').count() > 2
                {
                    self.wrong(format!("{list}[{index}].feature"), "expected name or publisher/name");
                }
            }
        }
    }

    fn roles(&mut self) {
        for (name, role) in &self.recipe.roles {
            let path = format!("roles.{name}");
            self.named(&path, name);
            if role.at_most.is_some_and(|most| most < role.at_least) {
                self.wrong(path, "at_most is less than at_least");
            }
        }
        for (index, layout) in self.recipe.layouts.iter().enumerate() {
            self.known_role(&format!("layouts[{index}].role"), &layout.role);
            self.named(&format!("layouts[{index}].size"), &layout.size);
        }
    }

    fn known_role(&mut self, path: &str, role: &str) {
        if !self.recipe.roles.contains_key(role) {
            let known: Vec<_> = self.recipe.roles.keys().map(String::as_str).collect();
            self.wrong(path, format!("there is no role `{}`; there are: {}", shown(role), known.join(", ")));
        }
    }

    fn parameters(&mut self) {
        if self.recipe.parameters.len() > limits::PARAMETERS {
            self.wrong("parameters", format!("more than {}", limits::PARAMETERS));
        }
        for (name, parameter) in &self.recipe.parameters {
            self.parameter(&format!("parameters.{name}"), name, parameter);
        }
    }

    fn parameter(&mut self, path: &str, name: &str, parameter: &Parameter) {
        self.named(path, name);
        if name.contains('-') {
            self.wrong(path, "a parameter's name has `_` where others have `-`: templates would subtract");
        }
        if matches!(parameter.whole_pattern(), Some(Err(()))) {
            self.wrong(format!("{path}.pattern"), "it is no regular expression, or too large a one");
        }
        if (parameter.kind == ParameterKind::Choice) == parameter.choices.is_empty() {
            self.wrong(format!("{path}.choices"), "a choice has choices, and nothing else has");
        }
        let bounds = parameter.minimum.is_some() || parameter.maximum.is_some();
        if bounds && parameter.kind != ParameterKind::Integer {
            self.wrong(path, "only an integer has a minimum and a maximum");
        }
        if parameter.default.is_some() && parameter.kind == ParameterKind::Secret {
            self.wrong(format!("{path}.default"), "a secret has no default: everybody could read it here");
        } else if parameter.default.is_some() && parameter.required {
            self.wrong(format!("{path}.default"), "a parameter that has to be given has no default");
        }
        for (key, value) in [("default", &parameter.default), ("example", &parameter.example)] {
            if let Some(value) = value {
                self.values(&format!("{path}.{key}"), parameter, &value.values());
            }
        }
    }

    fn values(&mut self, path: &str, parameter: &Parameter, values: &[String]) {
        if !parameter.many && values.len() != 1 {
            self.wrong(path, "expected one value, or `many: true`");
        }
        for value in values {
            if let Err(fault) = parameter.check(value) {
                self.wrong(path, fault.to_string());
            }
        }
    }

    fn rules(&mut self) {
        let mut names = BTreeSet::new();
        for (index, rule) in self.recipe.firewall.iter().enumerate() {
            let path = format!("firewall[{index}]");
            self.rule(&path, &rule.name, names.insert(rule.name.as_str()));
            self.targets(&format!("{path}.targets"), &rule.targets);
            self.work(&path, &Work::Firewall(rule.work(true)), None);
        }
        names.clear();
        for (index, rule) in self.recipe.publish.iter().enumerate() {
            let path = format!("publish[{index}]");
            self.rule(&path, &rule.name, names.insert(rule.name.as_str()));
            self.work(&path, &Work::Publish(rule.work(true)), None);
        }
    }

    fn rule(&mut self, path: &str, name: &str, is_new: bool) {
        self.named(&format!("{path}.name"), name);
        if !is_new {
            self.wrong(format!("{path}.name"), "another rule has this name");
        }
    }

    fn action(&mut self, name: ActionName, action: &Action) {
        let path = name.name();
        if let Some(other) = action.same_as {
            if !action.steps.is_empty() {
                self.wrong(format!("{path}.same_as"), "steps of its own, and another action's");
            } else if self.recipe.action(name).is_none() {
                self.wrong(format!("{path}.same_as"), format!("`{}` has no steps of its own", other.name()));
            } else if name == ActionName::Check || other == ActionName::Check {
                self.wrong(format!("{path}.same_as"), "a check is like no other action");
            }
            return;
        }
        if action.steps.is_empty() {
            self.wrong(path, "it has no steps");
        }
        if action.steps.len() > limits::STEPS_PER_ROUND {
            self.wrong(format!("{path}.steps"), format!("more than {} steps", limits::STEPS_PER_ROUND));
            return;
        }
        let graph = Graph::new(&action.steps);
        let mut seen = BTreeSet::new();
        for (index, step) in action.steps.iter().enumerate() {
            let path = format!("{path}.steps[{index}]");
            if !seen.insert(step.id.as_str()) {
                self.wrong(format!("{path}.id"), format!("another step is called `{}`", shown(&step.id)));
            }
            self.step(&path, step, &graph);
        }
        let circle = graph.circle();
        if !circle.is_empty() {
            let ids: Vec<_> = circle.into_iter().take(8).map(shown).collect();
            self.wrong(format!("{path}.steps"), format!("these wait for each other: {}", ids.join(", ")));
        }
    }

    fn step(&mut self, path: &str, step: &Step, graph: &Graph<'_>) {
        self.named(&format!("{path}.id"), &step.id);
        if step.id.starts_with("firewall-") || step.id.starts_with("publish-") {
            self.wrong(format!("{path}.id"), "ids of this beginning are those of rules");
        }
        self.targets(&format!("{path}.targets"), &step.targets);
        for (key, ids) in
            [("needs", &step.needs), ("reads", &step.reads), ("when_changed", &step.when_changed)]
        {
            for (index, id) in ids.iter().enumerate() {
                if graph.get(id).is_none() {
                    self.wrong(format!("{path}.{key}[{index}]"), format!("there is no step `{}`", shown(id)));
                }
            }
        }
        self.bounds(path, step);
        for name in step.outputs.keys() {
            self.named(&format!("{path}.outputs"), name);
        }
        if step.outputs.len() > limits::OUTPUTS {
            self.wrong(format!("{path}.outputs"), format!("more than {}", limits::OUTPUTS));
        }
        if !step.outputs.is_empty() && !matches!(step.work, Work::Script(_)) {
            self.wrong(format!("{path}.outputs"), "only a script has outputs");
        }
        if let Some(when) = &step.when {
            self.text(&format!("{path}.when"), when);
            if ["{{", "{%", "{#", "%}", "}}", "#}"].iter().any(|mark| when.contains(mark)) {
                self.wrong(format!("{path}.when"), "a condition stands without brackets: host.vcpus > 1");
            }
        }
        self.work(&format!("{path}.do"), &step.work, Some((step, graph)));
        if let Some(undo) = &step.undo {
            self.work(&format!("{path}.undo"), undo, Some((step, graph)));
        }
    }

    fn bounds(&mut self, path: &str, step: &Step) {
        for (key, seconds) in [("timeout_s", step.timeout_s), ("retry_after_s", step.retry_after_s)] {
            if seconds == 0 || seconds > limits::TIMEOUT_S {
                self.wrong(format!("{path}.{key}"), format!("expected 1 to {} seconds", limits::TIMEOUT_S));
            }
        }
        if step.tries == 0 || step.tries > limits::TRIES {
            self.wrong(format!("{path}.tries"), format!("expected 1 to {}", limits::TRIES));
        }
        if step.at_once == Some(0) {
            self.wrong(format!("{path}.at_once"), "on no host at once it would never run");
        }
    }

    fn targets(&mut self, path: &str, targets: &Targets) {
        match targets {
            Targets::Hosts(TargetCount::None) => self.wrong(path, "it would never run"),
            Targets::Hosts(_) => {}
            Targets::Roles(roles) => {
                for role in roles.keys() {
                    self.known_role(&format!("{path}.{role}"), role);
                }
            }
        }
    }

    fn work(&mut self, path: &str, work: &Work, step: Option<(&Step, &Graph<'_>)>) {
        let path = match step {
            Some(_) => format!("{path}.{}", work.name()),
            None => path.to_owned(),
        };
        match work {
            Work::Script(script) => self.script(&path, script, step),
            Work::File(file) => self.file(&path, file, step),
            Work::Packages(packages) => self.packages(&path, packages),
            Work::Service(service) => {
                self.text(&format!("{path}.name"), &service.name);
                if service.enabled.is_none() && service.state.is_none() {
                    self.wrong(path, "neither `enabled` nor `state`: it would do nothing");
                }
            }
            Work::Firewall(rule) => {
                self.named(&format!("{path}.name"), &rule.name);
                self.text(&format!("{path}.ports"), &rule.ports);
                if !rule.ports.contains('{')
                    && let Err(fault) = crate::parse_ports(&rule.ports)
                {
                    self.wrong(format!("{path}.ports"), fault.to_string());
                }
            }
            Work::Publish(rule) => self.publish(&path, rule),
            Work::Wait(wait) => self.wait(&path, wait),
            Work::Reboot => {}
        }
    }

    fn one_of(&mut self, path: &str, given: &[(&str, bool)]) {
        let count = given.iter().filter(|(_, is_given)| *is_given).count();
        if count != 1 {
            let names: Vec<_> = given.iter().map(|(name, _)| format!("`{name}`")).collect();
            self.wrong(path, format!("expected one of {}, found {count}", names.join(", ")));
        }
    }

    fn template(&mut self, path: &str, name: Option<&String>) {
        let Some(name) = name else { return };
        if !is_template_name(name) {
            self.wrong(path, "expected the name of a file in scripts/, without folders, ending in `.tera`");
        } else if !self.templates.contains_key(name) {
            self.wrong(path, format!("there is no scripts/{name}"));
        }
    }

    fn script(&mut self, path: &str, script: &Script, step: Option<(&Step, &Graph<'_>)>) {
        self.one_of(path, &[("template", script.template.is_some()), ("text", script.text.is_some())]);
        self.template(&format!("{path}.template"), script.template.as_ref());
        self.text(&format!("{path}.interpreter"), &script.interpreter);
        if !script.interpreter.starts_with('/') {
            self.wrong(format!("{path}.interpreter"), "expected an absolute path, and arguments behind it");
        }
        for (name, value) in &script.environment {
            let path = format!("{path}.environment.{name}");
            if !is_environment_name(name) {
                self.wrong(&path, "no name of a variable, or one that changes how programs are found");
            }
            match value {
                Value::Text(_) => {}
                Value::Secret(secret) => self.secret(&path, &secret.secret),
                Value::Output(output) => self.output(&path, &output.output, step),
            }
        }
    }

    fn secret(&mut self, path: &str, name: &str) {
        let kind = self.recipe.parameters.get(name).map(|parameter| (parameter.kind, parameter.many));
        if kind != Some((ParameterKind::Secret, false)) {
            self.wrong(path, format!("there is no parameter `{}` of kind `secret`", shown(name)));
        }
    }

    /// A reference to an output: of a step that comes first, and on one host.
    fn output(&mut self, path: &str, output: &OutputRef, step: Option<(&Step, &Graph<'_>)>) {
        let Some((step, graph)) = step else { return };
        let Some(source) = graph.get(&output.step) else {
            return self.wrong(path, format!("there is no step `{}`", output.step));
        };
        if !source.outputs.contains_key(&output.output) {
            self.wrong(path, format!("`{}` has no output `{}`", output.step, output.output));
        }
        if !graph.comes_first(&output.step, step) {
            self.wrong(path, format!("`{}` has to be among `needs` or `reads`", output.step));
        }
    }

    fn file(&mut self, path: &str, file: &File, step: Option<(&Step, &Graph<'_>)>) {
        let content = [
            ("template", file.template.is_some()),
            ("text", file.text.is_some()),
            ("secret", file.secret.is_some()),
            ("output", file.output.is_some()),
        ];
        if file.present {
            self.one_of(path, &content);
        } else if content.iter().any(|(_, is_given)| *is_given) {
            self.wrong(path, "what is not to be there has no content");
        }
        self.text(&format!("{path}.path"), &file.path);
        if !["/", "{{", "{%"].iter().any(|start| file.path.starts_with(start))
            || file.path.split('/').any(|part| part == "..")
        {
            self.wrong(format!("{path}.path"), "expected an absolute path without `..`");
        }
        self.template(&format!("{path}.template"), file.template.as_ref());
        if let Some(mode) = &file.mode
            && crate::work::parse_mode(mode).is_none()
        {
            self.wrong(
                format!("{path}.mode"),
                "expected three or four octal digits in quotes, such as '0644'",
            );
        }
        if let Some(secret) = &file.secret {
            self.secret(&format!("{path}.secret"), secret);
        }
        if let Some(output) = &file.output {
            self.output(&format!("{path}.output"), output, step);
        }
    }

    fn packages(&mut self, path: &str, packages: &Packages) {
        if packages.install.is_empty() && packages.remove.is_empty() && packages.sources.is_empty() {
            self.wrong(path, "it would do nothing");
        }
        for (index, source) in packages.sources.iter().enumerate() {
            let path = format!("{path}.sources[{index}]");
            self.named(&format!("{path}.name"), &source.name);
            self.text(&format!("{path}.uri"), &source.uri);
            self.template(&format!("{path}.key"), source.key.as_ref());
        }
        for (key, names) in [("install", &packages.install), ("remove", &packages.remove)] {
            for (index, name) in names.iter().enumerate() {
                self.text(&format!("{path}.{key}[{index}]"), name);
            }
        }
    }

    fn publish(&mut self, path: &str, rule: &Publish) {
        self.named(&format!("{path}.name"), &rule.name);
        self.text(&format!("{path}.path"), &rule.path);
        if rule.upstreams.is_empty() && rule.present {
            self.wrong(format!("{path}.upstreams"), "it leads nowhere");
        }
    }

    fn wait(&mut self, path: &str, wait: &Wait) {
        let probes =
            [("tcp", wait.tcp.is_some()), ("http", wait.http.is_some()), ("command", wait.command.is_some())];
        self.one_of(path, &probes);
        for (key, seconds) in [("every_s", wait.every_s), ("at_most_s", wait.at_most_s)] {
            if seconds == 0 || seconds > limits::TIMEOUT_S {
                self.wrong(format!("{path}.{key}"), format!("expected 1 to {} seconds", limits::TIMEOUT_S));
            }
        }
    }

    fn outputs(&mut self) {
        for (name, output) in &self.recipe.outputs {
            let path = format!("outputs.{name}");
            self.named(&path, name);
            self.one_of(&path, &[("from", output.from.is_some()), ("value", output.value.is_some())]);
            if let Some(from) = &output.from {
                let step = self.recipe.add.steps.iter().find(|step| step.id == from.step);
                if step.is_none_or(|step| !step.outputs.contains_key(&from.output)) {
                    self.wrong(format!("{path}.from"), format!("no step of `add` gives `{from}`"));
                }
            }
        }
        for name in self.recipe.endpoints.keys() {
            self.named(&format!("endpoints.{name}"), name);
        }
    }
}

/// The beginning of a name that somebody else wrote.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}
