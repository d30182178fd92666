//! Steps: where, when and how often something is done.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::work::Work;

/// A step of an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Unique in its action: lower-case letters, digits, `-` and `_`.
    pub id: String,
    /// For people; the id if left out. Not a template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where; all hosts if left out.
    #[serde(default, skip_serializing_if = "Targets::is_all")]
    pub targets: Targets,
    /// A condition in the templates' language, asked for each host, such as
    /// `host.os_family == "debian"`. Where it is not true, the step is not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// Steps that have to succeed first. Steps without order run at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<String>,
    /// Steps whose outputs the templates or the condition of this one read. They are finished, on all
    /// their hosts, before this one is planned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<String>,
    /// Only on hosts where one of these steps changed something.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when_changed: Vec<String>,
    /// On how many hosts at once; 1 is one after the other. All if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_once: Option<u32>,
    /// How long one try on one host may take.
    #[serde(default = "timeout_s")]
    pub timeout_s: u32,
    /// How often it is tried.
    #[serde(default = "tries")]
    pub tries: u8,
    /// How long to wait before it is tried again.
    #[serde(default = "retry_after_s")]
    pub retry_after_s: u32,
    /// What follows when it fails for good. In `check` a step that fails says that the feature is not
    /// there.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Values that it gives, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<String, StepOutput>,
    /// What is done.
    #[serde(rename = "do")]
    pub work: Work,
    /// What takes it back. Files and packages are put back as they were without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Work>,
}

fn timeout_s() -> u32 {
    600
}

fn tries() -> u8 {
    1
}

fn retry_after_s() -> u32 {
    5
}

/// What follows when a step fails for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum OnFailure {
    /// What was done is taken back, in reverse.
    #[default]
    Undo,
    /// What was done stays.
    Stop,
    /// The run goes on.
    Ignore,
}

/// A value that a step gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct StepOutput {
    /// Whether nobody may see it: steps use it by name then, templates do not have it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
}

/// Which hosts: a word for all of them, or one for each role. A role that is not named has none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected `all`, `one`, `none`, or a map of roles to one of them")]
pub enum Targets {
    /// Of all hosts.
    Hosts(TargetCount),
    /// Of each role's hosts. A host of several roles is counted for each.
    Roles(BTreeMap<String, TargetCount>),
}

impl Default for Targets {
    fn default() -> Self {
        Self::Hosts(TargetCount::All)
    }
}

impl Targets {
    /// Whether it is simply every host.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Self::default()
    }
}

/// How many of the hosts. `one` is the first of them, the same for every step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum TargetCount {
    /// Every one.
    All,
    /// The first.
    One,
    /// None.
    None,
}

/// A step and one of its outputs, written `step.output`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OutputRef {
    /// The step.
    pub step: String,
    /// The output.
    pub output: String,
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for OutputRef {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "OutputRef".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A step and one of its outputs, written `step.output`.",
            "pattern": "^[a-z][a-z0-9_-]*\\.[a-z][a-z0-9_-]*$"
        })
    }
}

/// Not of the form `step.output`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected `step.output`")]
pub struct OutputRefFault;

impl FromStr for OutputRef {
    type Err = OutputRefFault;

    fn from_str(text: &str) -> Result<Self, OutputRefFault> {
        let (step, output) = text.split_once('.').ok_or(OutputRefFault)?;
        if !crate::is_name(step) || !crate::is_name(output) {
            return Err(OutputRefFault);
        }
        Ok(Self { step: step.to_owned(), output: output.to_owned() })
    }
}

impl TryFrom<String> for OutputRef {
    type Error = OutputRefFault;

    fn try_from(text: String) -> Result<Self, OutputRefFault> {
        text.parse()
    }
}

impl From<OutputRef> for String {
    fn from(reference: OutputRef) -> Self {
        reference.to_string()
    }
}

impl fmt::Display for OutputRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.step, self.output)
    }
}
