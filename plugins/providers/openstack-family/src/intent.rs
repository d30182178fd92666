//! A create's intent, where it stands on the resource: at the end of its description.
//!
//! Most clouds take no tags in the request that creates something, and a description they do take. So it is
//! `… [skywright intent KEY]`; what stands before is the user's.

use skywright_sdk::Error;

const START: &str = "[skywright intent ";
const END: char = ']';

/// The longest description that OpenStack takes, in characters.
const LONGEST: usize = 255;

/// The description with the intent in it.
///
/// # Errors
///
/// `description-too-long` if there is no room for both.
pub fn stamped(description: &str, key: &str) -> Result<String, Error> {
    let separator = if description.is_empty() { "" } else { " " };
    let stamped = format!("{description}{separator}{START}{key}{END}");
    if stamped.chars().count() > LONGEST {
        let room = LONGEST - (START.len() + key.len() + 2);
        let message =
            format!("the description is longer than {room} characters, with its intent than {LONGEST}");
        return Err(Error::invalid("description-too-long", message).with_subject("description"));
    }
    Ok(stamped)
}

/// The user's own description, and the key if there is one.
#[must_use]
pub fn read(description: &str) -> (&str, Option<&str>) {
    let found = description.strip_suffix(END).and_then(|rest| {
        let (own, key) = rest.rsplit_once(START)?;
        let written = !key.is_empty() && key.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'));
        written.then_some((own.strip_suffix(' ').unwrap_or(own), Some(key)))
    });
    found.unwrap_or((description, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_at_the_end() {
        assert_eq!(stamped("", "a-1").unwrap(), "[skywright intent a-1]");
        assert_eq!(stamped("Web servers", "a-1").unwrap(), "Web servers [skywright intent a-1]");
        assert_eq!(read("Web servers"), ("Web servers", None));
        for foreign in ["[skywright intent ]", "[skywright intent A]", "[skywright intent a] b", "]"] {
            assert_eq!(read(foreign), (foreign, None));
        }
    }

    #[test]
    fn there_is_room_for_both_or_neither_is_written() {
        let key = "k".repeat(60);
        assert!(stamped(&"é".repeat(175), &key).is_ok());
        let error = stamped(&"é".repeat(176), &key).unwrap_err();
        assert_eq!(error.code, "description-too-long");
        assert!(error.message.contains("175"), "{}", error.message);
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read(description in "(\\[skywright intent |\\]| |.){0,12}", key in "[a-z0-9-]{1,60}") {
            let stamped = stamped(&description, &key).unwrap();
            proptest::prop_assert_eq!(read(&stamped), (description.as_str(), Some(key.as_str())));
        }

        #[test]
        fn any_description_is_borne(description in "(\\[skywright intent |\\]| |.){0,12}") {
            let (own, _) = read(&description);
            proptest::prop_assert!(description.starts_with(own));
        }
    }
}
