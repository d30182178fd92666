//! Names that people give to things.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The name of a resource: 1 to 63 of the letters, digits, `-`, `_` and `.` of ASCII, a letter or digit first.
/// Clouds allow more; names that mean the same everywhere are of these.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The longest name, in bytes: what a DNS label may be.
    pub const MAX_BYTES: usize = 63;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it can be the name of a host on a network, which has no `_` and `.` and does not end in `-`.
    #[must_use]
    pub fn is_host_name(&self) -> bool {
        !self.0.contains(['_', '.']) && !self.0.ends_with('-')
    }
}

impl FromStr for Name {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric());
        if first && text.len() <= Self::MAX_BYTES && text.chars().all(allowed) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::Name { text: text.chars().take(80).flat_map(char::escape_debug).collect() })
    }
}

impl TryFrom<String> for Name {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_a_name() {
        for name in ["a", "web-1", "Web_1.lab", "1", &"x".repeat(63)] {
            assert!(name.parse::<Name>().is_ok(), "{name}");
        }
        for name in ["", "-a", ".a", "a/b", "a b", "ä", "a\n", &"x".repeat(64)] {
            assert!(name.parse::<Name>().is_err(), "{name}");
        }
    }

    #[test]
    fn host_names_are_fewer() {
        assert!("web-1".parse::<Name>().unwrap().is_host_name());
        for name in ["web_1", "web.lab", "web-"] {
            assert!(!name.parse::<Name>().unwrap().is_host_name(), "{name}");
        }
    }
}
