//! Which template and image answer what is asked for.

use skywright_sizing::{
    Bounds, Sizing, Template, TemplateOptions, TemplateRules, match_images, match_templates,
};

use super::host::{HostBody, ImageSummary};
use super::record::Record;
use super::spec::MachineRequest;
use super::template::TemplateSummary;
use super::{images, templates};
use crate::error::Error;
use crate::tenancy::Tenancy;

/// A machine that was found.
pub(crate) struct ChosenMachine {
    pub(crate) template: TemplateSummary,
    pub(crate) image: ImageSummary,
    pub(crate) boot_disk_gib: Option<u32>,
}

impl Tenancy {
    /// What decides between templates: the tenant's own rules, with volumes to boot from allowed.
    #[must_use]
    pub fn template_options(&self) -> TemplateOptions {
        TemplateOptions { boot_volumes: true, ..self.defaults().templates.clone() }
    }

    /// The template and image for a machine.
    ///
    /// # Errors
    ///
    /// A sizing that is none, or that no template answers; an image that there is not.
    pub(crate) async fn choose_machine(&self, request: &MachineRequest) -> Result<ChosenMachine, Error> {
        let sizing: Sizing = request.sizing.parse().map_err(skywright_sizing::Error::from)?;
        let (templates, images) = tokio::try_join!(templates(self.cloud()), images(self.cloud()))?;
        let options = self.template_options();
        let wanted = request.image.as_deref().unwrap_or(self.defaults().image());
        let images = match_images(wanted, &images, options.architecture);
        let image = images.choice()?;
        let matches = match_templates(&sizing, Some(image), &templates, &TemplateRules::new(&options)?)?;
        if let Some(warning) = &matches.warning {
            self.report().notice(warning);
        }
        let choice = matches.choice()?;
        let template = TemplateSummary {
            id: choice.template.id.to_string(),
            name: choice.template.name.clone(),
            vcpus: choice.template.vcpus,
            memory_mib: choice.template.memory_mib,
            disk_gib: choice.boot_disk_gib.unwrap_or(choice.template.disk_gib),
        };
        let image = ImageSummary { id: image.id.to_string(), name: image.name.clone() };
        Ok(ChosenMachine { template, image, boot_disk_gib: choice.boot_disk_gib })
    }

    /// The template for a host that is there: its disk neither goes nor becomes smaller.
    ///
    /// # Errors
    ///
    /// A sizing that is none, or that no template answers which would keep the disk.
    pub(crate) async fn choose_template_of(
        &self,
        host: &Record<HostBody>,
        sizing: &str,
    ) -> Result<TemplateSummary, Error> {
        let mut sizing: Sizing = sizing.parse().map_err(skywright_sizing::Error::from)?;
        if sizing.count.is_some() {
            return Err(invalid("count", "one host is resized".to_owned()));
        }
        let (templates, images) = tokio::try_join!(templates(self.cloud()), images(self.cloud()))?;
        // What it runs may be listed no more; it has its disk already.
        let image = images.iter().find(|image| image.id.as_str() == host.body.image.id);
        let disk = Disk::of(&host.body, &templates);
        disk.bound(&mut sizing)?;
        let boot_volumes = !matches!(disk, Disk::Template { .. });
        let options = TemplateOptions { boot_volumes, ..self.template_options() };
        let matches = match_templates(&sizing, image, &templates, &TemplateRules::new(&options)?)?;
        if let Some(warning) = &matches.warning {
            self.report().notice(warning);
        }
        let template = matches.choice()?.template;
        let disk_gib = match disk {
            // `template=` takes one whatever its disk.
            Disk::Template { gib } if template.disk_gib < gib => {
                let reason = format!(
                    "its disk has {} GiB, the host boots from one of {gib} GiB, and that cannot become smaller",
                    template.disk_gib
                );
                return Err(invalid(&format!("template {}", template.name), reason));
            }
            Disk::Template { .. } => template.disk_gib,
            Disk::Volume { gib } => gib,
            Disk::Cloud => template.disk_gib.max(host.body.template.disk_gib),
        };
        Ok(TemplateSummary {
            id: template.id.to_string(),
            name: template.name,
            vcpus: template.vcpus,
            memory_mib: template.memory_mib,
            disk_gib,
        })
    }
}

/// What a host boots from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Disk {
    /// Its template's own disk, of at least this size.
    Template { gib: u32 },
    /// A volume that was made with it.
    Volume { gib: u32 },
    /// What the cloud makes for templates without a disk of their own.
    Cloud,
}

impl Disk {
    /// A host whose template is listed no more, and one that was made elsewhere, count as booting from their
    /// template's disk: a disk is not put at risk.
    fn of(host: &HostBody, templates: &[Template]) -> Self {
        if let Some(gib) = host.boot_disk_gib {
            return Self::Volume { gib };
        }
        let listed = templates.iter().find(|template| template.id.as_str() == host.template.id);
        match listed.map_or(host.template.disk_gib, |template| template.disk_gib) {
            0 => Self::Cloud,
            gib => Self::Template { gib },
        }
    }

    /// Puts what must stay as it is into the sizing.
    fn bound(self, sizing: &mut Sizing) -> Result<(), Error> {
        match self {
            Self::Template { gib } => sizing.disk_gib = not_below(sizing.disk_gib, gib),
            Self::Volume { gib } if !sizing.disk_gib.allows(gib) => {
                let reason =
                    format!("the host boots from a volume of {gib} GiB, which a resize leaves alone");
                return Err(invalid("disk", reason));
            }
            Self::Volume { .. } => sizing.disk_gib = Bounds::Any,
            Self::Cloud => {}
        }
        Ok(())
    }
}

fn invalid(what: &str, reason: String) -> Error {
    Error::Invalid { what: what.to_owned(), reason }
}

/// The same bounds, from `least` on.
fn not_below(bounds: Bounds<u32>, least: u32) -> Bounds<u32> {
    match bounds {
        Bounds::Any => Bounds::AtLeast(least),
        Bounds::AtLeast(bound) => Bounds::AtLeast(bound.max(least)),
        Bounds::MoreThan(bound) => Bounds::AtLeast(bound.saturating_add(1).max(least)),
        Bounds::AtMost(bound) => Bounds::Between { minimum: least, maximum: bound },
        Bounds::LessThan(bound) => Bounds::Between { minimum: least, maximum: bound.saturating_sub(1) },
        Bounds::Between { minimum, maximum } => Bounds::Between { minimum: minimum.max(least), maximum },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_does_not_become_smaller_whatever_is_asked() {
        for (text, within) in [
            ("", &[20, 30, 90][..]),
            ("disk>=10", &[20, 30, 90]),
            ("disk>25", &[30, 90]),
            ("disk<=30", &[20, 30]),
            ("disk<30", &[20]),
            ("disk=[0-40]", &[20, 30]),
            ("disk=0", &[]),
        ] {
            let mut sizing: Sizing = text.parse().unwrap();
            Disk::Template { gib: 20 }.bound(&mut sizing).unwrap();
            let allowed: Vec<u32> =
                [0, 10, 20, 30, 90].into_iter().filter(|gib| sizing.disk_gib.allows(*gib)).collect();
            assert_eq!(allowed, within, "{text}");
        }
    }

    #[test]
    fn a_volume_stays_as_it_is() {
        let bound = |text: &str| {
            let mut sizing: Sizing = text.parse().unwrap();
            Disk::Volume { gib: 20 }.bound(&mut sizing).map(|()| sizing.disk_gib.is_any())
        };
        assert!(bound("cpu=4").unwrap() && bound("disk>=10").unwrap());
        assert!(bound("disk>=30").is_err());
    }
}
