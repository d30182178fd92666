//! `skywright volume …`.

mod args;

use skywright_core::Name;
use skywright_core::operation::Change;
use skywright_core::resource::{
    AttachVolume, CreateVolume, DeleteVolumes, DetachVolume, ExtendVolume, VolumeView,
};

pub(crate) use args::VolumeCommand;
use args::{Pair, VolumeCreate};

use crate::error::Error;
use crate::label;
use crate::site::Site;

pub(crate) async fn run(command: VolumeCommand, site: &Site<'_>) -> Result<(), Error> {
    match command {
        VolumeCommand::List(which) => {
            let mut volumes = site.look().await?.volumes(which.all).await?;
            let filter = which.filter.filter();
            volumes.retain(|volume| filter.matches(&volume.labels, &volume.tags));
            let head = ["name", "state", "size", "speed", "host", "id"];
            site.printer.list("volumes", &volumes, head, row)
        }
        VolumeCommand::Create(args) => create(args, site).await,
        VolumeCommand::Inspect(which) => {
            site.printer.details(&site.look().await?.volume(&which.reference).await?)
        }
        VolumeCommand::Delete { references } => {
            let tenancy = site.open().await?;
            site.run(&tenancy, &DeleteVolumes { references }).await?;
            site.printer.done()
        }
        VolumeCommand::Attach(args) => {
            let (mount, Pair { volume, host }) = (args.mount(), args.pair);
            let change = AttachVolume { volume: volume.clone(), host, mount };
            change_one(&change, &volume, site).await
        }
        VolumeCommand::Detach { pair, force } => {
            let change = DetachVolume { volume: pair.volume.clone(), host: pair.host, force };
            change_one(&change, &pair.volume, site).await
        }
        VolumeCommand::Own(command) => label::run_of(command, site).await,
        VolumeCommand::Extend { volume, size } => {
            let change = ExtendVolume { volume: volume.clone(), size_gib: size };
            change_one(&change, &volume, site).await
        }
    }
}

async fn create(args: VolumeCreate, site: &Site<'_>) -> Result<(), Error> {
    let name: Name = args.name.parse()?;
    let change = CreateVolume {
        name: name.clone(),
        size_gib: args.size,
        speed: args.speed,
        zone: args.zone,
        labels: args.labels.labels()?,
        keep_on_failure: args.keep.keep_on_failure,
    };
    change_one(&change, name.as_str(), site).await
}

/// Carries a change out and shows the volume as it is then.
async fn change_one(change: &dyn Change, volume: &str, site: &Site<'_>) -> Result<(), Error> {
    let tenancy = site.open().await?;
    site.run(&tenancy, change).await?;
    site.printer.details(&tenancy.volume(volume).await?)
}

fn row(volume: &VolumeView) -> [String; 6] {
    let hosts: Vec<_> = volume.attachments.iter().map(|at| at.host.as_str()).collect();
    [
        volume.name.clone(),
        volume.state.to_owned(),
        format!("{} GiB", volume.size_gib),
        volume.speed.map(|speed| speed.name().to_owned()).unwrap_or_default(),
        hosts.join(", "),
        volume.id.clone().unwrap_or_default(),
    ]
}
