//! `skywright image …`.

use skywright_core::Error as CoreError;
use skywright_core::resource::{ImageView, images};
use skywright_sizing::{ImageOutcome, ImageVerdict, match_images};

use super::{ImageCommand, find, known};
use crate::error::Error;
use crate::output::table;
use crate::site::Site;

pub(crate) async fn run(command: ImageCommand, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    let listed = images(tenancy.cloud()).await?;
    match command {
        ImageCommand::List => site.printer.list("images", &listed, HEAD, row),
        ImageCommand::Match { name, explain } => {
            let architecture = tenancy.template_options().architecture;
            let matches = match_images(&name, &listed, architecture);
            if explain {
                let rows = || matches.verdicts.iter().map(|v| [v.image.name.clone(), v.why()]);
                return site.printer.result(&matches, || table(["name", "why"], rows()));
            }
            matches.choice().map_err(CoreError::from)?;
            let qualifies =
                |verdict: &&ImageVerdict<'_>| matches!(verdict.outcome, ImageOutcome::Qualifies { .. });
            let found: Vec<_> =
                matches.verdicts.iter().filter(qualifies).map(|verdict| verdict.image.clone()).collect();
            site.printer.list("images", &found, HEAD, row)
        }
        ImageCommand::Inspect { name } => {
            match find(&listed, &name, |i| i.id.as_str(), |i| i.name.as_str()) {
                Some(image) => site.printer.details(image),
                None => {
                    let known = listed.into_iter().map(|image| image.name).collect();
                    Err(CoreError::NoSuch { kind: "image", name, known }.into())
                }
            }
        }
    }
}

const HEAD: [&str; 5] = ["name", "id", "system", "architecture", "min disk gib"];

fn row(image: &ImageView) -> [String; 5] {
    let system = [&image.os_family, &image.os_version].into_iter().flatten().cloned().collect::<Vec<_>>();
    [
        image.name.clone(),
        image.id.to_string(),
        system.join(" "),
        known(image.architecture.as_ref()),
        known((image.min_disk_gib > 0).then_some(&image.min_disk_gib)),
    ]
}
