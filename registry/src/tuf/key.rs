//! Keys and signatures: Ed25519, and nothing else is written.

use std::fmt;
use std::str::FromStr;

use ring::rand::{SecureRandom, SystemRandom};
use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};

use super::hex;
use crate::error::Error;

/// An Ed25519 public key. As text: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PublicKey([u8; 32]);

/// The SHA-256 of a key as canonical JSON: how metadata names keys. As text: 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct KeyId([u8; 32]);

/// An Ed25519 signature.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature([u8; 64]);

/// Whoever can sign: a key in memory, an agent, a token, a command.
pub trait Signer: Send + Sync {
    /// The key that the signatures are checked with. It never changes.
    fn public_key(&self) -> PublicKey;

    /// Signs exactly these bytes; nothing is hashed or wrapped before.
    ///
    /// # Errors
    ///
    /// [`Error::Signer`] if nothing was signed. What is returned is checked before it is used.
    fn sign(&self, message: &[u8]) -> Result<Signature, Error>;
}

/// A key pair in this process's memory.
pub struct KeyPair(Ed25519KeyPair);

impl PublicKey {
    /// From its 32 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// How metadata names it.
    #[must_use]
    pub fn id(&self) -> KeyId {
        // Canonical JSON by hand: sorted keys, no spaces, nothing to escape.
        let canonical =
            format!(r#"{{"keytype":"ed25519","keyval":{{"public":"{self}"}},"scheme":"ed25519"}}"#);
        KeyId(sha256(canonical.as_bytes()))
    }

    /// Whether the signature is this key's, over exactly these bytes.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.0).verify(message, &signature.0).is_ok()
    }
}

impl Signature {
    /// From its 64 bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 64]) -> Self {
        Self(bytes)
    }

    /// Its 64 bytes.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 64] {
        &self.0
    }
}

impl KeyPair {
    /// A new one, of the system's randomness.
    ///
    /// # Errors
    ///
    /// [`Error::Signer`] if the system has no randomness to give.
    pub fn generate() -> Result<Self, Error> {
        let mut seed = [0; 32];
        SystemRandom::new()
            .fill(&mut seed)
            .map_err(|_| Error::Signer { reason: "the system gives no randomness".to_owned() })?;
        Self::from_seed(&seed)
    }

    /// From the 32 secret bytes, as RFC 8032 and OpenSSH keep them.
    ///
    /// # Errors
    ///
    /// [`Error::Signer`], which no 32 bytes are known to cause.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, Error> {
        Ed25519KeyPair::from_seed_unchecked(seed)
            .map(Self)
            .map_err(|_| Error::Signer { reason: "the key is not usable".to_owned() })
    }
}

impl Signer for KeyPair {
    fn public_key(&self) -> PublicKey {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(self.0.public_key().as_ref());
        PublicKey(bytes)
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, Error> {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.0.sign(message).as_ref());
        Ok(Signature(bytes))
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyPair({})", self.public_key())
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", hex::encode(&self.0))
    }
}

/// 32 bytes that are written as hexadecimal digits.
macro_rules! hexadecimal {
    ($name:ident, $what:literal) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                hex::decode(text).map(Self).ok_or(Error::Key { what: $what })
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self, Error> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.to_string()
            }
        }
    };
}

hexadecimal!(PublicKey, "public key");
hexadecimal!(KeyId, "key id");

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut digest = [0; 32];
    digest.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, bytes).as_ref());
    digest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_signs_what_its_public_half_accepts() {
        let pair = KeyPair::from_seed(&[7; 32]).unwrap();
        let signature = pair.sign(b"message").unwrap();
        assert!(pair.public_key().verify(b"message", &signature));
        assert!(!pair.public_key().verify(b"messagf", &signature));
        assert!(!KeyPair::generate().unwrap().public_key().verify(b"message", &signature));
        assert_eq!(pair.public_key().to_string().parse::<PublicKey>().unwrap(), pair.public_key());
    }

    #[test]
    fn the_key_id_is_the_one_that_every_client_computes() {
        let key = KeyPair::from_seed(&[7; 32]).unwrap().public_key();
        let json = format!(r#"{{"scheme":"ed25519","keytype":"ed25519","keyval":{{"public":"{key}"}}}}"#);
        let theirs: sigstore_tuf::Key = serde_json::from_str(&json).unwrap();
        assert_eq!(theirs.key_id().unwrap(), key.id().to_string());
    }
}
