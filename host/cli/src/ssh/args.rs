//! The command line of `skywright ssh`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::site::SiteArgs;

/// A session on a host, or one of the commands.
#[derive(Debug, Args)]
#[command(
    subcommand_negates_reqs = true,
    subcommand_precedence_over_arg = true,
    arg_required_else_help = true,
    after_help = "Examples:\n  skywright ssh web\n  skywright ssh web -- systemctl status nginx\n  skywright ssh web -- 'df -h | sort'   # one word is a line for the shell\n\nThe exit code is the remote one."
)]
pub(crate) struct SshArgs {
    #[command(flatten)]
    pub(crate) site: SiteArgs,
    #[command(subcommand)]
    pub(crate) command: Option<SshCommand>,
    /// Its name or id. One that is called like a command is reached by `ssh run`.
    #[arg(required = true, value_name = "HOST")]
    pub(crate) reference: Option<String>,
    /// A terminal there for the command, too.
    #[arg(long, short = 't')]
    pub(crate) terminal: bool,
    /// What runs there instead of a shell: several words arrive as they are, a single one is a line for the shell.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SshCommand {
    /// Run a command on hosts, and show what it printed.
    #[command(
        after_help = "Examples:\n  skywright ssh run web db -- uptime\n  skywright ssh run web --sudo -c 'apt-get update && apt-get -y upgrade' --timeout 900\n\nExit code 24: it ran, and failed on a host."
    )]
    Run(Run),
    /// Copy files and folders to a host, from it, or between two hosts.
    ///
    /// A copy that was interrupted goes on where it ended. Every file is there whole or not at all.
    #[command(
        visible_alias = "cp",
        after_help = "Examples:\n  skywright ssh copy site.tar.gz web:/srv/\n  skywright ssh copy 'web:/var/log/*.log' logs/\n  skywright ssh copy web:/srv/data db:/srv/"
    )]
    Copy(Copy),
    /// Reach a port of a host from here, until Ctrl-C.
    #[command(
        after_help = "Examples:\n  skywright ssh tunnel web --local 8080 --remote 80\n  skywright ssh tunnel web --local 5432 --remote db:5432   # as web reaches it\n  skywright ssh tunnel web --socks --local 1080"
    )]
    Tunnel(Tunnel),
    /// Print an OpenSSH configuration with which plain `ssh`, `scp` and `rsync` reach hosts through their gateways.
    ///
    /// Private keys and known host keys are written to files that only you can read.
    #[command(
        after_help = "Example:\n  skywright ssh config web db > ~/.ssh/lab.config\n  ssh -F ~/.ssh/lab.config web"
    )]
    Config(Config),
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Their names or ids.
    #[arg(required = true, value_name = "HOST")]
    pub(crate) references: Vec<String>,
    /// A line for the shell there.
    #[arg(
        long = "command",
        short = 'c',
        value_name = "LINE",
        conflicts_with = "words",
        required_unless_present = "words"
    )]
    pub(crate) line: Option<String>,
    /// As root.
    #[arg(long)]
    pub(crate) sudo: bool,
    /// It is ended after that many seconds.
    #[arg(long, default_value_t = 300, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=86_400))]
    pub(crate) timeout: u64,
    /// A program and its arguments, which arrive as they are.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// From where, and at last to where: PATH here, HOST:PATH there. Patterns mean what matches.
    #[arg(required = true, num_args = 2.., value_name = "PLACE")]
    pub(crate) places: Vec<String>,
    /// As root on the hosts.
    #[arg(long)]
    pub(crate) sudo: bool,
    /// Without comparing digests at the end.
    #[arg(long)]
    pub(crate) no_verify: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Tunnel {
    /// Its name or id.
    #[arg(value_name = "HOST")]
    pub(crate) reference: String,
    /// The port here, on 127.0.0.1; any that is free with 0.
    #[arg(long, default_value_t = 8080, value_name = "PORT")]
    pub(crate) local: u16,
    /// The port there, or ADDRESS:PORT as the host reaches it.
    #[arg(long, default_value = "8080", value_name = "[ADDRESS:]PORT")]
    pub(crate) remote: String,
    /// The other way round: the host's port leads to the one here.
    #[arg(long, conflicts_with = "socks")]
    pub(crate) reverse: bool,
    /// A SOCKS5 proxy here, whose connections start from the host.
    #[arg(long, conflicts_with = "remote")]
    pub(crate) socks: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Config {
    /// Their names or ids; all hosts by default.
    #[arg(value_name = "HOST")]
    pub(crate) references: Vec<String>,
    /// The folder for keys and known hosts; the home's own by default.
    #[arg(long, value_name = "DIR")]
    pub(crate) keys: Option<PathBuf>,
}
