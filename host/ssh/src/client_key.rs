//! The private key that the host signs in with.

use std::fmt;
use std::sync::Arc;

use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use zeroize::Zeroizing;

use crate::error::Error;

/// A private key. Cheap to clone; neither `Debug` nor any error shows it.
#[derive(Clone)]
pub struct ClientKey(Arc<PrivateKey>);

impl ClientKey {
    /// Reads a key in OpenSSH's format that has no pass phrase.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if it is none, or if it is encrypted.
    pub fn from_openssh(text: &str) -> Result<Self, Error> {
        let invalid =
            |reason: &str| Error::Invalid { what: "private key".to_owned(), reason: reason.to_owned() };
        let key = PrivateKey::from_openssh(text)
            .map_err(|_| invalid("it is no private key in OpenSSH's format"))?;
        if key.is_encrypted() {
            return Err(invalid("it has a pass phrase"));
        }
        Ok(Self(Arc::new(key)))
    }

    /// `SHA256:…` of its public half.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.public_key().fingerprint(HashAlg::Sha256).to_string()
    }

    /// The private key in OpenSSH's format, for a file that only its owner may read.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the library cannot write it.
    pub fn to_openssh(&self) -> Result<Zeroizing<String>, Error> {
        self.0
            .to_openssh(russh::keys::ssh_key::LineEnding::LF)
            .map_err(|_| Error::Internal("a private key cannot be written".to_owned()))
    }

    pub(crate) fn signer(&self) -> PrivateKeyWithHashAlg {
        PrivateKeyWithHashAlg::new(Arc::clone(&self.0), None)
    }
}

impl fmt::Debug for ClientKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientKey({})", self.fingerprint())
    }
}
