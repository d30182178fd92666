//! `skywright plugin list`.

use clap::Args;
use serde_json::{Value, json};
use skywright_registry::{ListedPlugin, Outdated};

use super::{human_bytes, installed};
use crate::args::Sandbox;
use crate::error::Error;
use crate::output::{Printer, table};
use crate::reach::{ReachArgs, tell};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// List what is installed and not the newest, instead.
    #[arg(long)]
    outdated: bool,
    #[command(flatten)]
    reach: ReachArgs,
    #[command(flatten)]
    sandbox: Sandbox,
}

pub(super) async fn run(args: List, printer: &Printer) -> Result<(), Error> {
    let installed = installed(&args.sandbox)?;
    if args.outdated {
        let mut installer = args.reach.installer(&installed)?;
        let outdated = installer.outdated().await;
        tell(installer.failures());
        let head = ["name", "installed", "newest", "repository", "taken back because"];
        return printer.list("outdated plugins", &outdated?, head, outdated_row);
    }
    let listed = installed.list(jiff::Timestamp::now())?;
    let result: Vec<Value> = listed.iter().map(as_json).collect();
    printer.result(&result, || {
        if listed.is_empty() {
            return "no plugins; `skywright plugin install` or `skywright plugin build DIR` makes some"
                .to_owned();
        }
        table(["name", "version", "kind", "size", "trust", "path"], listed.iter().map(as_row))
    })
}

fn outdated_row(plugin: &Outdated) -> [String; 5] {
    [
        plugin.id.to_string(),
        plugin.installed.to_string(),
        plugin.newest.to_string(),
        plugin.repository.clone(),
        plugin.yanked.clone().unwrap_or_default(),
    ]
}

fn as_json(listed: &ListedPlugin) -> Value {
    let facts = match &listed.facts {
        Ok(facts) => facts,
        Err(error) => return json!({ "error": error.to_string(), "path": listed.path }),
    };
    json!({
        "contract": facts.contract,
        "digest": facts.digest,
        "id": facts.id,
        "kind": facts.kind,
        "path": listed.path,
        "refusal": listed.refusal.as_ref().map(ToString::to_string),
        "signed": listed.trust.word() == "signed",
        "size_bytes": facts.size_bytes,
        "title": facts.title,
        "trust": listed.trust,
        "version": facts.version,
        "yanked": facts.yanked,
    })
}

fn as_row(listed: &ListedPlugin) -> [String; 6] {
    let path = listed.path.display().to_string();
    let Ok(facts) = &listed.facts else {
        let nothing = || "-".to_owned();
        return [nothing(), nothing(), nothing(), nothing(), "not a plugin".to_owned(), path];
    };
    let state = match (&listed.refusal, &facts.yanked) {
        (Some(_), _) => ", refused",
        (None, Some(_)) => ", taken back",
        (None, None) => "",
    };
    [
        facts.id.to_string(),
        facts.version.to_string(),
        facts.kind.to_string(),
        human_bytes(facts.size_bytes),
        format!("{}{state}", listed.trust.word()),
        path,
    ]
}
