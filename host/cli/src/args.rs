//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use ipnet::IpNet;
use skywright_core::SecretSource;

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
    #[command(subcommand)]
    pub(crate) command: Command,
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
    Plugin(PluginCommand),
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
    /// Measure a plugin: load, instantiate, call, memory.
    #[command(after_help = "Example:\n  skywright plugin bench openstack --calls 1000")]
    Bench(Box<Bench>),
    /// List the plugins that there are.
    #[command(after_help = "Example:\n  skywright plugin list -o json")]
    List(Sandbox),
}

#[derive(Debug, Args)]
pub(crate) struct New {
    /// The plugin's name: lower-case letters, digits, single hyphens.
    pub(crate) name: String,
    /// What sort of plugin.
    #[arg(long, value_enum, default_value_t = PluginKind::Provider)]
    pub(crate) kind: PluginKind,
    /// The folder to make; NAME below this one by default.
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
    #[arg(long = "plugins", env = "SKYWRIGHT_PLUGINS", value_delimiter = ':', value_name = "DIR")]
    pub(crate) plugin_folders: Vec<PathBuf>,
    /// Raise or lower a limit of the sandbox, in the unit of its name.
    #[arg(long = "limit", value_name = "NAME=VALUE", value_parser = key_value)]
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

/// Whose cloud it is: a tenant of the tenants file, or one made up of flags, or both.
#[derive(Debug, Args)]
#[command(next_help_heading = "Tenant")]
pub(crate) struct TenantArgs {
    /// A tenant of the tenants file.
    #[arg(long, env = "SKYWRIGHT_TENANT")]
    pub(crate) tenant: Option<String>,
    /// Another tenants file than the user's own.
    #[arg(long, value_name = "FILE", env = "SKYWRIGHT_TENANTS_FILE")]
    pub(crate) tenants_file: Option<PathBuf>,
    /// A setting that the plugin declares.
    #[arg(long = "setting", value_name = "KEY=VALUE", value_parser = key_value)]
    pub(crate) settings: Vec<(String, String)>,
    /// A secret setting, by its source: env:NAME, file:PATH or command:PROGRAM.
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

fn key_value(text: &str) -> Result<(String, String), String> {
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
