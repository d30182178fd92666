//! The family of object storage: where the objects are, and the buckets, which are Swift's containers.
//!
//! Objects are reached by S3 where the cloud has it (in the catalog, by the setting `s3-endpoint`, or by the
//! dialect) and the tenant has keys for it ([`ec2`]), else by Swift with the session. `object-protocol` says
//! which, if it matters. A cloud that has S3 in front of Swift shows the containers as buckets.
//!
//! Buckets themselves are made and listed by Swift alone: a cloud without it has to be asked by the host.

use serde::Deserialize;
use skywright_sdk::object_storage::{
    self, Bucket, BucketPage, Credential, CredentialRole, DataPlane, Protocol,
};
use skywright_sdk::prelude::*;
use skywright_sdk::{credentials, url};

use crate::cloud::{Cloud, page_size};
use crate::description::SESSION;
use crate::families::{Dialect, Provider, of};
use crate::neutron::unless_gone;
use crate::{ec2, identity, profile};

impl<D: Dialect> object_storage::Guest for Provider<D> {
    fn access(renew: bool) -> Result<DataPlane, Error> {
        of::<D, _>(|| access(renew))
    }

    fn create(name: String) -> Result<Bucket, Error> {
        of::<D, _>(|| create(&name))
    }

    fn list(cursor: Option<String>) -> Result<BucketPage, Error> {
        of::<D, _>(|| page(cursor.as_deref()))
    }

    fn delete(name: String) -> Result<(), Error> {
        of::<D, _>(|| delete(&name))
    }
}

fn access(renew: bool) -> Result<DataPlane, Error> {
    let cloud = Cloud::open()?;
    let region = cloud.region()?;
    match settings::text("object-protocol").as_deref() {
        Some("s3") => s3_plane(&cloud, &region, s3_endpoint(&cloud, &region)?, renew),
        Some("swift") => swift_plane(&cloud, &region, renew),
        _ => match s3_endpoint(&cloud, &region) {
            Ok(endpoint) => match s3_plane(&cloud, &region, endpoint, renew) {
                // An application credential may not make keys, and some clouds have none.
                Err(error) if has_no_keys(&error) => swift_plane(&cloud, &region, renew).map_err(|_| error),
                plane => plane,
            },
            Err(error) => swift_plane(&cloud, &region, renew).map_err(|_| error),
        },
    }
}

fn has_no_keys(error: &Error) -> bool {
    matches!(error.category, Category::Forbidden | Category::NotFound | Category::Unsupported)
}

/// Where S3 is: as the tenant says, as the dialect says, or as the catalog says.
fn s3_endpoint(cloud: &Cloud, region: &str) -> Result<String, Error> {
    if let Some(endpoint) = settings::text("s3-endpoint") {
        return Ok(endpoint);
    }
    let profile = profile::current();
    if let Some(places) = profile.places(region) {
        return Ok(places.s3_endpoint.to_owned());
    }
    if let Some(pattern) = profile.s3_endpoint {
        return Ok(pattern.replace("{region}", &region.to_ascii_lowercase()));
    }
    let error = match cloud.s3(region) {
        Ok(url) => return Ok(url),
        Err(error) => error,
    };
    Err(error.with_hint("set s3-endpoint, or object-protocol=swift"))
}

fn s3_plane(cloud: &Cloud, region: &str, endpoint: String, renew: bool) -> Result<DataPlane, Error> {
    let keys = ec2::keys(cloud, renew)?;
    let credential = |role, name: &str| Credential { role, name: name.to_owned() };
    Ok(DataPlane {
        protocol: Protocol::S3,
        endpoint,
        region: Some(settings::text("s3-region").unwrap_or_else(|| region.to_owned())),
        credentials: vec![
            credential(CredentialRole::AccessKey, keys.access),
            credential(CredentialRole::SecretKey, keys.secret),
        ],
        attributes: Vec::new(),
    })
}

fn swift_plane(cloud: &Cloud, region: &str, renew: bool) -> Result<DataPlane, Error> {
    let endpoint = cloud.object_store(region)?.base().to_owned();
    if renew || !credentials::available(SESSION) {
        identity::renew()?;
    }
    Ok(DataPlane {
        protocol: Protocol::Swift,
        endpoint,
        region: Some(region.to_owned()),
        credentials: vec![Credential { role: CredentialRole::Token, name: SESSION.to_owned() }],
        attributes: Vec::new(),
    })
}

/// A container as Swift lists it.
#[derive(Debug, Deserialize)]
struct Container {
    name: String,
}

/// Swift lists as an array, without a link to the following page: a full page may have one.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Containers(Vec<Container>);

fn swift() -> Result<(Client, String), Error> {
    let cloud = Cloud::open()?;
    let region = cloud.region()?;
    let client = cloud
        .object_store(&region)
        .map_err(|error| error.with_hint("buckets are asked for by Swift, which this cloud does not have"))?;
    Ok((client, region))
}

fn page(cursor: Option<&str>) -> Result<BucketPage, Error> {
    let (swift, region) = swift()?;
    let limit = page_size()?;
    let call = swift.get("").query("format", "json").query("limit", limit).query_if("marker", cursor);
    let response = call.send()?;
    // An account without containers may be a 204 with no body.
    let containers = if response.body.is_empty() { Vec::new() } else { response.json::<Containers>()?.0 };
    let is_full = i64::try_from(containers.len()).is_ok_and(|count| count >= limit);
    let next = containers.last().filter(|_| is_full).map(|container| container.name.clone());
    // Swift tells when a container was changed last, which is not when it was made.
    let bucket = |container: Container| Bucket {
        name: container.name,
        region: Some(region.clone()),
        created_at: None,
    };
    Ok(BucketPage { items: containers.into_iter().map(bucket).collect(), next })
}

/// A container of that name is the tenant's: its account has no others.
fn create(name: &str) -> Result<Bucket, Error> {
    let (swift, region) = swift()?;
    swift.put(&path(name)?).send().map_err(|error| error.with_subject(name))?;
    Ok(Bucket { name: name.to_owned(), region: Some(region), created_at: None })
}

fn delete(name: &str) -> Result<(), Error> {
    let (swift, _) = swift()?;
    let answer = unless_gone(swift.delete(&path(name)?).send());
    answer.map(|_| ()).map_err(|error| match error.category {
        Category::Conflict => {
            let message = "the bucket holds objects";
            let error = Error { category: Category::InUse, code: "not-empty".to_owned(), ..error };
            Error { message: message.to_owned(), ..error }.with_subject(name)
        }
        _ => error.with_subject(name),
    })
}

/// A container's name has no slash and at most 256 bytes.
fn path(name: &str) -> Result<String, Error> {
    let bad = |message: &str| Err(Error::invalid("bad-bucket-name", message).with_subject(name));
    match name {
        "" | "." | ".." => bad("that is no name of a bucket"),
        name if name.contains('/') || name.len() > 256 => {
            bad("a bucket's name has no slash and at most 256 bytes")
        }
        name => Ok(format!("/{}", url::encode(name))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_be_another_place_is_refused() {
        for name in ["", ".", "..", "a/b", &"a".repeat(257)] {
            assert_eq!(path(name).unwrap_err().category, Category::InvalidRequest, "{name}");
        }
        assert_eq!(path("a b").unwrap(), "/a%20b");
    }
}
