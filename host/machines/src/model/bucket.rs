//! Buckets of objects.

/// A bucket: a folder of this machine with an object a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Its name, which is its id.
    pub name: String,
    /// RFC 3339, in whole seconds; where the file system knows.
    pub created_at: Option<String>,
}
