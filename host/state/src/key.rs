//! Names of entries and leases, and what lies below a name.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;

/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 512;

/// The name of an entry or of a lease: segments between `/`, such as `tenants/lab/hosts/web`.
///
/// No segment is empty, so a key neither begins nor ends with `/`; no character is a control
/// character; all together are at most [`MAX_KEY_BYTES`] long. Keys sort by their bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Key(String);

impl Key {
    /// A key, if the text is one.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] if it is not.
    pub fn new(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        match complaint(&text) {
            None => Ok(Self(text)),
            Some(reason) => Err(Error::Key { text: shortened(&text), reason }),
        }
    }

    /// A key of these segments. Unlike in [`Key::new`], a segment may not contain `/`, so that a name
    /// from outside cannot reach another branch.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] if there are none, or one of them is not a segment.
    pub fn of<S: AsRef<str>>(segments: impl IntoIterator<Item = S>) -> Result<Self, Error> {
        let mut text = String::new();
        for segment in segments {
            let segment = segment.as_ref();
            if segment.is_empty() || segment.contains('/') {
                let reason = "a segment is empty or has a `/`";
                return Err(Error::Key { text: shortened(segment), reason });
            }
            if !text.is_empty() {
                text.push('/');
            }
            text.push_str(segment);
        }
        Self::new(text)
    }

    /// The key one segment further down.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] if the segment is empty, has a `/` or a control character, or is too long.
    pub fn child(&self, segment: &str) -> Result<Self, Error> {
        Self::of(self.segments().chain([segment]))
    }

    /// The whole key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments, first to last.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// The last segment.
    #[must_use]
    pub fn name(&self) -> &str {
        self.segments().next_back().unwrap_or(&self.0)
    }

    /// What lies below this key, without the key itself.
    #[must_use]
    pub fn below(&self) -> Prefix {
        Prefix(format!("{}/", self.0))
    }
}

fn complaint(text: &str) -> Option<&'static str> {
    if text.len() > MAX_KEY_BYTES {
        Some("it is longer than 512 bytes")
    } else if text.split('/').any(str::is_empty) {
        Some("a segment between `/` is empty")
    } else if text.chars().any(char::is_control) {
        Some("it has a control character")
    } else {
        None
    }
}

/// Enough of a text to recognise it, for a message.
fn shortened(text: &str) -> String {
    text.chars().take(80).flat_map(char::escape_debug).collect()
}

impl FromStr for Key {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl TryFrom<String> for Key {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::new(text)
    }
}

impl From<Key> for String {
    fn from(key: Key) -> Self {
        key.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// All keys below a key, or all there are.
///
/// It ends at a border of segments: below `hosts` are `hosts/web` and `hosts/web/disk`, but neither
/// `hosts` itself nor `hosts-old/web`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix(String);

impl Prefix {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self(String::new())
    }

    /// What all its keys begin with: empty, or ending in `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the key is below.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        key.0.starts_with(&self.0)
    }

    /// The first text behind all keys with this prefix; `None` if they have no end.
    pub(crate) fn end(&self) -> Option<String> {
        // `0` is the character behind `/`.
        self.0.strip_suffix('/').map(|text| format!("{text}0"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_a_key() {
        for text in ["a", "a/b", "tenants/lab/hosts/web", "ä ö/.", "..", &"x".repeat(512)] {
            assert_eq!(Key::new(text).unwrap().as_str(), text);
        }
        for text in ["", "/", "/a", "a/", "a//b", "a\0b", "a\n", "a/\u{7f}", &"x".repeat(513)] {
            let error = Key::new(text).unwrap_err();
            assert!(matches!(error, Error::Key { .. }), "{error}");
            assert!(!error.to_string().contains(char::is_control), "{error}");
        }
    }

    #[test]
    fn a_segment_stays_in_its_branch() {
        let hosts = Key::new("hosts").unwrap();
        assert_eq!(hosts.child("web").unwrap().as_str(), "hosts/web");
        assert_eq!(Key::of(["hosts", "web"]).unwrap(), hosts.child("web").unwrap());
        assert_eq!(hosts.child("web").unwrap().name(), "web");
        for segment in ["", "/", "web/../x", "a/b"] {
            assert!(hosts.child(segment).is_err(), "{segment}");
        }
        assert!(Key::of::<&str>([]).is_err());
    }

    #[test]
    fn a_prefix_ends_at_a_border() {
        let below = Key::new("hosts").unwrap().below();
        for (key, inside) in
            [("hosts", false), ("hosts-old/web", false), ("hosts/web", true), ("hosts/web/disk", true)]
        {
            assert_eq!(below.contains(&Key::new(key).unwrap()), inside, "{key}");
            assert!(Prefix::all().contains(&Key::new(key).unwrap()));
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_key_or_refused(text in any::<String>()) {
            if let Ok(key) = Key::new(text.clone()) {
                prop_assert_eq!(key.as_str(), &text);
                prop_assert_eq!(Key::of(key.segments()).unwrap(), key);
            }
        }

        #[test]
        fn the_range_of_a_prefix_is_the_prefix(base in "[a-c/0.]{1,3}", other in "[a-c/0.]{1,6}") {
            if let (Ok(base), Ok(other)) = (Key::new(base), Key::new(other)) {
                let prefix = base.below();
                let end = prefix.end().unwrap();
                let in_range = prefix.as_str() <= other.as_str() && other.as_str() < end.as_str();
                prop_assert_eq!(in_range, prefix.contains(&other));
            }
        }
    }
}
