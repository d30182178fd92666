//! Where a mirror is.

use std::fmt;
use std::str::FromStr;

use oci_client::Reference;
use skywright_registry::Error;
use skywright_registry::tuf::TargetPath;

/// `oci://HOST[:PORT]/PREFIX`: a registry, and the prefix of the repositories of a mirror in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    host: String,
    prefix: String,
}

impl Location {
    /// The registry, with its port if it has one.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// What stands before every repository's name.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the registry is on this machine: then it may be reached without TLS.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        let name = self.host.rsplit_once(':').map_or(self.host.as_str(), |(name, _)| name);
        let address = name.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
        name == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    pub(crate) fn metadata(&self) -> Reference {
        self.tagged("/tuf-metadata", "latest")
    }

    pub(crate) fn bundle(&self, tag: &str) -> Reference {
        self.tagged("", tag)
    }

    /// The artifact that has the target among its layers.
    pub(crate) fn artifact(&self, path: &TargetPath) -> Reference {
        match path.plugin() {
            Some(file) => self.tagged(&format!("/plugins/{}", file.id), &file.version.to_string()),
            None => self.tagged("/registry", "latest"),
        }
    }

    fn tagged(&self, below: &str, tag: &str) -> Reference {
        Reference::with_tag(self.host.clone(), format!("{}{below}", self.prefix), tag.to_owned())
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "oci://{}/{}", self.host, self.prefix)
    }
}

impl FromStr for Location {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |reason: &str| {
            let shown = text.chars().filter(|c| !c.is_control()).take(120).collect();
            // What stands before an `@` may be a password.
            let location = if text.contains('@') { "the location".to_owned() } else { shown };
            Error::Transport { location, reason: reason.to_owned() }
        };
        let rest = text.strip_prefix("oci://").ok_or_else(|| wrong("it does not begin with `oci://`"))?;
        let (host, prefix) = rest
            .split_once('/')
            .ok_or_else(|| wrong("a host and a prefix are expected: oci://HOST/PREFIX"))?;
        if !is_host(host) {
            return Err(wrong("there is no name of a host in it; a login is not written here"));
        }
        if prefix.len() > 120 || !prefix.split('/').all(is_segment) {
            return Err(wrong("its prefix is not lower-case letters, digits, `.`, `-`, `_`, apart by `/`"));
        }
        Ok(Self { host: host.to_owned(), prefix: prefix.to_owned() })
    }
}

fn is_host(host: &str) -> bool {
    (1..=253).contains(&host.len())
        && host.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'-' | b':' | b'[' | b']'))
}

/// As the distribution specification has it.
fn is_segment(segment: &str) -> bool {
    let is_word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = segment.as_bytes();
    bytes.first().is_some_and(|c| is_word(*c))
        && bytes.last().is_some_and(|c| is_word(*c))
        && bytes.iter().all(|c| is_word(*c) || matches!(c, b'.' | b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_a_host_and_a_prefix_and_nothing_else() {
        for good in [
            "oci://localhost:5000/plugins",
            "oci://registry.example.org/team/mirror.v1",
            "oci://[::1]:5000/x",
        ] {
            assert_eq!(good.parse::<Location>().unwrap().to_string(), good);
        }
        for bad in [
            "oci://",
            "oci://host",
            "oci://host/",
            "oci:///x",
            "https://host/x",
            "oci://host/UP",
            "oci://host/a//b",
            "oci://host/../x",
            "oci://host/a:tag",
            "oci://host/-a",
            "oci://host/a?b",
            "oci://host/a\n",
        ] {
            assert!(bad.parse::<Location>().is_err(), "{bad}");
        }
        let error = "oci://me:hunter2@host/x".parse::<Location>().unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }

    #[test]
    fn only_this_machine_is_loopback() {
        let loopback = |text: &str| text.parse::<Location>().unwrap().is_loopback();
        for near in ["oci://localhost/x", "oci://127.0.0.1:5000/x", "oci://127.9.9.9/x", "oci://[::1]:5000/x"]
        {
            assert!(loopback(near), "{near}");
        }
        for far in
            ["oci://localhost.example.org/x", "oci://128.0.0.1:5000/x", "oci://127.0.0.1.example.org/x"]
        {
            assert!(!loopback(far), "{far}");
        }
    }
}
