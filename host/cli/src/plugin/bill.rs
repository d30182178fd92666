//! `skywright plugin sbom` and `audit`: what plugins are made of.

use serde_json::json;
use skywright_contract::PluginId;
use skywright_registry::advisory::{AdvisoryDatabase, Audit as Audited};
use skywright_registry::sbom::Sbom;
use skywright_registry::{Installed, LockFile};

use super::install::id_of;
use super::installed;
use super::trust_args::{Audit, Bill};
use crate::error::Error;
use crate::output::{Printer, table};

pub(super) fn sbom(args: Bill, printer: &Printer) -> Result<(), Error> {
    let installed = installed(&args.sandbox)?;
    let lock = installed.lock()?;
    let (bytes, bill) = bill_of(&installed, &lock, &id_of(&args.plugin, &lock)?)?;
    if args.raw {
        return printer.text(&String::from_utf8_lossy(&bytes));
    }
    let head = ["component", "version", "licence", "in it"];
    printer.result(&bill, || {
        table(
            head,
            bill.components.iter().map(|it| {
                let included = if it.is_included { "yes" } else { "for its build" };
                [it.name.clone(), it.version.clone(), it.licence.clone(), included.to_owned()]
            }),
        )
    })
}

/// The bill of an installed plugin, as it was signed.
fn bill_of(installed: &Installed, lock: &LockFile, id: &PluginId) -> Result<(Vec<u8>, Sbom), Error> {
    let plugin = lock.plugins.get(id);
    let plugin = plugin.ok_or_else(|| skywright_registry::Error::NotInstalled { id: id.to_string() })?;
    let bytes = installed.content_store().get(&plugin.sbom_sha256)?;
    let bill = Sbom::read(&format!("the SBOM of {id}"), &bytes)?;
    Ok((bytes, bill))
}

pub(super) fn audit(args: Audit, printer: &Printer) -> Result<(), Error> {
    let installed = installed(&args.sandbox)?;
    let lock = installed.lock()?;
    let ids = match args.plugins.as_slice() {
        [] => lock.plugins.keys().cloned().collect(),
        names => names.iter().map(|name| id_of(name, &lock)).collect::<Result<Vec<_>, _>>()?,
    };
    let database = AdvisoryDatabase::open(&args.db)?;
    let mut audits = Vec::new();
    for id in ids {
        let (_, bill) = bill_of(&installed, &lock, &id)?;
        audits.push((id, database.audit(&bill)?));
    }
    let vulnerable = audits.iter().filter(|(_, audit)| audit.has_vulnerability()).count();
    let result: Vec<_> = audits.iter().map(|(id, audit)| json!({ "audit": audit, "id": id })).collect();
    let human = || in_words(&audits);
    if vulnerable == 0 {
        return printer.result(&result, human);
    }
    printer.failed_result(human)?;
    Err(Error::Vulnerable { plugins: vulnerable, report: Box::new(json!(result)) })
}

fn in_words(audits: &[(PluginId, Audited)]) -> String {
    let mut rows = Vec::new();
    for (id, audit) in audits {
        for finding in &audit.findings {
            rows.push([
                id.to_string(),
                finding.id.clone(),
                json!(finding.kind).as_str().unwrap_or("other").to_owned(),
                format!("{} {}", finding.component.name, finding.component.version),
                finding.title.clone(),
            ]);
        }
    }
    let checked: usize = audits.iter().map(|(_, audit)| audit.checked).sum();
    if rows.is_empty() {
        return format!("nothing is known against {checked} components of {} plugins", audits.len());
    }
    table(["plugin", "advisory", "kind", "component", "title"], rows)
}
