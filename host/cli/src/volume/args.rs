//! The command line of volumes.

use clap::{Args, Subcommand};
use skywright_core::resource::VolumeSpeed;

use crate::label::{OnVolume, OwnLabelCommand, OwnTagCommand};
use crate::shared_args::{All, Keep, LabelArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum VolumeCommand {
    /// List volumes.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright volume list --all")]
    List(All),
    /// Make a volume.
    #[command(
        visible_alias = "new",
        after_help = "Example:\n  skywright volume create data --size 100 --speed SSD"
    )]
    Create(VolumeCreate),
    /// Show a volume.
    #[command(visible_alias = "show", after_help = "Example:\n  skywright volume inspect data")]
    Inspect(Which),
    /// Delete volumes, with what is on them. One that is attached is left alone.
    #[command(visible_aliases = ["rm", "remove"], after_help = "Example:\n  skywright volume delete data scratch")]
    Delete {
        /// Their names or ids.
        #[arg(required = true, value_name = "VOLUME")]
        references: Vec<String>,
    },
    /// Give a volume to a host, as one more disk.
    ///
    /// The disk is neither formatted nor mounted: the host's system sees a new block device, empty if the
    /// volume is new.
    #[command(
        visible_alias = "bind",
        after_help = "Example:\n  skywright volume attach data web\n  # then, on the host: mkfs.ext4 /dev/vdb && mount /dev/vdb /mnt"
    )]
    Attach(Pair),
    /// Take a volume away from a host. Unmount it there first.
    #[command(visible_alias = "unbind", after_help = "Example:\n  skywright volume detach data web")]
    Detach(Pair),
    /// The labels of volumes.
    #[command(subcommand)]
    Label(OwnLabelCommand<OnVolume>),
    /// The tags of volumes.
    #[command(subcommand)]
    Tag(OwnTagCommand<OnVolume>),
    /// Make a volume larger. The file system on it does not grow by itself.
    #[command(
        visible_aliases = ["expand", "resize"],
        after_help = "Example:\n  skywright volume extend data --size 200"
    )]
    Extend {
        /// Its name or id.
        #[arg(value_name = "VOLUME")]
        volume: String,
        /// The new size in GiB; not smaller than it is.
        #[arg(long, value_name = "GIB")]
        size: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Its name or id.
    #[arg(value_name = "VOLUME")]
    pub(crate) reference: String,
}

#[derive(Debug, Args)]
pub(crate) struct VolumeCreate {
    /// Its name.
    pub(crate) name: String,
    /// Its size in GiB.
    #[arg(long, value_name = "GIB", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) size: u32,
    /// How fast it is: cold, hdd or ssd.
    #[arg(long, value_name = "SPEED", default_value_t = VolumeSpeed::Hdd)]
    pub(crate) speed: VolumeSpeed,
    /// The zone, where the cloud has several.
    #[arg(long)]
    pub(crate) zone: Option<String>,
    #[command(flatten)]
    pub(crate) labels: LabelArgs,
    #[command(flatten)]
    pub(crate) keep: Keep,
}

#[derive(Debug, Args)]
pub(crate) struct Pair {
    /// The volume's name or id.
    #[arg(value_name = "VOLUME")]
    pub(crate) volume: String,
    /// The host's name or id.
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
}
