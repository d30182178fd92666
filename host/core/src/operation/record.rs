//! Operations and their steps, as they are kept.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};
use skywright_contract::Category;
use skywright_state::{Holder, Key};

use super::id::OperationId;
use crate::error::Error;

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Somebody carries it out, or did until they were cut off.
    Running,
    /// It is being taken back.
    Undoing,
    /// It was carried out.
    Done,
    /// It failed, and what it had made was taken back.
    Undone,
    /// It failed, and what it had made is there.
    Failed,
    /// It did not come to its end, and its user has settled what it left.
    Forgotten,
}

impl Phase {
    /// The word for people and scripts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Undoing => "undoing",
            Self::Done => "done",
            Self::Undone => "undone",
            Self::Failed => "failed",
            Self::Forgotten => "forgotten",
        }
    }

    /// Whether nobody carries it out any more. What failed may have left something all the same.
    #[must_use]
    pub fn is_over(self) -> bool {
        self.is_settled() || self == Self::Failed
    }

    /// Whether nothing is left to be done about it.
    #[must_use]
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Done | Self::Undone | Self::Forgotten)
    }
}

/// One change that somebody asked for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct OperationRecord {
    /// Its id.
    pub id: OperationId,
    /// Of which tenant.
    pub tenant: String,
    /// What it is, for people, such as `host create web`.
    pub title: String,
    /// Tells a repetition of the same command from others.
    pub fingerprint: String,
    /// What is to be done, decided to the last id, sealed.
    pub plan: Sealed,
    /// How far it is.
    pub phase: Phase,
    /// Whether a failure leaves what was made.
    pub keep_on_failure: bool,
    /// Who carries it out, or did last.
    pub holder: Holder,
    /// When it began, in milliseconds since 1970, UTC.
    pub started_unix_ms: u64,
    /// When it ended.
    pub ended_unix_ms: Option<u64>,
    /// What nobody else may change meanwhile; `true` for what others may use at the same time.
    pub leases: Vec<(Key, bool)>,
    /// The keys of the records that it reserved.
    pub reserved: Vec<Key>,
    /// What it failed with.
    pub failure: Option<Failure>,
}

/// An error that outlives its process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// What kind.
    pub category: Category,
    /// Its code.
    pub code: String,
    /// What it said.
    pub message: String,
}

impl From<&Error> for Failure {
    fn from(error: &Error) -> Self {
        Self { category: error.category(), code: error.code(), message: error.to_string() }
    }
}

/// One step of an operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StepRecord {
    /// Its name, unique in the operation and the same in every attempt.
    pub name: String,
    /// Its place in the order of asking.
    pub index: u32,
    /// The key that is stamped on what it makes.
    pub intent: String,
    /// When it was asked first, in milliseconds since 1970, UTC.
    pub asked_unix_ms: u64,
    /// What is asked, or what is kept, sealed.
    pub content: Sealed,
    /// How far it is.
    pub status: StepStatus,
}

/// How far a step is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "status")]
pub enum StepStatus {
    /// It was asked; nobody knows what came of it.
    Asked,
    /// The cloud is at it.
    Pending {
        /// The driver's, to be polled.
        token: String,
        /// What is waited for, for people.
        note: String,
    },
    /// It was done.
    Done {
        /// The cloud's id of what was made, if anything was.
        id: String,
    },
    /// It was refused.
    Failed {
        /// With these words.
        message: String,
    },
    /// It was taken back.
    Undone,
    /// A value that the operation keeps for itself.
    Kept,
}

impl StepStatus {
    /// The word for people and scripts.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Pending { .. } => "pending",
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Undone => "undone",
            Self::Kept => "kept",
        }
    }
}

/// Bytes that only this home's key opens, as base64 in JSON.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(BASE64.encode(bytes))
    }

    pub(crate) fn bytes(&self) -> Result<Vec<u8>, Error> {
        BASE64
            .decode(&self.0)
            .map_err(|_| Error::Internal("a sealed value in the state is not base64".to_owned()))
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealed")
    }
}
