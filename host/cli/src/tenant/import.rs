//! `skywright tenant import`: tenants out of the files of other programs.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use skywright_core::{Home, Import, ImportedTenant, SecretSource, TenantsFile, read_import};
use skywright_runtime::printable;

use super::args::TenantImport;
use super::secret::file;
use crate::args::Scope;
use crate::error::Error;
use crate::output::Printer;
use crate::plugin::host;

pub(super) async fn run(args: TenantImport, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    let home = Home::from_env()?;
    let mut import = read_import(&args.file)?;
    select(&mut import, &args)?;
    let host = host(&args.sandbox, false)?;
    for tenant in &mut import.tenants {
        tenant.grants.plaintext_credentials = args.plaintext_credentials && tenant.logs_in_over_http();
        // A plugin that is not there cannot say; `tenant check` will, once it is.
        if let Ok(plugin) = host.load(tenant.provider).await {
            let info = plugin.describe_provider().await?;
            tenant.keep_declared(|key| info.settings.iter().any(|setting| setting.key == key));
        }
    }
    let path = file(&home, scope);
    let replaced = write(&import, &args, &path, &home.master_key_file())?;
    let tenants: Vec<_> = import.tenants.iter().map(|tenant| as_json(tenant, &replaced)).collect();
    let result = json!({
        "dry_run": args.dry_run,
        "file": path,
        "format": import.format,
        "skipped": import.skipped,
        "tenants": tenants,
    });
    printer.result(&result, || as_text(&result))
}

/// Keeps what was asked for; that there is nothing is a failure.
fn select(import: &mut Import, args: &TenantImport) -> Result<(), Error> {
    let known = |name: &String| {
        let mut names = import.tenants.iter().map(|tenant| &tenant.name);
        names.any(|known| known == name) || import.skipped.iter().any(|skipped| skipped.name == *name)
    };
    if let Some(name) = args.names.iter().find(|name| !known(name)) {
        let message = format!("{} has no tenant `{name}`", args.file.display());
        return Err(Error::NotFound { message, hint: None });
    }
    let wanted = |name: &String| args.names.is_empty() || args.names.contains(name);
    import.tenants.retain(|tenant| wanted(&tenant.name));
    import.skipped.retain(|skipped| wanted(&skipped.name));
    if import.tenants.is_empty() {
        let reasons = import.skipped.iter().map(|skipped| format!("{}: {}", skipped.name, skipped.reason));
        let reasons = reasons.collect::<Vec<_>>().join("; ");
        let message = format!("{} has no tenant that can be carried over", args.file.display());
        return Err(Error::NotHere { message, hint: (!reasons.is_empty()).then_some(reasons) });
    }
    Ok(())
}

/// Writes all tenants or none. Gives the names of those that were there before.
fn write(import: &Import, args: &TenantImport, path: &Path, master_key: &Path) -> Result<Vec<String>, Error> {
    let mut file = TenantsFile::open(path)?;
    let mut replaced = Vec::new();
    for tenant in &import.tenants {
        if file.tenants().tenants.contains_key(&tenant.name) {
            replaced.push(tenant.name.clone());
        }
        let mut sources = BTreeMap::new();
        for (key, secret) in &tenant.secrets {
            let source = if args.dry_run {
                SecretSource::Sealed(String::from("-"))
            } else {
                SecretSource::seal(&tenant.name, key, secret, master_key)?
            };
            sources.insert(key.clone(), source);
        }
        file.put(&tenant.name, &tenant.block(&sources), args.replace)?;
    }
    if !args.dry_run {
        file.save()?;
    }
    Ok(replaced)
}

fn as_json(tenant: &ImportedTenant, replaced: &[String]) -> Value {
    let settings: serde_json::Map<_, _> =
        tenant.settings.iter().map(|(key, value)| (key.clone(), json!(value.to_string()))).collect();
    let blocked = tenant.logs_in_over_http() && !tenant.grants.plaintext_credentials;
    let warning = blocked.then_some(
        "auth-url is http: credentials stay here until the tenant grants `plaintext-credentials: true`",
    );
    let defaults: serde_json::Map<_, _> = tenant
        .defaults
        .views()
        .into_iter()
        .filter(|view| view.origin == "tenant")
        .map(|view| (view.key.to_owned(), view.value))
        .collect();
    json!({
        "defaults": defaults,
        "left_out": tenant.left_out,
        "name": tenant.name,
        "provider": tenant.provider,
        "replaced": replaced.contains(&tenant.name),
        "secrets": tenant.secrets.keys().collect::<Vec<_>>(),
        "settings": settings,
        "warning": warning,
    })
}

fn as_text(result: &Value) -> String {
    let word = |value: &Value| printable(value.as_str().unwrap_or_default());
    let items = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let mut lines = Vec::new();
    for tenant in items(&result["tenants"]) {
        let verb = match (result["dry_run"] == true, tenant["replaced"] == true) {
            (true, false) => "would be imported",
            (true, true) => "would be replaced",
            (false, false) => "imported",
            (false, true) => "replaced",
        };
        lines.push(format!("{} ({}): {verb}", word(&tenant["name"]), word(&tenant["provider"])));
        for secret in items(&tenant["secrets"]) {
            lines.push(format!("  sealed: {}", word(&secret)));
        }
        for left_out in items(&tenant["left_out"]) {
            let line = left_out["line"].as_u64().map(|line| format!(" (line {line})")).unwrap_or_default();
            lines.push(format!(
                "  not carried over: {}{line}: {}",
                word(&left_out["key"]),
                word(&left_out["reason"])
            ));
        }
        if let Some(warning) = tenant["warning"].as_str() {
            lines.push(format!("  warning: {warning}"));
        }
    }
    for skipped in items(&result["skipped"]) {
        lines.push(format!("{}: not carried over: {}", word(&skipped["name"]), word(&skipped["reason"])));
    }
    lines.join("\n")
}
