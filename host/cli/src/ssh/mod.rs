//! `skywright ssh …`.

mod args;
mod config;
mod copy;
mod run;
mod session;
mod tunnel;

pub(crate) use args::SshArgs;
use args::SshCommand;
use skywright_ssh::{Client, Settings};

use crate::args::Scope;
use crate::error::Error;
use crate::output::Printer;

pub(crate) async fn run(args: SshArgs, scope: &Scope, printer: &Printer) -> Result<(), Error> {
    let client = Client::new(Settings::default());
    let site = args.site.at(scope, printer);
    let done = match args.command {
        Some(SshCommand::Run(run)) => run::run(run, &client, &site).await,
        Some(SshCommand::Copy(copy)) => copy::run(copy, &client, &site).await,
        Some(SshCommand::Tunnel(tunnel)) => tunnel::run(tunnel, &client, &site).await,
        Some(SshCommand::Config(config)) => config::run(config, &site).await,
        None => {
            let reference = args.reference.unwrap_or_default();
            session::run(&reference, args.words, args.terminal, &client, &site).await
        }
    };
    // What was dropped is ended on the other side before the process goes.
    client.settle().await;
    done
}

/// What is to run there: several words as they are, one as a line for the shell.
fn command(words: Vec<String>) -> skywright_ssh::Command {
    match <[String; 1]>::try_from(words) {
        Ok([line]) => skywright_ssh::Command::shell(line),
        Err(words) => skywright_ssh::Command::arguments(words),
    }
}
