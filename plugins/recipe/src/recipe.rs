//! `recipe.yaml`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::parameter::Parameter;
use crate::plan;
use crate::platform::{Layout, Platform, Requirement, Role};
use crate::rule::{FirewallRule, PublishRule};
use crate::step::{OutputRef, Step};

/// Where a recipe can be added: on hosts, on clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Suitability {
    /// On a host, or a set of hosts with roles.
    Host,
    /// On a cluster.
    Cluster,
}

/// What happens when it is added where it is already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Idempotence {
    /// Nothing: every step looks first, or states what shall be.
    #[default]
    Converges,
    /// It ends the same, but steps run again.
    Repeatable,
    /// It may break: it is added only where the check finds nothing.
    Once,
}

/// A recipe, as it is written. Unknown keys are errors.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// The format's version: 1.
    pub recipe: u32,
    /// Who it is: `publisher/name`.
    pub id: String,
    /// Its own version, such as `1.0.0`.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub version: semver::Version,
    /// One line for people.
    pub title: String,
    /// What it installs, for people.
    pub description: String,
    /// SPDX expression, such as `Apache-2.0`.
    pub license: String,
    /// Where defects are reported: a URL or a mail address.
    pub report: String,
    /// Where its documentation is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
    /// Both if left out.
    #[serde(default = "everywhere")]
    pub suitable_for: Vec<Suitability>,
    /// Kinds of clusters that it suits; all if left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_flavors: Vec<String>,
    /// The matrix of systems that it runs on.
    pub platforms: Vec<Platform>,
    /// Features that have to be there first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Requirement>,
    /// Features that must not be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<Requirement>,
    /// Parts that hosts play. Without any, all hosts are alike.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub roles: BTreeMap<String, Role>,
    /// For what makes a cluster: how many hosts of a role for a size.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub layouts: Vec<Layout>,
    /// What a user may say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, Parameter>,
    /// Values that it has when it is installed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, Output>,
    /// Where it can be reached when it is installed, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub endpoints: BTreeMap<String, Endpoint>,
    /// What happens when it is added where it is already.
    #[serde(default)]
    pub idempotence: Idempotence,
    /// Ports that are open while it is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub firewall: Vec<FirewallRule>,
    /// Services that the edge proxy leads to while it is there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub publish: Vec<PublishRule>,
    /// Folders of templates that several recipes have, such as `../shared`, from the recipe's own folder on. What is
    /// built has the templates, and not this key.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shared_scripts: Vec<String>,
    /// Finds out whether it is there: where every step succeeds, it is. Changes nothing.
    pub check: Action,
    /// Installs it.
    pub add: Action,
    /// Removes it, without a trace that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remove: Option<Action>,
    /// From an older version to this one; often `same_as: add`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Action>,
}

fn everywhere() -> Vec<Suitability> {
    vec![Suitability::Host, Suitability::Cluster]
}

/// Steps, or another action's.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// What is done. The order in which they are written means nothing: `needs` and `reads` do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// The action whose steps these are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub same_as: Option<plan::Action>,
    /// What is said when it is done. A template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summary>,
}

/// A template for a line that people read.
pub type Summary = String;
/// A template for a URL.
pub type Endpoint = String;

/// A value that a recipe has when it is installed: one of `from` and `value`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// For people.
    pub description: String,
    /// An output of a step of `add`; whether it is secret is said there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<OutputRef>,
    /// A template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
}

impl Recipe {
    /// The name without the publisher.
    #[must_use]
    pub fn name(&self) -> &str {
        self.id.rsplit('/').next().unwrap_or_default()
    }

    /// The steps of an action, another's if it says so; `None` if the recipe has no such action.
    #[must_use]
    pub fn action(&self, action: plan::Action) -> Option<&Action> {
        let own = self.own_action(action)?;
        match own.same_as {
            Some(other) => self.own_action(other).filter(|other| other.same_as.is_none()),
            None => Some(own),
        }
    }

    /// An action as it is written.
    #[must_use]
    pub fn own_action(&self, action: plan::Action) -> Option<&Action> {
        match action {
            plan::Action::Check => Some(&self.check),
            plan::Action::Add => Some(&self.add),
            plan::Action::Remove => self.remove.as_ref(),
            plan::Action::Upgrade => self.upgrade.as_ref(),
        }
    }

    /// Whether an output of the recipe is secret: whether the step's is.
    #[must_use]
    pub fn is_secret(&self, output: &Output) -> bool {
        let Some(from) = &output.from else { return false };
        let step = self.add.steps.iter().find(|step| step.id == from.step);
        step.and_then(|step| step.outputs.get(&from.output)).is_some_and(|output| output.secret)
    }
}
