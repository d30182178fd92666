//! Every template of a recipe, with where it stands.

use crate::plan::Action as ActionName;
use crate::rule::{FirewallRule, PublishRule};
use crate::work::{File, Firewall, Packages, Publish, Script, Value, Wait};
use crate::{Recipe, Step, Work};

/// A text that is rendered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text<'a> {
    /// The template itself.
    Inline(&'a str),
    /// A condition, without brackets.
    Condition(&'a str),
    /// The name of a file in `scripts/`.
    File(&'a str),
}

/// Takes each text with its path.
pub type Visit<'v, 'a> = &'v mut dyn FnMut(String, Text<'a>);

impl Recipe {
    /// Every text that an action renders, those of rules, outputs and endpoints among them, in the order of
    /// the recipe's keys.
    pub fn texts<'a>(&'a self, name: ActionName, visit: Visit<'_, 'a>) {
        let Some(action) = self.action(name) else { return };
        let written = self.own_action(name).and_then(|own| own.same_as).unwrap_or(name).name();
        for (index, step) in action.steps.iter().enumerate() {
            step.texts(&format!("{written}.steps[{index}]"), visit);
        }
        if let Some(summary) = self.own_action(name).and_then(|own| own.summary.as_ref()) {
            visit(format!("{}.summary", name.name()), Text::Inline(summary));
        }
        if name == ActionName::Check {
            return;
        }
        for (index, rule) in self.firewall.iter().enumerate() {
            rule.texts(&format!("firewall[{index}]"), visit);
        }
        for (index, rule) in self.publish.iter().enumerate() {
            rule.texts(&format!("publish[{index}]"), visit);
        }
        if name == ActionName::Remove {
            return;
        }
        for (name, output) in &self.outputs {
            if let Some(value) = &output.value {
                visit(format!("outputs.{name}.value"), Text::Inline(value));
            }
        }
        for (name, endpoint) in &self.endpoints {
            visit(format!("endpoints.{name}"), Text::Inline(endpoint));
        }
    }
}

impl Step {
    /// Every text of the step.
    pub fn texts<'a>(&'a self, path: &str, visit: Visit<'_, 'a>) {
        if let Some(when) = &self.when {
            visit(format!("{path}.when"), Text::Condition(when));
        }
        self.work.texts(&format!("{path}.do.{}", self.work.name()), visit);
        if let Some(undo) = &self.undo {
            undo.texts(&format!("{path}.undo.{}", undo.name()), visit);
        }
    }
}

impl Work {
    /// Every text of the work, which stands at `path`.
    pub fn texts<'a>(&'a self, path: &str, visit: Visit<'_, 'a>) {
        match self {
            Self::Script(script) => script.texts(path, visit),
            Self::File(file) => file.texts(path, visit),
            Self::Packages(packages) => packages.texts(path, visit),
            Self::Service(service) => visit(format!("{path}.name"), Text::Inline(&service.name)),
            Self::Firewall(rule) => rule.texts(path, visit),
            Self::Publish(rule) => rule.texts(path, visit),
            Self::Wait(wait) => wait.texts(path, visit),
            Self::Reboot => {}
        }
    }
}

fn inline<'a>(path: &str, key: &str, text: Option<&'a String>, visit: Visit<'_, 'a>) {
    if let Some(text) = text {
        visit(format!("{path}.{key}"), Text::Inline(text));
    }
}

fn file<'a>(path: &str, key: &str, name: Option<&'a String>, visit: Visit<'_, 'a>) {
    if let Some(name) = name {
        visit(format!("{path}.{key}"), Text::File(name));
    }
}

fn list<'a>(path: &str, key: &str, texts: &'a [String], visit: Visit<'_, 'a>) {
    for (index, text) in texts.iter().enumerate() {
        visit(format!("{path}.{key}[{index}]"), Text::Inline(text));
    }
}

impl Script {
    fn texts<'a>(&'a self, path: &str, visit: Visit<'_, 'a>) {
        file(path, "template", self.template.as_ref(), visit);
        inline(path, "text", self.text.as_ref(), visit);
        inline(path, "as_user", self.as_user.as_ref(), visit);
        for (name, value) in &self.environment {
            if let Value::Text(text) = value {
                visit(format!("{path}.environment.{name}"), Text::Inline(text));
            }
        }
        inline(path, "unless", self.unless.as_ref(), visit);
        inline(path, "creates", self.creates.as_ref(), visit);
    }
}

impl File {
    fn texts<'a>(&'a self, path: &str, visit: Visit<'_, 'a>) {
        visit(format!("{path}.path"), Text::Inline(&self.path));
        file(path, "template", self.template.as_ref(), visit);
        inline(path, "text", self.text.as_ref(), visit);
        visit(format!("{path}.owner"), Text::Inline(&self.owner));
        visit(format!("{path}.group"), Text::Inline(&self.group));
    }
}

impl Packages {
    fn texts<'a>(&'a self, path: &str, visit: Visit<'_, 'a>) {
        for (index, source) in self.sources.iter().enumerate() {
            let path = format!("{path}.sources[{index}]");
            visit(format!("{path}.uri"), Text::Inline(&source.uri));
            list(&path, "suites", &source.suites, visit);
            list(&path, "components", &source.components, visit);
            file(&path, "key", source.key.as_ref(), visit);
        }
        list(path, "install", &self.install, visit);
        list(path, "remove", &self.remove, visit);
    }
}

impl Firewall {
    fn texts<'a>(&'a self, path: &str, visit: Visit<'_, 'a>) {
        visit(format!("{path}.ports"), Text::Inline(&self.ports));
        list(path, "sources", &self.sources, visit);
    }
}

impl FirewallRule {
    fn texts<'a>(&'a self, path: &str, visit: Visit<'_, 'a>) {
        visit(format!("{path}.ports"), Text::Inline(&self.ports));
        list(path, "sources", &self.sources, visit);
    }
}

impl Publish {
    fn texts<'a>(&'a self, path: &str, visit: Visit<'_, 'a>) {
        inline(path, "host_name", self.host_name.as_ref(), visit);
        visit(format!("{path}.path"), Text::Inline(&self.path));
        list(path, "upstreams", &self.upstreams, visit);
        list(path, "allowed_from", &self.allowed_from, visit);
        list(path, "denied_from", &self.denied_from, visit);
    }
}

impl PublishRule {
    fn texts<'a>(&'a self, path: &str, visit: Visit<'_, 'a>) {
        inline(path, "host_name", self.host_name.as_ref(), visit);
        visit(format!("{path}.path"), Text::Inline(&self.path));
        list(path, "upstreams", &self.upstreams, visit);
        list(path, "allowed_from", &self.allowed_from, visit);
        list(path, "denied_from", &self.denied_from, visit);
    }
}

impl Wait {
    fn texts<'a>(&'a self, path: &str, visit: Visit<'_, 'a>) {
        inline(path, "tcp", self.tcp.as_ref(), visit);
        inline(path, "http", self.http.as_ref(), visit);
        inline(path, "command", self.command.as_ref(), visit);
    }
}
