//! A guest to measure the host by: `poll("json:TEXT")` parses a page of flavors and answers next to
//! nothing, `catalog.templates(TEXT)` parses it and answers with all of it, `poll("clock:N")` calls the
//! host N times.

use std::collections::BTreeMap;

use serde::Deserialize;
use skywright_sdk::catalog::{Architecture, DiskKind, ImagePage, Template, TemplatePage, Zone};
use skywright_sdk::prelude::*;

struct Measure;

skywright_sdk::provider!(Measure: driver, catalog);

impl Driver for Measure {
    fn describe() -> DriverInfo {
        DriverInfo {
            name: "measure".to_owned(),
            title: "Measure".to_owned(),
            documentation: String::new(),
            settings: vec![Setting::url("url", "one setting, so that there is one").required()],
            endpoints: vec![Endpoint::new("api", "{url}")],
            rates: Vec::new(),
        }
    }

    fn validate(given: Vec<(String, String)>) -> Vec<Diagnostic> {
        settings::check(&Self::describe().settings, &given)
    }

    fn capabilities_of(_region: String) -> Result<Capabilities, Error> {
        Err(unknown())
    }

    fn poll(token: String) -> Result<Outcome, Error> {
        match token.split_once(':') {
            Some(("json", text)) => {
                let page: Page = serde_json::from_str(text).map_err(|_| unknown())?;
                Ok(Outcome::Done(summary(&page)))
            }
            Some(("clock", count)) => {
                let count: u32 = count.parse().map_err(|_| unknown())?;
                let sum = (0..count).fold(0_u64, |sum, _| sum.wrapping_add(skywright_sdk::clock::now()));
                Ok(Outcome::Done(sum.to_string()))
            }
            _ => Err(unknown()),
        }
    }

    fn cancel(_token: String) -> Result<Outcome, Error> {
        Err(unknown())
    }
}

impl Catalog for Measure {
    fn regions() -> Result<Vec<String>, Error> {
        Err(unknown())
    }

    fn zones() -> Result<Vec<Zone>, Error> {
        Err(unknown())
    }

    fn templates(cursor: Option<String>) -> Result<TemplatePage, Error> {
        let page: Page = serde_json::from_str(&cursor.unwrap_or_default()).map_err(|_| unknown())?;
        Ok(TemplatePage { items: page.flavors.into_iter().map(template).collect(), next: None })
    }

    fn images(_cursor: Option<String>) -> Result<ImagePage, Error> {
        Err(unknown())
    }
}

fn template(flavor: Flavor) -> Template {
    Template {
        id: flavor.id,
        name: flavor.name,
        vcpus: flavor.vcpus,
        memory_mib: flavor.ram,
        disk_gib: flavor.disk,
        disk_kind: DiskKind::None,
        architecture: Architecture::Amd64,
        cpu_ghz: None,
        gpu_count: 0,
        gpu_model: None,
        attributes: flavor.extra_specs.into_iter().map(|(key, value)| KeyValue { key, value }).collect(),
    }
}

/// A page of flavors, as OpenStack lists them.
#[derive(Deserialize)]
struct Page {
    flavors: Vec<Flavor>,
}

#[derive(Deserialize)]
struct Flavor {
    id: String,
    name: String,
    vcpus: u32,
    ram: u64,
    disk: u32,
    extra_specs: BTreeMap<String, String>,
}

/// Something of every field, so that none of the work can be left out.
fn summary(page: &Page) -> String {
    let size = |f: &Flavor| {
        u64::from(f.vcpus) + f.ram + u64::from(f.disk) + (f.id.len() + f.name.len() + f.extra_specs.len()) as u64
    };
    page.flavors.iter().map(size).sum::<u64>().to_string()
}

fn unknown() -> Error {
    Error::new(Category::InvalidRequest, "unknown", "json:TEXT or clock:N is expected")
}
