//! Resending: when, and after how long.

use std::time::{Duration, SystemTime};

use ring::rand::{SecureRandom, SystemRandom};

use crate::request::Replay;

/// How often one request is sent at most.
const MAX_ATTEMPTS: u32 = 4;
/// The first back-off is at most this long; each further one at most twice the one before.
const BASE: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);

/// What one exchange may still spend on resending.
#[derive(Debug)]
pub(crate) struct Budget {
    attempts: u32,
    /// On the monotonic clock.
    deadline: Duration,
}

impl Budget {
    pub(crate) fn new(deadline: Duration) -> Self {
        Self { attempts: 1, deadline }
    }

    /// How long to wait before sending again; `None` if it must not be sent again.
    pub(crate) fn wait(
        &mut self,
        replay: Replay,
        sent: bool,
        retry_after: Option<Duration>,
        now: Duration,
    ) -> Option<Duration> {
        if self.attempts >= MAX_ATTEMPTS || (sent && replay == Replay::Mutating) {
            return None;
        }
        let wait = retry_after.unwrap_or_else(|| back_off(self.attempts, random()));
        // Nobody would see the answer to what is sent after the deadline.
        if now.checked_add(wait).is_none_or(|then| then >= self.deadline) {
            return None;
        }
        self.attempts += 1;
        Some(wait)
    }
}

/// Whether a status says that the same request may do better later.
#[must_use]
pub fn is_busy(status: u16) -> bool {
    matches!(status, 429 | 502 | 503 | 504)
}

/// Exponential back-off with full jitter: from nothing to 250 ms after the first attempt, twice that
/// after the second, and never more than 10 s. `random` is any number.
#[must_use]
pub fn back_off(attempt: u32, random: u64) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let most = (BASE * (1 << doublings)).min(LONGEST);
    let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random % (micros + 1))
}

/// What `Retry-After` says: seconds, or an HTTP date, which is nothing when it is past.
#[must_use]
pub fn parse_retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|b| b.is_ascii_digit()) {
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

fn random() -> u64 {
    let mut bytes = [0; 8];
    // Without random numbers the jitter is gone, and nothing else.
    let _ = SystemRandom::new().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mutating_request_is_resent_only_if_nothing_left() {
        let wait = |replay, sent| {
            Budget::new(Duration::from_secs(60)).wait(replay, sent, None, Duration::ZERO).is_some()
        };
        assert!(wait(Replay::Mutating, false));
        assert!(!wait(Replay::Mutating, true));
        assert!(wait(Replay::Idempotent, true));
        assert!(wait(Replay::Safe, true));
    }

    #[test]
    fn attempts_and_time_are_bounded() {
        let mut budget = Budget::new(Duration::from_secs(60));
        let waits = (0..10).filter_map(|_| budget.wait(Replay::Safe, true, None, Duration::ZERO)).count();
        assert_eq!(waits, 3);
        let wait = |after, now| {
            Budget::new(Duration::from_secs(60)).wait(
                Replay::Safe,
                true,
                Some(Duration::from_secs(after)),
                Duration::from_secs(now),
            )
        };
        assert_eq!(wait(7, 0), Some(Duration::from_secs(7)));
        assert_eq!(wait(60, 0), None);
        assert_eq!(wait(7, 53), None);
        assert_eq!(wait(u64::MAX, 1), None);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let parse = |text| parse_retry_after(text, now);
        assert_eq!(parse("7"), Some(Duration::from_secs(7)));
        assert_eq!(parse(" 0 "), Some(Duration::ZERO));
        assert_eq!(parse("Sun, 06 Nov 1994 08:50:07 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(parse("Sun, 06 Nov 1994 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(parse("99999999999999999999999"), Some(Duration::from_secs(u64::MAX)));
        for text in ["", "-1", "1.5", "soon", "+7"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn back_off_is_bounded_and_doubles(attempt in 0u32.., random: u64) {
            let most = BASE * 2_u32.pow(attempt.saturating_sub(1).min(10));
            prop_assert!(back_off(attempt, random) <= most.min(LONGEST));
        }

        #[test]
        fn any_retry_after_does_not_panic(text in "\\PC{0,40}") {
            let _ = parse_retry_after(&text, SystemTime::UNIX_EPOCH);
        }
    }
}
