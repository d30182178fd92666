//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use ipnet::IpNet;
use skywright_core::SecretSource;

use crate::address::AddressCommand;
use crate::bucket::BucketCommand;
use crate::bundle::BundleCommand;
use crate::catalog::{ImageCommand, QuotaCommand, RegionCommand, TemplateCommand, ZoneCommand};
use crate::doctor::DoctorArgs;
use crate::feature::args::FeatureCommand;
use crate::host::HostCommand;
use crate::key::KeyCommand;
use crate::label::{LabelCommand, TagCommand};
use crate::later::Later;
use crate::network::NetworkCommand;
use crate::object::ObjectCommand;
use crate::operation::OperationCommand;
use crate::reconcile::ReconcileArgs;
use crate::registry::RegistryCommand;
use crate::repo::RepoCommand;
use crate::security_group::SecurityGroupCommand;
use crate::share::ShareCommand;
use crate::site::On;
use crate::ssh::SshArgs;
use crate::subnet::SubnetCommand;
use crate::tenant::TenantCommand;
use crate::volume::VolumeCommand;

/// One command line for any cloud, through sandboxed plugins.
#[derive(Debug, Parser)]
#[command(name = "skywright", version, about, propagate_version = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes are documented in docs/exit-codes.md; 0 is success, 2 a wrong command line."
)]
pub(crate) struct Cli {
    /// How results are printed.
    #[arg(long, short = 'o', global = true, value_enum, default_value_t = Format::Table, env = "SKYWRIGHT_OUTPUT")]
    pub(crate) output: Format,
    /// More log lines on standard error; twice for debugging.
    #[arg(long, short = 'v', global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// No progress on standard error.
    #[arg(long, short = 'q', global = true)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) scope: Scope,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Whose cloud it is.
#[derive(Debug, Clone, Args)]
pub(crate) struct Scope {
    /// The tenant of this command; else SKYWRIGHT_TENANT, then `tenant set`, then the only one there is.
    #[arg(long, short = 'T', global = true, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// Another tenants file than the user's own.
    #[arg(long, global = true, value_name = "FILE", env = "SKYWRIGHT_TENANTS_FILE")]
    pub(crate) tenants_file: Option<PathBuf>,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// For scripts: {"result": …, "status": "success"}, or "failure" with an "error".
    Json,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make, inspect and call plugins.
    #[command(subcommand)]
    Plugin(Later<PluginCommand>),
    /// Say which repositories plugins may be from.
    #[command(subcommand)]
    Repo(Later<RepoCommand>),
    /// Carry plugins to a place without a network.
    #[command(subcommand)]
    Bundle(Later<BundleCommand>),
    /// Make and show keys that sign plugins and repositories.
    #[command(subcommand)]
    Key(Later<KeyCommand>),
    /// Run a repository of signed plugins.
    #[command(subcommand)]
    Registry(Later<RegistryCommand>),
    /// Say whose clouds there are, how each is reached, and which one commands are for.
    #[command(subcommand)]
    Tenant(Later<TenantCommand>),
    /// What machines a cloud offers, and which of them a sizing means.
    Template(Later<On<TemplateCommand>>),
    /// What hosts can run, and which image a name means.
    Image(Later<On<ImageCommand>>),
    /// The cloud's regions.
    Region(Later<On<RegionCommand>>),
    /// The zones of the tenant's region.
    Zone(Later<On<ZoneCommand>>),
    /// What may be used of the cloud.
    Quota(Later<On<QuotaCommand>>),
    /// Private networks, with their subnets and gateways.
    #[command(visible_alias = "net")]
    Network(Later<On<NetworkCommand>>),
    /// The subnets of networks; the same as `network subnet`.
    Subnet(Later<On<SubnetCommand>>),
    /// Machines.
    Host(Later<On<HostCommand>>),
    /// Sessions, commands, files and tunnels on hosts, through their gateways.
    Ssh(Later<Box<SshArgs>>),
    /// Say what this machine lacks to run hosts of its own, and what mends it.
    #[command(after_help = "Example:\n  skywright doctor\n  skywright doctor --remove-leftovers")]
    Doctor(DoctorArgs),
    /// Public addresses that outlive hosts.
    #[command(visible_alias = "public-ip")]
    Address(Later<On<AddressCommand>>),
    /// Disks of their own life.
    #[command(visible_alias = "vol")]
    Volume(Later<On<VolumeCommand>>),
    /// Folders of hosts that others mount, by NFS.
    #[command(visible_alias = "nas")]
    Share(Later<On<ShareCommand>>),
    /// Places for objects.
    Bucket(Later<On<BucketCommand>>),
    /// What is in buckets: files that move between here and there.
    Object(Later<On<ObjectCommand>>),
    /// What may reach hosts; the same as `network security group`.
    #[command(visible_alias = "sg")]
    SecurityGroup(Later<On<SecurityGroupCommand>>),
    /// Labels: keys with values, bound to resources.
    Label(Later<On<LabelCommand>>),
    /// Tags: words, bound to resources.
    Tag(Later<On<TagCommand>>),
    /// Software stacks: recipes, and the features that they become.
    Feature(Later<On<FeatureCommand>>),
    /// Hold what is recorded against what the cloud has, and bring both together.
    #[command(
        after_help = "Examples:\n  skywright reconcile --plan\n  skywright reconcile --yes\n  skywright reconcile --adopt network:5d0c…=lab --adopt host:91ab…\n  skywright reconcile --forget host:web"
    )]
    Reconcile(ReconcileArgs),
    /// Changes: what is under way, what was cut off, how to go on or back.
    #[command(visible_alias = "op")]
    Operation(Later<On<OperationCommand>>),
    /// Print the completion script of a shell.
    #[command(after_help = "Example:\n  skywright completion bash > /etc/bash_completion.d/skywright")]
    Completion {
        /// Which shell.
        #[arg(value_enum)]
        shell: Shell,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Write a new plugin crate that builds, tests and runs as it is.
    #[command(
        after_help = "Example:\n  skywright plugin new mycloud --kind provider\n  cd mycloud && cargo test && skywright plugin build ."
    )]
    New(New),
    /// Build a plugin crate, or another tool chain's component, into one plugin file.
    #[command(after_help = "Example:\n  skywright plugin build mycloud --out dist")]
    Build(Build),
    /// Check a plugin against the contract, compile it, and run nothing of it but `describe`.
    #[command(after_help = "Example:\n  skywright plugin check dist/mycloud.wasm")]
    Check(Which),
    /// Show exactly what a plugin is and may do.
    #[command(
        after_help = "Example:\n  skywright plugin inspect openstack\n  skywright plugin inspect openstack -o json | jq .result.imports"
    )]
    Inspect(Which),
    /// Call an exported function, with JSON or WAVE arguments.
    #[command(
        after_help = "Examples:\n  skywright plugin call openstack driver.describe\n  skywright plugin call openstack catalog.templates null --tenant lab\n  skywright plugin call openstack catalog.regions --setting auth-url=https://keystone.example/v3 \\\n      --setting user=me --secret password=env:OS_PASSWORD"
    )]
    Call(Box<Call>),
    /// Hold a provider against the contract on a live cloud: what it declares works, the rest is refused.
    #[command(
        after_help = "Examples:\n  skywright plugin conformance openstack --tenant lab\n  skywright plugin conformance openstack --tenant lab --only networks --only hosts -o json\n  skywright plugin conformance openstack --list\n\nEverything that is made carries one prefix, and is taken away at the end."
    )]
    Conformance(Box<crate::plugin::conformance::Conformance>),
    /// Record the conformance suite on a live cloud, or run it again from the recording.
    #[command(
        after_help = "Examples:\n  skywright plugin test mycloud --tenant lab --record recordings/suite.jsonl\n  skywright plugin test mycloud --replay recordings/suite.jsonl"
    )]
    Test(Box<crate::plugin::test::Test>),
    /// Measure a plugin: load, instantiate, call, memory.
    #[command(after_help = "Example:\n  skywright plugin bench openstack --calls 1000")]
    Bench(Box<Bench>),
    /// List the plugins that there are.
    #[command(after_help = "Example:\n  skywright plugin list -o json")]
    List(Box<crate::plugin::list::List>),
    #[command(flatten)]
    Trust(crate::plugin::trust_args::TrustCommand),
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// The plugin's name: lower-case letters, digits, single hyphens.
    pub(crate) name: String,
    /// What sort of plugin.
    #[arg(long, value_enum, default_value_t = PluginKind::Provider)]
    pub(crate) kind: PluginKind,
    /// The folder to make; the plain name, below this one, by default.
    #[arg(long)]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PluginKind {
    /// Drives a cloud.
    Provider,
    /// Says how a stack is installed.
    Feature,
}

#[derive(Debug, Args)]
pub(crate) struct Build {
    /// The folder with plugin.toml.
    #[arg(default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Where the plugin file goes.
    #[arg(long, default_value = "dist")]
    pub(crate) out: PathBuf,
    /// Where compilers put their output; the user's cache by default.
    #[arg(long)]
    pub(crate) target_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Which {
    /// A plugin: id, name, or the path of its file.
    pub(crate) plugin: String,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

/// How plugins are found and run.
#[derive(Debug, Args)]
pub(crate) struct Sandbox {
    /// Folders with plugins, before the user's own.
    #[arg(
        long = "plugin-folder",
        global = true,
        env = "SKYWRIGHT_PLUGINS",
        value_delimiter = ':',
        value_name = "DIR"
    )]
    pub(crate) plugin_folders: Vec<PathBuf>,
    /// Run plugins that nobody signed, from anywhere. `plugin dev` says so of one folder, for good.
    #[arg(long, global = true, env = "SKYWRIGHT_ALLOW_UNSIGNED", value_parser = clap::builder::FalseyValueParser::new())]
    pub(crate) allow_unsigned: bool,
    /// Another lock file than the user's own, such as a project's.
    #[arg(long, global = true, value_name = "FILE", env = "SKYWRIGHT_LOCK_FILE")]
    pub(crate) lock_file: Option<PathBuf>,
    /// Raise or lower a limit of the sandbox, in the unit of its name.
    #[arg(long = "limit", global = true, value_name = "NAME=VALUE", value_parser = key_value)]
    pub(crate) limits: Vec<(String, String)>,
}

#[derive(Debug, Args)]
pub(crate) struct Call {
    /// A plugin: id, name, or the path of its file.
    pub(crate) plugin: String,
    /// INTERFACE.FUNCTION, such as catalog.templates.
    pub(crate) function: String,
    /// One JSON or WAVE value for each parameter.
    #[arg(allow_negative_numbers = true)]
    pub(crate) arguments: Vec<String>,
    /// Print the result in WAVE, the component model's own notation.
    #[arg(long)]
    pub(crate) wave: bool,
    /// Write the requests and answers to this file, with secrets by name only.
    #[arg(long, value_name = "FILE")]
    pub(crate) record: Option<PathBuf>,
    /// Keep a core dump if the plugin fails. It holds the plugin's memory.
    #[arg(long)]
    pub(crate) core_dump: bool,
    #[command(flatten)]
    pub(crate) tenant: TenantArgs,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

/// More of a tenant, on top of the one that --tenant or SKYWRIGHT_TENANT names, or all of one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tenant")]
pub(crate) struct TenantArgs {
    /// A setting that the plugin declares.
    #[arg(long = "setting", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) settings: Vec<(String, String)>,
    /// A secret setting, by its source: env:NAME, file:PATH, command:PROGRAM or keyring:NAME.
    #[arg(long = "secret", value_name = "KEY=SOURCE", value_parser = key_secret)]
    pub(crate) secrets: Vec<SecretArg>,
    /// An endpoint to grant beyond the declared ones; no credential goes there.
    #[arg(long = "endpoint", value_name = "PATTERN")]
    pub(crate) endpoints: Vec<String>,
    /// An address range to grant that is not on the public internet.
    #[arg(long = "network", value_name = "CIDR")]
    pub(crate) networks: Vec<IpNet>,
    /// Let credentials go over http. For a laboratory.
    #[arg(long)]
    pub(crate) plaintext_credentials: bool,
    /// Certificate authorities beside the system's, in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// A proxy's URL, or none.
    #[arg(long, value_name = "URL")]
    pub(crate) proxy: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// A plugin: id, name, or the path of its file.
    pub(crate) plugin: String,
    /// A function without parameters to call; `describe` by default.
    #[arg(long)]
    pub(crate) function: Option<String>,
    /// How often.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) calls: u32,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

pub(crate) fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("KEY=VALUE is expected".to_owned()),
    }
}

/// A `--secret` as it was written. What does not parse is kept out of every message: it may be the
/// secret itself.
#[derive(Debug, Clone)]
pub(crate) struct SecretArg {
    pub(crate) key: String,
    pub(crate) source: Option<SecretSource>,
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of a clap value parser")]
fn key_secret(text: &str) -> Result<SecretArg, std::convert::Infallible> {
    let (key, source) = text.split_once('=').unwrap_or(("", text));
    Ok(SecretArg { key: key.to_owned(), source: source.parse().ok() })
}

#[cfg(test)]
mod tests {
    use clap::{Command, CommandFactory};

    use super::Cli;

    #[test]
    fn the_command_line_is_sound_and_every_command_has_an_example() {
        fn walk(command: &Command, path: &str) {
            if command.get_name() == "help" {
                return;
            }
            let path = format!("{path} {}", command.get_name());
            if !command.has_subcommands() {
                let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.starts_with("Example") && help.contains("skywright"), "{path} has no example");
            }
            command.get_subcommands().for_each(|command| walk(command, &path));
        }
        let mut command = Cli::command();
        command.clone().debug_assert();
        command.build();
        walk(&command, "");
    }
}
