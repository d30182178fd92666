//! What templates know. What is not known is not there, so that using it is an error and asking for it with
//! `if` or `default` is not. No secret is ever here.

use std::collections::BTreeMap;

use serde::Serialize;
use skywright_recipe_format::plan::{Argument, ArgumentValue, HostView, Request, StepResult, Target};
use skywright_recipe_format::{Bundle, Parameter, ParameterKind, Recipe};
use tera::{Context, Value};

use crate::refusal::Refusal;

/// Outputs by step and name.
type Outputs<'a> = BTreeMap<&'a str, BTreeMap<&'a str, &'a str>>;

/// The variables of an action: those that every host shares, and each host's own.
pub(crate) struct Variables {
    shared: Context,
    hosts: BTreeMap<String, Value>,
}

#[derive(Serialize)]
struct Host<'a> {
    id: &'a str,
    name: &'a str,
    short_name: &'a str,
    index: usize,
    roles: &'a [String],
    private_address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    public_address: Option<&'a str>,
    user: &'a str,
    is_gateway: bool,
    os_family: &'a str,
    os_distribution: &'a str,
    os_version: &'a str,
    os_major: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    os_codename: Option<&'a str>,
    architecture: &'a str,
    vcpus: u32,
    memory_mib: u64,
    gpu_count: u32,
    facts: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    installed: Option<&'a str>,
    outputs: Outputs<'a>,
}

#[derive(Serialize)]
struct Feature<'a> {
    name: &'a str,
    version: String,
}

#[derive(Serialize)]
struct Installed<'a> {
    version: &'a str,
    outputs: BTreeMap<&'a str, &'a str>,
}

#[derive(Serialize)]
struct Place<'a> {
    name: &'a str,
    is_cluster: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    flavor: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cidr: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    endpoint: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    virtual_ip: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default_route: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    admin_user: Option<&'a str>,
    features: BTreeMap<&'a str, Installed<'a>>,
}

/// A parameter's value, with the type that its kind says.
#[derive(Serialize)]
#[serde(untagged)]
enum Typed<'a> {
    Text(&'a str),
    Integer(i64),
    Boolean(bool),
    Several(Vec<Typed<'a>>),
}

impl Variables {
    /// Of a request. `results` are those that count: of rounds before this one.
    pub(crate) fn new(bundle: &Bundle, request: &Request, results: &[StepResult]) -> Result<Self, Refusal> {
        let target = &request.target;
        let mut shared = Context::new();
        let mut hosts = BTreeMap::new();
        let mut values = Vec::new();
        for (index, view) in target.hosts.iter().enumerate() {
            let own = value(&host(view, index, target, results))?;
            if hosts.insert(view.id.clone(), own.clone()).is_some() {
                return Err(Refusal::Request(format!("two hosts have the id `{}`", view.id)));
            }
            values.push(own);
        }
        let gateways: Vec<Host<'_>> =
            target.gateways.iter().enumerate().map(|(index, view)| host(view, index, target, &[])).collect();
        shared.insert_value("action", value(request.action.name())?);
        shared.insert_value("feature", value(&feature(&bundle.recipe))?);
        shared.insert_value("parameters", value(&parameters(&bundle.recipe, &request.parameters))?);
        shared.insert_value("target", value(&place(target))?);
        shared.insert_value("roles", roles(&bundle.recipe, target, &values));
        shared.insert_value("gateways", value(&gateways)?);
        shared.insert_value("outputs", value(&outputs_of_one(results))?);
        shared.insert_value("hosts", Value::from(values));
        Ok(Self { shared, hosts })
    }

    /// Those of no host in particular.
    pub(crate) fn shared(&self) -> &Context {
        &self.shared
    }

    /// Those of a host.
    pub(crate) fn of(&self, host: &str) -> Context {
        let mut context = self.shared.clone();
        if let Some(value) = self.hosts.get(host) {
            context.insert_value("host", value.clone());
        }
        context
    }
}

fn value<T: Serialize + ?Sized>(own: &T) -> Result<Value, Refusal> {
    Value::try_from_serializable(own).map_err(|error| Refusal::Request(error.to_string()))
}

fn feature(recipe: &Recipe) -> Feature<'_> {
    Feature { name: recipe.name(), version: recipe.version.to_string() }
}

fn host<'a>(view: &'a HostView, index: usize, target: &Target, results: &'a [StepResult]) -> Host<'a> {
    let mut outputs = Outputs::new();
    for result in results.iter().filter(|result| result.host == view.id) {
        let own = result.outputs.iter().map(|pair| (pair.key.as_str(), pair.value.as_str()));
        outputs.entry(&result.step).or_default().extend(own);
    }
    Host {
        id: &view.id,
        name: &view.name,
        short_name: view.name.split('.').next().unwrap_or_default(),
        index,
        roles: &view.roles,
        private_address: &view.private_address,
        public_address: view.public_address.as_deref(),
        user: &view.user,
        is_gateway: target.gateways.iter().any(|gateway| gateway.id == view.id),
        os_family: &view.os_family,
        os_distribution: &view.os_distribution,
        os_version: &view.os_version,
        os_major: view.os_version.split('.').next().unwrap_or_default(),
        os_codename: view.os_codename.as_deref(),
        architecture: &view.architecture,
        vcpus: view.vcpus,
        memory_mib: view.memory_mib,
        gpu_count: view.gpu_count,
        facts: view.facts.iter().map(|fact| (fact.key.as_str(), fact.value.as_str())).collect(),
        installed: view.installed.as_deref(),
        outputs,
    }
}

fn place(target: &Target) -> Place<'_> {
    let installed = target.features.iter().map(|feature| {
        let outputs = feature.outputs.iter().map(|pair| (pair.key.as_str(), pair.value.as_str())).collect();
        (feature.feature.as_str(), Installed { version: &feature.version, outputs })
    });
    Place {
        name: &target.name,
        is_cluster: target.is_cluster,
        flavor: target.flavor.as_deref(),
        size: target.size.as_deref(),
        cidr: target.cidr.as_deref(),
        endpoint: target.endpoint.as_deref(),
        virtual_ip: target.virtual_ip.as_deref(),
        default_route: target.default_route.as_deref(),
        admin_user: target.admin_user.as_deref(),
        features: installed.collect(),
    }
}

/// The hosts of each role; of a role that none plays, an empty list.
fn roles(recipe: &Recipe, target: &Target, values: &[Value]) -> Value {
    let mut roles: BTreeMap<&str, Vec<Value>> =
        recipe.roles.keys().map(|role| (role.as_str(), Vec::new())).collect();
    for (view, value) in target.hosts.iter().zip(values) {
        for role in &view.roles {
            roles.entry(role).or_default().push(value.clone());
        }
    }
    let mut map = tera::Map::new();
    for (role, hosts) in roles {
        map.insert(role.to_owned().into(), Value::from(hosts));
    }
    Value::from(map)
}

/// Outputs of steps that one host alone gave.
fn outputs_of_one(results: &[StepResult]) -> Outputs<'_> {
    let mut outputs = Outputs::new();
    let mut given: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for result in results {
        for pair in &result.outputs {
            *given.entry((&result.step, &pair.key)).or_default() += 1;
            outputs.entry(&result.step).or_default().insert(&pair.key, &pair.value);
        }
    }
    for (step, own) in &mut outputs {
        own.retain(|name, _| given.get(&(*step, *name)) == Some(&1));
    }
    outputs
}

fn parameters<'a>(recipe: &'a Recipe, given: &'a [Argument]) -> BTreeMap<&'a str, Typed<'a>> {
    let mut values = BTreeMap::new();
    for (name, parameter) in &recipe.parameters {
        let argument = given.iter().find(|argument| argument.name == *name).map(|argument| &argument.value);
        if parameter.kind == ParameterKind::Secret {
            continue;
        }
        let typed = match argument {
            Some(ArgumentValue::Text(text)) if parameter.many => {
                Some(Typed::Several(vec![typed(parameter, text)]))
            }
            Some(ArgumentValue::Text(text)) => Some(typed(parameter, text)),
            Some(ArgumentValue::Texts(texts)) => {
                Some(Typed::Several(texts.iter().map(|text| typed(parameter, text)).collect()))
            }
            None if parameter.many => Some(Typed::Several(Vec::new())),
            Some(ArgumentValue::Secret) | None => None,
        };
        values.extend(typed.map(|typed| (name.as_str(), typed)));
    }
    values
}

fn typed<'a>(parameter: &Parameter, text: &'a str) -> Typed<'a> {
    match parameter.kind {
        ParameterKind::Integer | ParameterKind::Port => {
            text.parse().map_or(Typed::Text(text), Typed::Integer)
        }
        ParameterKind::Boolean => text.parse().map_or(Typed::Text(text), Typed::Boolean),
        _ => Typed::Text(text),
    }
}
