//! Ed25519 keys in files, as OpenSSH keeps them.

use std::path::Path;

use ring::rand::{SecureRandom, SystemRandom};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{Cipher, Kdf, LineEnding, PrivateKey};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::files;
use crate::tuf::{KeyPair, PublicKey};

/// The largest key file that is read, in bytes.
const MAX_BYTES: u64 = 64 << 10;

/// How often the passphrase is hashed: some tenth of a second, four times what `ssh-keygen` does by itself.
const ROUNDS: u32 = 64;

/// The most rounds that a file may ask for before it is refused: it could keep us busy for days.
const MOST_ROUNDS: u32 = 4096;

/// A private key file, closed: its public half is known, the rest is behind the passphrase.
///
/// It is in OpenSSH's own format, so that `ssh-keygen -y -f FILE` reads it, and `ssh-keygen -p -f FILE`
/// changes the passphrase.
#[derive(Debug)]
pub struct KeyFile {
    path: std::path::PathBuf,
    key: PrivateKey,
    public_key: PublicKey,
}

/// A passphrase. It is wiped from memory when it is dropped, and never shown.
pub struct Passphrase(Zeroizing<String>);

impl Passphrase {
    /// The shortest that a new key is made with, in characters.
    pub const SHORTEST: usize = 8;

    /// As it was typed.
    #[must_use]
    pub fn new(text: Zeroizing<String>) -> Self {
        Self(text)
    }

    /// The first line of a file.
    ///
    /// # Errors
    ///
    /// [`Error::File`], or [`Error::Text`] if it is not UTF-8.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = files::read_if_there(path, MAX_BYTES)?
            .map(Zeroizing::new)
            .ok_or_else(|| Error::file("read", path)(std::io::ErrorKind::NotFound.into()))?;
        let text = std::str::from_utf8(&bytes)
            .map_err(|_| Error::KeyFile { path: path.to_owned(), reason: "it is not UTF-8".to_owned() })?;
        Ok(Self(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned())))
    }

    /// The text itself, for who has to send it.
    #[must_use]
    pub fn into_text(self) -> Zeroizing<String> {
        self.0
    }

    /// Whether a new key should not be made with it.
    #[must_use]
    pub fn is_too_short(&self) -> bool {
        self.0.chars().count() < Self::SHORTEST
    }
}

impl std::fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Passphrase")
    }
}

impl KeyFile {
    /// Makes a new key, encrypted with the passphrase, in a file (mode 0600) that must not be there yet.
    /// Takes some tenth of a second of one CPU.
    ///
    /// # Errors
    ///
    /// [`Error::KeyFileExists`], [`Error::KeyFile`] for a passphrase that is too short, [`Error::Signer`] if the
    /// system has no randomness, [`Error::File`].
    pub fn create(path: &Path, comment: &str, passphrase: &Passphrase) -> Result<Self, Error> {
        if passphrase.is_too_short() {
            return Err(wrong(
                path,
                &format!("a passphrase of {} characters at least is needed", Passphrase::SHORTEST),
            ));
        }
        let (mut seed, mut salt, mut check) = (Zeroizing::new([0; 32]), [0; 16], [0; 4]);
        for bytes in [&mut seed[..], &mut salt, &mut check] {
            SystemRandom::new()
                .fill(bytes)
                .map_err(|_| Error::Signer { reason: "the system gives no randomness".to_owned() })?;
        }
        let failed = |error: ssh_key::Error| wrong(path, &error.to_string());
        let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
        let kdf = Kdf::Bcrypt { salt: salt.to_vec(), rounds: ROUNDS };
        let key = PrivateKey::new(pair, comment)
            .and_then(|key| {
                key.encrypt_with(Cipher::Aes256Ctr, kdf, u32::from_ne_bytes(check), passphrase.0.as_bytes())
            })
            .map_err(failed)?;
        let text = key.to_openssh(LineEnding::LF).map_err(failed)?;
        if !files::create(path, text.as_bytes())? {
            return Err(Error::KeyFileExists { path: path.to_owned() });
        }
        Self::of(path, key)
    }

    /// Reads a key file without opening it.
    ///
    /// # Errors
    ///
    /// [`Error::File`]; [`Error::KeyFile`] if it holds no Ed25519 key in OpenSSH's format, or asks for more
    /// hashing than any honest file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let bytes = files::read_if_there(path, MAX_BYTES)?
            .map(Zeroizing::new)
            .ok_or_else(|| Error::file("read", path)(std::io::ErrorKind::NotFound.into()))?;
        let key = PrivateKey::from_openssh(bytes.as_slice())
            .map_err(|_| wrong(path, "it is no private key in OpenSSH's format"))?;
        Self::of(path, key)
    }

    fn of(path: &Path, key: PrivateKey) -> Result<Self, Error> {
        if matches!(key.kdf(), Kdf::Bcrypt { rounds, .. } if *rounds > MOST_ROUNDS) {
            return Err(wrong(path, "it asks for more hashing than any honest key file"));
        }
        let public = key.public_key().key_data().ed25519();
        let public_key = PublicKey::new(
            public.ok_or_else(|| wrong(path, "it holds no Ed25519 key, and no other is used"))?.0,
        );
        Ok(Self { path: path.to_owned(), key, public_key })
    }

    /// Whether a passphrase is needed.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.key.is_encrypted()
    }

    /// The public half, which no passphrase hides. That it is the private one's is checked by [`open`](Self::open).
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.public_key
    }

    /// What whoever made the key wrote beside it; empty while it is closed.
    #[must_use]
    pub fn comment(&self) -> &str {
        self.key.comment()
    }

    /// Opens it. Takes some tenth of a second of one CPU.
    ///
    /// # Errors
    ///
    /// [`Error::Passphrase`] if it is another one; [`Error::KeyFile`] if none is given and one is needed, or if
    /// the private half is not the public one's.
    pub fn open(&self, passphrase: Option<&Passphrase>) -> Result<KeyPair, Error> {
        let opened = match (self.key.is_encrypted(), passphrase) {
            (false, _) => self.key.clone(),
            (true, None) => return Err(wrong(&self.path, "it needs its passphrase")),
            (true, Some(passphrase)) => self
                .key
                .decrypt(passphrase.0.as_bytes())
                .map_err(|_| Error::Passphrase { path: self.path.clone() })?,
        };
        let pair = opened.key_data().ed25519().ok_or_else(|| wrong(&self.path, "it holds no Ed25519 key"))?;
        let opened = KeyPair::from_seed(pair.private.as_ref())?;
        if crate::tuf::Signer::public_key(&opened) != self.public_key {
            return Err(wrong(&self.path, "its private half is not that of its public one"));
        }
        Ok(opened)
    }
}

fn wrong(path: &Path, reason: &str) -> Error {
    Error::KeyFile { path: path.to_owned(), reason: reason.to_owned() }
}

/// Reads a public key: 64 hexadecimal digits, or the line that OpenSSH writes (`ssh-ed25519 AAAA… comment`).
///
/// # Errors
///
/// [`Error::File`], and [`Error::KeyFile`] if it is neither.
pub fn read_public_key(path: &Path) -> Result<PublicKey, Error> {
    let bytes = files::read_if_there(path, MAX_BYTES)?
        .ok_or_else(|| Error::file("read", path)(std::io::ErrorKind::NotFound.into()))?;
    let neither =
        || wrong(path, "it is no Ed25519 public key: neither 64 hexadecimal digits nor OpenSSH's line");
    let text = std::str::from_utf8(&bytes).map_err(|_| neither())?.trim();
    if let Ok(key) = text.parse() {
        return Ok(key);
    }
    let key = ssh_key::PublicKey::from_openssh(text).map_err(|_| neither())?;
    key.key_data().ed25519().map(|key| PublicKey::new(key.0)).ok_or_else(neither)
}

/// The line that OpenSSH writes for a public key.
///
/// # Errors
///
/// [`Error::Encode`], which no key is known to cause.
pub fn openssh_line(key: &PublicKey, comment: &str) -> Result<String, Error> {
    let public = ssh_key::public::KeyData::Ed25519(ssh_key::public::Ed25519PublicKey(*key.bytes()));
    ssh_key::PublicKey::new(public, comment)
        .to_openssh()
        .map_err(|error| Error::Encode { what: "the public key", reason: error.to_string() })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;
    use std::process::Command;

    use super::*;
    use crate::tuf::Signer;

    fn passphrase(text: &str) -> Passphrase {
        Passphrase::new(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn a_key_opens_with_its_passphrase_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/owner");
        let made = KeyFile::create(&path, "acme owner", &passphrase("correct horse")).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----"));
        let file = KeyFile::read(&path).unwrap();
        assert!(file.is_encrypted() && file.public_key() == made.public_key());
        let pair = file.open(Some(&passphrase("correct horse"))).unwrap();
        assert_eq!(pair.public_key(), file.public_key());
        let wrong = file.open(Some(&passphrase("correct hors"))).unwrap_err();
        assert!(matches!(wrong, Error::Passphrase { .. }), "{wrong}");
        assert!(matches!(file.open(None), Err(Error::KeyFile { .. })));
    }

    #[test]
    fn nothing_is_ever_overwritten_and_short_passphrases_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(matches!(KeyFile::create(&path, "", &passphrase("seven77")), Err(Error::KeyFile { .. })));
        assert!(!path.exists());
        KeyFile::create(&path, "", &passphrase("eight888")).unwrap();
        let before = std::fs::read(&path).unwrap();
        let again = KeyFile::create(&path, "", &passphrase("eight888")).unwrap_err();
        assert!(matches!(again, Error::KeyFileExists { .. }), "{again}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn ssh_keygen_reads_ours_and_we_read_its() {
        let folder = tempfile::tempdir().unwrap();
        let ours = folder.path().join("ours");
        let key = KeyFile::create(&ours, "mine", &passphrase("correct horse")).unwrap();
        let keygen = |args: &[&str]| {
            let output = Command::new("ssh-keygen").args(args).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        let read = keygen(&["-y", "-P", "correct horse", "-f", ours.to_str().unwrap()]);
        let line = openssh_line(&key.public_key(), "mine").unwrap();
        assert_eq!(read.trim(), line);
        let theirs = folder.path().join("theirs");
        keygen(&["-q", "-t", "ed25519", "-N", "other words", "-C", "theirs", "-f", theirs.to_str().unwrap()]);
        let opened = KeyFile::read(&theirs).unwrap().open(Some(&passphrase("other words"))).unwrap();
        assert_eq!(opened.public_key(), read_public_key(&folder.path().join("theirs.pub")).unwrap());
    }

    #[test]
    fn what_is_no_ed25519_key_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for text in
            ["", "nonsense", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"]
        {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(KeyFile::read(&path), Err(Error::KeyFile { .. })), "{text}");
            assert!(matches!(read_public_key(&path), Err(Error::KeyFile { .. })), "{text}");
        }
        std::fs::write(&path, format!("{}\n", "ab".repeat(32))).unwrap();
        assert_eq!(read_public_key(&path).unwrap().to_string(), "ab".repeat(32));
        assert!(matches!(KeyFile::read(Path::new("/does/not/exist")), Err(Error::File { .. })));
    }

    #[test]
    fn passphrases_come_from_the_first_line_of_a_file_and_are_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("passphrase");
        std::fs::write(&path, "correct horse\nbattery\n").unwrap();
        let read = Passphrase::read(&path).unwrap();
        assert_eq!(read.0.as_str(), "correct horse");
        assert_eq!(format!("{read:?}"), "Passphrase");
    }
}
