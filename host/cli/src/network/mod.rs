//! `skywright network …`.

mod args;

use skywright_core::Name;
use skywright_core::resource::{CreateNetwork, DeleteNetworks, NetworkView};

pub(crate) use args::NetworkCommand;
use args::{NetworkCreate, NetworkDelete};

use crate::error::Error;
use crate::security_group::Security;
use crate::site::Site;
use crate::{label, security_group, subnet};

pub(crate) async fn run(command: NetworkCommand, site: &Site<'_>) -> Result<(), Error> {
    match command {
        NetworkCommand::List(which) => {
            let mut networks = site.look().await?.networks(which.all).await?;
            let filter = which.filter.filter();
            networks.retain(|network| filter.matches(&network.labels, &network.tags));
            site.printer.list("networks", &networks, ["name", "cidr", "subnets", "status", "id"], row)
        }
        NetworkCommand::Create(args) => create(*args, site).await,
        NetworkCommand::Inspect { reference } => {
            site.printer.details(&site.look().await?.network(&reference).await?)
        }
        NetworkCommand::Delete(args) => delete(args, site).await,
        NetworkCommand::Security(Security::Group(command)) => security_group::run(command, site).await,
        NetworkCommand::Own(command) => label::run_of(command, site).await,
        NetworkCommand::Subnet(command) => subnet::run(command, site).await,
    }
}

async fn create(args: NetworkCreate, site: &Site<'_>) -> Result<(), Error> {
    let name: Name = args.name.parse()?;
    let cidr = subnet::whole_range(args.cidr)?;
    let subnet = if args.empty { None } else { Some(args.gateway.subnet(name.clone(), cidr)?) };
    let change = CreateNetwork {
        name: name.clone(),
        cidr,
        subnet,
        labels: args.labels.labels()?,
        keep_on_failure: args.keep.keep_on_failure,
    };
    let tenancy = site.open().await?;
    site.run(&tenancy, &change).await?;
    site.printer.details(&tenancy.network(name.as_str()).await?)
}

async fn delete(args: NetworkDelete, site: &Site<'_>) -> Result<(), Error> {
    if args.force {
        let question = format!("delete {} with all hosts in it?", args.references.join(", "));
        site.confirm(&question, &args.yes)?;
    }
    let tenancy = site.open().await?;
    let change = DeleteNetworks { references: args.references, force: args.force };
    site.run(&tenancy, &change).await?;
    site.printer.done()
}

fn row(network: &NetworkView) -> [String; 5] {
    [
        network.name.clone(),
        network.cidr.clone().unwrap_or_default(),
        network.subnets.join(", "),
        network.status.to_owned(),
        network.id.clone().unwrap_or_default(),
    ]
}
