//! Nova's and Cinder's metadata: the intent and the tags, and what others keep there.
//!
//! A tag is an item of its own under its own key. What a cloud keeps among a tenant's items is known by its
//! key ([`is_foreign`]): it is no tag, and it stays when the tags are replaced. Any other item is a tag,
//! whoever put it there, and replaced with the tags.

use std::collections::BTreeMap;

use serde::Deserialize;
use skywright_sdk::prelude::*;

/// The item that carries the intent's key.
pub(crate) const INTENT: &str = "skywright-intent";

/// The longest key and the longest value, in characters.
const LONGEST: usize = 255;

/// Items that clouds keep for themselves, by the beginning of their keys.
const FOREIGN_PREFIXES: &[&str] = &["__", "metering.", "cascaded."];

/// Items that clouds keep for themselves: Cinder's of an attachment, and those of the Huawei family.
const FOREIGN: &[&str] = &[
    "attached_mode",
    "readonly",
    "charging_mode",
    "vpc_id",
    "os_bit",
    "os_type",
    "image_name",
    "EcmResStatus",
];

/// The items of a server or a volume.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(transparent)]
pub(crate) struct Metadata(BTreeMap<String, String>);

impl Metadata {
    /// What a new resource carries.
    ///
    /// # Errors
    ///
    /// `bad-tag` for one that no cloud would take.
    pub(crate) fn of(key: &str, tags: &[KeyValue]) -> Result<BTreeMap<String, String>, Error> {
        let mut items = BTreeMap::from([(INTENT.to_owned(), key.to_owned())]);
        for tag in tags {
            items.insert(checked(tag)?.key.clone(), tag.value.clone());
        }
        Ok(items)
    }

    /// The key of the intent that it was made with.
    pub(crate) fn intent(&self) -> Option<&str> {
        self.0.get(INTENT).map(String::as_str)
    }

    /// The tags.
    pub(crate) fn tags(&self) -> Vec<KeyValue> {
        let tags = self.0.iter().filter(|(key, _)| !is_kept(key));
        tags.map(|(key, value)| KeyValue::new(key, value)).collect()
    }

    /// Whether it has every one of these tags.
    pub(crate) fn has(&self, tags: &[KeyValue]) -> bool {
        tags.iter().all(|tag| !is_kept(&tag.key) && self.0.get(&tag.key) == Some(&tag.value))
    }

    /// All the items when these are the tags.
    ///
    /// # Errors
    ///
    /// `bad-tag`.
    pub(crate) fn with_tags(self, tags: &[KeyValue]) -> Result<BTreeMap<String, String>, Error> {
        let mut items = self.0;
        items.retain(|key, _| is_kept(key));
        for tag in tags {
            items.insert(checked(tag)?.key.clone(), tag.value.clone());
        }
        Ok(items)
    }
}

fn is_kept(key: &str) -> bool {
    key == INTENT || is_foreign(key)
}

/// Whether a cloud keeps this item for itself.
fn is_foreign(key: &str) -> bool {
    FOREIGN.contains(&key) || FOREIGN_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
}

fn checked(tag: &KeyValue) -> Result<&KeyValue, Error> {
    let too_long = |text: &str| text.chars().count() > LONGEST;
    let reason = if tag.key.is_empty() {
        "it has no key"
    } else if is_kept(&tag.key) {
        "its key is reserved"
    } else if too_long(&tag.key) || too_long(&tag.value) {
        "a key or a value has at most 255 characters"
    } else {
        return Ok(tag);
    };
    Err(Error::invalid("bad-tag", format!("a tag cannot be set: {reason}")).with_subject(&tag.key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metadata(items: &[(&str, &str)]) -> Metadata {
        Metadata(items.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn tags_are_items_of_their_own() {
        let items = Metadata::of("k", &[KeyValue::new("a", "1")]).unwrap();
        let read = Metadata(items);
        assert_eq!(read.intent(), Some("k"));
        assert_eq!(read.tags(), [KeyValue::new("a", "1")]);
        assert!(read.has(&[]) && read.has(&[KeyValue::new("a", "1")]));
        assert!(!read.has(&[KeyValue::new("a", "2")]) && !read.has(&[KeyValue::new("b", "")]));
        assert!(!read.has(&[KeyValue::new(INTENT, "k")]));
    }

    #[test]
    fn what_the_cloud_put_there_is_no_tag_and_stays() {
        let read = metadata(&[(INTENT, "k"), ("readonly", "False"), ("__x", "y"), ("old", "1")]);
        assert_eq!(read.tags(), [KeyValue::new("old", "1")]);
        let items = read.with_tags(&[KeyValue::new("new", "2")]).unwrap();
        let keys: Vec<&str> = items.keys().map(String::as_str).collect();
        assert_eq!(keys, ["__x", "new", "readonly", INTENT]);
    }

    #[test]
    fn what_no_cloud_would_take_is_refused() {
        for (key, value) in
            [("", "x"), (INTENT, "x"), ("__x", "x"), (&"k".repeat(256), ""), ("k", &"ü".repeat(256))]
        {
            let error = Metadata::of("k", &[KeyValue::new(key, value)]).unwrap_err();
            assert_eq!((error.category, error.subject.as_deref()), (Category::InvalidRequest, Some(key)));
        }
        assert!(Metadata::of("k", &[KeyValue::new("k", "ü".repeat(255))]).is_ok());
    }
}
