//! Endpoint patterns: which origins a grant names.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use url::{Host, Url};

/// The longest name that DNS carries, in bytes.
const MAX_NAME_BYTES: usize = 253;

/// The two schemes that a request may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Without encryption.
    Http,
    /// Over TLS.
    Https,
}

impl Scheme {
    /// The port where none is written.
    #[must_use]
    pub fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// The scheme of a URL; `None` if it is neither of the two.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        match url.scheme() {
            "http" => Some(Self::Http),
            "https" => Some(Self::Https),
            _ => None,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Http => "http",
            Self::Https => "https",
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum HostPattern {
    Exact(Host<String>),
    /// Any name below this one, and not the name itself.
    Below(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum PortPattern {
    Any,
    Exact(u16),
}

/// `SCHEME://HOST[:PORT]`: the origins that an endpoint's grant names.
///
/// The scheme is `http` or `https`. The host is a name, an IPv4 address in dotted decimal or an IPv6
/// address in brackets; a name may begin with `*.`, which stands for one label or more, so that
/// `*.example.com` matches `a.example.com` and `a.b.example.com`, but neither `example.com` nor
/// `evilexample.com`. The port may be `*` for any; where there is none it is the scheme's own.
///
/// Both sides of a comparison go through the URL standard's host parser: case, one trailing dot and
/// international names (IDNA) make no difference. [`Display`](fmt::Display) gives the normal form,
/// which parses to the same pattern.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EndpointPattern {
    scheme: Scheme,
    host: HostPattern,
    port: PortPattern,
}

/// Why a text is no endpoint pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// There is no `://`, or what stands before it is neither `http` nor `https`.
    #[error("endpoint pattern `{pattern}`: it must begin with `http://` or `https://`")]
    Scheme {
        /// The text, cut to 120 characters.
        pattern: String,
    },
    /// A path, a query, a user name or another character that no origin has.
    #[error("endpoint pattern `{pattern}`: `{character}` has no place in `SCHEME://HOST[:PORT]`")]
    Character {
        /// The text, cut to 120 characters.
        pattern: String,
        /// The first character that is out of place.
        character: char,
    },
    /// A `*` that is neither the whole port nor the first label of a name.
    #[error("endpoint pattern `{pattern}`: `*` stands only for the first label of a name, or for the port")]
    Wildcard {
        /// The text, cut to 120 characters.
        pattern: String,
    },
    /// The host is no name and no address in its usual form.
    #[error("endpoint pattern `{pattern}`: the host is neither a name nor an address")]
    Host {
        /// The text, cut to 120 characters.
        pattern: String,
    },
    /// The port is neither `*` nor a number from 1 to 65535.
    #[error("endpoint pattern `{pattern}`: the port is neither `*` nor a number from 1 to 65535")]
    Port {
        /// The text, cut to 120 characters.
        pattern: String,
    },
}

impl EndpointPattern {
    /// Whether the URL's origin is one that the pattern names. A URL with user name or password
    /// matches nothing.
    #[must_use]
    pub fn matches(&self, url: &Url) -> bool {
        let (Some(scheme), Some(host), Some(port)) =
            (Scheme::of(url), host_of(url), url.port_or_known_default())
        else {
            return false;
        };
        let bare = url.username().is_empty() && url.password().is_none();
        bare && scheme == self.scheme && self.matches_port(port) && self.matches_host(&host)
    }

    /// The scheme.
    #[must_use]
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Whether it names `localhost`, and not a name below it.
    #[must_use]
    pub fn is_localhost(&self) -> bool {
        matches!(&self.host, HostPattern::Exact(Host::Domain(name)) if name == "localhost")
    }

    /// The address, where the host is one and not a name.
    #[must_use]
    pub fn literal_address(&self) -> Option<IpAddr> {
        match self.host {
            HostPattern::Exact(Host::Ipv4(address)) => Some(address.into()),
            HostPattern::Exact(Host::Ipv6(address)) => Some(address.into()),
            _ => None,
        }
    }

    fn matches_port(&self, port: u16) -> bool {
        match self.port {
            PortPattern::Any => true,
            PortPattern::Exact(own) => own == port,
        }
    }

    fn matches_host(&self, host: &Host<String>) -> bool {
        match (&self.host, host) {
            (HostPattern::Exact(own), _) => own == host,
            // The dot is the label boundary: what stands before it is at least one label.
            (HostPattern::Below(parent), Host::Domain(name)) => name
                .strip_suffix(parent.as_str())
                .and_then(|rest| rest.strip_suffix('.'))
                .is_some_and(|below| !below.is_empty() && !below.starts_with('.')),
            (HostPattern::Below(_), _) => false,
        }
    }
}

/// The host of a URL in the form that patterns compare: without a trailing dot.
#[must_use]
pub fn host_of(url: &Url) -> Option<Host<String>> {
    match url.host()? {
        Host::Domain(name) => normal_name(name).map(Host::Domain),
        Host::Ipv4(address) => Some(Host::Ipv4(address)),
        Host::Ipv6(address) => Some(Host::Ipv6(address)),
    }
}

/// The origin of a URL as messages spell it, `https://a.example:8443`, without a default port.
#[must_use]
pub fn origin_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// Lower case without one trailing dot; `None` if a label is empty or the name is too long.
fn normal_name(name: &str) -> Option<String> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let fits = !name.is_empty() && name.len() <= MAX_NAME_BYTES && name.split('.').all(|l| !l.is_empty());
    fits.then(|| name.to_ascii_lowercase())
}

impl FromStr for EndpointPattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let pattern = || text.chars().take(120).collect::<String>();
        let (scheme, rest) =
            text.split_once("://").ok_or_else(|| PatternError::Scheme { pattern: pattern() })?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return Err(PatternError::Scheme { pattern: pattern() }),
        };
        if let Some(character) = rest.chars().find(|c| is_out_of_place(*c)) {
            return Err(PatternError::Character { pattern: pattern(), character });
        }
        let (host, port) = split_port(rest).ok_or_else(|| PatternError::Host { pattern: pattern() })?;
        let host = match host.strip_prefix("*.") {
            _ if host.strip_prefix("*.").unwrap_or(host).contains('*') => {
                return Err(PatternError::Wildcard { pattern: pattern() });
            }
            Some(parent) => match parse_host(parent) {
                Some(Host::Domain(name)) => HostPattern::Below(name),
                _ => return Err(PatternError::Host { pattern: pattern() }),
            },
            None => {
                HostPattern::Exact(parse_host(host).ok_or_else(|| PatternError::Host { pattern: pattern() })?)
            }
        };
        let port = match port {
            None => PortPattern::Exact(scheme.default_port()),
            Some("*") => PortPattern::Any,
            Some(digits) => PortPattern::Exact(
                parse_port(digits).ok_or_else(|| PatternError::Port { pattern: pattern() })?,
            ),
        };
        Ok(Self { scheme, host, port })
    }
}

/// Characters that would begin another part of a URL, that a host parser would decode or drop, or
/// that show a setting which nobody filled in.
fn is_out_of_place(character: char) -> bool {
    character.is_whitespace() || character.is_control() || "/?#@\\%{}<>|^`\"".contains(character)
}

/// Splits `HOST[:PORT]`; an IPv6 address keeps its brackets.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    let after =
        if text.starts_with('[') { text.find(']')? + 1 } else { text.find(':').unwrap_or(text.len()) };
    let (host, rest) = text.split_at_checked(after)?;
    match rest.strip_prefix(':') {
        Some(port) => Some((host, Some(port))),
        None if rest.is_empty() => Some((host, None)),
        None => None,
    }
}

fn parse_host(text: &str) -> Option<Host<String>> {
    match Host::parse(text).ok()? {
        Host::Domain(name) => normal_name(&name).map(Host::Domain),
        // The standard also reads `0x7f.1` and `2130706433` as addresses: not in a grant, where a
        // person has to see what is granted.
        Host::Ipv4(address) => (address.to_string() == text).then_some(Host::Ipv4(address)),
        Host::Ipv6(address) => Some(Host::Ipv6(address)),
    }
}

fn parse_port(digits: &str) -> Option<u16> {
    let plain = digits.len() <= 5 && digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    if plain { digits.parse().ok() } else { None }
}

impl fmt::Display for EndpointPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme)?;
        match &self.host {
            HostPattern::Exact(host) => write!(f, "{host}")?,
            HostPattern::Below(parent) => write!(f, "*.{parent}")?,
        }
        match self.port {
            PortPattern::Any => f.write_str(":*"),
            PortPattern::Exact(port) if port == self.scheme.default_port() => Ok(()),
            PortPattern::Exact(port) => write!(f, ":{port}"),
        }
    }
}

impl TryFrom<String> for EndpointPattern {
    type Error = PatternError;

    fn try_from(text: String) -> Result<Self, PatternError> {
        text.parse()
    }
}

impl From<EndpointPattern> for String {
    fn from(pattern: EndpointPattern) -> Self {
        pattern.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, url: &str) -> bool {
        pattern.parse::<EndpointPattern>().unwrap().matches(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_pattern_names_scheme_host_and_port() {
        assert!(matches("https://api.example.com", "https://api.example.com/v3?q=1"));
        assert!(matches("https://api.example.com", "https://api.example.com:443/"));
        assert!(!matches("https://api.example.com", "http://api.example.com:443/"));
        assert!(!matches("https://api.example.com", "https://api.example.com:8443/"));
        assert!(matches("https://api.example.com:*", "https://api.example.com:8443/"));
        assert!(matches("http://api.example.com:8080", "http://api.example.com:8080/"));
        assert!(!matches("https://api.example.com", "https://user@api.example.com/"));
    }

    #[test]
    fn a_wildcard_ends_at_a_label_boundary() {
        assert!(matches("https://*.example.com", "https://a.example.com/"));
        assert!(matches("https://*.example.com", "https://a.b.example.com/"));
        assert!(!matches("https://*.example.com", "https://example.com/"));
        assert!(!matches("https://*.example.com", "https://evilexample.com/"));
        assert!(!matches("https://*.example.com", "https://a.example.com.evil.org/"));
        assert!(!matches("https://*.example.com", "https://[::1]/"));
    }

    #[test]
    fn both_sides_are_normalised_alike() {
        assert!(matches("HTTPS://API.Example.COM.", "https://api.example.com/"));
        assert!(matches("https://api.example.com", "https://API.EXAMPLE.COM./"));
        assert!(matches("https://bücher.example", "https://xn--bcher-kva.example/"));
        assert!(matches("https://xn--bcher-kva.example", "https://BÜCHER.example/"));
        assert!(matches("https://*.bücher.example", "https://a.xn--bcher-kva.example./"));
        assert!(matches("http://127.0.0.1", "http://0x7f.1/"));
        assert!(matches("http://[::1]:8080", "http://[0:0:0:0:0:0:0:1]:8080/"));
        assert!(!matches("http://127.0.0.1", "http://[::ffff:127.0.0.1]/"));
    }

    #[test]
    fn what_is_no_pattern_says_why() {
        let error = |text: &str| text.parse::<EndpointPattern>().unwrap_err();
        for text in ["", "example.com", "ftp://example.com", "://x", "*://example.com"] {
            assert!(matches!(error(text), PatternError::Scheme { .. }), "{text}");
        }
        for text in
            ["https://a/", "https://u@a", "https://a?b", "https://a b", "https://{region}.a", "https://a%2eb"]
        {
            assert!(matches!(error(text), PatternError::Character { .. }), "{text}");
        }
        for text in ["https://*", "https://a.*.b", "https://*a.b", "https://*.*.b", "https://*.a*"] {
            assert!(matches!(error(text), PatternError::Wildcard { .. }), "{text}");
        }
        for text in [
            "https://",
            "https://.",
            "https://a..b",
            "https://*.",
            "https://*.1.2.3.4",
            "https://*.[::1]",
            "https://[::1",
            "https://[::1]x",
            "https://::1",
            "https://0x7f.1",
            "https://2130706433",
            "https://:443",
        ] {
            assert!(matches!(error(text), PatternError::Host { .. } | PatternError::Port { .. }), "{text}");
        }
        for text in
            ["https://a:", "https://a:0", "https://a:65536", "https://a:+1", "https://a:01", "https://a:1:2"]
        {
            assert!(matches!(error(text), PatternError::Port { .. }), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_round_trips(text in "(https?://)?(\\*\\.)?[a-zA-Z0-9.\\[\\]:*ü%/ -]{0,30}(:[0-9*]{0,6})?") {
            if let Ok(pattern) = text.parse::<EndpointPattern>() {
                prop_assert_eq!(pattern.to_string().parse::<EndpointPattern>(), Ok(pattern));
            }
        }

        #[test]
        fn any_characters_at_all_do_not_panic(text in "\\PC{0,60}") {
            let _ = text.parse::<EndpointPattern>();
            let _ = format!("https://{text}").parse::<EndpointPattern>();
        }

        #[test]
        fn an_exact_pattern_matches_only_its_own_origin(
            host in "[a-z]{1,8}(\\.[a-z]{1,8}){0,3}", port in 1u16.., other in "[a-z]{1,8}(\\.[a-z]{1,8}){0,3}",
        ) {
            let pattern: EndpointPattern = format!("https://{host}:{port}").parse().unwrap();
            let own = Url::parse(&format!("https://{host}:{port}/x")).unwrap();
            prop_assert!(pattern.matches(&own));
            let foreign = Url::parse(&format!("https://{other}:{port}/x")).unwrap();
            prop_assert_eq!(pattern.matches(&foreign), host == other);
        }

        #[test]
        fn a_wildcard_matches_exactly_the_names_below(parent in "[a-z]{1,6}\\.[a-z]{1,6}", label in "[a-z]{1,6}") {
            let pattern: EndpointPattern = format!("https://*.{parent}").parse().unwrap();
            let matches = |host: String| pattern.matches(&Url::parse(&format!("https://{host}/")).unwrap());
            let names = [format!("{label}.{parent}"), format!("{label}{parent}"), format!("{parent}.{label}.org")];
            prop_assert_eq!(names.map(matches), [true, false, false]);
            prop_assert!(!matches(parent));
        }
    }
}
