//! What is kept under a key.

use std::fmt;

use serde::de::DeserializeOwned;

use crate::error::Error;
use crate::key::Key;

/// Which state of a key somebody saw: the number of the commit that last wrote it.
///
/// Versions of a key grow and never come again, not even after it was deleted and made anew; they do
/// not grow by one. Entries that one commit wrote have the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Version(pub u64);

impl Version {
    /// There is no such key.
    pub const ABSENT: Self = Self(0);
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A key with its value, as it was at one moment.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its key.
    pub key: Key,
    /// Its value. May be empty.
    pub value: Vec<u8>,
    /// Its version, never [`Version::ABSENT`].
    pub version: Version,
}

/// Without the value, which may be nobody's business.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("key", &self.key)
            .field("value_bytes", &self.value.len())
            .field("version", &self.version)
            .finish()
    }
}

impl Entry {
    /// The value as what was written by [`Transaction::put_json`](crate::Transaction::put_json).
    ///
    /// # Errors
    ///
    /// [`Error::Value`], naming the key, if it is not JSON of that shape.
    pub fn json<T: DeserializeOwned>(self) -> Result<Found<T>, Error> {
        match serde_json::from_slice(&self.value) {
            Ok(value) => Ok(Found { key: self.key, value, version: self.version }),
            Err(error) => Err(Error::Value { key: self.key, action: "read", reason: place_of(&error) }),
        }
    }
}

/// Where JSON is wrong and in what way. The library's own message may quote the value.
fn place_of(error: &serde_json::Error) -> String {
    let kind = match error.classify() {
        serde_json::error::Category::Io => "it cannot be read",
        serde_json::error::Category::Syntax => "it is not JSON",
        serde_json::error::Category::Data => "it is JSON of another shape",
        serde_json::error::Category::Eof => "it is JSON without its end",
    };
    format!("{kind}, line {} column {}", error.line(), error.column())
}

/// A key with its value, parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// Its key.
    pub key: Key,
    /// Its value.
    pub value: T,
    /// Its version, for [`Transaction::require`](crate::Transaction::require).
    pub version: Version,
}
