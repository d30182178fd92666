//! Nova's microversions: regions of one cloud differ.

use serde::{Deserialize, Serialize};
use skywright_sdk::prelude::*;
use skywright_sdk::{cache, log, url};

/// The version that gives a flavor its extra specs in the listing. Newer ones are not asked for: what an
/// answer means is thereby the same on every cloud.
const WANTED: Microversion = Microversion { major: 2, minor: 61 };

/// The version from which all of OpenStack shares one header.
const COMMON_HEADER: Microversion = Microversion { major: 2, minor: 27 };

/// How long an answer is believed, in seconds: clouds are upgraded by night.
const KEPT_S: u32 = 86_400;

/// `2.61`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Microversion {
    major: u16,
    minor: u16,
}

impl Microversion {
    /// `major.minor`.
    pub(crate) const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    fn parse(text: &str) -> Option<Self> {
        let (major, minor) = text.split_once('.')?;
        Some(Self { major: major.parse().ok()?, minor: minor.parse().ok()? })
    }

    /// The header that asks for it.
    pub(crate) fn header(self) -> (&'static str, String) {
        let Self { major, minor } = self;
        if self >= COMMON_HEADER {
            ("openstack-api-version", format!("compute {major}.{minor}"))
        } else {
            ("x-openstack-nova-api-version", format!("{major}.{minor}"))
        }
    }
}

/// The version to ask this Nova for; `None` where it has none, and then its answers are of 2.0.
pub(crate) fn negotiate(compute: &Client) -> Result<Option<Microversion>, Error> {
    let root = version_root(compute.base());
    cache::get_or(&format!("compute-version {root}"), KEPT_S, || {
        let document: Result<Document, Error> = compute.get(&format!("{root}/")).json();
        let range = match document {
            Ok(document) => document.version,
            // Some proxies hide the document; 2.1 without a version is always understood.
            Err(error) if hides(&error) => {
                log::warn!("Nova does not say its version: {}", error.message; root = root);
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        Ok(choose(Microversion::parse(&range.min_version), Microversion::parse(&range.version)))
    })
}

fn hides(error: &Error) -> bool {
    matches!(error.category, Category::NotFound | Category::Forbidden | Category::Unsupported)
        || error.code == "unexpected-answer"
}

fn choose(min: Option<Microversion>, max: Option<Microversion>) -> Option<Microversion> {
    let chosen = max?.min(WANTED);
    min.is_none_or(|min| min <= chosen).then_some(chosen)
}

/// Where the version document is: the endpoint without the project that old catalogs append.
fn version_root(base: &str) -> String {
    let Some((origin, path)) = url::split_origin(base) else { return base.to_owned() };
    let segments: Vec<&str> = path.split('/').collect();
    let end =
        segments.iter().position(|s| *s == "v2" || s.starts_with("v2.")).map_or(segments.len(), |at| at + 1);
    format!("{origin}{}", segments[..end].join("/"))
}

#[derive(Deserialize)]
struct Document {
    version: Range,
}

#[derive(Deserialize)]
struct Range {
    version: String,
    min_version: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Option<Microversion> {
        Microversion::parse(text)
    }

    #[test]
    fn as_much_as_is_wanted_and_no_more() {
        assert_eq!(choose(version("2.1"), version("2.104")), Some(WANTED));
        assert_eq!(choose(version("2.1"), version("2.25")), version("2.25"));
        assert_eq!(choose(version("2.70"), version("2.104")), None);
        assert_eq!(choose(version(""), version("")), None);
    }

    #[test]
    fn versions_are_numbers() {
        assert!(version("2.9") < version("2.10"));
        assert_eq!(version("2"), None);
    }

    #[test]
    fn an_old_nova_is_asked_in_its_own_words() {
        assert_eq!(version("2.61").unwrap().header(), ("openstack-api-version", "compute 2.61".to_owned()));
        assert_eq!(version("2.26").unwrap().header(), ("x-openstack-nova-api-version", "2.26".to_owned()));
    }

    #[test]
    fn the_document_is_above_the_project() {
        assert_eq!(version_root("http://a:8774/v2.1"), "http://a:8774/v2.1");
        assert_eq!(version_root("http://a:8774/v2.1/0123"), "http://a:8774/v2.1");
        assert_eq!(version_root("http://a/compute/v2/v2.project"), "http://a/compute/v2");
        assert_eq!(version_root("http://a/compute"), "http://a/compute");
    }
}
