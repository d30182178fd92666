//! Which entries of a complete list carry what is asked for.

use skywright_sdk::KeyValue;

/// Whether every one of the wanted tags is there.
pub(crate) fn carries(tags: &[KeyValue], wanted: &[KeyValue]) -> bool {
    wanted.iter().all(|tag| tags.contains(tag))
}

/// The intent as families give it: an empty one is none.
pub(crate) fn intent(key: String) -> Option<String> {
    Some(key).filter(|key| !key.is_empty())
}

/// The value of an attribute.
pub(crate) fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    attributes.iter().find(|attribute| attribute.key == key).map(|attribute| attribute.value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wanted_tag_counts() {
        let tags = [KeyValue::new("a", "1"), KeyValue::new("b", "2")];
        assert!(carries(&tags, &[]) && carries(&tags, &tags[1..]));
        assert!(!carries(&tags, &[KeyValue::new("a", "2")]) && !carries(&[], &tags));
        assert_eq!((attribute(&tags, "b"), attribute(&tags, "c")), (Some("2"), None));
    }
}
