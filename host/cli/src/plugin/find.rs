//! `skywright plugin search`, `explain` and `verify`.

use skywright_contract::PluginId;
use skywright_registry::policy::{Decision, Reason};
use skywright_registry::{Explained, FoundPlugin, read_plugin};

use super::install::id_of;
use super::installed;
use super::trust_args::{Explain, Search, Verify};
use crate::error::Error;
use crate::output::{Printer, table};
use crate::reach::tell;

pub(super) async fn search(args: Search, printer: &Printer) -> Result<(), Error> {
    let installed = installed(&args.sandbox)?;
    let mut installer = args.reach.installer(&installed)?;
    let found = installer.search(&args.words).await?;
    tell(installer.failures());
    printer.list("plugins", &found, ["name", "version", "installed", "repository", "title"], row)
}

fn row(plugin: &FoundPlugin) -> [String; 5] {
    let here = plugin.installed.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
    [plugin.id.to_string(), plugin.version.to_string(), here, plugin.repository.clone(), plugin.title.clone()]
}

pub(super) async fn explain(args: Explain, printer: &Printer) -> Result<(), Error> {
    let installed = installed(&args.sandbox)?;
    let (name, version) = match args.plugin.split_once('@') {
        Some((name, version)) => (name, Some(version)),
        None => (args.plugin.as_str(), None),
    };
    let version = version.map(str::parse).transpose().map_err(|error| Error::Usage {
        message: format!("what is behind the `@` is no version: {error}"),
        hint: Some("write NAMESPACE/NAME@VERSION".to_owned()),
    })?;
    let id: PluginId = match name.parse() {
        Ok(id) => id,
        Err(_) => id_of(name, &installed.lock()?)?,
    };
    let mut installer = args.reach.installer(&installed)?;
    let explained = installer.explain(&id, version.as_ref()).await;
    tell(installer.failures());
    show(&explained?, printer)
}

pub(super) async fn verify(args: Verify, printer: &Printer) -> Result<(), Error> {
    let installed = installed(&args.sandbox)?;
    let bytes = read_plugin(&args.file)?.bytes;
    let mut installer = args.reach.installer(&installed)?;
    let explained = installer.verify(&args.file, &bytes).await;
    tell(installer.failures());
    let explained = explained?;
    if let Decision::Deny(reasons) = &explained.decision {
        let plugin = format!("{} {}", explained.id, explained.version);
        return Err(skywright_registry::Error::Refused { plugin, reasons: reasons.clone() }.into());
    }
    show(&explained, printer)
}

fn show(explained: &Explained, printer: &Printer) -> Result<(), Error> {
    printer.result(explained, || {
        let Explained { id, version, digest, .. } = explained;
        let pinned = if explained.is_pinned { ", pinned by the lock file" } else { "" };
        let mut text = format!("{id} {version} {digest}{pinned}\n\n");
        let mut rows = Vec::new();
        for word in &explained.words {
            for role in &word.roles {
                let keys: Vec<_> = role.key_ids.iter().map(ToString::to_string).collect();
                rows.push([
                    word.repository.clone(),
                    role.role.clone(),
                    role.version.to_string(),
                    role.expires.to_string(),
                    format!("{} of {}", role.threshold, keys.join(", ")),
                ]);
            }
        }
        text.push_str(&table(["repository", "role", "version", "until", "signed by"], rows));
        text.push_str(&format!("\n\njudged at {}\n", explained.time));
        text.push_str(&decided(&explained.decision));
        text
    })
}

fn decided(decision: &Decision) -> String {
    let lines = |head: &str, reasons: &[Reason]| {
        let lines: Vec<_> = reasons.iter().map(|it| format!("  {it}\n    {}", it.remedy)).collect();
        format!("{head}\n{}", lines.join("\n"))
    };
    match decision {
        Decision::Allow => "the policy allows it".to_owned(),
        Decision::NeedsYes(reasons) => lines("the policy asks for a yes:", reasons),
        Decision::Deny(reasons) => lines("the policy denies it:", reasons),
    }
}
