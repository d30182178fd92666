//! The command line of objects.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::place::{Place, duration};

#[derive(Debug, Subcommand)]
pub(crate) enum ObjectCommand {
    /// List the objects of a bucket, as far as the next `/`.
    #[command(
        visible_alias = "ls",
        after_help = "Examples:\n  skywright object list backups\n  skywright object list backups 2026/ --recursive -o json | jq '[.result[].size_bytes] | add'"
    )]
    List {
        /// The bucket.
        bucket: String,
        /// Only objects whose names begin so.
        #[arg(default_value = "", hide_default_value = true)]
        prefix: String,
        /// Also what lies deeper.
        #[arg(long, short = 'r')]
        recursive: bool,
    },
    /// Upload a file, in place of what is there.
    #[command(
        visible_alias = "put",
        after_help = "Examples:\n  skywright object upload db.dump backups\n  skywright object upload db.dump backups/2026/october.dump"
    )]
    Upload {
        /// The file.
        file: PathBuf,
        /// Where to; the file's own name by default, or behind a `/` at the end.
        #[arg(value_name = "BUCKET[/NAME]")]
        to: Place,
    },
    /// Download an object. The file appears when it is complete.
    #[command(
        visible_alias = "get",
        after_help = "Example:\n  skywright object download backups/2026/october.dump ./db.dump"
    )]
    Download {
        /// The object.
        #[arg(value_name = "BUCKET/NAME")]
        from: Place,
        /// The file, or the folder that it goes to; this one by default.
        file: Option<PathBuf>,
    },
    /// Delete objects. One that is not there is no error.
    #[command(visible_aliases = ["rm", "remove"], after_help = "Example:\n  skywright object delete backups/a backups/b")]
    Delete {
        /// The objects.
        #[arg(required = true, value_name = "BUCKET/NAME")]
        names: Vec<Place>,
    },
    /// Make a part of a bucket like a folder, or a folder like a part of a bucket.
    ///
    /// The folder of this machine is the one that begins with `/` or `.`.
    #[command(
        after_help = "Examples:\n  skywright object sync ./photos backups/photos --plan\n  skywright object sync ./photos backups/photos --delete\n  skywright object sync backups/photos /tmp/photos"
    )]
    Sync(Sync),
    /// Sign a URL that works without credentials for a while. Whoever has it may use it.
    #[command(
        after_help = "Example:\n  curl -T db.dump \"$(skywright object url backups/db.dump --method write --expires 15m)\""
    )]
    Url {
        /// The object.
        #[arg(value_name = "BUCKET/NAME")]
        object: Place,
        /// What it is for.
        #[arg(long, value_enum, default_value_t = Method::Read)]
        method: Method,
        /// How long it works, such as 30m, 1h or 7d, which is the longest.
        #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
        expires: Duration,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// A folder, or BUCKET[/PREFIX].
    #[arg(value_name = "SOURCE")]
    pub(crate) source: String,
    /// The other of the two; it is made like the source.
    #[arg(value_name = "DESTINATION")]
    pub(crate) destination: String,
    /// Also delete what is only at the destination.
    #[arg(long)]
    pub(crate) delete: bool,
    /// Show what would be done, and do nothing.
    #[arg(long, short = 'n', visible_alias = "plan")]
    pub(crate) dry_run: bool,
    /// Compare contents where sizes are equal, not times.
    #[arg(long)]
    pub(crate) checksum: bool,
}

/// What a signed URL is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// GET.
    Read,
    /// PUT.
    Write,
}
