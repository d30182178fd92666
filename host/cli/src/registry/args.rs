//! The command line of whoever runs a repository.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use semver::VersionReq;
use skywright_contract::{Digest, PluginId};
use skywright_registry::tuf::{KeyId, Namespace};
use skywright_registry_oci::Location;

use crate::oci::OciArgs;
use crate::signers::SignerArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum RegistryCommand {
    /// Make a repository in a folder, to be served by any web server or object store.
    #[command(
        after_help = "Examples:\n  skywright registry init repository --root r1 --root r2 --root r3.pub --root-threshold 2 \\\n      --targets t1 --targets t2 --targets-threshold 2 --snapshot online --timestamp online\n  skywright registry init repository --all ~/keys/lab     # one key for everything: a laboratory\n\nGive users FOLDER/metadata/1.root.json, or its digest, another way than from the repository itself."
    )]
    Init(Init),
    /// Let a publisher have a namespace.
    #[command(
        after_help = "Examples:\n  skywright registry delegate repository acme --owner acme-owner.pub --key t1 --key t2 --key online\n  skywright registry delegate repository acme --request acme-request.json --key t1 --key t2 --key online"
    )]
    Delegate(Delegate),
    /// Take a publication in, if a new client would accept it.
    #[command(after_help = "Example:\n  skywright registry admit repository acme publication --key online")]
    Admit(Admit),
    /// Say that something must not run any more, whoever has it.
    #[command(
        after_help = "Examples:\n  skywright registry revoke repository --digest sha256:… --reason 'sends tokens away' --key t1 --key t2 --key online\n  skywright registry revoke repository --plugin acme/cloud --versions '<1.2.3' --reason 'leaks' --key t1 --key t2 --key online"
    )]
    Revoke(Revoke),
    /// Sign the timestamp anew, and the snapshot when it is due. To be run more often than a timestamp lasts.
    #[command(after_help = "Example:\n  skywright registry refresh repository --key online")]
    Refresh(Change),
    /// Replace the keys of the repository itself, or renew its root with the same ones.
    #[command(
        after_help = "Example:\n  skywright registry rotate-root repository --root r2 --root r4 --root r5.pub --root-threshold 2 \\\n      --targets t1 --targets t2 --targets-threshold 2 --snapshot online --timestamp online --key r1"
    )]
    RotateRoot(RotateRoot),
    /// Look at the whole repository with a new client's eyes.
    #[command(after_help = "Example:\n  skywright registry verify repository --files")]
    Verify(Verify),
    /// Put a repository into an OCI registry, from where it is had as from any mirror.
    #[command(
        after_help = "Examples:\n  skywright registry push repository oci://registry.example.org/skywright\n  skywright repo add main oci://registry.example.org/skywright --root root.json"
    )]
    Push(Push),
    /// Serve a repository over HTTP, for a laboratory; on loopback unless told otherwise.
    #[command(after_help = "Example:\n  skywright registry serve repository --listen 127.0.0.1:8080")]
    Serve(Serve),
}

/// The keys of the repository's own roles: private ones sign, public ones only count.
#[derive(Debug, Args)]
#[command(next_help_heading = "The repository's keys")]
pub(crate) struct RoleArgs {
    /// One key for every role.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["root", "targets", "snapshot", "timestamp"])]
    pub(crate) all: Option<PathBuf>,
    /// A key of the root role; offline.
    #[arg(long, value_name = "FILE", required_unless_present = "all")]
    pub(crate) root: Vec<PathBuf>,
    /// How many root keys have to sign.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) root_threshold: u64,
    /// A key of the targets role, which delegates and revokes; offline.
    #[arg(long, value_name = "FILE", required_unless_present = "all")]
    pub(crate) targets: Vec<PathBuf>,
    /// How many targets keys have to sign.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) targets_threshold: u64,
    /// A key of the snapshot role; online.
    #[arg(long, value_name = "FILE", required_unless_present = "all")]
    pub(crate) snapshot: Vec<PathBuf>,
    /// A key of the timestamp role; online.
    #[arg(long, value_name = "FILE", required_unless_present = "all")]
    pub(crate) timestamp: Vec<PathBuf>,
}

/// How long signatures last.
#[derive(Debug, Args)]
pub(crate) struct LifetimeArgs {
    /// Days that a timestamp lasts: how long clients may be kept from news.
    #[arg(long, value_name = "DAYS", default_value_t = 1, env = "SKYWRIGHT_TIMESTAMP_DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) timestamp_days: u32,
    /// Days that a snapshot lasts.
    #[arg(long, value_name = "DAYS", default_value_t = 7, env = "SKYWRIGHT_SNAPSHOT_DAYS", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) snapshot_days: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// The folder, new or empty.
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) roles: RoleArgs,
    #[command(flatten)]
    pub(crate) lifetimes: LifetimeArgs,
    #[command(flatten)]
    pub(crate) signers: SignerArgs,
}

/// A change of a repository that is there.
#[derive(Debug, Args)]
pub(crate) struct Change {
    /// The repository's folder.
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) lifetimes: LifetimeArgs,
    #[command(flatten)]
    pub(crate) signers: SignerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Delegate {
    #[command(flatten)]
    pub(crate) change: Change,
    /// The namespace.
    pub(crate) namespace: Namespace,
    /// A public key of its owner; give it again for more.
    #[arg(long = "owner", value_name = "FILE", required_unless_present = "request")]
    pub(crate) owners: Vec<PathBuf>,
    /// How many of them have to sign.
    #[arg(long, default_value_t = 1)]
    pub(crate) threshold: u64,
    /// What the owner asks for, signed by the keys before and after.
    #[arg(long, value_name = "FILE", conflicts_with = "owners")]
    pub(crate) request: Option<PathBuf>,
    /// What the new keys signed anew, beside a request.
    #[arg(long, value_name = "DIR", requires = "request")]
    pub(crate) publication: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Admit {
    #[command(flatten)]
    pub(crate) change: Change,
    /// Whose publication it is.
    pub(crate) namespace: Namespace,
    /// The folder that the publisher sent.
    pub(crate) publication: PathBuf,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("subject").required(true).args(["digest", "key_id", "plugin"]))]
pub(crate) struct Revoke {
    #[command(flatten)]
    pub(crate) change: Change,
    /// A component, by its digest.
    #[arg(long)]
    pub(crate) digest: Option<Digest>,
    /// Whatever a key may sign, by its id.
    #[arg(long)]
    pub(crate) key_id: Option<KeyId>,
    /// A plugin.
    #[arg(long)]
    pub(crate) plugin: Option<PluginId>,
    /// Which of its versions; all by default.
    #[arg(long, requires = "plugin", default_value = "*")]
    pub(crate) versions: VersionReq,
    /// Why, for people.
    #[arg(long)]
    pub(crate) reason: String,
    /// Where more is said: a URL, or the number of an advisory.
    #[arg(long)]
    pub(crate) advisory: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct RotateRoot {
    #[command(flatten)]
    pub(crate) change: Change,
    #[command(flatten)]
    pub(crate) roles: RoleArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The repository's folder.
    pub(crate) folder: PathBuf,
    /// Read every file, and hold it against its digest.
    #[arg(long)]
    pub(crate) files: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Push {
    /// The repository's folder.
    pub(crate) folder: PathBuf,
    /// Where to: oci://HOST/PREFIX.
    pub(crate) location: Location,
    /// Certificate authorities beside the system's, in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) oci: OciArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The repository's folder.
    pub(crate) folder: PathBuf,
    /// Where to listen; port 0 is any that is free.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
}
