//! Arguments of `skywright feature test`.

use std::path::PathBuf;

use clap::Args;
use ipnet::Ipv4Net;

use super::run_args::Parameters;

#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The folder with recipe.yaml.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// The interpreter that the recipe is built into: a plugin's id, name, or file.
    #[arg(long, value_name = "PLUGIN", default_value = "skywright/recipe-interpreter")]
    pub(crate) interpreter: String,
    #[command(flatten)]
    pub(crate) parameters: Parameters,
    /// Another feature that is on a host of its own meanwhile; `{with}` in parameters is that host's address.
    #[arg(long, value_name = "FEATURE")]
    pub(crate) with: Option<String>,
    /// Only systems whose names hold this, such as `debian 12`.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub(crate) system: String,
    /// The range of the network that is made for it.
    #[arg(long, value_name = "CIDR", default_value = "192.168.241.0/24")]
    pub(crate) cidr: Ipv4Net,
    /// The size of its hosts.
    #[arg(long, short = 'S', value_name = "SIZING", default_value = "")]
    pub(crate) sizing: String,
    /// Leave the network and the hosts of a system that failed, to look at them.
    #[arg(long)]
    pub(crate) keep: bool,
}
