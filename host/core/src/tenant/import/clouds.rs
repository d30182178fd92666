//! OpenStack's `clouds.yaml`, and the `secure.yaml` beside it.

use std::path::{Path, PathBuf};

use super::{Import, ImportFormat, ImportedTenant, SkippedTenant, Target};
use crate::config::Wrong as _;
use crate::config::{self, Entry, Node, Place, Value};
use crate::error::Error;

/// What stands under `auth`.
const AUTH: &[(&str, Target)] = &[
    ("auth_url", Target::Setting("auth-url")),
    ("username", Target::Setting("user")),
    ("password", Target::Secret("password")),
    ("user_domain_name", Target::Setting("user-domain")),
    ("project_name", Target::Setting("project-name")),
    ("tenant_name", Target::Setting("project-name")),
    ("project_id", Target::Setting("project-id")),
    ("tenant_id", Target::Setting("project-id")),
    ("project_domain_name", Target::Setting("project-domain")),
    ("default_domain", Target::Both("user-domain", "project-domain")),
    ("application_credential_id", Target::Setting("application-credential-id")),
    ("application_credential_secret", Target::Secret("application-credential-secret")),
    ("application_credential_name", Target::Not("the plugin takes application credentials by their id")),
    ("token", Target::Secret("token")),
    ("user_id", Target::Not("the plugin takes users by their name")),
    ("domain_id", Target::Not("the plugin works in a project, not in a domain")),
    ("domain_name", Target::Not("the plugin works in a project, not in a domain")),
    ("system_scope", Target::Not("the plugin works in a project, not in the system")),
];

/// Ways to log in that the plugin knows by the settings that it has.
const LOGINS: [&str; 8] =
    ["password", "v3password", "token", "v3token", "v3applicationcredential", "v2password", "v2token", ""];

/// Clouds that have a plugin of their own, by the end of their Keystone's name.
const DIALECTS: [(&str, &str); 4] = [
    ("cloud.ovh.net", "skywright/ovh"),
    ("cloudferro.com", "skywright/cloudferro"),
    ("otc.t-systems.com", "skywright/opentelekom"),
    ("prod-cloud-ocb.orange-business.com", "skywright/flexibleengine"),
];

pub(super) fn read(clouds: &Node, path: &Path) -> Result<Import, Error> {
    let secure = secure(path)?;
    let Some(entries) = clouds.entries() else {
        return Err(Place::at(path, clouds.mark, "clouds").wrong("expected a map of clouds by name"));
    };
    let mut import = Import { format: ImportFormat::Clouds, tenants: Vec::new(), skipped: Vec::new() };
    for entry in entries {
        if entry.node.entries().is_none() {
            return Err(
                Place::at(path, entry.mark, format!("clouds.{}", entry.key)).wrong("expected a cloud")
            );
        }
        let more = secure.as_ref().and_then(|secure| secure.get("clouds")?.get(&entry.key));
        match cloud(entry, more, path) {
            Ok(tenant) => import.tenants.push(tenant),
            Err(reason) => {
                import.skipped.push(SkippedTenant { name: entry.key.clone(), line: entry.mark.line, reason });
            }
        }
    }
    Ok(import)
}

/// The file with secrets that is read beside a `clouds.yaml`.
fn secure(path: &Path) -> Result<Option<Node>, Error> {
    for name in ["secure.yaml", "secure.yml"] {
        let beside = path.with_file_name(name);
        match config::read_text(&beside) {
            Err(Error::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
            Ok(text) => return config::parse(&text, &beside).map(Some),
        }
    }
    Ok(None)
}

fn cloud(own: &Entry, secure: Option<&Node>, path: &Path) -> Result<ImportedTenant, String> {
    let parts: Vec<&Node> = secure.into_iter().chain([&own.node]).collect();
    let login = parts.iter().find_map(|part| part.get("auth_type")?.scalar()).unwrap_or_default();
    if !LOGINS.contains(&login.as_str()) {
        return Err(format!("the plugin cannot log in by `{login}`"));
    }
    let mut tenant = ImportedTenant::new(&own.key, "skywright/openstack");
    for part in parts {
        for entry in part.entries().unwrap_or_default() {
            take(&mut tenant, entry, path);
        }
    }
    let Some(url) = tenant.settings.get("auth-url").map(ToString::to_string) else {
        return Err("it has no auth_url; profiles of vendors are not known here".to_owned());
    };
    super::project_once(&mut tenant);
    let host =
        url::Url::parse(&url).ok().and_then(|url| url.host_str().map(str::to_lowercase)).unwrap_or_default();
    let of =
        |domain: &str| host.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    if let Some((_, id)) = DIALECTS.iter().find(|(domain, _)| of(domain)) {
        tenant.provider = id;
    }
    Ok(tenant)
}

fn take(tenant: &mut ImportedTenant, entry: &Entry, path: &Path) {
    let (key, node) = (entry.key.as_str(), &entry.node);
    match key {
        "auth" => {
            for inner in node.entries().unwrap_or_default() {
                take_auth(tenant, inner);
            }
        }
        "region_name" => tenant.take(Target::Setting("region"), key, node),
        "regions" => take_regions(tenant, key, node),
        "interface" | "endpoint_type" => {
            if let Some(text) = node.scalar() {
                let text = text.strip_suffix("URL").unwrap_or(&text).to_owned();
                tenant.take(
                    Target::Setting("interface"),
                    key,
                    &Node { value: Value::Text(text), ..node.clone() },
                );
            }
        }
        "cacert" => tenant.grants.ca_file = node.text().map(|file| absolute(path, file)),
        "verify" if matches!(node.value, Value::Boolean(true)) => {}
        "verify" => tenant.leave_out(
            key,
            entry.mark,
            "certificates are always checked; name the cloud's authority as grants.ca-file",
        ),
        "identity_api_version" if node.scalar().is_some_and(|version| version.starts_with('3')) => {}
        "auth_type" => {}
        "cloud" | "profile" => tenant.leave_out(key, entry.mark, "profiles of vendors are not known here"),
        "networks" | "external_network" | "internal_network" => {
            tenant.leave_out(key, entry.mark, "the plugin finds the cloud's networks by itself");
        }
        _ => tenant.leave_out(key, entry.mark, "the plugin has no such setting"),
    }
}

fn take_auth(tenant: &mut ImportedTenant, entry: &Entry) {
    let path = format!("auth.{}", entry.key);
    let key = entry.key.as_str();
    if matches!(key, "user_domain_id" | "project_domain_id" | "default_domain_id") {
        // The domain that every Keystone is born with has this id, and is the plugin's default.
        if entry.node.scalar().as_deref() != Some("default") {
            tenant.leave_out(path, entry.mark, "the plugin takes domains by their name");
        }
        return;
    }
    let target = AUTH.iter().find(|rule| rule.0 == key).map(|rule| rule.1);
    tenant.take(target.unwrap_or(Target::Not("the plugin has no such setting")), &path, &entry.node);
}

/// One region is the tenant's; of several none is.
fn take_regions(tenant: &mut ImportedTenant, key: &str, node: &Node) {
    let name = |item: &Node| item.scalar().or_else(|| item.get("name")?.scalar());
    match node.items() {
        Some([only]) if !tenant.settings.contains_key("region") => {
            if let Some(region) = name(only) {
                tenant.take(
                    Target::Setting("region"),
                    key,
                    &Node { value: Value::Text(region), ..node.clone() },
                );
            }
        }
        _ => tenant.leave_out(
            key,
            node.mark,
            "a tenant has one region; import it once for each, under other names",
        ),
    }
}

/// Paths in `clouds.yaml` are relative to wherever its reader is; here to the file.
fn absolute(clouds: &Path, file: &str) -> PathBuf {
    let folder = std::path::absolute(clouds).ok().and_then(|path| path.parent().map(Path::to_owned));
    match (file.strip_prefix("~/"), std::env::home_dir()) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => folder.unwrap_or_default().join(file),
    }
}
