//! What a cloud offers: templates, images, regions, zones, quotas.

mod args;
mod image;
mod place;
mod quota;
mod template;

pub(crate) use args::{ImageCommand, QuotaCommand, RegionCommand, TemplateCommand, ZoneCommand};
pub(crate) use image::run as image;
pub(crate) use place::{regions, zones};
pub(crate) use quota::run as quota;
pub(crate) use template::run as template;

/// A field that may not be known.
fn known<T: ToString>(value: Option<&T>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

/// The entry with this id, or else with this name.
fn find<'a, T>(
    items: &'a [T],
    reference: &str,
    id: impl Fn(&T) -> &str,
    name: impl Fn(&T) -> &str,
) -> Option<&'a T> {
    let by_id = items.iter().find(|item| id(item) == reference);
    by_id.or_else(|| items.iter().find(|item| name(item) == reference))
}
