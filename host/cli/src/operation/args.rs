//! The command line of operations.

use clap::{Args, Subcommand};

use crate::site::Yes;

#[derive(Debug, Subcommand)]
pub(crate) enum OperationCommand {
    /// List the changes that are under way, were cut off, or failed and left something.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright operation list --all")]
    List {
        /// Also those that are over.
        #[arg(long, short = 'a')]
        all: bool,
    },
    /// Show a change and its steps.
    #[command(visible_alias = "inspect", after_help = "Example:\n  skywright operation show 6a3f")]
    Show(Which),
    /// Go on with a change that was cut off, or that failed and left what it had made.
    #[command(after_help = "Example:\n  skywright operation resume 6a3f")]
    Resume(Which),
    /// Take back what such a change made.
    #[command(after_help = "Example:\n  skywright operation abort 6a3f --yes")]
    Abort(Abort),
    /// Settle a change that was cut off or failed as it is, and say what it may have left in the cloud.
    ///
    /// Nothing is asked of the cloud. The names that it had reserved are free again; `skywright reconcile` finds
    /// what is left there.
    #[command(after_help = "Example:\n  skywright operation forget 6a3f --yes\n  skywright reconcile --plan")]
    Forget(Abort),
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Its id, or the beginning of it.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
}

#[derive(Debug, Args)]
pub(crate) struct Abort {
    #[command(flatten)]
    pub(crate) which: Which,
    #[command(flatten)]
    pub(crate) yes: Yes,
}
