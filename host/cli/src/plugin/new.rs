//! `skywright plugin new`.

use std::path::PathBuf;

use serde_json::json;
use skywright_contract::Kind;

use crate::args::{New, PluginKind};
use crate::error::Error;
use crate::output::Printer;

pub(super) fn run(args: New, printer: &Printer) -> Result<(), Error> {
    let kind = match args.kind {
        PluginKind::Provider => Kind::Provider,
        PluginKind::Feature => Kind::Feature,
    };
    // The publisher is no part of the folder's name.
    let plain = args.name.rsplit('/').next().unwrap_or(&args.name);
    let folder = args.dir.unwrap_or_else(|| PathBuf::from(plain));
    let made = skywright_author::scaffold(&args.name, kind, &folder)?;
    let result = json!({ "folder": made.folder, "files": made.files, "kind": kind, "id": made.id });
    printer.result(&result, || {
        format!(
            "made {}\n\nnext:\n  cd {}\n  cargo test\n  skywright plugin build .\n  skywright plugin dev .\n  skywright plugin inspect dist/{}.wasm",
            made.folder.display(),
            made.folder.display(),
            made.id.name()
        )
    })
}
