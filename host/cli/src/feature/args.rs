//! Arguments of `skywright feature …`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use skywright_recipe_format::plan::Action;

use super::run_args::{Change, Check, History, Plan, Remove, Status};
use super::test_args::Test;

/// What is done with features and recipes.
#[derive(Debug, Subcommand)]
pub(crate) enum FeatureCommand {
    /// Write a new recipe that lints and builds as it is.
    #[command(after_help = "Example:\n  skywright feature new acme/page\n  skywright feature lint page")]
    New(New),
    /// Say what is better changed in a recipe: rendered for every system that it names.
    #[command(
        after_help = "Example:\n  skywright feature lint page\n  skywright feature lint page -o json | jq '.result.remarks[].rule'"
    )]
    Lint(Lint),
    /// Show what a recipe would do, on targets that nobody has.
    #[command(
        after_help = "Examples:\n  skywright feature preview page\n  skywright feature preview page --action remove --sample 'debian 12'"
    )]
    Preview(Preview),
    /// Make a feature of a recipe; no compiler is needed.
    #[command(
        after_help = "Example:\n  skywright feature build page --out dist\n  skywright feature inspect dist/page.wasm"
    )]
    Build(Build),
    /// Make a recipe of a SafeScale feature file, and say what could not be carried over.
    #[command(after_help = "Example:\n  skywright feature convert page.yml --dir page")]
    Convert(Convert),
    /// Try a recipe on fresh hosts of the tenant: add it, check, add it again, remove it, check, and compare.
    ///
    /// Hosts are made for each system that the recipe names and the tenant has an image of, and deleted afterwards.
    /// Exit code 24: something failed.
    #[command(
        after_help = "Examples:\n  skywright feature test page --tenant local\n  skywright feature test ntp-client --with ntp-server -p servers={with}"
    )]
    Test(Test),
    /// The features that are here.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright feature list -o json")]
    List(List),
    /// Show what a feature asks for, runs on and gives.
    #[command(visible_alias = "show", after_help = "Example:\n  skywright feature inspect ntp-server")]
    Inspect(Inspect),
    /// Show every step that a command would run, host by host, script by script. Nothing is changed.
    #[command(
        after_help = "Examples:\n  skywright feature plan ntp-client --on b,c -p servers=10.0.0.4\n  skywright feature plan docker --on a -o json > docker.plan.json\n  skywright feature add --plan docker.plan.json"
    )]
    Plan(Plan),
    /// Find out whether hosts have a feature. Exit code 5: not all of them do.
    #[command(after_help = "Example:\n  skywright feature check ntp-client --on b,c")]
    Check(Check),
    /// Add a feature to hosts, and what it needs first.
    ///
    /// What fails is taken back. A run that was cut off goes on with the next command that changes something.
    #[command(
        after_help = "Examples:\n  skywright feature add ntp-server --on a\n  skywright feature add swarm --on a:manager,b:worker,c:worker -p docker:version=24.0.5\n  skywright feature add keycloak --on a -p admin_password=env:KEYCLOAK_PASSWORD"
    )]
    Add(Change),
    /// Remove a feature from hosts.
    #[command(after_help = "Example:\n  skywright feature remove ntp-client --on b,c --yes")]
    Remove(Remove),
    /// Bring a feature to the version that is here.
    #[command(after_help = "Example:\n  skywright feature upgrade docker")]
    Upgrade(Change),
    /// Show what a feature was told where it is, and what it gives.
    #[command(after_help = "Example:\n  skywright feature status swarm --show-secrets")]
    Status(Status),
    /// Show what was done with features, the latest last.
    #[command(after_help = "Example:\n  skywright feature history swarm")]
    History(History),
}

#[derive(Debug, Args)]
pub(crate) struct List {
    /// Where they are in the tenant, instead of which there are here.
    #[arg(long)]
    pub(crate) installed: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A feature: id, name, or the path of its file.
    pub(crate) feature: String,
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// The recipe's name, or publisher/name.
    pub(crate) name: String,
    /// The folder to make; the name below this one by default.
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
}

/// A recipe, and what it is asked with.
#[derive(Debug, Args)]
pub(crate) struct Recipe {
    /// The folder with recipe.yaml.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The interpreter that the recipe is built into: a plugin's id, name, or file.
    #[arg(long, value_name = "PLUGIN", default_value = "skywright/recipe-interpreter")]
    pub(crate) interpreter: String,
}

#[derive(Debug, Args)]
pub(crate) struct Lint {
    #[command(flatten)]
    pub(crate) recipe: Recipe,
    /// Do not have shellcheck read the scripts.
    #[arg(long)]
    pub(crate) no_shellcheck: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Preview {
    #[command(flatten)]
    pub(crate) recipe: Recipe,
    /// What is done.
    #[arg(long, value_enum, default_value_t = ActionName::Add)]
    pub(crate) action: ActionName,
    /// Only samples whose names hold this.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) sample: String,
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    #[command(flatten)]
    pub(crate) recipe: Recipe,
    /// Where the plugin file goes.
    #[arg(long, default_value = "dist")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// The feature file.
    pub(crate) file: PathBuf,
    /// The folder to make; the file's name below this one by default.
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
}

/// What is done with a feature on a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ActionName {
    /// Find out where it is.
    Check,
    /// Install it.
    Add,
    /// Remove it.
    Remove,
    /// From an older version to this one.
    Upgrade,
}

impl From<ActionName> for Action {
    fn from(name: ActionName) -> Self {
        match name {
            ActionName::Check => Self::Check,
            ActionName::Add => Self::Add,
            ActionName::Remove => Self::Remove,
            ActionName::Upgrade => Self::Upgrade,
        }
    }
}
