//! `skywright plugin dev`: folders whose plugins run unsigned.

use std::path::PathBuf;

use serde_json::json;
use skywright_registry::DevelopmentFolders;

use super::installed;
use super::trust_args::Dev;
use crate::error::Error;
use crate::output::Printer;

pub(super) fn run(args: Dev, printer: &Printer) -> Result<(), Error> {
    let list = installed(&args.sandbox)?.places().development_file();
    let Some(folder) = args.folder.filter(|_| !args.list) else {
        let folders: Vec<PathBuf> = DevelopmentFolders::read(&list)?.folders.into_iter().collect();
        return printer.list("development folders", &folders, ["folder"], |it| [it.display().to_string()]);
    };
    let (folder, changed) = DevelopmentFolders::change(&list, &folder, !args.remove)?;
    let result = json!({ "changed": changed, "folder": folder, "registered": !args.remove });
    printer.result(&result, || {
        let folder = folder.display();
        match (args.remove, changed) {
            (false, true) => format!("plugins of {folder} run unsigned from now on, for this user"),
            (false, false) => format!("{folder} is registered already"),
            (true, true) => format!("plugins of {folder} need a signature again"),
            (true, false) => format!("{folder} was not registered"),
        }
    })
}
