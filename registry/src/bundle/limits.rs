//! How large what comes in a bundle may be.

/// How large a bundle and its parts may be. The defaults leave room for images and packages; a plugin
/// and its papers have their own limits when they are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The whole archive, in bytes.
    pub archive_bytes: u64,
    /// One blob, in bytes.
    pub blob_bytes: u64,
    /// Files in the archive.
    pub entries: usize,
    /// An index or a manifest, in bytes.
    pub json_bytes: u64,
    /// One metadata file of a repository, in bytes.
    pub metadata_bytes: u64,
    /// All metadata files of one repository together, in bytes; they are held in memory.
    pub all_metadata_bytes: u64,
    /// How many times the disk space that the archive takes it may be long. A bundle is not compressed,
    /// so more than a little means a file made of holes.
    pub expansion: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive_bytes: 64 << 30,
            blob_bytes: 16 << 30,
            entries: 20_000,
            json_bytes: 4 << 20,
            metadata_bytes: 8 << 20,
            all_metadata_bytes: 64 << 20,
            expansion: 100,
        }
    }
}
