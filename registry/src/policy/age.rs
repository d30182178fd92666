//! How old something may be.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A span of time in whole hours or days, written `36h` or `90d`. At most 10,000 days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Age {
    hours: u32,
}

/// It is no age.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a whole number of hours or days is expected, such as \"36h\" or \"90d\", 10000 days at most")]
pub struct NotAnAge;

impl Age {
    const MOST_DAYS: u32 = 10_000;

    /// As seconds count it.
    #[must_use]
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.hours) * 3600)
    }
}

impl FromStr for Age {
    type Err = NotAnAge;

    fn from_str(text: &str) -> Result<Self, NotAnAge> {
        let (number, hours) = match (text.strip_suffix('h'), text.strip_suffix('d')) {
            (Some(number), _) => (number, 1),
            (_, Some(number)) => (number, 24),
            _ => return Err(NotAnAge),
        };
        // The parser of numbers takes a sign, which makes no sense here.
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NotAnAge);
        }
        let number: u32 = number.parse().map_err(|_| NotAnAge)?;
        let hours = number.checked_mul(hours).filter(|hours| *hours <= Self::MOST_DAYS * 24);
        hours.map(|hours| Self { hours }).ok_or(NotAnAge)
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.hours % 24 {
            0 => write!(f, "{}d", self.hours / 24),
            _ => write!(f, "{}h", self.hours),
        }
    }
}

impl TryFrom<String> for Age {
    type Error = NotAnAge;

    fn try_from(text: String) -> Result<Self, NotAnAge> {
        text.parse()
    }
}

impl From<Age> for String {
    fn from(age: Age) -> Self {
        age.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages() {
        for (text, hours, shown) in
            [("36h", 36, "36h"), ("48h", 48, "2d"), ("90d", 2160, "90d"), ("0d", 0, "0d")]
        {
            let age: Age = text.parse().unwrap();
            assert_eq!(age.duration(), Duration::from_secs(hours * 3600));
            assert_eq!(age.to_string(), shown);
        }
        for text in ["", "h", "1", "+1h", "-1d", "1 d", "1w", "10001d", "99999999999d", "1.5d", "４d"] {
            assert_eq!(text.parse::<Age>(), Err(NotAnAge), "{text}");
        }
    }
}
