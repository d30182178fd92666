//! The command line of hosts.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::label::{OnHost, OwnCommand};
use crate::security_group::{HostGroupCommand, Security};
use crate::shared_args::{All, Keep, LabelArgs, MachineArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum HostCommand {
    /// List hosts.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright host list --all")]
    List(All),
    /// Make hosts.
    #[command(
        visible_alias = "new",
        after_help = "Examples:\n  skywright host create web --network lab --sizing 'cpu>=2,ram>=4'\n  skywright host create node --network lab --sizing cpu=2,count=3   # node-1, node-2, node-3\n  skywright host create bastion --single --os 'Debian 12'"
    )]
    Create(Box<HostCreate>),
    /// Show a host.
    #[command(visible_alias = "show", after_help = "Example:\n  skywright host inspect web")]
    Inspect(Which),
    /// Say whether a host runs.
    #[command(visible_alias = "status", after_help = "Example:\n  skywright host state web")]
    State(Which),
    /// Start hosts.
    #[command(after_help = "Example:\n  skywright host start web db")]
    Start {
        /// Their names or ids.
        #[arg(required = true, value_name = "HOST")]
        references: Vec<String>,
    },
    /// Stop hosts.
    #[command(after_help = "Example:\n  skywright host stop web db")]
    Stop(Switch),
    /// Restart hosts.
    #[command(after_help = "Example:\n  skywright host reboot web --force")]
    Reboot(Switch),
    /// Give a host another template. One that is stopped stays so.
    ///
    /// The disk of the new template is not smaller than the host's. A volume that the host boots from stays as it is.
    #[command(after_help = "Example:\n  skywright host resize web --sizing 'cpu=4,ram>=8'")]
    Resize(Resize),
    /// Delete hosts, with their disks. Volumes stay.
    #[command(visible_aliases = ["rm", "remove"], after_help = "Example:\n  skywright host delete web db")]
    Delete {
        /// Their names or ids.
        #[arg(required = true, value_name = "HOST")]
        references: Vec<String>,
        /// Also while volumes are attached: they are detached first.
        #[arg(long, short = 'f')]
        force: bool,
    },
    /// The security groups of hosts.
    #[command(subcommand)]
    Security(Security<HostGroupCommand>),
    #[command(flatten)]
    Own(OwnCommand<OnHost>),
    /// Print the SSH configuration of a host, and of the gateways on the way.
    #[command(
        after_help = "Example:\n  skywright host ssh web --key-file ~/.ssh/web > ~/.ssh/web.config\n  ssh -F ~/.ssh/web.config web"
    )]
    Ssh(Ssh),
    /// Print the last lines of a host's console.
    #[command(after_help = "Example:\n  skywright host console web --lines 50")]
    Console {
        /// Its name or id.
        #[arg(value_name = "HOST")]
        reference: String,
        /// How many lines.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        lines: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Its name or id.
    #[arg(value_name = "HOST")]
    pub(crate) reference: String,
}

#[derive(Debug, Args)]
pub(crate) struct HostCreate {
    /// Their names. With count=N in the sizing there is one, and -1 to -N are put behind it.
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Their network; the only one by default.
    #[arg(long, visible_alias = "net")]
    pub(crate) network: Option<String>,
    /// A subnet of it, the default route first; give it again for more. The network's own by default.
    #[arg(long = "subnet", value_name = "SUBNET")]
    pub(crate) subnets: Vec<String>,
    /// In no network of ours, with a public address each.
    #[arg(long, conflicts_with_all = ["network", "subnets", "public"])]
    pub(crate) single: bool,
    /// A public address each, besides their network.
    #[arg(long)]
    pub(crate) public: bool,
    /// The domain behind their names.
    #[arg(long)]
    pub(crate) domain: Option<String>,
    #[command(flatten)]
    pub(crate) machine: MachineArgs,
    #[command(flatten)]
    pub(crate) labels: LabelArgs,
    #[command(flatten)]
    pub(crate) keep: Keep,
}

#[derive(Debug, Args)]
pub(crate) struct Switch {
    /// Their names or ids.
    #[arg(required = true, value_name = "HOST")]
    pub(crate) references: Vec<String>,
    /// Without asking their systems, as if the power went.
    #[arg(long, short = 'f')]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Resize {
    /// Its name or id.
    #[arg(value_name = "HOST")]
    pub(crate) reference: String,
    /// The new machine, such as cpu>=4,ram>=8 or template=NAME.
    #[arg(long, short = 'S', value_name = "SIZING")]
    pub(crate) sizing: String,
}

#[derive(Debug, Args)]
pub(crate) struct Ssh {
    /// Its name or id.
    #[arg(value_name = "HOST")]
    pub(crate) reference: String,
    /// Write the private key to this new file, readable by you alone; those of gateways beside it.
    #[arg(long, value_name = "FILE")]
    pub(crate) key_file: Option<PathBuf>,
    /// Show the private keys. On a terminal alone.
    #[arg(long)]
    pub(crate) show_secrets: bool,
}
