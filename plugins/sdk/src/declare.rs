//! Short ways to write what a plugin declares.

use crate::driver::{Endpoint, Setting, SettingKind};
use crate::{Diagnostic, KeyValue, Severity};

impl Setting {
    /// A setting of a kind, optional until it is [`required`](Self::required).
    #[must_use]
    pub fn new(kind: SettingKind, key: &str, description: &str) -> Self {
        Self {
            key: key.to_owned(),
            kind,
            required: false,
            default: None,
            choices: Vec::new(),
            description: description.to_owned(),
        }
    }

    /// Free text.
    #[must_use]
    pub fn text(key: &str, description: &str) -> Self {
        Self::new(SettingKind::Text, key, description)
    }

    /// A whole number.
    #[must_use]
    pub fn integer(key: &str, description: &str) -> Self {
        Self::new(SettingKind::Integer, key, description)
    }

    /// `true` or `false`.
    #[must_use]
    pub fn boolean(key: &str, description: &str) -> Self {
        Self::new(SettingKind::Boolean, key, description)
    }

    /// An http or https URL.
    #[must_use]
    pub fn url(key: &str, description: &str) -> Self {
        Self::new(SettingKind::Url, key, description)
    }

    /// A value that the plugin may name and never sees.
    #[must_use]
    pub fn secret(key: &str, description: &str) -> Self {
        Self::new(SettingKind::Secret, key, description)
    }

    /// One of a few words.
    #[must_use]
    pub fn choice(key: &str, choices: &[&str], description: &str) -> Self {
        let choices = choices.iter().map(|choice| (*choice).to_owned()).collect();
        Self { choices, ..Self::new(SettingKind::Choice, key, description) }
    }

    /// Which must be given.
    #[must_use]
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// Which is this where it is not given.
    #[must_use]
    pub fn with_default(mut self, default: impl Into<String>) -> Self {
        self.default = Some(default.into());
        self
    }
}

impl Endpoint {
    /// A place to reach, without credentials yet.
    #[must_use]
    pub fn new(name: &str, pattern: &str) -> Self {
        Self { name: name.to_owned(), pattern: pattern.to_owned(), credentials: Vec::new() }
    }

    /// To which these credentials may be sent: secret settings and captures, by name.
    #[must_use]
    pub fn with_credentials(mut self, names: &[&str]) -> Self {
        self.credentials.extend(names.iter().map(|name| (*name).to_owned()));
        self
    }
}

impl Diagnostic {
    /// Something that must be changed.
    #[must_use]
    pub fn error(path: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { severity: Severity::Error, path: path.into(), summary: summary.into(), detail: None }
    }

    /// Something that is better changed.
    #[must_use]
    pub fn warning(path: impl Into<String>, summary: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(path, summary) }
    }

    /// With more to say.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }
}

impl KeyValue {
    /// A pair.
    #[must_use]
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}
