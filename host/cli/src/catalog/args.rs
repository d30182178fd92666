//! The command line of what a cloud offers.

use clap::{Args, Subcommand};

#[derive(Debug, Subcommand)]
pub(crate) enum TemplateCommand {
    /// List the templates that the tenant's rules allow.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright template list --all")]
    List {
        /// Also those that the rules do not allow.
        #[arg(long, short = 'a')]
        all: bool,
    },
    /// Find the templates that a sizing asks for, the one that is taken first.
    #[command(
        after_help = "Examples:\n  skywright template match 'cpu>=4,ram=[7-16]'\n  skywright template match cpu=2 'disk>=50' --image 'Ubuntu 24.04' --explain"
    )]
    Match(TemplateMatch),
    /// Show a template.
    #[command(visible_alias = "show", after_help = "Example:\n  skywright template inspect m1.small")]
    Inspect {
        /// Its name or id.
        name: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct TemplateMatch {
    /// Terms such as cpu>=4, ram=[7-16], disk>=50, gpu=1, template=NAME; all have to hold.
    #[arg(required = true, value_name = "SIZING")]
    pub(crate) sizing: Vec<String>,
    /// Say of every template why, or why not.
    #[arg(long)]
    pub(crate) explain: bool,
    /// The image that is to run: what is too small for it is left out.
    #[arg(long)]
    pub(crate) image: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ImageCommand {
    /// List the images.
    #[command(
        visible_alias = "ls",
        after_help = "Example:\n  skywright image list -o json | jq -r '.result[].name'"
    )]
    List,
    /// Find the images that a name means, the one that is taken first.
    #[command(after_help = "Example:\n  skywright image match 'ubuntu 24.04' --explain")]
    Match {
        /// A name, in any spelling, or an id.
        #[arg(value_name = "NAME")]
        name: String,
        /// Say of every image why, or why not.
        #[arg(long)]
        explain: bool,
    },
    /// Show an image.
    #[command(visible_alias = "show", after_help = "Example:\n  skywright image inspect 'Ubuntu 24.04'")]
    Inspect {
        /// Its name or id.
        name: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum RegionCommand {
    /// List the regions.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright region list")]
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ZoneCommand {
    /// List the zones of the tenant's region.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright zone list")]
    List,
}

#[derive(Debug, Subcommand)]
pub(crate) enum QuotaCommand {
    /// List what may be used, and what is.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright quota list")]
    List,
}
