//! Why an expression is not one.

use super::key::Key;

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Something else was expected.
    #[error("found `{found}` where {expected} is expected")]
    Unexpected {
        /// What was expected.
        expected: String,
        /// What is there.
        found: String,
    },
    /// A term ends too early, or is empty.
    #[error("the term ends where {expected} is expected")]
    Incomplete {
        /// What was expected.
        expected: String,
    },
    /// There is no such key.
    #[error("there is no key `{key}`")]
    UnknownKey {
        /// What is there.
        key: String,
        /// The keys that may have been meant, nearest first.
        near: Vec<String>,
    },
    /// A key is given twice.
    #[error("`{key}` is there already, in column {first_column}")]
    Repeated {
        /// The key.
        key: Key,
        /// Where it is for the first time.
        first_column: usize,
    },
    /// The key does not take this operator.
    #[error("`{key}` takes `=` alone, not `{operator}`")]
    OperatorNotAllowed {
        /// The key.
        key: Key,
        /// What is there.
        operator: &'static str,
    },
    /// An interval where one number belongs.
    #[error("`{key}{operator}` takes one number, not an interval")]
    IntervalNotAllowed {
        /// The key.
        key: Key,
        /// The operator before it.
        operator: &'static str,
    },
    /// An interval from more to less.
    #[error("the interval from {minimum} to {maximum} is empty")]
    EmptyInterval {
        /// Where it begins.
        minimum: String,
        /// Where it ends.
        maximum: String,
    },
    /// No machine can be so.
    #[error("no machine has `{key}{bounds}`")]
    AllowsNothing {
        /// The key.
        key: Key,
        /// The operator and the number.
        bounds: String,
    },
    /// A number below 0.
    #[error("`{key}` cannot be negative")]
    Negative {
        /// The key.
        key: Key,
    },
    /// Decimals where the key counts.
    #[error("`{key}` takes whole numbers")]
    NotWhole {
        /// The key.
        key: Key,
    },
    /// More than three decimals.
    #[error("more than three decimals")]
    TooPrecise,
    /// A number beyond the largest, or `~` with one whose double is.
    #[error("the number is too large: the largest is {largest}")]
    TooLarge {
        /// The largest.
        largest: u32,
    },
    /// A quoted name without its end.
    #[error("the quotes are not closed")]
    Unclosed,
}

/// Why an expression is not one: what is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {problem}")]
pub struct SyntaxError {
    expression: String,
    column: usize,
    width: usize,
    problem: Problem,
}

impl SyntaxError {
    pub(super) fn new(expression: String, column: usize, width: usize, problem: Problem) -> Self {
        Self { expression, column, width: width.max(1), problem }
    }

    /// The whole expression, as it was given.
    #[must_use]
    pub fn expression(&self) -> &str {
        &self.expression
    }

    /// Where it is wrong: the first character's number, from 1. One more than there are characters where
    /// something is missing at the end.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &Problem {
        &self.problem
    }

    /// The expression, and below it a line with `^` under what is wrong. Control characters are shown as
    /// spaces; characters that a terminal draws wide, or not at all, displace the `^`.
    #[must_use]
    pub fn snippet(&self) -> String {
        let line: String = self.expression.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        format!("{line}\n{}{}", " ".repeat(self.column - 1), "^".repeat(self.width))
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match &self.problem {
            Problem::UnknownKey { near, .. } if !near.is_empty() => {
                Some(format!("did you mean `{}`?", near.join("` or `")))
            }
            Problem::UnknownKey { .. } => Some(format!("there are: {}", Key::ALL.map(Key::name).join(", "))),
            Problem::Repeated { key: key @ (Key::Count | Key::Template), .. } => {
                Some(format!("give `{key}` once"))
            }
            Problem::Repeated { key, .. } => Some(format!("for both ends of a range write `{key}=[a-b]`")),
            Problem::EmptyInterval { minimum, maximum } => {
                Some(format!("write the lesser first: `[{maximum}-{minimum}]`"))
            }
            Problem::IntervalNotAllowed { key: Key::Count, .. } => {
                Some("`count` is one whole number, such as `count=3`".to_owned())
            }
            Problem::IntervalNotAllowed { key, .. } => Some(format!("write `{key}=[a-b]`")),
            Problem::Negative { key: Key::Gpu } => {
                Some("`gpu=0` asks for no GPU; leave `gpu` out where it does not matter".to_owned())
            }
            Problem::Unexpected { found, .. } if matches!(found.as_str(), "==" | "=<" | "=>" | "!=") => {
                Some("the operators are: = ~ < <= > >=".to_owned())
            }
            Problem::Unexpected { found, .. } if is_unit(found) => {
                Some("numbers have no unit: ram and disk are in GiB, cpufreq is in GHz".to_owned())
            }
            Problem::NotWhole { key: Key::Disk } => Some("disks are in whole GiB".to_owned()),
            _ => None,
        }
    }
}

fn is_unit(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    matches!(
        text.as_str(),
        "k" | "kb"
            | "kib"
            | "m"
            | "mb"
            | "mib"
            | "g"
            | "gb"
            | "gib"
            | "t"
            | "tb"
            | "tib"
            | "hz"
            | "mhz"
            | "ghz"
    )
}
