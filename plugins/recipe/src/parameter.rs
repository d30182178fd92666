//! Parameters: what a user may say, and whether a value is one.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What a value has to be. A value is always written as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum ParameterKind {
    /// Any text of one line.
    Text,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
    /// One of `choices`.
    Choice,
    /// Text that templates never see; a step uses it by name.
    Secret,
    /// From 1 to 65535.
    Port,
    /// An IP address.
    Address,
    /// A network, such as `10.0.0.0/8`.
    Cidr,
    /// With `http://` or `https://`.
    Url,
    /// A version, such as `1.31.2` or `24.04`: digits first, then letters, digits, and `.`, `-`, `+`, `~`, `:`.
    Version,
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What a value is.
    pub kind: ParameterKind,
    /// For people.
    pub description: String,
    /// Whether it is a list of such values.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub many: bool,
    /// Whether it has to be given.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub required: bool,
    /// What it is if it is not given; a list if it is `many`. Without one, it is empty: a list without
    /// values, or `null` to templates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<DefaultValue>,
    /// A value that it may have, for documentation and for rendering without a user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub example: Option<DefaultValue>,
    /// Of a choice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// A regular expression that every value matches as a whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The least an integer may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<i64>,
    /// The most an integer may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maximum: Option<i64>,
}

/// A default: one value, or several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(untagged, expecting = "expected text, a number, true or false, or a list of such values")]
pub enum DefaultValue {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// `true` or `false`.
    Boolean(bool),
    /// Several texts.
    Several(Vec<String>),
}

impl DefaultValue {
    /// The values, as text.
    #[must_use]
    pub fn values(&self) -> Vec<String> {
        match self {
            Self::Text(text) => vec![text.clone()],
            Self::Integer(number) => vec![number.to_string()],
            Self::Boolean(value) => vec![value.to_string()],
            Self::Several(texts) => texts.clone(),
        }
    }
}

/// Why a value is not one of a parameter's. The value itself is not part of it: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueFault {
    /// Not of its kind.
    #[error("expected {0}")]
    Kind(&'static str),
    /// Not one of the choices.
    #[error("expected one of {}", .0.join(", "))]
    Choice(Vec<String>),
    /// Out of bounds.
    #[error("expected a number from {} to {}", bound(*.minimum), bound(*.maximum))]
    Range {
        /// The least.
        minimum: Option<i64>,
        /// The most.
        maximum: Option<i64>,
    },
    /// Does not match.
    #[error("expected what matches `{0}`")]
    Pattern(String),
    /// The pattern is none.
    #[error("the pattern `{0}` is no regular expression")]
    BadPattern(String),
    /// Larger than any value may be.
    #[error("longer than {} characters", crate::limits::TEXT_CHARACTERS)]
    Long,
    /// A line end or another control character.
    #[error("it holds control characters")]
    Control,
}

fn bound(bound: Option<i64>) -> String {
    bound.map_or_else(|| "anything".to_owned(), |bound| bound.to_string())
}

impl Parameter {
    /// Whether this is a value, or one of the values, that it can have.
    ///
    /// # Errors
    ///
    /// [`ValueFault`], which does not name the value.
    pub fn check(&self, value: &str) -> Result<(), ValueFault> {
        if value.chars().count() > crate::limits::TEXT_CHARACTERS {
            return Err(ValueFault::Long);
        }
        // A secret may be a key of several lines.
        if self.kind != ParameterKind::Secret && value.chars().any(char::is_control) {
            return Err(ValueFault::Control);
        }
        self.check_kind(value)?;
        match self.whole_pattern() {
            Some(Err(())) => Err(ValueFault::BadPattern(self.pattern.clone().unwrap_or_default())),
            Some(Ok(pattern)) if !pattern.is_match(value) => {
                Err(ValueFault::Pattern(self.pattern.clone().unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }

    /// The pattern, so that it matches values as a whole.
    pub(crate) fn whole_pattern(&self) -> Option<Result<regex_lite::Regex, ()>> {
        let pattern = self.pattern.as_ref()?;
        let whole = format!("^(?:{pattern})$");
        Some(regex_lite::RegexBuilder::new(&whole).size_limit(1 << 20).build().map_err(drop))
    }

    fn check_kind(&self, value: &str) -> Result<(), ValueFault> {
        let expected = |is: bool, what| if is { Ok(()) } else { Err(ValueFault::Kind(what)) };
        match self.kind {
            ParameterKind::Text | ParameterKind::Secret => Ok(()),
            ParameterKind::Integer => self.check_integer(value),
            ParameterKind::Boolean => expected(matches!(value, "true" | "false"), "true or false"),
            ParameterKind::Choice if self.choices.iter().any(|choice| choice == value) => Ok(()),
            ParameterKind::Choice => Err(ValueFault::Choice(self.choices.clone())),
            ParameterKind::Port => {
                expected(value.parse::<u16>().is_ok_and(|port| port != 0), "a port from 1 to 65535")
            }
            ParameterKind::Address => expected(value.parse::<IpAddr>().is_ok(), "an IP address"),
            ParameterKind::Cidr => expected(is_cidr(value), "a network, such as 10.0.0.0/8"),
            ParameterKind::Url => expected(is_url(value), "a URL with http:// or https://"),
            ParameterKind::Version => expected(is_version(value), "a version, such as 1.31.2"),
        }
    }

    fn check_integer(&self, value: &str) -> Result<(), ValueFault> {
        let number: i64 = value.parse().map_err(|_| ValueFault::Kind("a whole number"))?;
        if self.minimum.is_some_and(|least| number < least) || self.maximum.is_some_and(|most| number > most)
        {
            return Err(ValueFault::Range { minimum: self.minimum, maximum: self.maximum });
        }
        Ok(())
    }
}

/// Whether it is a network: an address, a slash, and as many bits as the address may have.
pub(crate) fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else { return false };
    let most = match address.parse::<IpAddr>() {
        Ok(IpAddr::V4(_)) => 32,
        Ok(IpAddr::V6(_)) => 128,
        Err(_) => return false,
    };
    bits.bytes().all(|byte| byte.is_ascii_digit()) && bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let mark =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '\\' | '<' | '>' | '$' | '|' | ';');
    rest.is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') && !rest.contains(mark)
    })
}

fn is_version(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+' | '~' | ':'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(kind: ParameterKind) -> Parameter {
        Parameter {
            kind,
            description: String::new(),
            many: false,
            required: false,
            default: None,
            example: None,
            choices: vec!["flannel".to_owned(), "calico".to_owned()],
            pattern: None,
            minimum: Some(1),
            maximum: Some(9),
        }
    }

    #[test]
    fn every_kind_takes_its_own() {
        use ParameterKind as K;
        for (kind, good, bad) in [
            (K::Integer, "5", "0"),
            (K::Integer, "9", "10"),
            (K::Boolean, "true", "yes"),
            (K::Choice, "calico", "cilium"),
            (K::Port, "443", "0"),
            (K::Port, "65535", "65536"),
            (K::Address, "10.0.0.1", "10.0.0.1/8"),
            (K::Address, "fd00::1", "host"),
            (K::Cidr, "10.0.0.0/8", "10.0.0.0/33"),
            (K::Cidr, "fd00::/64", "10.0.0.0/"),
            (K::Url, "https://a.example/x?y=1", "ftp://a.example"),
            (K::Url, "http://[::1]:80/", "https://a.example/$(id)"),
            (K::Version, "1.31.2-1.1", "latest"),
            (K::Text, "anything; at all", "two\nlines"),
        ] {
            assert_eq!(of(kind).check(good), Ok(()), "{kind:?} {good}");
            assert!(of(kind).check(bad).is_err(), "{kind:?} {bad}");
        }
    }

    #[test]
    fn a_pattern_matches_as_a_whole() {
        let parameter = Parameter { pattern: Some("[a-z]+|x.y".to_owned()), ..of(ParameterKind::Text) };
        assert_eq!(parameter.check("abc"), Ok(()));
        assert_eq!(parameter.check("x-y"), Ok(()));
        assert!(parameter.check("abc; reboot").is_err());
        let bad = Parameter { pattern: Some("(".to_owned()), ..of(ParameterKind::Text) };
        assert!(matches!(bad.check("a"), Err(ValueFault::BadPattern(_))));
        let huge = Parameter { pattern: Some("(a{1000}){1000}".to_owned()), ..of(ParameterKind::Text) };
        assert!(matches!(huge.check("a"), Err(ValueFault::BadPattern(_))));
    }

    #[test]
    fn a_fault_does_not_repeat_the_value() {
        for kind in [ParameterKind::Integer, ParameterKind::Choice, ParameterKind::Cidr, ParameterKind::Url] {
            let fault = of(kind).check("hunter2").unwrap_err();
            assert!(!fault.to_string().contains("hunter2"), "{fault}");
        }
    }

    proptest! {
        #[test]
        fn any_text_gets_an_answer(text in "\\PC{0,40}") {
            for kind in [ParameterKind::Cidr, ParameterKind::Url, ParameterKind::Version, ParameterKind::Port] {
                let _ = of(kind).check(&text);
            }
        }
    }
}
