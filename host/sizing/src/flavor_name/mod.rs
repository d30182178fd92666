//! Flavor names of the Sovereign Cloud Stack's standard 0100.

mod parser;
mod parts;
mod template;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

pub use self::parts::{
    CpuKind, FlavorCpu, FlavorDisk, FlavorDiskKind, FlavorGpu, FlavorMemory, GpuUnits, GpuVendor, Hypervisor,
    ProcessorVendor, VideoMemory,
};
use crate::error::Error;

/// What a flavor's name claims, where it follows the Sovereign Cloud Stack's standard 0100 (version 3):
///
/// ```text
/// name = "SCS-" cpu "-" ram [disk] [hyp] ["_hwv"] [arch] [gpu] ["_ib"]
/// cpu  = number ("L"|"V"|"T"|"C") ["i"]
/// ram  = number ["u"] ["o"]                                  ; GiB, a multiple of 0.5
/// disk = "-" [[number "x"] number] ["n"|"h"|"s"|"p"]         ; GB
/// hyp  = "_" ("kvm"|"chy"|"xen"|"vmw"|"hyv"|"bms")
/// arch = "_" ("i"|"z"|"a"|"r") [generation] ["h"|"hh"|"hhh"]
/// gpu  = "_" ("G"|"g") ("N"|"A"|"I") [generation] ["-" number ["h"|"hh"] ["-" number ["h"|"hh"]]]
/// ```
///
/// Names of version 1 (`SCS-2V:4:20s-bms`) are read as well, and so are spellings that are not canonical
/// (`SCS-02V-4.0`, `SCS-2V-4-1x20s`, generation 0). `Display` gives the canonical spelling, so that a name
/// is canonical where `Display` gives it back. The names' claims are not checked against anything.
///
/// Where the reference parser and the standard's text differ, the text counts: a GPU without units may be
/// followed by `_ib`; a number of disks without a size is refused.
///
/// ```
/// use skywright_sizing::{CpuKind, FlavorName};
///
/// let name: FlavorName = "SCS-16T-64-200s_a1_GNa-64_ib".parse()?;
/// assert_eq!((name.cpu.count, name.cpu.kind), (16, CpuKind::DedicatedThread));
/// assert_eq!(name.memory.mib(), 65536);
/// assert_eq!(name.short().to_string(), "SCS-16T-64-200s_a_GNa-64_ib");
/// assert_eq!("SCS-2V:4:20s".parse::<FlavorName>()?.to_string(), "SCS-2V-4-20s");
/// # Ok::<(), skywright_sizing::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FlavorName {
    /// The virtual CPUs.
    pub cpu: FlavorCpu,
    /// The memory.
    pub memory: FlavorMemory,
    /// The disk. `None`: there is none, and a volume has to be made to boot from.
    pub disk: Option<FlavorDisk>,
    /// What the machine runs on; KVM is usual where it is `None`.
    pub hypervisor: Option<Hypervisor>,
    /// Whether machines can be run inside of the machine. `false`: not said.
    pub hardware_virtualization: bool,
    /// Who made the processor; x86-64 of whatever make where it is `None`.
    pub vendor: Option<ProcessorVendor>,
    /// The processor's generation, 0 where it is not said or very old. It needs `vendor`.
    pub generation: u8,
    /// How quick the processor is: 1 is more than 2.75 GHz on all cores, 2 more than 3.25, 3 more than
    /// 3.75, 0 is not said. It needs `vendor`.
    pub speed: u8,
    /// The GPU.
    pub gpu: Option<FlavorGpu>,
    /// Whether there is Infiniband. `false`: not said.
    pub infiniband: bool,
}

impl FlavorName {
    /// The name without what few need: the hypervisor, hardware virtualization, the make of an x86
    /// processor, generations of processors, and how quick anything is.
    #[must_use]
    pub fn short(&self) -> Self {
        let gpu = self.gpu.clone().map(|gpu| FlavorGpu { units: gpu.units.map(GpuUnits::short), ..gpu });
        Self {
            hypervisor: None,
            hardware_virtualization: false,
            vendor: self.vendor.filter(|vendor| !vendor.is_x86()),
            generation: 0,
            speed: 0,
            gpu,
            ..self.clone()
        }
    }

    /// The name as version 1 of the standard spells it: `SCS-2V:4:20s-bms`.
    #[must_use]
    pub fn to_version_1(&self) -> String {
        let name = self.to_string();
        let rest = name.strip_prefix(parser::PREFIX).unwrap_or(&name);
        let swapped = rest.chars().map(|c| match c {
            '-' => ':',
            '_' => '-',
            c => c,
        });
        parser::PREFIX.chars().chain(swapped).collect()
    }

    /// The properties that the standard wants a flavor of this name to have: `scs:cpu-type`,
    /// `scs:disk0-type` and so on (for 16 disks at most), and `scs:name-v1` and so on with the spellings of
    /// the name and of its short form.
    #[must_use]
    pub fn extra_specs(&self) -> BTreeMap<String, String> {
        let mut specs = BTreeMap::from([("scs:cpu-type".to_owned(), self.cpu.kind.name().to_owned())]);
        if let Some(disk) = &self.disk {
            // What is not said is taken for the least.
            let kind = disk.kind.unwrap_or(FlavorDiskKind::Network);
            for n in 0..disk.count.min(16) {
                specs.insert(format!("scs:disk{n}-type"), kind.name().to_owned());
            }
        }
        let short = self.short();
        let mut names = vec![self.to_version_1(), self.to_string()];
        if short != *self {
            names.extend([short.to_version_1(), short.to_string()]);
        }
        specs.extend(names.into_iter().zip(1..).map(|(name, n)| (format!("scs:name-v{n}"), name)));
        specs
    }
}

impl FromStr for FlavorName {
    type Err = Error;

    /// # Errors
    ///
    /// [`Error::FlavorName`], with the part that is wrong.
    fn from_str(name: &str) -> Result<Self, Error> {
        parser::parse(name)
    }
}

impl fmt::Display for FlavorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}-{}", parser::PREFIX, self.cpu, self.memory)?;
        if let Some(disk) = &self.disk {
            write!(f, "-{disk}")?;
        }
        if let Some(hypervisor) = self.hypervisor {
            write!(f, "_{}", hypervisor.code())?;
        }
        if self.hardware_virtualization {
            f.write_str("_hwv")?;
        }
        if let Some(vendor) = self.vendor {
            write!(f, "_{}", vendor.code())?;
            if self.generation > 0 {
                write!(f, "{}", self.generation)?;
            }
            parts::write_speed(f, self.speed)?;
        }
        if let Some(gpu) = &self.gpu {
            write!(f, "_{gpu}")?;
        }
        f.write_str(if self.infiniband { "_ib" } else { "" })
    }
}

#[cfg(test)]
mod tests;
