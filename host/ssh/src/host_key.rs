//! Host keys: how it is known that a machine is the one that is meant.

use std::fmt;
use std::str::FromStr;

use russh::keys::ssh_key::Fingerprint;
use russh::keys::{Algorithm, HashAlg, PublicKey};

use crate::error::Error;

/// A host key that a machine has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostKey(PublicKey);

impl HostKey {
    /// Takes the key as the library has it, without its comment.
    pub(crate) fn new(key: &PublicKey) -> Self {
        Self(PublicKey::new(key.key_data().clone(), ""))
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// In OpenSSH's format, such as `ssh-ed25519 AAAA…`.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the library cannot write it.
    pub fn to_openssh(&self) -> Result<String, Error> {
        self.0.to_openssh().map_err(|_| Error::Internal("a host key cannot be written".to_owned()))
    }

    /// Which kind of key it is.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.0.algorithm()
    }
}

impl FromStr for HostKey {
    type Err = Error;

    /// Reads a line such as `ssh-ed25519 AAAA… comment`, as in `/etc/ssh/ssh_host_ed25519_key.pub`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let key = PublicKey::from_openssh(text.trim()).map_err(|_| Error::Invalid {
            what: "host key".to_owned(),
            reason: "it is no public key in OpenSSH's format".to_owned(),
        })?;
        Ok(Self::new(&key))
    }
}

/// What is known beforehand about a host key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PinnedKey {
    /// The key.
    Key(HostKey),
    /// Its fingerprint.
    Fingerprint(Fingerprint),
}

impl PinnedKey {
    fn matches(&self, key: &HostKey) -> bool {
        match self {
            Self::Key(pinned) => pinned == key,
            Self::Fingerprint(fingerprint) => key.0.fingerprint(fingerprint.algorithm()) == *fingerprint,
        }
    }

    fn fingerprint(&self) -> String {
        match self {
            Self::Key(key) => key.fingerprint(),
            Self::Fingerprint(fingerprint) => fingerprint.to_string(),
        }
    }
}

impl FromStr for PinnedKey {
    type Err = Error;

    /// Reads a public key in OpenSSH's format, or a fingerprint such as `SHA256:…`.
    fn from_str(text: &str) -> Result<Self, Error> {
        match text.trim().parse::<Fingerprint>() {
            Ok(fingerprint) => Ok(Self::Fingerprint(fingerprint)),
            Err(_) => Ok(Self::Key(text.parse()?)),
        }
    }
}

impl fmt::Display for PinnedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fingerprint())
    }
}

/// Which host keys are taken for a machine's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostKeys {
    /// These and no others. If there are none, no machine is trusted.
    Pinned(Vec<PinnedKey>),
    /// Whichever it shows: only for machines whose provider cannot tell their keys. The caller should pin
    /// what [`Connection::host_key`](crate::Connection::host_key) then says.
    Unknown,
}

impl HostKeys {
    pub(crate) fn accept(&self, key: &HostKey) -> bool {
        match self {
            Self::Pinned(pinned) => pinned.iter().any(|pinned| pinned.matches(key)),
            Self::Unknown => true,
        }
    }

    /// The fingerprints that would have been taken.
    pub(crate) fn expected(&self) -> Vec<String> {
        match self {
            Self::Pinned(pinned) => pinned.iter().map(PinnedKey::fingerprint).collect(),
            Self::Unknown => Vec::new(),
        }
    }

    /// The pinned keys that are known whole, which `known_hosts` needs.
    pub(crate) fn known(&self) -> impl Iterator<Item = &HostKey> {
        let pinned = match self {
            Self::Pinned(pinned) => pinned.as_slice(),
            Self::Unknown => &[],
        };
        pinned.iter().filter_map(|pinned| match pinned {
            PinnedKey::Key(key) => Some(key),
            PinnedKey::Fingerprint(_) => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIF4FyJ7ErUnDJ2dcRBSVPYbk1pLkkGVYHhcZlGwMdwzY root@host";

    #[test]
    fn a_key_and_its_fingerprint_pin_the_same() {
        let key: HostKey = KEY.parse().unwrap();
        for pin in [KEY.to_owned(), key.fingerprint(), format!("{}\n", key.to_openssh().unwrap())] {
            let keys = HostKeys::Pinned(vec![pin.parse().unwrap()]);
            assert!(keys.accept(&key), "{pin}");
            assert_eq!(keys.expected(), [key.fingerprint()]);
        }
        let other = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU".parse().unwrap();
        assert!(!HostKeys::Pinned(vec![other]).accept(&key));
        assert!(!HostKeys::Pinned(Vec::new()).accept(&key));
        assert!(HostKeys::Unknown.accept(&key));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for text in ["", "ssh-ed25519", "SHA256:", "SHA256:!!", "-----BEGIN OPENSSH PRIVATE KEY-----"] {
            assert!(text.parse::<PinnedKey>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in ".{0,200}", bytes in "[A-Za-z0-9+/=]{0,120}") {
            let _ = text.parse::<PinnedKey>();
            let _ = format!("ssh-ed25519 {bytes}").parse::<PinnedKey>();
            let _ = format!("SHA256:{bytes}").parse::<PinnedKey>();
        }
    }
}
