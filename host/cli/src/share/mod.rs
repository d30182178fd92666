//! `skywright share …`.

mod args;

use skywright_core::Name;
use skywright_core::operation::Change;
use skywright_core::resource::{CreateShare, DeleteShares, MountShare, ShareView, UnmountShare};

pub(crate) use args::ShareCommand;

use crate::error::Error;
use crate::site::Site;

pub(crate) async fn run(command: ShareCommand, site: &Site<'_>) -> Result<(), Error> {
    match command {
        ShareCommand::List => {
            let shares = site.look().await?.shares().await?;
            site.printer.list(
                "shares",
                &shares,
                ["name", "host", "path", "access", "server", "mounted on"],
                row,
            )
        }
        ShareCommand::Create(args) => {
            let name: Name = args.name.parse()?;
            let change = CreateShare { name, host: args.host, path: args.path, read_only: args.read_only };
            change_one(&change, &args.name, site).await
        }
        ShareCommand::Inspect { name } => site.printer.details(&site.look().await?.share(&name).await?),
        ShareCommand::Mount(args) => {
            let change = MountShare { share: args.pair.share.clone(), host: args.pair.host, path: args.path };
            change_one(&change, &args.pair.share, site).await
        }
        ShareCommand::Umount(pair) => {
            let change = UnmountShare { share: pair.share.clone(), host: pair.host };
            change_one(&change, &pair.share, site).await
        }
        ShareCommand::Delete { references } => {
            let tenancy = site.open().await?;
            site.run(&tenancy, &DeleteShares { references }).await?;
            site.printer.done()
        }
    }
}

/// Carries a change out and shows the share as it is then.
async fn change_one(change: &dyn Change, share: &str, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    site.run(&tenancy, change).await?;
    site.printer.details(&tenancy.share(share).await?)
}

fn row(share: &ShareView) -> [String; 6] {
    let mounts: Vec<_> = share.mounts.iter().map(|mount| format!("{}:{}", mount.host, mount.path)).collect();
    [
        share.name.clone(),
        share.host.clone(),
        share.path.clone(),
        if share.read_only { "read-only" } else { "read-write" }.to_owned(),
        share.server.clone().unwrap_or_else(|| share.status.to_owned()),
        mounts.join(", "),
    ]
}
