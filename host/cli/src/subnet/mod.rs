//! `skywright network subnet …`, also as `skywright subnet …`.

mod args;

use ipnet::Ipv4Net;
use skywright_core::resource::{CreateSubnet, DeleteSubnets, SubnetView};
use skywright_core::{Name, Tenancy};

pub(crate) use args::{GATEWAY_OPTIONS, GatewayArgs, SubnetCommand};
use args::{SubnetCreate, SubnetDelete};

use crate::error::Error;
use crate::security_group::Security;
use crate::site::Site;
use crate::{label, security_group, virtual_ip};

pub(crate) async fn run(command: SubnetCommand, site: &Site<'_>) -> Result<(), Error> {
    match command {
        SubnetCommand::List { network } => {
            let network = network.filter(|network| network != "-");
            let subnets = site.look().await?.subnets(network.as_deref()).await?;
            let head = ["network", "name", "cidr", "gateway", "status", "id"];
            site.printer.list("subnets", &subnets, head, row)
        }
        SubnetCommand::Create(args) => create(*args, site).await,
        SubnetCommand::Inspect { network, subnet } => {
            site.printer.details(&site.look().await?.subnet(&network, &subnet).await?)
        }
        SubnetCommand::Delete(args) => delete(args, site).await,
        SubnetCommand::Security(Security::Group(command)) => {
            security_group::run_of_subnet(command, site).await
        }
        SubnetCommand::Vip(command) => virtual_ip::run(command, site).await,
        SubnetCommand::Own(command) => label::run_of(command, site).await,
    }
}

async fn create(args: SubnetCreate, site: &Site<'_>) -> Result<(), Error> {
    let name: Name = args.name.parse()?;
    let cidr = args.cidr.map(whole_range).transpose()?;
    let mut subnet = args.gateway.subnet(name.clone(), cidr.unwrap_or_default())?;
    let tenancy = site.open().await?;
    if cidr.is_none() {
        subnet.cidr = range_of(&tenancy, &args.network).await?;
    }
    let change = CreateSubnet {
        network: args.network,
        subnet,
        labels: args.labels.labels()?,
        keep_on_failure: args.keep.keep_on_failure,
    };
    site.run(&tenancy, &change).await?;
    site.printer.details(&tenancy.subnet(&change.network, name.as_str()).await?)
}

/// The range of a network that is managed.
async fn range_of(tenancy: &Tenancy, network: &str) -> Result<Ipv4Net, Error> {
    let cidr = tenancy.network(network).await?.cidr;
    cidr.and_then(|cidr| cidr.parse().ok()).ok_or_else(|| Error::Usage {
        message: format!("the range of the network `{network}` is not known"),
        hint: Some("give the subnet's with --cidr".to_owned()),
    })
}

async fn delete(args: SubnetDelete, site: &Site<'_>) -> Result<(), Error> {
    if args.force {
        let question =
            format!("delete {} of {} with all hosts in it?", args.references.join(", "), args.network);
        site.confirm(&question, &args.yes)?;
    }
    let tenancy = site.open().await?;
    let change = DeleteSubnets { network: args.network, references: args.references, force: args.force };
    site.run(&tenancy, &change).await?;
    site.printer.done()
}

/// A range whose address is its first.
///
/// # Errors
///
/// [`Error::Usage`] for one that names an address within.
pub(crate) fn whole_range(cidr: Ipv4Net) -> Result<Ipv4Net, Error> {
    if cidr == cidr.trunc() {
        return Ok(cidr);
    }
    Err(Error::Usage {
        message: format!("`{cidr}` is an address in a range, and no range"),
        hint: Some(format!("the range is {}", cidr.trunc())),
    })
}

fn row(subnet: &SubnetView) -> [String; 6] {
    let gateway = match subnet.gateways.as_slice() {
        [] => word(&subnet.gateway),
        names => names.join(", "),
    };
    [
        subnet.network.clone(),
        subnet.name.clone(),
        subnet.cidr.clone(),
        gateway,
        subnet.status.to_owned(),
        subnet.id.clone().unwrap_or_default(),
    ]
}

fn word<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_value(value).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}
