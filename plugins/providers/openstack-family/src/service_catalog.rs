//! Keystone's catalog: which service is where.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use skywright_sdk::{Category, Error};

/// A service as Keystone lists it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Service {
    #[serde(rename = "type")]
    kind: String,
    endpoints: Vec<ServiceEndpoint>,
}

#[derive(Debug, Clone, Deserialize)]
struct ServiceEndpoint {
    interface: String,
    /// Newer Keystones say `region_id`, older ones `region`, most both.
    region_id: Option<String>,
    region: Option<String>,
    url: String,
}

/// The services that a driver asks for. The names are those of the service types authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServiceType {
    Compute,
    Network,
    Image,
    Volume,
    ObjectStore,
    S3,
}

impl ServiceType {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Network => "network",
            Self::Image => "image",
            Self::Volume => "block-storage",
            Self::ObjectStore => "object-store",
            Self::S3 => "s3",
        }
    }

    /// The names that it has in catalogs, the first that is there counts. Cinder had one for each version.
    fn kinds(self) -> &'static [&'static str] {
        match self {
            Self::Compute => &["compute"],
            Self::Network => &["network"],
            Self::Image => &["image"],
            Self::Volume => &["block-storage", "volumev3"],
            Self::ObjectStore => &["object-store"],
            Self::S3 => &["s3"],
        }
    }

    const ALL: [Self; 6] =
        [Self::Compute, Self::Network, Self::Image, Self::Volume, Self::ObjectStore, Self::S3];
}

/// The catalog, without what is never asked for: it is kept in the host's small cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServiceCatalog {
    entries: Vec<Entry>,
    /// Whose it is: the ids of the user and the project that logged in.
    user: String,
    project: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    kind: String,
    interface: String,
    region: String,
    url: String,
}

impl ServiceCatalog {
    pub(crate) fn new(project: Option<String>, services: Vec<Service>) -> Self {
        let is_wanted = |kind: &str| ServiceType::ALL.iter().any(|wanted| wanted.kinds().contains(&kind));
        let services = services.into_iter().filter(|service| is_wanted(&service.kind));
        let entries = services.flat_map(|service| {
            let kind = service.kind;
            service.endpoints.into_iter().filter_map(move |endpoint| {
                let region = endpoint.region_id.or(endpoint.region)?;
                Some(Entry { kind: kind.clone(), interface: endpoint.interface, region, url: endpoint.url })
            })
        });
        Self { entries: entries.collect(), user: String::new(), project }
    }

    /// With the id of the user that logged in.
    pub(crate) fn of_user(self, user: String) -> Self {
        Self { user, ..self }
    }

    /// The id of the user that logged in.
    pub(crate) fn user(&self) -> &str {
        &self.user
    }

    /// The id of the project that the login is of, if it is of one.
    pub(crate) fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// The regions that have a service, in the order of their names.
    pub(crate) fn regions(&self, service: ServiceType, interface: &str) -> Vec<String> {
        let entries = self.entries.iter().filter(|entry| service.kinds().contains(&entry.kind.as_str()));
        let regions = entries.filter(|entry| entry.interface == interface).map(|entry| entry.region.clone());
        regions.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The URL of a service.
    ///
    /// # Errors
    ///
    /// `no-endpoint`, with the regions that have one.
    pub(crate) fn url(&self, service: ServiceType, interface: &str, region: &str) -> Result<&str, Error> {
        let of_kind = |kind: &str| {
            let mut entries = self.entries.iter().filter(|entry| entry.kind == kind);
            entries.find(|entry| entry.interface == interface && entry.region == region)
        };
        let entry = service.kinds().iter().find_map(|kind| of_kind(kind));
        entry.map(|entry| entry.url.as_str()).ok_or_else(|| {
            let message =
                format!("the cloud has no {interface} {} endpoint in region {region:?}", service.name());
            let error = Error::new(Category::NotFound, "no-endpoint", message).with_subject(region);
            error.with_hint(self.where_then(service, interface))
        })
    }

    fn where_then(&self, service: ServiceType, interface: &str) -> String {
        let regions = self.regions(service, interface);
        if !regions.is_empty() {
            return format!("regions that have one: {}", regions.join(", "));
        }
        let interfaces: BTreeSet<&str> = self.entries.iter().map(|entry| entry.interface.as_str()).collect();
        let interfaces: Vec<&str> = interfaces.into_iter().collect();
        match interfaces.as_slice() {
            [] => "the catalog is empty: is the login of a project?".to_owned(),
            some => format!("no region has one; interfaces in the catalog: {}", some.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catalog() -> ServiceCatalog {
        let services = serde_json::from_str(
            r#"[
            {"type":"compute","endpoints":[
                {"interface":"public","region_id":"GRA11","region":"GRA11","url":"https://compute.gra11/v2.1"},
                {"interface":"public","region":"BHS5","url":"https://compute.bhs5/v2.1"},
                {"interface":"internal","region_id":"GRA11","url":"https://compute.internal/v2.1"}]},
            {"type":"object-store","endpoints":[
                {"interface":"public","region_id":"SBG","url":"https://storage.sbg/v1"}]},
            {"type":"dns","endpoints":[{"interface":"public","region_id":"SBG","url":"https://dns.sbg"}]},
            {"type":"image","endpoints":[]}]"#,
        );
        ServiceCatalog::new(None, services.unwrap())
    }

    #[test]
    fn a_service_is_found_by_type_interface_and_region() {
        let catalog = catalog();
        assert_eq!(catalog.url(ServiceType::Compute, "public", "BHS5").unwrap(), "https://compute.bhs5/v2.1");
        assert_eq!(
            catalog.url(ServiceType::Compute, "internal", "GRA11").unwrap(),
            "https://compute.internal/v2.1"
        );
        assert_eq!(catalog.regions(ServiceType::Compute, "public"), ["BHS5", "GRA11"]);
    }

    #[test]
    fn a_missing_one_says_what_there_is() {
        let catalog = catalog();
        let error = catalog.url(ServiceType::Compute, "public", "GRA9").unwrap_err();
        assert_eq!(error.message, "the cloud has no public compute endpoint in region \"GRA9\"");
        assert_eq!(error.hint.as_deref(), Some("regions that have one: BHS5, GRA11"));
        let error = catalog.url(ServiceType::Image, "public", "GRA11").unwrap_err();
        assert_eq!(
            error.hint.as_deref(),
            Some("no region has one; interfaces in the catalog: internal, public")
        );
    }

    #[test]
    fn only_what_is_asked_for_is_kept() {
        assert!(!serde_json::to_string(&catalog()).unwrap().contains("dns.sbg"));
    }
}
