//! Tags as Neutron has them: texts, here `key=value`.

use skywright_sdk::{Error, KeyValue};

/// The longest tag, in characters: 255 since 2023, 60 before, and then Neutron itself refuses.
const LONGEST: usize = 255;

/// The most tags on one resource.
const MOST: usize = 50;

/// The tags as they are written, sorted.
///
/// # Errors
///
/// `bad-tag` for a key that is empty or has `=` in it, `tag-too-long`, `too-many-tags`.
pub(crate) fn written(tags: &[KeyValue]) -> Result<Vec<String>, Error> {
    if tags.len() > MOST {
        return Err(Error::invalid("too-many-tags", format!("there are {} tags, of {MOST}", tags.len())));
    }
    let mut written = tags.iter().map(one).collect::<Result<Vec<_>, _>>()?;
    written.sort();
    written.dedup();
    Ok(written)
}

fn one(tag: &KeyValue) -> Result<String, Error> {
    if tag.key.is_empty() || tag.key.contains('=') {
        let error = Error::invalid("bad-tag", "the key of a tag is not empty and has no `=`");
        return Err(error.with_subject(&tag.key));
    }
    let text = format!("{}={}", tag.key, tag.value);
    if text.chars().count() > LONGEST {
        let message = format!("a tag with its value is longer than {LONGEST} characters");
        return Err(Error::invalid("tag-too-long", message).with_subject(&tag.key));
    }
    Ok(text)
}

/// The tags that are there. One that somebody else set and that has no `=` is a key without a value.
pub(crate) fn read(tags: &[String]) -> Vec<KeyValue> {
    let pair = |tag: &String| {
        tag.split_once('=').map_or((tag.clone(), String::new()), |(k, v)| (k.into(), v.into()))
    };
    tags.iter().map(pair).map(|(key, value)| KeyValue { key, value }).collect()
}

/// What a listing is asked for so that Neutron itself leaves out what does not carry all of the tags. A tag
/// with a comma cannot be asked for, so that [`carried`] has the last word.
pub(crate) fn query(written: &[String]) -> Option<String> {
    let asked: Vec<&str> = written.iter().map(String::as_str).filter(|tag| !tag.contains(',')).collect();
    (!asked.is_empty()).then(|| asked.join(","))
}

/// Whether all of the wanted tags are among those that are there.
pub(crate) fn carried(wanted: &[String], there: &[String]) -> bool {
    wanted.iter().all(|wanted| there.contains(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_texts() {
        let tags = [KeyValue::new("role", "master"), KeyValue::new("a", "b=c,d")];
        let written = written(&tags).unwrap();
        assert_eq!(written, ["a=b=c,d", "role=master"]);
        assert_eq!(query(&written).as_deref(), Some("role=master"));
        assert!(carried(&written[..1], &written) && !carried(&written, &written[..1]));
        assert_eq!(read(&["foreign".to_owned()]), [KeyValue::new("foreign", "")]);
        assert_eq!(query(&[]), None);
    }

    #[test]
    fn what_cannot_be_one_is_refused() {
        let code = |key: &str, value: &str| written(&[KeyValue::new(key, value)]).unwrap_err().code;
        assert_eq!(code("", "x"), "bad-tag");
        assert_eq!(code("a=b", "x"), "bad-tag");
        assert_eq!(code("a", &"x".repeat(254)), "tag-too-long");
        assert!(written(&[KeyValue::new("a", "x".repeat(253))]).is_ok());
        assert_eq!(written(&vec![KeyValue::new("a", "b"); 51]).unwrap_err().code, "too-many-tags");
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(key in "[^=]{1,20}", value in ".{0,20}") {
            let tag = KeyValue::new(key, value);
            let written = written(std::slice::from_ref(&tag)).unwrap();
            proptest::prop_assert_eq!(read(&written), [tag]);
        }
    }
}
