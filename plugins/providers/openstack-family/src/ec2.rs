//! Keys for S3: the tenant's own, or those that Keystone keeps for a user and a project.
//!
//! The plugin never sees them. Keystone lists all of a user's keys with their secrets: those are captured
//! under a name that is of no use ([`DISCARDED`]), and the one that is wanted, by its access key, is asked for
//! again and captured under its own.

use serde::Deserialize;
use serde_json::json;
use skywright_sdk::credentials;
use skywright_sdk::prelude::*;
use skywright_sdk::url;

use crate::cloud::Cloud;
use crate::neutron::unless_gone;
use crate::profile;

/// The access key that was captured.
pub(crate) const ACCESS: &str = "ec2-access";
/// The secret key that was captured.
pub(crate) const SECRET: &str = "ec2-secret";
/// Secrets that nobody asked for. It may be sent nowhere.
const DISCARDED: &str = "discarded";

/// The settings of a tenant that has keys from elsewhere.
pub(crate) const OWN_ACCESS: &str = "s3-access-key";
pub(crate) const OWN_SECRET: &str = "s3-secret-key";

/// How long the keys are kept, in seconds. Keystone's do not expire; a deleted one should not live on here.
const KEPT_S: u32 = 3000;

/// The most keys of a user that are looked at.
const MOST: usize = 100;

/// The names of the credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Keys {
    pub(crate) access: &'static str,
    pub(crate) secret: &'static str,
}

#[derive(Deserialize)]
struct Listed {
    credentials: Vec<Ec2Credential>,
}

#[derive(Deserialize)]
struct Ec2Credential {
    access: String,
    tenant_id: String,
    #[serde(default)]
    trust_id: Option<String>,
}

/// The tenant's own keys; else the first that Keystone has for the project; else new ones.
///
/// With `renew`, Keystone is asked again: keys that were deleted since are not found any more.
pub(crate) fn keys(cloud: &Cloud, renew: bool) -> Result<Keys, Error> {
    if credentials::available(OWN_ACCESS) && credentials::available(OWN_SECRET) {
        return Ok(Keys { access: OWN_ACCESS, secret: OWN_SECRET });
    }
    if !profile::current().makes_s3_keys {
        let error = Error::unsupported("no-s3-keys", "the cloud makes no keys for S3 by its Keystone");
        return Err(error.with_subject(OWN_ACCESS).with_hint("give s3-access-key and s3-secret-key"));
    }
    let keys = Keys { access: ACCESS, secret: SECRET };
    if renew {
        credentials::forget(ACCESS);
        credentials::forget(SECRET);
    } else if credentials::available(ACCESS) && credentials::available(SECRET) {
        return Ok(keys);
    }
    let Some(project) = cloud.project() else {
        return Err(Error::invalid(
            "no-project",
            "the login is of no project, so that it has no keys for S3",
        ));
    };
    let identity = cloud.identity()?;
    let path = format!("/users/{}/credentials/OS-EC2", url::encode(cloud.user()));
    if let Some(access) = of_project(&identity, &path, project)? {
        let call = identity.get(&format!("{path}/{}", url::encode(&access)));
        if unless_gone(captured(call))?.is_some() {
            return Ok(keys);
        }
    }
    captured(identity.post(&path).json_body(&json!({ "tenant_id": project })))
        .map_err(|error| error.with_hint("give s3-access-key and s3-secret-key, or object-protocol=swift"))?;
    Ok(keys)
}

/// The access key of the project's first.
fn of_project(identity: &Client, path: &str, project: &str) -> Result<Option<String>, Error> {
    let call = (0..MOST).fold(identity.get(path), |call, index| {
        call.capture_json(&format!("/credentials/{index}/secret"), DISCARDED, 1)
    });
    let listed: Listed = call.json()?;
    let own = |key: &&Ec2Credential| key.tenant_id == project && key.trust_id.is_none();
    Ok(listed.credentials.iter().find(own).map(|key| key.access.clone()))
}

fn captured(call: skywright_sdk::Call<'_>) -> Result<(), Error> {
    let call = call.capture_json("/credential/access", ACCESS, KEPT_S);
    call.capture_json("/credential/secret", SECRET, KEPT_S).send().map(|_| ())
}
