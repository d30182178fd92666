//! `skywright ssh HOST [-- COMMAND]`.

use std::io::{IsTerminal, Write as _, stderr, stdin, stdout};

use skywright_ssh::{Client, ExitStatus, Stream, Terminal};

use super::command;
use crate::error::Error;
use crate::site::Site;

pub(super) async fn run(
    reference: &str,
    words: Vec<String>,
    terminal: bool,
    client: &Client,
    site: &Site<'_>,
) -> Result<(), Error> {
    let connection = site.open().await?.connect(client, reference).await?;
    site.clear();
    let status = if words.is_empty() || terminal {
        let line = if words.is_empty() { None } else { Some(line(words)?) };
        let seat = Terminal::open()?;
        let kind = std::env::var("TERM").unwrap_or_else(|_| "xterm".to_owned());
        connection.interactive(line.as_deref(), &kind, &seat).await?
    } else {
        let mut command = command(words).stream(Box::new(pass_on));
        if !stdin().is_terminal() {
            command = command.stdin_from(tokio::io::stdin());
        }
        connection.run(command).await?.status
    };
    match status {
        ExitStatus::Code(0) => Ok(()),
        status => Err(Error::Exited { status: Box::new(status) }),
    }
}

fn line(words: Vec<String>) -> Result<String, Error> {
    match <[String; 1]>::try_from(words) {
        Ok([line]) => Ok(line),
        Err(words) => Ok(skywright_ssh::quote_all(words)?),
    }
}

/// A closed output is the reader's affair, as with any program that is piped.
fn pass_on(stream: Stream, data: &[u8]) {
    let _ = match stream {
        Stream::Stdout => stdout().write_all(data).and_then(|()| stdout().flush()),
        Stream::Stderr => stderr().write_all(data),
    };
}
