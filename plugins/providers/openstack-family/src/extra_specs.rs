//! What a flavor's extra specs say of its hardware. Operators write them by hand; what is not understood
//! goes on as an attribute.

use std::collections::BTreeMap;

use skywright_sdk::catalog::{Architecture, DiskKind};

/// Extra specs by key.
pub(crate) type ExtraSpecs = BTreeMap<String, String>;

/// `scs:disk0-type`.
pub(crate) fn disk_kind(specs: &ExtraSpecs) -> Option<DiskKind> {
    match specs.get("scs:disk0-type")?.as_str() {
        "network" => Some(DiskKind::Network),
        "hdd" => Some(DiskKind::LocalHdd),
        "ssd" => Some(DiskKind::LocalSsd),
        "nvme" => Some(DiskKind::Nvme),
        _ => None,
    }
}

/// A trait that placement must find, or the key that Huawei's clouds have for it.
pub(crate) fn architecture(specs: &ExtraSpecs) -> Option<Architecture> {
    let required = |name: &str| specs.get(name).is_some_and(|value| value == "required");
    if required("trait:HW_ARCH_AARCH64") {
        return Some(Architecture::Arm64);
    }
    if required("trait:HW_ARCH_X86_64") {
        return Some(Architecture::Amd64);
    }
    let keys =
        ["hw:architecture", "hw_architecture", "capabilities:cpu_info:arch", "ecs:instance_architecture"];
    keys.iter().find_map(|key| specs.get(*key)).map(|name| architecture_named(name))
}

/// An architecture by the names that Nova and Glance know.
pub(crate) fn architecture_named(name: &str) -> Architecture {
    match name.trim().to_ascii_lowercase().as_str() {
        "x86_64" | "x86-64" | "amd64" => Architecture::Amd64,
        "aarch64" | "arm64" => Architecture::Arm64,
        _ => Architecture::Other,
    }
}

/// How many GPUs, and which where that is said: virtual ones as a resource of placement, passed-through
/// ones as an alias of PCI devices. An alias may be of any device, so its name must be a GPU's.
pub(crate) fn gpus(specs: &ExtraSpecs) -> (u32, Option<String>) {
    let resources = specs.iter().filter(|(key, _)| {
        let class = key.strip_prefix("resources").and_then(|rest| rest.split_once(':'));
        class.is_some_and(|(_, class)| class.contains("GPU"))
    });
    let virtual_gpus: u32 = resources.filter_map(|(_, count)| count.trim().parse::<u32>().ok()).sum();
    let aliases = specs.get("pci_passthrough:alias").map_or("", String::as_str);
    let passed: Vec<(&str, u32)> = aliases.split(',').filter_map(alias).collect();
    let count = passed.iter().fold(virtual_gpus, |sum, (_, count)| sum.saturating_add(*count));
    (count, passed.first().map(|(name, _)| (*name).to_owned()))
}

/// `name:count`, of a GPU.
fn alias(text: &str) -> Option<(&str, u32)> {
    let (name, count) = text.trim().rsplit_once(':')?;
    is_gpu(name).then_some((name, count.parse().ok()?))
}

fn is_gpu(alias: &str) -> bool {
    const MODELS: &[&str] = &[
        "a10", "a100", "a16", "a2", "a30", "a40", "b200", "h100", "h200", "l4", "l40", "l40s", "mi210",
        "mi250", "mi300", "p100", "p4", "t4", "v100",
    ];
    let alias = alias.to_ascii_lowercase();
    ["gpu", "nvidia", "tesla", "rtx"].iter().any(|word| alias.contains(word))
        || alias.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| MODELS.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn specs(pairs: &[(&str, &str)]) -> ExtraSpecs {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn gpus_are_counted_and_other_devices_are_not() {
        assert_eq!(gpus(&specs(&[("resources:VGPU", "1")])), (1, None));
        assert_eq!(gpus(&specs(&[("resources2:PGPU", "2")])), (2, None));
        assert_eq!(gpus(&specs(&[("pci_passthrough:alias", "a100:2, nic:1")])), (2, Some("a100".to_owned())));
        assert_eq!(gpus(&specs(&[("pci_passthrough:alias", "nvidia-tesla:1")])).0, 1);
        assert_eq!(gpus(&specs(&[("pci_passthrough:alias", "qat:1"), ("resources:VCPU", "4")])), (0, None));
        assert_eq!(gpus(&specs(&[("pci_passthrough:alias", "gpu"), ("resources:VGPU", "x")])), (0, None));
    }

    #[test]
    fn architectures_by_trait_or_by_key() {
        assert_eq!(architecture(&specs(&[("trait:HW_ARCH_AARCH64", "required")])), Some(Architecture::Arm64));
        assert_eq!(architecture(&specs(&[("trait:HW_ARCH_AARCH64", "forbidden")])), None);
        assert_eq!(
            architecture(&specs(&[("ecs:instance_architecture", "arm64")])),
            Some(Architecture::Arm64)
        );
        assert_eq!(architecture(&specs(&[("hw:architecture", "ppc64le")])), Some(Architecture::Other));
        assert_eq!(architecture(&ExtraSpecs::new()), None);
    }
}
