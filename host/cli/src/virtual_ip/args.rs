//! The command line of virtual IPs.

use clap::{Args, Subcommand};

use crate::label::{FilterArgs, OnVirtualIp, OwnCommand};
use crate::shared_args::{Keep, LabelArgs};
use crate::site::Yes;

#[derive(Debug, Subcommand)]
pub(crate) enum VirtualIpCommand {
    /// List the virtual IPs of a subnet, of a network, or of all.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright subnet vip list lab front")]
    List {
        /// The network's name or id; `-` and nothing mean all.
        network: Option<String>,
        /// The subnet's name or id; all of the network by default.
        subnet: Option<String>,
        #[command(flatten)]
        filter: FilterArgs,
    },
    /// Keep an address of a subnet that hosts in it can take over from each other.
    #[command(visible_alias = "new", after_help = "Example:\n  skywright subnet vip create lab front api")]
    Create(VirtualIpCreate),
    /// Show a virtual IP, and the hosts that may answer for it.
    #[command(visible_alias = "show", after_help = "Example:\n  skywright subnet vip inspect lab front api")]
    Inspect(Which),
    /// Delete virtual IPs. The next host of the subnet may get the address.
    #[command(
        visible_aliases = ["rm", "remove"],
        after_help = "Example:\n  skywright subnet vip delete lab front api --force --yes"
    )]
    Delete(VirtualIpDelete),
    /// Let a host of the subnet answer for a virtual IP, beside those that may already.
    ///
    /// The cloud lets packets through; which host takes the address is up to what runs on them, such as keepalived.
    #[command(after_help = "Example:\n  skywright subnet vip bind lab front api web-1")]
    Bind(Pair),
    /// Let a host answer for a virtual IP no more.
    #[command(after_help = "Example:\n  skywright subnet vip unbind lab front api web-1")]
    Unbind(Pair),
    #[command(flatten)]
    Own(OwnCommand<OnVirtualIp>),
}

/// The subnet that a virtual IP is of.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// The network's name or id.
    pub(crate) network: String,
    /// The subnet's name or id.
    pub(crate) subnet: String,
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Its name or id.
    #[arg(value_name = "VIP")]
    pub(crate) ip: String,
}

#[derive(Debug, Args)]
pub(crate) struct VirtualIpCreate {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Its name.
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) labels: LabelArgs,
    #[command(flatten)]
    pub(crate) keep: Keep,
}

#[derive(Debug, Args)]
pub(crate) struct VirtualIpDelete {
    #[command(flatten)]
    pub(crate) place: Place,
    /// Their names or ids.
    #[arg(required = true, value_name = "VIP")]
    pub(crate) references: Vec<String>,
    /// Also while hosts answer for them.
    #[arg(long, short = 'f')]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) yes: Yes,
}

#[derive(Debug, Args)]
pub(crate) struct Pair {
    #[command(flatten)]
    pub(crate) which: Which,
    /// The host's name or id.
    pub(crate) host: String,
}
