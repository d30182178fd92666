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
    use std::os::unix::fs::PermissionsExt as _;

    if fs::symlink_metadata(folder).is_ok() {
        return Err(Error::Exists { path: folder.to_owned() });
    }
    let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(parent).map_err(Error::io("make", parent))?;
    let fresh = tempfile::Builder::new()
        .prefix(".skywright-new-")
        .tempdir_in(parent)
        .map_err(Error::io("write in", parent))?;
    for (path, text) in files {
        let path = fresh.path().join(path);
        let above = path.parent().unwrap_or(fresh.path());
        fs::create_dir_all(above).map_err(Error::io("make", above))?;
        fs::write(&path, text).map_err(Error::io("write", &path))?;
    }
    fs::set_permissions(fresh.path(), fs::Permissions::from_mode(0o755))
        .map_err(Error::io("make", folder))?;
    fs::rename(fresh.path(), folder).map_err(Error::io("make", folder))?;
    let _ = fresh.keep();
    Ok(())
}
