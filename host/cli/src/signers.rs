//! Keys that sign, as the command line names them.

use std::path::{Path, PathBuf};

use clap::Args;
use skywright_registry::tuf::{PublicKey, Signer};
use skywright_registry::{ExternalSigner, KeyFile, Passphrase, read_public_key};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::question::somebody_is_there;

/// Who signs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Keys")]
pub(crate) struct SignerArgs {
    /// A private key in OpenSSH's format, as `key new` makes it; give it again for more.
    #[arg(long = "key", value_name = "FILE")]
    keys: Vec<PathBuf>,
    /// A command that signs: it gets the bytes on standard input and prints the signature.
    #[arg(long = "signer", value_name = "PUBLIC_KEY_FILE=COMMAND", value_parser = crate::args::key_value)]
    signers: Vec<(String, String)>,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

/// Where passphrases are from.
#[derive(Debug, Args)]
pub(crate) struct PassphraseArgs {
    /// A file whose first line is the passphrase of every key; otherwise the terminal is asked.
    #[arg(long, value_name = "FILE", env = "SKYWRIGHT_KEY_PASSPHRASE_FILE")]
    passphrase_file: Option<PathBuf>,
}

impl PassphraseArgs {
    /// The passphrase of a key file.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if there is neither a file nor somebody to ask.
    pub(crate) fn read(&self, of: &Path) -> Result<Passphrase, Error> {
        match &self.passphrase_file {
            Some(file) => Ok(Passphrase::read(file)?),
            None => ask(&format!("passphrase of {}: ", of.display())),
        }
    }

    /// The passphrase of a key that is made, typed twice.
    ///
    /// # Errors
    ///
    /// [`Error::Usage`] if the two differ, and as [`read`](Self::read).
    pub(crate) fn read_new(&self, of: &Path) -> Result<Passphrase, Error> {
        if self.passphrase_file.is_some() {
            return self.read(of);
        }
        let first = prompt(&format!("new passphrase of {}: ", of.display()))?;
        if *first == *prompt("the same again: ")? {
            Ok(Passphrase::new(first))
        } else {
            Err(Error::Usage { message: "the two passphrases differ".to_owned(), hint: None })
        }
    }
}

fn ask(question: &str) -> Result<Passphrase, Error> {
    Ok(Passphrase::new(prompt(question)?))
}

fn prompt(question: &str) -> Result<Zeroizing<String>, Error> {
    if !somebody_is_there() {
        return Err(Error::Usage {
            message: "a passphrase is needed, and nobody is there to type it".to_owned(),
            hint: Some("name a file with --passphrase-file or SKYWRIGHT_KEY_PASSPHRASE_FILE".to_owned()),
        });
    }
    rpassword::prompt_password(question).map(Zeroizing::new).map_err(Error::Input)
}

/// Keys, open.
pub(crate) struct Signers(Vec<Box<dyn Signer>>);

impl Signers {
    /// Nobody.
    pub(crate) fn none() -> Self {
        Self(Vec::new())
    }

    /// For a call.
    pub(crate) fn as_slice(&self) -> Vec<&dyn Signer> {
        self.0.iter().map(|signer| signer.as_ref() as &dyn Signer).collect()
    }

    /// Adds a key file, unless it is open already.
    pub(crate) fn add_file(&mut self, path: &Path, passphrase: &PassphraseArgs) -> Result<PublicKey, Error> {
        let file = KeyFile::read(path)?;
        let public_key = file.public_key();
        if self.0.iter().all(|known| known.public_key() != public_key) {
            let secret = file.is_encrypted().then(|| passphrase.read(path)).transpose()?;
            self.0.push(Box::new(file.open(secret.as_ref())?));
        }
        Ok(public_key)
    }
}

impl SignerArgs {
    /// Opens them all.
    ///
    /// # Errors
    ///
    /// What keeps a key from being opened, and [`Error::Usage`] for a command that is none.
    pub(crate) fn open(&self) -> Result<Signers, Error> {
        let mut signers = Signers(Vec::new());
        for path in &self.keys {
            signers.add_file(path, &self.passphrase)?;
        }
        for (public_key, command) in &self.signers {
            let public_key = read_public_key(Path::new(public_key))?;
            // Words and no shell: what is between spaces is an argument.
            let mut words = command.split_ascii_whitespace().map(str::to_owned);
            let program = words.next().ok_or_else(|| Error::Usage {
                message: "the command of --signer is empty".to_owned(),
                hint: None,
            })?;
            signers.0.push(Box::new(ExternalSigner::new(program, words.collect(), public_key)));
        }
        Ok(signers)
    }
}

/// The public key that a file holds: a public one, or the public half of a private one.
pub(crate) fn public_key(path: &Path) -> Result<PublicKey, Error> {
    match KeyFile::read(path) {
        Ok(file) => Ok(file.public_key()),
        Err(_) => Ok(read_public_key(path)?),
    }
}
