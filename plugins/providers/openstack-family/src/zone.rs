//! Nova's availability zones.

use serde::Deserialize;
use skywright_sdk::catalog::Zone;
use skywright_sdk::prelude::*;

use crate::cloud::Cloud;

/// The zones of the tenant's region; of every region where the tenant names none.
pub(crate) fn all() -> Result<Vec<Zone>, Error> {
    let cloud = Cloud::open()?;
    let regions = settings::text("region").map_or_else(|| cloud.regions(), |region| vec![region]);
    let mut zones = Vec::new();
    for region in regions {
        let answer: Answer = cloud.compute(&region)?.get("/os-availability-zone").json()?;
        zones.extend(answer.zones.into_iter().filter_map(|zone| zone.in_region(&region)));
    }
    Ok(zones)
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "availabilityZoneInfo")]
    zones: Vec<ZoneInfo>,
}

#[derive(Deserialize)]
struct ZoneInfo {
    #[serde(rename = "zoneName")]
    name: String,
    #[serde(rename = "zoneState")]
    state: ZoneState,
}

#[derive(Deserialize)]
struct ZoneState {
    available: bool,
}

impl ZoneInfo {
    /// `internal` is of Nova's own services; an administrator sees it.
    fn in_region(self, region: &str) -> Option<Zone> {
        let zone = Zone { name: self.name, region: region.to_owned(), available: self.state.available };
        (zone.name != "internal").then_some(zone)
    }
}

#[cfg(test)]
mod tests {
    use skywright_sdk::Catalog;

    use super::*;
    use crate::tenant::{Openstack, recorded};

    #[test]
    fn the_zones_of_a_region() {
        let zones = recorded("zones").play(Openstack::zones).unwrap();
        let nova = Zone { name: "nova".to_owned(), region: "RegionOne".to_owned(), available: true };
        assert_eq!(zones, [nova]);
    }

    #[test]
    fn novas_own_zone_is_not_the_tenants() {
        let zone = ZoneInfo { name: "internal".to_owned(), state: ZoneState { available: true } };
        assert_eq!(zone.in_region("one"), None);
    }
}
