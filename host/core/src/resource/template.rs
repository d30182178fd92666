//! Host templates: what machines a tenant's cloud has.

use std::collections::BTreeMap;

use serde::Serialize;
use skywright_runtime::provider::catalog;
use skywright_sizing::{Architecture, DiskKind, Template};

use crate::cloud::Cloud;
use crate::error::Error;

/// A template, as it is shown: JSON of `template list`.
pub type TemplateView = Template;

/// All templates of the tenant's region, by name.
///
/// # Errors
///
/// What the cloud said.
pub async fn templates(cloud: &Cloud) -> Result<Vec<Template>, Error> {
    let mut templates: Vec<_> = cloud.templates().await?.into_iter().map(template).collect();
    templates.sort_by(|a, b| (&a.name, &a.id).cmp(&(&b.name, &b.id)));
    Ok(templates)
}

fn template(from: catalog::Template) -> Template {
    Template {
        id: from.id.into(),
        name: from.name,
        vcpus: from.vcpus,
        memory_mib: from.memory_mib,
        disk_gib: from.disk_gib,
        disk_kind: match from.disk_kind {
            catalog::DiskKind::None => DiskKind::None,
            catalog::DiskKind::Network => DiskKind::Network,
            catalog::DiskKind::LocalHdd => DiskKind::LocalHdd,
            catalog::DiskKind::LocalSsd => DiskKind::LocalSsd,
            catalog::DiskKind::Nvme => DiskKind::Nvme,
        },
        architecture: match from.architecture {
            catalog::Architecture::Amd64 => Architecture::Amd64,
            catalog::Architecture::Arm64 => Architecture::Arm64,
            catalog::Architecture::Other => Architecture::Other,
        },
        cpu_ghz: from.cpu_ghz,
        gpu_count: from.gpu_count,
        gpu_model: from.gpu_model,
        attributes: from
            .attributes
            .into_iter()
            .map(|pair| (pair.key, pair.value))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// What a host record remembers of its template.
#[derive(Debug, Clone, PartialEq, Serialize, serde::Deserialize)]
pub struct TemplateSummary {
    /// The cloud's id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Virtual CPUs.
    pub vcpus: u32,
    /// Memory, in MiB.
    pub memory_mib: u64,
    /// Root disk, in GiB: the boot volume's where there is one.
    pub disk_gib: u32,
}
