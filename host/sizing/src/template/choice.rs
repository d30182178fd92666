//! Which template is meant.

use std::cmp::Ordering;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use super::boot_disk::boot_disk;
use super::reason::TemplateReason;
use super::{Template, TemplateRules};
use crate::error::Error;
use crate::image::Image;
use crate::near::near;
use crate::sizing::{Bounds, Key, Sizing, Thousandths};

/// How many templates an error names at most.
const MOST_NEAREST: usize = 3;

/// The template to take.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Choice {
    /// Which.
    pub template: Template,
    /// How large a volume has to be made to boot from, in GiB. `None`: boot from the template's own disk,
    /// or from the one that the cloud makes.
    pub boot_disk_gib: Option<u32>,
}

/// What became of a template.
#[derive(Debug, Clone, PartialEq)]
pub enum TemplateOutcome {
    /// It would do.
    Qualifies {
        /// 1 is the chosen one, 2 the one after it.
        position: usize,
        /// How much it is: `vcpus + memory in GiB / 8 + disk in GiB / 16`. The disk is the boot volume's
        /// where there is one.
        rank: f64,
        /// As in [`Choice`].
        boot_disk_gib: Option<u32>,
    },
    /// It would not.
    Fails {
        /// All reasons, at least one.
        reasons: Vec<TemplateReason>,
    },
}

/// A template, and what became of it. In JSON: `id`, `name`, `position`, `rank`, `boot_disk_gib` (each of
/// the three null where it does not qualify) and `reasons`, a list of texts.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateVerdict<'a> {
    /// Which.
    pub template: &'a Template,
    /// What became of it.
    pub outcome: TemplateOutcome,
}

impl TemplateVerdict<'_> {
    /// Why, for people: `chosen, rank 3.5`, or the reasons with `;` between them.
    #[must_use]
    pub fn why(&self) -> String {
        match &self.outcome {
            TemplateOutcome::Qualifies { position, rank, boot_disk_gib } => {
                let place = match position {
                    1 => "chosen".to_owned(),
                    _ => format!("number {position}"),
                };
                let boot = boot_disk_gib.map(|gib| format!(", boots from a volume of {gib} GiB"));
                format!("{place}, rank {}{}", round(*rank), boot.unwrap_or_default())
            }
            TemplateOutcome::Fails { reasons } => {
                reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
            }
        }
    }
}

impl Serialize for TemplateVerdict<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (place, boot, reasons) = match &self.outcome {
            TemplateOutcome::Qualifies { position, rank, boot_disk_gib } => {
                (Some((*position, *rank)), *boot_disk_gib, Vec::new())
            }
            TemplateOutcome::Fails { reasons } => {
                (None, None, reasons.iter().map(ToString::to_string).collect())
            }
        };
        let mut verdict = serializer.serialize_struct("TemplateVerdict", 6)?;
        verdict.serialize_field("id", &self.template.id)?;
        verdict.serialize_field("name", &self.template.name)?;
        verdict.serialize_field("position", &place.map(|(position, _)| position))?;
        verdict.serialize_field("rank", &place.map(|(_, rank)| rank))?;
        verdict.serialize_field("boot_disk_gib", &boot)?;
        verdict.serialize_field("reasons", &reasons)?;
        verdict.end()
    }
}

/// What became of all templates.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TemplateMatches<'a> {
    /// Those that qualify, the chosen one first; then those that do not, first those with the fewest
    /// reasons.
    pub verdicts: Vec<TemplateVerdict<'a>>,
    /// That `template=` names one that is not there, so that the other terms decided.
    pub warning: Option<String>,
}

impl TemplateMatches<'_> {
    /// The template to take.
    ///
    /// # Errors
    ///
    /// [`Error::NoTemplate`] where none qualifies; it names those that come nearest.
    pub fn choice(&self) -> Result<Choice, Error> {
        match self.verdicts.first() {
            Some(TemplateVerdict { template, outcome: TemplateOutcome::Qualifies { boot_disk_gib, .. } }) => {
                Ok(Choice { template: (*template).clone(), boot_disk_gib: *boot_disk_gib })
            }
            _ => {
                let nearest = self.verdicts.iter().take(MOST_NEAREST);
                let nearest =
                    nearest.map(|verdict| format!("`{}`: {}", verdict.template.name, verdict.why()));
                Err(Error::NoTemplate { nearest: nearest.collect() })
            }
        }
    }
}

/// Finds the templates that a sizing asks for, and orders them: by preference (see
/// [`TemplateOptions::allow`](super::TemplateOptions::allow)), then from little to much (see
/// [`TemplateOutcome::Qualifies`]), then by name, then by id. The order in which `templates` come does not
/// matter. `image` is what is to run: templates that are too small for it do not qualify.
///
/// `template=` in the sizing takes the one with that id, else the one with that name, whatever else is
/// asked for and whatever the rules say; of the other terms, `disk` still says how large a boot volume is.
///
/// ```
/// use skywright_sizing::{Template, TemplateRules, match_templates};
///
/// let small = Template { name: "small".into(), vcpus: 2, memory_mib: 4096, disk_gib: 20, ..Template::default() };
/// let large = Template { name: "large".into(), vcpus: 8, memory_mib: 32768, disk_gib: 50, ..Template::default() };
/// let templates = [large, small];
/// let matches = match_templates(&"cpu>=4".parse()?, None, &templates, &TemplateRules::default())?;
/// assert_eq!(matches.choice()?.template.name, "large");
/// assert_eq!(matches.verdicts[0].why(), "chosen, rank 15.125");
/// assert_eq!(matches.verdicts[1].why(), "cpu is 2, `cpu>=4` is asked for");
/// # Ok::<(), skywright_sizing::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::UnknownTemplate`] where `template=` names one that is not there, and nothing else is asked for.
pub fn match_templates<'a>(
    sizing: &Sizing,
    image: Option<&Image>,
    templates: &'a [Template],
    rules: &TemplateRules,
) -> Result<TemplateMatches<'a>, Error> {
    let mut warning = None;
    if let Some(name) = &sizing.template {
        if let Some(named) = find(name, templates) {
            return Ok(only(named, sizing, image, templates, rules));
        }
        let unknown = Error::UnknownTemplate {
            name: name.clone(),
            near: near(name, templates.iter().map(|template| template.name.as_str())),
        };
        if !sizing.has_bounds() {
            return Err(unknown);
        }
        warning = Some(format!("{unknown}: the other terms decide"));
    }
    let judged = templates.iter().map(|template| judge(template, sizing, image, rules)).collect();
    Ok(TemplateMatches { verdicts: ordered(judged), warning })
}

/// A template while all are compared.
struct Judged<'a> {
    template: &'a Template,
    preference: usize,
    /// The rank, in parts of 8192.
    rank: u128,
    result: Result<Option<u32>, Vec<TemplateReason>>,
}

impl<'a> Judged<'a> {
    fn new(
        template: &'a Template,
        result: Result<Option<u32>, Vec<TemplateReason>>,
        rules: &TemplateRules,
    ) -> Self {
        let boot = result.as_ref().ok().copied().flatten();
        let disk_gib = boot.unwrap_or(template.disk_gib);
        // One vCPU weighs as much as 8 GiB of memory, which are 8192 MiB, and as 16 GiB of disk.
        let rank = u128::from(template.vcpus) * 8192
            + u128::from(template.memory_mib)
            + u128::from(disk_gib) * (8192 / 16);
        Self { template, preference: rules.preference(template), rank, result }
    }

    fn compare(&self, other: &Self) -> Ordering {
        let reasons = |judged: &Self| judged.result.as_ref().err().map_or(0, Vec::len);
        let key = |judged: &Self| (reasons(judged), judged.preference, judged.rank);
        let name = |judged: &Self| (judged.template.name.clone(), judged.template.id.clone());
        key(self).cmp(&key(other)).then_with(|| name(self).cmp(&name(other)))
    }
}

fn ordered(mut judged: Vec<Judged<'_>>) -> Vec<TemplateVerdict<'_>> {
    judged.sort_by(Judged::compare);
    let verdicts = judged.into_iter().enumerate().map(|(index, judged)| TemplateVerdict {
        template: judged.template,
        outcome: match judged.result {
            Ok(boot_disk_gib) => {
                TemplateOutcome::Qualifies { position: index + 1, rank: parts(judged.rank), boot_disk_gib }
            }
            Err(reasons) => TemplateOutcome::Fails { reasons },
        },
    });
    verdicts.collect()
}

fn find<'a>(name: &str, templates: &'a [Template]) -> Option<&'a Template> {
    templates
        .iter()
        .filter(|template| template.id.as_str() == name || template.name == name)
        .min_by_key(|template| (template.id.as_str() != name, &template.id))
}

/// The verdicts where `named` was asked for by name.
fn only<'a>(
    named: &'a Template,
    sizing: &Sizing,
    image: Option<&Image>,
    templates: &'a [Template],
    rules: &TemplateRules,
) -> TemplateMatches<'a> {
    let judge = |template: &'a Template| {
        let result = if template.id == named.id && template.name == named.name {
            let boot = boot_disk(template, sizing.disk_gib, image, rules)
                .or_else(|_| boot_disk(template, Bounds::Any, image, rules));
            Ok(boot.unwrap_or_default())
        } else {
            Err(vec![TemplateReason::NotNamed])
        };
        Judged::new(template, result, rules)
    };
    TemplateMatches { verdicts: ordered(templates.iter().map(judge).collect()), warning: None }
}

fn judge<'a>(
    template: &'a Template,
    sizing: &Sizing,
    image: Option<&Image>,
    rules: &TemplateRules,
) -> Judged<'a> {
    let mut reasons = Vec::new();
    if !sizing.cpu.allows(template.vcpus) {
        reasons.push(TemplateReason::bound(Key::Cpu, template.vcpus.to_string(), &sizing.cpu));
    }
    if !sizing.ram_gib.allows_by(|bound| Some(compare_memory(template.memory_mib, bound))) {
        let has = format!("{} GiB", gib(template.memory_mib));
        reasons.push(TemplateReason::bound(Key::Ram, has, &sizing.ram_gib));
    }
    let boot = boot_disk(template, sizing.disk_gib, image, rules);
    reasons.extend(boot.clone().err());
    reasons.extend(against_gpu(template, sizing, rules));
    reasons.extend(against_clock(template, sizing.cpu_ghz));
    if let Some(image) = image.filter(|image| image.min_memory_mib > template.memory_mib) {
        let (needs_mib, has_mib) = (image.min_memory_mib, template.memory_mib);
        reasons.push(TemplateReason::ImageMemory { needs_mib, has_mib });
    }
    reasons.extend(rules.against(template));
    let result = boot.ok().filter(|_| reasons.is_empty()).ok_or(reasons);
    Judged::new(template, result, rules)
}

fn against_gpu(template: &Template, sizing: &Sizing, rules: &TemplateRules) -> Option<TemplateReason> {
    let gpus = rules.gpus(template);
    if sizing.gpu.is_any() {
        return (gpus > 0).then_some(TemplateReason::HasGpu);
    }
    (!sizing.gpu.allows(gpus)).then(|| TemplateReason::bound(Key::Gpu, gpus.to_string(), &sizing.gpu))
}

fn against_clock(template: &Template, bounds: Bounds<Thousandths>) -> Option<TemplateReason> {
    if bounds.is_any() {
        return None;
    }
    let Some(clock) = template.cpu_ghz.and_then(thousandths) else {
        return Some(TemplateReason::ClockUnknown { bounds: bounds.to_string() });
    };
    (!bounds.allows(clock)).then(|| TemplateReason::bound(Key::CpuFreq, format!("{clock} GHz"), &bounds))
}

/// To the nearest thousandth, so that 2.4 as a float is the 2.4 of an expression.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
fn thousandths(ghz: f32) -> Option<Thousandths> {
    let is_sane = ghz > 0.0 && ghz < 1_000_000.0;
    is_sane.then(|| Thousandths::new((f64::from(ghz) * 1000.0).round() as u64))
}

/// Exactly: thousandths of a GiB and MiB have no common power of ten.
fn compare_memory(memory_mib: u64, bound_gib: Thousandths) -> Ordering {
    (u128::from(memory_mib) * 1000).cmp(&(u128::from(bound_gib.get()) * 1024))
}

/// In GiB, rounded down to thousandths.
fn gib(memory_mib: u64) -> Thousandths {
    let thousandths = u128::from(memory_mib) * 1000 / 1024;
    Thousandths::new(u64::try_from(thousandths).unwrap_or(u64::MAX))
}

#[expect(clippy::cast_precision_loss, reason = "only shown; the order is of the whole numbers")]
fn parts(rank: u128) -> f64 {
    rank as f64 / 8192.0
}

fn round(rank: f64) -> f64 {
    (rank * 1000.0).round() / 1000.0
}
