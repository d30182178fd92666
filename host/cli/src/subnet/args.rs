//! The command line of subnets, and of the gateways that they have.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use ipnet::Ipv4Net;
use skywright_core::Name;
use skywright_core::resource::{GatewayMode, MachineRequest, SubnetRequest};

use crate::error::Error;
use crate::label::{OnSubnet, OwnCommand};
use crate::security_group::{Security, SubnetGroupCommand};
use crate::shared_args::{Keep, LabelArgs, MachineArgs};
use crate::site::Yes;
use crate::virtual_ip::VirtualIpCommand;

#[derive(Debug, Subcommand)]
pub(crate) enum SubnetCommand {
    /// List the subnets of a network, or of all.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright network subnet list lab")]
    List {
        /// The network's name or id; `-` and nothing mean all.
        network: Option<String>,
    },
    /// Make a subnet, with a gateway unless it shall have none.
    #[command(
        visible_alias = "new",
        after_help = "Examples:\n  skywright network subnet create lab front --cidr 192.168.0.0/24\n  skywright network subnet create lab back --cidr 192.168.1.0/24 --gateway none"
    )]
    Create(Box<SubnetCreate>),
    /// Show a subnet.
    #[command(visible_alias = "show", after_help = "Example:\n  skywright network subnet inspect lab front")]
    Inspect {
        /// The network's name or id.
        network: String,
        /// The subnet's name or id.
        subnet: String,
    },
    /// Delete subnets, with their gateways.
    #[command(
        visible_aliases = ["rm", "remove"],
        after_help = "Example:\n  skywright network subnet delete lab front back --force --yes"
    )]
    Delete(SubnetDelete),
    /// The security groups of subnets.
    #[command(subcommand)]
    Security(Security<SubnetGroupCommand>),
    /// Virtual IPs: addresses that hosts of a subnet take over from each other.
    #[command(subcommand, visible_alias = "virtual-ip")]
    Vip(VirtualIpCommand),
    #[command(flatten)]
    Own(OwnCommand<OnSubnet>),
}

#[derive(Debug, Args)]
pub(crate) struct SubnetCreate {
    /// The network's name or id.
    pub(crate) network: String,
    /// The subnet's name.
    pub(crate) name: String,
    /// Its range, within the network's; all of that by default.
    #[arg(long, short = 'N')]
    pub(crate) cidr: Option<Ipv4Net>,
    #[command(flatten)]
    pub(crate) gateway: GatewayArgs,
    #[command(flatten)]
    pub(crate) labels: LabelArgs,
    #[command(flatten)]
    pub(crate) keep: Keep,
}

#[derive(Debug, Args)]
pub(crate) struct SubnetDelete {
    /// The network's name or id.
    pub(crate) network: String,
    /// The subnets' names or ids.
    #[arg(required = true, value_name = "SUBNET")]
    pub(crate) references: Vec<String>,
    /// Also the hosts in them.
    #[arg(long, short = 'f')]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) yes: Yes,
}

/// The ids of the options of a gateway and its subnet.
pub(crate) const GATEWAY_OPTIONS: [&str; 8] =
    ["gateway", "gwname", "gwport", "failover", "dns", "sizing", "os", "zone"];

/// How a subnet's hosts reach the internet.
#[derive(Debug, Args)]
pub(crate) struct GatewayArgs {
    /// A host as gateway, the cloud's own, or none.
    #[arg(long, value_name = "KIND", default_value = "host", value_parser = gateway_mode())]
    gateway: GatewayMode,
    /// The gateway's name; gw-SUBNET by default.
    #[arg(long, value_name = "NAME")]
    gwname: Option<String>,
    /// The gateway's SSH port.
    #[arg(
        long,
        value_name = "PORT",
        visible_alias = "default-ssh-port",
        default_value_t = 22,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    gwport: u16,
    /// Two gateways, and an address that moves between them.
    #[arg(long)]
    failover: bool,
    /// A name server; give it again for more.
    #[arg(long, value_name = "ADDRESS")]
    dns: Vec<std::net::IpAddr>,
    #[command(flatten)]
    machine: MachineArgs,
}

fn gateway_mode() -> impl TypedValueParser<Value = GatewayMode> {
    PossibleValuesParser::new(["host", "managed", "none"]).try_map(|word| word.parse::<GatewayMode>())
}

impl GatewayArgs {
    /// The subnet that is wanted.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if options of a gateway host are given without one; a name that is none.
    pub(crate) fn subnet(self, name: Name, cidr: Ipv4Net) -> Result<SubnetRequest, Error> {
        let machine = MachineRequest::from(self.machine);
        let about_a_host = [
            ("--gwname", self.gwname.is_some()),
            ("--failover", self.failover),
            ("--sizing", !machine.sizing.is_empty()),
            ("--os", machine.image.is_some()),
            ("--zone", machine.zone.is_some()),
            ("--gwport", self.gwport != 22),
        ];
        if self.gateway != GatewayMode::Host
            && let Some((option, _)) = about_a_host.iter().find(|(_, given)| *given)
        {
            return Err(Error::Usage {
                message: format!("{option} is of a gateway host, and there is none"),
                hint: Some("leave it out, or take --gateway host".to_owned()),
            });
        }
        Ok(SubnetRequest {
            name,
            cidr,
            dns: self.dns.iter().map(ToString::to_string).collect(),
            gateway: self.gateway,
            gateway_name: self.gwname.map(|name| name.parse()).transpose()?,
            gateway_ssh_port: self.gwport,
            gateway_machine: machine,
            failover: self.failover,
        })
    }
}
