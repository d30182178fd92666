//! The way to a tenant's objects: the driver says where they are, the host moves their bytes.

use std::sync::{Arc, PoisonError, RwLock};

use skywright_contract::Category;
use skywright_egress::{BoxFuture, Secret};
use skywright_objects::{Credentials, CredentialsError, DataPlane, Keys, Network, Settings, Store};
use skywright_runtime::Session;
use skywright_runtime::provider::object_storage::{self, CredentialRole, Protocol};

use crate::cloud::Cloud;
use crate::error::Error;
use crate::tenancy::Tenancy;

/// The endpoint that stands for the buckets of `skywright:host/machines`.
const BUCKETS_OF_MACHINES: &str = "machines";

impl Tenancy {
    /// The store of the tenant's objects, as its driver says. What the driver names is reached only as far
    /// as the tenant's grant goes: the endpoint, and the credentials there.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where there is none, what the cloud said, and [`Error::Objects`].
    pub async fn objects(&self) -> Result<Store, Error> {
        let cloud = self.cloud();
        let unsupported =
            |hint: Option<String>| Error::Unsupported { what: "object storage".to_owned(), hint };
        let Some(session) = cloud.provider().lender().filter(|_| cloud.has("object-storage")) else {
            return Err(unsupported(None));
        };
        let plane = cloud.ask(|p| p.object_access(false)).await?;
        let mut endpoint = plane.endpoint.clone();
        if plane.protocol == Protocol::Local && !session.has_setting_value(&endpoint) {
            // A folder of this machine is the operator's to name, or the host's own, but never the plugin's.
            let folder = self.machines().filter(|_| endpoint == BUCKETS_OF_MACHINES);
            let folder = folder.and_then(|machines| machines.buckets_folder().to_str().map(str::to_owned));
            let Some(folder) = folder else {
                let hint = "the folder has to be one of the tenant's settings, word for word".to_owned();
                return Err(unsupported(Some(hint)));
            };
            endpoint = folder;
        }
        let (grant, resolver) = session.way_out();
        let where_it_is = DataPlane {
            protocol: protocol_of(plane.protocol),
            endpoint,
            region: plane.region.clone(),
            attributes: plane.attributes.iter().map(|kv| (kv.key.clone(), kv.value.clone())).collect(),
        };
        let lent = Arc::new(LentCredentials { cloud: cloud.clone(), plane: RwLock::new(plane) });
        Ok(Store::open(where_it_is, lent, Network { grant, resolver }, Settings::default()).await?)
    }
}

/// How a host reaches the tenant's objects itself.
pub(crate) struct S3Access {
    pub(crate) endpoint: String,
    pub(crate) region: String,
    /// Whether buckets are folders of the endpoint rather than names before it.
    pub(crate) path_style: bool,
    pub(crate) access_key: Secret,
    pub(crate) secret_key: Secret,
    pub(crate) session_token: Option<Secret>,
}

impl Tenancy {
    /// Keys that may be handed on to a host, so that it reaches buckets itself.
    ///
    /// # Errors
    ///
    /// [`Error::Unsupported`] where objects are not reached by S3: a token ends, and a folder is of this machine.
    pub(crate) async fn s3_access(&self) -> Result<S3Access, Error> {
        let cloud = self.cloud();
        let unsupported = |hint: &str| Error::Unsupported {
            what: "buckets on hosts".to_owned(),
            hint: Some(hint.to_owned()),
        };
        let Some(session) = cloud.provider().lender().filter(|_| cloud.has("object-storage")) else {
            return Err(Error::Unsupported { what: "object storage".to_owned(), hint: None });
        };
        let plane = cloud.ask(|p| p.object_access(false)).await?;
        match plane.protocol {
            Protocol::S3 => {}
            Protocol::Local => {
                return Err(unsupported(
                    "buckets are folders of this machine: `skywright ssh copy` brings files",
                ));
            }
            Protocol::Swift | Protocol::Gcs => {
                return Err(unsupported(
                    "only S3 has keys that last; this tenant's objects are reached by a token",
                ));
            }
        }
        let lent = |role| lend(session, &plane, role).map_err(skywright_objects::Error::from);
        let (access_key, secret_key) = (lent(CredentialRole::AccessKey)?, lent(CredentialRole::SecretKey)?);
        let (Some(access_key), Some(secret_key)) = (access_key, secret_key) else {
            return Err(unsupported("the driver does not name both keys"));
        };
        let style = plane.attributes.iter().find(|pair| pair.key == "addressing");
        Ok(S3Access {
            region: plane.region.clone().unwrap_or_else(|| "us-east-1".to_owned()),
            path_style: style.is_none_or(|pair| pair.value != "virtual-host"),
            session_token: lent(CredentialRole::Token)?,
            endpoint: plane.endpoint,
            access_key,
            secret_key,
        })
    }
}

fn protocol_of(protocol: Protocol) -> skywright_objects::Protocol {
    match protocol {
        Protocol::S3 => skywright_objects::Protocol::S3,
        Protocol::Swift => skywright_objects::Protocol::Swift,
        Protocol::Gcs => skywright_objects::Protocol::Gcs,
        Protocol::Local => skywright_objects::Protocol::Local,
    }
}

/// The credentials that a driver names, lent by its session, and named anew when they have expired.
struct LentCredentials {
    cloud: Cloud,
    plane: RwLock<object_storage::DataPlane>,
}

impl LentCredentials {
    fn plane(&self) -> object_storage::DataPlane {
        self.plane.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn keys(&self) -> Result<Keys, CredentialsError> {
        let plane = self.plane();
        let Some(session) = self.cloud.provider().lender() else {
            return Err(no_keys("nobody lends credentials"));
        };
        match plane.protocol {
            Protocol::Swift => {
                let token = lend(session, &plane, CredentialRole::Token)?;
                token.map(Keys::Token).ok_or_else(|| no_keys("the driver names no token"))
            }
            Protocol::S3 => {
                let access_key = lend(session, &plane, CredentialRole::AccessKey)?;
                let secret_key = lend(session, &plane, CredentialRole::SecretKey)?;
                let session_token = lend(session, &plane, CredentialRole::Token)?;
                match (access_key, secret_key) {
                    (Some(access_key), Some(secret_key)) => {
                        Ok(Keys::Access { access_key, secret_key, session_token })
                    }
                    _ => Err(no_keys("the driver does not name both keys")),
                }
            }
            Protocol::Gcs | Protocol::Local => Ok(Keys::None),
        }
    }

    async fn renewed(&self) -> Result<Keys, CredentialsError> {
        let plane = self.cloud.ask(|p| p.object_access(true)).await.map_err(|error| CredentialsError {
            category: error.category(),
            reason: skywright_runtime::printable(&error.to_string()),
        })?;
        let known = self.plane();
        if (plane.protocol, &plane.endpoint) != (known.protocol, &known.endpoint) {
            return Err(no_keys("the store has moved meanwhile; run the command again"));
        }
        *self.plane.write().unwrap_or_else(PoisonError::into_inner) = plane;
        self.keys()
    }
}

impl Credentials for LentCredentials {
    fn current(&self) -> BoxFuture<'_, Result<Keys, CredentialsError>> {
        Box::pin(async {
            match self.keys() {
                // A captured one may have expired since it was named.
                Err(error) if error.category == Category::Unauthenticated => self.renewed().await,
                other => other,
            }
        })
    }

    fn renew(&self) -> BoxFuture<'_, Result<Keys, CredentialsError>> {
        Box::pin(self.renewed())
    }
}

/// The credential in this role, if the driver names one and it may go there.
fn lend(
    session: &Session,
    plane: &object_storage::DataPlane,
    role: CredentialRole,
) -> Result<Option<Secret>, CredentialsError> {
    let Some(named) = plane.credentials.iter().find(|credential| credential.role == role) else {
        return Ok(None);
    };
    let lent = session.lend(&plane.endpoint, &[&named.name]).map_err(|error| {
        let hint = error.hint().map(|hint| format!("; {hint}")).unwrap_or_default();
        CredentialsError { category: error.category(), reason: format!("{error}{hint}") }
    })?;
    Ok(lent.into_iter().next())
}

fn no_keys(reason: &str) -> CredentialsError {
    CredentialsError { category: Category::Unauthenticated, reason: reason.to_owned() }
}
