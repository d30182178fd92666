//! Where a tenant's secrets come from.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::str::FromStr;

use serde::Deserialize;
use zeroize::Zeroizing;

use crate::error::Error;

/// The largest secret, in bytes: a private key in PEM is a few thousand.
const MAX_BYTES: usize = 64 << 10;

/// Where a secret is kept. The secret itself is never part of this.
///
/// In YAML it is a map of one key: `{ env: NAME }`, `{ file: PATH }` or `{ command: [PROGRAM, ARG…] }`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Fields")]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file, relative to the tenants file; it must not be readable by others.
    File(PathBuf),
    /// A command and its arguments; its standard output is the secret.
    Command(Vec<String>),
}

/// The YAML shape: the library's own for an enum is a tag, which nobody expects.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    env: Option<String>,
    file: Option<PathBuf>,
    command: Option<Vec<String>>,
}

impl TryFrom<Fields> for SecretSource {
    type Error = &'static str;

    fn try_from(fields: Fields) -> Result<Self, Self::Error> {
        match (fields.env, fields.file, fields.command) {
            (Some(name), None, None) => Ok(Self::Env(name)),
            (None, Some(path), None) => Ok(Self::File(path)),
            (None, None, Some(words)) => Ok(Self::Command(words)),
            _ => Err("a secret has one source: env, file or command"),
        }
    }
}

/// `env:NAME`, `file:PATH`, or `command:PROGRAM ARG…`, as on the command line.
impl FromStr for SecretSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(':') {
            Some(("env", name)) => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) => Ok(Self::File(path.into())),
            Some(("command", line)) => {
                Ok(Self::Command(line.split_whitespace().map(str::to_owned).collect()))
            }
            // What was written may be the secret itself, so it is not repeated.
            _ => Err(Error::Secret {
                name: "?".to_owned(),
                reason: "a secret is named by its source: env:NAME, file:PATH or command:PROGRAM".to_owned(),
            }),
        }
    }
}

impl SecretSource {
    /// Gets the secret, without the line end that files and commands put behind it.
    ///
    /// # Errors
    ///
    /// [`Error::Secret`], naming the source and never the secret.
    pub async fn resolve(&self, name: &str, base: &Path) -> Result<Zeroizing<String>, Error> {
        let failed = |reason: String| Error::Secret { name: name.to_owned(), reason };
        let bytes = match self {
            Self::Env(variable) => std::env::var(variable)
                .map_err(|_| failed(format!("the environment variable {variable} is not set, or not text")))?
                .into_bytes(),
            Self::File(path) => {
                let path = base.join(path);
                check_private(&path).map_err(failed)?;
                std::fs::read(&path).map_err(|e| failed(format!("cannot read {}: {e}", path.display())))?
            }
            Self::Command(words) => run(words).await.map_err(failed)?,
        };
        let bytes = Zeroizing::new(bytes);
        if bytes.len() > MAX_BYTES {
            return Err(failed(format!("it is longer than {MAX_BYTES} bytes")));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| failed("it is not text".to_owned()))?;
        let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
        if text.is_empty() {
            return Err(failed("it is empty".to_owned()));
        }
        Ok(Zeroizing::new(text.to_owned()))
    }
}

fn check_private(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    if meta.mode() & 0o077 != 0 {
        return Err(format!("other users can read {0}; `chmod 600 {0}`", path.display()));
    }
    Ok(())
}

async fn run(words: &[String]) -> Result<Vec<u8>, String> {
    let Some((program, args)) = words.split_first() else { return Err("its command is empty".to_owned()) };
    let output = tokio::process::Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|e| format!("cannot run {program}: {e}"))?;
    if !output.status.success() {
        return Err(format!("{program} ended with {}", output.status));
    }
    Ok(output.stdout)
}
