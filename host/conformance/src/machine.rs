//! Which machine the suite's hosts are.

use skywright_runtime::provider::catalog::{Architecture, Image, Template};

use crate::options::MachineChoice;

/// A template, an image that fits on it, and another template to resize to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Machine {
    pub(crate) template: Template,
    pub(crate) image: Image,
    pub(crate) larger: Option<Template>,
}

/// The smallest machine that an image fits on, or the one that was asked for.
pub(crate) fn choose(
    templates: &[Template],
    images: &[Image],
    choice: &MachineChoice,
) -> Result<Machine, &'static str> {
    let named = |wanted: &Option<String>, id: &str, name: &str| {
        wanted.as_ref().is_none_or(|wanted| wanted == id || wanted == name)
    };
    let mut templates: Vec<_> = templates.iter().collect();
    templates.sort_by(|a, b| size(a).cmp(&size(b)));
    let mut images: Vec<_> =
        images.iter().filter(|image| named(&choice.image, &image.id, &image.name)).collect();
    images.sort_by_key(|image| (image.min_disk_gib, image.min_memory_mib, image.size_bytes, &image.id));
    let mut candidates =
        templates.iter().filter(|template| named(&choice.template, &template.id, &template.name)).peekable();
    if candidates.peek().is_none() {
        return Err("there is no such template");
    }
    if images.is_empty() {
        return Err("there is no such image");
    }
    let fitting = |template: &Template| images.iter().find(|image| fits(template, image)).copied();
    // One with a local disk first: without one a boot volume has to be made.
    let with_disk = |template: &&&Template| template.disk_gib > 0 || choice.template.is_some();
    let (template, image) = candidates
        .filter(with_disk)
        .find_map(|template| Some((*template, fitting(template)?)))
        .ok_or("no image fits on any template with a disk")?;
    let larger = templates.iter().find(|other| {
        size(other) > size(template)
            && other.disk_gib >= template.disk_gib
            && other.memory_mib > template.memory_mib
            && other.architecture == template.architecture
            && other.gpu_count == 0
            && fits(other, image)
    });
    Ok(Machine { template: template.clone(), image: image.clone(), larger: larger.map(|t| (*t).clone()) })
}

fn fits(template: &Template, image: &Image) -> bool {
    image.min_disk_gib <= template.disk_gib.max(1) && image.min_memory_mib <= template.memory_mib
}

fn size(template: &Template) -> (u32, bool, u32, u64, u32, &str) {
    // Machines with special parts are dear, and other architectures need their own images.
    let special = template.architecture != Architecture::Amd64;
    let Template { gpu_count, vcpus, memory_mib, disk_gib, id, .. } = template;
    (*gpu_count, special, *vcpus, *memory_mib, *disk_gib, id)
}

#[cfg(test)]
mod tests {
    use skywright_runtime::provider::catalog::DiskKind;

    use super::*;

    fn template(id: &str, vcpus: u32, memory_mib: u64, disk_gib: u32) -> Template {
        Template {
            id: id.to_owned(),
            name: format!("name of {id}"),
            vcpus,
            memory_mib,
            disk_gib,
            disk_kind: DiskKind::LocalSsd,
            architecture: Architecture::Amd64,
            cpu_ghz: None,
            gpu_count: 0,
            gpu_model: None,
            attributes: vec![],
        }
    }

    fn image(id: &str, min_disk_gib: u32) -> Image {
        Image {
            id: id.to_owned(),
            name: format!("name of {id}"),
            os_family: None,
            os_version: None,
            login_user: None,
            min_disk_gib,
            min_memory_mib: 64,
            size_bytes: None,
            created_at: None,
            attributes: vec![],
        }
    }

    #[test]
    fn the_smallest_with_a_disk_that_an_image_fits_on() {
        let templates = [
            template("large", 4, 8192, 50),
            template("small", 1, 512, 10),
            template("diskless", 1, 256, 0),
            template("medium", 1, 1024, 10),
        ];
        let images = [image("big", 20), image("tiny", 1)];
        let machine = choose(&templates, &images, &MachineChoice::default()).unwrap();
        assert_eq!((machine.template.id.as_str(), machine.image.id.as_str()), ("small", "tiny"));
        assert_eq!(machine.larger.unwrap().id, "medium");
        let wanted = MachineChoice { template: Some("name of large".into()), image: Some("big".into()) };
        let machine = choose(&templates, &images, &wanted).unwrap();
        assert_eq!((machine.template.id.as_str(), machine.image.id.as_str()), ("large", "big"));
        assert_eq!(machine.larger, None);
        let none = MachineChoice { template: Some("none".into()), image: None };
        assert!(choose(&templates, &images, &none).is_err());
    }
}
