//! `cargo xtask plugins`: every plugin of this repository as a file, and a signed repository of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Args;
use skywright_author::{Builder, Built, Event, Options, Way};

use crate::error::Error;
use crate::places::Places;
use crate::run::{Interrupt, run};
use crate::{machine, publish, recipes, say};

/// Where plugins are, each in a folder with a `plugin.toml`.
const FAMILIES: [&str; 2] = ["plugins/providers", "plugins/features"];

/// Where recipes are, each in a folder with a `recipe.yaml`.
const FEATURES: &str = "plugins/features";

/// Plugins that only tests load: hostile ones, and those of other tool chains.
const FIXTURES: &str = "tests/guests";

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Arguments {
    /// Where the files go [default: plugins in cargo's target folder]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Build the plugins that only tests load, too
    #[arg(long)]
    pub(crate) fixtures: bool,
    /// Build the standard library with Debian's rustc-web even if rustc has the target
    #[arg(long)]
    pub(crate) debian: bool,
    /// Print what the compilers print
    #[arg(long, short)]
    pub(crate) verbose: bool,
}

pub(crate) fn plugins(places: &Places, interrupt: &Interrupt, arguments: &Arguments) -> Result<(), Error> {
    let mut options = Options::new(arguments.out.clone().unwrap_or_else(|| places.plugins()));
    options.target_dir = Some(places.cache.join("guests"));
    if arguments.debian {
        options.ways = vec![Way::Debian, Way::Apt];
    }
    let mut builder = Builder::new(options);
    let mut ours = Vec::new();
    let mut rows = vec![["NAME", "VERSION", "KIB", "DIGEST"].map(str::to_owned)];
    for folder in folders(places, arguments.fixtures)? {
        interrupt.check()?;
        fetch_node_modules(interrupt, &folder)?;
        let built = builder.build(&folder, &mut |event| tell(arguments.verbose, &event))?;
        rows.push(row(&built));
        // Fixtures are nobody's to sign: most of them mean harm.
        if !folder.starts_with(places.root.join(FIXTURES)) {
            ours.push(built);
        }
    }
    let recipes = recipes::build(&places.root.join(FEATURES), &ours)?;
    rows.extend(recipes.iter().map(row));
    ours.extend(recipes);
    table(&rows);
    publish::publish(&places.repository(), &ours)
}

fn folders(places: &Places, fixtures: bool) -> Result<Vec<PathBuf>, Error> {
    let mut folders = Vec::new();
    for family in FAMILIES.into_iter().chain(fixtures.then_some(FIXTURES)) {
        let family = places.root.join(family);
        if !family.is_dir() {
            continue;
        }
        for entry in fs::read_dir(&family).map_err(Error::io("read", &family))? {
            let folder = entry.map_err(Error::io("read", &family))?.path();
            // A plugin may keep a variant of itself in a folder below its own.
            let variants =
                fs::read_dir(&folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
            let candidates = std::iter::once(folder.clone()).chain(variants);
            folders.extend(candidates.filter(|folder| folder.join("plugin.toml").is_file()));
        }
    }
    folders.sort();
    Ok(folders)
}

/// What a JavaScript plugin is built with, fetched once and as its lock file says.
fn fetch_node_modules(interrupt: &Interrupt, folder: &Path) -> Result<(), Error> {
    if !folder.join("package-lock.json").is_file() || folder.join("node_modules").is_dir() {
        return Ok(());
    }
    machine::need(interrupt, "npm", "npm")?;
    let mut npm = Command::new("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]).current_dir(folder);
    run(interrupt, "npm ci", &mut npm)
}

fn tell(verbose: bool, event: &Event<'_>) {
    if verbose || !matches!(event, Event::Output(_)) {
        say::note(&event.to_string());
    }
}

fn row(built: &Built) -> [String; 4] {
    let package = &built.package;
    let manifest = &package.manifest;
    [
        manifest.id.to_string(),
        manifest.version.to_string(),
        package.size_bytes.div_ceil(1024).to_string(),
        package.digest.to_string(),
    ]
}

fn table(rows: &[[String; 4]]) {
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (name, version, size) = (width(0), width(1), width(2));
    for row in rows {
        say::line(&format!("{:name$}  {:version$}  {:>size$}  {}", row[0], row[1], row[2], row[3]));
    }
}
