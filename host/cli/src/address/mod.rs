//! `skywright address …`: public addresses that outlive hosts.

mod args;

use skywright_core::Name;
use skywright_core::operation::Change;
use skywright_core::resource::{AddressView, AllocateAddress, BindAddress, ReleaseAddresses, UnbindAddress};

pub(crate) use args::AddressCommand;
use args::{AddressCreate, AddressDelete};

use crate::error::Error;
use crate::label;
use crate::site::Site;

pub(crate) async fn run(command: AddressCommand, site: &Site<'_>) -> Result<(), Error> {
    match command {
        AddressCommand::List(which) => {
            let mut addresses = site.look().await?.addresses(which.all).await?;
            let filter = which.filter.filter();
            addresses.retain(|address| filter.matches(&address.labels, &address.tags));
            let head = ["name", "address", "host", "status", "id"];
            site.printer.list("public addresses", &addresses, head, row)
        }
        AddressCommand::Create(args) => create(args, site).await,
        AddressCommand::Inspect(which) => {
            site.printer.details(&site.look().await?.address(&which.reference).await?)
        }
        AddressCommand::Delete(args) => delete(args, site).await,
        AddressCommand::Bind { address, host } => {
            let change = BindAddress { address: address.clone(), host };
            change_one(&change, &address, site).await
        }
        AddressCommand::Unbind(which) => {
            let change = UnbindAddress { address: which.reference.clone() };
            change_one(&change, &which.reference, site).await
        }
        AddressCommand::Own(command) => label::run_of(command, site).await,
    }
}

async fn create(args: AddressCreate, site: &Site<'_>) -> Result<(), Error> {
    let name: Name = args.name.parse()?;
    let change = AllocateAddress {
        name: name.clone(),
        labels: args.labels.labels()?,
        keep_on_failure: args.keep.keep_on_failure,
    };
    change_one(&change, name.as_str(), site).await
}

async fn delete(args: AddressDelete, site: &Site<'_>) -> Result<(), Error> {
    if args.force {
        let question = format!("give {} back, also where hosts have them?", args.references.join(", "));
        site.confirm(&question, &args.yes)?;
    }
    let tenancy = site.open().await?;
    site.run(&tenancy, &ReleaseAddresses { references: args.references, force: args.force }).await?;
    site.printer.done()
}

/// Carries a change out and shows the address as it is then.
async fn change_one(change: &dyn Change, address: &str, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    site.run(&tenancy, change).await?;
    site.printer.details(&tenancy.address(address).await?)
}

fn row(address: &AddressView) -> [String; 5] {
    [
        address.name.clone(),
        address.address.clone().unwrap_or_default(),
        address.host.clone().unwrap_or_default(),
        address.status.to_owned(),
        address.id.clone().unwrap_or_default(),
    ]
}
