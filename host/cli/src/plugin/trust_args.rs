//! The command line of getting, judging and publishing plugins.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use semver::{Version, VersionReq};
use skywright_contract::PluginId;
use skywright_registry::tuf::Namespace;

use crate::args::Sandbox;
use crate::reach::ReachArgs;
use crate::signers::SignerArgs;
use crate::site::Yes;

#[derive(Debug, Subcommand)]
pub(crate) enum TrustCommand {
    /// Find plugins in the repositories that were added.
    #[command(
        after_help = "Examples:\n  skywright plugin search\n  skywright plugin search openstack -o json"
    )]
    Search(Search),
    /// Install plugins, and pin them in the lock file.
    #[command(
        after_help = "Examples:\n  skywright plugin install skywright/openstack\n  skywright plugin install acme/cloud@1.2 acme/stack@=0.3.1\n  skywright plugin install --locked    # exactly what the lock file pins"
    )]
    Install(Install),
    /// Bring installed plugins to their newest versions.
    #[command(
        after_help = "Examples:\n  skywright plugin update\n  skywright plugin update acme/cloud --dry-run"
    )]
    Update(Update),
    /// Go back to the version that was installed before.
    #[command(after_help = "Example:\n  skywright plugin rollback acme/cloud")]
    Rollback(OneInstalled),
    /// Take a plugin out of the lock file.
    #[command(visible_alias = "uninstall", after_help = "Example:\n  skywright plugin remove acme/cloud")]
    Remove(OneInstalled),
    /// Say who vouches for a plugin: repositories, roles, keys, times, and what the policy makes of it.
    #[command(
        after_help = "Examples:\n  skywright plugin explain acme/cloud\n  skywright plugin explain acme/cloud@1.2.0 -o json"
    )]
    Explain(Explain),
    /// Hold a file against what repositories say of it.
    #[command(after_help = "Example:\n  skywright plugin verify ./cloud.wasm")]
    Verify(Verify),
    /// Sign a plugin for a repository; its operator admits what this writes.
    #[command(
        after_help = "Examples:\n  skywright plugin publish dist/cloud.wasm --repo main --key ~/keys/acme-release --out publication\n  skywright plugin publish dist/cloud.wasm --repo main --owner-key ~/keys/acme-owner --out publication\n\nThen the operator runs: skywright registry admit FOLDER acme publication --key …"
    )]
    Publish(Box<Publish>),
    /// Take a version back: it is not chosen any more, and whoever has it is warned.
    #[command(
        after_help = "Example:\n  skywright plugin yank acme/cloud@1.2.0 --reason 'leaks handles' --replacement 1.2.1 --repo main --key ~/keys/acme-release --out publication"
    )]
    Yank(Box<Yank>),
    /// Let other keys release in a namespace, or own it.
    #[command(
        after_help = "Examples:\n  skywright plugin rotate-key acme --release ~/keys/new.pub --repo main --owner-key ~/keys/acme-owner --key ~/keys/new --out publication\n  skywright plugin rotate-key acme --owner ~/keys/second.pub --repo main --owner-key ~/keys/acme-owner --owner-key ~/keys/second --out publication"
    )]
    RotateKey(Box<RotateKey>),
    /// Let the plugins of a folder run unsigned, because you work on them here.
    #[command(
        after_help = "Examples:\n  skywright plugin dev ~/src/mycloud\n  skywright plugin dev --list\n  skywright plugin dev ~/src/mycloud --remove"
    )]
    Dev(Dev),
    /// Print what a plugin is made of, as its publisher signed it.
    #[command(
        after_help = "Examples:\n  skywright plugin sbom acme/cloud\n  skywright plugin sbom acme/cloud --raw > sbom.cdx.json"
    )]
    Sbom(Bill),
    /// Hold what installed plugins are made of against a folder of advisories (RustSec's layout).
    #[command(
        after_help = "Example:\n  git clone https://github.com/RustSec/advisory-db\n  skywright plugin audit --db advisory-db"
    )]
    Audit(Audit),
    /// Show what was decided about plugins, and hold every line of that log against the one before it.
    #[command(
        after_help = "Examples:\n  skywright plugin log --last 50\n  skywright plugin log --file audit-2026.jsonl"
    )]
    Log(Log),
}

/// `namespace/name`, with or without versions behind an `@`.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    pub(crate) id: PluginId,
    pub(crate) versions: Option<VersionReq>,
}

pub(super) fn wanted(text: &str) -> Result<Wanted, String> {
    let (id, versions) = text.split_once('@').map_or((text, None), |(id, versions)| (id, Some(versions)));
    let id = id
        .parse()
        .map_err(|_| "NAMESPACE/NAME is expected; `skywright plugin search` finds it".to_owned())?;
    let versions = versions.map(range).transpose()?;
    Ok(Wanted { id, versions })
}

/// A whole version means just that one; anything else is a requirement as Cargo has them.
fn range(text: &str) -> Result<VersionReq, String> {
    let text = if text.parse::<Version>().is_ok() { format!("={text}") } else { text.to_owned() };
    text.parse().map_err(|error: semver::Error| error.to_string())
}

/// `namespace/name@version`.
#[derive(Debug, Clone)]
pub(crate) struct Exactly {
    pub(crate) id: PluginId,
    pub(crate) version: Version,
}

pub(crate) fn exactly(text: &str) -> Result<Exactly, String> {
    let parts =
        text.split_once('@').and_then(|(id, version)| Some((id.parse().ok()?, version.parse().ok()?)));
    let (id, version) = parts.ok_or_else(|| "NAMESPACE/NAME@VERSION is expected".to_owned())?;
    Ok(Exactly { id, version })
}

#[derive(Debug, Args)]
pub(crate) struct Search {
    /// What has to be in the id or title; everything is listed without.
    pub(crate) words: Vec<String>,
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

#[derive(Debug, Args)]
pub(crate) struct Install {
    /// Which plugins: NAMESPACE/NAME, or NAMESPACE/NAME@VERSIONS.
    #[arg(required_unless_present = "locked", conflicts_with = "locked", value_parser = wanted)]
    pub(crate) plugins: Vec<Wanted>,
    /// Have exactly what the lock file pins, and change nothing of it.
    #[arg(long)]
    pub(crate) locked: bool,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Which plugins; all that are installed by default.
    pub(crate) plugins: Vec<PluginId>,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct OneInstalled {
    /// Which: its id, or its name if that is unambiguous.
    pub(crate) plugin: String,
    #[command(flatten)]
    pub(crate) change: ChangeArgs,
}

/// How a change of what is installed is made.
#[derive(Debug, Args)]
pub(crate) struct ChangeArgs {
    /// Show what would be done, and do nothing.
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) yes: Yes,
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// Which: NAMESPACE/NAME, in what is installed or else the newest, or NAMESPACE/NAME@VERSION.
    pub(crate) plugin: String,
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The file.
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

/// What every publication needs.
#[derive(Debug, Args)]
pub(crate) struct PublicationArgs {
    /// The repository that it is for, as `repo list` names it.
    #[arg(long, value_name = "NAME")]
    pub(crate) repo: String,
    /// The folder to write, new or empty: what the repository's operator is sent.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// A key that owns the namespace, where the owner's role changes or releases by itself.
    #[arg(long = "owner-key", value_name = "FILE", help_heading = "Keys")]
    pub(crate) owner_keys: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) signers: SignerArgs,
    #[command(flatten)]
    pub(crate) reach: ReachArgs,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

#[derive(Debug, Args)]
pub(crate) struct Publish {
    /// The plugin's file, as `plugin build` makes it.
    pub(crate) file: PathBuf,
    /// What it was built of, as CycloneDX in JSON; NAME.cdx.json beside the file by default, where `plugin build` puts it.
    #[arg(long, value_name = "FILE")]
    pub(crate) sbom: Option<PathBuf>,
    /// Documentation for people, as Markdown.
    #[arg(long, value_name = "FILE")]
    pub(crate) docs: Option<PathBuf>,
    /// The revision of the source.
    #[arg(long, value_name = "TEXT")]
    pub(crate) revision: Option<String>,
    #[command(flatten)]
    pub(crate) publication: PublicationArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Yank {
    /// Which: NAMESPACE/NAME@VERSION.
    #[arg(value_parser = exactly)]
    pub(crate) plugin: Exactly,
    /// Why, for people.
    #[arg(long)]
    pub(crate) reason: String,
    /// The version to take in its place.
    #[arg(long, value_name = "VERSION")]
    pub(crate) replacement: Option<Version>,
    #[command(flatten)]
    pub(crate) publication: PublicationArgs,
}

#[derive(Debug, Args)]
pub(crate) struct RotateKey {
    /// Whose.
    pub(crate) namespace: Namespace,
    /// A public key that may release from now on; give it again for more.
    #[arg(long = "release", value_name = "FILE", required_unless_present_any = ["owners", "on_top_of"])]
    pub(crate) release: Vec<PathBuf>,
    /// A public key that owns the namespace from now on; give it again for more. The operator is asked for that, in a
    /// request that the owners before and after sign.
    #[arg(long = "owner", value_name = "FILE", conflicts_with = "release")]
    pub(crate) owners: Vec<PathBuf>,
    /// How many of them have to sign.
    #[arg(long, default_value_t = 1)]
    pub(crate) threshold: u64,
    /// Sign on top of the namespace's metadata in this folder, unverified: where the owner's keys were lost, and the
    /// operator has vouched for new ones.
    #[arg(long, value_name = "DIR", conflicts_with = "owners")]
    pub(crate) on_top_of: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) publication: PublicationArgs,
}

#[derive(Debug, Args)]
pub(crate) struct Dev {
    /// The folder; its `dist` is looked into, too.
    #[arg(required_unless_present = "list")]
    pub(crate) folder: Option<PathBuf>,
    /// Take it out again.
    #[arg(long, requires = "folder")]
    pub(crate) remove: bool,
    /// List the folders that were registered.
    #[arg(long, conflicts_with_all = ["folder", "remove"])]
    pub(crate) list: bool,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

#[derive(Debug, Args)]
pub(crate) struct Bill {
    /// Which: its id, or its name if that is unambiguous.
    pub(crate) plugin: String,
    /// The file as it was signed, and nothing else.
    #[arg(long)]
    pub(crate) raw: bool,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

#[derive(Debug, Args)]
pub(crate) struct Audit {
    /// Which plugins; all that are installed by default.
    pub(crate) plugins: Vec<String>,
    /// The folder of advisories.
    #[arg(long, value_name = "DIR")]
    pub(crate) db: PathBuf,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

#[derive(Debug, Args)]
pub(crate) struct Log {
    /// How many decisions are shown, the newest ones. All are checked.
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) last: usize,
    /// A log that was moved away, instead of the one that is written to.
    #[arg(long, value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_are_wanted_with_and_without_versions() {
        let range = |text: &str| wanted(text).unwrap().versions.map(|versions| versions.to_string());
        assert_eq!(range("acme/cloud"), None);
        assert_eq!(range("acme/cloud@1.2.0").as_deref(), Some("=1.2.0"));
        assert_eq!(range("acme/cloud@1.2").as_deref(), Some("^1.2"));
        assert_eq!(range("acme/cloud@<2, >=1.1").as_deref(), Some("<2, >=1.1"));
        for bad in ["cloud", "acme/cloud@", "acme/cloud@one", "@1.0.0", ""] {
            assert!(wanted(bad).is_err(), "{bad}");
        }
        assert_eq!(exactly("acme/cloud@1.2.0").unwrap().version.to_string(), "1.2.0");
        assert!(exactly("acme/cloud").is_err() && exactly("acme/cloud@1.2").is_err());
    }
}
