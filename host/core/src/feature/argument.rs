//! Parameters: what a user says, held against what a feature declares.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use skywright_recipe_format::plan::{Argument, ArgumentValue, FeatureInfo, Parameter};
use skywright_recipe_format::{Parameter as Rules, ParameterKind};
use zeroize::Zeroizing;

use super::fault::{Fault, shown};
use crate::error::Error;
use crate::secret::{SecretContext, SecretSource};

/// A parameter that a user gave: `feature:name=value`. Given again, it is a further value of a list.
///
/// A secret is given by where it is kept, such as `env:NAME` or `file:PATH`, never itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// Of which feature: its name or id. `None` is the one that the command names.
    pub feature: Option<String>,
    /// Which.
    pub name: String,
    /// The value.
    pub value: String,
}

/// What a feature is told, and the secrets that it is not.
pub(super) struct Arguments {
    pub(super) arguments: Vec<Argument>,
    pub(super) secrets: BTreeMap<String, Zeroizing<String>>,
}

/// Whether a parameter is meant for a feature.
fn is_for(given: &Given, id: &str, is_named: bool) -> bool {
    match &given.feature {
        None => is_named,
        Some(name) => super::resolve::is_called(id, name),
    }
}

/// The arguments of one feature: kinds, bounds, choices and patterns hold, and defaults are filled in. `before`
/// is what it was given when it was installed, which stays unless it is said anew.
pub(super) async fn arguments(
    id: &str,
    info: &FeatureInfo,
    given: &[Given],
    is_named: bool,
    before: Option<&Arguments>,
) -> Result<Arguments, Error> {
    let wrong = |parameter: &str, reason: String| -> Error {
        Fault::Argument { feature: id.to_owned(), parameter: shown(parameter), reason }.into()
    };
    let own: Vec<&Given> = given.iter().filter(|given| is_for(given, id, is_named)).collect();
    for given in &own {
        if !info.parameters.iter().any(|parameter| parameter.name == given.name) {
            let known: Vec<_> = info.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
            let there = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(wrong(&given.name, format!("there is no such parameter; there are: {there}")));
        }
    }
    let mut result = Arguments { arguments: Vec::new(), secrets: BTreeMap::new() };
    for parameter in &info.parameters {
        let values: Vec<&String> =
            own.iter().filter(|given| given.name == parameter.name).map(|given| &given.value).collect();
        let name = parameter.name.clone();
        if values.len() > 1 && !parameter.many {
            return Err(wrong(&name, "it is given twice, and has one value".to_owned()));
        }
        let rules = rules(parameter);
        if parameter.kind == ParameterKind::Secret {
            let value = match values.first() {
                Some(source) => Some(resolve_secret(&name, source).await?),
                None => before.and_then(|before| before.secrets.get(&name)).cloned(),
            };
            let Some(value) = value else {
                require(parameter).map_err(|reason| wrong(&name, reason))?;
                continue;
            };
            rules.check(&value).map_err(|fault| wrong(&name, fault.to_string()))?;
            result.secrets.insert(name.clone(), value);
            result.arguments.push(Argument { name, value: ArgumentValue::Secret });
            continue;
        }
        for text in &values {
            rules.check(text).map_err(|fault| wrong(&name, fault.to_string()))?;
        }
        let texts: Vec<String> = values.into_iter().cloned().collect();
        let known = before.and_then(|before| before.arguments.iter().find(|own| own.name == name));
        let value = match (texts.is_empty(), known) {
            (true, Some(known)) if still_fits(&rules, &known.value) => known.value.clone(),
            (true, _) if parameter.default.is_empty() => {
                require(parameter).map_err(|reason| wrong(&name, reason))?;
                continue;
            }
            (true, _) => of(parameter, parameter.default.clone()),
            (false, _) => of(parameter, texts),
        };
        result.arguments.push(Argument { name, value });
    }
    Ok(result)
}

/// A secret, from where the user says that it is kept.
async fn resolve_secret(name: &str, source: &str) -> Result<Zeroizing<String>, Error> {
    let source: SecretSource = source.parse()?;
    // Paths are those of the user's own folder; nothing sealed comes from a command line.
    let context = SecretContext { tenant: "", base: Path::new("."), master_key: Path::new("") };
    source.resolve(name, &context).await
}

/// That every parameter that names a feature names one that is run.
pub(super) fn refuse_unknown(given: &[Given], ids: &BTreeSet<&str>) -> Result<(), Error> {
    for own in given {
        if let Some(name) = &own.feature
            && !ids.iter().any(|id| super::resolve::is_called(id, name))
        {
            let reason = "that feature has no part in this".to_owned();
            return Err(Fault::Argument { feature: shown(name), parameter: shown(&own.name), reason }.into());
        }
    }
    Ok(())
}

fn require(parameter: &Parameter) -> Result<(), String> {
    if parameter.required { Err("it has to be given".to_owned()) } else { Ok(()) }
}

fn of(parameter: &Parameter, texts: Vec<String>) -> ArgumentValue {
    match parameter.many {
        true => ArgumentValue::Texts(texts),
        false => ArgumentValue::Text(texts.into_iter().next().unwrap_or_default()),
    }
}

/// An older version may have taken what this one does not.
fn still_fits(rules: &Rules, value: &ArgumentValue) -> bool {
    match value {
        ArgumentValue::Text(text) => !rules.many && rules.check(text).is_ok(),
        ArgumentValue::Texts(texts) => rules.many && texts.iter().all(|text| rules.check(text).is_ok()),
        ArgumentValue::Secret => false,
    }
}

/// What the format checks a value with.
fn rules(own: &Parameter) -> Rules {
    Rules {
        kind: own.kind,
        description: String::new(),
        many: own.many,
        required: own.required,
        default: None,
        example: None,
        choices: own.choices.clone(),
        pattern: own.pattern.clone(),
        minimum: own.minimum,
        maximum: own.maximum,
    }
}
