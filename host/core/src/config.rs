//! YAML in, typed values out. The one place that knows which YAML library there is.

use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::Error;

/// The largest configuration file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Reads a file. Types that refuse unknown keys get errors with line and column.
///
/// # Errors
///
/// [`Error::File`] if it cannot be read, [`Error::Config`] with the place in the file.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T, Error> {
    let failed = |source| Error::File { action: "read", path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(failed)?.len() > MAX_BYTES {
        let reason = format!("it is larger than {MAX_BYTES} bytes");
        return Err(Error::Config { path: path.to_owned(), reason });
    }
    parse(&std::fs::read_to_string(path).map_err(failed)?, path)
}

/// Reads text; `path` is for messages.
///
/// # Errors
///
/// [`Error::Config`] with the place in the text. The text itself is never part of the message: it
/// may hold secrets.
pub fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, Error> {
    serde_yaml::from_str(text)
        .map_err(|error| Error::Config { path: path.to_owned(), reason: without_values(&error.to_string()) })
}

/// The library's message without the value that it found: somebody may have written a secret where
/// something else belongs.
fn without_values(message: &str) -> String {
    for found in ["invalid type: ", "invalid value: "] {
        if let Some((before, behind)) = message.split_once(found)
            && let Some((_, expected)) = behind.rsplit_once(", expected ")
        {
            return format!("{before}expected {expected}");
        }
    }
    message.to_owned()
}
