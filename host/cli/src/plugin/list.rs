//! `skywright plugin list`.

use serde_json::{Value, json};
use skywright_registry::Listed;

use super::{host, human_bytes};
use crate::args::Sandbox;
use crate::error::Error;
use crate::output::{Printer, table};

pub(super) fn run(sandbox: &Sandbox, printer: &Printer) -> Result<(), Error> {
    let listed = host(sandbox, false)?.list()?;
    let result: Vec<Value> = listed.iter().map(as_json).collect();
    printer.result(&result, || {
        if listed.is_empty() {
            return "no plugins; `cargo xtask plugins` or `skywright plugin build DIR` makes some".to_owned();
        }
        table(["name", "version", "kind", "size", "trust", "path"], listed.iter().map(as_row))
    })
}

fn as_json(listed: &Listed) -> Value {
    match &listed.package {
        Ok(package) => json!({
            "contract": package.manifest.contract,
            "digest": package.digest,
            "id": package.manifest.id,
            "kind": package.manifest.kind,
            "path": listed.path,
            "signed": false,
            "size_bytes": package.size_bytes,
            "title": package.manifest.title,
            "version": package.manifest.version,
        }),
        Err(error) => json!({ "error": error.to_string(), "path": listed.path }),
    }
}

fn as_row(listed: &Listed) -> [String; 6] {
    let path = listed.path.display().to_string();
    match &listed.package {
        Ok(package) => {
            let manifest = &package.manifest;
            [
                manifest.id.to_string(),
                manifest.version.to_string(),
                manifest.kind.to_string(),
                human_bytes(package.size_bytes),
                "unsigned".to_owned(),
                path,
            ]
        }
        Err(_) => {
            let nothing = || "-".to_owned();
            [nothing(), nothing(), nothing(), nothing(), "not a plugin".to_owned(), path]
        }
    }
}
