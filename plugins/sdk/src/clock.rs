//! The host's coarse clock.

use crate::host;

/// Seconds since the Unix epoch; virtual under test.
#[must_use]
pub fn now() -> u64 {
    host::now()
}
