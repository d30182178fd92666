//! `catalog`: regions, zones, templates, images.

use std::collections::BTreeSet;

use skywright_runtime::driver::SettingKind;

use super::check;
use crate::check::Check;
use crate::context::Context;
use crate::failure::{Failure, expect, same};
use crate::listing;

pub(super) const CHECKS: &[Check] = &[
    check!("catalog", "regions", regions, "regions are there, each once"),
    check!("catalog", "zones", zones, "zones are of regions that there are"),
    check!("catalog", "templates", templates, "templates are listed, each once and with a size"),
    check!("catalog", "images", images, "images are listed, each once"),
    check!("catalog", "small-pages", small_pages, "small pages give the same as large ones"),
];

/// The setting that makes pages small, where a provider has it.
const PAGE_SIZE: &str = "page-size";

async fn regions(context: &Context) -> Result<(), Failure> {
    let regions = context.ask("catalog.regions", |p| p.regions()).await?;
    expect(!regions.is_empty(), "catalog.regions", "one at least", "none")?;
    let unique: BTreeSet<_> = regions.iter().collect();
    same("the number of regions, each counted once", &regions.len(), &unique.len())
}

async fn zones(context: &Context) -> Result<(), Failure> {
    let regions = context.ask("catalog.regions", |p| p.regions()).await?;
    let zones = context.ask("catalog.zones", |p| p.zones()).await?;
    let mut names = BTreeSet::new();
    for zone in &zones {
        expect(
            regions.contains(&zone.region),
            format!("the region of `{}`", zone.name),
            "one that there is",
            &zone.region,
        )?;
        expect(names.insert((&zone.region, &zone.name)), "a zone", "each once", &zone.name)?;
    }
    Ok(())
}

async fn templates(context: &Context) -> Result<(), Failure> {
    let templates = listing::templates(context, context.provider()).await?;
    expect(!templates.is_empty(), "catalog.templates", "one at least", "none")?;
    for template in &templates {
        let sized = template.vcpus > 0 && template.memory_mib > 0 && !template.name.is_empty();
        expect(
            sized,
            format!("the template `{}`", template.id),
            "with name, processors and memory",
            template,
        )?;
    }
    Ok(())
}

async fn images(context: &Context) -> Result<(), Failure> {
    let images = listing::images(context, context.provider()).await?;
    expect(!images.is_empty(), "catalog.images", "one at least", "none")?;
    let named = images.iter().all(|image| !image.name.is_empty());
    expect(named, "the names of images", "not empty", &images)
}

async fn small_pages(context: &Context) -> Result<(), Failure> {
    let declared =
        |key: &str| context.info().settings.iter().any(|s| s.key == key && s.kind == SettingKind::Integer);
    if !declared(PAGE_SIZE) {
        return Err(Failure::skip("the provider declares no setting `page-size`"));
    }
    let small = context.relaunch(vec![(PAGE_SIZE.to_owned(), "2".to_owned())]).await?;
    let ids = |templates: Vec<skywright_runtime::provider::catalog::Template>| {
        templates.into_iter().map(|template| template.id).collect::<BTreeSet<_>>()
    };
    let whole = ids(listing::templates(context, context.provider()).await?);
    let paged = ids(listing::templates(context, &*small.provider).await?);
    same("the templates in pages of 2", &whole, &paged)?;
    let ids = |images: Vec<skywright_runtime::provider::catalog::Image>| {
        images.into_iter().map(|image| image.id).collect::<BTreeSet<_>>()
    };
    let whole = ids(listing::images(context, context.provider()).await?);
    let paged = ids(listing::images(context, &*small.provider).await?);
    same("the images in pages of 2", &whole, &paged)
}
