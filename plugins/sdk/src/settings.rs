//! The tenant's settings: declared, read, checked. Secrets are not among them.

use crate::driver::{Setting, SettingKind};
use crate::{Diagnostic, Error, host, url};

/// The value, or its declared default. An empty text is no value.
#[must_use]
pub fn text(key: &str) -> Option<String> {
    host::setting(key).filter(|value| !value.is_empty())
}

/// The value, which must be there.
///
/// # Errors
///
/// `missing-setting`, with the key as its subject.
pub fn required(key: &str) -> Result<String, Error> {
    text(key).ok_or_else(|| {
        Error::invalid("missing-setting", format!("the setting {key} is missing")).with_subject(key)
    })
}

/// The value as an integer.
///
/// # Errors
///
/// `bad-setting` if it is not one.
pub fn integer(key: &str) -> Result<Option<i64>, Error> {
    text(key).map(|value| value.parse().map_err(|_| bad(key, "an integer"))).transpose()
}

/// The value as a boolean.
///
/// # Errors
///
/// `bad-setting` if it is neither `true` nor `false`.
pub fn boolean(key: &str) -> Result<Option<bool>, Error> {
    text(key).map(|value| value.parse().map_err(|_| bad(key, "true or false"))).transpose()
}

fn bad(key: &str, wanted: &str) -> Error {
    Error::invalid("bad-setting", format!("the setting {key} is not {wanted}")).with_subject(key)
}

/// What can be said of settings by their declaration alone: unknown keys, missing ones, wrong kinds.
///
/// Not whether a required secret is there: secrets are the host's, and so is that question.
#[must_use]
pub fn check(declared: &[Setting], given: &[(String, String)]) -> Vec<Diagnostic> {
    let unknown = given.iter().filter(|(key, _)| declared.iter().all(|setting| setting.key != *key));
    let unknown = unknown.map(|(key, _)| {
        let mut known: Vec<&str> = declared.iter().map(|setting| setting.key.as_str()).collect();
        known.sort_unstable();
        Diagnostic::error(key, "there is no such setting")
            .with_detail(format!("known are {}", known.join(", ")))
    });
    let each = declared.iter().filter_map(|setting| {
        let value = given.iter().find(|(key, _)| *key == setting.key).map(|(_, value)| value.as_str());
        check_one(setting, value)
    });
    unknown.chain(each).collect()
}

fn check_one(setting: &Setting, value: Option<&str>) -> Option<Diagnostic> {
    let key = &setting.key;
    if setting.kind == SettingKind::Secret {
        return None;
    }
    let Some(value) = value.filter(|value| !value.is_empty()) else {
        let missing = setting.required && setting.default.is_none();
        return missing.then(|| Diagnostic::error(key, "the setting is missing"));
    };
    match setting.kind {
        SettingKind::Integer if value.parse::<i64>().is_err() => {
            Some(Diagnostic::error(key, "not an integer"))
        }
        SettingKind::Boolean if value.parse::<bool>().is_err() => {
            Some(Diagnostic::error(key, "neither true nor false"))
        }
        SettingKind::Url if !is_http_url(value) => Some(
            Diagnostic::error(key, "not a URL").with_detail("expected http://… or https://…, without a user"),
        ),
        SettingKind::Choice if !setting.choices.iter().any(|choice| choice == value) => {
            let detail = format!("expected one of {}", setting.choices.join(", "));
            Some(Diagnostic::error(key, "not one of the choices").with_detail(detail))
        }
        _ => None,
    }
}

fn is_http_url(value: &str) -> bool {
    let Some((origin, _)) = url::split_origin(value) else { return false };
    let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
    host.is_some_and(|host| !host.contains('@') && !value.contains(char::is_whitespace))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> Vec<Setting> {
        vec![
            Setting::url("auth-url", "").required(),
            Setting::text("region", "").required().with_default("one"),
            Setting::integer("limit", ""),
            Setting::boolean("fast", ""),
            Setting::choice("interface", &["public", "internal"], ""),
            Setting::secret("password", "").required(),
        ]
    }

    fn paths(given: &[(&str, &str)]) -> Vec<String> {
        let given: Vec<_> = given.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        check(&declared(), &given).into_iter().map(|finding| finding.path).collect()
    }

    #[test]
    fn what_is_right_is_not_mentioned() {
        let good = [("auth-url", "https://a:5/v3"), ("limit", "-1"), ("fast", "true")];
        assert_eq!(paths(&good), [""; 0]);
    }

    #[test]
    fn every_finding_points_at_its_key() {
        assert_eq!(paths(&[]), ["auth-url"]);
        let bad = [
            ("auth-url", "ftp://a"),
            ("limit", "many"),
            ("fast", "yes"),
            ("interface", "admin"),
            ("else", "1"),
        ];
        assert_eq!(paths(&bad), ["else", "auth-url", "limit", "fast", "interface"]);
    }
}
