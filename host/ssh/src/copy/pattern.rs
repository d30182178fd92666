//! Paths with `*`, `?` and `[…]` in them.

use glob::{MatchOptions, Pattern};

use super::file::{Kind, join};
use super::files::Files;
use crate::error::Error;

/// As in a shell: names that begin with a dot want a dot.
const OPTIONS: MatchOptions =
    MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };

/// What a path means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Expanded {
    /// Itself.
    Itself(String),
    /// What matches it.
    Matches(Vec<String>),
}

/// The paths that a path means: itself if there is such a file or it has nothing special in it, and otherwise
/// those that match, in order. Links are not followed on the way.
///
/// # Errors
///
/// [`Error::Invalid`] if it is no pattern, or nothing matches.
pub(crate) async fn expand(files: &Files, path: &str) -> Result<Expanded, Error> {
    if !path.contains(['*', '?', '[']) || files.metadata(path, true).await?.is_some() {
        return Ok(Expanded::Itself(path.to_owned()));
    }
    let mut found = vec![if path.starts_with('/') { "/".to_owned() } else { String::new() }];
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    for (index, segment) in segments.iter().enumerate() {
        let last = index + 1 == segments.len();
        found = step(files, &found, segment, last).await?;
    }
    if found.is_empty() {
        return Err(Error::invalid(crate::text::printable(path), "nothing matches"));
    }
    Ok(Expanded::Matches(found))
}

/// What one segment leads to from each of the folders.
async fn step(files: &Files, folders: &[String], segment: &str, last: bool) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    for folder in folders {
        if !segment.contains(['*', '?', '[']) {
            found.push(join(folder, segment));
            continue;
        }
        let pattern = Pattern::new(segment)
            .map_err(|error| Error::invalid(crate::text::printable(segment), error.msg))?;
        let Ok(entries) = files.list(folder).await else { continue };
        for (name, metadata) in entries {
            if pattern.matches_with(&name, OPTIONS) && (last || metadata.kind == Kind::Folder) {
                found.push(join(folder, &name));
            }
        }
    }
    if !last {
        return Ok(found);
    }
    let mut there = Vec::new();
    for path in found {
        if files.metadata(&path, false).await?.is_some() {
            there.push(path);
        }
    }
    Ok(there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn as_a_shell_would() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a1", "a2", "b1", ".a3", "[x]"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        for name in ["d1", "d2"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            std::fs::write(folder.path().join(name).join("a1"), "").unwrap();
        }
        let root = folder.path().to_str().unwrap();
        for (pattern, expected) in [
            ("a*", vec!["a1", "a2"]),
            ("?1", vec!["a1", "b1", "d1"]),
            (".a*", vec![".a3"]),
            ("[ab]1", vec!["a1", "b1"]),
            ("d*/a1", vec!["d1/a1", "d2/a1"]),
        ] {
            let found = expand(&Files::Local, &format!("{root}/{pattern}")).await.unwrap();
            let expected: Vec<_> = expected.iter().map(|name| format!("{root}/{name}")).collect();
            assert_eq!(found, Expanded::Matches(expected), "{pattern}");
        }
        for name in ["[x]", "nothing", "a1"] {
            let path = format!("{root}/{name}");
            assert_eq!(expand(&Files::Local, &path).await.unwrap(), Expanded::Itself(path));
        }
        for pattern in ["x*", "[", "d*/nothing"] {
            assert!(expand(&Files::Local, &format!("{root}/{pattern}")).await.is_err(), "{pattern}");
        }
    }
}
