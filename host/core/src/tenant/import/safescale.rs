//! SafeScale's `tenants.toml`: a list of tenants with sections. Keys are read in any case, as SafeScale
//! does.

use std::path::Path;

use super::{DefaultKey, Import, ImportFormat, ImportedTenant, SkippedTenant, Target, any_case};
use crate::config::Wrong as _;
use crate::config::{Entry, Node, Place};
use crate::error::Error;

/// A section and a key in lower case, and what becomes of it.
type Rule = (&'static str, &'static str, Target);

const ELSEWHERE: Target =
    Target::Not("Skywright has no such default of a tenant; say it where a resource is made");
const STATE: Target = Target::Not("Skywright keeps its state on this machine, not in a bucket");
const BUCKETS: Target = Target::Not("object storage takes the tenant's login, or keys for S3");
const NETWORK: Target = Target::Not("the plugin finds the cloud's networks by itself");
const VERSION: Target = Target::Not("the plugin asks the cloud for its versions");

/// What the OpenStack dialects have in common.
const COMMON: &[Rule] = &[
    ("identity", "username", Target::Setting("user")),
    ("identity", "user", Target::Setting("user")),
    ("identity", "password", Target::Secret("password")),
    ("identity", "domainname", Target::Both("user-domain", "project-domain")),
    ("identity", "identityendpoint", Target::Setting("auth-url")),
    ("identity", "endpoint", Target::Setting("auth-url")),
    ("identity", "projectid", Target::Setting("project-id")),
    ("identity", "domainid", Target::Not("the plugin takes domains by their name")),
    ("identity", "userid", Target::Not("the plugin takes users by their name")),
    ("identity", "tokenid", Target::Secret("token")),
    ("compute", "region", Target::Setting("region")),
    ("compute", "projectid", Target::Setting("project-id")),
    ("compute", "tenantid", Target::Setting("project-id")),
    ("compute", "projectname", Target::Setting("project-name")),
    ("compute", "tenantname", Target::Setting("project-name")),
    ("compute", "domainname", Target::Setting("project-domain")),
    ("compute", "domain", Target::Setting("project-domain")),
    ("compute", "concurrentmachinecreationlimit", Target::Number("create-parallelism")),
    ("compute", "availabilityzone", Target::Not("a zone is said for each host, not for the tenant")),
    ("compute", "zone", Target::Not("a zone is said for each host, not for the tenant")),
    ("compute", "scannable", Target::Not("templates are not scanned")),
    ("compute", "safe", Target::Not("port security stays on")),
    ("compute", "dns", Target::Setting("dns-servers")),
    ("compute", "dnslist", Target::Setting("dns-servers")),
    ("compute", "defaultimage", Target::Default(DefaultKey::Image)),
    ("compute", "operatorusername", Target::Default(DefaultKey::OperatorUser)),
    ("compute", "whitelisttemplateregexp", Target::Default(DefaultKey::AllowedTemplates)),
    ("compute", "blacklisttemplateregexp", Target::Default(DefaultKey::DeniedTemplates)),
    ("network", "externalnetwork", Target::Setting("external-network")),
    ("network", "floatingippool", Target::Setting("external-network")),
    ("objectstorage", "type", Target::Setting("object-protocol")),
    ("objectstorage", "endpoint", Target::Setting("s3-endpoint")),
    ("objectstorage", "accesskey", Target::Secret("s3-access-key")),
    ("objectstorage", "secretkey", Target::Secret("s3-secret-key")),
    ("objectstorage", "secretaccesskey", Target::Secret("s3-secret-key")),
];

/// What two of them call their external network.
const PROVIDER_NETWORK: Rule = ("network", "providernetwork", Target::Setting("external-network"));

/// CloudFerro's names for the same things.
const CLOUDFERRO: &[Rule] = &[PROVIDER_NETWORK];

/// OVH's names for the same things.
const OVH: &[Rule] = &[
    ("identity", "openstackid", Target::Setting("user")),
    ("identity", "openstackpassword", Target::Secret("password")),
    ("identity", "applicationkey", Target::Setting("project-id")),
    ("identity", "alternateapiapplicationkey", Target::Not("OVH's own API is not used")),
    ("identity", "alternateapiapplicationsecret", Target::Not("OVH's own API is not used")),
    ("identity", "alternateapiconsumerkey", Target::Not("OVH's own API is not used")),
    PROVIDER_NETWORK,
];

/// The plugin of a SafeScale provider, and what it calls things by other names.
fn plugin(client: &str) -> Option<(&'static str, &'static [Rule])> {
    Some(match client {
        "openstack" => ("skywright/openstack", &[]),
        "ovh" => ("skywright/ovh", OVH),
        "cloudferro" => ("skywright/cloudferro", CLOUDFERRO),
        "opentelekom" => ("skywright/opentelekom", &[]),
        "flexibleengine" => ("skywright/flexibleengine", &[]),
        _ => return None,
    })
}

pub(super) fn read(tenants: &Node, path: &Path) -> Result<Import, Error> {
    let mut import = Import { format: ImportFormat::Safescale, tenants: Vec::new(), skipped: Vec::new() };
    for (index, node) in tenants.items().unwrap_or_default().iter().enumerate() {
        let at = |key: &str| Place::at(path, node.mark, format!("tenants[{index}]{key}"));
        let Some(entries) = node.entries() else { return Err(at("").wrong("expected a tenant")) };
        let text = |key: &str| {
            any_case(node, key).and_then(|entry| entry.node.scalar()).filter(|text| !text.is_empty())
        };
        let name = text("name").ok_or_else(|| at(".name").wrong("expected the tenant's name"))?;
        let client = text("client").or_else(|| text("provider"));
        let client =
            client.ok_or_else(|| at(".client").wrong("expected the name of a provider"))?.to_lowercase();
        match plugin(&client) {
            Some((id, own)) => import.tenants.push(tenant(&name, id, own, entries)),
            None => {
                let reason = format!("Skywright has no plugin for `{client}`");
                import.skipped.push(SkippedTenant { name, line: node.mark.line, reason });
            }
        }
    }
    Ok(import)
}

fn tenant(name: &str, id: &'static str, own: &'static [Rule], entries: &[Entry]) -> ImportedTenant {
    let mut tenant = ImportedTenant::new(name, id);
    // `identity` and `compute` say some things twice; what is said first stands, in a fixed order.
    for section in ["identity", "compute", "network", "objectstorage", "metadata"] {
        for entry in entries.iter().filter(|entry| entry.key.eq_ignore_ascii_case(section)) {
            take_section(&mut tenant, section, own, entry);
        }
    }
    for entry in entries {
        let reason = match entry.key.to_lowercase().as_str() {
            "name" | "client" | "provider" | "identity" | "compute" | "network" | "objectstorage"
            | "metadata" => {
                continue;
            }
            "clienttype" | "team" => "Skywright has one way to drive a cloud, its plugin",
            "timings" => "times belong to the plugin and to the command line",
            _ => "it is not a key that is known of SafeScale",
        };
        tenant.leave_out(entry.key.clone(), entry.mark, reason);
    }
    super::project_once(&mut tenant);
    tenant
}

fn take_section(tenant: &mut ImportedTenant, section: &str, own: &[Rule], entry: &Entry) {
    let Some(keys) = entry.node.entries() else {
        return tenant.leave_out(entry.key.clone(), entry.mark, "expected a section");
    };
    for inner in keys {
        let path = format!("{}.{}", entry.key, inner.key);
        let key = inner.key.to_lowercase();
        tenant.take(target(section, &key, own), &path, &inner.node);
    }
}

fn target(section: &str, key: &str, own: &[Rule]) -> Target {
    let rule = own.iter().chain(COMMON).find(|rule| (rule.0, rule.1) == (section, key));
    match (section, key) {
        _ if rule.is_some() => rule.map_or(ELSEWHERE, |rule| rule.2),
        ("objectstorage", _) => BUCKETS,
        ("metadata", _) => STATE,
        ("network", _) => NETWORK,
        (_, key) if key.ends_with("endpointversion") => VERSION,
        ("identity", _) => Target::Not("this provider does not use it"),
        _ => ELSEWHERE,
    }
}
