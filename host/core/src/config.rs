//! Configuration files, with the broker's errors: `skywright_config` reads and changes them.

use std::path::Path;

pub use skywright_config::{Block, Entry, Mark, Node, Place, Value, nearest};

use crate::error::Error;

/// Says what is wrong with a place in a file.
pub(crate) trait Wrong {
    /// An error about this place.
    fn wrong(self, reason: impl Into<String>) -> Error;
}

impl Wrong for Place {
    fn wrong(self, reason: impl Into<String>) -> Error {
        Error::Config { place: self, reason: reason.into() }
    }
}

/// Reads the text of a file.
///
/// # Errors
///
/// [`Error::File`] if it cannot be read, [`Error::Config`] if it is too large.
pub fn read_text(path: &Path) -> Result<String, Error> {
    Ok(skywright_config::read_text(path)?)
}

/// Reads YAML; `path` is for messages.
///
/// # Errors
///
/// [`Error::Config`] with the place in the text.
pub fn parse(text: &str, path: &Path) -> Result<Node, Error> {
    Ok(skywright_config::parse(text, path)?)
}

/// Reads TOML; `path` is for messages.
///
/// # Errors
///
/// [`Error::Config`] with the place in the text.
pub fn parse_toml(text: &str, path: &Path) -> Result<Node, Error> {
    Ok(skywright_config::parse_toml(text, path)?)
}

/// The YAML text with this value at the end of these keys.
///
/// # Errors
///
/// [`Error::Config`], as [`skywright_config::set`] says.
pub fn set(text: &str, path: &Path, keys: &[&str], value: &Block) -> Result<String, Error> {
    Ok(skywright_config::set(text, path, keys, value)?)
}

/// The YAML text without this key.
///
/// # Errors
///
/// [`Error::Config`], as [`skywright_config::remove`] says.
pub fn remove(text: &str, path: &Path, keys: &[&str]) -> Result<String, Error> {
    Ok(skywright_config::remove(text, path, keys)?)
}
