//! `skywright feature plan|check|add|remove|upgrade|status|history`.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use skywright_core::feature::{
    Fault, Given, InstallationView, PlannedFeature, RunFeature, RunRecord, TargetSpec,
};
use skywright_core::{Tenancy, feature};
use skywright_recipe::Rounds;
use skywright_recipe_format::plan::{Action, ArgumentValue};
use skywright_runtime::printable;

use super::run_args::{Change, Check, History, Plan, Remove, Status};
use crate::error::Error;
use crate::site::Site;

pub(super) async fn plan(args: Plan, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let (action, on) = (args.action.into(), args.target.on.as_ref());
    let plans = tenancy.plan_features(&args.feature, action, on, &args.parameters.given).await?;
    site.clear();
    site.printer.result(&plans, || {
        plans.iter().map(|plan| plan_text(plan).trim_end().to_owned()).collect::<Vec<_>>().join("\n\n")
    })
}

fn plan_text(planned: &PlannedFeature) -> String {
    let plan = &planned.plan;
    let mut text = format!("{} {} {} on {}", plan.action.name(), plan.feature, plan.version, planned.on);
    if let Some(other) = &planned.added_for {
        let _ = write!(text, ", which {other} needs");
    }
    let _ = write!(text, "\n{}", Rounds(&plan.rounds));
    let _ = writeln!(text, "  done: {}", printable(&plan.end.summary));
    text
}

pub(super) async fn check(args: Check, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let change = change(args.feature.clone(), Action::Check, args.target.on, args.parameters.given);
    let run = run_one(&tenancy, &change, site).await?;
    let missing = missing(&run)?;
    if missing.is_empty() {
        return site.printer.result(&run, || run_text(&run));
    }
    site.printer.failed_result(|| run_text(&run))?;
    Err(skywright_core::Error::from(Fault::Absent { feature: run.feature, target: missing.join(", ") })
        .into())
}

/// The hosts of a check that do not have it.
fn missing(run: &RunRecord) -> Result<Vec<String>, Error> {
    let on: TargetSpec = run.on.parse()?;
    let names = on.places.into_iter().map(|place| place.host);
    Ok(names.filter(|name| !run.hosts_with_feature.contains(name)).collect())
}

pub(super) async fn add(args: Change, action: Action, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let given = args.parameters.given;
    let mut changes = match (&args.plan, &args.feature) {
        (Some(file), _) => reviewed(file, &given)?,
        (None, Some(feature)) => {
            tenancy.feature_changes(feature, action, args.target.on.as_ref(), &given).await?
        }
        (None, None) => Vec::new(),
    };
    let mut runs = Vec::new();
    for change in &mut changes {
        change.keep_on_failure = args.keep_on_failure;
        runs.push(run_one(&tenancy, change, site).await?);
    }
    site.printer.result(&runs, || runs.iter().map(run_text).collect::<Vec<_>>().join("\n"))
}

/// The changes of a plan that somebody reviewed. Secrets are in no plan, and are said again.
fn reviewed(file: &Path, given: &[Given]) -> Result<Vec<RunFeature>, Error> {
    let failed = |reason: String| Error::Usage {
        message: format!("{} is no plan: {reason}", file.display()),
        hint: Some("`skywright feature plan … -o json > FILE` writes one".to_owned()),
    };
    let text = std::fs::read_to_string(file).map_err(|source| skywright_core::Error::File {
        action: "read",
        path: file.to_owned(),
        source,
    })?;
    let mut value: Value = serde_json::from_str(&text).map_err(|error| failed(error.to_string()))?;
    if value.get("result").is_some() {
        value = value["result"].take();
    }
    let plans: Vec<PlannedFeature> =
        serde_json::from_value(value).map_err(|error| failed(error.to_string()))?;
    let changes = plans.into_iter().map(|planned| {
        let mut own: Vec<Given> = given.to_vec();
        for argument in &planned.plan.parameters {
            let values: &[String] = match &argument.value {
                ArgumentValue::Text(text) => std::slice::from_ref(text),
                ArgumentValue::Texts(texts) => texts,
                ArgumentValue::Secret => continue,
            };
            own.extend(values.iter().map(|value| Given {
                feature: Some(planned.plan.feature.clone()),
                name: argument.name.clone(),
                value: value.clone(),
            }));
        }
        RunFeature {
            feature: planned.plan.feature.clone(),
            action: planned.plan.action,
            on: Some(planned.on),
            given: own,
            added_for: planned.added_for,
            reviewed: Some(planned.plan),
            keep_on_failure: false,
        }
    });
    Ok(changes.collect())
}

pub(super) async fn remove(args: Remove, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let found = tenancy.installation(&args.feature, args.target.on.as_ref()).await?.value;
    let on = args.target.on.clone().unwrap_or_else(|| found.spec());
    site.confirm(&format!("remove {} from {on}?", found.feature), &args.yes)?;
    let change = change(args.feature, Action::Remove, Some(on), args.parameters.given);
    let run = run_one(&tenancy, &change, site).await?;
    site.printer.result(&run, || run_text(&run))
}

fn change(feature: String, action: Action, on: Option<TargetSpec>, given: Vec<Given>) -> RunFeature {
    RunFeature { feature, action, on, given, added_for: None, reviewed: None, keep_on_failure: false }
}

pub(super) async fn run_one(
    tenancy: &Tenancy,
    change: &RunFeature,
    site: &Site<'_>,
) -> Result<RunRecord, Error> {
    site.run(tenancy, change).await?;
    let run = tenancy.latest_run(change).await?;
    Ok(run.ok_or_else(|| skywright_core::Error::Internal("the run left no record".to_owned()))?)
}

fn run_text(run: &RunRecord) -> String {
    let mut text = format!(
        "{} {} {} on {}: {}\n{} steps, {} changed something",
        run.action.name(),
        run.feature,
        run.version,
        run.on,
        printable(&run.summary),
        run.steps,
        run.changes
    );
    for endpoint in &run.endpoints {
        let _ = write!(text, "\n{}: {}", printable(&endpoint.key), printable(&endpoint.value));
    }
    text
}

pub(super) async fn installed(site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.look().await?;
    let mut views = Vec::new();
    for found in tenancy.installations().await? {
        views.push(tenancy.installation_view(&found, false)?);
    }
    let head = ["feature", "version", "on", "for"];
    site.printer.list("features on hosts", &views, head, |view: &InstallationView| {
        [
            view.feature.clone(),
            view.version.clone(),
            view.on.clone(),
            view.added_for.clone().unwrap_or_default(),
        ]
    })
}

pub(super) async fn status(args: Status, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.look().await?;
    let found = tenancy.installation(&args.feature, args.target.on.as_ref()).await?;
    site.printer.details(&tenancy.installation_view(&found, args.show_secrets)?)
}

pub(super) async fn history(args: History, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.look().await?;
    let runs: Vec<feature::RunView> = tenancy.feature_runs(args.feature.as_deref()).await?;
    let shown: Vec<Value> = runs.iter().map(|run| json!(run)).collect();
    if shown.is_empty() {
        return site.printer.list("runs", &runs, ["id"], |run| [run.id.clone()]);
    }
    site.printer.result(&shown, || {
        let head = ["id", "phase", "what", "on", "changed", ""];
        crate::output::table(
            head,
            runs.iter().map(|run| {
                let failure = run.failure.as_deref().unwrap_or(&run.summary);
                [
                    run.id.clone(),
                    run.phase.clone(),
                    format!("{} {} {}", run.action.name(), run.feature, run.version),
                    run.on.clone(),
                    run.changes.to_string(),
                    printable(failure),
                ]
            }),
        )
    })
}
