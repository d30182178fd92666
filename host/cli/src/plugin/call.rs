//! `skywright plugin call`: any exported function, with a tenant's session.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use skywright_contract::Kind;
use skywright_core::{Home, Host, Tenant, resolve_tenant};
use skywright_egress::{ExchangeSink, Recorder};
use skywright_runtime::{Function, Plugin, Session, value};

use super::host;
use crate::args::{Call, Scope, TenantArgs};
use crate::error::Error;
use crate::output::Printer;

pub(super) async fn run(args: Call, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    let host = host(&args.sandbox, args.core_dump)?;
    let plugin = host.load(&args.plugin).await?;
    let function = plugin.function(&args.function)?;
    let arguments = function.parse_arguments(&args.arguments)?;
    let recorder = args.record.as_deref().map(recorder).transpose()?;
    let session = session(&host, &plugin, function, (scope, &args.tenant), recorder).await?;
    cancel_on_interrupt(&session);
    let mut instance = plugin.instantiate(&session).await?;
    let result = instance.call(function, &arguments).await?;
    let json = result.as_ref().map_or(serde_json::Value::Null, value::to_json);
    let wave = if args.wave { result.as_ref().map(value::to_wave).transpose()? } else { None };
    printer.result(&json, || match wave {
        Some(wave) => wave,
        None => serde_json::to_string_pretty(&json).unwrap_or_default(),
    })
}

/// Ctrl-C ends the call, and the process with the exit code of a cancelled one.
fn cancel_on_interrupt(session: &Arc<Session>) {
    let cancel = session.cancellation();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            cancel.cancel();
        }
    });
}

/// Pure functions need no tenant; a feature has no use for one.
async fn session(
    host: &Host,
    plugin: &Plugin,
    function: &Function,
    args: (&Scope, &TenantArgs),
    recorder: Option<Arc<dyn ExchangeSink>>,
) -> Result<Arc<Session>, Error> {
    let pure = matches!(function.name.as_str(), "describe" | "validate");
    if pure || plugin.package().manifest.kind == Kind::Feature {
        return Ok(host.bare_session()?);
    }
    let (tenant, base) = tenant(args.0, args.1)?;
    let (session, report) = host.session(plugin, &tenant, &base, recorder).await?;
    for left_out in &report.left_out {
        tracing::info!(endpoint = left_out.name, reason = left_out.reason, "endpoint not granted");
    }
    Ok(session)
}

/// The tenant that the command line or the shell names, with the flags on top. What `tenant set` chose is
/// left out: the plugin is named, and it may be another cloud's.
pub(super) fn tenant(scope: &Scope, args: &TenantArgs) -> Result<(Tenant, PathBuf), Error> {
    let request = crate::tenant::request(scope);
    let named = [&request.flag, &request.environment].into_iter().flatten().find(|name| !name.is_empty());
    let (mut tenant, base) = match named {
        Some(_) => {
            let choice = resolve_tenant(&Home::from_env()?, &request)?;
            (choice.tenant, choice.base)
        }
        None => (Tenant::default(), PathBuf::from(".")),
    };
    for (key, value) in &args.settings {
        tenant.places.forget("settings", key);
        tenant.settings.insert(key.clone(), value.as_str().into());
    }
    for secret in &args.secrets {
        let source =
            secret.source.clone().filter(|_| !secret.key.is_empty()).ok_or_else(|| Error::Usage {
                message: match secret.key.as_str() {
                    "" => "a secret has no key".to_owned(),
                    key => format!("the source of the secret `{key}` is not understood"),
                },
                hint: Some(
                    "write --secret KEY=env:NAME, KEY=file:PATH, KEY=command:PROGRAM or KEY=keyring:NAME"
                        .to_owned(),
                ),
            })?;
        tenant.places.forget("secrets", &secret.key);
        tenant.secrets.insert(secret.key.clone(), source);
    }
    let grants = &mut tenant.grants;
    grants.endpoints.extend(args.endpoints.iter().cloned());
    grants.networks.extend(args.networks.iter().copied());
    grants.plaintext_credentials |= args.plaintext_credentials;
    grants.ca_file = args.ca_file.clone().or(grants.ca_file.take());
    grants.proxy = args.proxy.clone().or(grants.proxy.take());
    Ok((tenant, base))
}

/// Each exchange is written when it has ended, so a call that fails leaves what led to it. Exchanges
/// hold no secret: the recorder sees what the guest sees.
fn recorder(path: &Path) -> Result<Arc<dyn ExchangeSink>, Error> {
    let recorder = File::create(path).and_then(Recorder::new).map_err(|source| {
        Error::Core(skywright_core::Error::File { action: "write", path: path.to_owned(), source })
    })?;
    Ok(Arc::new(recorder))
}
