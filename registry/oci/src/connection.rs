//! Requests to a registry, with limits on what comes back.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt;
use http::StatusCode;
use oci_client::client::{Certificate, CertificateEncoding, ClientConfig, ClientProtocol};
use oci_client::errors::OciDistributionError;
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference, RegistryOperation};
use skywright_contract::Digest;
use skywright_registry::Error;
use zeroize::Zeroizing;

use crate::location::Location;

/// The largest manifest or index that is read, in bytes. Registries take no larger ones.
pub(crate) const MAX_MANIFEST_BYTES: u64 = 4 << 20;
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(15);
/// How long nothing may come.
const SILENCE: Duration = Duration::from_secs(60);

/// The media types of what a reference may name here.
const MANIFESTS: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.oci.image.index.v1+json"];

/// How a registry is reached.
#[derive(Debug, Default)]
pub struct Access {
    /// A login, if it wants one.
    pub credentials: Option<Credentials>,
    /// Whether a registry elsewhere may be reached without TLS. One on this machine always is.
    pub plain_http: bool,
    /// Certificate authorities beside the system's, in PEM.
    pub ca_file: Option<PathBuf>,
}

/// A login. The password is not shown, and is wiped from memory when this goes.
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password, or a token in its place.
    pub password: Zeroizing<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A registry that is spoken to.
pub(crate) struct Connection {
    pub(crate) location: Location,
    client: Client,
    /// For manifests, which the client would read without end.
    plain: reqwest::Client,
    auth: RegistryAuth,
    scheme: &'static str,
}

impl Connection {
    pub(crate) fn open(location: Location, access: &Access) -> Result<Self, Error> {
        // Somebody may have chosen the process's provider before; any will do.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let is_plain = access.plain_http || location.is_loopback();
        let (protocol, scheme) =
            if is_plain { (ClientProtocol::Http, "http") } else { (ClientProtocol::Https, "https") };
        let failed = |error: reqwest::Error| transport(&location, plain(&error));
        let authorities = authorities(access)?;
        let config = ClientConfig {
            protocol,
            extra_root_certificates: authorities
                .iter()
                .map(|pem| Certificate { encoding: CertificateEncoding::Pem, data: pem.clone() })
                .collect(),
            connect_timeout: Some(CONNECT),
            read_timeout: Some(SILENCE),
            user_agent: concat!("skywright/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let client = Client::try_from(config).map_err(|error| transport(&location, explain(&error)))?;
        let mut plain = reqwest::Client::builder()
            .connect_timeout(CONNECT)
            .read_timeout(SILENCE)
            .redirect(reqwest::redirect::Policy::none())
            .https_only(!is_plain);
        if let Some(pem) = &authorities {
            for certificate in reqwest::Certificate::from_pem_bundle(pem).map_err(failed)? {
                plain = plain.add_root_certificate(certificate);
            }
        }
        let plain = plain.build().map_err(failed)?;
        let auth = match &access.credentials {
            None => RegistryAuth::Anonymous,
            Some(login) => RegistryAuth::Basic(login.user.clone(), login.password.as_str().to_owned()),
        };
        Ok(Self { location, client, plain, auth, scheme })
    }

    /// A manifest or an index, byte for byte. `None` if there is none.
    pub(crate) async fn manifest(&self, reference: &Reference) -> Result<Option<Vec<u8>>, Error> {
        let operation = RegistryOperation::Pull;
        let token = self.client.auth(reference, &self.auth, operation).await;
        let token = token.map_err(|error| self.error(&error))?;
        let name = reference.digest().or(reference.tag()).unwrap_or("latest");
        let url = format!(
            "{}://{}/v2/{}/manifests/{name}",
            self.scheme,
            self.location.host(),
            reference.repository()
        );
        let mut request = self.plain.get(url).header("accept", MANIFESTS.join(", "));
        request = match (token, &self.auth) {
            (Some(token), _) => request.bearer_auth(token),
            (None, RegistryAuth::Basic(user, password)) => request.basic_auth(user, Some(password)),
            _ => request,
        };
        let mut answer = request.send().await.map_err(|error| self.failed(plain(&error)))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            other => return Err(self.failed(format!("it answers {other} to a manifest's request"))),
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| self.failed(plain(&error)))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > MAX_MANIFEST_BYTES {
                return Err(Error::Oversize { what: reference.whole(), limit_bytes: MAX_MANIFEST_BYTES });
            }
        }
        match reference.digest() {
            Some(digest) if Digest::of(&bytes).to_string() != digest => Err(Error::Tampered {
                what: reference.whole(),
                reason: "its digest is another one".to_owned(),
            }),
            _ => Ok(Some(bytes)),
        }
    }

    /// A blob, handed over piece by piece. `false` if there is none. Its digest is for the caller to check.
    pub(crate) async fn blob(
        &self,
        reference: &Reference,
        digest: &Digest,
        limit_bytes: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        self.client.store_auth_if_needed(reference.resolve_registry(), &self.auth).await;
        let name = digest.to_string();
        let answer = match self.client.pull_blob_stream(reference, name.as_str()).await {
            Ok(answer) => answer,
            Err(error) if is_not_found(&error) => return Ok(false),
            Err(error) => return Err(self.error(&error)),
        };
        let (mut stream, mut length) = (answer.stream, 0);
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.map_err(|error| self.failed(cut(&error.to_string())))?;
            length += chunk.len() as u64;
            if length > limit_bytes {
                return Err(Error::Oversize { what: name, limit_bytes });
            }
            take(&chunk)?;
        }
        Ok(true)
    }

    /// Puts a blob there, unless it is there already.
    pub(crate) async fn push_blob(&self, reference: &Reference, bytes: Vec<u8>) -> Result<(), Error> {
        let digest = Digest::of(&bytes).to_string();
        self.sign_in(reference, RegistryOperation::Push).await?;
        if self.client.blob_exists(reference, &digest).await.unwrap_or(false) {
            return Ok(());
        }
        let pushed = self.client.push_blob(reference, bytes, &digest).await;
        pushed.map(drop).map_err(|error| self.error(&error))
    }

    /// Puts a manifest or an index there, byte for byte.
    pub(crate) async fn push_manifest(
        &self,
        reference: &Reference,
        bytes: Vec<u8>,
        media_type: &'static str,
    ) -> Result<(), Error> {
        self.sign_in(reference, RegistryOperation::Push).await?;
        let media_type = http::HeaderValue::from_static(media_type);
        let pushed = self.client.push_manifest_raw(reference, bytes, media_type).await;
        pushed.map(drop).map_err(|error| self.error(&error))
    }

    async fn sign_in(&self, reference: &Reference, operation: RegistryOperation) -> Result<(), Error> {
        let token = self.client.auth(reference, &self.auth, operation).await;
        token.map(drop).map_err(|error| self.error(&error))
    }

    pub(crate) fn failed(&self, reason: String) -> Error {
        transport(&self.location, reason)
    }

    fn error(&self, error: &OciDistributionError) -> Error {
        self.failed(explain(error))
    }
}

/// What the file of further authorities holds: one text, or none.
fn authorities(access: &Access) -> Result<Option<Vec<u8>>, Error> {
    let Some(path) = &access.ca_file else { return Ok(None) };
    let read = std::fs::read(path).map(Some);
    read.map_err(|source| Error::File { action: "read", path: path.clone(), source })
}

fn transport(location: &Location, reason: String) -> Error {
    Error::Transport { location: location.to_string(), reason }
}

fn is_not_found(error: &OciDistributionError) -> bool {
    use oci_client::errors::OciErrorCode::{BlobUnknown, NameUnknown, NotFound};
    match error {
        OciDistributionError::ServerError { code, .. } => *code == 404,
        OciDistributionError::ImageManifestNotFoundError(_) => true,
        OciDistributionError::RegistryError { envelope, .. } => {
            envelope.errors.iter().any(|error| matches!(error.code, BlobUnknown | NameUnknown | NotFound))
        }
        _ => false,
    }
}

fn explain(error: &OciDistributionError) -> String {
    match error {
        OciDistributionError::RequestError(error) => plain(error),
        other => cut(&other.to_string()),
    }
}

/// Without the URL, and with what lies below, which says more.
fn plain(error: &reqwest::Error) -> String {
    let mut text = "the request failed".to_owned();
    let mut source = std::error::Error::source(error);
    while let Some(below) = source {
        text = below.to_string();
        source = below.source();
    }
    cut(&text)
}

fn cut(foreign: &str) -> String {
    foreign.chars().filter(|c| !c.is_control()).take(300).collect()
}
