//! Recipes as features: each folder with a `recipe.yaml`, built into the interpreter that was built before.

use std::fs;
use std::path::{Path, PathBuf};

use skywright_author::Built;
use skywright_recipe::{RECIPE_FILE, Source};

use crate::error::Error;

/// Which plugin recipes are built into.
const INTERPRETER: &str = "recipe-interpreter";

/// Builds every recipe of a folder, beside its interpreter.
pub(crate) fn build(folder: &Path, built: &[Built]) -> Result<Vec<Built>, Error> {
    let Some(interpreter) = built.iter().find(|one| one.package.manifest.id.name() == INTERPRETER) else {
        return Ok(Vec::new());
    };
    let bytes = fs::read(&interpreter.path).map_err(Error::io("read", &interpreter.path))?;
    let bill = fs::read(&interpreter.sbom).map_err(Error::io("read", &interpreter.sbom))?;
    let out = interpreter.path.parent().unwrap_or(Path::new("."));
    let mut features = Vec::new();
    for recipe in recipes(folder)? {
        let source = Source::read(&recipe)?;
        let feature = skywright_recipe::build(&bytes, &source.bundle)?;
        let path = out.join(format!("{}.wasm", feature.package.manifest.id.name()));
        feature.write_bill(&path, &bill)?;
        feature.write(&path)?;
        let sbom = path.with_extension("cdx.json");
        features.push(Built { path, sbom, package: feature.package, interfaces: feature.interfaces });
    }
    Ok(features)
}

fn recipes(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(Error::io("read", folder))? {
        let path = entry.map_err(Error::io("read", folder))?.path();
        if path.join(RECIPE_FILE).is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
