//! What a step does. Texts are templates, unless it says otherwise.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::{Protocol, ServiceState};
use crate::step::OutputRef;

/// What a step does, or what takes it back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Runs a script.
    Script(Script),
    /// Writes or removes a file.
    File(File),
    /// Installs or removes packages.
    Packages(Packages),
    /// Enables, starts, stops or restarts a service.
    Service(Service),
    /// Opens or closes ports.
    Firewall(Firewall),
    /// Leads the edge proxy to a service, or no longer.
    Publish(Publish),
    /// Waits until something answers.
    Wait(Wait),
    /// Restarts the host, and waits until it is back.
    Reboot,
}

impl Work {
    /// The key that it is written under.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Script(_) => "script",
            Self::File(_) => "file",
            Self::Packages(_) => "packages",
            Self::Service(_) => "service",
            Self::Firewall(_) => "firewall",
            Self::Publish(_) => "publish",
            Self::Wait(_) => "wait",
            Self::Reboot => "reboot",
        }
    }
}

/// Text, or a secret or an output by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(
    untagged,
    expecting = "expected text, `secret:` with a parameter's name, or `output:` with `step.name`"
)]
pub enum Value {
    /// A template.
    Text(String),
    /// A secret parameter's value, which the host fills in.
    Secret(SecretName),
    /// A step's output, which the host fills in.
    Output(OutputName),
}

/// `secret: NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SecretName {
    /// A parameter of kind `secret`.
    pub secret: String,
}

/// `output: STEP.NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct OutputName {
    /// A step that ran on one host, and one of its outputs.
    pub output: OutputRef,
}

/// A script: one of `template` and `text`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// A file in `scripts/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The script itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What reads it: a program with its arguments. Not a template. `/bin/sh -eu` if left out.
    #[serde(default = "interpreter", skip_serializing_if = "is_interpreter")]
    pub interpreter: String,
    /// The account that it runs as; root if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub as_user: Option<String>,
    /// Variables of its process.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, Value>,
    /// A shell command: if it succeeds there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unless: Option<String>,
    /// A path: if it exists there is nothing to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub creates: Option<String>,
    /// The author's word that running it again changes nothing. Not a template.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub idempotent: bool,
}

/// What reads a script if it does not say.
const INTERPRETER: &str = "/bin/sh -eu";

fn interpreter() -> String {
    INTERPRETER.to_owned()
}

fn is_interpreter(text: &str) -> bool {
    text == INTERPRETER
}

/// A file: one of `template`, `text`, `secret` and `output` says what is in it, unless it is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct File {
    /// Where: absolute, without `..`.
    pub path: String,
    /// A file in `scripts/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The content itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// A secret parameter that is the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// A step's output that is the content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputRef>,
    /// Permissions as octal digits, in quotes. `0644` if left out; of a secret `0600`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// The account that owns it.
    #[serde(default = "root", skip_serializing_if = "is_root")]
    pub owner: String,
    /// The group that owns it.
    #[serde(default = "root", skip_serializing_if = "is_root")]
    pub group: String,
    /// Whether it shall be there.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub present: bool,
}

impl File {
    /// The permissions as bits; `None` if they are not written as octal digits.
    #[must_use]
    pub fn mode_bits(&self) -> Option<u32> {
        match (&self.mode, &self.secret) {
            (Some(mode), _) => parse_mode(mode),
            (None, Some(_)) => Some(0o600),
            (None, None) => Some(0o644),
        }
    }
}

/// Permissions in octal digits.
pub(crate) fn parse_mode(text: &str) -> Option<u32> {
    let plain = (3..=4).contains(&text.len()) && text.bytes().all(|byte| (b'0'..=b'7').contains(&byte));
    if plain { u32::from_str_radix(text, 8).ok() } else { None }
}

fn root() -> String {
    "root".to_owned()
}

fn is_root(text: &str) -> bool {
    text == "root"
}

fn yes() -> bool {
    true
}

fn is_true(value: &bool) -> bool {
    *value
}

/// Packages of the host's own package manager: `name`, or `name=version`. One that renders to nothing is
/// left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Packages {
    /// Where they come from, beyond what the host has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<PackageSource>,
    /// Those that shall be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub install: Vec<String>,
    /// Those that shall not be there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remove: Vec<String>,
}

/// Which package manager a source is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// Debian's.
    Apt,
    /// RHEL's.
    Dnf,
}

impl SourceKind {
    /// The kind's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Apt => "apt",
            Self::Dnf => "dnf",
        }
    }
}

/// A place that packages come from. On hosts of another package manager it is passed over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PackageSource {
    /// The name of its file on the host, without ending. Not a template.
    pub name: String,
    /// Whose package manager. Not a template.
    pub kind: SourceKind,
    /// Where. If it renders to nothing, the source is left out.
    pub uri: String,
    /// Of apt, such as `bookworm`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub suites: Vec<String>,
    /// Of apt, such as `main`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub components: Vec<String>,
    /// A file in `scripts/` with the key that signs it, as ASCII armour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whether it shall be there.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub present: bool,
}

/// A service of the host's init system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its name, without `.service`.
    pub name: String,
    /// Whether it starts with the host; as it is if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What it does now; as it is if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ServiceState>,
}

/// Ports that are opened or closed on hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Firewall {
    /// The rule's name. Not a template.
    pub name: String,
    /// `443`, `80,443`, `30000-32767`.
    pub ports: String,
    /// `tcp` if left out.
    #[serde(default)]
    pub protocol: Protocol,
    /// Networks that may use them; the target's own if left out. Entries that render to nothing are
    /// left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<String>,
    /// Whether the gateways of the target let it pass, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_gateways: bool,
    /// Open, or closed again.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub open: bool,
}

/// A service that the edge proxy leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Publish {
    /// The route's name. Not a template.
    pub name: String,
    /// The host name that requests have to ask for; any if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_name: Option<String>,
    /// The path that requests begin with, such as `/grafana/`.
    pub path: String,
    /// `http://address:port` or `https://address:port`.
    pub upstreams: Vec<String>,
    /// Whether the path is taken off before a request goes on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub strip_path: bool,
    /// Networks that may use it; all if left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed_from: Vec<String>,
    /// Networks that may not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied_from: Vec<String>,
    /// Whether it shall be there.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub present: bool,
}

/// Waiting: for one of `tcp`, `http` and `command`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Wait {
    /// A port that somebody listens at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tcp: Option<String>,
    /// A URL, as the host itself reaches it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub http: Option<String>,
    /// A shell command that succeeds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// How long between two looks.
    #[serde(default = "every_s")]
    pub every_s: u32,
    /// How long at most.
    #[serde(default = "at_most_s")]
    pub at_most_s: u32,
}

fn every_s() -> u32 {
    2
}

fn at_most_s() -> u32 {
    300
}
