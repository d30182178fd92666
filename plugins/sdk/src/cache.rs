//! Typed values in the host's small cache: 1 MiB per plugin and tenant, never for secrets, and anything
//! may be gone at any time.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, host};

/// The value, or `None` if it is not there or of another shape, as after an update of the plugin.
#[must_use]
pub fn get<T: DeserializeOwned>(key: &str) -> Option<T> {
    serde_json::from_slice(&host::cache_get(key)?).ok()
}

/// Keeps the value for at most `ttl_s` seconds, if it can be kept.
pub fn put<T: Serialize + ?Sized>(key: &str, value: &T, ttl_s: u32) {
    if let Ok(bytes) = serde_json::to_vec(value) {
        host::cache_put(key, &bytes, ttl_s);
    }
}

/// The value that is kept, or the one that `make` gives, which is then kept for `ttl_s` seconds.
///
/// # Errors
///
/// Those of `make`; an error is not kept.
pub fn get_or<T>(key: &str, ttl_s: u32, make: impl FnOnce() -> Result<T, Error>) -> Result<T, Error>
where
    T: Serialize + DeserializeOwned,
{
    if let Some(value) = get(key) {
        return Ok(value);
    }
    let value = make()?;
    put(key, &value, ttl_s);
    Ok(value)
}
