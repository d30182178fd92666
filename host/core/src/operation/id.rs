//! Ids of operations, and the intents made of them.

use std::fmt;
use std::str::FromStr;
use std::time::{SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// An operation's id: 16 hexadecimal digits, the seconds when it began and as many of chance. They sort by
/// time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OperationId(String);

impl OperationId {
    /// A new one.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the system gives no random numbers.
    pub fn random() -> Result<Self, Error> {
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        Ok(Self(format!("{:08x}{}", seconds & 0xffff_ffff, HomeId::random()?)))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for OperationId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if text.len() == 16 && text.chars().all(digit) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::NoSuch { kind: "operation", name: text.chars().take(40).collect(), known: Vec::new() })
    }
}

impl TryFrom<String> for OperationId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<OperationId> for String {
    fn from(id: OperationId) -> Self {
        id.0
    }
}

impl fmt::Display for OperationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Tells the resources of one state from those of another that uses the same cloud: 8 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HomeId(String);

impl HomeId {
    /// A new one.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] if the system gives no random numbers.
    pub fn random() -> Result<Self, Error> {
        let mut bytes = [0; 4];
        let filled = SystemRandom::new().fill(&mut bytes);
        filled.map_err(|_| Error::Internal("the system gives no random numbers".to_owned()))?;
        Ok(Self(format!("{:08x}", u32::from_be_bytes(bytes))))
    }

    /// The intent of a step.
    #[must_use]
    pub fn intent(&self, operation: &OperationId, step: u32) -> String {
        format!("{}{operation}-{step:04x}", self.intent_prefix())
    }

    /// What every intent of this home begins with.
    #[must_use]
    pub fn intent_prefix(&self) -> String {
        format!("sw-{}-", self.0)
    }
}

impl fmt::Display for HomeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The operation that an intent of this product belongs to, whichever home's it is.
#[must_use]
pub fn operation_of(intent: &str) -> Option<OperationId> {
    let mut words = intent.strip_prefix("sw-")?.split('-');
    let (_home, operation, _step) = (words.next()?, words.next()?, words.next()?);
    operation.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_back_from_their_text() {
        let id = OperationId::random().unwrap();
        assert_eq!(id.as_str().parse::<OperationId>().unwrap(), id);
        assert_ne!(OperationId::random().unwrap(), id);
        for text in ["", "x", "0123456789ABCDEF", "0123456789abcde", "../etc/passwd-00"] {
            assert!(text.parse::<OperationId>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_intent_says_whose_it_is() {
        let (home, id) = (HomeId::random().unwrap(), OperationId::random().unwrap());
        let intent = home.intent(&id, 0xfffe);
        assert!(intent.len() <= 60 && intent.starts_with(&home.intent_prefix()));
        assert!(intent.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'));
        assert_eq!(operation_of(&intent), Some(id));
        assert_eq!(operation_of("sw-1"), None);
    }
}
