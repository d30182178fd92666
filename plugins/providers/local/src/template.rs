//! Host templates. A machine has none; these are steps of what it has, each with a name that says it.

use skywright_sdk::catalog::{Architecture, DiskKind, Template};
use skywright_sdk::prelude::*;

/// Steps, those of them that the machine has.
const VCPUS: &[u32] = &[1, 2, 4, 8, 16, 32, 64];
const MEMORY_MIB: &[u64] = &[256, 512, 1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072];
const DISK_GIB: &[u32] = &[10, 40, 160];

/// What a template's name says: `c2-m2048-d40`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) vcpus: u32,
    pub(crate) memory_mib: u64,
    pub(crate) disk_gib: u32,
}

impl Size {
    pub(crate) fn id(self) -> String {
        format!("c{}-m{}-d{}", self.vcpus, self.memory_mib, self.disk_gib)
    }

    /// Any size that is spelled like a template: a host keeps the one it was made with, on a larger machine
    /// too.
    pub(crate) fn parse(id: &str) -> Result<Self, Error> {
        let unknown = || {
            let message = format!("there is no template {id}");
            Error::new(Category::NotFound, "no-template", message).with_subject(id)
        };
        let part = |text: Option<&str>, letter| {
            text.and_then(|text| text.strip_prefix(letter)).and_then(|digits| digits.parse::<u32>().ok())
        };
        let mut parts = id.split('-');
        let size = (part(parts.next(), 'c'), part(parts.next(), 'm'), part(parts.next(), 'd'));
        let (Some(vcpus), Some(memory_mib), Some(disk_gib), None) = (size.0, size.1, size.2, parts.next())
        else {
            return Err(unknown());
        };
        let size = Self { vcpus, memory_mib: u64::from(memory_mib), disk_gib };
        if vcpus == 0 || memory_mib == 0 || disk_gib == 0 || size.id() != id {
            return Err(unknown());
        }
        Ok(size)
    }
}

/// Every step that fits into a machine of this size, the smallest first.
pub(crate) fn all(vcpus: u32, memory_mib: u64, architecture: Architecture) -> Vec<Template> {
    let fits = |step: &u64| *step <= memory_mib || *step == MEMORY_MIB[0];
    let mut templates = Vec::new();
    for cpu in VCPUS.iter().filter(|step| **step <= vcpus.max(1)) {
        for memory in MEMORY_MIB.iter().copied().filter(fits) {
            for disk in DISK_GIB {
                let size = Size { vcpus: *cpu, memory_mib: memory, disk_gib: *disk };
                templates.push(template(size, architecture));
            }
        }
    }
    templates
}

fn template(size: Size, architecture: Architecture) -> Template {
    Template {
        id: size.id(),
        name: size.id(),
        vcpus: size.vcpus,
        memory_mib: size.memory_mib,
        disk_gib: size.disk_gib,
        disk_kind: DiskKind::LocalSsd,
        architecture,
        cpu_ghz: None,
        gpu_count: 0,
        gpu_model: None,
        attributes: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_the_size() {
        for template in all(4, 8192, Architecture::Amd64) {
            let size = Size::parse(&template.id).unwrap();
            assert_eq!(
                (size.vcpus, size.memory_mib, size.disk_gib),
                (template.vcpus, template.memory_mib, template.disk_gib)
            );
        }
        for wrong in ["", "c1", "c1-m2", "c0-m1-d1", "c01-m1-d1", "c1-m1-d1-x", "m1-c1-d1", "c-1-m1-d1"] {
            assert_eq!(Size::parse(wrong).unwrap_err().category, Category::NotFound, "{wrong}");
        }
    }

    #[test]
    fn none_is_larger_than_the_machine() {
        let templates = all(2, 3000, Architecture::Arm64);
        assert!(templates.iter().all(|template| template.vcpus <= 2 && template.memory_mib <= 2048));
        assert_eq!(templates.len(), 2 * 4 * 3);
        assert!(!all(0, 0, Architecture::Other).is_empty());
    }
}
