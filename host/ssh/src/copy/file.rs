//! What is known about a file, wherever it lies.

/// The kind of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    File,
    Folder,
    Link,
    /// A device, a pipe, a socket.
    Other,
}

impl Kind {
    /// From a file's mode.
    pub(crate) fn of_mode(mode: u32) -> Self {
        match mode & 0o170_000 {
            // A server that tells no kind means a file.
            0o100_000 | 0 => Self::File,
            0o040_000 => Self::Folder,
            0o120_000 => Self::Link,
            _ => Self::Other,
        }
    }
}

/// What is known about a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) kind: Kind,
    pub(crate) size_bytes: u64,
    /// The nine bits of it that say who may do what.
    pub(crate) mode: u32,
    /// When it was changed, in seconds since 1970.
    pub(crate) modified_s: u32,
}

impl Metadata {
    /// What is kept of a mode: not the bits that let a program run as its owner.
    pub(crate) const MODE_BITS: u32 = 0o777;
}

/// Appends a segment to a path.
pub(crate) fn join(folder: &str, name: &str) -> String {
    match folder {
        "" => name.to_owned(),
        _ if folder.ends_with('/') => format!("{folder}{name}"),
        _ => format!("{folder}/{name}"),
    }
}

/// The folder and the last segment: `/a/b/` is `/a` and `b`. The folder is empty for a relative name, and the
/// segment for `/`.
pub(crate) fn split(path: &str) -> (&str, &str) {
    let path = path.trim_end_matches('/');
    match path.rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some((folder, name)) => (folder, name),
        None => ("", path),
    }
}

/// Whether a name that the other side told is one segment, so that it leads nowhere else.
pub(crate) fn is_segment(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_taken_apart_and_put_together() {
        for (path, folder, name) in
            [("/a/b/", "/a", "b"), ("/a", "/", "a"), ("a", "", "a"), ("a/b", "a", "b"), ("/", "", "")]
        {
            assert_eq!(split(path), (folder, name), "{path}");
        }
        assert_eq!([join("", "a"), join("/", "a"), join("/a", "b")], ["a", "/a", "/a/b"]);
    }

    proptest::proptest! {
        #[test]
        fn a_segment_stays_in_its_folder(name in ".{0,12}") {
            if is_segment(&name) {
                let path = join("/folder", &name);
                assert_eq!(std::path::Path::new(&path).parent(), Some(std::path::Path::new("/folder")));
            }
        }
    }
}
