//! `skywright tenant inspect`: everything about a tenant but its secrets.

use std::fmt::Write as _;

use serde_json::{Value, json};
use skywright_core::{GrantReport, Tenant, TenantChoice, grant_of};
use skywright_runtime::driver::{DriverInfo, SettingKind};
use skywright_runtime::{Plugin, printable};

use super::args::TenantWhich;
use super::choose;
use crate::args::Scope;
use crate::error::Error;
use crate::output::{Printer, table};
use crate::plugin::host;

pub(super) async fn run(args: TenantWhich, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    let choice = choose(args.name, scope)?;
    let host = host(&args.sandbox, false)?;
    let loaded = match host.load(&choice.tenant.provider).await {
        Ok(plugin) => match plugin.describe_provider().await {
            Ok(info) => Ok((plugin, info)),
            Err(error) => Err(error.to_string()),
        },
        Err(error) => Err(error.to_string()),
    };
    let result = as_json(&choice, &loaded);
    printer.result(&result, || as_text(&result))
}

fn as_json(choice: &TenantChoice, loaded: &Result<(Plugin, DriverInfo), String>) -> Value {
    let tenant = &choice.tenant;
    let (mut problem, mut report) = (None, GrantReport::default());
    let (plugin, info) = match loaded {
        Ok((plugin, info)) => {
            match grant_of(info, tenant, &choice.base) {
                Ok((_, granted)) => report = granted,
                Err(error) => problem = Some(error.to_string()),
            }
            let manifest = &plugin.package().manifest;
            (json!({ "id": manifest.id, "title": manifest.title, "version": manifest.version }), Some(info))
        }
        Err(error) => {
            problem = Some(error.clone());
            (Value::Null, None)
        }
    };
    let secrets = tenant.secrets.iter().map(
        |(key, source)| json!({ "key": key, "source": source.kind(), "source_text": source.to_string() }),
    );
    let grants = &tenant.grants;
    json!({
        "defaults": tenant.defaults.views(),
        "grants": {
            "ca_file": grants.ca_file,
            "endpoints": report.endpoints,
            "left_out": report.left_out,
            "networks": grants.networks,
            "plaintext_credentials": grants.plaintext_credentials,
            "proxy": grants.proxy.as_deref().map(without_login),
        },
        "name": choice.name,
        "plugin": plugin,
        "problem": problem,
        "provider": tenant.provider,
        "secrets": secrets.collect::<Vec<_>>(),
        "settings": settings(tenant, info),
    })
}

/// Values only where the plugin says that they are no secrets.
fn settings(tenant: &Tenant, info: Option<&DriverInfo>) -> Vec<Value> {
    let declared = |key: &str| info?.settings.iter().find(|setting| setting.key == key);
    let given = tenant.settings.iter().map(|(key, value)| {
        let value = value.to_string();
        let public = declared(key).is_some_and(|setting| match setting.kind {
            SettingKind::Secret => false,
            // What is no URL was meant for another key.
            SettingKind::Url => url::Url::parse(&value).is_ok(),
            _ => true,
        });
        let value = public.then(|| without_login(&value));
        json!({ "key": key, "origin": "tenant", "value": value })
    });
    let defaults = info.into_iter().flat_map(|info| &info.settings).filter_map(|setting| {
        let value = setting.default.as_ref()?;
        let given = tenant.settings.contains_key(&setting.key);
        (!given).then(|| json!({ "key": setting.key, "origin": "default", "value": value }))
    });
    given.chain(defaults).collect()
}

/// A URL without the user and password that may be in it; other text as it is.
fn without_login(text: &str) -> String {
    match url::Url::parse(text) {
        Ok(mut url) if url.password().is_some() || !url.username().is_empty() => {
            let _ = url.set_password(None);
            let _ = url.set_username("");
            url.to_string()
        }
        _ => text.to_owned(),
    }
}

fn as_text(json: &Value) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<9} {value}");
    };
    line("tenant", &word(&json["name"]));
    match &json["plugin"] {
        Value::Null => line("plugin", &format!("{}, which is not there", word(&json["provider"]))),
        plugin => line("plugin", &format!("{} {}", word(&plugin["id"]), word(&plugin["version"]))),
    }
    if let Some(problem) = json["problem"].as_str() {
        line("problem", &printable(problem));
    }
    section(&mut text, "settings", &json["settings"], ["key", "value", "origin"]);
    section(&mut text, "secrets", &json["secrets"], ["key", "source_text"]);
    let said = |view: &&Value| !view["value"].is_null();
    let defaults: Vec<_> = json["defaults"].as_array().into_iter().flatten().filter(said).cloned().collect();
    section(&mut text, "defaults", &Value::Array(defaults), ["key", "value", "origin"]);
    let grants = &json["grants"];
    section(&mut text, "may reach", &grants["endpoints"], ["name", "pattern", "credentials"]);
    section(&mut text, "declared, and left out", &grants["left_out"], ["name", "pattern", "reason"]);
    for (name, key) in [
        ("networks", "networks"),
        ("plaintext credentials", "plaintext_credentials"),
        ("certificate authorities", "ca_file"),
        ("proxy", "proxy"),
    ] {
        let value = &grants[key];
        let nothing = value.is_null() || value == false || value.as_array().is_some_and(Vec::is_empty);
        if !nothing {
            let _ = writeln!(text, "\n{name}: {}", word(value));
        }
    }
    text
}

fn section<const N: usize>(text: &mut String, title: &str, items: &Value, columns: [&str; N]) {
    let Some(items) = items.as_array().filter(|items| !items.is_empty()) else { return };
    let rows = items.iter().map(|item| columns.map(|column| word(&item[column])));
    let _ = writeln!(text, "\n{title}");
    for row in table(columns.map(|column| column.trim_end_matches("_text")), rows).lines() {
        let _ = writeln!(text, "  {row}");
    }
}

/// A cell; what a plugin or a file says is made printable.
fn word(value: &Value) -> String {
    match value {
        Value::Null => "(not shown)".to_owned(),
        Value::String(text) => printable(text),
        Value::Array(values) => values.iter().map(word).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
