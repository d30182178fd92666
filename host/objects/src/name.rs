//! Names of buckets and objects.

use std::fmt;

use crate::plane::Protocol;

/// The most that S3 and Swift take for an object's name, in bytes.
const MAX_OBJECT_BYTES: usize = 1024;
/// Where opendal keeps the segments of large Swift objects, in the same container.
pub(crate) const SEGMENTS: &str = ".segments/";

/// What is wrong with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// Nothing in it.
    #[error("it is empty")]
    Empty,
    /// Shorter or longer than the protocol takes.
    #[error("it has fewer than {min} or more than {max} bytes")]
    Length {
        /// The fewest.
        min: usize,
        /// The most.
        max: usize,
    },
    /// A character that the protocol does not take there.
    #[error("it has a character that is not taken there")]
    Character,
    /// Something that looks like an address, or starts with what the protocol keeps for itself.
    #[error("names of this form are reserved")]
    Reserved,
    /// A leading `/`, or a segment that is empty, `.` or `..`.
    #[error("it begins with `/` or has a segment that is empty, `.` or `..`")]
    Segment,
    /// Blanks at one of its ends.
    #[error("it begins or ends with a blank")]
    Blank,
}

/// The name of a bucket, checked for its protocol.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BucketName(String);

impl BucketName {
    /// Checks a name.
    ///
    /// `s3`: 3 to 63 of lower-case letters, digits, `-` and `.`, a letter or digit at either end, no two
    /// dots in a row, no IPv4 address, none of the reserved prefixes. `swift` and `local`: 1 to 255 of
    /// letters, digits, `-`, `_`, `.` and `~`, not beginning with a dot. Swift itself takes more, which
    /// its URLs would have to escape.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn new(protocol: Protocol, name: &str) -> Result<Self, NameError> {
        match protocol {
            Protocol::S3 | Protocol::Gcs => check_s3(name)?,
            Protocol::Swift | Protocol::Local => check_plain(name)?,
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BucketName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check_s3(name: &str) -> Result<(), NameError> {
    if !(3..=63).contains(&name.len()) {
        return Err(NameError::Length { min: 3, max: 63 });
    }
    let plain = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = name.as_bytes();
    let ends = [bytes.first(), bytes.last()];
    if !bytes.iter().all(|b| plain(b) || *b == b'-' || *b == b'.')
        || !ends.into_iter().flatten().all(plain)
        || name.contains("..")
    {
        return Err(NameError::Character);
    }
    let reserved = ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|p| name.starts_with(p))
        || ["-s3alias", "--ol-s3", "--x-s3", ".mrap", "--table-s3"].iter().any(|s| name.ends_with(s));
    if reserved || name.parse::<std::net::Ipv4Addr>().is_ok() {
        return Err(NameError::Reserved);
    }
    Ok(())
}

fn check_plain(name: &str) -> Result<(), NameError> {
    if !(1..=255).contains(&name.len()) {
        return Err(NameError::Length { min: 1, max: 255 });
    }
    if name.starts_with('.') {
        return Err(NameError::Reserved);
    }
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~');
    if !name.bytes().all(plain) {
        return Err(NameError::Character);
    }
    Ok(())
}

/// The name of an object: 1 to 1024 bytes, segments between `/`, none of which is empty, `.` or `..`; no
/// control characters, no blanks at its ends. Names that S3 or Swift would take besides cannot be
/// told apart by the library underneath, or would leave a folder when downloaded.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName(String);

impl ObjectName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        check_object(&name)?;
        if name.ends_with('/') {
            return Err(NameError::Segment);
        }
        if name.starts_with(SEGMENTS) {
            return Err(NameError::Reserved);
        }
        Ok(Self(name))
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the names of some objects begin with. The empty one stands for all of a bucket; `/` at the end
/// is allowed and makes a folder of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Prefix(String);

impl Prefix {
    /// Checks a prefix by the rules of [`ObjectName`].
    ///
    /// # Errors
    ///
    /// What is wrong with it. `/` alone is refused: it would stand for everything.
    pub fn new(prefix: impl Into<String>) -> Result<Self, NameError> {
        let prefix = prefix.into();
        if !prefix.is_empty() {
            check_object(&prefix)?;
        }
        Ok(Self(prefix))
    }

    /// The prefix.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The same with `/` at its end, unless it is empty: names below a folder.
    #[must_use]
    pub fn folder(&self) -> Self {
        let complete = self.0.is_empty() || self.0.ends_with('/');
        Self(if complete { self.0.clone() } else { format!("{}/", self.0) })
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The rules for a text that is not empty and may end with `/`.
pub(crate) fn check_object(text: &str) -> Result<(), NameError> {
    if text.len() > MAX_OBJECT_BYTES {
        return Err(NameError::Length { min: 1, max: MAX_OBJECT_BYTES });
    }
    if text.chars().any(char::is_control) {
        return Err(NameError::Character);
    }
    if text.trim() != text {
        return Err(NameError::Blank);
    }
    let segments = text.strip_suffix('/').unwrap_or(text);
    if segments.split('/').any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(NameError::Segment);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bucket(protocol: Protocol, name: &str) -> Result<(), NameError> {
        BucketName::new(protocol, name).map(|_| ())
    }

    #[test]
    fn s3_buckets_follow_amazons_rules() {
        for good in ["abc", "my-bucket.2", &"a".repeat(63)] {
            assert_eq!(bucket(Protocol::S3, good), Ok(()), "{good}");
        }
        let too_long = "a".repeat(64);
        for bad in
            ["ab", &too_long, "Abc", "a_b", "-ab", "ab-", ".ab", "a..b", "192.168.0.1", "xn--abc", "a/b"]
        {
            assert!(bucket(Protocol::S3, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn containers_need_no_escaping() {
        assert_eq!(bucket(Protocol::Swift, "My_Files-1.x~"), Ok(()));
        for bad in ["", "a/b", "a b", "a?b", "a%2fb", "a#b", "..", ".a", "é"] {
            assert!(bucket(Protocol::Swift, bad).is_err(), "{bad}");
            assert!(bucket(Protocol::Local, bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_name_has_no_way_out_of_its_folder() {
        for bad in [
            "",
            "/",
            "/etc/passwd",
            "..",
            "../a",
            "a/..",
            "a/../b",
            "a//b",
            "./a",
            "a/.",
            "a\0b",
            "a\nb",
            " a",
            "a ",
            "a/",
            ".segments/a",
        ] {
            assert!(ObjectName::new(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "a/b.txt", "...", "a/..b", "ü ö+&%?#", "a:b\\c"] {
            assert!(ObjectName::new(good).is_ok(), "{good:?}");
        }
    }

    #[test]
    fn a_prefix_never_stands_for_more_than_it_says() {
        for bad in ["/", "//", " ", "a//", "..", "../"] {
            assert!(Prefix::new(bad).is_err(), "{bad:?}");
        }
        assert_eq!(Prefix::new("a").unwrap().folder().as_str(), "a/");
        assert_eq!(Prefix::new("a/").unwrap().folder().as_str(), "a/");
        assert_eq!(Prefix::default().folder().as_str(), "");
    }

    proptest! {
        #[test]
        fn what_is_taken_stays_below_a_folder(text in "[./a\\\\ \u{0}-\u{20}ü]{0,12}") {
            if let Ok(name) = ObjectName::new(text.clone()) {
                let path = std::path::Path::new("/root").join(name.as_str());
                prop_assert!(path.starts_with("/root"));
                let plain = |c| matches!(c, std::path::Component::Normal(_) | std::path::Component::RootDir);
                prop_assert!(path.components().all(plain));
                prop_assert_eq!(path.to_str().unwrap(), format!("/root/{text}"));
            }
        }
    }
}
