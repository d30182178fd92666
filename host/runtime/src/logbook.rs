//! Where everything that a guest says ends up: counted, redacted, cut, and safe to print.

use std::sync::{Arc, Mutex, PoisonError};

use crate::guest::exceeded;
use crate::limits::{LimitName, Limits};
use crate::session::{LogLevel, Session};

/// One instance's way to the log, for its log lines and for standard output of WASI guests.
pub(crate) struct Logbook {
    session: Arc<Session>,
    plugin: String,
    /// Bytes that the running call may still write.
    left: Mutex<usize>,
    allowed_bytes: usize,
    line_bytes: usize,
}

impl Logbook {
    pub(crate) fn new(session: Arc<Session>, plugin: String, limits: &Limits) -> Self {
        let left = Mutex::new(limits.log_bytes);
        Self { session, plugin, left, allowed_bytes: limits.log_bytes, line_bytes: limits.log_line_bytes }
    }

    /// A fresh budget.
    pub(crate) fn start_call(&self) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = self.allowed_bytes;
    }

    pub(crate) fn write(
        &self,
        level: LogLevel,
        message: &str,
        fields: &[(String, String)],
    ) -> wasmtime::Result<()> {
        let size = message.len() + fields.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>();
        self.spend(size)?;
        let message = self.clean(message);
        let fields: Vec<_> = fields.iter().map(|(key, value)| (self.clean(key), self.clean(value))).collect();
        self.session.log().write(&self.plugin, level, &message, &fields);
        Ok(())
    }

    fn spend(&self, bytes: usize) -> wasmtime::Result<()> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        match left.checked_sub(bytes) {
            Some(rest) => {
                *left = rest;
                Ok(())
            }
            None => {
                let used = (self.allowed_bytes - *left + bytes) as u64;
                Err(exceeded(LimitName::LogBytes, self.allowed_bytes as u64, used))
            }
        }
    }

    /// Redacts before it cuts: half a secret is still one.
    fn clean(&self, text: &str) -> String {
        let redacted = self.session.vault().redact(text);
        let (head, tail) = redacted.split_at(redacted.floor_char_boundary(self.line_bytes));
        let head = printable(head);
        if tail.is_empty() { head } else { format!("{head}… ({} bytes cut)", tail.len()) }
    }
}

/// The text on one line, without terminal escapes, control characters or changes of direction.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_escape(&mut chars),
            '\n' | '\t' => clean.push(' '),
            c if c.is_control() => {}
            '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {}
            c => clean.push(c),
        }
    }
    clean
}

/// Steps over a terminal escape: `ESC [ … letter`, `ESC ] … BEL`, or `ESC` and one character.
fn skip_escape(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match chars.next() {
        Some('[') => while chars.next().is_some_and(|c| !('@'..='~').contains(&c)) {},
        Some(']') => while chars.next().is_some_and(|c| c != '\u{7}' && c != '\u{1b}') {},
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn escapes_and_controls_do_not_reach_a_terminal() {
        assert_eq!(printable("a\u{1b}[31mred\u{1b}[0m b"), "ared b");
        assert_eq!(printable("\u{1b}]0;title\u{7}x\r\ny\u{9b}z"), "x yz");
        assert_eq!(printable("safe\u{202e}evil"), "safeevil");
        assert_eq!(printable("caf\u{e9} \u{2603}"), "caf\u{e9} \u{2603}");
    }
}
