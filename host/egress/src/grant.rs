//! The grant: what one tenant allows one plugin to reach.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use url::{Host, Url};

use crate::address::{SpecialAddress, classify};
use crate::client::Rate;
use crate::denial::Denial;
use crate::pattern::{EndpointPattern, host_of, origin_of};
use crate::request::Method;

/// What one tenant allows one plugin to reach, and how. The default allows nothing.
#[derive(Debug, Clone, Default)]
pub struct Grant {
    /// The places that may be asked. None: every request is denied.
    pub endpoints: Vec<EndpointGrant>,
    /// Networks whose addresses may be dialled although they are not public.
    ///
    /// A network allows the private addresses in it. Loopback, link-local, metadata and the other
    /// special addresses are allowed only by a network that lies within their own range, so that
    /// `0.0.0.0/0` does not reach `169.254.169.254` and `169.254.169.254/32` does.
    pub networks: Vec<IpNet>,
    /// The site's certificate authorities, besides those of the system.
    pub certificate_authorities: Vec<CertificateAuthority>,
    /// The way out.
    pub proxy: Proxy,
    /// What one client may use up.
    pub limits: HttpLimits,
    /// What the cloud tolerates, by bucket. The last of one name counts.
    pub rates: Vec<Rate>,
}

/// One place that may be asked, and the credentials that may be sent there.
#[derive(Debug, Clone)]
pub struct EndpointGrant {
    /// The name, as the driver declares it and as messages spell it.
    pub name: String,
    /// Which origins it is.
    pub pattern: EndpointPattern,
    /// Names of the credentials that may be sent there.
    pub credentials: BTreeSet<String>,
    /// Whether they may be sent without TLS. Off unless the operator says so.
    pub plaintext_credentials: bool,
}

/// Certificates that the site trusts, in PEM.
#[derive(Debug, Clone)]
pub enum CertificateAuthority {
    /// The text itself.
    Pem(String),
    /// A file, read at the first `https` request.
    File(PathBuf),
}

/// How requests leave the site.
///
/// Through a proxy it is the proxy that resolves names: the host checks the name against the
/// endpoints and sees no address, so that a name which the proxy resolves to a private or metadata
/// address is the proxy's to refuse. The address of the proxy itself is the operator's choice and
/// is not checked.
#[derive(Clone, Default)]
pub enum Proxy {
    /// As the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`) or the system says.
    #[default]
    System,
    /// Straight.
    None,
    /// This one for everything: `http` or `https`, with user name and password where it needs them.
    Url(Url),
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System => f.write_str("System"),
            Self::None => f.write_str("None"),
            // The URL may carry a password.
            Self::Url(url) => write!(f, "Url({})", origin_of(url)),
        }
    }
}

/// What one client may use up. A plugin may ask for less, never for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpLimits {
    /// Requests at once; more wait. 8.
    pub concurrent: usize,
    /// The body of a request, and that of a response after decoding, in bytes. 32 MiB each.
    pub body_bytes: usize,
    /// The headers of a request, and those of a response, in bytes. 128 KiB each.
    pub header_bytes: usize,
    /// Redirects that are followed. 5.
    pub redirects: u32,
    /// The whole exchange, with all waiting and resending. 60 s.
    pub exchange: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            concurrent: 8,
            body_bytes: 32 << 20,
            header_bytes: 128 << 10,
            redirects: 5,
            exchange: Duration::from_secs(60),
        }
    }
}

impl Grant {
    /// The endpoints that name this URL's origin: the decision by name.
    ///
    /// # Errors
    ///
    /// [`Denial::Endpoint`] if none does.
    pub fn endpoints_for(&self, method: Method, url: &Url) -> Result<Vec<&EndpointGrant>, Denial> {
        let endpoints: Vec<_> = self.endpoints.iter().filter(|e| e.pattern.matches(url)).collect();
        if endpoints.is_empty() {
            return Err(Denial::Endpoint { method, origin: origin_of(url), redirected_by: None });
        }
        Ok(endpoints)
    }

    /// Whether an address that a name resolved to may be dialled: the decision by address.
    ///
    /// # Errors
    ///
    /// What the address is, if no granted network names it.
    pub fn address(&self, name: &str, address: IpAddr) -> Result<(), SpecialAddress> {
        let Some(special) = classify(address) else { return Ok(()) };
        // A request for `localhost` got here by an endpoint that says `localhost`.
        let is_localhost = name.eq_ignore_ascii_case("localhost")
            && special.kind == crate::address::AddressKind::Loopback
            && self.endpoints.iter().any(|e| e.pattern.is_localhost());
        if is_localhost || self.networks.iter().any(|network| special.is_named_by(network)) {
            return Ok(());
        }
        Err(special)
    }

    /// Whether an address that is written in the URL may be dialled.
    ///
    /// # Errors
    ///
    /// What the address is, if neither an endpoint nor a granted network names it.
    pub fn literal(&self, url: &Url) -> Result<(), SpecialAddress> {
        let address = match host_of(url) {
            Some(Host::Ipv4(address)) => IpAddr::V4(address),
            Some(Host::Ipv6(address)) => IpAddr::V6(address),
            _ => return Ok(()),
        };
        // Today no wildcard stands for an address, so that a pattern which matches has named this very
        // one. Should that change, this still asks for the address itself.
        let names_it =
            |e: &EndpointGrant| e.pattern.literal_address() == Some(address) && e.pattern.matches(url);
        if self.endpoints.iter().any(names_it) {
            return Ok(());
        }
        self.address("", address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(patterns: &[&str], networks: &[&str]) -> Grant {
        Grant {
            endpoints: patterns
                .iter()
                .map(|pattern| EndpointGrant {
                    name: (*pattern).to_owned(),
                    pattern: pattern.parse().unwrap(),
                    credentials: BTreeSet::new(),
                    plaintext_credentials: false,
                })
                .collect(),
            networks: networks.iter().map(|n| n.parse().unwrap()).collect(),
            ..Grant::default()
        }
    }

    #[test]
    fn the_empty_grant_allows_nothing() {
        let grant = Grant::default();
        for url in ["https://example.com/", "http://127.0.0.1/", "http://localhost/"] {
            let url = Url::parse(url).unwrap();
            assert!(matches!(grant.endpoints_for(Method::Get, &url), Err(Denial::Endpoint { .. })));
        }
        assert!(grant.address("example.com", "10.0.0.1".parse().unwrap()).is_err());
        assert!(grant.literal(&Url::parse("http://127.0.0.1/").unwrap()).is_err());
    }

    #[test]
    fn localhost_by_name_is_loopback_and_nothing_else() {
        let named = grant(&["http://localhost:8080"], &[]);
        assert!(named.address("localhost", "127.0.0.1".parse().unwrap()).is_ok());
        assert!(named.address("localhost", "::1".parse().unwrap()).is_ok());
        assert!(named.address("localhost", "169.254.169.254".parse().unwrap()).is_err());
        assert!(named.address("example.com", "127.0.0.1".parse().unwrap()).is_err());
        assert!(
            grant(&["http://example.com"], &[]).address("localhost", "127.0.0.1".parse().unwrap()).is_err()
        );
    }

    #[test]
    fn an_address_in_the_url_needs_a_pattern_that_names_it() {
        let named = grant(&["http://169.254.169.254"], &[]);
        assert!(named.literal(&Url::parse("http://169.254.169.254/x").unwrap()).is_ok());
        assert!(named.literal(&Url::parse("http://[::ffff:169.254.169.254]/x").unwrap()).is_err());
        // The same address behind a name is not what the pattern names.
        assert!(named.address("example.com", "169.254.169.254".parse().unwrap()).is_err());
    }

    #[test]
    fn a_proxy_does_not_show_its_password() {
        let proxy = Proxy::Url(Url::parse("http://user:hunter22@proxy.example:3128").unwrap());
        assert_eq!(format!("{proxy:?}"), "Url(http://proxy.example:3128)");
    }
}
