//! SafeScale's feature files to recipes, with a list of what could not be carried over. What is lost in a script
//! fails loudly when it is rendered; nothing is dropped in silence.

mod script;
mod steps;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::{Map, Value, json};
use skywright_config::{Mark, Node, Place};

use crate::scaffold;
use crate::yaml;
use crate::{Error, RECIPE_FILE, SCRIPTS_FOLDER};

/// Functions of SafeScale's shell library that converted scripts use, written anew.
const LIBRARY: &str = include_str!("convert/safescale.sh");
/// The template that holds them.
const LIBRARY_FILE: &str = "safescale.sh.tera";

/// A recipe made of a SafeScale feature file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The text of recipe.yaml.
    pub recipe: String,
    /// The files of `scripts/`.
    pub templates: BTreeMap<String, String>,
    /// What was not carried over, or needs a look, in the order of the file.
    pub losses: Vec<Loss>,
}

/// One thing that was not carried over, or needs a look.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Loss {
    /// The line of the SafeScale file, from 1.
    pub line: usize,
    /// What, and what became of it.
    pub message: String,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// Converts the text of a SafeScale feature file; `path` is for messages, and its name is the feature's.
///
/// # Errors
///
/// [`Error::Config`] if it is no YAML, [`Error::SafeScale`] if it is no feature file, [`Error::Name`] if its name is
/// none.
pub fn convert(text: &str, path: &Path) -> Result<Converted, Error> {
    let root = skywright_config::parse(text, path)?;
    let Some(feature) = root.get("feature").filter(|feature| feature.entries().is_some()) else {
        let place = Place::at(path, root.mark, "");
        return Err(Error::SafeScale { place, reason: "expected the key `feature`".to_owned() });
    };
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let name = label(stem).ok_or_else(|| Error::Name { name: stem.chars().take(80).collect() })?;
    let mut conversion = Conversion::new(feature);
    conversion.losses.push(Loss {
        line: 1,
        message: "SafeScale's files name no systems, version, licence or reporter: look at `platforms` and the first keys".to_owned(),
    });
    let keys = ["suitableFor", "requirements", "parameters", "install", "proxy", "security"];
    conversion.unknown(feature, &keys, "feature");
    conversion.parameters(feature.get("parameters"));
    let mut recipe = head(&name);
    conversion.suitability(feature.get("suitableFor"), &mut recipe);
    conversion.requirements(feature.get("requirements"), &mut recipe);
    steps::install(&mut conversion, feature.get("install"), &mut recipe);
    conversion.security(feature.get("security"), &mut recipe);
    conversion.proxy(feature.get("proxy"), &mut recipe);
    Ok(conversion.finish(recipe))
}

/// Converts a SafeScale feature file.
///
/// # Errors
///
/// As [`convert`], and [`Error::Config`] if it cannot be read.
pub fn convert_file(path: &Path) -> Result<Converted, Error> {
    convert(&skywright_config::read_text(path)?, path)
}

impl Converted {
    /// Writes the recipe's folder, which must not be there yet.
    ///
    /// # Errors
    ///
    /// [`Error::Exists`], [`Error::Io`].
    pub fn write(&self, folder: &Path) -> Result<(), Error> {
        let scripts = Path::new(SCRIPTS_FOLDER);
        let mut files = vec![(PathBuf::from(RECIPE_FILE), self.recipe.clone())];
        files.extend(self.templates.iter().map(|(name, text)| (scripts.join(name), text.clone())));
        scaffold::write(folder, &files)
    }
}

/// A name as recipes have them: lower case, and hyphens for what is neither letter nor digit.
fn label(text: &str) -> Option<String> {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let label: String = text.chars().map(plain).collect();
    let parts: Vec<&str> = label.split('-').filter(|part| !part.is_empty()).collect();
    let label = parts.join("-");
    (label.starts_with(|c: char| c.is_ascii_lowercase()) && label.len() <= 40).then_some(label)
}

/// The name, with a number behind it if it is taken.
fn fresh(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut fresh = name.to_owned();
    let mut number = 2;
    while is_taken(&fresh) {
        fresh = format!("{name}-{number}");
        number += 1;
    }
    fresh
}

/// `DockerHubUsername` as `docker_hub_username`.
fn snake(text: &str) -> String {
    let mut snake = String::new();
    let mut was_lower = false;
    for c in text.chars().filter(char::is_ascii) {
        if c.is_ascii_uppercase() && was_lower {
            snake.push('_');
        }
        was_lower = c.is_ascii_lowercase() || c.is_ascii_digit();
        snake.push(if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
    }
    snake
}

/// The variable of a script's environment that a secret is in. Not every name may be one.
fn variable_of(secret: &str) -> String {
    let variable = secret.to_uppercase();
    match skywright_recipe_format::is_environment_name(&variable) {
        true => variable,
        false => format!("SECRET_{variable}").chars().take(64).collect(),
    }
}

fn head(name: &str) -> Map<String, Value> {
    let head = json!({
        "recipe": 1,
        "id": format!("converted/{name}"),
        "version": "0.1.0",
        "title": name,
        "description": format!("Converted from SafeScale's feature {name}"),
        "license": "Apache-2.0",
        "report": "whoever converted it",
        "platforms": [{"family": "debian"}, {"family": "rhel"}],
        "idempotence": "once",
    });
    match head {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// What is gathered on the way.
struct Conversion {
    losses: Vec<Loss>,
    templates: BTreeMap<String, String>,
    /// What a template may say, by SafeScale's name.
    parameters: BTreeMap<String, Parameter>,
    /// Roles that targets name.
    roles: BTreeSet<&'static str>,
    uses_library: bool,
}

/// A parameter of a SafeScale feature.
struct Parameter {
    name: String,
    is_secret: bool,
    recipe: Value,
}

impl Conversion {
    fn new(_feature: &Node) -> Self {
        Self {
            losses: Vec::new(),
            templates: BTreeMap::new(),
            parameters: BTreeMap::new(),
            roles: BTreeSet::new(),
            uses_library: false,
        }
    }

    fn lost(&mut self, mark: Mark, message: impl Into<String>) {
        self.losses.push(Loss { line: mark.line, message: message.into() });
    }

    /// Keys that SafeScale ignored, too.
    fn unknown(&mut self, node: &Node, known: &[&str], what: &str) {
        for entry in node.entries().unwrap_or_default() {
            if !known.contains(&entry.key.as_str()) {
                self.lost(entry.mark, format!("`{}` in `{what}` is not carried over", printable(&entry.key)));
            }
        }
    }

    fn parameters(&mut self, node: Option<&Node>) {
        for item in node.and_then(Node::items).unwrap_or_default() {
            let (name, default, description, control) = match item.scalar() {
                Some(text) => match text.split_once('=') {
                    Some((name, value)) => (name.trim().to_owned(), Some(value.to_owned()), None, None),
                    None => (text.trim().to_owned(), None, None, None),
                },
                None => {
                    self.unknown(item, &["name", "description", "value", "control"], "parameters");
                    let text = |key: &str| item.get(key).and_then(Node::scalar);
                    (
                        text("name").unwrap_or_default(),
                        text("value"),
                        text("description"),
                        item.entry("control"),
                    )
                }
            };
            if let Some(control) = control {
                self.lost(
                    control.mark,
                    format!("the control script of `{}`: write a `pattern` instead", printable(&name)),
                );
            }
            let own = snake(&name);
            let is_taken = self.parameters.values().any(|parameter| parameter.name == own);
            if !skywright_recipe_format::is_name(&own) || is_taken {
                self.lost(
                    item.mark,
                    format!(
                        "the parameter `{}`: it has no name that a recipe's could have",
                        printable(&name)
                    ),
                );
                continue;
            }
            let lower = own.as_str();
            let is_secret =
                ["password", "secret", "token", "private_key"].iter().any(|word| lower.contains(word));
            let description = description.unwrap_or_else(|| format!("{name}, as SafeScale had it"));
            let mut recipe =
                json!({"kind": if is_secret { "secret" } else { "text" }, "description": description});
            match default {
                Some(value) if is_secret && !value.is_empty() => {
                    self.lost(item.mark, format!("the default of `{name}`: a secret has none"));
                }
                Some(value) if !is_secret && (value.len() > 4000 || value.chars().any(char::is_control)) => {
                    self.lost(
                        item.mark,
                        format!("the default of `{}`: it is no text of one line", printable(&name)),
                    );
                }
                Some(value) if !is_secret => recipe["default"] = json!(value),
                Some(_) => {}
                None => recipe["required"] = json!(true),
            }
            self.parameters.insert(name, Parameter { name: own, is_secret, recipe });
        }
    }

    fn suitability(&mut self, node: Option<&Node>, recipe: &mut Map<String, Value>) {
        let Some(node) = node else { return };
        self.unknown(node, &["host", "cluster"], "suitableFor");
        let word = |key: &str| {
            node.get(key).and_then(Node::scalar).unwrap_or_else(|| "all".to_owned()).to_lowercase()
        };
        let is_no = |word: &str| matches!(word, "no" | "none" | "false" | "0" | "");
        let (host, cluster) = (word("host"), word("cluster"));
        let mut suits = Vec::new();
        if !is_no(&host) {
            suits.push("host");
        }
        if !is_no(&cluster) || suits.is_empty() {
            suits.push("cluster");
            if !matches!(cluster.as_str(), "all" | "any" | "yes" | "true" | "1" | "*") {
                let flavors: Vec<_> =
                    cluster.split(',').map(str::trim).filter(|flavor| !flavor.is_empty()).collect();
                recipe.insert("cluster_flavors".to_owned(), json!(flavors));
            }
        }
        recipe.insert("suitable_for".to_owned(), json!(suits));
    }

    fn requirements(&mut self, node: Option<&Node>, recipe: &mut Map<String, Value>) {
        let Some(node) = node else { return };
        if node.items().is_some() {
            self.lost(node.mark, "`requirements` is a list, which SafeScale ignored, too");
            return;
        }
        self.unknown(node, &["features", "clusterSizing"], "requirements");
        let features = node.get("features").and_then(Node::items).unwrap_or_default();
        let labels = features.iter().filter_map(|feature| label(&feature.scalar()?));
        let requires: Vec<Value> = labels.map(|name| json!({"feature": name})).collect();
        if !requires.is_empty() {
            recipe.insert("requires".to_owned(), json!(requires));
        }
        if let Some(sizing) = node.entry("clusterSizing") {
            self.layouts(&sizing.node, recipe);
        }
    }

    /// `clusterSizing`: sizes of clusters of a flavor, with sizings of masters and nodes.
    fn layouts(&mut self, node: &Node, recipe: &mut Map<String, Value>) {
        let mut layouts = Vec::new();
        for flavor in node.entries().unwrap_or_default() {
            for size in flavor.node.entries().unwrap_or_default() {
                for (key, role) in [("masters", "master"), ("nodes", "node")] {
                    let Some(sizing) = size.node.get(key).and_then(Node::scalar) else { continue };
                    let (counts, rest): (Vec<&str>, Vec<&str>) =
                        sizing.split(',').map(str::trim).partition(|term| term.starts_with("count"));
                    let digits: String = counts.concat().chars().filter(char::is_ascii_digit).collect();
                    let Ok(count) = digits.parse::<u32>() else {
                        self.lost(size.mark, format!("the sizing of `{key}` names no count"));
                        continue;
                    };
                    let Some(size) = label(&size.key) else {
                        self.lost(size.mark, "a size without a name");
                        continue;
                    };
                    self.roles.insert(role);
                    layouts
                        .push(json!({"size": size, "role": role, "count": count, "sizing": rest.join(", ")}));
                }
            }
        }
        recipe.insert("layouts".to_owned(), json!(layouts));
    }

    fn security(&mut self, node: Option<&Node>, recipe: &mut Map<String, Value>) {
        let rules = node.and_then(|node| node.get("networking")).and_then(Node::items).unwrap_or_default();
        let mut converted = Vec::new();
        for rule in rules {
            self.unknown(rule, &["name", "targets", "protocol", "ports"], "security.networking");
            let text = |key: &str| rule.get(key).and_then(Node::scalar);
            let name = label(&text("name").unwrap_or_default())
                .unwrap_or_else(|| format!("rule-{}", converted.len() + 1));
            let Some(ports) = text("ports") else {
                self.lost(rule.mark, format!("the rule `{name}` names no ports"));
                continue;
            };
            let ports = self.expression_text(rule.mark, &ports);
            let protocol = text("protocol").unwrap_or_else(|| "tcp".to_owned()).to_lowercase();
            let is_known = matches!(protocol.as_str(), "tcp" | "udp");
            if !is_known || (!ports.contains('{') && skywright_recipe_format::parse_ports(&ports).is_err()) {
                self.lost(rule.mark, format!("the rule `{name}`: its protocol or its ports are none"));
                continue;
            }
            let name = fresh(&name, |name| converted.iter().any(|rule: &Value| rule["name"] == name));
            self.lost(
                rule.mark,
                format!("the rule `{name}` is open to everybody, as SafeScale had it: narrow its `sources`"),
            );
            converted.push(json!({
                "name": name, "ports": ports, "protocol": protocol, "sources": ["0.0.0.0/0"], "at_gateways": true,
            }));
        }
        if !converted.is_empty() {
            recipe.insert("firewall".to_owned(), json!(converted));
        }
    }

    /// Kong's services and routes, joined by the route's service.
    fn proxy(&mut self, node: Option<&Node>, recipe: &mut Map<String, Value>) {
        let rules = node.and_then(|node| node.get("rules")).and_then(Node::items).unwrap_or_default();
        let mut services: BTreeMap<String, Value> = BTreeMap::new();
        let mut rule_names: Vec<String> = Vec::new();
        let mut published = Vec::new();
        for rule in rules {
            self.unknown(rule, &["name", "type", "targets", "content"], "proxy.rules");
            let text = |key: &str| rule.get(key).and_then(Node::scalar).unwrap_or_default();
            let raw = text("name");
            let name = self.expression_text(rule.mark, &raw);
            let content = rule_names.iter().fold(text("content"), |content, name| without_id(&content, name));
            let content = self.expression_text(rule.mark, &content);
            rule_names.push(raw);
            let Ok(content) = serde_json::from_str::<Value>(&content) else {
                self.lost(
                    rule.mark,
                    format!("the proxy rule `{}`: its content is no JSON", printable(&name)),
                );
                continue;
            };
            match text("type").as_str() {
                "service" => {
                    services.insert(name, content);
                }
                "route" => {
                    if let Some(mut route) = self.route(rule.mark, &name, &content, &services) {
                        let own = route["name"].as_str().unwrap_or("route").to_owned();
                        route["name"] = json!(fresh(&own, |name| published
                            .iter()
                            .any(|rule: &Value| rule["name"] == name)));
                        published.push(route);
                    }
                }
                other => {
                    self.lost(
                        rule.mark,
                        format!("the proxy rule `{}` of type `{}`", printable(&name), printable(other)),
                    );
                }
            }
        }
        if !published.is_empty() {
            recipe.insert("publish".to_owned(), json!(published));
        }
    }

    fn route(
        &mut self,
        mark: Mark,
        name: &str,
        content: &Value,
        services: &BTreeMap<String, Value>,
    ) -> Option<Value> {
        // A route names its service by what SafeScale made a variable of, or else it is the last one.
        let id = content["service"]["id"].as_str().unwrap_or_default().to_owned();
        let service = services
            .iter()
            .find(|(name, _)| id.contains(name.as_str()))
            .or_else(|| services.iter().next_back());
        let Some((_, service)) = service else {
            self.lost(mark, format!("the route `{}` has no service", printable(name)));
            return None;
        };
        let paths: Vec<&str> =
            content["paths"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if paths.len() > 1 {
            self.lost(
                mark,
                format!("the route `{}` has several paths: the first is carried over", printable(name)),
            );
        }
        let networks = |key: &str| -> Vec<&str> {
            content["source-control"][key]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect()
        };
        let mut rule = json!({
            "name": label(name).unwrap_or_else(|| "route".to_owned()),
            "path": paths.first().copied().filter(|path| !path.trim().is_empty()).unwrap_or("/"),
            "upstreams": [upstream(service)],
            "strip_path": content["strip_path"].as_bool().unwrap_or(true),
        });
        for (key, list) in [("allowed_from", networks("whitelist")), ("denied_from", networks("blacklist"))] {
            if !list.is_empty() {
                rule[key] = json!(list);
            }
        }
        if let Some(host) =
            content["hosts"].as_array().and_then(|hosts| hosts.first()).and_then(Value::as_str)
        {
            rule["host_name"] = json!(host);
        }
        let keys = content.as_object().into_iter().flat_map(Map::keys);
        for key in keys.filter(|key| !ROUTE_KEYS.contains(&key.as_str())) {
            self.lost(mark, format!("`{}` of the route `{}`", printable(key), printable(name)));
        }
        Some(rule)
    }

    fn finish(mut self, mut recipe: Map<String, Value>) -> Converted {
        if !self.roles.is_empty() {
            let roles: Map<String, Value> =
                self.roles.iter().map(|role| ((*role).to_owned(), json!({}))).collect();
            recipe.insert("roles".to_owned(), Value::Object(roles));
        }
        let parameters: Map<String, Value> =
            self.parameters.into_values().map(|parameter| (parameter.name, parameter.recipe)).collect();
        if !parameters.is_empty() {
            recipe.insert("parameters".to_owned(), Value::Object(parameters));
        }
        if self.uses_library {
            self.templates.insert(LIBRARY_FILE.to_owned(), LIBRARY.to_owned());
        }
        self.losses.sort();
        self.losses.dedup();
        Converted {
            recipe: yaml::write(&Value::Object(recipe)),
            templates: self.templates,
            losses: self.losses,
        }
    }
}

/// What is carried over of a route, or means nothing here.
const ROUTE_KEYS: [&str; 8] =
    ["service", "paths", "hosts", "source-control", "strip_path", "protocols", "name", "preserve_host"];

/// Where a service of Kong's is.
fn upstream(service: &Value) -> String {
    if let Some(url) = service["url"].as_str() {
        return url.to_owned();
    }
    let text = |key: &str, other: &str| match &service[key] {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => other.to_owned(),
    };
    format!("{}://{}:{}", text("protocol", "http"), text("host", "127.0.0.1"), text("port", "80"))
}

/// The content of a rule with the name of another instead of its id, of which SafeScale made a variable.
fn without_id(content: &str, name: &str) -> String {
    let forms = [format!("{{{{ .{name} }}}}"), format!("{{{{.{name}}}}}"), format!("{{{{ .{name}}}}}")];
    forms.iter().fold(content.to_owned(), |content, form| content.replace(form.as_str(), name))
}

fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}
