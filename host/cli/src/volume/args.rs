//! The command line of volumes.

use clap::{Args, Subcommand};
use skywright_core::resource::{FileSystem, HostPath, MountRequest, VolumeSpeed};

use crate::label::{OnVolume, OwnCommand};
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
    /// Give a volume to a host, and mount it there.
    ///
    /// An empty volume is formatted first; one that has a file system is never formatted, and mounted as it is. It is
    /// mounted by its UUID, and again at every start of the host.
    #[command(
        visible_alias = "bind",
        after_help = "Example:\n  skywright volume attach data web --mount-path /srv/data\n  skywright volume attach data web --do-not-mount"
    )]
    Attach(VolumeAttach),
    /// Unmount a volume on its host, and take it away from there.
    #[command(visible_alias = "unbind", after_help = "Example:\n  skywright volume detach data web")]
    Detach {
        #[command(flatten)]
        pair: Pair,
        /// Also if the host does not unmount it. What was written last may be lost.
        #[arg(long)]
        force: bool,
    },
    #[command(flatten)]
    Own(OwnCommand<OnVolume>),
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

#[derive(Debug, Args)]
pub(crate) struct VolumeAttach {
    #[command(flatten)]
    pub(crate) pair: Pair,
    /// Where on the host it is mounted [default: /data/VOLUME].
    #[arg(long, visible_alias = "path", value_name = "PATH")]
    mount_path: Option<HostPath>,
    /// What an empty volume is formatted with: ext4, xfs or btrfs.
    #[arg(long, visible_alias = "format", value_name = "KIND", default_value_t = FileSystem::Ext4)]
    file_system: FileSystem,
    /// Refuse an empty volume instead of formatting it.
    #[arg(long)]
    do_not_format: bool,
    /// Leave the new disk alone: the host's system sees a block device, no more.
    #[arg(long, conflicts_with_all = ["mount_path", "do_not_format"])]
    do_not_mount: bool,
}

impl VolumeAttach {
    /// What is to be done on the host, if anything.
    pub(crate) fn mount(&self) -> Option<MountRequest> {
        (!self.do_not_mount).then(|| MountRequest {
            path: self.mount_path.clone(),
            format: (!self.do_not_format).then_some(self.file_system),
        })
    }
}
