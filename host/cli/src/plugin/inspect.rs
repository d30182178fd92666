//! `skywright plugin inspect`: exactly what a plugin is and may do.

use std::fmt::Write as _;

use serde_json::{Value, json};
use skywright_contract::{CONTRACT_VERSION, Kind};
use skywright_runtime::{Plugin, printable};

use super::{host, human_bytes};
use crate::args::Which;
use crate::error::Error;
use crate::output::{Printer, table};

pub(super) async fn run(args: Which, printer: &Printer) -> Result<(), Error> {
    let plugin = host(&args.sandbox, false)?.load(&args.plugin).await?;
    let described = match plugin.package().manifest.kind {
        Kind::Provider => described(&plugin, "driver.describe").await?,
        Kind::Feature => described(&plugin, "recipe.describe").await?,
    };
    let result = as_json(&plugin, described);
    printer.result(&result, || as_text(&plugin, &result))
}

async fn described(plugin: &Plugin, function: &str) -> Result<Value, Error> {
    let function = plugin.function(function)?;
    let session = std::sync::Arc::new(skywright_runtime::Session::nothing());
    Ok(plugin.instantiate(&session).await?.call_json(function, &[]).await?)
}

fn as_json(plugin: &Plugin, described: Value) -> Value {
    let package = plugin.package();
    let manifest = &package.manifest;
    let capabilities: Vec<_> = manifest
        .capabilities
        .iter()
        .map(|capability| json!({ "description": capability.description(), "name": capability }))
        .collect();
    json!({
        "capabilities": capabilities,
        "contract": manifest.contract,
        "described": described,
        "digest": package.digest,
        "documentation": manifest.documentation,
        "exports": plugin.interfaces().exports,
        "host_contract": CONTRACT_VERSION,
        "id": manifest.id,
        "imports": plugin.interfaces().imports,
        "kind": manifest.kind,
        "license": manifest.license,
        "report": manifest.report,
        "signed": false,
        "size_bytes": package.size_bytes,
        "title": manifest.title,
        "version": manifest.version,
    })
}

fn as_text(plugin: &Plugin, json: &Value) -> String {
    let package = plugin.package();
    let manifest = &package.manifest;
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<13} {value}");
    };
    line("plugin", &format!("{} {}", manifest.id, manifest.version));
    line("title", &manifest.title);
    line("kind", manifest.kind.name());
    line("contract", &format!("{} (this host speaks {CONTRACT_VERSION})", manifest.contract));
    line("license", &manifest.license);
    line("report to", &manifest.report);
    if let Some(documentation) = &manifest.documentation {
        line("documentation", documentation);
    }
    line("size", &format!("{} ({} bytes)", human_bytes(package.size_bytes), package.size_bytes));
    line("digest", &package.digest.to_string());
    line("trust", "unsigned");
    text.push_str("\nmay\n");
    if manifest.capabilities.is_empty() {
        text.push_str("  nothing: it imports no function\n");
    }
    for capability in &manifest.capabilities {
        let _ = writeln!(text, "  {:<12} {}", capability.name(), capability.description());
    }
    interfaces(&mut text, "imports", &plugin.interfaces().imports);
    interfaces(&mut text, "exports", &plugin.interfaces().exports);
    declared(&mut text, "endpoints", &json["described"]["endpoints"], ["name", "pattern", "credentials"]);
    declared(
        &mut text,
        "settings",
        &json["described"]["settings"],
        ["key", "kind", "required", "default", "description"],
    );
    declared(
        &mut text,
        "parameters",
        &json["described"]["parameters"],
        ["name", "kind", "required", "default", "description"],
    );
    text
}

type Functions = std::collections::BTreeMap<String, std::collections::BTreeMap<String, String>>;

fn interfaces(text: &mut String, title: &str, interfaces: &Functions) {
    if interfaces.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{title}");
    for (interface, functions) in interfaces {
        let names = functions.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        let names = if names.is_empty() { "types only".to_owned() } else { names };
        let _ = writeln!(text, "  {interface}: {names}");
    }
}

/// A list of records that the plugin declared; it is the plugin's text, so it is made printable.
fn declared<const N: usize>(text: &mut String, title: &str, items: &Value, columns: [&str; N]) {
    let Some(items) = items.as_array().filter(|items| !items.is_empty()) else { return };
    let cell = |item: &Value, column: &str| match &item[column] {
        Value::Null => "-".to_owned(),
        Value::String(text) => printable(text),
        Value::Array(values) => {
            let words: Vec<_> = values.iter().map(|v| printable(v.as_str().unwrap_or_default())).collect();
            words.join(", ")
        }
        other => other.to_string(),
    };
    let rows = items.iter().map(|item| columns.map(|column| cell(item, column)));
    let _ = writeln!(text, "\n{title}");
    for row in table(columns, rows).lines() {
        let _ = writeln!(text, "  {row}");
    }
}
