//! The command line of bundles.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use skywright_registry::policy::Age;
use skywright_registry_oci::Location;

use crate::args::Sandbox;
use crate::oci::OciArgs;
use crate::plugin::trust_args::{Exactly, exactly};
use crate::reach::ReachArgs;
use crate::signers::SignerArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum BundleCommand {
    /// Write plugins with everything that vouches for them into one file, to be carried over.
    #[command(
        after_help = "Examples:\n  skywright bundle save out.tar --plugins acme/cloud@1.1.0,acme/stack@2.0.0\n  skywright bundle save next.tar --plugins acme/cloud@1.2.0 --since out.tar"
    )]
    Save(Save),
    /// Say what a bundle claims to be. Nothing of it is verified.
    #[command(after_help = "Example:\n  skywright bundle inspect out.tar")]
    Inspect(File),
    /// Verify what the publisher signed, and sign for it in the site's own repository.
    #[command(
        after_help = "Example:\n  skywright bundle vet out.tar --site desk --root root.json --key site.key --by Ada --ticket CHG-17 --out vetted.tar"
    )]
    Vet(Vet),
    /// Hold everything in a bundle against everything, and take nothing.
    #[command(after_help = "Example:\n  skywright bundle verify vetted.tar")]
    Verify(Take),
    /// Take a bundle in: all of it, or nothing.
    #[command(
        after_help = "Examples:\n  skywright repo add main bundle:upstream --root root.json --offline\n  skywright repo add site bundle:site --site --root site-root.json --offline\n  skywright bundle load vetted.tar\n  skywright plugin install acme/cloud@1.1.0 --offline"
    )]
    Load(Take),
    /// Put a bundle into an OCI registry.
    #[command(
        after_help = "Example:\n  skywright bundle push vetted.tar oci://registry.example.org/bundles --tag 2026-11"
    )]
    Push(Push),
    /// Fetch a bundle from an OCI registry: the same bytes. Nothing of it is verified.
    #[command(
        after_help = "Example:\n  skywright bundle pull vetted.tar oci://registry.example.org/bundles --tag 2026-11"
    )]
    Pull(Push),
    /// Sign the site's word in a bundle anew, when it has ended.
    #[command(after_help = "Example:\n  skywright bundle renew vetted.tar --key site.key --out renewed.tar")]
    Renew(Renew),
}

#[derive(Debug, Args)]
pub(crate) struct File {
    /// The bundle.
    pub(crate) bundle: PathBuf,
}

fn named_folder(text: &str) -> Result<(String, PathBuf), String> {
    crate::args::key_value(text).map(|(name, folder)| (name, folder.into()))
}

#[derive(Debug, Args)]
pub(crate) struct Save {
    /// The file to write.
    pub(crate) out: PathBuf,
    /// Which plugins: NAMESPACE/NAME@VERSION; those that are installed by default.
    #[arg(long, value_name = "PLUGINS", value_delimiter = ',', value_parser = exactly)]
    pub(crate) plugins: Vec<Exactly>,
    /// The repository that they are from.
    #[arg(long, value_name = "NAME", default_value = "main")]
    pub(crate) repo: String,
    /// Leave out what an earlier bundle names.
    #[arg(long, value_name = "BUNDLE")]
    pub(crate) since: Option<PathBuf>,
    /// Something else that goes along, such as an image that a feature needs: a name, and an OCI layout's folder.
    #[arg(long = "artifact", value_name = "NAME=DIR", value_parser = named_folder)]
    pub(crate) artifacts: Vec<(String, PathBuf)>,
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    /// Another lock file than the user's own, such as a project's.
    #[arg(long, value_name = "FILE", env = "SKYWRIGHT_LOCK_FILE")]
    pub(crate) lock_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Vet {
    /// The bundle.
    pub(crate) bundle: PathBuf,
    /// The folder of the site's own repository; made the first time.
    #[arg(long, value_name = "DIR")]
    pub(crate) site: PathBuf,
    /// The root metadata of the publisher's repository, got another way; needed the first time.
    #[arg(long, value_name = "FILE")]
    pub(crate) root: Option<PathBuf>,
    /// Who has looked at it.
    #[arg(long, value_name = "NAME")]
    pub(crate) by: String,
    /// Where that is written down.
    #[arg(long, value_name = "TEXT")]
    pub(crate) ticket: Option<String>,
    #[command(flatten)]
    pub(crate) out: Out,
}

/// A bundle's file, and its place in an OCI registry.
#[derive(Debug, Args)]
pub(crate) struct Push {
    /// The bundle.
    pub(crate) bundle: PathBuf,
    /// Where: oci://HOST/PREFIX.
    pub(crate) location: Location,
    /// What it is called there.
    #[arg(long)]
    pub(crate) tag: String,
    /// Certificate authorities beside the system's, in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) oci: OciArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Renew {
    /// The bundle.
    pub(crate) bundle: PathBuf,
    #[command(flatten)]
    pub(crate) out: Out,
}

/// What is written by the site's key.
#[derive(Debug, Args)]
pub(crate) struct Out {
    /// The file to write.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Days that the site's word is good without being renewed.
    #[arg(long, value_name = "DAYS", default_value_t = 90, value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub(crate) fresh_days: u32,
    #[command(flatten)]
    pub(crate) signers: SignerArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Take {
    /// The bundle.
    pub(crate) bundle: PathBuf,
    /// Take the publisher's word alone, if its metadata ended no longer ago than this.
    #[arg(long, value_name = "AGE")]
    pub(crate) max_staleness: Option<Age>,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}
