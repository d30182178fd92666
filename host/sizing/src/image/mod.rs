//! Images: what can be booted, and which of them is meant.

mod choice;
mod likeness;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::machine::{Architecture, ImageId};

pub use self::choice::{ImageMatches, ImageOutcome, ImageReason, ImageVerdict, match_images};
pub use self::likeness::Likeness;

/// Something that can be booted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// What the cloud knows it by.
    pub id: ImageId,
    /// What people know it by.
    pub name: String,
    /// Such as `ubuntu`.
    #[serde(default)]
    pub os_family: Option<String>,
    /// Such as `24.04`.
    #[serde(default)]
    pub os_version: Option<String>,
    /// Whom to log in as.
    #[serde(default)]
    pub login_user: Option<String>,
    /// What it runs on. `None` where it is not known: then it suits every architecture.
    #[serde(default)]
    pub architecture: Option<Architecture>,
    /// The smallest root disk, in GiB; 0 where it is not known.
    #[serde(default)]
    pub min_disk_gib: u32,
    /// The least memory, in MiB; 0 where it is not known.
    #[serde(default)]
    pub min_memory_mib: u64,
    /// How large it is, in bytes.
    #[serde(default)]
    pub size_bytes: Option<u64>,
    /// When it was made: RFC 3339, in UTC. It is compared as text.
    #[serde(default)]
    pub created_at: Option<String>,
    /// What else the cloud says of it. `os_purpose` is looked at: an image for another purpose than
    /// `generic` comes after one that is, or that does not say.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests;
