//! Disks of their own life.

use serde::{Deserialize, Serialize};

use super::Tags;
use crate::id::{DiskId, IntentKey, MachineId};

/// Where a disk is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiskState {
    /// It is being made.
    Creating,
    /// No machine has it.
    Available,
    /// A machine has it.
    Attached,
    /// It is going.
    Deleting,
}

/// A disk: an unformatted block device for one machine at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Its id.
    pub id: DiskId,
    /// Its name; it need not be unique.
    pub name: String,
    /// Its size. It is sparse: it takes the room that is written to.
    pub size_gib: u32,
    /// Where it is in its life.
    pub state: DiskState,
    /// Which machine has it.
    pub machine: Option<MachineId>,
    /// The device's name there.
    pub device: Option<String>,
    /// The plugin's own notes.
    pub attributes: Tags,
    /// The key it was made with.
    pub intent: IntentKey,
    /// The user's.
    pub tags: Tags,
}

/// A disk to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskSpec {
    /// Made before with this key: the answer is what was made.
    pub intent: IntentKey,
    /// 1 to 255 bytes without control characters.
    pub name: String,
    /// At least 1.
    pub size_gib: u32,
    /// The plugin's own notes, given back as they are; they never change.
    pub attributes: Tags,
    /// The user's.
    pub tags: Tags,
}
