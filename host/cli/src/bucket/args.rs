//! The command line of buckets.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use skywright_core::resource::HostPath;

use crate::label::{OnBucket, OwnCommand};
use crate::shared_args::All;
use crate::site::Yes;

#[derive(Debug, Subcommand)]
pub(crate) enum BucketCommand {
    /// List buckets.
    #[command(visible_alias = "ls", after_help = "Example:\n  skywright bucket list --all")]
    List(All),
    /// Make a bucket, or take in one that the tenant has.
    #[command(visible_alias = "new", after_help = "Example:\n  skywright bucket create backups")]
    Create {
        /// Its name. Some clouds share names between all their customers.
        name: String,
    },
    /// Show a bucket.
    #[command(visible_aliases = ["show", "detail"], after_help = "Example:\n  skywright bucket inspect backups")]
    Inspect(Which),
    /// Delete buckets that are managed and empty.
    #[command(
        visible_aliases = ["rm", "remove"],
        after_help = "Example:\n  skywright bucket delete backups --force --yes"
    )]
    Delete(BucketDelete),
    /// Delete all objects of a bucket, and leave it there.
    #[command(after_help = "Example:\n  skywright bucket clear backups --yes")]
    Clear {
        /// Its name.
        #[arg(value_name = "BUCKET")]
        name: String,
        #[command(flatten)]
        yes: Yes,
    },
    /// Mount a bucket on a host, now and at every start.
    ///
    /// The host gets the tenant's keys to its objects, for root alone, and rclone. Where objects are reached
    /// otherwise than by S3, this is refused.
    #[command(after_help = "Example:\n  skywright bucket mount backups web --path /mnt/backups --read-only")]
    Mount(BucketMount),
    /// Unmount a bucket on a host, and take the keys away again.
    #[command(visible_alias = "unmount", after_help = "Example:\n  skywright bucket umount backups web")]
    Umount(BucketAndHost),
    #[command(flatten)]
    Own(OwnCommand<OnBucket>),
    /// Upload a folder. What is there already in the same size, and not older, stays.
    #[command(after_help = "Example:\n  skywright bucket upload backups ./photos --prefix 2026")]
    Upload {
        /// Its name.
        #[arg(value_name = "BUCKET")]
        name: String,
        /// The folder.
        #[arg(value_name = "FOLDER")]
        folder: PathBuf,
        /// What names of objects begin with, as a folder of the bucket.
        #[arg(long, default_value = "", hide_default_value = true)]
        prefix: String,
    },
    /// Download all objects of a bucket as one zip file.
    #[command(after_help = "Example:\n  skywright bucket download backups backups.zip")]
    Download {
        /// Its name.
        #[arg(value_name = "BUCKET")]
        name: String,
        /// The zip file; BUCKET.zip by default. (--output is how results are printed.)
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        /// Only objects whose names begin so.
        #[arg(long, default_value = "", hide_default_value = true)]
        prefix: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct BucketMount {
    #[command(flatten)]
    pub(crate) pair: BucketAndHost,
    /// Where on the host [default: /buckets/BUCKET].
    #[arg(long, value_name = "PATH")]
    pub(crate) path: Option<HostPath>,
    /// Nobody writes.
    #[arg(long, visible_alias = "readonly")]
    pub(crate) read_only: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BucketAndHost {
    /// The bucket's name.
    #[arg(value_name = "BUCKET")]
    pub(crate) bucket: String,
    /// The host's name or id.
    #[arg(value_name = "HOST")]
    pub(crate) host: String,
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Its name.
    #[arg(value_name = "BUCKET")]
    pub(crate) name: String,
}

#[derive(Debug, Args)]
pub(crate) struct BucketDelete {
    /// Their names.
    #[arg(required = true, value_name = "BUCKET")]
    pub(crate) names: Vec<String>,
    /// Also the objects in them.
    #[arg(long, short = 'f')]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) yes: Yes,
}
