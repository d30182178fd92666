//! A repository behind any web server or object store.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, StatusCode};
use rustls::ClientConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use skywright_contract::Digest;
use url::Url;

use super::Transport;
use crate::error::Error;
use crate::tuf::path::TargetPath;

const CONNECT: Duration = Duration::from_secs(10);
/// For the whole of a metadata file.
const METADATA: Duration = Duration::from_secs(60);
/// For the whole of a listed file, which may be large.
const FILE: Duration = Duration::from_secs(1800);
/// For the next bytes of either.
const STALL: Duration = Duration::from_secs(30);
const MAX_REDIRECTS: usize = 5;
const USER_AGENT: &str = concat!("skywright/", env!("CARGO_PKG_VERSION"));

/// A repository behind any web server or object store, under one URL: `URL/metadata/` and `URL/targets/`.
///
/// Proxies are taken from the environment. Redirects are followed within the same origin alone. Plain HTTP is
/// as trustworthy as HTTPS, and less private. Needs a tokio runtime with time and I/O.
pub struct Http {
    base: Url,
    authorities: Option<PathBuf>,
    client: Mutex<Option<Client>>,
}

impl Http {
    /// The repository at this URL; `authorities` are certificates in PEM that are trusted beside the system's.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`] for a URL that is neither `http` nor `https`, or has user, query or fragment.
    pub fn new(base: &str, authorities: Option<&Path>) -> Result<Self, Error> {
        let fail = |reason: &str| Error::Transport { location: shown(base), reason: reason.to_owned() };
        let mut base = Url::parse(base).map_err(|_| fail("it is no URL"))?;
        if !matches!(base.scheme(), "http" | "https") || base.host().is_none() {
            return Err(fail("an `https` or `http` URL is expected"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(fail("a user or password in the URL would be seen in many places"));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(fail("a query or fragment has no meaning here"));
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        Ok(Self { base, authorities: authorities.map(Path::to_owned), client: Mutex::default() })
    }

    fn client(&self) -> Result<Client, Error> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let built = self.build()?;
        *client = Some(built.clone());
        Ok(built)
    }

    fn build(&self) -> Result<Client, Error> {
        let builder = Client::builder()
            .tls_backend_preconfigured(self.tls()?)
            .redirect(Policy::custom(within_origin))
            .retry(reqwest::retry::never())
            .referer(false)
            .no_gzip()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT)
            .read_timeout(STALL);
        builder.build().map_err(|error| self.failed(&error.without_url()))
    }

    fn tls(&self) -> Result<ClientConfig, Error> {
        let fail = |reason: String| Error::Transport { location: self.location(), reason };
        let extra = self.authorities.as_deref().map(read_authorities).transpose()?.unwrap_or_default();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // Reading the system's certificates takes some milliseconds; without TLS nobody needs them.
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| fail(error.to_string()))?;
        if self.base.scheme() == "http" && !proxied() {
            let none = rustls::RootCertStore::empty();
            return Ok(builder.with_root_certificates(none).with_no_client_auth());
        }
        let verifier = Verifier::new_with_extra_roots(extra, provider)
            .map_err(|error| fail(format!("certificate authorities: {error}")))?;
        let mut config =
            builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }

    async fn get(&self, relative: &str, limit_bytes: u64, limit: Duration) -> Result<Option<Vec<u8>>, Error> {
        let url = self.base.join(relative).map_err(|_| Error::Transport {
            location: self.location(),
            reason: "the file's name makes no URL".to_owned(),
        })?;
        let failed = |error: reqwest::Error| self.failed(&error.without_url());
        let request = self.client()?.get(url).timeout(limit).header("accept-encoding", "identity");
        let mut response = request.send().await.map_err(failed)?;
        match response.status() {
            StatusCode::OK => {}
            // Object stores say `forbidden` of what is not there, to whoever may not list.
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => return Ok(None),
            status => {
                let away = status.is_redirection().then_some(", to another place, which is not followed");
                let reason =
                    format!("`{relative}` is answered with {}{}", status.as_u16(), away.unwrap_or(""));
                return Err(Error::Transport { location: self.location(), reason });
            }
        }
        let oversize = || Error::Oversize { what: format!("{}{relative}", self.base), limit_bytes };
        if response.content_length().is_some_and(|length| length > limit_bytes) {
            return Err(oversize());
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() as u64 + chunk.len() as u64 > limit_bytes {
                return Err(oversize());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes))
    }

    fn failed(&self, error: &reqwest::Error) -> Error {
        // Its own words say that it failed; why is in what caused it.
        let mut reason = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            reason = inner.to_string();
            cause = inner.source();
        }
        Error::Transport { location: self.location(), reason }
    }
}

#[async_trait]
impl Transport for Http {
    fn location(&self) -> String {
        self.base.to_string()
    }

    async fn metadata(&self, file: &str, max_bytes: u64) -> Result<Option<Vec<u8>>, Error> {
        self.get(&format!("metadata/{file}"), max_bytes, METADATA).await
    }

    async fn target(
        &self,
        path: &TargetPath,
        digest: &Digest,
        max_bytes: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        self.get(&format!("targets/{}", path.hashed(digest)), max_bytes, FILE).await
    }
}

/// Follows within one origin, a few times; anything else is given back unfollowed.
fn within_origin(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
    if same && attempt.previous().len() <= MAX_REDIRECTS { attempt.follow() } else { attempt.stop() }
}

/// Whether the environment may name a proxy that is reached by TLS.
fn proxied() -> bool {
    ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"].iter().any(|name| std::env::var_os(name).is_some())
}

fn read_authorities(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let fail = |reason: String| Error::Transport { location: path.display().to_string(), reason };
    let pem = std::fs::read(path).map_err(|error| fail(error.to_string()))?;
    match CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>() {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(fail("there is no certificate in PEM in it".to_owned())),
    }
}

/// A URL that could not be read may have anything in it: what looks like user, password or query is left out.
fn shown(text: &str) -> String {
    let text: String = text.chars().filter(|c| !c.is_control()).take(200).collect();
    let text = text.split(['?', '#']).next().unwrap_or_default();
    match text.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        None => text.to_owned(),
    }
}
