//! How long to leave a change alone before it is looked at again.

/// After so many looks, in milliseconds: from one second, which a quick cloud needs, to five, which does not
/// matter to a slow one.
pub(crate) fn after_ms(polls: u32) -> u32 {
    polls.saturating_mul(500).saturating_add(1000).min(5000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_one_second_to_five() {
        assert_eq!([0, 1, 8, u32::MAX].map(after_ms), [1000, 1500, 5000, 5000]);
    }
}
