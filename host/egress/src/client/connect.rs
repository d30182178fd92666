//! Connections: straight or by a proxy, and the certificates that are trusted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;
use tokio::sync::OnceCell;
use url::Url;

use crate::error::HttpError;
use crate::grant::{CertificateAuthority, Grant, Proxy};
use crate::resolve::{Guarded, Resolver, Unguarded};

/// For the TCP and the TLS handshake together: a dead address must leave time for another attempt.
const CONNECT: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(30);
const MAX_HEADERS: usize = 256;
const USER_AGENT: &str = concat!("skywright/", env!("CARGO_PKG_VERSION"));

/// The connections under one grant: its certificate authorities, its proxy, and a guard that dials only
/// addresses which the grant permits. Nothing is read or loaded before it is needed.
///
/// For whoever moves bytes that no plugin sees. It decides by address alone: ask
/// [`Grant::endpoints_for`] and [`Grant::literal`] about the URL first. Redirects are not followed and
/// nothing is sent twice.
pub struct Connections {
    grant: Arc<Grant>,
    resolver: Arc<dyn Resolver>,
    /// `None`: no proxy for anything.
    proxies: OnceLock<Option<Matcher>>,
    tls: OnceCell<ClientConfig>,
    /// By the proxy (empty: none), and whether TLS may be needed.
    clients: Mutex<BTreeMap<(String, bool), reqwest::Client>>,
}

impl Connections {
    /// No connections yet.
    #[must_use]
    pub fn new(grant: Arc<Grant>, resolver: Arc<dyn Resolver>) -> Self {
        Self { grant, resolver, proxies: OnceLock::new(), tls: OnceCell::new(), clients: Mutex::default() }
    }

    /// The client for a URL whose name the grant allows.
    ///
    /// # Errors
    ///
    /// [`HttpError::Site`] if the certificate authorities or the proxy cannot be used.
    pub async fn client_for(&self, url: &Url) -> Result<reqwest::Client, HttpError> {
        let proxy = self.proxy_for(url)?;
        let proxy_uri = proxy.as_ref().map(|proxy| proxy.uri().to_string()).unwrap_or_default();
        let secure = url.scheme() == "https" || proxy_uri.starts_with("https:");
        let key = (proxy_uri, secure);
        if let Some(client) = self.clients.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(client.clone());
        }
        let tls =
            if secure { self.tls.get_or_try_init(|| self.load_tls()).await?.clone() } else { no_tls()? };
        let client = self.build(tls, proxy.as_ref())?;
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(clients.entry(key).or_insert(client).clone())
    }

    fn proxy_for(&self, url: &Url) -> Result<Option<Intercept>, HttpError> {
        let matcher = self.proxies.get_or_init(|| match &self.grant.proxy {
            Proxy::System => Some(Matcher::from_system()),
            Proxy::None => None,
            Proxy::Url(proxy) => Some(Matcher::builder().all(proxy.as_str()).build()),
        });
        let Some(matcher) = matcher else { return Ok(None) };
        let target: http::Uri = url.as_str().parse().map_err(|_| HttpError::Invalid {
            subject: "url".to_owned(),
            reason: "it cannot be sent to a proxy".to_owned(),
        })?;
        let intercept = matcher.intercept(&target);
        let scheme = intercept.as_ref().and_then(|intercept| intercept.uri().scheme_str());
        let explicit = matches!(self.grant.proxy, Proxy::Url(_));
        match scheme {
            None if explicit => Err(site("proxy", "it is neither an `http` nor an `https` URL")),
            // Going straight instead would leave the way that the site has chosen.
            Some(scheme) if scheme.starts_with("socks") => Err(site("proxy", "SOCKS is not supported")),
            _ => Ok(intercept),
        }
    }

    fn build(&self, tls: ClientConfig, proxy: Option<&Intercept>) -> Result<reqwest::Client, HttpError> {
        let limits = &self.grant.limits;
        let resolver = Arc::clone(&self.resolver);
        let builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            // The body's own reader undoes it, within the limit.
            .no_gzip()
            .user_agent(USER_AGENT)
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(limits.concurrent)
            .http1_max_headers(MAX_HEADERS)
            .http2_max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX));
        let builder = match proxy {
            None => builder.no_proxy().dns_resolver(Guarded { grant: Arc::clone(&self.grant), resolver }),
            Some(intercept) => {
                let mut proxy = reqwest::Proxy::all(intercept.uri().to_string())
                    .map_err(|_| site("proxy", "its URL cannot be used"))?;
                if let Some(authorization) = intercept.basic_auth() {
                    proxy = proxy.custom_http_auth(authorization.clone());
                }
                builder.proxy(proxy).dns_resolver(Unguarded { resolver })
            }
        };
        builder.build().map_err(|error| site("http client", &error.without_url().to_string()))
    }

    async fn load_tls(&self) -> Result<ClientConfig, HttpError> {
        let authorities = self.grant.certificate_authorities.clone();
        // Reading the system's certificates takes some milliseconds of files and parsing.
        tokio::task::spawn_blocking(move || system_tls(&authorities))
            .await
            .map_err(|_| site("certificate authorities", "loading them failed"))?
    }
}

fn system_tls(authorities: &[CertificateAuthority]) -> Result<ClientConfig, HttpError> {
    let mut extra = Vec::new();
    for authority in authorities {
        extra.extend(read_authority(authority)?);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new_with_extra_roots(extra, Arc::clone(&provider))
        .map_err(|error| site("certificate authorities", &error.to_string()))?;
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| site("tls", &error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn read_authority(authority: &CertificateAuthority) -> Result<Vec<CertificateDer<'static>>, HttpError> {
    let (subject, pem) = match authority {
        CertificateAuthority::Pem(pem) => ("certificate authority".to_owned(), pem.clone().into_bytes()),
        CertificateAuthority::File(path) => {
            let subject = path.display().to_string();
            let pem = std::fs::read(path).map_err(|error| site(&subject, &error.to_string()))?;
            (subject, pem)
        }
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if !certificates.is_empty() => Ok(certificates),
        _ => Err(site(&subject, "there is no certificate in PEM in it")),
    }
}

/// For connections that never see TLS: it trusts nobody and reads nothing.
fn no_tls() -> Result<ClientConfig, HttpError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| site("tls", &error.to_string()))?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

fn site(subject: &str, reason: &str) -> HttpError {
    HttpError::Site { subject: subject.to_owned(), reason: reason.to_owned() }
}
