//! Targets that nobody has: one of each kind that a recipe says it runs on.

use skywright_recipe_format::plan::{Action, Argument, ArgumentValue, HostView, KeyValue, Request, Target};
use skywright_recipe_format::{Family, Parameter, ParameterKind, Platform, Recipe, Suitability};

/// A target to render for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sample {
    /// Such as `debian 12 x86_64, sparse`.
    pub name: String,
    /// The target.
    pub target: Target,
    /// What a user says.
    pub parameters: Vec<Argument>,
}

impl Sample {
    /// What asks for the first round of an action.
    #[must_use]
    pub fn request(&self, action: Action) -> Request {
        let installed = matches!(action, Action::Remove | Action::Upgrade).then(|| "0.0.1".to_owned());
        let mut target = self.target.clone();
        for host in &mut target.hosts {
            host.installed.clone_from(&installed);
        }
        Request { action, target, parameters: self.parameters.clone(), round: 0, results: Vec::new() }
    }
}

/// How much is known of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    /// What there always is, and what a user has to say.
    Sparse,
    /// All that there can be.
    Full,
}

/// For every row, version and architecture of the recipe's matrix two targets: one with what there always is,
/// and one with everything.
#[must_use]
pub fn samples(recipe: &Recipe) -> Vec<Sample> {
    let mut samples = Vec::new();
    for platform in &recipe.platforms {
        for (distribution, version) in systems(platform) {
            for architecture in architectures(platform) {
                for known in [Known::Sparse, Known::Full] {
                    let system =
                        System { platform, distribution: &distribution, version: &version, architecture };
                    samples.push(sample(recipe, &system, known));
                }
            }
        }
    }
    samples
}

struct System<'a> {
    platform: &'a Platform,
    distribution: &'a str,
    version: &'a str,
    architecture: &'a str,
}

/// The distributions and versions of a row; where it says none, what is common.
fn systems(platform: &Platform) -> Vec<(String, String)> {
    let (distribution, versions): (_, &[&str]) = match (platform.family, platform.distribution.as_deref()) {
        (_, Some("ubuntu")) => ("ubuntu", &["24.04"]),
        (Family::Debian, None) => ("debian", &["12"]),
        (Family::Debian, Some(other)) => (other, &["12"]),
        (Family::Rhel, None) => ("almalinux", &["9"]),
        (Family::Rhel, Some(other)) => (other, &["9"]),
    };
    let own: Vec<String> = match platform.versions.is_empty() {
        true => versions.iter().map(|version| (*version).to_owned()).collect(),
        false => platform.versions.clone(),
    };
    own.into_iter().map(|version| (distribution.to_owned(), version)).collect()
}

fn architectures(platform: &Platform) -> Vec<&str> {
    match platform.architectures.is_empty() {
        true => vec!["x86_64"],
        false => platform.architectures.iter().map(String::as_str).collect(),
    }
}

fn sample(recipe: &Recipe, system: &System<'_>, known: Known) -> Sample {
    let word = if known == Known::Full { "full" } else { "sparse" };
    let name = format!("{} {} {}, {word}", system.distribution, system.version, system.architecture);
    Sample { name, target: target(recipe, system, known), parameters: parameters(recipe, known) }
}

fn target(recipe: &Recipe, system: &System<'_>, known: Known) -> Target {
    let full = |text: &str| (known == Known::Full).then(|| text.to_owned());
    let suits = |what| recipe.suitable_for.contains(&what);
    let is_cluster = !suits(Suitability::Host) || (known == Known::Full && suits(Suitability::Cluster));
    let mut roles: Vec<Vec<String>> = Vec::new();
    for (name, role) in &recipe.roles {
        let wanted = role.at_least.max(if known == Known::Full { 2 } else { 1 });
        let count = wanted.min(role.at_most.unwrap_or(u32::MAX)).max(role.at_least);
        roles.extend((0..count).map(|_| vec![name.clone()]));
    }
    if roles.is_empty() {
        roles = vec![Vec::new(); if known == Known::Full { 3 } else { 1 }];
    }
    let hosts: Vec<HostView> =
        roles.into_iter().enumerate().map(|(index, roles)| host(index, roles, system, known)).collect();
    let gateways = match known {
        Known::Full => vec![host(200, vec!["gateway".to_owned()], system, known)],
        Known::Sparse => Vec::new(),
    };
    Target {
        name: "sample".to_owned(),
        is_cluster,
        flavor: is_cluster
            .then(|| recipe.cluster_flavors.first().cloned().unwrap_or_else(|| "boh".to_owned())),
        size: is_cluster.then(|| "small".to_owned()),
        cidr: full("192.0.2.0/24"),
        endpoint: full("198.51.100.10"),
        virtual_ip: full("192.0.2.250"),
        default_route: full("192.0.2.1"),
        admin_user: is_cluster.then(|| "cladm".to_owned()),
        hosts,
        gateways,
        features: Vec::new(),
    }
}

fn host(index: usize, roles: Vec<String>, system: &System<'_>, known: Known) -> HostView {
    let codename = match (system.distribution, system.version) {
        ("debian", "12") => Some("bookworm"),
        ("debian", "13") => Some("trixie"),
        ("ubuntu", "22.04") => Some("jammy"),
        ("ubuntu", "24.04") => Some("noble"),
        _ => None,
    };
    let fact = |key: &str, value: &str| KeyValue { key: key.to_owned(), value: value.to_owned() };
    let facts = match known {
        Known::Full => vec![fact("clock", "shared"), fact("init", "systemd"), fact("kernel.ipvs", "no")],
        Known::Sparse => Vec::new(),
    };
    let id = if roles.iter().any(|role| role == "gateway") {
        "gateway".to_owned()
    } else {
        format!("host-{}", index + 1)
    };
    HostView {
        name: id.clone(),
        id,
        roles,
        private_address: format!("192.0.2.{}", index + 11),
        public_address: (known == Known::Full).then(|| format!("198.51.100.{}", index + 11)),
        user: "operator".to_owned(),
        os_family: system.platform.family.name().to_owned(),
        os_distribution: system.distribution.to_owned(),
        os_version: system.version.to_owned(),
        os_codename: codename.map(str::to_owned),
        architecture: system.architecture.to_owned(),
        vcpus: 4,
        memory_mib: 8192,
        gpu_count: 0,
        facts,
        installed: None,
    }
}

/// Defaults and what has to be given; of a full sample everything.
fn parameters(recipe: &Recipe, known: Known) -> Vec<Argument> {
    let mut arguments = Vec::new();
    for (name, parameter) in &recipe.parameters {
        let values = match (&parameter.default, known) {
            (Some(default), Known::Sparse) => default.values(),
            (Some(_), Known::Full) => example(parameter),
            (None, _) if parameter.required || known == Known::Full => example(parameter),
            (None, _) => continue,
        };
        let value = match parameter.kind {
            ParameterKind::Secret => ArgumentValue::Secret,
            _ if parameter.many => ArgumentValue::Texts(values),
            _ => ArgumentValue::Text(values.into_iter().next().unwrap_or_default()),
        };
        arguments.push(Argument { name: name.clone(), value });
    }
    arguments
}

/// A value that a parameter may have: its example, its default, or one of its kind.
fn example(parameter: &Parameter) -> Vec<String> {
    if let Some(example) = parameter.example.as_ref().or(parameter.default.as_ref()) {
        return example.values();
    }
    let of_kind: &[&str] = match parameter.kind {
        ParameterKind::Text | ParameterKind::Secret => {
            &["it's a \"sample\" $text", "sample", "a", "sample.example.org", "1", "192.0.2.4", "/srv/sample"]
        }
        ParameterKind::Integer => &["1"],
        ParameterKind::Boolean => &["true"],
        ParameterKind::Choice => &[],
        ParameterKind::Port => &["8443"],
        ParameterKind::Address => &["192.0.2.4"],
        ParameterKind::Cidr => &["192.0.2.0/25"],
        ParameterKind::Url => &["https://mirror.example.org/packages"],
        ParameterKind::Version => &["1.2.3"],
    };
    let bounds = [parameter.minimum, parameter.maximum].into_iter().flatten().map(|bound| bound.to_string());
    let mut candidates =
        parameter.choices.iter().cloned().chain(of_kind.iter().map(|text| (*text).to_owned())).chain(bounds);
    candidates.find(|value| parameter.check(value).is_ok()).into_iter().collect()
}
