//! What a tenant and its cloud say of templates.

use serde::{Deserialize, Serialize};

use super::Template;
use super::pattern::{Pattern, alternatives};
use super::reason::TemplateReason;
use crate::error::Error;
use crate::machine::Architecture;

/// What a tenant and its cloud say of templates, as it is written in a file. Patterns are regular
/// expressions on templates' names; they match anywhere in them unless `^` and `$` say otherwise, and
/// letters' case counts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TemplateOptions {
    /// The templates that may be used; all where there is none. Their order is the order of preference,
    /// and so is the order of the alternatives in each: `b2-.*|c2-.*` is the same as those two.
    pub allow: Vec<String>,
    /// The templates that may not be used.
    pub deny: Vec<String>,
    /// The templates that have GPUs although the cloud does not say so. They count as having one.
    pub gpu_families: Vec<String>,
    /// The architecture that is wanted, `amd64` by default; any where it is `None`.
    pub architecture: Option<Architecture>,
    /// Whether a volume may be made to boot from; `false` by default.
    pub boot_volumes: bool,
    /// How large such a volume is where neither the sizing nor the image says, in GiB; 10 by default.
    pub boot_disk_gib: u32,
}

impl Default for TemplateOptions {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            deny: Vec::new(),
            gpu_families: Vec::new(),
            architecture: Some(Architecture::default()),
            boot_volumes: false,
            boot_disk_gib: 10,
        }
    }
}

/// [`TemplateOptions`] that have been read.
#[derive(Debug, Clone)]
pub struct TemplateRules {
    allow: Vec<Pattern>,
    deny: Vec<Pattern>,
    gpu_families: Vec<Pattern>,
    architecture: Option<Architecture>,
    boot_volumes: bool,
    boot_disk_gib: u32,
}

impl TemplateRules {
    /// # Errors
    ///
    /// [`Error::Pattern`] where a pattern is not a regular expression.
    pub fn new(options: &TemplateOptions) -> Result<Self, Error> {
        let patterns = |texts: &[String]| -> Result<Vec<Pattern>, Error> {
            texts.iter().map(|text| Pattern::new(text)).collect()
        };
        Ok(Self {
            allow: alternatives(&options.allow)?,
            deny: patterns(&options.deny)?,
            gpu_families: patterns(&options.gpu_families)?,
            architecture: options.architecture,
            boot_volumes: options.boot_volumes,
            boot_disk_gib: options.boot_disk_gib,
        })
    }

    pub(super) fn boot_volumes(&self) -> bool {
        self.boot_volumes
    }

    pub(super) fn boot_disk_gib(&self) -> u32 {
        self.boot_disk_gib
    }

    /// How many GPUs the template has, as far as is known.
    pub(super) fn gpus(&self, template: &Template) -> u32 {
        let is_family = || self.gpu_families.iter().any(|pattern| pattern.matches(&template.name));
        template.gpu_count.max(u32::from(template.gpu_count == 0 && is_family()))
    }

    /// How far back the template is in the order of preference: 0 is first.
    pub(super) fn preference(&self, template: &Template) -> usize {
        self.allow.iter().position(|pattern| pattern.matches(&template.name)).unwrap_or(self.allow.len())
    }

    /// What speaks against the template, whatever is asked for.
    pub(super) fn against(&self, template: &Template) -> Vec<TemplateReason> {
        let mut reasons = Vec::new();
        if !self.allow.is_empty() && self.preference(template) == self.allow.len() {
            reasons.push(TemplateReason::NotAllowed);
        }
        if let Some(pattern) = self.deny.iter().find(|pattern| pattern.matches(&template.name)) {
            reasons.push(TemplateReason::Denied { pattern: pattern.text.clone() });
        }
        if let Some(wanted) = self.architecture.filter(|wanted| *wanted != template.architecture) {
            reasons.push(TemplateReason::Architecture { has: template.architecture, wanted });
        }
        reasons
    }
}

impl Default for TemplateRules {
    fn default() -> Self {
        let options = TemplateOptions::default();
        Self {
            allow: Vec::new(),
            deny: Vec::new(),
            gpu_families: Vec::new(),
            architecture: options.architecture,
            boot_volumes: options.boot_volumes,
            boot_disk_gib: options.boot_disk_gib,
        }
    }
}
