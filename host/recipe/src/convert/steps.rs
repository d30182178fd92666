//! SafeScale's install methods, paces and steps.

use serde_json::{Map, Value, json};
use skywright_config::{Entry, Node};

use super::{Conversion, LIBRARY_FILE, label, printable};

/// The actions of a method, and the recipe's keys of the same names.
const ACTIONS: [&str; 3] = ["check", "add", "remove"];
/// Methods that this converter knows.
const METHODS: [&str; 2] = ["bash", "none"];
/// Methods of older releases that named a package.
const PACKAGE_METHODS: [(&str, &str); 3] = [("apt", "debian"), ("yum", "rhel"), ("dnf", "rhel")];

pub(super) fn install(conversion: &mut Conversion, node: Option<&Node>, recipe: &mut Map<String, Value>) {
    let mut packages = Vec::new();
    for method in node.and_then(Node::entries).unwrap_or_default() {
        let family = PACKAGE_METHODS.iter().find(|(name, _)| *name == method.key).map(|(_, family)| *family);
        match (METHODS.contains(&method.key.as_str()), family) {
            (true, _) => self::method(conversion, &method.node, recipe),
            (false, Some(family)) => packages.extend(package(conversion, method, family)),
            (false, None) => {
                conversion.lost(method.mark, format!("the install method `{}`", printable(&method.key)))
            }
        }
    }
    for action in ACTIONS {
        if recipe.contains_key(action) {
            continue;
        }
        let steps = package_steps(action, &packages);
        if !steps.is_empty() {
            recipe.insert(action.to_owned(), json!({"steps": steps}));
        }
    }
    for action in ["check", "add"] {
        if !recipe.contains_key(action) {
            let message = format!("there is no `{action}`: a step that always succeeds stands there");
            conversion.losses.push(super::Loss { line: 1, message });
            let nothing = json!({"id": "nothing", "do": {"script": {"text": "true\n", "idempotent": true}}});
            recipe.insert(action.to_owned(), json!({"steps": [nothing]}));
        }
    }
}

/// A package that a method installs on hosts of a family.
struct Package {
    name: String,
    family: &'static str,
}

fn package(conversion: &mut Conversion, method: &Entry, family: &'static str) -> Option<Package> {
    let name = method.node.get("package").and_then(Node::scalar).or_else(|| {
        let add = method.node.get("add")?;
        add.get("package").and_then(Node::scalar)
    });
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    let name = name.filter(|name| {
        name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.len() <= 128 && name.chars().all(plain)
    });
    if name.is_none() {
        conversion.lost(method.mark, format!("the install method `{}` names no package", method.key));
    }
    Some(Package { name: name?, family })
}

fn package_steps(action: &str, packages: &[Package]) -> Vec<Value> {
    let mut steps: Vec<Value> = Vec::new();
    for package in packages {
        if steps_have(&steps, package.family) {
            continue;
        }
        let work = match (action, package.family) {
            ("check", "debian") => {
                let text = format!(
                    "dpkg-query -W -f '${{db:Status-Status}}' {} | grep -qx installed\n",
                    package.name
                );
                json!({"script": {"text": text, "idempotent": true}})
            }
            ("check", _) => {
                json!({"script": {"text": format!("rpm -q {}\n", package.name), "idempotent": true}})
            }
            ("add", _) => json!({"packages": {"install": [package.name]}}),
            _ => json!({"packages": {"remove": [package.name]}}),
        };
        let when = format!("host.os_family == \"{}\"", package.family);
        steps.push(json!({"id": format!("package-{}", package.family), "when": when, "do": work}));
    }
    steps
}

fn steps_have(steps: &[Value], family: &str) -> bool {
    steps.iter().any(|step| step["id"] == format!("package-{family}"))
}

fn method(conversion: &mut Conversion, node: &Node, recipe: &mut Map<String, Value>) {
    conversion.unknown(node, &ACTIONS, "install");
    for action in ACTIONS {
        let Some(own) = node.get(action) else { continue };
        if recipe.contains_key(action) {
            conversion.lost(own.mark, format!("`{action}` of a second install method"));
            continue;
        }
        let steps = self::action(conversion, action, own);
        if !steps.is_empty() {
            recipe.insert(action.to_owned(), json!({"steps": steps}));
        }
    }
}

/// The steps of a pace, each behind the one before.
fn action(conversion: &mut Conversion, action: &str, node: &Node) -> Vec<Value> {
    conversion.unknown(node, &["pace", "steps"], action);
    let Some(steps) = node.get("steps") else { return Vec::new() };
    let pace = node.get("pace").and_then(Node::scalar).unwrap_or_default();
    let pace: Vec<&str> = pace.split(',').map(str::trim).filter(|step| !step.is_empty()).collect();
    for step in steps.entries().unwrap_or_default() {
        if !pace.contains(&step.key.as_str()) {
            conversion.lost(
                step.mark,
                format!("the step `{}` is in no pace: SafeScale never ran it", printable(&step.key)),
            );
        }
    }
    let mut converted: Vec<Value> = Vec::new();
    let mut before: Option<String> = None;
    for name in pace {
        let Some(entry) = steps.entry(name) else {
            conversion.lost(node.mark, format!("the pace names `{}`, which is no step", printable(name)));
            continue;
        };
        let Some(own) = label(name) else {
            conversion.lost(
                entry.mark,
                format!("the step `{}` has no name that a recipe's could have", printable(name)),
            );
            continue;
        };
        // Such ids are those of rules.
        let is_rule = ["firewall-", "publish-"].iter().any(|start| own.starts_with(start));
        let own = if is_rule { format!("step-{own}") } else { own };
        // A pace may name a step twice, and then it ran twice; or two whose names differ in their case alone.
        let id = super::fresh(&own, |id| converted.iter().any(|step| step["id"] == id));
        let Some(mut step) = step(conversion, action, &id, entry) else { continue };
        step["needs"] = json!(before.iter().collect::<Vec<_>>());
        if before.is_none() {
            step.as_object_mut().map(|step| step.remove("needs"));
        }
        before = Some(id);
        converted.push(step);
    }
    converted
}

/// A step; nothing for one that has no targets, which SafeScale never ran.
fn step(conversion: &mut Conversion, action: &str, id: &str, entry: &Entry) -> Option<Value> {
    let node = &entry.node;
    conversion.unknown(node, &["targets", "timeout", "serialized", "run"], &entry.key);
    let mut step = json!({"id": id});
    match node.get("targets").map_or(Reach::AllHosts, |targets| self::targets(conversion, targets)) {
        Reach::AllHosts => {}
        Reach::Some(targets) => step["targets"] = targets,
        Reach::Nowhere => {
            let name = printable(&entry.key);
            conversion.lost(entry.mark, format!("the step `{name}` has no targets: SafeScale never ran it"));
            return None;
        }
    }
    // SafeScale counted minutes, and took 14 if nothing was said.
    let minutes =
        node.get("timeout").and_then(Node::scalar).and_then(|text| text.parse::<u32>().ok()).unwrap_or(14);
    step["timeout_s"] = json!(minutes.clamp(1, 1440) * 60);
    let serialized = node.get("serialized").and_then(Node::scalar).unwrap_or_default().to_lowercase();
    if matches!(serialized.as_str(), "true" | "yes" | "1") {
        step["at_once"] = json!(1);
    }
    let (text, mark) = match node.entry("run") {
        // A block of text begins in the line behind its key.
        Some(run) => (
            run.node.scalar().unwrap_or_default(),
            skywright_config::Mark { line: run.mark.line + 1, column: 1 },
        ),
        None => (String::new(), entry.mark),
    };
    let translated = conversion.translate(mark, &text, id);
    let script = library(conversion, mark, translated.text);
    let file = format!("{action}-{id}.sh.tera");
    let mut work = json!({"template": file, "interpreter": "/bin/bash"});
    if action == "check" {
        work["idempotent"] = json!(true);
    }
    let environment: Map<String, Value> = translated
        .secrets
        .into_iter()
        .map(|name| (super::variable_of(&name), json!({"secret": name})))
        .collect();
    if !environment.is_empty() {
        work["environment"] = Value::Object(environment);
    }
    conversion.templates.insert(file, script);
    step["do"] = json!({"script": work});
    Some(step)
}

/// The script with the library in front, if it uses it.
fn library(conversion: &mut Conversion, mark: skywright_config::Mark, script: String) -> String {
    let known: Vec<&str> = super::LIBRARY
        .lines()
        .filter_map(|line| line.strip_suffix("() {"))
        .filter(|name| name.starts_with("sf"))
        .collect();
    let mut uses = false;
    let words = script.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let mut called: Vec<&str> = words.filter(|word| is_library_name(word)).collect();
    called.sort_unstable();
    called.dedup();
    for name in called {
        uses = true;
        if !known.contains(&name) {
            conversion.lost(
                mark,
                format!(
                    "the function `{name}` of SafeScale's shell library: the script fails where it is called"
                ),
            );
        }
    }
    uses |= ["SF_", "LINUX_KIND", "VERSION_ID", "FACTS["].iter().any(|name| script.contains(name));
    conversion.uses_library |= uses;
    match uses {
        true => format!("{{% include \"{LIBRARY_FILE}\" %}}\n{script}"),
        false => script,
    }
}

fn is_library_name(word: &str) -> bool {
    word.strip_prefix("sf").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_uppercase()))
}

/// Where a step runs.
enum Reach {
    AllHosts,
    /// As the recipe's `targets` says it.
    Some(Value),
    Nowhere,
}

/// The kinds of hosts that SafeScale knew, and the recipe's roles.
const KINDS: [(&str, &str); 4] =
    [("hosts", "host"), ("masters", "master"), ("nodes", "node"), ("gateways", "gateway")];

fn targets(conversion: &mut Conversion, node: &Node) -> Reach {
    conversion.unknown(node, &KINDS.map(|(kind, _)| kind), "targets");
    let words = KINDS.map(|(kind, _)| count(conversion, node, kind));
    if words.get(..3).is_some_and(|words| words.iter().all(|word| *word == "all")) {
        return Reach::AllHosts;
    }
    // A feature for hosts alone says nothing of the others.
    let mentioned: Vec<&str> =
        KINDS.iter().map(|(kind, _)| *kind).filter(|kind| node.get(kind).is_some()).collect();
    if mentioned == ["hosts"] {
        return match words[0] {
            "all" => Reach::AllHosts,
            "none" => Reach::Nowhere,
            word => Reach::Some(json!(word)),
        };
    }
    let mut roles = Map::new();
    for ((_, role), word) in KINDS.into_iter().zip(words) {
        if word != "none" {
            conversion.roles.insert(role);
            roles.insert(role.to_owned(), json!(word));
        }
    }
    match roles.is_empty() {
        true => Reach::Nowhere,
        false => Reach::Some(Value::Object(roles)),
    }
}

/// SafeScale's words for how many hosts of a kind a step runs on.
fn count(conversion: &mut Conversion, node: &Node, kind: &str) -> &'static str {
    let Some(entry) = node.entry(kind) else { return "none" };
    let word = entry.node.scalar().unwrap_or_default();
    match word.to_lowercase().as_str() {
        "all" | "*" | "yes" | "true" => "all",
        "one" | "any" | "1" => "one",
        "none" | "no" | "false" | "0" | "" => "none",
        _ => {
            let word = printable(&word);
            conversion.lost(entry.mark, format!("`{kind}: {word}` in targets: it is taken for none"));
            "none"
        }
    }
}
