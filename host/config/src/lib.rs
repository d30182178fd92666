//! Configuration files in, located values out; and changes to a file that leave the rest of it as it is.
//!
//! The one place that knows which YAML and TOML libraries there are. What stands in a file is never
//! part of a message: it may be a secret. Keys are.

mod deserialize;
mod edit;
mod error;
mod node;
mod toml;
mod yaml;

use std::path::{Path, PathBuf};

pub use deserialize::from_node;
pub use edit::{Block, remove, set};
pub use error::Error;
pub use node::{Entry, Mark, Node, Value};
pub use yaml::parse;

pub use self::toml::parse as parse_toml;

/// The largest configuration file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Where something stands: a file, a line and a column, and a path of keys. Displayed as
/// `FILE:LINE:COLUMN: KEY.KEY`, without what is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub path: PathBuf,
    /// Line and column, if it is about a place in the file.
    pub mark: Option<Mark>,
    /// The keys that lead there, with dots between them; empty for the file as a whole.
    pub key: String,
}

impl Place {
    /// A whole file.
    #[must_use]
    pub fn file(path: &Path) -> Self {
        Self { path: path.to_owned(), mark: None, key: String::new() }
    }

    /// A place in a file.
    #[must_use]
    pub fn at(path: &Path, mark: Mark, key: impl Into<String>) -> Self {
        Self { path: path.to_owned(), mark: Some(mark), key: key.into() }
    }

    /// An error about this place.
    pub(crate) fn wrong(self, reason: impl Into<String>) -> Error {
        Error::Wrong { place: self, reason: reason.into() }
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(mark) = self.mark {
            write!(f, ":{}:{}", mark.line, mark.column)?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        Ok(())
    }
}

/// Reads the text of a file.
///
/// # Errors
///
/// [`Error::File`] if it cannot be read, [`Error::Wrong`] if it is too large.
pub fn read_text(path: &Path) -> Result<String, Error> {
    let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_BYTES {
        return Err(Place::file(path).wrong(format!("it is larger than {MAX_BYTES} bytes")));
    }
    std::fs::read_to_string(path).map_err(failed)
}

/// Of the known words the one that was probably meant.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace('_', "-");
    let scored = known.into_iter().map(|known| (strsim::jaro_winkler(&plain(word), &plain(known)), known));
    let best = scored.max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 > 0.8).then_some(best.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word() {
        let known = ["region", "auth-url", "project-name"];
        for (word, near) in [
            ("regoin", "region"),
            ("auth_url", "auth-url"),
            ("AUTH-URL", "auth-url"),
            ("project", "project-name"),
        ] {
            assert_eq!(nearest(word, known), Some(near), "{word}");
        }
        assert_eq!(nearest("colour", known), None);
        assert_eq!(nearest("region", []), None);
    }
}
