//! `skywright tenant …`.

mod args;
mod check;
mod import;
mod inspect;
mod list;
mod secret;
mod select;

use skywright_core::{Home, TenantChoice, TenantRequest, resolve_tenant};

pub(crate) use args::TenantCommand;

use crate::args::Scope;
use crate::error::Error;
use crate::output::Printer;

/// Runs one command.
pub(crate) async fn run(command: TenantCommand, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    match command {
        TenantCommand::List(sandbox) => list::run(&sandbox, scope, printer),
        TenantCommand::Get => select::get(scope, printer),
        TenantCommand::Set(args) => select::set(&args, scope, printer),
        TenantCommand::Inspect(args) => inspect::run(args, scope, printer).await,
        TenantCommand::Import(args) => import::run(args, scope, printer).await,
        TenantCommand::Check(args) => check::run(args, scope, printer).await,
        TenantCommand::Secret(command) => secret::run(command, scope, printer).await,
    }
}

/// What the command line and the shell say of the tenant that is meant.
pub(crate) fn request(scope: &Scope) -> TenantRequest {
    TenantRequest::from_env(scope.tenant.clone(), scope.tenants_file.clone())
}

/// The tenant of this name, or else the current one.
fn choose(name: Option<String>, scope: &Scope) -> Result<TenantChoice, Error> {
    let mut request = request(scope);
    request.flag = name.or(request.flag);
    Ok(resolve_tenant(&Home::from_env()?, &request)?)
}
