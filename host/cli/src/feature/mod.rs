//! `skywright feature …`: what authors of recipes use, what features there are, and features on hosts.

pub(crate) mod args;
mod author;
mod list;
mod run;
mod run_args;
mod sandboxed;
mod test;
mod test_args;

use args::FeatureCommand;
use skywright_recipe_format::plan::Action;

use crate::error::Error;
use crate::site::Site;

/// Runs one command.
pub(crate) async fn run(command: FeatureCommand, site: &Site<'_>) -> Result<(), Error> {
    let (sandbox, printer) = (site.sandbox(), site.printer);
    match command {
        FeatureCommand::New(args) => author::new(args, printer),
        FeatureCommand::Lint(args) => author::lint(args, sandbox, printer).await,
        FeatureCommand::Preview(args) => author::preview(args, sandbox, printer).await,
        FeatureCommand::Build(args) => author::build(args, sandbox, printer),
        FeatureCommand::Convert(args) => author::convert(args, printer),
        FeatureCommand::List(args) if args.installed => run::installed(site).await,
        FeatureCommand::List(_) => list::list(sandbox, printer),
        FeatureCommand::Inspect(args) => list::inspect(args, sandbox, printer).await,
        FeatureCommand::Plan(args) => run::plan(args, site).await,
        FeatureCommand::Test(args) => test::run(args, site).await,
        FeatureCommand::Check(args) => run::check(args, site).await,
        FeatureCommand::Add(args) => run::add(args, Action::Add, site).await,
        FeatureCommand::Remove(args) => run::remove(args, site).await,
        FeatureCommand::Upgrade(args) => run::add(args, Action::Upgrade, site).await,
        FeatureCommand::Status(args) => run::status(args, site).await,
        FeatureCommand::History(args) => run::history(args, site).await,
    }
}
