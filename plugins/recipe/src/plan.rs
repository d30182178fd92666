//! The contract's `recipe` interface as data, spelt as its JSON is: what a feature is told, and the plan that
//! it answers with. The WIT text says what each of them means.

use serde::{Deserialize, Serialize};

/// What is to be done with a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Find out where it is.
    Check,
    /// Install it.
    Add,
    /// Remove it.
    Remove,
    /// From an older version to this one.
    Upgrade,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Check, Self::Add, Self::Remove, Self::Upgrade];

    /// The action's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Check => "check",
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Upgrade => "upgrade",
        }
    }
}

/// What a feature says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct FeatureInfo {
    pub name: String,
    pub version: String,
    pub title: String,
    pub description: String,
    pub suitable_for: Vec<crate::Suitability>,
    pub cluster_flavors: Vec<String>,
    pub platforms: Vec<Platform>,
    pub requires: Vec<Requirement>,
    pub conflicts: Vec<Requirement>,
    pub roles: Vec<Role>,
    pub layouts: Vec<Layout>,
    pub parameters: Vec<Parameter>,
    pub outputs: Vec<Output>,
    pub idempotence: crate::Idempotence,
    pub actions: Vec<Action>,
}

/// A parameter, as a feature says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Parameter {
    pub name: String,
    pub kind: crate::ParameterKind,
    pub many: bool,
    pub required: bool,
    pub default: Vec<String>,
    pub choices: Vec<String>,
    pub pattern: Option<String>,
    pub minimum: Option<i64>,
    pub maximum: Option<i64>,
    pub description: String,
}

/// A feature that is needed, or must not be there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Requirement {
    pub feature: String,
    pub versions: Option<String>,
}

/// What a feature runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Platform {
    pub family: String,
    pub distribution: Option<String>,
    pub versions: Vec<String>,
    pub architectures: Vec<String>,
}

/// A part that hosts play.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Role {
    pub name: String,
    pub description: String,
    pub at_least: u32,
    pub at_most: Option<u32>,
}

/// Hosts of a role for a size of cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Layout {
    pub size: String,
    pub role: String,
    pub count: u32,
    pub sizing: String,
}

/// A value that a feature has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Output {
    pub name: String,
    pub secret: bool,
    pub description: String,
}

/// A pair.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct KeyValue {
    pub key: String,
    pub value: String,
}

/// A host, as a feature sees it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct HostView {
    pub id: String,
    pub name: String,
    pub roles: Vec<String>,
    pub private_address: String,
    pub public_address: Option<String>,
    pub user: String,
    pub os_family: String,
    pub os_distribution: String,
    pub os_version: String,
    pub os_codename: Option<String>,
    pub architecture: String,
    pub vcpus: u32,
    pub memory_mib: u64,
    pub gpu_count: u32,
    pub facts: Vec<KeyValue>,
    pub installed: Option<String>,
}

/// Another feature that a target has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct InstalledFeature {
    pub feature: String,
    pub version: String,
    pub outputs: Vec<KeyValue>,
}

/// Where a feature is added.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Target {
    pub name: String,
    pub is_cluster: bool,
    pub flavor: Option<String>,
    pub size: Option<String>,
    pub cidr: Option<String>,
    pub endpoint: Option<String>,
    pub virtual_ip: Option<String>,
    pub default_route: Option<String>,
    pub admin_user: Option<String>,
    pub hosts: Vec<HostView>,
    pub gateways: Vec<HostView>,
    pub features: Vec<InstalledFeature>,
}

/// A parameter's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ArgumentValue {
    /// One text.
    Text(String),
    /// Several, of a parameter that is `many`.
    Texts(Vec<String>),
    /// There is one, which the host knows.
    Secret,
}

/// A parameter and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Argument {
    pub name: String,
    pub value: ArgumentValue,
}

/// How a step ended on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It did what it should.
    Succeeded,
    /// It failed, and that was to be ignored.
    Failed,
    /// There was nothing to do.
    Skipped,
}

/// What came of a step on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct StepResult {
    pub step: String,
    pub host: String,
    pub outcome: Outcome,
    pub exit_code: i32,
    pub changed: bool,
    pub outputs: Vec<KeyValue>,
    pub secret_outputs: Vec<String>,
}

/// What is known, and asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Request {
    pub action: Action,
    pub target: Target,
    pub parameters: Vec<Argument>,
    pub round: u32,
    pub results: Vec<StepResult>,
}

impl Request {
    /// Goes on as if every one of these steps had succeeded on every host and changed something: a plan is made so,
    /// before anything is done. `output` says what an output that is no secret would be, by its name.
    pub fn suppose_done(&mut self, steps: &[Step], output: impl Fn(&str) -> String) {
        for step in steps {
            let (secret, plain): (Vec<_>, Vec<_>) = step.outputs.iter().partition(|output| output.secret);
            for host in step.assignments.iter().flat_map(|assignment| &assignment.hosts) {
                let outputs = plain
                    .iter()
                    .map(|known| KeyValue { key: known.name.clone(), value: output(&known.name) });
                self.results.push(StepResult {
                    step: step.id.clone(),
                    host: host.clone(),
                    outcome: Outcome::Succeeded,
                    exit_code: 0,
                    changed: true,
                    outputs: outputs.collect(),
                    secret_outputs: secret.iter().map(|output| output.name.clone()).collect(),
                });
            }
        }
        self.round += 1;
    }
}

/// Something that a step uses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// Text.
    Plain(String),
    /// A secret parameter, by name.
    SecretParameter(String),
    /// An output of a step.
    Output(OutputRef),
}

/// An output of a step on a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct OutputRef {
    pub step: String,
    pub host: String,
    pub output: String,
}

/// A variable of a process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Binding {
    pub name: String,
    pub value: Value,
}

/// A script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Script {
    pub interpreter: String,
    pub text: String,
    pub as_user: Option<String>,
    pub environment: Vec<Binding>,
    pub unless: Option<String>,
    pub creates: Option<String>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct File {
    pub path: String,
    pub content: Value,
    pub mode: u32,
    pub owner: String,
    pub group: String,
    pub present: bool,
}

/// A package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct SystemPackage {
    pub name: String,
    pub version: Option<String>,
    pub present: bool,
}

/// Where packages come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct PackageSource {
    pub name: String,
    pub kind: String,
    pub uri: String,
    pub suites: Vec<String>,
    pub components: Vec<String>,
    pub key: Option<String>,
    pub present: bool,
}

/// Sources and packages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct PackageSet {
    pub sources: Vec<PackageSource>,
    pub packages: Vec<SystemPackage>,
}

/// What a service does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ServiceState {
    /// It runs.
    Running,
    /// It does not.
    Stopped,
    /// It is started anew.
    Restarted,
    /// It reads its configuration anew.
    Reloaded,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Service {
    pub name: String,
    pub enabled: Option<bool>,
    pub state: Option<ServiceState>,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// Ports from the first to the last, both counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct PortRange {
    pub first: u16,
    pub last: u16,
}

/// What may reach hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct FirewallRule {
    pub name: String,
    pub protocol: Protocol,
    pub ports: Vec<PortRange>,
    pub sources: Vec<String>,
    pub at_gateways: bool,
    pub open: bool,
}

/// What the edge proxy leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct PublishedService {
    pub name: String,
    pub host_name: Option<String>,
    pub path: String,
    pub upstreams: Vec<String>,
    pub strip_path: bool,
    pub allowed_from: Vec<String>,
    pub denied_from: Vec<String>,
    pub present: bool,
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// Somebody listens.
    Tcp(u16),
    /// A URL answers.
    Http(String),
    /// A command succeeds.
    Command(String),
}

/// Waiting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Wait {
    pub probe: Probe,
    pub every_ms: u32,
    pub at_most_ms: u32,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// A script is run.
    Script(Script),
    /// A file is written or removed.
    File(File),
    /// Packages are installed or removed.
    Packages(PackageSet),
    /// A service is enabled, started, stopped.
    Service(Service),
    /// Ports are opened or closed.
    Firewall(FirewallRule),
    /// The edge proxy is told.
    Publish(PublishedService),
    /// Something is waited for.
    Wait(Wait),
    /// The host is restarted.
    Reboot,
}

/// The same work on some hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Assignment {
    pub hosts: Vec<String>,
    pub work: Work,
    pub undo: Option<Work>,
}

/// An output that a step gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct DeclaredOutput {
    pub name: String,
    pub secret: bool,
}

/// A step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Step {
    pub id: String,
    pub title: String,
    pub assignments: Vec<Assignment>,
    pub needs: Vec<String>,
    pub at_once: Option<u32>,
    pub timeout_ms: u32,
    pub tries: u8,
    pub retry_after_ms: u32,
    pub on_failure: crate::OnFailure,
    pub when_changed: Vec<String>,
    pub outputs: Vec<DeclaredOutput>,
}

/// An output of the feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct ConcludedOutput {
    pub name: String,
    pub value: Value,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the WIT is the documentation")]
pub struct Conclusion {
    pub hosts_with_feature: Vec<String>,
    pub summary: String,
    pub outputs: Vec<ConcludedOutput>,
    pub endpoints: Vec<KeyValue>,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Plan {
    /// These steps.
    Round(Vec<Step>),
    /// Nothing more.
    Done(Conclusion),
}
