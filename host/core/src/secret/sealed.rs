//! Secrets that stand in the tenants file, encrypted with this user's master key.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use skywright_state::Seal;
use zeroize::Zeroizing;

/// Encrypts for one key of one tenant. The master key is made if it is not there.
pub(super) fn seal(tenant: &str, key: &str, master_key: &Path, secret: &[u8]) -> Result<String, String> {
    let failed = |error: skywright_state::Error| format!("it cannot be sealed: {error}");
    let seal = Seal::open_or_create(master_key).map_err(failed)?;
    Ok(STANDARD.encode(seal.seal(&context(tenant, key), secret).map_err(failed)?))
}

/// What [`seal`] encrypted for the same tenant and key.
pub(super) fn unseal(
    tenant: &str,
    key: &str,
    master_key: &Path,
    text: &str,
) -> Result<Zeroizing<Vec<u8>>, String> {
    let again = format!("set it again: `skywright tenant secret set {tenant} {key}`");
    // A new key would open nothing; that there is none says more.
    if !master_key.exists() {
        return Err(format!("it was sealed with a key that is not in {}; {again}", master_key.display()));
    }
    let bytes = STANDARD.decode(text.trim()).map_err(|_| format!("it is not what sealing makes; {again}"))?;
    let seal = Seal::open_or_create(master_key).map_err(|error| format!("it cannot be unsealed: {error}"))?;
    seal.unseal(&context(tenant, key), &bytes)
        .map_err(|_| format!("it was sealed with another key, or for another tenant or setting; {again}"))
}

/// Sealed text opens where it was sealed for, and cannot be moved to a tenant of another cloud. The
/// length keeps two pairs of names from being one.
fn context(tenant: &str, key: &str) -> String {
    format!("tenants/{}:{tenant}/{key}", tenant.len())
}
