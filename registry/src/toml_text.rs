//! TOML that people may write, with the place of what is wrong in it.

use std::ops::Range;
use std::path::Path;

use serde::de::DeserializeOwned;

use crate::error::Error;

/// Reads it; what is not known is an error.
///
/// # Errors
///
/// [`Error::Text`] with line and column.
pub(crate) fn read<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| at(path, text, error.span(), error.message()))
}

/// UTF-8, or where it stops being that.
pub(crate) fn utf8<'a>(path: &Path, bytes: &'a [u8]) -> Result<&'a str, Error> {
    std::str::from_utf8(bytes).map_err(|error| {
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]).into_owned();
        at(path, &good, Some(good.len()..good.len()), "it is not UTF-8")
    })
}

/// An error at a place of the text.
pub(crate) fn at(path: &Path, text: &str, span: Option<Range<usize>>, reason: &str) -> Error {
    let before = span.and_then(|span| text.get(..span.start)).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Error::Text {
        path: path.to_owned(),
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        reason: reason.lines().collect::<Vec<_>>().join("; "),
    }
}
