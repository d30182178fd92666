//! Templates: what kinds of machine a cloud has, and which of them is meant.

mod boot_disk;
mod choice;
mod pattern;
mod reason;
mod rules;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::machine::{Architecture, DiskKind, TemplateId};

pub use self::choice::{Choice, TemplateMatches, TemplateOutcome, TemplateVerdict, match_templates};
pub use self::reason::TemplateReason;
pub use self::rules::{TemplateOptions, TemplateRules};

/// A kind of machine that a cloud has.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// What the cloud knows it by.
    pub id: TemplateId,
    /// What people know it by.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// The root disk that it brings, in GiB. 0 with [`DiskKind::None`]: it has none, and boots from a
    /// volume. 0 with another kind: the cloud makes one as large as it is asked for, or as the image needs.
    #[serde(default)]
    pub disk_gib: u32,
    /// What that disk is.
    #[serde(default)]
    pub disk_kind: DiskKind,
    /// What its processor is.
    #[serde(default)]
    pub architecture: Architecture,
    /// The processor's clock, in GHz. `None` where it is not known.
    #[serde(default)]
    pub cpu_ghz: Option<f32>,
    /// GPUs. 0 also where it is not known.
    #[serde(default)]
    pub gpu_count: u32,
    /// The GPU's model. `None` where there is none, or it is not known.
    #[serde(default)]
    pub gpu_model: Option<String>,
    /// What else the cloud says of it. Nothing here is matched.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests;
