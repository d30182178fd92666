//! `skywright template …`.

use serde_json::json;
use skywright_core::resource::{TemplateView, images, templates};
use skywright_core::{Error as CoreError, Tenancy};
use skywright_sizing::{
    Error as SizingError, Image, Sizing, TemplateMatches, TemplateOptions, TemplateOutcome, TemplateReason,
    TemplateRules, TemplateVerdict, match_images, match_templates,
};

use super::args::TemplateMatch;
use super::{TemplateCommand, find, known};
use crate::error::Error;
use crate::output::table;
use crate::site::Site;

pub(crate) async fn run(command: TemplateCommand, site: &Site<'_>) -> Result<(), Error> {
    match command {
        TemplateCommand::List { all } => list(all, site).await,
        TemplateCommand::Match(args) => matching(args, site).await,
        TemplateCommand::Inspect { name } => inspect(&name, site).await,
    }
}

const HEAD: [&str; 7] = ["name", "vcpus", "memory gib", "disk gib", "disk", "gpus", "architecture"];

async fn list(all: bool, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let mut listed = templates(tenancy.cloud()).await?;
    if !all {
        let rules = rules(&tenancy.template_options())?;
        let allowed = allowed(&listed, &rules)?;
        listed.retain(|template| allowed.contains(&template.id.to_string()));
    }
    site.printer.list("templates", &listed, HEAD, row)
}

fn rules(options: &TemplateOptions) -> Result<TemplateRules, Error> {
    Ok(TemplateRules::new(options).map_err(CoreError::from)?)
}

/// The ids of those that neither an `allow` nor a `deny` speaks against.
fn allowed(templates: &[TemplateView], rules: &TemplateRules) -> Result<Vec<String>, Error> {
    let matches = match_templates(&Sizing::default(), None, templates, rules).map_err(CoreError::from)?;
    let is_ruled_out = |verdict: &&TemplateVerdict<'_>| match &verdict.outcome {
        TemplateOutcome::Qualifies { .. } => false,
        TemplateOutcome::Fails { reasons } => reasons
            .iter()
            .any(|reason| matches!(reason, TemplateReason::NotAllowed | TemplateReason::Denied { .. })),
    };
    let verdicts = matches.verdicts.iter().filter(|verdict| !is_ruled_out(verdict));
    Ok(verdicts.map(|verdict| verdict.template.id.to_string()).collect())
}

async fn matching(args: TemplateMatch, site: &Site<'_>) -> Result<(), Error> {
    let text = args.sizing.join(",");
    // Before the cloud is asked: a mistyped sizing needs no cloud to be refused.
    let sizing: Sizing = text.parse().map_err(|error| CoreError::from(SizingError::from(error)))?;
    let tenancy = site.open().await?;
    let image = match &args.image {
        Some(wanted) => Some(wanted_image(&tenancy, wanted).await?),
        None => None,
    };
    let listed = templates(tenancy.cloud()).await?;
    let rules = rules(&tenancy.template_options())?;
    let matches = match_templates(&sizing, image.as_ref(), &listed, &rules).map_err(CoreError::from)?;
    if args.explain {
        return explain(&matches, site);
    }
    if let Some(warning) = &matches.warning {
        crate::output::notice(warning);
    }
    matches.choice().map_err(CoreError::from)?;
    let qualifies =
        |verdict: &&TemplateVerdict<'_>| matches!(verdict.outcome, TemplateOutcome::Qualifies { .. });
    let found: Vec<_> =
        matches.verdicts.iter().filter(qualifies).map(|verdict| verdict.template.clone()).collect();
    site.printer.list("templates", &found, HEAD, row)
}

async fn wanted_image(tenancy: &Tenancy, wanted: &str) -> Result<Image, Error> {
    let images = images(tenancy.cloud()).await?;
    let matches = match_images(wanted, &images, tenancy.template_options().architecture);
    Ok(matches.choice().map_err(CoreError::from)?.clone())
}

fn explain(matches: &TemplateMatches<'_>, site: &Site<'_>) -> Result<(), Error> {
    site.printer.result(matches, || {
        let rows = matches.verdicts.iter().map(|verdict| [verdict.template.name.clone(), verdict.why()]);
        let table = table(["name", "why"], rows);
        match &matches.warning {
            Some(warning) => format!("{table}\n\n{}", skywright_runtime::printable(warning)),
            None => table,
        }
    })
}

async fn inspect(name: &str, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let listed = templates(tenancy.cloud()).await?;
    match find(&listed, name, |t| t.id.as_str(), |t| t.name.as_str()) {
        Some(template) => site.printer.details(template),
        None => {
            let known = listed.into_iter().map(|template| template.name).collect();
            Err(CoreError::NoSuch { kind: "template", name: name.to_owned(), known }.into())
        }
    }
}

fn row(template: &TemplateView) -> [String; 7] {
    let gpus = match (template.gpu_count, &template.gpu_model) {
        (0, _) => String::new(),
        (count, Some(model)) => format!("{count} {model}"),
        (count, None) => count.to_string(),
    };
    let word = |value: serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    [
        template.name.clone(),
        template.vcpus.to_string(),
        format!("{}", template.memory_mib as f64 / 1024.0),
        known((template.disk_gib > 0).then_some(&template.disk_gib)),
        word(json!(template.disk_kind)),
        gpus,
        template.architecture.to_string(),
    ]
}
