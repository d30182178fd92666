//! The command line of tenants.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::args::Sandbox;

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// List the tenants, and mark the current one.
    #[command(
        visible_alias = "ls",
        after_help = "Example:\n  skywright tenant list -o json | jq -r '.result[].name'"
    )]
    List(Sandbox),
    /// Say which tenant commands are for, and why.
    #[command(visible_alias = "current", after_help = "Example:\n  skywright tenant get")]
    Get,
    /// Choose the tenant that commands are for.
    #[command(
        after_help = "Examples:\n  skywright tenant set lab                     # for this user, from now on\n  eval \"$(skywright tenant set lab --shell)\"  # for this shell alone"
    )]
    Set(TenantSet),
    /// Show a tenant: its plugin, settings, where secrets come from, and what it grants.
    #[command(visible_alias = "show", after_help = "Example:\n  skywright tenant inspect lab")]
    Inspect(TenantWhich),
    /// Take tenants over from SafeScale's tenants.toml or OpenStack's clouds.yaml.
    #[command(
        after_help = "Examples:\n  skywright tenant import ~/.safescale/tenants.toml --dry-run\n  skywright tenant import ~/.config/openstack/clouds.yaml lab work"
    )]
    Import(TenantImport),
    /// Hold a tenant against what its plugin declares; nothing is asked of the cloud but with --online.
    #[command(after_help = "Example:\n  skywright tenant check lab --online")]
    Check(TenantCheck),
    /// Put secrets into the tenants file, encrypted, or take them out.
    #[command(subcommand)]
    Secret(TenantSecretCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum TenantSecretCommand {
    /// Read a secret from the terminal or standard input, and keep it sealed in the tenants file.
    #[command(
        after_help = "Examples:\n  skywright tenant secret set lab password\n  pass show cloud | skywright tenant secret set lab password"
    )]
    Set(TenantSecretSet),
    /// Take a secret's source out of the tenants file.
    #[command(after_help = "Example:\n  skywright tenant secret remove lab password")]
    Remove(TenantSecretRemove),
}

#[derive(Debug, Args)]
pub(crate) struct TenantSet {
    /// A tenant of the tenants file.
    pub(crate) name: String,
    /// Write nothing down; print what the shell evaluates to choose it.
    #[arg(long)]
    pub(crate) shell: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TenantWhich {
    /// A tenant of the tenants file; the current one by default.
    pub(crate) name: Option<String>,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

#[derive(Debug, Args)]
pub(crate) struct TenantCheck {
    /// A tenant of the tenants file; the current one by default.
    pub(crate) name: Option<String>,
    /// Log in, and ask for regions and capabilities.
    #[arg(long)]
    pub(crate) online: bool,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

#[derive(Debug, Args)]
pub(crate) struct TenantImport {
    /// SafeScale's tenants.toml, .yaml or .json, or OpenStack's clouds.yaml.
    pub(crate) file: PathBuf,
    /// Which of its tenants; all by default.
    pub(crate) names: Vec<String>,
    /// Put them in place of tenants of the same names.
    #[arg(long)]
    pub(crate) replace: bool,
    /// Show what would be done, and do nothing.
    #[arg(long, short = 'n')]
    pub(crate) dry_run: bool,
    /// Let credentials go over http where the file says http. For a laboratory.
    #[arg(long)]
    pub(crate) plaintext_credentials: bool,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

#[derive(Debug, Args)]
pub(crate) struct TenantSecretSet {
    /// A tenant of the tenants file.
    pub(crate) tenant: String,
    /// A secret setting that the plugin declares.
    pub(crate) key: String,
    /// Keep it in the system's keyring instead, and its name in the tenants file.
    #[arg(long)]
    pub(crate) keyring: bool,
    #[command(flatten)]
    pub(crate) sandbox: Sandbox,
}

#[derive(Debug, Args)]
pub(crate) struct TenantSecretRemove {
    /// A tenant of the tenants file.
    pub(crate) tenant: String,
    /// The secret setting.
    pub(crate) key: String,
}
