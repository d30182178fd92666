//! `skywright`: parses, calls the core, prints.

mod args;
mod error;
mod exit;
mod output;
mod plugin;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Cli, Command};
use crate::error::Error;
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
    let printer = Printer::new(cli.output);
    match run(cli, &printer) {
        Ok(()) => ExitCode::from(exit::SUCCESS),
        Err(error) => ExitCode::from(printer.failure(&error)),
    }
}

fn run(cli: Cli, printer: &Printer) -> Result<(), Error> {
    let command = match cli.command {
        Command::Plugin(command) => command,
        Command::Completion { shell } => return output::completion(shell),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(Error::Start)?.block_on(plugin::run(command, printer))
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
