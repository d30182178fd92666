use proptest::prelude::*;

use super::*;
use crate::machine::{Architecture, DiskKind};
use crate::template::Template;

/// What the standard's reference parser says of names: name, verdict, canonical and short spelling, or the
/// properties.
const VECTORS: &str = include_str!("vectors.txt");

/// Names of which the standard's text says other than the reference parser.
const LEGAL: [&str; 3] = ["SCS-16V-64-500s_GN_ib", "SCS-16V-64-500s_GNa_ib", "SCS-2C-4-10n_a_gN_ib"];
const ILLEGAL: [&str; 3] = ["SCS-2C-4-3x", "SCS-2C-4-3xn", "SCS-2C-4_GNah"];

/// Of version 1, which the reference parser refuses unless it is told otherwise.
const VERSION_1: [&str; 2] = ["SCS-2V:4:20s", "SCS-16T:64:3x10s-GNa:64-ib"];

fn parse(name: &str) -> FlavorName {
    name.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn the_reference_parser_agrees_but_where_it_errs() {
    let mut verdicts = 0;
    for line in VECTORS.lines().filter(|line| !line.contains('{')) {
        let (name, verdict) = line.split_once(" | ").unwrap();
        let read = name.parse::<FlavorName>();
        verdicts += 1;
        if LEGAL.contains(&name) || VERSION_1.contains(&name) {
            assert!(read.is_ok(), "{name}: {read:?}");
        } else if !verdict.starts_with("OK") || ILLEGAL.contains(&name) {
            assert!(read.is_err(), "{name}: {read:?}");
        } else {
            let read = read.unwrap();
            let mut spellings = verdict.split(" | ").skip(1);
            let canonical = spellings.next().unwrap().trim_start_matches("out ");
            assert_eq!(read.to_string(), canonical.trim(), "{name}");
            if let Some(short) = spellings.next() {
                let short = short.trim_start_matches("short ").split_whitespace().next().unwrap();
                assert_eq!(read.short().to_string(), short, "{name}");
                assert_eq!(line.contains("not round-trip"), read.to_string() != name, "{name}");
            }
        }
    }
    assert!(verdicts > 90, "{verdicts}");
}

#[test]
fn the_reference_properties_are_the_same() {
    let mut lines = 0;
    for line in VECTORS.lines().filter(|line| line.contains('{')) {
        let (name, json) = line.split_once(' ').unwrap();
        let properties: BTreeMap<String, serde_json::Value> = serde_json::from_str(json).unwrap();
        let flavor = parse(name);
        let expected: BTreeMap<String, String> = properties
            .iter()
            .filter(|(key, _)| key.starts_with("scs:"))
            .map(|(key, value)| (key.clone(), value.as_str().unwrap().to_owned()))
            .collect();
        assert_eq!(flavor.extra_specs(), expected, "{name}");
        assert_eq!(properties["cpus"], flavor.cpu.count, "{name}");
        assert_eq!(properties["ram"].as_f64(), Some(f64::from(flavor.memory.half_gib) / 2.0), "{name}");
        let disk = properties.get("disk").and_then(serde_json::Value::as_u64);
        assert_eq!(disk, flavor.disk.and_then(|disk| disk.size_gb).map(u64::from), "{name}");
        lines += 1;
    }
    assert_eq!(lines, 5);
}

#[test]
fn version_1_is_read_and_written() {
    for (old, new) in [
        ("SCS-2V:4:20s", "SCS-2V-4-20s"),
        ("SCS-2V:4", "SCS-2V-4"),
        ("SCS-2V:4:", "SCS-2V-4-"),
        ("SCS-16T:64:3x10s-bms-i3h-GNa:64-ib", "SCS-16T-64-3x10s_bms_i3h_GNa-64_ib"),
    ] {
        assert_eq!(parse(old), parse(new));
        assert_eq!(parse(new).to_version_1(), old);
    }
    for mixed in ["SCS-2V:4-20s", "SCS-2V:4_ib", "SCS-2V-4:20s"] {
        assert!(mixed.parse::<FlavorName>().is_err(), "{mixed}");
    }
}

#[test]
fn the_part_that_is_wrong_is_named() {
    for (name, part) in [
        ("m1.small", "m1.small"),
        ("SCS-2-4", "2"),
        ("SCS-2V-1.25", "1.25"),
        ("SCS-2V-4-1.5n", "1.5n"),
        ("SCS-2V-4_hwv_xen", "xen"),
        ("SCS-2V-4_kvm_xen", "xen"),
        ("SCS-2V-4_", ""),
        ("SCS-99999999999V-4", "99999999999V"),
        ("SCS-2V-4294967295", "4294967295"),
    ] {
        match name.parse::<FlavorName>() {
            Err(Error::FlavorName { part: found, .. }) => assert_eq!(found, part, "{name}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[test]
fn a_template_is_filled_in_where_it_says_nothing() {
    let mut template = Template::default();
    parse("SCS-4C-16-2x200p_a1hh_GNa-14h-6").fill_in(&mut template);
    assert_eq!((template.vcpus, template.memory_mib, template.disk_gib), (4, 16384, 200));
    assert_eq!((template.disk_kind, template.architecture), (DiskKind::Nvme, Architecture::Arm64));
    assert_eq!((template.cpu_ghz, template.gpu_count), (Some(3.25), 1));
    assert_eq!(template.gpu_model.as_deref(), Some("Nvidia Na-14h-6"));
    assert_eq!(template.attributes["scs:cpu-type"], "dedicated-core");

    let mut known = Template {
        vcpus: 8,
        memory_mib: 4045,
        disk_kind: DiskKind::Network,
        cpu_ghz: Some(2.0),
        gpu_count: 2,
        gpu_model: Some("A30".into()),
        ..Template::default()
    };
    let before = known.clone();
    parse("SCS-4C-16-200p_i1h_GNa").fill_in(&mut known);
    known.attributes.clear();
    assert_eq!(known, before);
}

#[test]
fn a_disk_that_the_cloud_decides_is_not_taken_for_none() {
    for (name, gib, kind) in [
        ("SCS-2V-4", 0, DiskKind::None),
        ("SCS-2V-4-", 0, DiskKind::Network),
        ("SCS-2V-4-s", 0, DiskKind::LocalSsd),
        ("SCS-2V-4-20", 20, DiskKind::None),
    ] {
        let mut template = Template::default();
        parse(name).fill_in(&mut template);
        assert_eq!((template.disk_gib, template.disk_kind), (gib, kind), "{name}");
    }
}

prop_compose! {
    fn gpu()(
        passthrough in any::<bool>(),
        (vendor, generation) in (
            prop_oneof![Just(GpuVendor::Nvidia), Just(GpuVendor::Amd), Just(GpuVendor::Intel)], 0..20_usize,
        ).prop_map(|(vendor, n)| (vendor, vendor.generations().get(n).copied())),
        units in proptest::option::of((
            1..u32::MAX, 0..3_u8,
            proptest::option::of((1..u32::MAX, 0..3_u8).prop_map(|(gib, speed)| VideoMemory { gib, speed })),
        ).prop_map(|(count, speed, memory)| GpuUnits { count, speed, memory })),
    ) -> FlavorGpu {
        FlavorGpu { passthrough, vendor, generation, units }
    }
}

prop_compose! {
    fn flavor()(
        (count, kind, insecure) in (1..u32::MAX, "[LVTC]", any::<bool>()),
        (half_gib, no_ecc, oversubscribed) in (1..u32::MAX, any::<bool>(), any::<bool>()),
        disk in proptest::option::of((1..9_u32, proptest::option::of(1..u32::MAX), "[nhsp-]")),
        (hypervisor, hardware_virtualization) in ("(kvm|chy|xen|vmw|hyv|bms|-)", any::<bool>()),
        (vendor, generation, speed) in ("[izar-]", 0..7_u8, 0..4_u8),
        gpu in proptest::option::of(gpu()),
        infiniband in any::<bool>(),
    ) -> FlavorName {
        let vendor = ProcessorVendor::from_code(&vendor);
        FlavorName {
            cpu: FlavorCpu { count, kind: CpuKind::from_code(&kind).unwrap(), insecure },
            memory: FlavorMemory { half_gib, no_ecc, oversubscribed },
            disk: disk.map(|(count, size_gb, kind)| FlavorDisk {
                count: if size_gb.is_some() { count } else { 1 },
                size_gb,
                kind: FlavorDiskKind::from_code(&kind),
            }),
            hypervisor: Hypervisor::from_code(&hypervisor),
            hardware_virtualization,
            vendor,
            generation: vendor.map_or(0, |vendor| generation.min(vendor.newest())),
            speed: vendor.map_or(0, |_| speed),
            gpu,
            infiniband,
        }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(flavor in flavor()) {
        prop_assert_eq!(&parse(&flavor.to_string()), &flavor);
        prop_assert_eq!(&parse(&flavor.to_version_1()), &flavor);
        let short = flavor.short();
        prop_assert_eq!(&parse(&short.to_string()), &short);
        prop_assert_eq!(&short.short(), &short);
    }

    #[test]
    fn any_name_is_borne(rest in "([0-9]|[LVTCiuonhspzar]|-|_|:|\\.|x|G|g|N|kvm|hwv|ib|.){0,16}") {
        if let Ok(flavor) = format!("SCS-{rest}").parse::<FlavorName>() {
            prop_assert_eq!(&parse(&flavor.to_string()), &flavor);
            flavor.fill_in(&mut Template::default());
        }
    }
}
