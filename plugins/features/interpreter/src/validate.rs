//! What is wrong with a request before anything is done.

use skywright_recipe_format::plan::{Argument, ArgumentValue, Request};
use skywright_recipe_format::{Bundle, Finding, ParameterKind, Suitability, limits};

/// Everything that is wrong: the action, the target, its hosts, the parameters. Paths are those of the
/// request, hosts by name: `hosts.NAME`, `parameters.NAME`.
#[must_use]
pub fn validate(bundle: &Bundle, request: &Request) -> Vec<Finding> {
    let mut findings = Vec::new();
    let recipe = &bundle.recipe;
    if recipe.action(request.action).is_none() {
        findings.push(Finding::new("action", format!("the recipe has no `{}`", request.action.name())));
    }
    target(bundle, request, &mut findings);
    for host in &request.target.hosts {
        if !recipe.platforms.iter().any(|platform| platform.covers(host)) {
            let system = format!("{} {} on {}", host.os_distribution, host.os_version, host.architecture);
            let message = format!("it runs {}, which {} does not support", printable(&system), recipe.name());
            findings.push(Finding::new(format!("hosts.{}", printable(&host.name)), message));
        }
    }
    roles(bundle, request, &mut findings);
    parameters(bundle, &request.parameters, &mut findings);
    findings
}

fn target(bundle: &Bundle, request: &Request, findings: &mut Vec<Finding>) {
    let (recipe, target) = (&bundle.recipe, &request.target);
    let (suits, word) = match target.is_cluster {
        true => (Suitability::Cluster, "clusters"),
        false => (Suitability::Host, "hosts"),
    };
    if !recipe.suitable_for.contains(&suits) {
        findings.push(Finding::new("target", format!("{} is not for {word}", recipe.name())));
    }
    if let Some(flavor) = &target.flavor
        && !recipe.cluster_flavors.is_empty()
        && !recipe.cluster_flavors.contains(flavor)
    {
        let known = recipe.cluster_flavors.join(", ");
        findings
            .push(Finding::new("target.flavor", format!("{} is for clusters of: {known}", recipe.name())));
    }
    if target.hosts.is_empty() {
        findings.push(Finding::new("target.hosts", "there is no host"));
    } else if target.hosts.len() > limits::HOSTS {
        findings.push(Finding::new("target.hosts", format!("more than {} hosts", limits::HOSTS)));
    }
}

fn roles(bundle: &Bundle, request: &Request, findings: &mut Vec<Finding>) {
    for (name, role) in &bundle.recipe.roles {
        let playing = request.target.hosts.iter().filter(|host| host.roles.contains(name)).count();
        let path = format!("roles.{name}");
        if playing < role.at_least as usize {
            findings.push(Finding::new(path, format!("{playing} hosts, and {} are needed", role.at_least)));
        } else if let Some(most) = role.at_most.filter(|most| playing > *most as usize) {
            findings.push(Finding::new(path, format!("{playing} hosts, and {most} may be")));
        }
    }
}

fn parameters(bundle: &Bundle, given: &[Argument], findings: &mut Vec<Finding>) {
    let known = &bundle.recipe.parameters;
    for argument in given {
        let path = format!("parameters.{}", printable(&argument.name));
        let Some(parameter) = known.get(&argument.name) else {
            let names: Vec<_> = known.keys().map(String::as_str).collect();
            findings.push(Finding::new(
                path,
                format!("there is no such parameter; there are: {}", names.join(", ")),
            ));
            continue;
        };
        let values: &[String] = match &argument.value {
            ArgumentValue::Secret if parameter.kind == ParameterKind::Secret => continue,
            ArgumentValue::Secret => {
                findings.push(Finding::new(path, "it is no secret"));
                continue;
            }
            ArgumentValue::Text(text) => std::slice::from_ref(text),
            ArgumentValue::Texts(texts) => texts,
        };
        if parameter.kind == ParameterKind::Secret {
            findings.push(Finding::new(path, "it is a secret, and the host sent its value"));
            continue;
        }
        if !parameter.many && matches!(argument.value, ArgumentValue::Texts(_)) {
            findings.push(Finding::new(&path, "expected one value"));
        }
        let faults = values.iter().filter_map(|value| parameter.check(value).err());
        findings.extend(faults.map(|fault| Finding::new(&path, fault.to_string())));
    }
    for (name, _) in known.iter().filter(|(_, parameter)| parameter.required) {
        if !given.iter().any(|argument| argument.name == *name) {
            findings.push(Finding::new(format!("parameters.{name}"), "it has to be given"));
        }
    }
}

/// The beginning of a text of somebody else, without what could garble a terminal.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}
