//! Why a check did not pass.

use skywright_contract::Category;

/// Why a check did not pass.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// A function failed that should not have.
    #[error("{function} failed: {source}{}", describe(source))]
    Call {
        /// The contract's name of it, such as `networks.create`.
        function: &'static str,
        /// What it failed with.
        source: skywright_runtime::Error,
    },
    /// It failed as it should, but with another error.
    #[error("{function} is to fail with {expected}, and failed with {source}{}", describe(source))]
    OtherError {
        /// The function.
        function: &'static str,
        /// The error that the contract wants.
        expected: String,
        /// What it failed with.
        source: skywright_runtime::Error,
    },
    /// It did not fail.
    #[error("{function} is to fail with {expected}, and did not fail")]
    NoError {
        /// The function.
        function: &'static str,
        /// The error that the contract wants.
        expected: String,
    },
    /// What it answered is not so.
    #[error("{what}: {expected} is expected, and it is {found}")]
    Other {
        /// Of what.
        what: String,
        /// What the contract wants.
        expected: String,
        /// What there is.
        found: String,
    },
    /// A change never ended.
    #[error("{function} was still pending after {waited_s} s: {note}")]
    Endless {
        /// The function.
        function: &'static str,
        /// How long was waited in all.
        waited_s: u64,
        /// What the provider said last.
        note: String,
    },
    /// What the check needs could not be made.
    #[error("{what} could not be made: {reason}")]
    Blocked {
        /// What it needs.
        what: &'static str,
        /// Why it is not there.
        reason: String,
    },
    /// The subject could not be started anew.
    #[error(transparent)]
    Launch(#[from] crate::LaunchError),
    /// It does not apply to this provider.
    #[error("{reason}")]
    Skip {
        /// Why not.
        reason: String,
    },
}

/// Category, code and status of an error, for a report that has to say precisely what was wrong.
fn describe(error: &skywright_runtime::Error) -> String {
    let status = error.guest().and_then(|guest| guest.http_status);
    let status = status.map(|status| format!(", HTTP {status}")).unwrap_or_default();
    format!(" ({}, code {}{status})", word(error.category()), error.code())
}

/// A category in the contract's spelling.
pub(crate) fn word(category: Category) -> String {
    serde_json::to_value(category).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

impl Failure {
    pub(crate) fn skip(reason: impl Into<String>) -> Self {
        Self::Skip { reason: reason.into() }
    }
}

/// That something is as the contract wants it.
///
/// # Errors
///
/// [`Failure::Other`].
pub(crate) fn expect(
    holds: bool,
    what: impl Into<String>,
    expected: impl Into<String>,
    found: impl std::fmt::Debug,
) -> Result<(), Failure> {
    if holds {
        return Ok(());
    }
    let found: String = format!("{found:?}").chars().take(400).collect();
    Err(Failure::Other { what: what.into(), expected: expected.into(), found })
}

/// That two are the same.
///
/// # Errors
///
/// [`Failure::Other`].
pub(crate) fn same<T: PartialEq + std::fmt::Debug>(
    what: impl Into<String>,
    expected: &T,
    found: &T,
) -> Result<(), Failure> {
    expect(expected == found, what, format!("{expected:?}"), found)
}
