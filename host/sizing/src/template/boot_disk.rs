//! How large a boot volume has to be, where the template's own disk does not do.

use super::reason::TemplateReason;
use super::{Template, TemplateRules};
use crate::image::Image;
use crate::machine::DiskKind;
use crate::sizing::{Bounds, Key};

/// The boot volume that the template needs, in GiB; `None` where its own disk does.
///
/// - A disk of its own does where it is within the bounds and not smaller than the image needs.
/// - So does one that the cloud makes by itself (0 GiB of some kind), unless a size is asked for.
/// - Else a boot volume does, where the rules allow that: as large as the bounds' lower end, or as the
///   rules' usual size where they have none, and not smaller than the image needs.
/// - Nothing does where the template's own disk is beyond the bounds: it would be paid for all the same.
///
/// `disk=0` asks for a template without a disk of its own; how large its boot volume is, is open then.
pub(super) fn boot_disk(
    template: &Template,
    bounds: Bounds<u32>,
    image: Option<&Image>,
    rules: &TemplateRules,
) -> Result<Option<u32>, TemplateReason> {
    let own = template.disk_gib;
    let image_gib = image.map_or(0, |image| image.min_disk_gib);
    let is_made_by_cloud = own == 0 && template.disk_kind != DiskKind::None;
    let suits = bounds.allows(own);
    if suits && (is_made_by_cloud || (own > 0 && own >= image_gib)) {
        return Ok(None);
    }
    let misfit = || TemplateReason::bound(Key::Disk, format!("{own} GiB"), &bounds);
    let most = most(bounds);
    if most.is_some_and(|most| own > most) {
        return Err(misfit());
    }
    if !rules.boot_volumes() {
        return Err(match own {
            0 if template.disk_kind == DiskKind::None => TemplateReason::NoDisk,
            _ if !suits => misfit(),
            _ => TemplateReason::ImageDisk { needs_gib: image_gib, has_gib: own },
        });
    }
    let wanted = least(bounds).unwrap_or(rules.boot_disk_gib()).max(image_gib).max(1);
    match most {
        None | Some(0) => Ok(Some(wanted)),
        Some(most) if wanted <= most => Ok(Some(wanted)),
        Some(most) if image_gib <= most => Ok(Some(most)),
        Some(most) => Err(TemplateReason::ImageDisk { needs_gib: image_gib, has_gib: most }),
    }
}

/// The least that is allowed, unless that is nothing.
fn least(bounds: Bounds<u32>) -> Option<u32> {
    match bounds {
        Bounds::AtLeast(least) | Bounds::Between { minimum: least, .. } => Some(least).filter(|n| *n > 0),
        Bounds::MoreThan(end) => Some(end.saturating_add(1)),
        Bounds::Any | Bounds::AtMost(_) | Bounds::LessThan(_) => None,
    }
}

/// The most that is allowed.
fn most(bounds: Bounds<u32>) -> Option<u32> {
    match bounds {
        Bounds::AtMost(most) | Bounds::Between { maximum: most, .. } => Some(most),
        Bounds::LessThan(end) => Some(end.saturating_sub(1)),
        Bounds::Any | Bounds::AtLeast(_) | Bounds::MoreThan(_) => None,
    }
}
