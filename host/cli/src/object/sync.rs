//! `skywright object sync`.

use serde_json::Value;
use skywright_core::objects::{Action, Compare, Plan, Reason, SyncOptions, Synced};

use super::args::Sync;
use super::place::Sides;
use super::{Moving, bucket, prefix, size_text, skipped, until_stopped};
use crate::error::Error;
use crate::output::table;
use crate::site::Site;

pub(super) async fn run(args: &Sync, site: &Site<'_>) -> Result<(), Error> {
    let sides = Sides::of(&args.source, &args.destination).map_err(|message| Error::Usage {
        message: message.to_owned(),
        hint: Some("write a folder as ./FOLDER or /FOLDER, the other side as BUCKET[/PREFIX]".to_owned()),
    })?;
    let options = SyncOptions {
        delete: args.delete,
        compare: if args.checksum { Compare::Checksum } else { Compare::Time },
    };
    let below = prefix(&sides.place.name)?;
    let watch = Moving::new(site.report(), format!("sync with {}", sides.place.bucket));
    let (plan, synced) = until_stopped(site, async {
        let bucket = bucket(&sides.place.bucket, site).await?;
        let plan = bucket.plan(sides.direction, &sides.folder, &below, options).await?;
        skipped(site.report(), &plan.skipped);
        let synced = if args.dry_run { None } else { Some(bucket.run(&plan, &watch).await?) };
        Ok((plan, synced))
    })
    .await?;
    match synced {
        None => site.printer.result(&plan, || plan_text(&plan)),
        Some(synced) => {
            watch.done();
            site.printer.result(&synced, || synced_text(&synced))
        }
    }
}

pub(crate) fn synced_text(synced: &Synced) -> String {
    format!("{} moved, {}; {} deleted", synced.moved, size_text(synced.bytes), synced.deleted)
}

fn plan_text(plan: &Plan) -> String {
    let rows = plan
        .steps
        .iter()
        .map(|step| [word(step.action), step.name.clone(), size_text(step.size_bytes), reason(step.reason)]);
    let sum = format!("{} to move, {} the same", size_text(plan.bytes_total), plan.same);
    if plan.steps.is_empty() {
        sum
    } else {
        format!("{}\n{sum}", table(["do", "name", "size", "because"], rows))
    }
}

/// As JSON spells it.
fn word(action: Action) -> String {
    serde_json::to_value(action).ok().as_ref().and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn reason(reason: Reason) -> String {
    match reason {
        Reason::Missing => "it is missing there",
        Reason::Size => "the sizes differ",
        Reason::Content => "the contents may differ",
        Reason::Extra => "it is only there",
    }
    .to_owned()
}
