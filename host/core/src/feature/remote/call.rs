//! Work as a script with its values.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::json;
use skywright_recipe_format::plan::{
    FirewallRule, PackageSet, PackageSource, Probe, Protocol, PublishedService, ServiceState, Target, Value,
    Work,
};
use skywright_ssh::Command;
use zeroize::Zeroizing;

use crate::error::Error;

const BEGIN: &str = include_str!("begin.sh");
const END: &str = include_str!("end.sh");
const FOR_TOOL: &str = include_str!("for_tool.sh");

/// A tool on hosts that puts files of a folder in force.
struct Tool {
    program: &'static str,
    folder: &'static str,
    ending: &'static str,
    /// What a host without it is not; empty if a host without it lacks nothing.
    without: &'static str,
}

/// Nobody made a host without it with a firewall: there is nothing to open.
const FIREWALL: Tool = Tool {
    program: "/usr/local/sbin/skywright-firewall",
    folder: "/etc/skywright/ports.d",
    ending: "",
    without: "",
};

const ROUTES: Tool = Tool {
    program: "/usr/local/sbin/skywright-routes",
    folder: "/etc/skywright/routes.d",
    ending: ".json",
    without: "this is no edge proxy",
};

impl Tool {
    /// The environment of a script about a file of this name.
    fn environment(&self, name: &str) -> [(&'static str, String); 3] {
        [
            ("FILE", format!("{}/{name}{}", self.folder, self.ending)),
            ("TOOL", self.program.to_owned()),
            ("WITHOUT", self.without.to_owned()),
        ]
    }
}

/// A step for a host's shell.
pub(in crate::feature) struct Call {
    run: String,
    step: String,
    body: &'static str,
    environment: Vec<(String, Zeroizing<String>)>,
    input: Zeroizing<String>,
    limit: Duration,
}

/// What a call is made of beside its work.
pub(in crate::feature) struct Frame<'a> {
    /// The operation.
    pub(in crate::feature) run: &'a str,
    /// The step, or what takes it back.
    pub(in crate::feature) step: String,
    /// Of one try.
    pub(in crate::feature) limit: Duration,
    /// The feature's name, which rules on hosts are called after.
    pub(in crate::feature) feature: &'a str,
    /// The target.
    pub(in crate::feature) target: &'a Target,
}

/// How what a step did is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::feature) enum Way {
    /// There is nothing to take back.
    Nothing,
    /// As the feature says.
    Work(Box<Work>),
    /// By what the host kept.
    File { path: String },
    /// By what the host kept.
    Packages,
    /// By what the host kept.
    Service { unit: String },
    /// By what the host kept.
    Firewall { rule: String },
    /// By what the edge proxy kept.
    Publish { route: String },
    /// Nobody knows how.
    None,
}

impl Call {
    pub(in crate::feature) fn run(&self) -> &str {
        &self.run
    }

    pub(in crate::feature) fn step(&self) -> &str {
        &self.step
    }

    pub(in crate::feature) fn limit(&self) -> Duration {
        self.limit
    }

    /// As it is sent.
    pub(super) fn command(&self) -> Command {
        let script = format!("{BEGIN}{}{END}", self.body);
        let command = Command::arguments(["sh", "-c", &script, "skywright"])
            .sudo()
            .timeout(self.limit)
            .secret_environment("SKYWRIGHT_RUN", self.run.as_str())
            .secret_environment("SKYWRIGHT_STEP", self.step.as_str())
            .stdin(self.input.as_bytes().to_vec());
        self.environment
            .iter()
            .fold(command, |command, (name, value)| command.secret_environment(name, value.as_str()))
    }
}

/// Work as a call. `resolve` gives what is meant by a value.
pub(in crate::feature) fn call(
    frame: Frame<'_>,
    work: &Work,
    resolve: &dyn Fn(&Value) -> Result<Zeroizing<String>, Error>,
) -> Result<Call, Error> {
    let plain = |text: &str| Zeroizing::new(text.to_owned());
    let mut environment: Vec<(String, Zeroizing<String>)> = Vec::new();
    let mut set = |name: &str, value: &str| environment.push((format!("SKYWRIGHT_{name}"), plain(value)));
    let mut limit = frame.limit;
    let (body, input) = match work {
        Work::Script(script) => {
            set("CREATES", script.creates.as_deref().unwrap_or_default());
            set("UNLESS", script.unless.as_deref().unwrap_or_default());
            set("USER", script.as_user.as_deref().unwrap_or_default());
            set("INTERPRETER", &script.interpreter);
            for binding in &script.environment {
                environment.push((binding.name.clone(), resolve(&binding.value)?));
            }
            (include_str!("script.sh"), plain(&script.text))
        }
        Work::File(file) => {
            set("PATH", &file.path);
            set("OWNER", &file.owner);
            set("GROUP", &file.group);
            set("MODE", &format!("{:o}", file.mode));
            set("PRESENT", if file.present { "yes" } else { "no" });
            let content = if file.present { resolve(&file.content)? } else { plain("") };
            (include_str!("file.sh"), content)
        }
        Work::Packages(set) => (include_str!("packages.sh"), plain(&package_lines(set))),
        Work::Service(service) => {
            set("UNIT", &service.name);
            set("ENABLED", service.enabled.map_or("", |enabled| if enabled { "yes" } else { "no" }));
            set("STATE", service.state.map_or("", state_name));
            (include_str!("service.sh"), plain(""))
        }
        Work::Firewall(rule) => {
            let rule_name = rule_name(frame.feature, &rule.name);
            FIREWALL.environment(&rule_name).iter().for_each(|(name, value)| set(name, value));
            (FOR_TOOL, plain(&port_lines(rule, frame.target)?))
        }
        Work::Publish(service) => {
            let route_name = route_name(frame.feature, frame.target, &service.name);
            ROUTES.environment(&route_name).iter().for_each(|(name, value)| set(name, value));
            (FOR_TOOL, plain(&route(service)))
        }
        Work::Wait(wait) => {
            let (probe, what) = match &wait.probe {
                Probe::Tcp(port) => ("tcp", port.to_string()),
                Probe::Http(url) => ("http", url.clone()),
                Probe::Command(command) => ("command", command.clone()),
            };
            set("PROBE", probe);
            set("WHAT", &what);
            set("EVERY", &wait.every_ms.div_ceil(1000).to_string());
            set("AT_MOST", &wait.at_most_ms.div_ceil(1000).to_string());
            // It ends by itself, and says what it waited for.
            limit = limit.max(Duration::from_millis(u64::from(wait.at_most_ms)) + Duration::from_secs(90));
            (include_str!("wait.sh"), plain(""))
        }
        Work::Reboot => return Err(Error::Internal("a reboot is no script".to_owned())),
    };
    Ok(Call { run: frame.run.to_owned(), step: frame.step, body, environment, input, limit })
}

/// How a step is taken back: as it says, or by what the host keeps of it.
pub(in crate::feature) fn way_back(feature: &str, target: &Target, work: &Work, undo: Option<&Work>) -> Way {
    if let Some(undo) = undo {
        return Way::Work(Box::new(undo.clone()));
    }
    match work {
        Work::Script(_) => Way::None,
        Work::File(file) => Way::File { path: file.path.clone() },
        Work::Packages(_) => Way::Packages,
        Work::Service(service) => Way::Service { unit: service.name.clone() },
        Work::Firewall(rule) => Way::Firewall { rule: rule_name(feature, &rule.name) },
        Work::Publish(service) => Way::Publish { route: route_name(feature, target, &service.name) },
        Work::Wait(_) | Work::Reboot => Way::Nothing,
    }
}

/// Takes a step back by what the host kept of it; `None` if there is no such way.
pub(in crate::feature) fn undo_call(run: &str, step: &str, way: &Way) -> Option<Call> {
    const FOR_TOOL: &str = include_str!("undo_for_tool.sh");
    let (body, values) = match way {
        Way::File { path } => (include_str!("undo_file.sh"), vec![("PATH", path.clone())]),
        Way::Packages => (include_str!("undo_packages.sh"), Vec::new()),
        Way::Service { unit } => (include_str!("undo_service.sh"), vec![("UNIT", unit.clone())]),
        Way::Firewall { rule } => (FOR_TOOL, FIREWALL.environment(rule).to_vec()),
        Way::Publish { route } => (FOR_TOOL, ROUTES.environment(route).to_vec()),
        Way::Nothing | Way::Work(_) | Way::None => return None,
    };
    let values = values.into_iter().chain([("OF", step.to_owned())]);
    Some(Call {
        run: run.to_owned(),
        step: undo_name(step),
        body,
        environment: values
            .map(|(name, value)| (format!("SKYWRIGHT_{name}"), Zeroizing::new(value)))
            .collect(),
        input: Zeroizing::new(String::new()),
        limit: Duration::from_secs(900),
    })
}

/// What takes a step back is called so on the host. No step is: ids begin with a letter.
pub(in crate::feature) fn undo_name(step: &str) -> String {
    format!("_undo-{step}")
}

fn rule_name(feature: &str, rule: &str) -> String {
    format!("{feature}-{rule}")
}

/// A feature may be on several targets behind one edge proxy; a host is in one of them at most, and no part
/// has a dot.
fn route_name(feature: &str, target: &Target, route: &str) -> String {
    let first = target.hosts.iter().map(|host| host.name.as_str()).min().unwrap_or_default();
    format!("{feature}.{first}.{route}")
}

fn state_name(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Running => "running",
        ServiceState::Stopped => "stopped",
        ServiceState::Restarted => "restarted",
        ServiceState::Reloaded => "reloaded",
    }
}

/// Sources as files, and packages, a line each.
fn package_lines(set: &PackageSet) -> String {
    let mut lines = String::new();
    for source in &set.sources {
        for (path, content) in source_files(source) {
            let _ = match source.present {
                true => writeln!(lines, "{}-file {path} {}", source.kind, BASE64.encode(content)),
                false => writeln!(lines, "{}-gone {path}", source.kind),
            };
        }
    }
    for package in &set.packages {
        let word = if package.present { "install" } else { "remove" };
        let _ = writeln!(lines, "{word} {} {}", package.name, package.version.as_deref().unwrap_or_default());
    }
    lines
}

/// The files that make a source, the key first.
fn source_files(source: &PackageSource) -> Vec<(String, String)> {
    let PackageSource { name, uri, key, .. } = source;
    let mut files = Vec::new();
    let mut text = String::new();
    if source.kind == "apt" {
        let suites = if source.suites.is_empty() { "./".to_owned() } else { source.suites.join(" ") };
        let _ = write!(text, "Types: deb\nURIs: {uri}\nSuites: {suites}\n");
        if !source.components.is_empty() {
            let _ = writeln!(text, "Components: {}", source.components.join(" "));
        }
        match key {
            Some(key) => {
                let path = format!("/etc/apt/keyrings/skywright-{name}.asc");
                let _ = writeln!(text, "Signed-By: {path}");
                files.push((path, key.clone()));
            }
            // A place of files that lie on the host itself is as trusted as the host.
            None if uri.starts_with("file:///") => text.push_str("Trusted: yes\n"),
            None => {}
        }
        files.push((format!("/etc/apt/sources.list.d/skywright-{name}.sources"), text));
        return files;
    }
    let check = if key.is_some() { "1" } else { "0" };
    let _ = write!(
        text,
        "[skywright-{name}]\nname=skywright-{name}\nbaseurl={uri}\nenabled=1\ngpgcheck={check}\n"
    );
    if let Some(key) = key {
        let path = format!("/etc/pki/rpm-gpg/skywright-{name}.asc");
        let _ = writeln!(text, "gpgkey=file://{path}");
        files.push((path, key.clone()));
    }
    files.push((format!("/etc/yum.repos.d/skywright-{name}.repo"), text));
    files
}

/// Lines of the host's firewall: `tcp 443 inside`, one for each source. It knows its own network by name.
fn port_lines(rule: &FirewallRule, target: &Target) -> Result<String, Error> {
    if !rule.open {
        return Ok(String::new());
    }
    let inside: Option<IpNet> = target.cidr.as_ref().and_then(|cidr| cidr.parse().ok());
    let mut sources = BTreeSet::new();
    for source in &rule.sources {
        sources.insert(match source.parse::<IpNet>() {
            Ok(network) if network.prefix_len() == 0 => "anywhere".to_owned(),
            Ok(network) if Some(network) == inside => "inside".to_owned(),
            Ok(IpNet::V4(network)) => network.trunc().to_string(),
            _ => {
                return Err(Error::Unsupported {
                    what: format!("opening `{}` to {source} alone", rule.name),
                    hint: Some("hosts open ports to IPv4 ranges, or to 0.0.0.0/0".to_owned()),
                });
            }
        });
    }
    if sources.is_empty() {
        sources.insert("inside".to_owned());
    }
    let protocol = match rule.protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    };
    let mut lines = String::new();
    for range in &rule.ports {
        for from in &sources {
            let _ = match range.first == range.last {
                true => writeln!(lines, "{protocol} {} {from}", range.first),
                false => writeln!(lines, "{protocol} {}-{} {from}", range.first, range.last),
            };
        }
    }
    Ok(lines)
}

fn route(service: &PublishedService) -> String {
    if !service.present {
        return String::new();
    }
    let route = json!({
        "name": service.name,
        "host_name": service.host_name,
        "path": service.path,
        "upstreams": service.upstreams,
        "strip_path": service.strip_path,
        "allowed_from": service.allowed_from,
        "denied_from": service.denied_from,
    });
    format!("{route:#}\n")
}
