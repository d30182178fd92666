//! Which template and image answer what is asked for.

use skywright_sizing::{Sizing, TemplateOptions, TemplateRules, match_images, match_templates};

use super::host::ImageSummary;
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
}
