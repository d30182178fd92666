//! Credentials by name. Their values stay with the host.

pub use crate::bindings::host::skywright::host::credentials::SignError;
use crate::host;

/// Whether the credential is there and not expired.
#[must_use]
pub fn available(name: &str) -> bool {
    host::available(name)
}

/// Has the host forget a captured credential. The tenant's own stay.
pub fn forget(name: &str) {
    host::forget(name);
}

/// An HMAC-SHA256 chain: the key is `prefix` and the credential, and each step's output keys the next.
///
/// # Errors
///
/// [`SignError`] if there is no such credential or it cannot sign so.
pub fn hmac_sha256(credential: &str, prefix: &str, steps: &[Vec<u8>]) -> Result<Vec<u8>, SignError> {
    host::hmac_sha256(credential, prefix, steps)
}

/// RSASSA-PKCS1-v1_5 with SHA-256, for OAuth 2 JWT assertions.
///
/// # Errors
///
/// [`SignError`] if there is no such credential or it is not a private key.
pub fn rs256(credential: &str, message: &[u8]) -> Result<Vec<u8>, SignError> {
    host::rs256(credential, message)
}

/// Hexadecimal SHA-1 of `before`, the credential and `after`.
///
/// # Errors
///
/// [`SignError`] if there is no such credential.
pub fn sha1_with(credential: &str, before: &str, after: &str) -> Result<String, SignError> {
    host::sha1_with(credential, before, after)
}
