//! One tenant's cloud: a session, and clients for its services.

use skywright_sdk::prelude::*;
use skywright_sdk::url;

use crate::description::SESSION;
use crate::fault::FAULTS;
use crate::identity;
use crate::profile;
use crate::service_catalog::{ServiceCatalog, ServiceType};

/// A session with the catalog that came with it.
#[derive(Debug)]
pub(crate) struct Cloud {
    catalog: ServiceCatalog,
    interface: String,
}

impl Cloud {
    /// Logs in, unless a session is there.
    pub(crate) fn open() -> Result<Self, Error> {
        let interface = settings::text("interface").unwrap_or_else(|| "public".to_owned());
        Ok(Self { catalog: identity::session()?, interface })
    }

    /// The id of the project that the login is of.
    pub(crate) fn project(&self) -> Option<&str> {
        self.catalog.project()
    }

    /// The regions that have compute.
    pub(crate) fn regions(&self) -> Vec<String> {
        self.catalog.regions(ServiceType::Compute, &self.interface)
    }

    /// The tenant's region: the one it names, or the only one.
    pub(crate) fn region(&self) -> Result<String, Error> {
        if let Some(region) = settings::text("region") {
            return Ok(region);
        }
        match self.regions().as_slice() {
            [only] => Ok(only.clone()),
            regions => {
                let error = Error::invalid(
                    "missing-setting",
                    "the cloud has several regions and the setting names none",
                );
                Err(error.with_subject("region").with_hint(format!("regions: {}", regions.join(", "))))
            }
        }
    }

    /// A client for Nova.
    pub(crate) fn compute(&self, region: &str) -> Result<Client, Error> {
        let url = self.url(ServiceType::Compute, region)?;
        Ok(client(ServiceType::Compute, url.trim_end_matches('/').to_owned()))
    }

    /// A client for Neutron. Its catalog entry has no version.
    pub(crate) fn network(&self, region: &str) -> Result<Client, Error> {
        let url = self.url(ServiceType::Network, region)?;
        Ok(client(ServiceType::Network, with_version(&url, "v2.0")))
    }

    /// A client for Glance. Its catalog entry has no version, mostly.
    pub(crate) fn image(&self, region: &str) -> Result<Client, Error> {
        let url = self.url(ServiceType::Image, region)?;
        Ok(client(ServiceType::Image, with_version(&url, "v2")))
    }

    /// A client for Cinder. Its catalog entry ends in the project, of which newer releases know nothing.
    pub(crate) fn volume(&self, region: &str) -> Result<Client, Error> {
        let url = self.url(ServiceType::Volume, region)?;
        Ok(client(ServiceType::Volume, url.trim_end_matches('/').to_owned()))
    }

    /// Where a service is: as the catalog says, or the dialect where that does not.
    fn url(&self, service: ServiceType, region: &str) -> Result<String, Error> {
        let profile = profile::current();
        let of = |known: &'static [(&str, &'static str)]| {
            known.iter().find(|(kind, _)| *kind == service.name()).map(|(_, value)| *value)
        };
        let url = match (self.catalog.url(service, &self.interface, region), of(profile.service_urls)) {
            (Ok(url), _) => url.to_owned(),
            (Err(_), Some(pattern)) => pattern.replace("{region}", region),
            (Err(error), None) => return Err(error),
        };
        Ok(match (of(profile.project_urls), self.project()) {
            (Some(version), Some(project)) => with_project(&url, version, project),
            _ => url,
        })
    }

    /// A client for Swift, at the project's account.
    pub(crate) fn object_store(&self, region: &str) -> Result<Client, Error> {
        let url = self.catalog.url(ServiceType::ObjectStore, &self.interface, region)?;
        Ok(client(ServiceType::ObjectStore, url.trim_end_matches('/').to_owned()))
    }

    /// Where S3 is.
    pub(crate) fn s3(&self, region: &str) -> Result<String, Error> {
        Ok(self.catalog.url(ServiceType::S3, &self.interface, region)?.to_owned())
    }

    /// A client for Keystone, where the login was.
    pub(crate) fn identity(&self) -> Result<Client, Error> {
        let url = identity::base_url(&identity::auth_url()?)?;
        let client = Client::new(url).with_header("x-auth-token", Secret::named(SESSION));
        Ok(client.with_bucket("identity").with_errors(&FAULTS).with_renewal(identity::renew))
    }

    /// The id of the user that logged in.
    pub(crate) fn user(&self) -> &str {
        self.catalog.user()
    }
}

/// A client for something beside Neutron.
pub(crate) fn network_client(url: String) -> Client {
    client(ServiceType::Network, url)
}

fn client(service: ServiceType, url: String) -> Client {
    Client::new(url)
        .with_header("x-auth-token", Secret::named(SESSION))
        .with_header("accept", "application/json")
        .with_bucket(service.name())
        .with_errors(&FAULTS)
        .with_renewal(identity::renew)
}

fn with_version(url: &str, version: &str) -> String {
    let url = url.trim_end_matches('/');
    if url.ends_with(version) { url.to_owned() } else { format!("{url}/{version}") }
}

/// The URL at a version and a project. A version that is there stays.
fn with_project(url: &str, version: &str, project: &str) -> String {
    let url = url.trim_end_matches('/');
    let (_, path) = url::split_origin(url).unwrap_or((url, ""));
    if path.split('/').any(|segment| segment == project) {
        return url.to_owned();
    }
    match path {
        "" | "/" => format!("{url}/{version}/{project}"),
        _ => format!("{url}/{project}"),
    }
}

/// How many entries a listing is asked for at once.
///
/// # Errors
///
/// A setting that is not a number.
pub fn page_size() -> Result<i64, Error> {
    Ok(settings::integer("page-size")?.unwrap_or(250).clamp(1, 1000))
}

#[cfg(test)]
mod tests {
    use skywright_sdk::{Catalog, Category};

    use super::*;
    use crate::tenant::{Openstack, recorded};

    #[test]
    fn a_version_is_added_where_there_is_none() {
        assert_eq!(with_version("http://a:9292", "v2"), "http://a:9292/v2");
        assert_eq!(with_version("http://a/image/v2/", "v2"), "http://a/image/v2");
    }

    #[test]
    fn a_project_is_added_where_there_is_none() {
        let url = |url: &str| with_project(url, "v2.1", "p");
        assert_eq!(url("https://a"), "https://a/v2.1/p");
        assert_eq!(url("https://a/v2/"), "https://a/v2/p");
        assert_eq!(url("https://a/v2/p"), "https://a/v2/p");
    }

    #[test]
    fn a_region_that_is_not_there_is_told_from_those_that_are() {
        let error =
            recorded("login-password").setting("region", "RegionTwo").play(Openstack::zones).unwrap_err();
        assert_eq!((error.category, error.subject.as_deref()), (Category::NotFound, Some("RegionTwo")));
        assert_eq!(error.hint.as_deref(), Some("regions that have one: RegionOne"));
    }
}
