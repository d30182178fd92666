//! `skywright tenant check`: whether a tenant fits its plugin, and on request its cloud.

use std::sync::Arc;

use serde_json::{Value, json};
use skywright_core::{Tenant, TenantChoice};
use skywright_runtime::{Plugin, Session, printable};

use super::args::TenantCheck;
use super::choose;
use crate::args::Scope;
use crate::error::Error;
use crate::output::Printer;
use crate::plugin::host;

pub(super) async fn run(args: TenantCheck, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    let TenantChoice { name, tenant, base, .. } = choose(args.name, scope)?;
    let host = host(&args.sandbox, false)?;
    let plugin = host.load(&tenant.provider).await?;
    let info = plugin.describe_provider().await?;
    let settings = tenant.checked_settings(&info)?;
    let pairs = settings.into_iter().chain(tenant.secrets.keys().map(|key| (key.clone(), String::new())));
    let pairs: Vec<_> = pairs.map(|(key, value)| json!([key, value])).collect();
    let diagnostics = call(&plugin, &host.bare_session()?, "driver.validate", &[Value::Array(pairs)]).await?;
    refuse_errors(&tenant, &diagnostics)?;
    let (session, report) = host.session(&plugin, &tenant, &base, None).await?;
    let online = if args.online { online(&plugin, &session, &tenant, printer).await? } else { Value::Null };
    let result = json!({
        "diagnostics": diagnostics,
        "left_out": report.left_out,
        "name": name,
        "online": online,
        "provider": tenant.provider,
    });
    printer.result(&result, || as_text(&result))
}

async fn call(
    plugin: &Plugin,
    session: &Arc<Session>,
    function: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let function = plugin.function(function)?;
    Ok(plugin.instantiate(session).await?.call_json(function, args).await?)
}

/// What the plugin calls an error is one, at the place of the setting that it is about.
fn refuse_errors(tenant: &Tenant, diagnostics: &Value) -> Result<(), Error> {
    let all = diagnostics.as_array().map(Vec::as_slice).unwrap_or_default();
    let errors: Vec<_> = all
        .iter()
        .filter(|each| each["severity"] == "error")
        .map(|each| {
            let key = printable(each["path"].as_str().unwrap_or_default());
            let section = if tenant.secrets.contains_key(&key) { "secrets" } else { "settings" };
            let place = tenant
                .places
                .of(section, &key)
                .map_or_else(|| format!("setting `{key}`"), |place| place.to_string());
            format!("{place}: {}", said(each))
        })
        .collect();
    if errors.is_empty() {
        return Ok(());
    }
    let hint = Some("`skywright plugin inspect PLUGIN` lists the settings that it declares".to_owned());
    Err(Error::Usage { message: errors.join("; "), hint })
}

fn said(diagnostic: &Value) -> String {
    let text = |key: &str| diagnostic[key].as_str().map(printable);
    let summary = text("summary").unwrap_or_default();
    text("detail").map_or(summary.clone(), |detail| format!("{summary}: {detail}"))
}

async fn online(
    plugin: &Plugin,
    session: &Arc<Session>,
    tenant: &Tenant,
    printer: &Printer,
) -> Result<Value, Error> {
    printer.progress("asking the cloud for its regions …");
    let regions = call(plugin, session, "catalog.regions", &[]).await?;
    let own = tenant.settings.get("region").map(|region| Value::String(region.to_string()));
    let region = own.or_else(|| regions.get(0).cloned()).unwrap_or_else(|| json!(""));
    printer.progress("asking what it can do …");
    let capabilities = call(plugin, session, "driver.capabilities-of", &[region]).await?;
    Ok(json!({ "capabilities": capabilities, "regions": regions }))
}

fn as_text(result: &Value) -> String {
    let name = result["name"].as_str().unwrap_or_default();
    let mut lines =
        vec![format!("{name} fits {}", printable(result["provider"].as_str().unwrap_or_default()))];
    for each in result["diagnostics"].as_array().into_iter().flatten() {
        let text = |key: &str| printable(each[key].as_str().unwrap_or_default());
        lines.push(format!("{}: {}: {}", text("severity"), text("path"), said(each)));
    }
    for each in result["left_out"].as_array().into_iter().flatten() {
        let text = |key: &str| printable(each[key].as_str().unwrap_or_default());
        lines.push(format!("not granted: {}: {}", text("name"), text("reason")));
    }
    if let Some(regions) = result["online"]["regions"].as_array() {
        let names: Vec<_> =
            regions.iter().map(|region| printable(region.as_str().unwrap_or_default())).collect();
        lines.push(format!("the cloud answers; regions: {}", names.join(", ")));
    }
    lines.join("\n")
}
