//! `skywright plugin build`.

use serde_json::json;
use skywright_author::{Builder, Event, Options};

use super::human_bytes;
use crate::args::Build;
use crate::error::Error;
use crate::output::Printer;

pub(super) fn run(args: Build, printer: &Printer) -> Result<(), Error> {
    let mut options = Options::new(args.out);
    options.target_dir = args.target_dir;
    let mut say = |event: Event<'_>| match event {
        // A failure repeats the end of it; success needs none of it.
        Event::Output(line) => tracing::info!(target: "build", "{line}"),
        other => printer.progress(&other.to_string()),
    };
    let built = Builder::new(options).build(&args.dir, &mut say)?;
    let (manifest, package) = (&built.package.manifest, &built.package);
    let result = json!({
        "digest": package.digest,
        "id": manifest.id,
        "kind": manifest.kind,
        "path": built.path,
        "size_bytes": package.size_bytes,
        "version": manifest.version,
    });
    printer.result(&result, || {
        format!(
            "{} {} ({}) {}\n{}",
            manifest.id,
            manifest.version,
            human_bytes(package.size_bytes),
            package.digest,
            built.path.display()
        )
    })
}
