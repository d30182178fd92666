//! What is wrong with a recipe, and where.

use std::fmt;

/// One thing that is wrong. Displayed as `PATH: MESSAGE`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where, as keys with dots between them and indices from 0: `add.steps[2].needs[0]`. Empty for the
    /// recipe as a whole.
    pub path: String,
    /// What, as a lower-case fragment.
    pub message: String,
}

impl Finding {
    /// A finding at a path.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}
