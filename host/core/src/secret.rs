//! Where a tenant's secrets come from.

mod keyring;
mod sealed;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::str::FromStr;

use zeroize::Zeroizing;

use crate::error::Error;

/// The largest secret, in bytes: a private key in PEM is a few thousand.
const MAX_BYTES: usize = 64 << 10;

/// Where a secret is kept. The secret itself is never part of this.
///
/// In YAML it is a map of one key: `{ env: NAME }`, `{ file: PATH }`, `{ command: [PROGRAM, ARG…] }`,
/// `{ keyring: NAME }` or `{ sealed: TEXT }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// An environment variable.
    Env(String),
    /// A file, relative to the tenants file; it must not be readable by others.
    File(PathBuf),
    /// A command and its arguments; its standard output is the secret.
    Command(Vec<String>),
    /// An item of the system's keyring, by its name.
    Keyring(String),
    /// The secret, encrypted with the user's master key for one tenant and one setting.
    Sealed(String),
}

/// What sources need beside themselves.
#[derive(Debug, Clone, Copy)]
pub struct SecretContext<'a> {
    /// The tenant's name.
    pub tenant: &'a str,
    /// The folder that paths are relative to.
    pub base: &'a Path,
    /// The file with the user's master key.
    pub master_key: &'a Path,
}

/// `env:NAME`, `file:PATH`, `command:PROGRAM ARG…` or `keyring:NAME`, as on the command line.
impl FromStr for SecretSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        match text.split_once(':') {
            Some(("env", name)) => Ok(Self::Env(name.to_owned())),
            Some(("file", path)) => Ok(Self::File(path.into())),
            Some(("keyring", name)) => Ok(Self::Keyring(name.to_owned())),
            Some(("command", line)) => {
                Ok(Self::Command(line.split_whitespace().map(str::to_owned).collect()))
            }
            // What was written may be the secret itself, so it is not repeated.
            _ => Err(Error::Secret {
                name: "?".to_owned(),
                reason:
                    "a secret is named by its source: env:NAME, file:PATH, command:PROGRAM or keyring:NAME"
                        .to_owned(),
            }),
        }
    }
}

/// The source, for people: never the secret, nor its sealed text.
impl std::fmt::Display for SecretSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable {name}"),
            Self::File(path) => write!(f, "file {}", path.display()),
            // Its arguments are its own matter.
            Self::Command(words) => write!(f, "command {}", words.first().map_or("", String::as_str)),
            Self::Keyring(name) => write!(f, "keyring item {name}"),
            Self::Sealed(_) => f.write_str("sealed in the tenants file"),
        }
    }
}

impl SecretSource {
    /// The source's kind, as in YAML.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Env(_) => "env",
            Self::File(_) => "file",
            Self::Command(_) => "command",
            Self::Keyring(_) => "keyring",
            Self::Sealed(_) => "sealed",
        }
    }

    /// Seals a secret for one setting of one tenant. The user's master key is made if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Secret`] if it is empty or too long, or the master key cannot be had.
    pub fn seal(tenant: &str, key: &str, secret: &str, master_key: &Path) -> Result<Self, Error> {
        let failed = |reason: String| Error::Secret { name: key.to_owned(), reason };
        check_size(secret.as_bytes()).map_err(failed)?;
        sealed::seal(tenant, key, master_key, secret.as_bytes()).map(Self::Sealed).map_err(failed)
    }

    /// Puts a secret into the system's keyring, in place of the one of that name.
    ///
    /// # Errors
    ///
    /// [`Error::Secret`] if it is empty or too long, or no keyring takes it.
    pub async fn store_in_keyring(key: &str, name: &str, secret: &str) -> Result<Self, Error> {
        let failed = |reason: String| Error::Secret { name: key.to_owned(), reason };
        check_size(secret.as_bytes()).map_err(failed)?;
        keyring::set(name, secret.as_bytes()).await.map_err(failed)?;
        Ok(Self::Keyring(name.to_owned()))
    }

    /// Gets the secret, without the line end that files and commands put behind it.
    ///
    /// # Errors
    ///
    /// [`Error::Secret`], naming the source and never the secret.
    pub async fn resolve(&self, key: &str, context: &SecretContext<'_>) -> Result<Zeroizing<String>, Error> {
        let failed = |reason: String| Error::Secret { name: key.to_owned(), reason };
        let bytes = match self {
            Self::Env(variable) => Zeroizing::new(
                std::env::var(variable)
                    .map_err(|_| {
                        failed(format!("the environment variable {variable} is not set, or not text"))
                    })?
                    .into_bytes(),
            ),
            Self::File(path) => {
                let path = context.base.join(path);
                check_private(&path).map_err(failed)?;
                let read = std::fs::read(&path).map(Zeroizing::new);
                read.map_err(|e| failed(format!("cannot read {}: {e}", path.display())))?
            }
            Self::Command(words) => run(words).await.map(Zeroizing::new).map_err(failed)?,
            Self::Keyring(name) => keyring::get(name).await.map_err(failed)?,
            Self::Sealed(text) => {
                sealed::unseal(context.tenant, key, context.master_key, text).map_err(failed)?
            }
        };
        let text = std::str::from_utf8(&bytes).map_err(|_| failed("it is not text".to_owned()))?;
        let text = match self {
            // It was sealed as it is.
            Self::Sealed(_) => text,
            _ => text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text)),
        };
        check_size(&bytes).and_then(|()| check_size(text.as_bytes())).map_err(failed)?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

fn check_size(secret: &[u8]) -> Result<(), String> {
    match secret.len() {
        0 => Err("it is empty".to_owned()),
        1..=MAX_BYTES => Ok(()),
        _ => Err(format!("it is longer than {MAX_BYTES} bytes")),
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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// The secret, or what is said of its absence.
    async fn resolved(source: SecretSource, base: &Path) -> Result<String, String> {
        let context = SecretContext { tenant: "lab", base, master_key: &base.join("master.key") };
        let secret = source.resolve("password", &context).await;
        secret.map(|secret| secret.to_string()).map_err(|error| error.to_string())
    }

    async fn of_file(content: &[u8], mode: u32) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, content).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let result = resolved(SecretSource::File("password".into()), folder.path()).await;
        result.map_err(|error| error.replace(folder.path().to_str().unwrap(), "BASE"))
    }

    async fn of_script(script: &str) -> Result<String, String> {
        let words = ["/bin/sh", "-c", script].map(str::to_owned);
        resolved(SecretSource::Command(words.into()), Path::new("/")).await
    }

    #[tokio::test]
    async fn one_line_end_is_no_part_of_a_secret() {
        for (content, secret) in [
            (&b"hunter2"[..], "hunter2"),
            (b"hunter2\n", "hunter2"),
            (b"hunter2\r\n", "hunter2"),
            (b"hunter2\n\n", "hunter2\n"),
            (b" hunter2 \n", " hunter2 "),
            (b"one\ntwo\n", "one\ntwo"),
            (b"hunter2\r", "hunter2\r"),
        ] {
            assert_eq!(of_file(content, 0o600).await.unwrap(), secret);
        }
    }

    #[tokio::test]
    async fn a_secret_has_text_and_an_end() {
        for empty in [&b""[..], b"\n", b"\r\n"] {
            assert_eq!(of_file(empty, 0o600).await.unwrap_err(), "secret `password`: it is empty");
        }
        assert_eq!(of_file(b"hunter2\xff", 0o600).await.unwrap_err(), "secret `password`: it is not text");
        assert_eq!(of_file(&vec![b'x'; MAX_BYTES], 0o600).await.unwrap().len(), MAX_BYTES);
        let too_long = of_file(&vec![b'x'; MAX_BYTES + 1], 0o600).await.unwrap_err();
        assert_eq!(too_long, "secret `password`: it is longer than 65536 bytes");
    }

    #[tokio::test]
    async fn a_file_is_this_users_alone() {
        assert!(of_file(b"hunter2", 0o400).await.is_ok());
        for mode in [0o640, 0o604, 0o620, 0o610, 0o601] {
            let error = of_file(b"hunter2", mode).await.unwrap_err();
            let expected = "secret `password`: other users can read BASE/password; `chmod 600 BASE/password`";
            assert_eq!(error, expected, "{mode:o}");
        }
        let error =
            resolved(SecretSource::File("nosuch".into()), Path::new("/nonexistent")).await.unwrap_err();
        assert!(
            error.starts_with("secret `password`: cannot read /nonexistent/nosuch: No such file"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn an_environment_variable() {
        let variable = |name: &str| resolved(SecretSource::Env(name.to_owned()), Path::new("/"));
        assert_eq!(variable("PATH").await.unwrap(), std::env::var("PATH").unwrap());
        let error = variable("SKYWRIGHT_TEST_NOT_SET").await.unwrap_err();
        let expected =
            "secret `password`: the environment variable SKYWRIGHT_TEST_NOT_SET is not set, or not text";
        assert_eq!(error, expected);
    }

    #[tokio::test]
    async fn a_command() {
        assert_eq!(of_script("echo hunter2").await.unwrap(), "hunter2");
        // It has no input to wait for.
        assert_eq!(of_script("cat; echo hunter2").await.unwrap(), "hunter2");
        let failed = of_script("echo hunter2; exit 3").await.unwrap_err();
        assert_eq!(failed, "secret `password`: /bin/sh ended with exit status: 3");
        assert_eq!(of_script("true").await.unwrap_err(), "secret `password`: it is empty");
        let nothing = resolved(SecretSource::Command(Vec::new()), Path::new("/")).await.unwrap_err();
        assert_eq!(nothing, "secret `password`: its command is empty");
        let missing = SecretSource::Command(vec!["/nonexistent".to_owned()]);
        let missing = resolved(missing, Path::new("/")).await.unwrap_err();
        assert!(missing.starts_with("secret `password`: cannot run /nonexistent: "), "{missing}");
    }

    #[test]
    fn a_source_on_the_command_line() {
        let parsed = |text: &str| text.parse::<SecretSource>();
        assert_eq!(parsed("env:TOKEN").unwrap(), SecretSource::Env("TOKEN".to_owned()));
        assert_eq!(parsed("keyring:cloud").unwrap(), SecretSource::Keyring("cloud".to_owned()));
        assert_eq!(parsed("file:a:b c").unwrap(), SecretSource::File("a:b c".into()));
        let words = ["pass", "show", "cloud"].map(str::to_owned);
        assert_eq!(parsed("command:pass  show cloud").unwrap(), SecretSource::Command(words.into()));
        for value in ["hunter2", "value:hunter2", "Env:hunter2", ":hunter2", ""] {
            let error = parsed(value).unwrap_err();
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
        }
    }

    #[tokio::test]
    async fn sealed_text_opens_for_its_tenant_and_setting_alone() {
        let folder = tempfile::tempdir().unwrap();
        let master_key = folder.path().join("master.key");
        let context = |tenant| SecretContext { tenant, base: Path::new("/"), master_key: &master_key };
        let nothing = SecretSource::Sealed("AAAA".to_owned()).resolve("password", &context("lab")).await;
        assert!(nothing.unwrap_err().to_string().contains("sealed with a key that is not in"));
        assert!(!master_key.exists(), "unsealing makes no key");
        let sealed = SecretSource::seal("lab", "password", "hunter2\n", &master_key).unwrap();
        assert!(!format!("{sealed:?}{sealed}").contains("hunter2"));
        assert_eq!(*sealed.resolve("password", &context("lab")).await.unwrap(), "hunter2\n");
        for (tenant, key) in [("work", "password"), ("lab", "token")] {
            let error = sealed.resolve(key, &context(tenant)).await.unwrap_err().to_string();
            assert!(error.contains(&format!("`skywright tenant secret set {tenant} {key}`")), "{error}");
        }
        let garbled = SecretSource::Sealed("hunter2!".to_owned());
        let error = garbled.resolve("password", &context("lab")).await.unwrap_err().to_string();
        assert!(error.contains("not what sealing makes") && !error.contains("hunter2"), "{error}");
        assert!(SecretSource::seal("lab", "password", "", &master_key).is_err());
        let names = [("a/b", "c"), ("a", "b/c")]
            .map(|(tenant, key)| SecretSource::seal(tenant, key, "x", &master_key).unwrap());
        assert!(names[0].resolve("b/c", &context("a")).await.is_err());
    }
}
