//! `skywright feature new|lint|preview|build|convert`.

use std::path::PathBuf;

use serde_json::json;
use skywright_recipe::{Severity, ShellCheck, samples};

use super::args::{Build, Convert, Lint, New, Preview};
use super::sandboxed::{self, Built, with_planner};
use crate::args::Sandbox;
use crate::error::Error;
use crate::output::Printer;
use crate::plugin::host;

pub(super) fn new(args: New, printer: &Printer) -> Result<(), Error> {
    let name = args.name.rsplit('/').next().unwrap_or_default();
    let folder = args.dir.unwrap_or_else(|| PathBuf::from(name));
    let made = skywright_recipe::scaffold(&args.name, &folder)?;
    printer.result(&json!({ "folder": made.folder, "id": made.id }), || {
        let folder = made.folder.display();
        format!(
            "made {folder}\n\nnext:\n  skywright feature lint {folder}\n  skywright feature preview {folder}\n  skywright feature build {folder}"
        )
    })
}

pub(super) async fn lint(args: Lint, sandbox: &Sandbox, printer: &Printer) -> Result<(), Error> {
    let shellcheck = if args.no_shellcheck { None } else { ShellCheck::find() };
    let report = with_planner(args.recipe, sandbox, move |source, planner| {
        skywright_recipe::lint(source, planner, shellcheck.as_ref())
    })
    .await?;
    if report.is_passed() {
        return printer.result(&report, || report.to_string().trim_end().to_owned());
    }
    printer.failed_result(|| report.to_string())?;
    let errors = report.remarks.iter().filter(|remark| remark.severity == Severity::Error).count();
    Err(Error::Linted { errors, report: Box::new(json!(report)) })
}

pub(super) async fn preview(args: Preview, sandbox: &Sandbox, printer: &Printer) -> Result<(), Error> {
    let (action, wanted) = (args.action.into(), args.sample);
    let previews = with_planner(args.recipe, sandbox, move |source, planner| {
        let samples = samples(&source.bundle.recipe);
        let samples = samples.iter().filter(|sample| sample.name.contains(&wanted));
        samples
            .map(|sample| skywright_recipe::preview(planner, sample, action))
            .collect::<Result<Vec<_>, _>>()
    })
    .await?;
    printer.result(&previews, || {
        let texts: Vec<String> =
            previews.iter().map(|preview| preview.to_string().trim_end().to_owned()).collect();
        texts.join("\n\n")
    })
}

pub(super) fn build(args: Build, sandbox: &Sandbox, printer: &Printer) -> Result<(), Error> {
    let Built { feature, bill, .. } = sandboxed::build(&host(sandbox, false)?, &args.recipe)?;
    let manifest = &feature.package.manifest;
    let path = args.out.join(format!("{}.wasm", manifest.id.name()));
    // First: a plugin without one is not published, and the other way round does no harm.
    if let Some(bill) = bill {
        feature.write_bill(&path, &bill)?;
    }
    feature.write(&path)?;
    let result = json!({
        "digest": feature.package.digest,
        "id": manifest.id,
        "kind": manifest.kind,
        "path": path,
        "size_bytes": feature.package.size_bytes,
        "version": manifest.version,
    });
    printer.result(&result, || {
        format!(
            "{} {} (feature) {}\n{}",
            manifest.id,
            manifest.version,
            feature.package.digest,
            path.display()
        )
    })
}

pub(super) fn convert(args: Convert, printer: &Printer) -> Result<(), Error> {
    let converted = skywright_recipe::convert_file(&args.file)?;
    let stem = args.file.file_stem().unwrap_or_default();
    let folder = args.dir.unwrap_or_else(|| PathBuf::from(stem));
    converted.write(&folder)?;
    printer.result(&json!({ "folder": folder, "losses": converted.losses }), || {
        let mut lines = vec![format!("made {}", folder.display())];
        if !converted.losses.is_empty() {
            lines.push("\nnot carried over, or to be looked at:".to_owned());
            lines.extend(converted.losses.iter().map(|loss| format!("  {loss}")));
        }
        lines.push(format!("\nnext:\n  skywright feature lint {}", folder.display()));
        lines.join("\n")
    })
}
