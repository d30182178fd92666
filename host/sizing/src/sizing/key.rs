//! What an expression speaks of.

use std::fmt;

/// A key of a sizing expression.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// Virtual CPUs.
    Cpu,
    /// Memory, in GiB.
    Ram,
    /// The root disk, in GiB.
    Disk,
    /// GPUs.
    Gpu,
    /// The processor's clock, in GHz.
    CpuFreq,
    /// How many machines.
    Count,
    /// The template's name or id.
    Template,
}

impl Key {
    /// All of them, in the order in which they are written.
    pub const ALL: [Self; 7] =
        [Self::Cpu, Self::Ram, Self::Disk, Self::Gpu, Self::CpuFreq, Self::Count, Self::Template];

    /// The key as it is written.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Ram => "ram",
            Self::Disk => "disk",
            Self::Gpu => "gpu",
            Self::CpuFreq => "cpufreq",
            Self::Count => "count",
            Self::Template => "template",
        }
    }

    /// What its number counts, for people.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::Cpu => "virtual CPUs",
            Self::Ram | Self::Disk => "GiB",
            Self::Gpu => "GPUs",
            Self::CpuFreq => "GHz",
            Self::Count => "machines",
            Self::Template => "a name or an id",
        }
    }

    /// Whether its number may have decimals.
    pub(super) fn has_decimals(self) -> bool {
        matches!(self, Self::Ram | Self::CpuFreq)
    }

    /// Whether a machine can have none of it.
    pub(super) fn may_be_none(self) -> bool {
        matches!(self, Self::Disk | Self::Gpu | Self::Count)
    }

    pub(super) fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.name().eq_ignore_ascii_case(name))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
