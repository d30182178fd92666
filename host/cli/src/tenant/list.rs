//! `skywright tenant list`.

use serde_json::{Value, json};
use skywright_core::Home;
use skywright_registry::ListedPlugin;

use super::request;
use crate::args::{Sandbox, Scope};
use crate::error::Error;
use crate::output::{Printer, table};
use crate::plugin::host;

pub(super) fn run(sandbox: &Sandbox, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    let home = Home::from_env()?;
    let request = request(scope);
    let tenants = request.tenants(&home)?;
    let current = request.named(&home, &tenants)?.map(|(name, _)| name);
    let plugins = host(sandbox, false)?.list()?;
    let each = tenants.tenants.values().map(|tenant| {
        json!({
            "current": current.as_ref() == Some(&tenant.name),
            "name": tenant.name,
            "plugin_version": version_of(&tenant.provider, &plugins),
            "provider": tenant.provider,
        })
    });
    let result: Vec<Value> = each.collect();
    printer.result(&result, || {
        if result.is_empty() {
            let path = tenants.path.display();
            return format!("no tenants in {path}; docs/tenants.md shows how to write one, `tenant import` takes some over");
        }
        table(["", "name", "provider", "plugin"], result.iter().map(row))
    })
}

fn row(tenant: &Value) -> [String; 4] {
    let text = |key: &str| tenant[key].as_str().unwrap_or_default().to_owned();
    let mark = if tenant["current"] == true { "*" } else { "" };
    let plugin = tenant["plugin_version"].as_str().unwrap_or("not installed");
    [mark.to_owned(), text("name"), text("provider"), plugin.to_owned()]
}

/// The newest version of a provider's plugin; `None` if it is not installed. A path is not looked into.
fn version_of(provider: &str, plugins: &[ListedPlugin]) -> Option<String> {
    let facts = plugins.iter().filter_map(|listed| listed.facts.as_ref().ok());
    let own = facts.filter(|facts| {
        let id = facts.id.to_string();
        id == provider || id.rsplit('/').next() == Some(provider)
    });
    if let Some(newest) = own.max_by(|one, other| one.version.cmp(&other.version)) {
        return Some(newest.version.to_string());
    }
    let is_file = provider.ends_with(".wasm") && std::path::Path::new(provider).is_file();
    is_file.then(|| "a file".to_owned())
}
