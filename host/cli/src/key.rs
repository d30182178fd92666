//! `skywright key …`: keys that sign plugins and repositories.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::json;
use skywright_registry::tuf::PublicKey;
use skywright_registry::{KeyFile, openssh_line};

use crate::error::Error;
use crate::output::Printer;
use crate::signers::{PassphraseArgs, public_key};

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make an Ed25519 key, encrypted with a passphrase, and the public key beside it.
    #[command(after_help = "Example:\n  skywright key new ~/keys/acme-owner --comment 'acme, owner'")]
    New(KeyNew),
    /// Show a key's public half: what others are given, and the id that policies name.
    #[command(
        after_help = "Examples:\n  skywright key show ~/keys/acme-owner\n  skywright key show acme-owner.pub -o json | jq -r .result.key_id"
    )]
    Show(KeyShow),
}

#[derive(Debug, Args)]
pub(crate) struct KeyNew {
    /// The file to make; nothing is ever overwritten.
    file: PathBuf,
    /// What to write beside the key, for people.
    #[arg(long, default_value = "")]
    comment: String,
    #[command(flatten)]
    passphrase: PassphraseArgs,
}

#[derive(Debug, Args)]
pub(crate) struct KeyShow {
    /// A private or public key file.
    file: PathBuf,
}

pub(crate) fn run(command: KeyCommand, printer: &Printer) -> Result<(), Error> {
    match command {
        KeyCommand::New(args) => new(&args, printer),
        KeyCommand::Show(args) => show(&public_key(&args.file)?, "", printer),
    }
}

fn new(args: &KeyNew, printer: &Printer) -> Result<(), Error> {
    let public_file = public_file(&args.file);
    if public_file.exists() {
        return Err(skywright_registry::Error::KeyFileExists { path: public_file }.into());
    }
    let passphrase = args.passphrase.read_new(&args.file)?;
    let key = KeyFile::create(&args.file, &args.comment, &passphrase)?.public_key();
    let line = openssh_line(&key, &args.comment)? + "\n";
    std::fs::write(&public_file, line).map_err(|source| {
        Error::Core(skywright_core::Error::File { action: "write", path: public_file.clone(), source })
    })?;
    show(&key, &args.comment, printer)
}

/// Beside the private one, as OpenSSH has it.
fn public_file(file: &std::path::Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

fn show(key: &PublicKey, comment: &str, printer: &Printer) -> Result<(), Error> {
    let view = json!({
        "key_id": key.id(),
        "openssh": openssh_line(key, comment)?,
        "public_key": key,
    });
    printer.details(&view)
}
