//! What the machine offers: one region, one zone, sizes of its own, and the images that the host can make.

use skywright_sdk::catalog::{Architecture, Image, ImagePage, TemplatePage, Zone};
use skywright_sdk::prelude::*;

use crate::bindings::machines;
use crate::description::REGION;
use crate::{Local, template};

impl Catalog for Local {
    fn regions() -> Result<Vec<String>, Error> {
        Ok(vec![REGION.to_owned()])
    }

    fn zones() -> Result<Vec<Zone>, Error> {
        Ok(vec![Zone { name: REGION.to_owned(), region: REGION.to_owned(), available: true }])
    }

    fn templates(_cursor: Option<String>) -> Result<TemplatePage, Error> {
        let facts = machines::get_facts()?;
        let items = template::all(facts.vcpus, facts.memory_mib, architecture(&facts.architecture));
        Ok(TemplatePage { items, next: None })
    }

    fn images(_cursor: Option<String>) -> Result<ImagePage, Error> {
        let facts = facts(&machines::get_facts()?);
        let images = machines::images()?.into_iter().map(|image| of_image(image, &facts));
        Ok(ImagePage { items: images.collect(), next: None })
    }
}

fn architecture(name: &str) -> Architecture {
    match name {
        "x86_64" => Architecture::Amd64,
        "aarch64" => Architecture::Arm64,
        _ => Architecture::Other,
    }
}

fn of_image(image: machines::Image, facts: &[KeyValue]) -> Image {
    let mut attributes = vec![
        KeyValue::new("cached", image.cached.to_string()),
        KeyValue::new("cloud-init", image.cloud_init.to_string()),
    ];
    attributes.extend_from_slice(facts);
    Image {
        id: image.id,
        name: image.name,
        os_family: Some(image.os_family),
        os_version: Some(image.os_version),
        login_user: Some(image.login_user),
        min_disk_gib: 0,
        min_memory_mib: 0,
        size_bytes: image.size_bytes,
        created_at: None,
        attributes,
    }
}

/// What a host of this machine has to live with; features choose by it.
pub(crate) fn facts(facts: &machines::Facts) -> Vec<KeyValue> {
    let switches = [
        ("shared-clock", facts.shared_clock),
        ("shared-kernel", facts.shared_kernel),
        ("memory-limits", facts.memory_limits),
        ("cpu-limits", facts.cpu_limits),
        ("ipvs", facts.ipvs),
        ("nfs-client", facts.nfs_client),
        ("nfs-server", facts.nfs_server),
        ("fuse", facts.fuse),
    ];
    let mut attributes =
        vec![KeyValue::new("backend", &facts.backend), KeyValue::new("kernel", &facts.kernel)];
    attributes.extend(switches.map(|(name, given)| KeyValue::new(name, given.to_string())));
    attributes
}
