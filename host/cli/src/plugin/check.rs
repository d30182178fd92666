//! `skywright plugin check`.

use serde_json::json;
use skywright_contract::Kind;
use skywright_runtime::Plugin;

use super::host;
use crate::args::Which;
use crate::error::Error;
use crate::output::Printer;

pub(super) async fn run(args: Which, printer: &Printer) -> Result<(), Error> {
    let plugin = host(&args.sandbox, false)?.load(&args.plugin).await?;
    describe(&plugin).await?;
    let warnings = warnings(&plugin);
    let package = plugin.package();
    let result = json!({
        "digest": package.digest,
        "id": package.manifest.id,
        "version": package.manifest.version,
        "warnings": warnings,
    });
    printer.result(&result, || {
        let mut text = format!("{} {} keeps the contract", package.manifest.id, package.manifest.version);
        for warning in &warnings {
            text.push_str("\nwarning: ");
            text.push_str(warning);
        }
        text
    })
}

/// `describe` must answer within its budget, whatever the kind.
async fn describe(plugin: &Plugin) -> Result<(), Error> {
    let name = match plugin.package().manifest.kind {
        Kind::Provider => "driver.describe",
        Kind::Feature => "recipe.describe",
    };
    let function = plugin.function(name)?;
    let session = std::sync::Arc::new(skywright_runtime::Session::nothing());
    plugin.instantiate(&session).await?.call(function, &[]).await?;
    Ok(())
}

/// What a publisher may want to know.
fn warnings(plugin: &Plugin) -> Vec<String> {
    let mut warnings = Vec::new();
    let manifest = &plugin.package().manifest;
    let imports = plugin.interfaces().imports.keys();
    let used: Vec<_> = imports.filter_map(|i| skywright_contract::Capability::of_import(i)).collect();
    for capability in manifest.capabilities.iter().filter(|c| !used.contains(c)) {
        warnings.push(format!("the manifest asks for `{capability}`, which the component does not import"));
    }
    for interface in plugin.interfaces().exports.keys().filter(|name| skywright_contract::is_draft(name)) {
        warnings.push(format!("`{interface}` is a draft of the contract and may change before its release"));
    }
    warnings
}
