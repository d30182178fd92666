//! Texts with secrets by name, and their expansion.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::utf8_percent_encode;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::redact::{FORM, Redactor, escape_json};
use crate::vault::Secret;

/// A piece of text. As JSON it is an object of one field: `{"plain":"Bearer "}`,
/// `{"secret-basic":["user","password"]}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// As it stands.
    Plain(String),
    /// The named credential, as it is.
    Secret(String),
    /// The named credential, escaped to stand inside a JSON string.
    SecretJson(String),
    /// The named credential, percent-encoded for a form or a query.
    SecretForm(String),
    /// base64 of `user:secret`, for HTTP Basic: user, credential.
    SecretBasic(String, String),
}

impl Part {
    /// The name of the credential in it.
    #[must_use]
    pub fn credential(&self) -> Option<&str> {
        match self {
            Self::Plain(_) => None,
            Self::Secret(name) | Self::SecretJson(name) | Self::SecretForm(name) => Some(name),
            Self::SecretBasic(_, name) => Some(name),
        }
    }
}

/// A text in which the host fills in secrets that the plugin never sees. As JSON, a list of parts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Text(pub Vec<Part>);

impl Text {
    /// A text without secrets.
    #[must_use]
    pub fn plain(text: impl Into<String>) -> Self {
        Self(vec![Part::Plain(text.into())])
    }

    /// The names of the credentials in it.
    pub fn credentials(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(Part::credential)
    }

    /// The same text with known secrets in its plain parts as `***`.
    #[must_use]
    pub fn redacted(&self, redactor: &Redactor) -> Self {
        let part = |part: &Part| match part {
            Part::Plain(text) => Part::Plain(redactor.redact(text).into_owned()),
            Part::SecretBasic(user, name) => {
                Part::SecretBasic(redactor.redact(user).into_owned(), name.clone())
            }
            other => other.clone(),
        };
        Self(self.0.iter().map(part).collect())
    }
}

/// Why a text could not be filled in.
#[derive(Debug, PartialEq, Eq)]
pub enum ExpandError<E> {
    /// A credential could not be had.
    Credential(E),
    /// The user of HTTP Basic has a colon in it.
    BasicUser,
    /// The whole is longer than the limit.
    TooLong,
}

/// Fills in the secrets. The result is overwritten when dropped, and never longer than `limit` bytes.
///
/// # Errors
///
/// See [`ExpandError`]; nothing of a secret is in it.
pub fn expand<E>(
    text: &Text,
    limit: usize,
    mut secret: impl FnMut(&str) -> Result<Secret, E>,
) -> Result<Zeroizing<Vec<u8>>, ExpandError<E>> {
    let mut pieces: Vec<Zeroizing<String>> = Vec::with_capacity(text.0.len());
    let mut length = 0_usize;
    for part in &text.0 {
        let piece = expand_part(part, &mut secret)?;
        length = length.saturating_add(piece.len());
        if length > limit {
            return Err(ExpandError::TooLong);
        }
        pieces.push(piece);
    }
    // One allocation of the right size: growing would leave copies behind.
    let mut out = Zeroizing::new(Vec::with_capacity(length));
    for piece in pieces {
        out.extend_from_slice(piece.as_bytes());
    }
    Ok(out)
}

fn expand_part<E>(
    part: &Part,
    secret: &mut impl FnMut(&str) -> Result<Secret, E>,
) -> Result<Zeroizing<String>, ExpandError<E>> {
    let mut get = |name: &str| secret(name).map_err(ExpandError::Credential);
    Ok(Zeroizing::new(match part {
        Part::Plain(text) => text.clone(),
        Part::Secret(name) => get(name)?.expose().to_owned(),
        Part::SecretJson(name) => escape_json(get(name)?.expose()),
        Part::SecretForm(name) => utf8_percent_encode(get(name)?.expose(), FORM).to_string(),
        Part::SecretBasic(user, _) if user.contains(':') => return Err(ExpandError::BasicUser),
        Part::SecretBasic(user, name) => {
            let secret = get(name)?;
            STANDARD.encode(Zeroizing::new(format!("{user}:{}", secret.expose())).as_bytes())
        }
    }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fill(text: &Text, value: &str) -> Result<String, ExpandError<()>> {
        let bytes = expand(text, 1 << 20, |_| Ok(Secret::new(value)))?;
        Ok(String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn every_part_is_filled_in_its_own_way() {
        let text = Text(vec![
            Part::Plain("a ".to_owned()),
            Part::Secret("s".to_owned()),
            Part::SecretJson("s".to_owned()),
            Part::SecretForm("s".to_owned()),
            Part::SecretBasic("u".to_owned(), "s".to_owned()),
        ]);
        assert_eq!(fill(&text, "x\"&ü").unwrap(), "a x\"&üx\\\"&üx%22%26%C3%BCdTp4IibDvA==");
        assert_eq!(text.credentials().count(), 4);
    }

    #[test]
    fn the_user_of_basic_has_no_colon() {
        let text = Text(vec![Part::SecretBasic("a:b".to_owned(), "s".to_owned())]);
        assert_eq!(fill(&text, "x"), Err(ExpandError::BasicUser));
    }

    #[test]
    fn the_limit_counts_what_the_secrets_become() {
        let text = Text(vec![Part::Plain("12345".to_owned()), Part::Secret("s".to_owned())]);
        let fill = |limit| expand(&text, limit, |_| Ok::<_, ()>(Secret::new("678"))).map(|_| ());
        assert_eq!(fill(8), Ok(()));
        assert_eq!(fill(7), Err(ExpandError::TooLong));
    }

    #[test]
    fn parts_are_spelt_as_in_a_recording() {
        let text = Text(vec![
            Part::Plain("Basic ".to_owned()),
            Part::SecretBasic("user".to_owned(), "password".to_owned()),
        ]);
        let json = serde_json::to_string(&text).unwrap();
        assert_eq!(json, r#"[{"plain":"Basic "},{"secret-basic":["user","password"]}]"#);
        assert_eq!(serde_json::from_str::<Text>(&json).unwrap(), text);
    }

    proptest! {
        #[test]
        fn a_secret_in_json_reads_back(value in "\\PC{0,40}|[\\x00-\\x7f]{0,40}") {
            let text = Text(vec![
                Part::Plain("\"".to_owned()), Part::SecretJson("s".to_owned()), Part::Plain("\"".to_owned()),
            ]);
            prop_assert_eq!(serde_json::from_str::<String>(&fill(&text, &value).unwrap()).unwrap(), value);
        }

        #[test]
        fn a_secret_in_a_form_stays_one_value(value in ".{0,40}") {
            let text = Text(vec![Part::Plain("a=".to_owned()), Part::SecretForm("s".to_owned())]);
            let form = fill(&text, &value).unwrap();
            let pairs: Vec<_> = url::form_urlencoded::parse(form.as_bytes()).collect();
            prop_assert_eq!(pairs, vec![("a".into(), value.as_str().into())]);
        }
    }
}
