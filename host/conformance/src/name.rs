//! What a run calls what it makes.

use std::fmt;

use base64::Engine as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A run's own word: eight characters of `[0-9a-f]`. All names, intents and tags come from it, so that a
/// replay asks for the same ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RunName(String);

impl RunName {
    /// The word of a seed, such as the time and the process.
    #[must_use]
    pub fn of_seed(seed: &str) -> Self {
        Self(Sha256::digest(seed.as_bytes()).iter().take(4).map(|byte| format!("{byte:02x}")).collect())
    }

    /// A word that no other run has.
    #[must_use]
    pub fn fresh() -> Self {
        use std::hash::{BuildHasher, RandomState};
        Self::of_seed(&format!("{:x}", RandomState::new().hash_one(std::process::id())))
    }

    /// What the name of everything that the run makes begins with: `cf-` and the word.
    #[must_use]
    pub fn prefix(&self) -> String {
        format!("cf-{}", self.0)
    }

    /// A public key of OpenSSH that nobody has the private part of.
    pub(crate) fn public_key(&self, which: &str) -> String {
        let key = Sha256::digest(format!("{} {which}", self.0).as_bytes());
        let mut blob = Vec::with_capacity(51);
        for field in [b"ssh-ed25519".as_slice(), key.as_slice()] {
            blob.extend(u32::try_from(field.len()).unwrap_or(0).to_be_bytes());
            blob.extend(field);
        }
        let text = base64::engine::general_purpose::STANDARD.encode(blob);
        format!("ssh-ed25519 {text} {}", self.prefix())
    }
}

impl fmt::Display for RunName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An id that looks like this one and is another: every hexadecimal digit of its last word is turned.
pub(crate) fn unlike(id: &str) -> String {
    let turned = |c: char| match c {
        '0'..='8' | 'a'..='e' => char::from_u32(u32::from(c) + 1).unwrap_or(c),
        '9' => '0',
        'f' => 'a',
        other => other,
    };
    let start = id.rfind(|c: char| !c.is_ascii_alphanumeric()).map_or(0, |at| at + 1);
    let (kept, last) = id.split_at(start);
    let other: String = last.chars().map(turned).collect();
    if other == last { format!("{id}0") } else { format!("{kept}{other}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_the_seed_alone() {
        assert_eq!(RunName::of_seed("a"), RunName::of_seed("a"));
        assert_ne!(RunName::of_seed("a"), RunName::of_seed("b"));
        assert_eq!(RunName::of_seed("a").prefix().len(), 11);
        let name = RunName::of_seed("a");
        assert_ne!(name.public_key("one"), name.public_key("other"));
        assert!(name.public_key("one").starts_with("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI"));
    }

    #[test]
    fn another_id_looks_alike() {
        assert_eq!(unlike("0f9e-12ab"), "0f9e-23bc");
        assert_eq!(unlike("xyz"), "xyz0");
        assert_eq!(unlike(""), "0");
    }
}
