//! `skywright tenant secret …`: secrets into the tenants file, encrypted, and out of it.

use std::io::{IsTerminal, Read};
use std::path::PathBuf;

use serde_json::json;
use skywright_core::{Home, SecretSource, TenantsFile};
use skywright_runtime::driver::SettingKind;
use zeroize::Zeroizing;

use super::args::{TenantSecretCommand, TenantSecretRemove, TenantSecretSet};
use crate::args::{Sandbox, Scope};
use crate::error::Error;
use crate::output::Printer;
use crate::plugin::host;

/// More than any secret, so that one that is too long is noticed and not cut.
const MAX_BYTES: u64 = (64 << 10) + 16;

pub(super) async fn run(command: TenantSecretCommand, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    match command {
        TenantSecretCommand::Set(args) => set(args, scope, printer).await,
        TenantSecretCommand::Remove(args) => remove(args, scope, printer),
    }
}

/// The tenants file of a command that changes it.
pub(super) fn file(home: &Home, scope: &Scope) -> PathBuf {
    scope.tenants_file.clone().unwrap_or_else(|| home.tenants_file())
}

async fn set(args: TenantSecretSet, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    let TenantSecretSet { tenant, key, keyring, sandbox } = args;
    let home = Home::from_env()?;
    let path = file(&home, scope);
    let tenants = super::request(scope).tenants(&home)?;
    check_declared(&tenants.get(&tenant)?.provider, &key, &sandbox).await?;
    let secret = read_secret(&tenant, &key)?;
    let source = if keyring {
        SecretSource::store_in_keyring(&key, &format!("{tenant}/{key}"), &secret).await?
    } else {
        SecretSource::seal(&tenant, &key, &secret, &home.master_key_file())?
    };
    // Only now: nobody else waits while somebody types.
    let mut file = TenantsFile::open(&path)?;
    let replaced = file.tenants().get(&tenant)?.secrets.get(&key).map(SecretSource::kind);
    file.put_secret(&tenant, &key, &source)?;
    file.save()?;
    let result = json!({ "key": key, "replaced": replaced, "source": source.kind(), "tenant": tenant });
    printer.result(&result, || format!("{key} of {tenant}: {source}"))
}

fn remove(args: TenantSecretRemove, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    let TenantSecretRemove { tenant, key } = args;
    let mut file = TenantsFile::open(&file(&Home::from_env()?, scope))?;
    let Some(source) = file.remove_secret(&tenant, &key)? else {
        let known: Vec<_> = file.tenants().get(&tenant)?.secrets.keys().cloned().collect();
        let hint = (!known.is_empty()).then(|| format!("there are: {}", known.join(", ")));
        return Err(Error::NotFound {
            message: format!("the tenant `{tenant}` has no secret `{key}`"),
            hint,
        });
    };
    file.save()?;
    let result = json!({ "key": key, "source": source.kind(), "tenant": tenant });
    printer.result(&result, || format!("{key} of {tenant} is not known any more; it was: {source}"))
}

/// A plugin that is there says which secrets it takes; one that is not is not asked.
async fn check_declared(provider: &str, key: &str, sandbox: &Sandbox) -> Result<(), Error> {
    let Ok(plugin) = host(sandbox, false)?.load(provider).await else { return Ok(()) };
    let settings = plugin.describe_provider().await?.settings;
    let secrets = settings.into_iter().filter(|setting| setting.kind == SettingKind::Secret);
    let secrets: Vec<_> = secrets.map(|setting| setting.key).collect();
    if secrets.iter().any(|secret| secret == key) {
        return Ok(());
    }
    let near = skywright_core::config::nearest(key, secrets.iter().map(String::as_str));
    let hint = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("it takes: {}", secrets.join(", ")),
    };
    Err(Error::Usage { message: format!("{provider} takes no secret `{key}`"), hint: Some(hint) })
}

/// From whoever sits at the terminal, without echo, or all of standard input but its last line end.
fn read_secret(tenant: &str, key: &str) -> Result<Zeroizing<String>, Error> {
    if std::io::stdin().is_terminal() {
        let prompt = format!("{key} of {tenant}: ");
        return rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(Error::Input);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize));
    std::io::stdin().lock().take(MAX_BYTES).read_to_end(&mut bytes).map_err(Error::Input)?;
    let not_text = |_| Error::Usage { message: "the secret is not text".to_owned(), hint: None };
    let text = std::str::from_utf8(&bytes).map_err(not_text)?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(Zeroizing::new(text.to_owned()))
}
