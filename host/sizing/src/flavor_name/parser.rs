//! Reads flavor names.

use std::borrow::Cow;

use super::FlavorName;
use super::parts::{
    CpuKind, FlavorCpu, FlavorDisk, FlavorDiskKind, FlavorGpu, FlavorMemory, GpuUnits, GpuVendor, Hypervisor,
    ProcessorVendor, VideoMemory,
};
use crate::error::Error;

/// What all names begin with.
pub(super) const PREFIX: &str = "SCS-";

pub(super) fn parse(name: &str) -> Result<FlavorName, Error> {
    let fault =
        |part: &str, expected| Error::FlavorName { name: name.to_owned(), part: part.to_owned(), expected };
    let rest = name.strip_prefix(PREFIX).ok_or_else(|| fault(name, "`SCS-` first"))?;
    let rest = modern(rest).ok_or_else(|| fault(rest, "either `:` or `_`"))?;
    let (main, extensions) = match rest.split_once('_') {
        Some((main, extensions)) => (main, Some(extensions)),
        None => (rest.as_ref(), None),
    };
    let mut parts = main.splitn(3, '-');
    let (cpu_part, memory_part, disk_part) =
        (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next());
    let mut flavor = FlavorName {
        cpu: cpu(cpu_part).ok_or_else(|| fault(cpu_part, "CPUs, such as `2V`"))?,
        memory: memory(memory_part).ok_or_else(|| fault(memory_part, "GiB of memory, such as `4`"))?,
        disk: match disk_part {
            Some(part) => Some(disk(part).ok_or_else(|| fault(part, "a disk, such as `20s`"))?),
            None => None,
        },
        hypervisor: None,
        hardware_virtualization: false,
        vendor: None,
        generation: 0,
        speed: 0,
        gpu: None,
        infiniband: false,
    };
    let mut reached = 0;
    for extension in extensions.into_iter().flat_map(|extensions| extensions.split('_')) {
        let place = extend(&mut flavor, extension).filter(|place| *place > reached);
        reached = place.ok_or_else(|| fault(extension, "an extension, each in its order"))?;
    }
    Ok(flavor)
}

/// The rest of a name with the separators of today; `None` where they are mixed.
fn modern(rest: &str) -> Option<Cow<'_, str>> {
    if !rest.contains(':') {
        return Some(Cow::Borrowed(rest));
    }
    let swap = |c| match c {
        ':' => '-',
        '-' => '_',
        c => c,
    };
    (!rest.contains('_')).then(|| Cow::Owned(rest.chars().map(swap).collect()))
}

/// Adds an extension, and says which place it has in their order.
fn extend(flavor: &mut FlavorName, extension: &str) -> Option<u8> {
    if let Some(hypervisor) = Hypervisor::from_code(extension) {
        flavor.hypervisor = Some(hypervisor);
        return Some(1);
    }
    match extension {
        "hwv" => {
            flavor.hardware_virtualization = true;
            Some(2)
        }
        "ib" => {
            flavor.infiniband = true;
            Some(5)
        }
        _ if extension.starts_with(['G', 'g']) => {
            flavor.gpu = Some(gpu(extension)?);
            Some(4)
        }
        _ => {
            (flavor.vendor, flavor.generation, flavor.speed) = processor(extension)?;
            Some(3)
        }
    }
}

fn cpu(part: &str) -> Option<FlavorCpu> {
    let (count, rest) = positive(part)?;
    let (rest, insecure) = flag(rest, 'i');
    Some(FlavorCpu { count, kind: CpuKind::from_code(rest)?, insecure })
}

fn memory(part: &str) -> Option<FlavorMemory> {
    let (part, oversubscribed) = flag(part, 'o');
    let (part, no_ecc) = flag(part, 'u');
    let (whole, decimals) = part.split_once('.').unwrap_or((part, ""));
    if whole.is_empty() && decimals.is_empty() {
        return None;
    }
    let whole = if whole.is_empty() { 0 } else { number(whole)? };
    let half = match decimals.trim_end_matches('0') {
        "" => 0,
        "5" => 1,
        _ => return None,
    };
    let half_gib = whole.checked_mul(2)?.checked_add(half)?;
    (half_gib > 0).then_some(FlavorMemory { half_gib, no_ecc, oversubscribed })
}

fn disk(part: &str) -> Option<FlavorDisk> {
    let kind = part.get(part.len().saturating_sub(1)..).and_then(FlavorDiskKind::from_code);
    let part = part.get(..part.len() - usize::from(kind.is_some()))?;
    let (count, size) = part.split_once('x').map_or((None, part), |(count, size)| (Some(count), size));
    let size_gb = match (size, count) {
        ("", None) => None,
        (size, _) => Some(positive(size).filter(|(_, rest)| rest.is_empty())?.0),
    };
    let count = match count {
        None | Some("") => 1,
        Some(count) => positive(count).filter(|(_, rest)| rest.is_empty())?.0,
    };
    Some(FlavorDisk { count, size_gb, kind })
}

fn processor(part: &str) -> Option<(Option<ProcessorVendor>, u8, u8)> {
    let vendor = ProcessorVendor::from_code(part.get(..1)?)?;
    let (rest, speed) = speed(part.get(1..)?, 3)?;
    let generation = if rest.is_empty() { 0 } else { u8::try_from(number(rest)?).ok()? };
    (generation <= vendor.newest()).then_some((Some(vendor), generation, speed))
}

fn gpu(part: &str) -> Option<FlavorGpu> {
    let mut parts = part.split('-');
    let model = parts.next()?;
    let vendor = GpuVendor::from_code(model.get(1..2)?)?;
    let generation = match model.get(2..)? {
        "" => None,
        code => Some(*vendor.generations().iter().find(|known| **known == code)?),
    };
    let mut amount = || match parts.next() {
        None => Some(None),
        Some(part) => {
            let (count, rest) = positive(part)?;
            let (rest, speed) = speed(rest, 2)?;
            rest.is_empty().then_some(Some((count, speed)))
        }
    };
    let (units, memory) = (amount()?, amount()?);
    if parts.next().is_some() {
        return None;
    }
    let memory = memory.map(|(gib, speed)| VideoMemory { gib, speed });
    let units = units.map(|(count, speed)| GpuUnits { count, speed, memory });
    Some(FlavorGpu { passthrough: part.starts_with('G'), vendor, generation, units })
}

/// The text without the letter at its end, and whether it was there.
fn flag(part: &str, letter: char) -> (&str, bool) {
    part.strip_suffix(letter).map_or((part, false), |rest| (rest, true))
}

/// The text without the `h` at its end, and how many there were.
fn speed(part: &str, most: u8) -> Option<(&str, u8)> {
    let rest = part.trim_end_matches('h');
    let count = u8::try_from(part.len() - rest.len()).ok()?;
    (count <= most).then_some((rest, count))
}

/// The number at the beginning, which is not 0, and what is after it.
fn positive(part: &str) -> Option<(u32, &str)> {
    let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
    let (digits, rest) = part.split_at_checked(end)?;
    Some((number(digits).filter(|n| *n > 0)?, rest))
}

fn number(digits: &str) -> Option<u32> {
    let is_number = !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit());
    if is_number { digits.parse().ok() } else { None }
}
