//! The command line of shares.

use clap::{Args, Subcommand};
use skywright_core::resource::HostPath;

#[derive(Debug, Subcommand)]
pub(crate) enum ShareCommand {
    /// List shares.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright share list")]
    List,
    /// Export a folder of a host to the hosts of its networks, by NFS.
    ///
    /// Root of other hosts is nobody in it. It is served by the kernel where its host has such a server, and by
    /// nfs-ganesha otherwise.
    #[command(
        visible_alias = "new",
        after_help = "Example:\n  skywright share create data files\n  skywright share create data files --path /data/volume"
    )]
    Create(ShareCreate),
    /// Show a share.
    #[command(visible_alias = "show", after_help = "Example:\n  skywright share inspect data")]
    Inspect {
        /// Its name.
        #[arg(value_name = "SHARE")]
        name: String,
    },
    /// Mount a share on a host, now and at every start.
    #[command(after_help = "Example:\n  skywright share mount data web --path /mnt/data")]
    Mount(ShareMount),
    /// Unmount a share on a host.
    #[command(visible_alias = "unmount", after_help = "Example:\n  skywright share umount data web")]
    Umount(Pair),
    /// Export folders no longer. The files stay where they are.
    #[command(visible_aliases = ["rm", "remove"], after_help = "Example:\n  skywright share delete data")]
    Delete {
        /// Their names.
        #[arg(required = true, value_name = "SHARE")]
        references: Vec<String>,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ShareCreate {
    /// Its name.
    pub(crate) name: String,
    /// The name or id of the host that has the files.
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
    /// Where on it; made if it is not there [default: /srv/shares/SHARE].
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<HostPath>,
    /// Nobody writes.
    #[arg(long, visible_alias = "readonly")]
    pub(crate) read_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ShareMount {
    #[command(flatten)]
    pub(crate) pair: Pair,
    /// Where on the host [default: /shares/SHARE].
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<HostPath>,
}

#[derive(Debug, Args)]
pub(crate) struct Pair {
    /// The share's name.
    #[arg(value_name = "SHARE")]
    pub(crate) share: String,
    /// The host's name or id.
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
}
