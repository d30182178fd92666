//! `skywright`: parses, calls the core, prints.

mod address;
mod args;
mod bucket;
mod bundle;
mod catalog;
mod details;
mod doctor;
mod error;
mod exit;
mod feature;
mod host;
mod key;
mod label;
mod later;
mod network;
mod object;
mod oci;
mod operation;
mod output;
mod plugin;
mod progress;
mod question;
mod reach;
mod reconcile;
mod registry;
mod repo;
mod security_group;
mod share;
mod shared_args;
mod signers;
mod site;
mod ssh;
mod stop;
mod subnet;
mod tenant;
mod virtual_ip;
mod volume;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::error::Error;
use crate::later::Later;
use crate::output::Printer;

/// What makes this binary the compile child. It comes before any argument is parsed: the child has
/// no environment and must not read a file.
const COMPILE_CHILD: &str = "__compile";

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    if words.next().as_deref() == Some(COMPILE_CHILD) {
        let rest: Vec<String> = words.collect();
        return match skywright_runtime::compile::child_main(&rest) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                output::complain(&error.to_string());
                ExitCode::FAILURE
            }
        };
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version come this way too, with code 0.
            let code = if error.use_stderr() { exit::USAGE } else { exit::SUCCESS };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    start_log(&cli);
    let printer = Printer::new(cli.output, cli.quiet);
    match run(cli, &printer) {
        Ok(()) => ExitCode::from(exit::SUCCESS),
        Err(error @ Error::Exited { .. }) => ExitCode::from(error.exit_code()),
        Err(error) => ExitCode::from(printer.failure(&error)),
    }
}

fn run(cli: Cli, printer: &Printer) -> Result<(), Error> {
    let Cli { command, scope, .. } = cli;
    let scope = &scope;
    if let Command::Completion { shell } = command {
        return output::completion(shell);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Error::Start)?.block_on(async {
        match command {
            Command::Plugin(Later(command)) => plugin::run(command, scope, printer).await,
            Command::Repo(Later(command)) => repo::run(command, printer).await,
            Command::Bundle(Later(command)) => bundle::run(command, printer).await,
            Command::Key(Later(command)) => key::run(command, printer),
            Command::Registry(Later(command)) => registry::run(command, printer).await,
            Command::Tenant(Later(command)) => tenant::run(command, scope, printer).await,
            Command::Template(Later(on)) => catalog::template(on.command, &on.site.at(scope, printer)).await,
            Command::Image(Later(on)) => catalog::image(on.command, &on.site.at(scope, printer)).await,
            Command::Region(Later(on)) => catalog::regions(on.command, &on.site.at(scope, printer)).await,
            Command::Zone(Later(on)) => catalog::zones(on.command, &on.site.at(scope, printer)).await,
            Command::Quota(Later(on)) => catalog::quota(on.command, &on.site.at(scope, printer)).await,
            Command::Network(Later(on)) => network::run(on.command, &on.site.at(scope, printer)).await,
            Command::Subnet(Later(on)) => subnet::run(on.command, &on.site.at(scope, printer)).await,
            Command::Host(Later(on)) => host::run(on.command, &on.site.at(scope, printer)).await,
            Command::Address(Later(on)) => address::run(on.command, &on.site.at(scope, printer)).await,
            Command::Doctor(args) => doctor::run(&args, printer),
            Command::Ssh(Later(args)) => ssh::run(*args, scope, printer).await,
            Command::Share(Later(on)) => share::run(on.command, &on.site.at(scope, printer)).await,
            Command::Volume(Later(on)) => volume::run(on.command, &on.site.at(scope, printer)).await,
            Command::Bucket(Later(on)) => bucket::run(on.command, &on.site.at(scope, printer)).await,
            Command::Object(Later(on)) => object::run(on.command, &on.site.at(scope, printer)).await,
            Command::SecurityGroup(Later(on)) => {
                security_group::run(on.command, &on.site.at(scope, printer)).await
            }
            Command::Label(Later(on)) => label::run(on.command, &on.site.at(scope, printer)).await,
            Command::Tag(Later(on)) => label::run_tag(on.command, &on.site.at(scope, printer)).await,
            Command::Feature(Later(on)) => feature::run(on.command, &on.site.at(scope, printer)).await,
            Command::Reconcile(args) => reconcile::run(args, scope, printer).await,
            Command::Operation(Later(on)) => operation::run(on.command, &on.site.at(scope, printer)).await,
            Command::Completion { .. } => Ok(()),
        }
    })
}

/// Log lines go to standard error; `-v` shows more, `SKYWRIGHT_LOG` decides by itself.
fn start_log(cli: &Cli) {
    use std::io::IsTerminal;
    let default = match cli.verbose {
        0 => "warn",
        1 => "info",
        2 => "debug",
        _ => "trace",
    };
    let filter = std::env::var("SKYWRIGHT_LOG").unwrap_or_else(|_| default.to_owned());
    let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .without_time()
        .init();
}
