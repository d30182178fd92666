//! What a name says of a template that its cloud does not.

use super::{FlavorDiskKind, FlavorName, ProcessorVendor};
use crate::machine::{Architecture, DiskKind};
use crate::template::Template;

impl FlavorName {
    /// Fills in what the name claims and the template does not say: numbers that are 0, what is `None`,
    /// and the architecture, where the template has the usual one and the name another. The clock becomes
    /// the least that the name promises. `scs:` properties that are not there become attributes.
    ///
    /// A disk whose kind the name leaves open gets none; where the cloud decides its size as well it is
    /// taken for one on the network, so that it is not taken for no disk at all.
    pub fn fill_in(&self, template: &mut Template) {
        if template.vcpus == 0 {
            template.vcpus = self.cpu.count;
        }
        if template.memory_mib == 0 {
            template.memory_mib = self.memory.mib();
        }
        self.fill_in_disk(template);
        if template.architecture == Architecture::Amd64 {
            template.architecture = match self.vendor {
                Some(ProcessorVendor::Arm) => Architecture::Arm64,
                Some(ProcessorVendor::RiscV) => Architecture::Other,
                Some(ProcessorVendor::Intel | ProcessorVendor::Amd) | None => Architecture::Amd64,
            };
        }
        template.cpu_ghz = template.cpu_ghz.or(match self.speed {
            0 => None,
            1 => Some(2.75),
            2 => Some(3.25),
            _ => Some(3.75),
        });
        if let Some(gpu) = &self.gpu {
            template.gpu_count = template.gpu_count.max(1);
            // Without the first letter, which says how it is passed on.
            let code = gpu.to_string().split_off(1);
            template.gpu_model.get_or_insert_with(|| format!("{} {code}", gpu.vendor.name()));
        }
        for (key, value) in self.extra_specs() {
            template.attributes.entry(key).or_insert(value);
        }
    }

    fn fill_in_disk(&self, template: &mut Template) {
        let Some(disk) = &self.disk else { return };
        if template.disk_gib == 0 && template.disk_kind == DiskKind::None {
            template.disk_gib = disk.size_gb.unwrap_or_default();
        }
        if template.disk_kind == DiskKind::None {
            template.disk_kind = match disk.kind {
                Some(FlavorDiskKind::Network) => DiskKind::Network,
                Some(FlavorDiskKind::LocalHdd) => DiskKind::LocalHdd,
                Some(FlavorDiskKind::LocalSsd) => DiskKind::LocalSsd,
                Some(FlavorDiskKind::Nvme) => DiskKind::Nvme,
                None if disk.size_gb.is_none() => DiskKind::Network,
                None => DiskKind::None,
            };
        }
    }
}
