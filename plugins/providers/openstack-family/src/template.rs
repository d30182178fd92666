//! Nova's flavors, as host templates.

use serde::Deserialize;
use skywright_sdk::catalog::{Architecture, DiskKind, Template, TemplatePage};
use skywright_sdk::prelude::*;

use crate::cloud::{Cloud, page_size};
use crate::extra_specs::{self, ExtraSpecs};
use crate::links::{Link, marker};
use crate::microversion;
use crate::profile::{self, Profile, fits};
use crate::scs_name::ScsName;

/// A page of the region's flavors, without those that are disabled.
pub(crate) fn page(cursor: Option<&str>) -> Result<TemplatePage, Error> {
    let cloud = Cloud::open()?;
    let compute = cloud.compute(&cloud.region()?)?;
    let mut pages = compute.pages("/flavors/detail").query("limit", page_size()?);
    if let Some(version) = microversion::negotiate(&compute)? {
        let (name, value) = version.header();
        pages = pages.header(name, value);
    }
    let page = pages.page::<Flavors>(cursor)?.filter_map(template);
    Ok(TemplatePage { items: page.items, next: page.next })
}

#[derive(Deserialize)]
struct Flavors {
    flavors: Vec<Flavor>,
    #[serde(default)]
    flavors_links: Vec<Link>,
}

impl Listing for Flavors {
    type Item = Flavor;

    fn next(&self) -> Option<Next> {
        marker(&self.flavors_links)
    }

    fn into_items(self) -> Vec<Flavor> {
        self.flavors
    }
}

#[derive(Deserialize)]
struct Flavor {
    id: String,
    name: String,
    vcpus: u32,
    ram: u64,
    disk: u32,
    #[serde(default, rename = "OS-FLV-EXT-DATA:ephemeral")]
    ephemeral: u32,
    #[serde(default, rename = "OS-FLV-DISABLED:disabled")]
    disabled: bool,
    #[serde(default, rename = "os-flavor-access:is_public")]
    public: Option<bool>,
    description: Option<String>,
    extra_specs: Option<ExtraSpecs>,
}

/// The name's claims count where the extra specs say nothing. A root disk whose kind nobody states is
/// taken for the network's, which promises least; a processor for amd64, which nearly all are.
fn template(flavor: Flavor) -> Option<Template> {
    let profile = profile::current();
    if flavor.disabled || profile.hidden_flavors.iter().any(|pattern| fits(pattern, &flavor.name)) {
        return None;
    }
    let specs = flavor.extra_specs.unwrap_or_default();
    let name = specs.get("scs:name-v2").unwrap_or(&flavor.name);
    let scs = ScsName::parse(name);
    let disk_kind = match flavor.disk {
        0 => DiskKind::None,
        _ => extra_specs::disk_kind(&specs).or_else(|| scs?.disk_kind()).unwrap_or(DiskKind::Network),
    };
    let architecture = extra_specs::architecture(&specs).or_else(|| scs?.architecture());
    let (gpu_count, gpu_model) = match (extra_specs::gpus(&specs), scs.and_then(ScsName::gpu)) {
        ((0, _), Some(model)) => (1, Some(model)),
        ((0, _), None) => known_gpus(profile, &flavor.name),
        ((count, model), scs_model) => (count, model.or(scs_model)),
    };
    let mut attributes: Vec<KeyValue> = specs.iter().map(|(key, value)| KeyValue::new(key, value)).collect();
    if flavor.ephemeral > 0 {
        attributes.push(KeyValue::new("ephemeral-disk-gib", flavor.ephemeral.to_string()));
    }
    if flavor.public == Some(false) {
        attributes.push(KeyValue::new("public", "false"));
    }
    attributes.extend(flavor.description.map(|text| KeyValue::new("description", text)));
    Some(Template {
        id: flavor.id,
        name: flavor.name,
        vcpus: flavor.vcpus,
        memory_mib: flavor.ram,
        disk_gib: flavor.disk,
        disk_kind,
        architecture: architecture.unwrap_or(Architecture::Amd64),
        cpu_ghz: None,
        gpu_count,
        gpu_model,
        attributes,
    })
}

fn known_gpus(profile: &Profile, flavor: &str) -> (u32, Option<String>) {
    let gpus = profile.gpu_families.iter().find(|gpus| fits(gpus.flavors, flavor));
    gpus.map_or((0, None), |gpus| (gpus.count, Some(gpus.model.to_owned())))
}

#[cfg(test)]
mod tests {
    use skywright_sdk::Catalog;

    use super::*;
    use crate::profile::Gpus;
    use crate::tenant::{Openstack, recorded};

    fn everything() -> Vec<Template> {
        let mut templates = Vec::new();
        let mut cursor = None;
        loop {
            let page = Openstack::templates(cursor).unwrap();
            templates.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                return templates;
            }
        }
    }

    #[test]
    fn the_flavors_of_a_cloud_page_by_page() {
        let templates = recorded("templates").setting("page-size", "20").play(everything);
        assert_eq!(templates.len(), 46);
        let named = |name: &str| templates.iter().find(|template| template.name == name).unwrap();
        let ssd = named("SCS-2V-4-20s");
        assert_eq!(
            (ssd.vcpus, ssd.memory_mib, ssd.disk_gib, ssd.disk_kind),
            (2, 4096, 20, DiskKind::LocalSsd)
        );
        assert!(ssd.attributes.contains(&KeyValue::new("scs:disk0-type", "ssd")));
        assert_eq!(named("SCS-1L-1").disk_kind, DiskKind::None);
        assert_eq!(named("s3.xlarge.4").memory_mib, 16384);
    }

    fn flavor(json: &str) -> Option<Template> {
        template(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn an_old_nova_says_less() {
        let old =
            flavor(r#"{"id":"1","name":"m1.small","vcpus":1,"ram":2048,"disk":20,"links":[]}"#).unwrap();
        assert_eq!(
            (old.disk_kind, old.architecture, old.gpu_count),
            (DiskKind::Network, Architecture::Amd64, 0)
        );
        assert_eq!(old.attributes, []);
    }

    #[test]
    fn a_disabled_flavor_is_left_out() {
        let disabled = r#"{"id":"1","name":"x","vcpus":1,"ram":1,"disk":0,"OS-FLV-DISABLED:disabled":true}"#;
        assert_eq!(flavor(disabled), None);
    }

    #[test]
    fn a_dialect_knows_its_flavors() {
        static KNOWN: Profile = Profile {
            hidden_flavors: &["win-*"],
            gpu_families: &[Gpus { flavors: "t1-90", count: 2, model: "NVIDIA Tesla V100" }],
            ..Profile::GENERIC
        };
        let named = |name: &str| {
            let json = format!(r#"{{"id":"1","name":"{name}","vcpus":1,"ram":1,"disk":0}}"#);
            KNOWN.scope(|| flavor(&json))
        };
        assert_eq!(named("win-b2-7"), None);
        let gpu = named("t1-90").unwrap();
        assert_eq!((gpu.gpu_count, gpu.gpu_model.as_deref()), (2, Some("NVIDIA Tesla V100")));
        assert_eq!(named("b2-7").unwrap().gpu_count, 0);
    }

    #[test]
    fn the_name_speaks_where_the_extra_specs_are_silent() {
        let gpu = flavor(
            r#"{"id":"1","name":"gpu-large","vcpus":16,"ram":65536,"disk":200,"OS-FLV-EXT-DATA:ephemeral":10,
                "os-flavor-access:is_public":false,"description":null,
                "extra_specs":{"scs:name-v2":"SCS-16T-64-200p_a3_GNa-64"}}"#,
        );
        let gpu = gpu.unwrap();
        assert_eq!((gpu.disk_kind, gpu.architecture), (DiskKind::Nvme, Architecture::Arm64));
        assert_eq!((gpu.gpu_count, gpu.gpu_model.as_deref()), (1, Some("Nvidia Na-64")));
        assert!(gpu.attributes.contains(&KeyValue::new("ephemeral-disk-gib", "10")));
        assert!(gpu.attributes.contains(&KeyValue::new("public", "false")));
    }
}
