//! `skywright reconcile`.

use std::str::FromStr;

use clap::Args;
use serde::Serialize;
use skywright_core::resource::{Chosen, CloudKind, Comparison, FieldChange, Finding, Reconcile};
use skywright_core::{Name, Tenancy};

use crate::args::Scope;
use crate::error::Error;
use crate::output::{Printer, table};
use crate::question;
use crate::site::{Site, SiteArgs, Yes};

/// What is brought together, and how far.
#[derive(Debug, Args)]
pub(crate) struct ReconcileArgs {
    /// Show what differs, and change nothing.
    #[arg(long, short = 'n', visible_alias = "dry-run")]
    plan: bool,
    /// Take something in that was made elsewhere; give it again for more. Nothing changes in the cloud.
    #[arg(long, value_name = "KIND:ID[=NAME]", value_parser = adoption)]
    adopt: Vec<Chosen>,
    /// Drop the record of something that is gone, or that was taken in; give it again for more.
    #[arg(long, value_name = "KIND:NAME", value_parser = forgetting)]
    forget: Vec<Chosen>,
    /// Delete something that was made here and has no record; give it again for more.
    #[arg(long, value_name = "KIND:ID", value_parser = deletion)]
    delete: Vec<Chosen>,
    #[command(flatten)]
    yes: Yes,
    // Its heading is for whatever comes behind it.
    #[command(flatten)]
    site: SiteArgs,
}

fn split(text: &str) -> Result<(CloudKind, &str), String> {
    let (kind, rest) = text.split_once(':').ok_or("KIND: is expected first, such as host:")?;
    let kind = CloudKind::from_str(kind).map_err(|error| error.to_string())?;
    if rest.is_empty() { Err(format!("nothing stands behind {kind}:")) } else { Ok((kind, rest)) }
}

fn adoption(text: &str) -> Result<Chosen, String> {
    let (kind, rest) = split(text)?;
    let (id, name) = match rest.rsplit_once('=') {
        Some((id, name)) => (id, Some(name.parse::<Name>().map_err(|error| error.to_string())?)),
        None => (rest, None),
    };
    Ok(Chosen::Adopt { kind, id: id.to_owned(), name })
}

fn forgetting(text: &str) -> Result<Chosen, String> {
    split(text).map(|(kind, name)| Chosen::Forget { kind, name: name.to_owned() })
}

fn deletion(text: &str) -> Result<Chosen, String> {
    split(text).map(|(kind, id)| Chosen::Delete { kind, id: id.to_owned() })
}

/// What differs, and what was done about it.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    comparison: &'a Comparison,
    done: bool,
}

pub(crate) async fn run(args: ReconcileArgs, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    let ReconcileArgs { site, plan, adopt, forget, delete, yes } = args;
    let site = &site.at(scope, printer);
    let tenancy = site.open().await?;
    if !plan {
        site.stoppable(async |stop| Ok(tenancy.recover(stop).await?)).await?;
    }
    let comparison = tenancy.compare().await?;
    let mut chosen: Vec<_> = adopt.into_iter().chain(forget).chain(delete).collect();
    if chosen.is_empty() {
        chosen = comparison.proposals().filter_map(Chosen::proposed).collect();
    }
    if plan || chosen.is_empty() {
        return show(&comparison, false, site);
    }
    carry_out(&tenancy, &comparison, chosen, &yes, site).await
}

async fn carry_out(
    tenancy: &Tenancy,
    comparison: &Comparison,
    chosen: Vec<Chosen>,
    yes: &Yes,
    site: &Site<'_>,
) -> Result<(), Error> {
    if !yes.yes {
        if !question::somebody_is_there() {
            let message = format!("changes are to be made ({}), and nobody is there to ask", chosen.len());
            let hint = Some("`--plan` shows them, `--yes` makes them".to_owned());
            return Err(Error::Usage { message, hint });
        }
        // Who reads JSON asked for it; who is asked has to see what about.
        crate::output::complain(&words(comparison));
        site.confirm(&format!("make these changes ({})?", chosen.len()), yes)?;
    }
    site.run(tenancy, &Reconcile { chosen }).await?;
    show(comparison, true, site)
}

fn show(comparison: &Comparison, done: bool, site: &Site<'_>) -> Result<(), Error> {
    site.printer.result(&Report { comparison, done }, || words(comparison))
}

fn words(comparison: &Comparison) -> String {
    let mut parts = Vec::new();
    if !comparison.findings.is_empty() {
        let head = ["remedy", "kind", "name", "id", "why"];
        parts.push(table(head, comparison.findings.iter().map(row)));
    }
    parts.push(format!("{} as recorded", comparison.in_order));
    if !comparison.not_covered.is_empty() {
        let kinds: Vec<_> = comparison.not_covered.iter().map(|kind| kind.name()).collect();
        parts.push(format!("not looked at, as the cloud does not tell: {}", kinds.join(", ")));
    }
    parts.join("\n")
}

fn row(finding: &Finding) -> [String; 5] {
    [
        word(&finding.remedy),
        finding.kind.to_string(),
        finding.name.clone(),
        finding.id.clone().unwrap_or_default(),
        why(finding),
    ]
}

fn word<T: Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

fn why(finding: &Finding) -> String {
    use skywright_core::resource::{Owner, Verdict};
    let operation = finding.operation.as_deref().unwrap_or("?");
    match (finding.verdict, finding.owner) {
        (Verdict::Gone, _) => "the cloud does not have it".to_owned(),
        (Verdict::Orphan, _) => format!("made by the operation {operation}, and recorded nowhere"),
        (Verdict::Foreign, Owner::OtherTenant) => "of another tenant".to_owned(),
        (Verdict::Foreign, Owner::OtherHome) => "made by skywright elsewhere".to_owned(),
        (Verdict::Foreign, _) => "made by others".to_owned(),
        (Verdict::Unfinished, _) => {
            format!(
                "of the operation {operation}: `operation resume` goes on, `abort` takes it back, `forget` settles it"
            )
        }
        (Verdict::Changed, _) => {
            let change = |change: &FieldChange| {
                let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
                format!("{}: {}, recorded {}", change.field, text(&change.actual), text(&change.recorded))
            };
            finding.changes.iter().map(change).collect::<Vec<_>>().join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_chosen_is_read() {
        let name = "web".parse().ok();
        let adopted = Chosen::Adopt { kind: CloudKind::Host, id: "1-2".to_owned(), name };
        assert_eq!(adoption("host:1-2=web").unwrap(), adopted);
        let subnet = Chosen::Forget { kind: CloudKind::Subnet, name: "lab/front".to_owned() };
        assert_eq!(forgetting("subnet:lab/front").unwrap(), subnet);
        let group = Chosen::Delete { kind: CloudKind::SecurityGroup, id: "a:b".to_owned() };
        assert_eq!(deletion("security-group:a:b").unwrap(), group);
        for text in ["host", "server:1", "host:", "host:1=a b"] {
            assert!(adoption(text).is_err(), "{text}");
        }
    }
}
