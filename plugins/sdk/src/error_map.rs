//! From a cloud's answer to the contract's error, by a table.

use serde::Deserialize;

use crate::types::{Category, Error, Retry};
use crate::{Replay, Response};

/// What the body of a refused request says, as far as it could be read. Reads itself from a body of
/// `{"code": …, "message": …}`, all optional.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Fault {
    /// The cloud's own code.
    pub code: Option<String>,
    /// Its message.
    pub message: Option<String>,
    /// How long it wants to be left alone, if the body says so. The `retry-after` header is read anyway.
    pub retry_after_ms: Option<u64>,
}

/// One row: what it matches, and what that means. Empty conditions match all.
#[derive(Debug, Clone, Copy)]
pub struct ErrorRule {
    status: Option<u16>,
    code: Option<&'static str>,
    message: Option<&'static str>,
    category: Category,
    retry_after_ms: Option<u64>,
    hint: Option<&'static str>,
}

impl ErrorRule {
    /// A row that matches everything until it is told otherwise.
    #[must_use]
    pub const fn to(category: Category) -> Self {
        Self { status: None, code: None, message: None, category, retry_after_ms: None, hint: None }
    }

    /// For this status alone.
    #[must_use]
    pub const fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// For codes that contain this, in any case.
    #[must_use]
    pub const fn code(mut self, code: &'static str) -> Self {
        self.code = Some(code);
        self
    }

    /// For messages that contain this, in any case.
    #[must_use]
    pub const fn message(mut self, message: &'static str) -> Self {
        self.message = Some(message);
        self
    }

    /// Worth asking again, after so long where the answer does not say how long.
    #[must_use]
    pub const fn retry(mut self, after_ms: u64) -> Self {
        self.retry_after_ms = Some(after_ms);
        self
    }

    /// What the user can do about it.
    #[must_use]
    pub const fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }

    fn matches(&self, status: u16, fault: &Fault) -> bool {
        let contains = |wanted: Option<&str>, text: &Option<String>| match (wanted, text) {
            (None, _) => true,
            (Some(wanted), Some(text)) => text.to_ascii_lowercase().contains(&wanted.to_ascii_lowercase()),
            (Some(_), None) => false,
        };
        self.status.is_none_or(|wanted| wanted == status)
            && contains(self.code, &fault.code)
            && contains(self.message, &fault.message)
    }
}

/// How one cloud says what went wrong: how its bodies read, and a table. The first row that matches
/// counts; where none does, the table by status.
#[derive(Debug, Clone, Copy)]
pub struct ErrorMap {
    /// Reads a body. It must bear anything: proxies answer in HTML.
    pub read: fn(&Response) -> Fault,
    /// This cloud's rows, before those by status.
    pub rules: &'static [ErrorRule],
}

impl ErrorMap {
    /// The status alone.
    pub const BY_STATUS: Self =
        Self { read: |_| Fault { code: None, message: None, retry_after_ms: None }, rules: &[] };

    /// The error of a response with a status from 400 on.
    #[must_use]
    pub fn error(&self, response: &Response, replay: Replay) -> Error {
        let fault = (self.read)(response);
        let status = response.status;
        let mut rules = self.rules.iter().chain(BY_STATUS);
        let rule = rules.find(|rule| rule.matches(status, &fault)).copied();
        let rule = rule.unwrap_or(if status < 500 { OTHER_REFUSAL } else { OTHER_FAILURE });
        let wait = retry_after_ms(response).or(fault.retry_after_ms);
        let message = fault.message.unwrap_or_else(|| format!("the cloud answered with status {status}"));
        let mut error = Error::new(rule.category, fault.code.unwrap_or_else(|| status.to_string()), message);
        error.http_status = Some(status);
        error.hint = rule.hint.map(str::to_owned);
        error.retry =
            rule.retry_after_ms.map_or(Retry::Never, |default| Retry::AfterMs(wait.unwrap_or(default)));
        // A gateway that gave up, or a service that broke down, may have got half-way.
        if replay == Replay::Mutating && matches!(status, 500 | 502 | 504) {
            error.category = Category::OutcomeUnknown;
        }
        error
    }
}

/// `retry-after` in seconds; its other form, a date, is not worth a calendar.
fn retry_after_ms(response: &Response) -> Option<u64> {
    response.header("retry-after")?.trim().parse::<u64>().ok()?.checked_mul(1000)
}

const OTHER_REFUSAL: ErrorRule = ErrorRule::to(Category::Other);
const OTHER_FAILURE: ErrorRule = ErrorRule::to(Category::Unavailable).retry(5000);

const BY_STATUS: &[ErrorRule] = &[
    ErrorRule::to(Category::InvalidRequest).status(400),
    ErrorRule::to(Category::Unauthenticated).status(401).hint("check the credentials of the tenant"),
    ErrorRule::to(Category::Forbidden).status(403).hint("the account lacks a role for this"),
    ErrorRule::to(Category::NotFound).status(404),
    ErrorRule::to(Category::Unsupported).status(405),
    ErrorRule::to(Category::Unsupported).status(406),
    ErrorRule::to(Category::Timeout).status(408).retry(1000),
    ErrorRule::to(Category::Conflict).status(409),
    ErrorRule::to(Category::NotFound).status(410),
    ErrorRule::to(Category::Conflict).status(412),
    ErrorRule::to(Category::InvalidRequest).status(413),
    ErrorRule::to(Category::InvalidRequest).status(422),
    ErrorRule::to(Category::RateLimited).status(429).retry(5000),
    ErrorRule::to(Category::Unsupported).status(501),
    ErrorRule::to(Category::Timeout).status(504).retry(5000),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Response {
        let headers = headers.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Response { status, headers, body: Vec::new() }
    }

    #[test]
    fn the_status_alone_says_enough() {
        let error = ErrorMap::BY_STATUS.error(&answer(404, &[]), Replay::Safe);
        assert_eq!(
            (error.category, error.code.as_str(), error.http_status),
            (Category::NotFound, "404", Some(404))
        );
        assert_eq!(error.retry, Retry::Never);
        assert_eq!(ErrorMap::BY_STATUS.error(&answer(418, &[]), Replay::Safe).category, Category::Other);
    }

    #[test]
    fn the_cloud_says_how_long_to_wait() {
        let error = ErrorMap::BY_STATUS.error(&answer(429, &[("retry-after", "7")]), Replay::Safe);
        assert_eq!((error.category, error.retry), (Category::RateLimited, Retry::AfterMs(7000)));
        let error = ErrorMap::BY_STATUS.error(&answer(429, &[("retry-after", "soon")]), Replay::Safe);
        assert_eq!(error.retry, Retry::AfterMs(5000));
    }

    #[test]
    fn a_change_that_broke_down_is_looked_after() {
        for status in [500, 502, 504] {
            assert_eq!(
                ErrorMap::BY_STATUS.error(&answer(status, &[]), Replay::Mutating).category,
                Category::OutcomeUnknown
            );
        }
        assert_eq!(
            ErrorMap::BY_STATUS.error(&answer(500, &[]), Replay::Safe).category,
            Category::Unavailable
        );
        assert_eq!(
            ErrorMap::BY_STATUS.error(&answer(503, &[]), Replay::Mutating).category,
            Category::Unavailable
        );
    }

    #[test]
    fn the_clouds_own_rows_come_first() {
        const MAP: ErrorMap = ErrorMap {
            read: |_| Fault { code: Some("OverQuota".to_owned()), ..Fault::default() },
            rules: &[ErrorRule::to(Category::Quota).status(409).code("overquota").hint("ask for more")],
        };
        let error = MAP.error(&answer(409, &[]), Replay::Mutating);
        assert_eq!((error.category, error.hint.as_deref()), (Category::Quota, Some("ask for more")));
        assert_eq!(MAP.error(&answer(404, &[]), Replay::Safe).category, Category::NotFound);
    }
}
