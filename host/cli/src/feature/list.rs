//! `skywright feature list|inspect`.

use std::fmt::Write as _;

use serde_json::json;
use skywright_contract::Kind;
use skywright_recipe_format::plan::FeatureInfo;
use skywright_runtime::printable;

use super::args::Inspect;
use crate::args::Sandbox;
use crate::error::Error;
use crate::output::{Printer, table};
use crate::plugin::host;

pub(super) fn list(sandbox: &Sandbox, printer: &Printer) -> Result<(), Error> {
    let listed = host(sandbox, false)?.list()?;
    let features: Vec<_> = listed
        .iter()
        .filter_map(|plugin| plugin.facts.as_ref().ok().filter(|facts| facts.kind == Kind::Feature))
        .collect();
    let result: Vec<_> = features
        .iter()
        .map(|facts| json!({ "id": facts.id, "title": facts.title, "version": facts.version }))
        .collect();
    printer.result(&result, || table(["name", "version", "title"], features.iter().map(|facts| row(facts))))
}

fn row(facts: &skywright_registry::ListedFacts) -> [String; 3] {
    [facts.id.to_string(), facts.version.to_string(), printable(&facts.title)]
}

pub(super) async fn inspect(args: Inspect, sandbox: &Sandbox, printer: &Printer) -> Result<(), Error> {
    let host = host(sandbox, false)?;
    let plugin = host.load(&args.feature).await?;
    let function = plugin.function("recipe.describe")?;
    let json = plugin.instantiate(&host.bare_session()?).await?.call_json(function, &[]).await?;
    let info: FeatureInfo = serde_json::from_value(json).map_err(|error| {
        skywright_recipe::Error::Planner(format!("its description is not understood: {error}"))
    })?;
    printer.result(&info, || described(&info))
}

/// A feature for people. All of it is foreign text.
fn described(info: &FeatureInfo) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "{name:<13} {}", printable(value));
        }
    };
    line("feature", &format!("{} {}", info.name, info.version));
    line("title", &info.title);
    for (index, paragraph) in info.description.lines().enumerate() {
        line(if index == 0 { "description" } else { "" }, paragraph);
    }
    let requirements = |list: &[skywright_recipe_format::plan::Requirement]| {
        let each = list.iter().map(|own| match &own.versions {
            Some(versions) => format!("{} {versions}", own.feature),
            None => own.feature.clone(),
        });
        each.collect::<Vec<_>>().join(", ")
    };
    line("requires", &requirements(&info.requires));
    line("conflicts", &requirements(&info.conflicts));
    let actions: Vec<_> = info.actions.iter().map(|action| action.name()).collect();
    line("actions", &actions.join(", "));
    let mut parts = vec![text];
    let platforms = info.platforms.iter().map(|own| {
        let any =
            |list: &[String]| if list.is_empty() { "any".to_owned() } else { printable(&list.join(", ")) };
        let distribution = own.distribution.clone().unwrap_or_else(|| "any".to_owned());
        [printable(&own.family), printable(&distribution), any(&own.versions), any(&own.architectures)]
    });
    parts.push(table(["family", "distribution", "versions", "architectures"], platforms));
    if !info.parameters.is_empty() {
        let parameters = info.parameters.iter().map(|own| {
            let kind = serde_json::to_value(own.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
            let many = if own.many { " …" } else { "" };
            let default =
                if own.required { "required".to_owned() } else { printable(&own.default.join(", ")) };
            [
                printable(&own.name),
                format!("{}{many}", kind.unwrap_or_default()),
                default,
                printable(&own.description),
            ]
        });
        parts.push(table(["parameter", "kind", "default", "description"], parameters));
    }
    if !info.roles.is_empty() {
        let roles = info.roles.iter().map(|own| {
            let most = own.at_most.map_or_else(|| "any".to_owned(), |most| most.to_string());
            [printable(&own.name), own.at_least.to_string(), most, printable(&own.description)]
        });
        parts.push(table(["role", "at least", "at most", "description"], roles));
    }
    if !info.outputs.is_empty() {
        let outputs = info.outputs.iter().map(|own| {
            let secret = if own.secret { "secret" } else { "" };
            [printable(&own.name), secret.to_owned(), printable(&own.description)]
        });
        parts.push(table(["output", "", "description"], outputs));
    }
    parts.iter().map(|part| part.trim_end()).collect::<Vec<_>>().join("\n\n")
}
