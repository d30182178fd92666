//! Keeping secrets out of what is told.

use std::sync::{Mutex, PoisonError};

use zeroize::Zeroizing;

/// What is shorter is in every text, and no secret.
const SHORTEST_BYTES: usize = 4;

/// The secrets of a run. Text that a host said goes through it before anybody sees it or it is written down.
#[derive(Default)]
pub(super) struct Redactor {
    secrets: Mutex<Vec<Zeroizing<String>>>,
}

impl Redactor {
    /// Knows one more, line by line too: a key is printed that way.
    pub(super) fn learn(&self, secret: &str) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let lines = secret.lines().map(str::trim).chain([secret.trim()]);
        secrets.extend(
            lines.filter(|line| line.len() >= SHORTEST_BYTES).map(|line| Zeroizing::new(line.to_owned())),
        );
    }

    /// The text without them.
    pub(super) fn redact(&self, text: &str) -> String {
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        // The longest first: one may hold another.
        let mut ordered: Vec<&str> = secrets.iter().map(|secret| secret.as_str()).collect();
        ordered.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        ordered.into_iter().fold(text.to_owned(), |text, secret| text.replace(secret, "…"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_taken_out_whole_and_by_line() {
        let redactor = Redactor::default();
        redactor.learn("hunter2");
        redactor.learn("hunter2-and-more");
        redactor.learn("first line\nsecond line\n");
        redactor.learn("ab");
        let text = redactor.redact("a hunter2-and-more b hunter2 c second line ab");
        assert_eq!(text, "a … b … c … ab");
    }
}
