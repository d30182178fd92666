//! Names of things, told apart by type.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Error;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal, $noun:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// A number, never used again within a home.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub(crate) u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;

            /// [`Error::NoSuch`] for whatever is not the text of an id: nothing has it.
            fn from_str(text: &str) -> Result<Self, Error> {
                let number = text.strip_prefix($prefix).filter(|digits| {
                    !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit())
                });
                match number.and_then(|digits| digits.parse().ok()) {
                    Some(number) => Ok(Self(number)),
                    None => Err(Error::NoSuch(format!(concat!($noun, " `{}`"), printable(text)))),
                }
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl $name {
            /// What it is, for messages: the noun and the id.
            #[expect(clippy::allow_attributes, reason = "not every kind is spoken of")]
            #[allow(dead_code, reason = "not every kind is spoken of")]
            pub(crate) fn noun(self) -> String {
                format!(concat!($noun, " `{}`"), self)
            }
        }
    )*};
}

ids! {
    /// A network.
    NetworkId = "n", "network";
    /// A subnet.
    SubnetId = "s", "subnet";
    /// A security group.
    GroupId = "g", "security group";
    /// A rule of a security group.
    RuleId = "r", "rule";
    /// A machine.
    MachineId = "m", "machine";
    /// A disk.
    DiskId = "d", "disk";
    /// A public address.
    AddressId = "a", "public address";
    /// A virtual IP.
    VirtualIpId = "v", "virtual IP";
}

/// A bucket's name: 3 to 63 of `[a-z0-9.-]`, a letter or digit at both ends, no two dots together. A folder of
/// that name is nowhere but below its parent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketName(String);

impl BucketName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BucketName {
    type Err = Error;

    /// [`Error::Invalid`] for whatever is no such name.
    fn from_str(text: &str) -> Result<Self, Error> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let ends = text.bytes().next().is_some_and(plain) && text.bytes().last().is_some_and(plain);
        let inside = text.bytes().all(|byte| plain(byte) || matches!(byte, b'-' | b'.'));
        if (3..=63).contains(&text.len()) && ends && inside && !text.contains("..") {
            return Ok(Self(text.to_owned()));
        }
        let reason = "3 to 63 of a-z, 0-9, `-` and `.` are a name, with a letter or digit at both ends";
        Err(Error::invalid(format!("the bucket name `{}`", printable(text)), reason))
    }
}

/// The key of an intent: at most 60 bytes of `[a-z0-9-]`, unique for ever.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IntentKey(String);

impl IntentKey {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for IntentKey {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        match !text.is_empty() && text.len() <= 60 && letters {
            true => Ok(Self(text)),
            false => Err(Error::invalid("the intent's key", "it is not 1 to 60 bytes of [a-z0-9-]")),
        }
    }
}

impl From<IntentKey> for String {
    fn from(key: IntentKey) -> Self {
        key.0
    }
}

impl fmt::Display for IntentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Foreign text, fit to be printed: without control characters, and not long.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(80).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        assert_eq!("m12".parse::<MachineId>().unwrap(), MachineId(12));
        assert_eq!(MachineId(12).to_string(), "m12");
        for wrong in ["", "m", "m0", "m01", "m-1", "m+1", "n12", "m99999999999", "m1 ", "../m1"] {
            assert!(wrong.parse::<MachineId>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn whatever_is_read_as_an_id_is_written_the_same(text in "[mn][0-9]{0,11}|.*") {
            if let Ok(id) = text.parse::<MachineId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }

        #[test]
        fn keys_are_what_the_contract_says(text in "[a-z0-9-]{0,70}|.{0,5}") {
            let fits = !text.is_empty() && text.len() <= 60
                && text.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-'));
            prop_assert_eq!(IntentKey::try_from(text).is_ok(), fits);
        }
    }
}
