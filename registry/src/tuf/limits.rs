//! How much of a repository is read.

use sigstore_tuf::UpdaterConfig;

/// How much is read before it is refused. The defaults are those of other clients, so that a repository
/// which is good for one is good for all, but for the delegations: three roles are all there can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// One `root` file.
    pub root_bytes: u64,
    /// `timestamp`.
    pub timestamp_bytes: u64,
    /// `snapshot`: about ten thousand roles.
    pub snapshot_bytes: u64,
    /// One targets role: about ten thousand files or publishers.
    pub targets_bytes: u64,
    /// One file that the metadata lists.
    pub file_bytes: u64,
    /// How many roots are followed in one refresh.
    pub root_rotations: u32,
    /// How many targets roles are asked about one file.
    pub delegations: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            root_bytes: 512_000,
            timestamp_bytes: 16_384,
            snapshot_bytes: 2_000_000,
            targets_bytes: 5_000_000,
            file_bytes: 64 << 20,
            root_rotations: 256,
            delegations: 4,
        }
    }
}

impl Limits {
    pub(super) fn config(&self) -> UpdaterConfig {
        let mut config = UpdaterConfig::default();
        config.root_max_length = self.root_bytes;
        config.timestamp_max_length = self.timestamp_bytes;
        config.snapshot_max_length = self.snapshot_bytes;
        config.targets_max_length = self.targets_bytes;
        config.target_max_length = self.file_bytes;
        config.max_root_rotations = self.root_rotations;
        config.max_delegations = self.delegations;
        config
    }
}
