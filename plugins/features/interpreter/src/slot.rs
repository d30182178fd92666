//! Where a recipe lies in the component: a region of memory that is empty until a builder fills it.
//!
//! The builder finds [`DIRECTORY`] by its magic in the module's data, reads from it where the region is,
//! and adds a data segment there: four bytes of length, least significant first, and the bundle's JSON.
//! No code changes, and nothing is relocated. `host/recipe` has the other half.

use std::sync::atomic::{AtomicU8, Ordering};

/// How many bytes the region has: a length, and the largest bundle.
const BYTES: usize = 4 + skywright_recipe_format::limits::BUNDLE_BYTES;

/// The region. Atomic, so that no compiler takes what it reads for zero: the bytes may come from elsewhere.
#[used]
static REGION: [AtomicU8; BYTES] = [const { AtomicU8::new(0) }; BYTES];

/// Where the region is. The builder looks for the magic, so it must be there once.
#[repr(C)]
struct Directory {
    magic: [u8; 24],
    region: &'static [AtomicU8; BYTES],
    bytes: usize,
}

#[used]
static DIRECTORY: Directory =
    Directory { magic: *b"skywright:recipe-slot/1\0", region: &REGION, bytes: BYTES };

/// The bundle's JSON; `None` if no recipe was built in.
pub(crate) fn read() -> Option<Vec<u8>> {
    let region = DIRECTORY.region;
    let byte = |index: usize| region.get(index).map_or(0, |byte| byte.load(Ordering::Relaxed));
    let length = u32::from_le_bytes([byte(0), byte(1), byte(2), byte(3)]) as usize;
    if length == 0 || length > DIRECTORY.bytes - 4 {
        return None;
    }
    Some((4..4 + length).map(byte).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn natively_there_is_no_recipe() {
        assert_eq!(read(), None);
        assert_eq!(DIRECTORY.magic.last(), Some(&0));
    }
}
