//! Making the contract's errors.

use crate::http::HttpError;
use crate::types::{Category, Error, Retry};
use crate::{Replay, Response};

/// The longest message, in characters. The whole answer is in the host's trace.
const MESSAGE_LIMIT: usize = 400;

impl Error {
    /// An error that is not retried. `message` is one lower-case fragment without secrets; longer than
    /// 400 characters, it is cut.
    #[must_use]
    pub fn new(category: Category, code: impl Into<String>, message: impl AsRef<str>) -> Self {
        Self {
            category,
            code: code.into(),
            message: fragment(message.as_ref()),
            subject: None,
            http_status: None,
            retry: Retry::Never,
            hint: None,
        }
    }

    /// The caller asked for something that cannot be.
    #[must_use]
    pub fn invalid(code: impl Into<String>, message: impl AsRef<str>) -> Self {
        Self::new(Category::InvalidRequest, code, message)
    }

    /// This cloud or this plugin cannot do it.
    #[must_use]
    pub fn unsupported(code: impl Into<String>, message: impl AsRef<str>) -> Self {
        Self::new(Category::Unsupported, code, message)
    }

    /// With the id or name of what it is about.
    #[must_use]
    pub fn with_subject(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// With what the user can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Worth asking again, not before `after_ms`.
    #[must_use]
    pub fn with_retry(mut self, after_ms: u64) -> Self {
        self.retry = Retry::AfterMs(after_ms);
        self
    }

    /// What an exchange without an answer comes to, for a request of this replay class.
    #[must_use]
    pub fn of_exchange(error: HttpError, replay: Replay) -> Self {
        let unknown = |category| if replay == Replay::Mutating { Category::OutcomeUnknown } else { category };
        match error {
            HttpError::Denied(text) => Self::new(Category::Forbidden, "egress-denied", text),
            HttpError::NoCredential(text) => Self::new(Category::Unauthenticated, "no-credential", text),
            HttpError::Invalid(text) => Self::new(Category::Internal, "invalid-http-request", text),
            HttpError::Timeout => {
                Self::new(unknown(Category::Timeout), "timeout", "the cloud did not answer in time")
                    .with_retry(1000)
            }
            HttpError::TooLarge(limit) => Self::new(
                unknown(Category::Unsupported),
                "answer-too-large",
                format!("the cloud's answer is larger than {limit} bytes"),
            ),
            HttpError::Transport(text) if text.contains("nothing was sent") => {
                Self::new(Category::Unavailable, "transport", text).with_retry(1000)
            }
            HttpError::Transport(text) => {
                Self::new(unknown(Category::Unavailable), "transport", text).with_retry(1000)
            }
        }
    }

    /// An answer that was a success and yet not what was expected.
    #[must_use]
    pub fn unexpected(response: &Response, what: impl AsRef<str>) -> Self {
        let mut error = Self::new(Category::Internal, "unexpected-answer", what);
        error.http_status = Some(response.status);
        error
    }
}

/// One fragment: white space as single spaces, no full stop, no capital unless of an abbreviation.
fn fragment(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let text = words.join(" ");
    let text = text.trim_end_matches('.');
    let mut characters = text.chars();
    let mut fragment = String::with_capacity(text.len());
    if let Some(first) = characters.next() {
        if characters.clone().next().is_some_and(char::is_uppercase) {
            fragment.push(first);
        } else {
            fragment.extend(first.to_lowercase());
        }
    }
    fragment.extend(characters.take(MESSAGE_LIMIT - 1));
    fragment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_fit_behind_error() {
        assert_eq!(fragment("The server\n  is gone.  "), "the server is gone");
        assert_eq!(fragment("URL is bad"), "URL is bad");
        assert_eq!(fragment(""), "");
        assert_eq!(fragment(&"é".repeat(1000)).chars().count(), MESSAGE_LIMIT);
    }

    #[test]
    fn a_lost_answer_leaves_a_change_unknown() {
        let lost = || HttpError::Transport("connection reset".to_owned());
        assert_eq!(Error::of_exchange(lost(), Replay::Mutating).category, Category::OutcomeUnknown);
        assert_eq!(Error::of_exchange(lost(), Replay::Safe).category, Category::Unavailable);
        let unsent = HttpError::Transport("nothing was sent: connection refused".to_owned());
        assert_eq!(Error::of_exchange(unsent, Replay::Mutating).category, Category::Unavailable);
        assert_eq!(
            Error::of_exchange(HttpError::Timeout, Replay::Mutating).category,
            Category::OutcomeUnknown
        );
    }
}
