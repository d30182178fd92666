//! The command line of networks.

use clap::{Args, Subcommand};
use ipnet::Ipv4Net;

use crate::label::{OnNetwork, OwnCommand};
use crate::security_group::{Security, SecurityGroupCommand};
use crate::shared_args::{All, Keep, LabelArgs};
use crate::site::Yes;
use crate::subnet::{GatewayArgs, SubnetCommand};

#[derive(Debug, Subcommand)]
pub(crate) enum NetworkCommand {
    /// List networks.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright network list --all")]
    List(All),
    /// Make a network, with a subnet of the same name and a gateway unless it shall be empty.
    #[command(
        visible_alias = "new",
        after_help = "Examples:\n  skywright network create lab --cidr 10.1.0.0/24 --sizing 'cpu=1,ram>=1'\n  skywright network create lab --empty"
    )]
    Create(Box<NetworkCreate>),
    /// Show a network.
    #[command(visible_alias = "show", after_help = "Example:\n  skywright network inspect lab")]
    Inspect {
        /// Its name or id.
        #[arg(value_name = "NETWORK")]
        reference: String,
    },
    /// Delete networks, with their subnets and gateways.
    #[command(visible_aliases = ["rm", "remove"], after_help = "Example:\n  skywright network delete lab --force --yes")]
    Delete(NetworkDelete),
    /// The security groups of networks.
    #[command(subcommand)]
    Security(Security<SecurityGroupCommand>),
    #[command(flatten)]
    Own(OwnCommand<OnNetwork>),
    /// The subnets of networks.
    #[command(subcommand)]
    Subnet(SubnetCommand),
}

#[derive(Debug, Args)]
pub(crate) struct NetworkCreate {
    /// Its name.
    pub(crate) name: String,
    /// Its range.
    #[arg(long, short = 'N', default_value = "192.168.0.0/23")]
    pub(crate) cidr: Ipv4Net,
    /// Without a subnet.
    #[arg(long, visible_alias = "no-default-subnet", conflicts_with_all = crate::subnet::GATEWAY_OPTIONS)]
    pub(crate) empty: bool,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    #[command(flatten)]
    pub(crate) labels: LabelArgs,
    #[command(flatten)]
    pub(crate) keep: Keep,
}

#[derive(Debug, Args)]
pub(crate) struct NetworkDelete {
    /// Their names or ids.
    #[arg(required = true, value_name = "NETWORK")]
    pub(crate) references: Vec<String>,
    /// Also the hosts in them.
    #[arg(long, short = 'f')]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) yes: Yes,
}
