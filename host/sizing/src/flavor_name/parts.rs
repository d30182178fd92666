//! What a flavor's name consists of.

use std::fmt;

/// Makes an enum of words that names spell as short codes.
macro_rules! coded {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// As names spell it.
            #[must_use]
            pub fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)+
                }
            }

            /// What a name spells so.
            #[must_use]
            pub fn from_code(code: &str) -> Option<Self> {
                match code {
                    $($code => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

coded! {
    /// What a virtual CPU is.
    CpuKind {
        /// One of many on the same thread.
        CrowdedCore = "L",
        /// At least a fifth of a core nearly always.
        SharedCore = "V",
        /// A thread of its own.
        DedicatedThread = "T",
        /// A core of its own.
        DedicatedCore = "C",
    }
}

impl CpuKind {
    /// As `scs:cpu-type` spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CrowdedCore => "crowded-core",
            Self::SharedCore => "shared-core",
            Self::DedicatedThread => "dedicated-thread",
            Self::DedicatedCore => "dedicated-core",
        }
    }
}

coded! {
    /// What a disk is.
    FlavorDiskKind {
        /// On the network.
        Network = "n",
        /// A hard disk of the machine.
        LocalHdd = "h",
        /// A solid-state disk of the machine.
        LocalSsd = "s",
        /// A solid-state disk of the machine on NVMe.
        Nvme = "p",
    }
}

impl FlavorDiskKind {
    /// As `scs:disk0-type` spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Network => "network",
            Self::LocalHdd => "hdd",
            Self::LocalSsd => "ssd",
            Self::Nvme => "nvme",
        }
    }
}

coded! {
    /// What a machine runs on.
    Hypervisor {
        /// KVM.
        Kvm = "kvm",
        /// Cloud Hypervisor.
        CloudHypervisor = "chy",
        /// Xen.
        Xen = "xen",
        /// VMware.
        Vmware = "vmw",
        /// Hyper-V.
        HyperV = "hyv",
        /// Nothing: it is a machine of its own.
        BareMetal = "bms",
    }
}

coded! {
    /// Who made the processor, or what it is.
    ProcessorVendor {
        /// Intel, x86-64.
        Intel = "i",
        /// AMD, x86-64.
        Amd = "z",
        /// ARM, 64 bits.
        Arm = "a",
        /// RISC-V.
        RiscV = "r",
    }
}

impl ProcessorVendor {
    /// The newest generation that the standard knows.
    pub(super) fn newest(self) -> u8 {
        match self {
            Self::Intel | Self::Amd => 6,
            Self::Arm => 5,
            Self::RiscV => 0,
        }
    }

    pub(super) fn is_x86(self) -> bool {
        matches!(self, Self::Intel | Self::Amd)
    }
}

coded! {
    /// Who made the GPU.
    GpuVendor {
        /// Nvidia.
        Nvidia = "N",
        /// AMD.
        Amd = "A",
        /// Intel.
        Intel = "I",
    }
}

impl GpuVendor {
    /// The name, for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nvidia => "Nvidia",
            Self::Amd => "AMD",
            Self::Intel => "Intel",
        }
    }

    /// The generations that the standard knows.
    pub(super) fn generations(self) -> &'static [&'static str] {
        match self {
            Self::Nvidia => &["f", "k", "m", "p", "v", "t", "a", "l", "g", "b", "u"],
            Self::Amd => &["0.4", "0.5", "1", "1.1", "2", "2.1", "3", "3.1", "3.5", "4", "4.1", "5.1"],
            Self::Intel => &["0.9", "0.95", "1", "2", "3", "4"],
        }
    }
}

/// The virtual CPUs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FlavorCpu {
    /// How many; at least 1.
    pub count: u32,
    /// What each is.
    pub kind: CpuKind,
    /// Whether protection against attacks across CPUs is weak.
    pub insecure: bool,
}

impl fmt::Display for FlavorCpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.count, self.kind.code(), if self.insecure { "i" } else { "" })
    }
}

/// The memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FlavorMemory {
    /// How much, in halves of a GiB; at least 1.
    pub half_gib: u32,
    /// Whether it does without error correction.
    pub no_ecc: bool,
    /// Whether more is promised than there is.
    pub oversubscribed: bool,
}

impl FlavorMemory {
    /// How much, in MiB.
    #[must_use]
    pub fn mib(&self) -> u64 {
        u64::from(self.half_gib) * 512
    }
}

impl fmt::Display for FlavorMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let half = if self.half_gib.is_multiple_of(2) { "" } else { ".5" };
        let no_ecc = if self.no_ecc { "u" } else { "" };
        let oversubscribed = if self.oversubscribed { "o" } else { "" };
        write!(f, "{}{half}{no_ecc}{oversubscribed}", self.half_gib / 2)
    }
}

/// The disk, or several that are alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FlavorDisk {
    /// How many; at least 1. More than 1 needs a size.
    pub count: u32,
    /// How large each is, in GB, at least 1. `None`: the cloud decides, and the image fits.
    pub size_gb: Option<u32>,
    /// What each is. `None`: the cloud decides.
    pub kind: Option<FlavorDiskKind>,
}

impl fmt::Display for FlavorDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.count > 1 {
            write!(f, "{}x", self.count)?;
        }
        if let Some(size_gb) = self.size_gb {
            write!(f, "{size_gb}")?;
        }
        f.write_str(self.kind.map_or("", FlavorDiskKind::code))
    }
}

/// The GPU.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FlavorGpu {
    /// Whether the machine has the whole device to itself.
    pub passthrough: bool,
    /// Who made it.
    pub vendor: GpuVendor,
    /// Its generation, as names spell it: `a` is Nvidia's Ampere, `3.1` is AMD's RDNA 3.
    pub generation: Option<&'static str>,
    /// What the machine has of it.
    pub units: Option<GpuUnits>,
}

impl fmt::Display for FlavorGpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.passthrough { "G" } else { "g" };
        write!(f, "{mode}{}{}", self.vendor.code(), self.generation.unwrap_or_default())?;
        let Some(units) = &self.units else { return Ok(()) };
        write!(f, "-{}", units.count)?;
        write_speed(f, units.speed)?;
        let Some(memory) = &units.memory else { return Ok(()) };
        write!(f, "-{}", memory.gib)?;
        write_speed(f, memory.speed)
    }
}

/// What a machine has of a GPU.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GpuUnits {
    /// How many processing units (Nvidia: SMs, AMD: CUs, Intel: EUs); at least 1.
    pub count: u32,
    /// How quick they are, from 0 to 2; 0 is not said.
    pub speed: u8,
    /// The memory.
    pub memory: Option<VideoMemory>,
}

impl GpuUnits {
    pub(super) fn short(self) -> Self {
        Self { speed: 0, memory: self.memory.map(|memory| VideoMemory { speed: 0, ..memory }), ..self }
    }
}

/// A GPU's memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct VideoMemory {
    /// How much, in GiB; at least 1.
    pub gib: u32,
    /// How quick it is, from 0 to 2; 0 is not said.
    pub speed: u8,
}

pub(super) fn write_speed(f: &mut fmt::Formatter<'_>, speed: u8) -> fmt::Result {
    f.write_str(&"h".repeat(usize::from(speed)))
}
