//! JSON with secrets in it, as the parts that the host joins.

use serde::Serialize;

use crate::text::{PLACEHOLDERS, placeholder_prefix, placeholder_suffix};
use crate::types::Part;
use crate::{Category, Error, Text};

/// How many placeholders are tried before the value is called hopeless.
const TRIES: u32 = 8;

/// Empties the slot for placeholders when the JSON is written or `make` has panicked.
struct Slot;

impl Slot {
    fn open(number: u32) -> Self {
        PLACEHOLDERS.with(|current| *current.borrow_mut() = Some((number, Vec::new())));
        Self
    }

    fn names(&self) -> Vec<String> {
        PLACEHOLDERS.with(|current| current.borrow_mut().take()).map(|(_, names)| names).unwrap_or_default()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.names();
    }
}

/// Writes what `make` gives, with each [`Secret`](crate::Secret) in it as a part.
///
/// A text of the value may look like a placeholder, by accident or because somebody would like a secret
/// filled in there. Each placeholder must therefore be found once and nothing like it besides; otherwise
/// all is written again with other placeholders.
pub(crate) fn json_text<T: Serialize>(make: impl Fn() -> T) -> Result<Text, Error> {
    for number in 0..TRIES {
        let slot = Slot::open(number);
        let json = serde_json::to_string(&make());
        let names = slot.names();
        let json =
            json.map_err(|e| Error::new(Category::Internal, "body", format!("the body is not JSON: {e}")))?;
        if let Some(text) = split(&json, number, &names) {
            return Ok(text);
        }
    }
    let message = "the secrets in the body cannot be told from its text";
    Err(Error::new(Category::InvalidRequest, "body", message))
}

/// The parts, or nothing if a placeholder is missing, doubled or not ours.
fn split(json: &str, number: u32, names: &[String]) -> Option<Text> {
    let mut unseen: Vec<Option<&String>> = names.iter().map(Some).collect();
    let prefix = placeholder_prefix(number);
    let mut pieces = json.split(&prefix);
    let mut text = Text::from(pieces.next()?);
    for piece in pieces {
        let (index, rest) = piece.split_once('>')?;
        let index: usize = index.parse().ok()?;
        if !piece.starts_with(&placeholder_suffix(index)) {
            return None;
        }
        let name = unseen.get_mut(index)?.take()?;
        text = text.then_part(Part::SecretJson(name.clone())).then(rest);
    }
    unseen.iter().all(Option::is_none).then_some(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::Secret;

    fn plain(text: &str) -> Part {
        Part::Plain(text.to_owned())
    }

    #[derive(Serialize)]
    struct Login<'a> {
        user: &'a str,
        password: Secret,
    }

    #[test]
    fn a_secret_is_a_part_between_its_quotes() {
        let text = json_text(|| Login { user: "me", password: Secret::named("password") }).unwrap();
        assert_eq!(
            text.into_parts(),
            [plain(r#"{"user":"me","password":""#), Part::SecretJson("password".to_owned()), plain(r#""}"#)]
        );
    }

    #[test]
    fn the_json_macro_works_too() {
        let text =
            json_text(|| json!({ "b": Secret::named("two"), "a": [Secret::named("one"), 1] })).unwrap();
        assert_eq!(
            text.into_parts(),
            [
                plain(r#"{"a":[""#),
                Part::SecretJson("one".to_owned()),
                plain(r#"",1],"b":""#),
                Part::SecretJson("two".to_owned()),
                plain(r#""}"#)
            ]
        );
    }

    #[test]
    fn a_text_that_looks_like_a_placeholder_stays_a_text() {
        for user in
            ["<secret 0:0>", "<secret 0:1>", "<secret 0:", "<secret 0:00>", "<secret 0:0><secret 1:0>"]
        {
            let text = json_text(|| Login { user, password: Secret::named("password") }).unwrap();
            let parts = text.into_parts();
            assert_eq!(parts.len(), 3, "{user}");
            assert_eq!(parts[0], plain(&format!(r#"{{"user":"{user}","password":""#)));
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_text_is_the_secret_is_one_part(user in "(<secret|[0-2]|:|>|.){0,12}") {
            let text = json_text(|| Login { user: &user, password: Secret::named("password") }).unwrap();
            let filled: String = text
                .into_parts()
                .into_iter()
                .map(|part| match part {
                    Part::Plain(text) => text,
                    Part::SecretJson(name) => format!("the {name}"),
                    other => panic!("{other:?}"),
                })
                .collect();
            let value: serde_json::Value = serde_json::from_str(&filled).unwrap();
            proptest::prop_assert_eq!(value, json!({ "user": user, "password": "the password" }));
        }
    }

    #[test]
    fn a_secret_that_did_not_get_into_the_text_is_an_error() {
        let lost = || serde_json::to_value(Secret::named("password")).map(|_| json!({})).unwrap();
        assert_eq!(json_text(lost).unwrap_err().category, Category::InvalidRequest);
    }

    #[test]
    fn a_value_full_of_placeholders_is_refused() {
        let user: String = (0..TRIES).map(|number| format!("<secret {number}:0>")).collect();
        let error = json_text(|| Login { user: &user, password: Secret::named("password") }).unwrap_err();
        assert_eq!(error.category, Category::InvalidRequest);
    }
}
