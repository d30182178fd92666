//! `skywright plugin install`, `update`, `rollback` and `remove`.

use serde_json::{Value, json};
use skywright_contract::PluginId;
use skywright_registry::policy::Decision;
use skywright_registry::{Change, Error as RegistryError, Installed, Installer, LockFile, Plan, Request};

use super::installed;
use super::trust_args::{ChangeArgs, Install, OneInstalled, Update};
use crate::error::Error;
use crate::output::{Printer, notice};
use crate::question::{confirm, somebody_is_there};
use crate::reach::tell;

/// How often a plan is made again because somebody else was faster.
const ATTEMPTS: usize = 3;

/// What is asked for.
enum What {
    Install(Vec<Request>),
    Locked,
    Update(Vec<PluginId>),
    Rollback(PluginId),
}

pub(super) async fn install(args: Install, printer: &Printer) -> Result<(), Error> {
    let requests = args.plugins.into_iter().map(|it| Request { id: it.id, versions: it.versions });
    let what = if args.locked { What::Locked } else { What::Install(requests.collect()) };
    change(what, &args.change, printer).await
}

pub(super) async fn update(args: Update, printer: &Printer) -> Result<(), Error> {
    change(What::Update(args.plugins), &args.change, printer).await
}

pub(super) async fn rollback(args: OneInstalled, printer: &Printer) -> Result<(), Error> {
    let id = id_of(&args.plugin, &installed(&args.change.sandbox)?.lock()?)?;
    change(What::Rollback(id), &args.change, printer).await
}

pub(super) fn remove(args: OneInstalled, printer: &Printer) -> Result<(), Error> {
    let installed = installed(&args.change.sandbox)?;
    let id = id_of(&args.plugin, &installed.lock()?)?;
    if args.change.dry_run {
        return printer.result(&json!({ "id": id, "removed": false }), || format!("would remove {id}"));
    }
    let patience = args.change.reach.patience();
    let (removed, warnings) = skywright_registry::remove(&installed, &id, jiff::Timestamp::now(), patience)?;
    warnings.iter().for_each(|warning| notice(warning));
    let result = json!({ "id": id, "removed": true, "version": removed.version });
    printer.result(&result, || format!("removed {id} {}", removed.version))
}

/// An installed plugin by its id or name.
pub(super) fn id_of(name: &str, lock: &LockFile) -> Result<PluginId, Error> {
    let ids: Vec<_> = lock.named(name).map(|(id, _)| id.clone()).collect();
    match ids.as_slice() {
        [one] => Ok(one.clone()),
        [] => Err(RegistryError::NotInstalled { id: name.to_owned() }.into()),
        several => {
            let ids = several.iter().map(ToString::to_string).collect();
            Err(RegistryError::Ambiguous { name: name.to_owned(), ids }.into())
        }
    }
}

async fn change(what: What, args: &ChangeArgs, printer: &Printer) -> Result<(), Error> {
    let installed = installed(&args.sandbox)?;
    for _ in 1..ATTEMPTS {
        match try_change(&what, &installed, args, printer).await {
            Err(Error::Core(skywright_core::Error::Registry(RegistryError::Changed { .. }))) => {}
            other => return other,
        }
    }
    try_change(&what, &installed, args, printer).await
}

async fn try_change(
    what: &What,
    installed: &Installed,
    args: &ChangeArgs,
    printer: &Printer,
) -> Result<(), Error> {
    let mut installer = args.reach.installer(installed)?;
    let plan = plan(what, &mut installer).await;
    tell(installer.failures());
    let plan = plan?;
    let result = view(&plan, !args.dry_run);
    if args.dry_run {
        return printer.result(&result, || in_words(&plan, "would install"));
    }
    let yes = agreed(&plan, args)?;
    let warnings = installer.apply(&plan, yes).await?;
    warnings.iter().for_each(|warning| notice(warning));
    printer.result(&result, || in_words(&plan, "installed"))
}

async fn plan(what: &What, installer: &mut Installer<'_>) -> Result<Plan, Error> {
    Ok(match what {
        What::Install(requests) => installer.plan_install(requests).await?,
        What::Locked => installer.plan_locked().await?,
        What::Update(ids) => installer.plan_update(ids).await?,
        What::Rollback(id) => installer.plan_rollback(id).await?,
    })
}

/// The answer to what needs one. Whoever is not there to give it has said so with `--yes`, or says no.
fn agreed(plan: &Plan, args: &ChangeArgs) -> Result<bool, Error> {
    let denied = plan.changes.iter().any(|change| matches!(change.decision, Decision::Deny(_)));
    if args.yes.yes || denied || !plan.needs_yes() || !somebody_is_there() {
        return Ok(args.yes.yes);
    }
    for change in &plan.changes {
        if let Decision::NeedsYes(reasons) = &change.decision {
            for reason in reasons {
                notice(&format!("{} {}: {reason}", change.id, change.after.version));
            }
        }
    }
    confirm("Install all the same?", false)?;
    Ok(true)
}

fn view(plan: &Plan, done: bool) -> Value {
    let each = |change: &Change| {
        json!({
            "before": change.before.as_ref().map(|before| &before.version),
            "capabilities": change.after.capabilities,
            "decision": change.decision,
            "digest": change.after.sha256,
            "id": change.id,
            "repository": change.after.repository,
            "version": change.after.version,
        })
    };
    json!({
        "changes": plan.changes.iter().map(each).collect::<Vec<_>>(),
        "done": done,
        "unchanged": plan.unchanged.iter().map(|(id, version)| json!({ "id": id, "version": version })).collect::<Vec<_>>(),
    })
}

fn in_words(plan: &Plan, verb: &str) -> String {
    let changes = plan.changes.iter().map(|change| {
        let before = change.before.as_ref().filter(|before| before.version != change.after.version);
        let before = before.map(|before| format!(" in the place of {}", before.version)).unwrap_or_default();
        format!("{verb} {} {}{before} from {}", change.id, change.after.version, change.after.repository)
    });
    let unchanged = plan.unchanged.iter().map(|(id, version)| format!("{id} {version} is installed already"));
    let lines: Vec<_> = changes.chain(unchanged).collect();
    if lines.is_empty() { "nothing is installed".to_owned() } else { lines.join("\n") }
}
