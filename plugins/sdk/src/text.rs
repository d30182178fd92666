//! Text in which the host fills in secrets.

use std::cell::RefCell;

use percent_encoding::utf8_percent_encode;
use serde::{Serialize, Serializer};

use crate::types::Part;
use crate::url::COMPONENT;

/// A secret by its name: a secret setting, or a capture. The value never enters the plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    name: String,
}

impl Secret {
    /// The secret setting or capture of that name. Whether it exists is found when it is used.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

thread_local! {
    /// The names of the secrets in the JSON that is being written, and the placeholders' number.
    pub(crate) static PLACEHOLDERS: RefCell<Option<(u32, Vec<String>)>> = const { RefCell::new(None) };
}

/// Stands as a JSON string where the host will fill in the secret.
///
/// Only inside [`Call::json_body`](crate::Call::json_body) and [`Call::json_with`](crate::Call::json_with);
/// an error elsewhere, so that a placeholder is never taken for a value.
impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let placeholder = PLACEHOLDERS.with(|current| {
            let mut current = current.borrow_mut();
            let (number, names) = current.as_mut()?;
            names.push(self.name.clone());
            Some(format!("{}{}", placeholder_prefix(*number), placeholder_suffix(names.len() - 1)))
        });
        match placeholder {
            Some(placeholder) => serializer.serialize_str(&placeholder),
            None => Err(serde::ser::Error::custom(
                "a secret stands in the JSON of `json_body` or `json_with` alone",
            )),
        }
    }
}

pub(crate) fn placeholder_prefix(number: u32) -> String {
    format!("<secret {number}:")
}

pub(crate) fn placeholder_suffix(index: usize) -> String {
    format!("{index}>")
}

/// A text of parts, some of them secrets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Text {
    parts: Vec<Part>,
}

impl Text {
    /// An empty text.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// This text and then another: `Text::from("Bearer ").then(Secret::named("session"))`.
    #[must_use]
    pub fn then(mut self, more: impl Into<Self>) -> Self {
        for part in more.into().parts {
            self.push(part);
        }
        self
    }

    /// `Basic` and base64 of `user:secret`.
    #[must_use]
    pub fn basic(user: impl Into<String>, secret: &Secret) -> Self {
        Self::from("Basic ").then_part(Part::SecretBasic((user.into(), secret.name.clone())))
    }

    /// `name=value&…`, percent-encoded, secrets too.
    #[must_use]
    pub fn form<'a>(fields: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let mut form = Self::new();
        for (name, value) in fields {
            let separator = if form.parts.is_empty() { "" } else { "&" };
            form.push(Part::Plain(format!("{separator}{}=", utf8_percent_encode(name, COMPONENT))));
            for part in value.parts {
                form.push(match part {
                    Part::Plain(text) => Part::Plain(utf8_percent_encode(&text, COMPONENT).to_string()),
                    Part::Secret(name) => Part::SecretForm(name),
                    other => other,
                });
            }
        }
        form
    }

    pub(crate) fn then_part(mut self, part: Part) -> Self {
        self.push(part);
        self
    }

    /// Adjoining plain parts are one, so that equal texts are equal.
    fn push(&mut self, part: Part) {
        match (self.parts.last_mut(), part) {
            (_, Part::Plain(text)) if text.is_empty() => {}
            (Some(Part::Plain(last)), Part::Plain(text)) => last.push_str(&text),
            (_, part) => self.parts.push(part),
        }
    }

    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn from_parts(parts: Vec<Part>) -> Self {
        parts.into_iter().fold(Self::new(), Self::then_part)
    }

    pub(crate) fn into_parts(self) -> Vec<Part> {
        self.parts
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::new().then_part(Part::Plain(text))
    }
}

impl From<Secret> for Text {
    fn from(secret: Secret) -> Self {
        Self::new().then_part(Part::Secret(secret.name))
    }
}

impl From<&Secret> for Text {
    fn from(secret: &Secret) -> Self {
        Self::new().then_part(Part::Secret(secret.name().to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_encodes_what_is_plain_and_has_the_host_encode_what_is_not() {
        let form = Text::form([("a b", Text::from("1&2")), ("password", Secret::named("p").into())]);
        assert_eq!(
            form.into_parts(),
            [Part::Plain("a%20b=1%262&password=".to_owned()), Part::SecretForm("p".to_owned())]
        );
    }

    #[test]
    fn basic_names_the_credential() {
        let text = Text::basic("me", &Secret::named("p"));
        assert_eq!(
            text.into_parts(),
            [Part::Plain("Basic ".to_owned()), Part::SecretBasic(("me".to_owned(), "p".to_owned()))]
        );
    }

    #[test]
    fn a_secret_does_not_serialise_elsewhere() {
        let error = serde_json::to_string(&Secret::named("p")).unwrap_err();
        assert!(error.to_string().contains("json_body"), "{error}");
    }
}
