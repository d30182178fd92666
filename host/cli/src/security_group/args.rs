//! The command line of security groups, wherever they are bound.

use std::net::IpAddr;

use clap::{Args, Subcommand, ValueEnum};
use ipnet::IpNet;
use skywright_core::resource::{BondKind, RuleRequest};
use skywright_runtime::provider::security_groups::{Direction, IpVersion, Protocol};

use crate::label::{OnGroup, OwnCommand};
use crate::shared_args::LabelArgs;
use crate::site::Yes;

/// What is between `network` or `host` and `group`.
#[derive(Debug, Subcommand)]
pub(crate) enum Security<C: Subcommand> {
    /// Security groups.
    #[command(subcommand, visible_alias = "sg")]
    Group(C),
}

#[derive(Debug, Subcommand)]
pub(crate) enum SecurityGroupCommand {
    /// List the security groups of a network, or of all.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright security-group list --all")]
    List {
        /// The network's name or id; `-` for groups of none.
        network: Option<String>,
        /// Also what came with subnets and hosts, and what this program did not make.
        #[arg(long, short = 'a')]
        all: bool,
    },
    /// Make a security group. It has no rules at first, and lets nothing through.
    #[command(
        visible_alias = "new",
        after_help = "Examples:\n  skywright security-group create lab web --description 'web servers'\n  skywright security-group create - monitoring"
    )]
    Create(GroupCreate),
    /// Show a security group and its rules.
    #[command(visible_alias = "show", after_help = "Example:\n  skywright security-group inspect lab web")]
    Inspect(Which),
    /// Remove all rules of a security group, those for outgoing traffic too.
    #[command(
        visible_alias = "reset",
        after_help = "Example:\n  skywright security-group clear lab web --yes"
    )]
    Clear {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        yes: Yes,
    },
    /// Delete security groups.
    #[command(
        visible_aliases = ["rm", "remove"],
        after_help = "Example:\n  skywright security-group delete lab web db --force --yes"
    )]
    Delete(GroupDelete),
    /// Say what a security group is bound to.
    #[command(
        visible_aliases = ["links", "attachments"],
        after_help = "Example:\n  skywright security-group bonds lab web --kind hosts"
    )]
    Bonds {
        #[command(flatten)]
        which: Which,
        /// Bound to what.
        #[arg(long, value_enum, default_value_t = BondsOf::All)]
        kind: BondsOf,
    },
    /// The rules of security groups.
    #[command(subcommand)]
    Rule(RuleCommand),
    #[command(flatten)]
    Own(OwnCommand<OnGroup>),
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// The network's name or id; `-` for a group of none.
    pub(crate) network: String,
    /// The group's name or id.
    pub(crate) group: String,
}

#[derive(Debug, Args)]
pub(crate) struct GroupCreate {
    /// The network whose hosts it is for; `-` for any.
    pub(crate) network: String,
    /// Its name.
    pub(crate) name: String,
    /// What it is for.
    #[arg(long, short = 'd', visible_alias = "comment", default_value = "", hide_default_value = true)]
    pub(crate) description: String,
    #[command(flatten)]
    pub(crate) labels: LabelArgs,
}

#[derive(Debug, Args)]
pub(crate) struct GroupDelete {
    /// The network's name or id; `-` for groups of none.
    pub(crate) network: String,
    /// The groups' names or ids.
    #[arg(required = true, value_name = "GROUP")]
    pub(crate) references: Vec<String>,
    /// Take them off whatever has them first.
    #[arg(long, short = 'f')]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) yes: Yes,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BondsOf {
    All,
    Hosts,
    Subnets,
}

impl From<BondsOf> for BondKind {
    fn from(kind: BondsOf) -> Self {
        match kind {
            BondsOf::All => Self::All,
            BondsOf::Hosts => Self::Hosts,
            BondsOf::Subnets => Self::Subnets,
        }
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum RuleCommand {
    /// Add a rule, or one for each range and group; one that is there already stays.
    #[command(
        visible_alias = "new",
        after_help = "Examples:\n  skywright security-group rule add lab web -P tcp --port-from 80\n  skywright security-group rule add lab db -P tcp --port-from 5432 --group web\n  skywright security-group rule add lab web -D egress"
    )]
    Add(Box<RuleAdd>),
    /// Remove rules: those that say the same, or those with an id.
    #[command(
        visible_aliases = ["rm", "remove"],
        after_help = "Examples:\n  skywright security-group rule delete lab web -P tcp --port-from 80\n  skywright security-group rule delete lab web --id 5d0c…"
    )]
    Delete(Box<RuleDelete>),
}

#[derive(Debug, Args)]
pub(crate) struct RuleAdd {
    #[command(flatten)]
    pub(crate) which: Which,
    /// What it is for.
    #[arg(long, short = 'd', visible_alias = "comment", default_value = "", hide_default_value = true)]
    pub(crate) description: String,
    #[command(flatten)]
    pub(crate) rule: RuleArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RuleDelete {
    #[command(flatten)]
    pub(crate) which: Which,
    /// A rule by the cloud's id; give it again for more.
    #[arg(
        long = "id",
        value_name = "ID",
        conflicts_with_all = ["direction", "protocol", "ip_version", "port_from", "port_to", "cidrs", "groups"]
    )]
    pub(crate) ids: Vec<String>,
    #[command(flatten)]
    pub(crate) rule: RuleArgs,
}

/// What a rule says.
#[derive(Debug, Args)]
pub(crate) struct RuleArgs {
    /// In or out.
    #[arg(long, short = 'D', value_enum, default_value_t = Way::Ingress)]
    direction: Way,
    /// What is let through.
    #[arg(long, short = 'P', value_enum, default_value_t = Protocols::Any)]
    protocol: Protocols,
    /// The version of IP; that of the ranges by default, and IPv4 without any.
    #[arg(long = "type", value_enum, value_name = "VERSION")]
    ip_version: Option<Version>,
    /// The first port; all without it.
    #[arg(long, value_name = "PORT")]
    port_from: Option<u16>,
    /// The last port; the first by default.
    #[arg(long, value_name = "PORT")]
    port_to: Option<u16>,
    /// A range that may send, or be sent to; give it again for more. Everywhere without a range or group.
    #[arg(long = "cidr", short = 'N', value_name = "CIDR", value_parser = range)]
    cidrs: Vec<IpNet>,
    /// A group whose hosts may send, or be sent to, by name or id; give it again for more.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
}

impl RuleArgs {
    pub(crate) fn request(self, description: String) -> RuleRequest {
        RuleRequest {
            direction: match self.direction {
                Way::Ingress => Direction::Ingress,
                Way::Egress => Direction::Egress,
            },
            ip_version: self.ip_version.map(|version| match version {
                Version::Ipv4 => IpVersion::V4,
                Version::Ipv6 => IpVersion::V6,
            }),
            protocol: match self.protocol {
                Protocols::Tcp => Protocol::Tcp,
                Protocols::Udp => Protocol::Udp,
                Protocols::Icmp => Protocol::Icmp,
                Protocols::Any => Protocol::Any,
            },
            port_from: self.port_from,
            port_to: self.port_to,
            cidrs: self.cidrs,
            groups: self.groups,
            description,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Way {
    Ingress,
    Egress,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Protocols {
    Tcp,
    Udp,
    Icmp,
    Any,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Version {
    Ipv4,
    Ipv6,
}

/// A range, or one address.
fn range(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse().or_else(|_| address()).map_err(|_| "a range such as 10.0.0.0/8 is expected".to_owned())
}

#[derive(Debug, Subcommand)]
pub(crate) enum HostGroupCommand {
    /// Put a security group on a host.
    #[command(visible_alias = "bind", after_help = "Example:\n  skywright host security group add web-1 web")]
    Add {
        #[command(flatten)]
        which: HostGroup,
        /// Remember it alone; `enable` puts it on.
        #[arg(long)]
        disabled: bool,
    },
    /// Take a security group off a host.
    #[command(
        visible_aliases = ["unbind", "rm"],
        after_help = "Example:\n  skywright host security group remove web-1 web"
    )]
    Remove(HostGroup),
    /// List the security groups of a host.
    #[command(
        visible_alias = "ls",
        after_help = "Example:\n  skywright host security group list web-1 --state enabled"
    )]
    List {
        /// The host's name or id.
        host: String,
        #[command(flatten)]
        which: Bound,
    },
    /// Let a security group of a host hold again.
    #[command(after_help = "Example:\n  skywright host security group enable web-1 web")]
    Enable(HostGroup),
    /// Take a security group off a host, but remember it. Also for one that comes from its subnet.
    #[command(after_help = "Example:\n  skywright host security group disable web-1 web")]
    Disable(HostGroup),
}

#[derive(Debug, Args)]
pub(crate) struct HostGroup {
    /// The host's name or id.
    pub(crate) host: String,
    /// The group: a name, an id, or NETWORK/NAME.
    pub(crate) group: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SubnetGroupCommand {
    /// Put a security group on all hosts of a subnet, now and later, but for its gateways.
    #[command(
        visible_alias = "bind",
        after_help = "Example:\n  skywright network subnet security group add lab front web"
    )]
    Add {
        #[command(flatten)]
        which: SubnetGroup,
        /// Remember it alone; `enable` puts it on.
        #[arg(long)]
        disabled: bool,
    },
    /// Take a security group off the hosts of a subnet.
    #[command(
        visible_aliases = ["unbind", "rm"],
        after_help = "Example:\n  skywright network subnet security group remove lab front web"
    )]
    Remove(SubnetGroup),
    /// List the security groups of a subnet.
    #[command(
        visible_alias = "ls",
        after_help = "Example:\n  skywright network subnet security group list lab front"
    )]
    List {
        /// The network's name or id.
        network: String,
        /// The subnet's name or id.
        subnet: String,
        #[command(flatten)]
        which: Bound,
    },
    /// Let a security group of a subnet hold again.
    #[command(after_help = "Example:\n  skywright network subnet security group enable lab front web")]
    Enable(SubnetGroup),
    /// Take a security group off the hosts of a subnet, but remember it.
    #[command(after_help = "Example:\n  skywright network subnet security group disable lab front web")]
    Disable(SubnetGroup),
}

#[derive(Debug, Args)]
pub(crate) struct SubnetGroup {
    /// The network's name or id.
    pub(crate) network: String,
    /// The subnet's name or id.
    pub(crate) subnet: String,
    /// The group: a name, an id, or NETWORK/NAME.
    pub(crate) group: String,
}

/// Which groups of something.
#[derive(Debug, Args)]
pub(crate) struct Bound {
    /// Also those that came with it.
    #[arg(long, short = 'a')]
    pub(crate) all: bool,
    /// Those that hold, or those that are remembered alone.
    #[arg(long, value_enum, default_value_t = BoundState::All)]
    pub(crate) state: BoundState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum BoundState {
    Enabled,
    Disabled,
    All,
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn an_address_is_a_range_of_one() {
        assert_eq!(range("10.0.0.1").unwrap().to_string(), "10.0.0.1/32");
        assert_eq!(range("::1").unwrap().to_string(), "::1/128");
        assert_eq!(range("10.0.0.0/8").unwrap().to_string(), "10.0.0.0/8");
        assert!(range("anywhere").is_err());
    }
}
