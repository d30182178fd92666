//! `skywright subnet vip …`: addresses that hosts take over from each other.

mod args;

use skywright_core::Name;
use skywright_core::operation::Change;
use skywright_core::resource::{
    BindVirtualIp, CreateVirtualIp, DeleteVirtualIps, VirtualIpAction, VirtualIpView,
};

pub(crate) use args::VirtualIpCommand;
use args::{Pair, Place, VirtualIpCreate, VirtualIpDelete};

use crate::error::Error;
use crate::label;
use crate::site::Site;

pub(crate) async fn run(command: VirtualIpCommand, site: &Site<'_>) -> Result<(), Error> {
    match command {
        VirtualIpCommand::List { network, subnet, filter } => {
            let network = network.filter(|network| network != "-");
            let tenancy = site.look().await?;
            let mut ips = tenancy.virtual_ips(network.as_deref(), subnet.as_deref()).await?;
            let filter = filter.filter();
            ips.retain(|ip| filter.matches(&ip.labels, &ip.tags));
            let head = ["network", "subnet", "name", "address", "hosts", "status", "id"];
            site.printer.list("virtual IPs", &ips, head, row)
        }
        VirtualIpCommand::Create(args) => create(args, site).await,
        VirtualIpCommand::Inspect(which) => {
            let Place { network, subnet } = &which.place;
            site.printer.details(&site.look().await?.virtual_ip(network, subnet, &which.ip).await?)
        }
        VirtualIpCommand::Delete(args) => delete(args, site).await,
        VirtualIpCommand::Bind(pair) => bind(pair, VirtualIpAction::Bind, site).await,
        VirtualIpCommand::Unbind(pair) => bind(pair, VirtualIpAction::Unbind, site).await,
        VirtualIpCommand::Own(command) => label::run_of(command, site).await,
    }
}

async fn create(args: VirtualIpCreate, site: &Site<'_>) -> Result<(), Error> {
    let name: Name = args.name.parse()?;
    let Place { network, subnet } = args.place;
    let change = CreateVirtualIp {
        network: network.clone(),
        subnet: subnet.clone(),
        name: name.clone(),
        labels: args.labels.labels()?,
        keep_on_failure: args.keep.keep_on_failure,
    };
    change_one(&change, [&network, &subnet, name.as_str()], site).await
}

async fn bind(pair: Pair, action: VirtualIpAction, site: &Site<'_>) -> Result<(), Error> {
    let Place { network, subnet } = pair.which.place;
    let ip = pair.which.ip;
    let change = BindVirtualIp {
        network: network.clone(),
        subnet: subnet.clone(),
        ip: ip.clone(),
        host: pair.host,
        action,
    };
    change_one(&change, [&network, &subnet, &ip], site).await
}

async fn delete(args: VirtualIpDelete, site: &Site<'_>) -> Result<(), Error> {
    if args.force {
        let question = format!("delete {}, also where hosts answer for them?", args.references.join(", "));
        site.confirm(&question, &args.yes)?;
    }
    let Place { network, subnet } = args.place;
    let tenancy = site.open().await?;
    let change = DeleteVirtualIps { network, subnet, references: args.references, force: args.force };
    site.run(&tenancy, &change).await?;
    site.printer.done()
}

/// Carries a change out and shows the virtual IP as it is then.
async fn change_one(
    change: &dyn Change,
    [network, subnet, ip]: [&str; 3],
    site: &Site<'_>,
) -> Result<(), Error> {
    let tenancy = site.open().await?;
    site.run(&tenancy, change).await?;
    site.printer.details(&tenancy.virtual_ip(network, subnet, ip).await?)
}

fn row(ip: &VirtualIpView) -> [String; 7] {
    [
        ip.network.clone(),
        ip.subnet.clone(),
        ip.name.clone(),
        ip.address.clone().unwrap_or_default(),
        ip.hosts.join(", "),
        ip.status.to_owned(),
        ip.id.clone().unwrap_or_default(),
    ]
}
