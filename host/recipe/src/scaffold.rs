//! A new recipe's folder, which lints and builds as it is written.

use std::fs;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use skywright_contract::PluginId;

use crate::{Error, SCRIPTS_FOLDER};

/// What a recipe starts from. A file's name ends in `.tmpl`.
static TEMPLATE: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/template");

/// The schema that editors read, as it is published.
const SCHEMA: &str = include_str!("../../../wit/recipe/recipe.schema.json");

/// The publisher of a recipe whose name came without one.
const NAMESPACE: &str = "example";

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scaffolded {
    /// The new folder.
    pub folder: PathBuf,
    /// Who the recipe is.
    pub id: PluginId,
}

/// Writes a new recipe to `folder`, which must not be there yet. `name` is the recipe's, or `publisher/name`.
///
/// # Errors
///
/// [`Error::Name`], [`Error::Exists`], and [`Error::Io`], after which nothing is left behind.
pub fn scaffold(name: &str, folder: &Path) -> Result<Scaffolded, Error> {
    let full = if name.contains('/') { name.to_owned() } else { format!("{NAMESPACE}/{name}") };
    let id: PluginId = full.parse().map_err(|_| Error::Name { name: name.chars().take(80).collect() })?;
    let mut files = vec![(PathBuf::from("recipe.schema.json"), SCHEMA.to_owned())];
    for folder in [Some(&TEMPLATE), TEMPLATE.get_dir(SCRIPTS_FOLDER)].into_iter().flatten() {
        for file in folder.files() {
            let text = file.contents_utf8().unwrap_or_default();
            let text = text.replace("@id@", &id.to_string()).replace("@name@", id.name());
            files.push((file.path().with_extension(""), text));
        }
    }
    write(folder, &files)?;
    Ok(Scaffolded { folder: folder.to_owned(), id })
}

/// Writes files to a folder that must not be there yet: all of them, or none.
pub(crate) fn write(folder: &Path, files: &[(PathBuf, String)]) -> Result<(), Error> {
    if fs::symlink_metadata(folder).is_ok() {
        return Err(Error::Exists { path: folder.to_owned() });
    }
    Ok(skywright_files::create_folder(folder, files)?)
}
