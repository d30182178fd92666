//! Labels and tags: the catalogue of those that a tenant uses, and those of each resource.
//!
//! A label is a key with a value, a tag a word alone. They stand in the resource's record and, for whatever the
//! cloud keeps tags of, on the resource itself; both change in the same moment. A catalogued label has a value
//! for those who bind it without one.

mod bind;
mod catalogue;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use skywright_state::{Found, Key, StoreExt as _};

use super::network::NetworkBody;
use super::record::{Kind, Record};
use super::subnet::SubnetBody;
use crate::error::Error;
use crate::name::Name;
use crate::tenancy::Tenancy;

pub use bind::{ChangeLabels, LabelEdit};
pub use catalogue::{DeleteLabel, LabelView, LabelledView};

pub(super) use bind::PlannedLabels;

/// The longest value, in characters: what clouds take beside a key of the longest name.
pub const MAX_LABEL_VALUE: usize = 190;

/// The key that says in the cloud that a resource is managed.
const MANAGED_BY: &str = "managed-by";

/// Labels or tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelKind {
    /// Keys with values.
    Label,
    /// Words.
    Tag,
}

impl LabelKind {
    /// The word for people and scripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Label => "label",
            Self::Tag => "tag",
        }
    }
}

/// What a listing is cut down to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LabelFilter {
    /// Keys that have to be there, with a value where it has to be that one.
    pub labels: Vec<(String, Option<String>)>,
    /// Tags that have to be there.
    pub tags: Vec<String>,
}

impl LabelFilter {
    /// Whether something with these labels and tags is meant.
    #[must_use]
    pub fn matches(&self, labels: &BTreeMap<String, String>, tags: &[String]) -> bool {
        let labelled = |(key, value): &(String, Option<String>)| {
            labels.get(key).is_some_and(|there| value.as_ref().is_none_or(|value| value == there))
        };
        self.labels.iter().all(labelled) && self.tags.iter().all(|tag| tags.contains(tag))
    }
}

/// A resource whose kind does not matter.
type AnyRecord = Record<Value>;

/// That a text can be a label's name, or a tag.
///
/// # Errors
///
/// [`Error::Name`], or [`Error::Invalid`] for the one that says that a resource is managed.
pub fn check_label_name(text: &str) -> Result<(), Error> {
    let name: Name = text.parse()?;
    if name.as_str() == MANAGED_BY {
        let reason = "it says in the cloud whose the resource is".to_owned();
        return Err(Error::Invalid { what: format!("label `{name}`"), reason });
    }
    Ok(())
}

/// That a text can be a label's value.
///
/// # Errors
///
/// [`Error::Invalid`] if it is too long, or has control characters.
pub fn check_label_value(text: &str) -> Result<(), Error> {
    if text.chars().count() <= MAX_LABEL_VALUE && !text.contains(char::is_control) {
        return Ok(());
    }
    let reason = format!("a value has at most {MAX_LABEL_VALUE} characters, and no control characters");
    Err(Error::Invalid { what: "label".to_owned(), reason })
}

fn printable_name(name: &str) -> String {
    name.chars().take(80).flat_map(char::escape_debug).collect()
}

/// What of a record's key is its name: its path.
fn path_name(kind: Kind, key: &Key) -> String {
    let segments: Vec<_> = key.segments().collect();
    let own = match kind {
        Kind::VirtualIp => 3,
        Kind::Subnet | Kind::SecurityGroup => 2,
        _ => 1,
    };
    segments[segments.len().saturating_sub(own)..].join("/")
}

impl Tenancy {
    fn label_key(&self, kind: LabelKind, name: &str) -> Result<Key, Error> {
        let folder = match kind {
            LabelKind::Label => "labels",
            LabelKind::Tag => "tags",
        };
        Ok(Key::of(["tenants", self.name(), folder, name])?)
    }

    /// A record of any kind, by its path.
    async fn any_record(&self, kind: Kind, path: &[String]) -> Result<Found<AnyRecord>, Error> {
        let mut path: Vec<String> = path.to_vec();
        if let (Kind::Subnet | Kind::SecurityGroup | Kind::VirtualIp, Some(network)) =
            (kind, path.first_mut())
            && network != super::NO_NETWORK
        {
            *network = self.record::<NetworkBody>(&[network]).await?.value.name.to_string();
        }
        if let (Kind::VirtualIp, [network, subnet, _]) = (kind, path.as_mut_slice()) {
            *subnet = self.record::<SubnetBody>(&[network, subnet]).await?.value.name.to_string();
        }
        let segments: Vec<&str> = path.iter().map(String::as_str).collect();
        if let Ok(key) = self.record_key(kind, &segments)
            && let Some(found) = self.store().get_json(&key).await?
        {
            return Ok(found);
        }
        let reference = path.last().map(String::as_str).unwrap_or_default();
        let mut records: Vec<Found<AnyRecord>> =
            self.store().list_json(&self.record_key(kind, &[])?.below()).await?;
        match records.iter().position(|found| found.value.cloud_id.as_deref() == Some(reference)) {
            Some(position) => Ok(records.swap_remove(position)),
            None => Err(Error::NoSuch {
                kind: kind.name(),
                name: printable_name(&path.join("/")),
                known: records.iter().map(|found| path_name(kind, &found.key)).collect(),
            }),
        }
    }

    async fn all_records(&self) -> Result<Vec<(Kind, Found<AnyRecord>)>, Error> {
        let mut all = Vec::new();
        for kind in Kind::ALL {
            let found: Vec<Found<AnyRecord>> =
                self.store().list_json(&self.record_key(kind, &[])?.below()).await?;
            all.extend(found.into_iter().map(|found| (kind, found)));
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_a_filter_lets_through() {
        let (labels, tags) = (labels(&[("role", "db"), ("empty", "")]), ["blue".to_owned()]);
        let filter = |wanted: &[(&str, Option<&str>)], words: &[&str]| LabelFilter {
            labels: wanted.iter().map(|(k, v)| ((*k).to_owned(), v.map(str::to_owned))).collect(),
            tags: words.iter().map(|word| (*word).to_owned()).collect(),
        };
        for right in [
            filter(&[], &[]),
            filter(&[("role", None)], &[]),
            filter(&[("role", Some("db"))], &["blue"]),
            filter(&[("empty", Some(""))], &[]),
        ] {
            assert!(right.matches(&labels, &tags), "{right:?}");
        }
        for wrong in [
            filter(&[("role", Some("web"))], &[]),
            filter(&[("rule", None)], &[]),
            filter(&[("role", None)], &["green"]),
            filter(&[("role", Some(""))], &[]),
        ] {
            assert!(!wrong.matches(&labels, &tags), "{wrong:?}");
        }
    }

    #[test]
    fn names_and_values_that_clouds_take() {
        assert!(check_label_name("role").is_ok() && check_label_value("").is_ok());
        for name in ["", "a=b", "managed-by", "a b", "-a"] {
            assert!(check_label_name(name).is_err(), "{name}");
        }
        for value in ["a\nb", &"x".repeat(MAX_LABEL_VALUE + 1)] {
            assert!(check_label_value(value).is_err(), "{value}");
        }
        // Neutron keeps both in one text of 255 characters.
        const { assert!(Name::MAX_BYTES + 1 + MAX_LABEL_VALUE < 255) };
    }

    #[test]
    fn a_path_is_what_its_kind_has() {
        let key = |text: &str| Key::new(text).unwrap();
        assert_eq!(path_name(Kind::Host, &key("tenants/t/resources/host/web")), "web");
        assert_eq!(path_name(Kind::Subnet, &key("tenants/t/resources/subnet/lab/front")), "lab/front");
        assert_eq!(
            path_name(Kind::VirtualIp, &key("tenants/t/resources/virtual-ip/lab/front/api")),
            "lab/front/api"
        );
        assert_eq!(path_name(Kind::SecurityGroup, &key("tenants/t/resources/security-group/-/a")), "-/a");
    }
}
