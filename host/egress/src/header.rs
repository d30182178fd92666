//! Request headers: which names a plugin may use, and which values are one line.

use http::{HeaderName, HeaderValue};

/// Headers that are the host's own: they say where a message goes and where it ends, or what the
/// host undoes.
const FORBIDDEN: &[&str] = &[
    "accept-encoding",
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Why a header is not sent. Its value is never in the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name is no token.
    #[error("`{name}` is no header name")]
    Name {
        /// The name, cut to 60 characters and escaped.
        name: String,
    },
    /// The name is one of the host's own.
    #[error("header `{name}` is the host's own")]
    Forbidden {
        /// The name.
        name: String,
    },
    /// The value has a line break, a NUL or another control character in it.
    #[error("the value of header `{name}` has a control character in it")]
    Value {
        /// The header's name.
        name: String,
    },
}

/// A header's name, in lower case.
///
/// # Errors
///
/// [`HeaderError::Name`] and [`HeaderError::Forbidden`].
pub fn header_name(name: &str) -> Result<HeaderName, HeaderError> {
    let parsed = HeaderName::from_bytes(name.as_bytes()).map_err(|_| HeaderError::Name {
        name: name.chars().take(60).collect::<String>().escape_debug().to_string(),
    })?;
    if FORBIDDEN.contains(&parsed.as_str()) || parsed.as_str().starts_with("proxy-") {
        return Err(HeaderError::Forbidden { name: parsed.as_str().to_owned() });
    }
    Ok(parsed)
}

/// A header's value, after secrets are filled in, and marked as sensitive if any were.
///
/// # Errors
///
/// [`HeaderError::Value`] for CR, LF, NUL and every other control character but the tab: no value,
/// plain or secret, can begin another header or another request.
pub fn header_value(name: &HeaderName, value: &[u8], secret: bool) -> Result<HeaderValue, HeaderError> {
    let mut parsed =
        HeaderValue::from_bytes(value).map_err(|_| HeaderError::Value { name: name.as_str().to_owned() })?;
    parsed.set_sensitive(secret);
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_hosts_own_headers_are_refused() {
        for name in [
            "Host",
            "content-length",
            "Connection",
            "TRANSFER-ENCODING",
            "te",
            "Upgrade",
            "trailer",
            "Keep-Alive",
            "Proxy-Authorization",
            "proxy-connection",
            "proxy-",
            "accept-encoding",
            "Expect",
        ] {
            assert!(matches!(header_name(name), Err(HeaderError::Forbidden { .. })), "{name}");
        }
        for name in ["", "a b", "a:b", "a\r\nb", ":path", "ü"] {
            assert!(matches!(header_name(name), Err(HeaderError::Name { .. })), "{name}");
        }
        assert_eq!(header_name("X-Auth-Token").unwrap().as_str(), "x-auth-token");
    }

    #[test]
    fn a_value_is_one_line() {
        let name = HeaderName::from_static("x-auth-token");
        for value in ["a\r\nHost: evil", "a\nb", "a\rb", "a\0b", "a\u{7f}b"] {
            assert!(header_value(&name, value.as_bytes(), true).is_err(), "{value:?}");
        }
        assert!(header_value(&name, "a\tb ü".as_bytes(), true).unwrap().is_sensitive());
    }

    proptest! {
        #[test]
        fn no_accepted_header_breaks_a_line(name in "\\PC{0,20}|[a-zA-Z-]{1,20}", value: Vec<u8>) {
            if let Ok(name) = header_name(&name)
                && let Ok(value) = header_value(&name, &value, false)
            {
                prop_assert!(!value.as_bytes().iter().any(|b| b"\r\n\0".contains(b)));
                prop_assert!(!name.as_str().bytes().any(|b| b"\r\n\0: ".contains(&b)));
            }
        }
    }
}
