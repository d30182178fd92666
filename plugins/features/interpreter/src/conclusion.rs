//! How an action ended.

use std::collections::BTreeMap;

use skywright_recipe_format::limits::TEXT_CHARACTERS;
use skywright_recipe_format::plan::{
    Action, ConcludedOutput, Conclusion, KeyValue, Outcome, OutputRef, Request, StepResult, Value,
};
use skywright_recipe_format::{Bundle, Output};

use crate::context::Variables;
use crate::refusal::Refusal;
use crate::render::Renderer;

/// Which hosts have it now, and what it has.
pub(crate) fn conclude(
    bundle: &Bundle,
    request: &Request,
    renderer: &Renderer,
    variables: &Variables,
) -> Result<Conclusion, Refusal> {
    let recipe = &bundle.recipe;
    let hosts_with_feature = hosts_with_feature(request);
    let text = |text: &str| renderer.inline(text, variables.shared(), TEXT_CHARACTERS);
    let summary = match recipe.own_action(request.action).and_then(|action| action.summary.as_ref()) {
        Some(summary) => text(summary)?,
        None => {
            let (with, all) = (hosts_with_feature.len(), request.target.hosts.len());
            format!("{with} of {all} hosts have {}", recipe.name())
        }
    };
    let (mut outputs, mut endpoints) = (Vec::new(), Vec::new());
    if matches!(request.action, Action::Add | Action::Upgrade) {
        for (name, output) in &recipe.outputs {
            let value = match &output.value {
                Some(value) => Some(Value::Plain(text(value)?)),
                None => of_step(output, &request.results),
            };
            outputs.extend(value.map(|value| ConcludedOutput { name: name.clone(), value }));
        }
        for (key, endpoint) in &recipe.endpoints {
            let value = text(endpoint)?.trim().to_owned();
            if !value.is_empty() {
                endpoints.push(KeyValue { key: key.clone(), value });
            }
        }
    }
    Ok(Conclusion { hosts_with_feature, summary, outputs, endpoints })
}

fn hosts_with_feature(request: &Request) -> Vec<String> {
    let mut found: BTreeMap<&str, bool> = BTreeMap::new();
    for result in &request.results {
        let is_well = result.outcome != Outcome::Failed;
        let known = found.entry(&result.host).or_insert(true);
        *known = *known && is_well;
    }
    let has = |id: &str, installed: bool| match (request.action, found.get(id)) {
        (Action::Check, found) => found.copied().unwrap_or(false),
        (Action::Add | Action::Upgrade, found) => found.is_some() || installed,
        (Action::Remove, found) => found.is_none() && installed,
    };
    let hosts = request.target.hosts.iter().filter(|host| has(&host.id, host.installed.is_some()));
    hosts.map(|host| host.id.clone()).collect()
}

/// The value that a step gave: that of the first host that did.
fn of_step(output: &Output, results: &[StepResult]) -> Option<Value> {
    let from = output.from.as_ref()?;
    results.iter().filter(|result| result.step == from.step).find_map(|result| {
        let plain = result.outputs.iter().find(|pair| pair.key == from.output);
        if let Some(pair) = plain {
            return Some(Value::Plain(pair.value.clone()));
        }
        result.secret_outputs.contains(&from.output).then(|| {
            Value::Output(OutputRef {
                step: from.step.clone(),
                host: result.host.clone(),
                output: from.output.clone(),
            })
        })
    })
}
