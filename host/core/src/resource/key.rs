//! Key pairs for SSH, one a host, made here.

use serde::{Deserialize, Serialize};
use ssh_key::{Algorithm, LineEnding, PrivateKey};
use zeroize::Zeroizing;

use crate::error::Error;

/// The public half, as it is kept and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshKey {
    /// In OpenSSH's format, one line.
    pub public: String,
    /// `SHA256:…`.
    pub fingerprint: String,
}

/// A new Ed25519 key, in OpenSSH's format.
///
/// # Errors
///
/// [`Error::Internal`] if the system gives no random numbers.
pub(crate) fn generate() -> Result<Zeroizing<String>, Error> {
    let broken = |what: &str| Error::Internal(format!("no key could be made: {what}"));
    let mut seed = Zeroizing::new([0; 32]);
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut *seed)
        .map_err(|_| broken("the system gives no random numbers"))?;
    let pair = ssh_key::private::Ed25519Keypair::from_seed(&seed);
    let key = PrivateKey::from(pair);
    debug_assert_eq!(key.algorithm(), Algorithm::Ed25519);
    key.to_openssh(LineEnding::LF).map_err(|_| broken("it cannot be encoded"))
}

/// The public half of a private key.
///
/// # Errors
///
/// [`Error::Internal`] if it is none.
pub(crate) fn public_half(private: &str, comment: &str) -> Result<SshKey, Error> {
    let broken = |_| Error::Internal("a kept key is not one".to_owned());
    let mut public = PrivateKey::from_openssh(private).map_err(broken)?.public_key().clone();
    public.set_comment(comment);
    let fingerprint = public.fingerprint(ssh_key::HashAlg::Sha256).to_string();
    Ok(SshKey { public: public.to_openssh().map_err(broken)?, fingerprint })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_and_its_public_half() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_ne!(*one, *other);
        assert!(one.starts_with("-----BEGIN OPENSSH PRIVATE KEY-----\n"));
        let public = public_half(&one, "web").unwrap();
        assert!(public.public.starts_with("ssh-ed25519 ") && public.public.ends_with(" web"));
        assert!(public.fingerprint.starts_with("SHA256:"));
    }
}
