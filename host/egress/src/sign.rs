//! Signatures with credentials that stay in the host.

use ring::{digest, hmac, rand, signature};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

use crate::vault::{Secret, Vault};

/// The shortest credential that is hashed, in bytes. A shorter one could be found by trying, since
/// the plugin sees the hash.
const MINIMUM_BYTES: usize = 16;

/// Why there is no signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The credential is not there, or has expired.
    #[error("credential `{credential}` is not there or has expired")]
    NoCredential {
        /// Its name.
        credential: String,
    },
    /// The credential or the request is not fit for it.
    #[error("credential `{credential}` cannot sign: {reason}")]
    Unsupported {
        /// Its name.
        credential: String,
        /// Why, without anything of the credential.
        reason: &'static str,
    },
}

impl Vault {
    /// HMAC-SHA256 chain: the key is `prefix` and the credential, and the output of each step is the
    /// key of the next. 32 bytes.
    ///
    /// # Errors
    ///
    /// [`SignError::Unsupported`] without any step (the key itself would be the answer), or for a
    /// credential of fewer than 16 bytes.
    pub fn hmac_sha256(
        &self,
        credential: &str,
        prefix: &str,
        steps: &[Vec<u8>],
    ) -> Result<Vec<u8>, SignError> {
        let secret = self.long_secret(credential)?;
        let Some((first, rest)) = steps.split_first() else {
            return Err(unsupported(credential, "there is no step to sign"));
        };
        let mut key = Zeroizing::new(Vec::with_capacity(prefix.len() + secret.expose().len()));
        key.extend_from_slice(prefix.as_bytes());
        key.extend_from_slice(secret.expose().as_bytes());
        let step = |key: &[u8], data: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
        let mut tag = step(&key, first);
        for data in rest {
            tag = step(tag.as_ref(), data);
        }
        Ok(tag.as_ref().to_vec())
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256. The credential is a private key of 2048 to 4096 bits in PEM,
    /// PKCS#8 or PKCS#1.
    ///
    /// # Errors
    ///
    /// [`SignError::Unsupported`] if the credential is no such key.
    pub fn rs256(&self, credential: &str, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let secret = self.secret(credential)?;
        let key = PrivateKeyDer::from_pem_slice(secret.expose().as_bytes())
            .map_err(|_| unsupported(credential, "it is no private key in PEM"))?;
        let pair = match &key {
            PrivateKeyDer::Pkcs8(der) => signature::RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            PrivateKeyDer::Pkcs1(der) => signature::RsaKeyPair::from_der(der.secret_pkcs1_der()),
            _ => return Err(unsupported(credential, "it is no RSA key")),
        };
        let pair = pair.map_err(|_| unsupported(credential, "it is no RSA key of 2048 to 4096 bits"))?;
        let mut out = vec![0; pair.public().modulus_len()];
        pair.sign(&signature::RSA_PKCS1_SHA256, &rand::SystemRandom::new(), message, &mut out)
            .map_err(|_| unsupported(credential, "the key cannot sign"))?;
        Ok(out)
    }

    /// SHA-1 of `before`, the credential and `after`, in lower-case hex.
    ///
    /// # Errors
    ///
    /// [`SignError::Unsupported`] for a credential of fewer than 16 bytes.
    pub fn sha1_with(&self, credential: &str, before: &str, after: &str) -> Result<String, SignError> {
        let secret = self.long_secret(credential)?;
        let mut context = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
        context.update(before.as_bytes());
        context.update(secret.expose().as_bytes());
        context.update(after.as_bytes());
        Ok(context.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect())
    }

    fn secret(&self, credential: &str) -> Result<Secret, SignError> {
        self.get(credential).ok_or_else(|| SignError::NoCredential { credential: credential.to_owned() })
    }

    fn long_secret(&self, credential: &str) -> Result<Secret, SignError> {
        let secret = self.secret(credential)?;
        if secret.expose().len() < MINIMUM_BYTES {
            return Err(unsupported(credential, "with fewer than 16 bytes it could be found by trying"));
        }
        Ok(secret)
    }
}

fn unsupported(credential: &str, reason: &'static str) -> SignError {
    SignError::Unsupported { credential: credential.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(value: &str) -> Vault {
        Vault::new([("key".to_owned(), Secret::new(value))])
    }

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    #[test]
    fn the_chain_is_that_of_aws_signature_version_4() {
        // The example of AWS's own documentation.
        let vault = vault("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
        let steps = ["20150830", "us-east-1", "iam", "aws4_request"].map(|s| s.as_bytes().to_vec());
        let key = vault.hmac_sha256("key", "AWS4", &steps).unwrap();
        assert_eq!(hex(&key), "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9");
    }

    #[test]
    fn a_chain_without_steps_does_not_give_the_key() {
        let refused = vault("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY").hmac_sha256("key", "", &[]);
        assert!(matches!(refused, Err(SignError::Unsupported { .. })));
    }

    #[test]
    fn what_could_be_guessed_is_not_hashed() {
        let vault = vault("short password!");
        assert!(matches!(vault.sha1_with("key", "", ""), Err(SignError::Unsupported { .. })));
        assert!(matches!(vault.hmac_sha256("key", "", &[vec![1]]), Err(SignError::Unsupported { .. })));
    }

    #[test]
    fn sha1_stands_around_the_credential() {
        // printf 'a0123456789abcdefb' | sha1sum
        let vault = vault("0123456789abcdef");
        assert_eq!(vault.sha1_with("key", "a", "b").unwrap(), "111c4fe5908a44c6371a93655f38235a619d2a3d");
        let missing = vault.sha1_with("other", "a", "b");
        assert_eq!(missing, Err(SignError::NoCredential { credential: "other".to_owned() }));
    }

    #[test]
    fn rs256_reads_both_kinds_of_pem_and_verifies() {
        for pem in [include_str!("testdata/rsa-pkcs8.pem"), include_str!("testdata/rsa-pkcs1.pem")] {
            let signed = vault(pem).rs256("key", b"header.claims").unwrap();
            let key = PrivateKeyDer::from_pem_slice(include_bytes!("testdata/rsa-pkcs8.pem")).unwrap();
            let PrivateKeyDer::Pkcs8(der) = key else { panic!("not PKCS#8") };
            let pair = signature::RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
            let public = signature::UnparsedPublicKey::new(
                &signature::RSA_PKCS1_2048_8192_SHA256,
                pair.public().as_ref(),
            );
            public.verify(b"header.claims", &signed).unwrap();
            assert!(public.verify(b"header.claimS", &signed).is_err());
        }
    }

    #[test]
    fn what_is_no_key_is_said_without_showing_it() {
        for text in ["hunter22", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            let error = vault(text).rs256("key", b"x").unwrap_err();
            assert!(matches!(error, SignError::Unsupported { .. }));
            assert!(!format!("{error} {error:?}").contains("hunter22"));
        }
    }
}
