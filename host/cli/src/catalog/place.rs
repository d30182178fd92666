//! `skywright region …` and `skywright zone …`.

use serde::Serialize;

use super::{RegionCommand, ZoneCommand};
use crate::error::Error;
use crate::site::Site;

#[derive(Serialize)]
struct RegionView {
    name: String,
}

#[derive(Serialize)]
struct ZoneView {
    name: String,
    region: String,
    available: bool,
}

pub(crate) async fn regions(command: RegionCommand, site: &Site<'_>) -> Result<(), Error> {
    let RegionCommand::List = command;
    let regions = site.open().await?.cloud().ask(|p| p.regions()).await?;
    let views: Vec<_> = regions.into_iter().map(|name| RegionView { name }).collect();
    site.printer.list("regions", &views, ["name"], |region| [region.name.clone()])
}

pub(crate) async fn zones(command: ZoneCommand, site: &Site<'_>) -> Result<(), Error> {
    let ZoneCommand::List = command;
    let zones = site.open().await?.cloud().ask(|p| p.zones()).await?;
    let view = |zone: skywright_runtime::provider::catalog::Zone| ZoneView {
        name: zone.name,
        region: zone.region,
        available: zone.available,
    };
    let views: Vec<_> = zones.into_iter().map(view).collect();
    site.printer.list("zones", &views, ["name", "region", "available"], |zone| {
        let available = if zone.available { "yes" } else { "no" };
        [zone.name.clone(), zone.region.clone(), available.to_owned()]
    })
}
