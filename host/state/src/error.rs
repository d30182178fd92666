//! Why something could not be kept or found.

use std::path::PathBuf;

use skywright_contract::{Blame, Category};

use crate::entry::Version;
use crate::holder::Holder;
use crate::key::Key;

/// Why something could not be kept or found. No value is in any text of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Others kept the file locked for as long as was waited.
    #[error("{}: other processes kept it locked for {waited_ms} ms", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// How long was waited.
        waited_ms: u64,
    },
    /// A key does not have the version that the transaction requires. Nothing was changed.
    #[error("`{key}` was changed by somebody else: {}", versions(*expected, *found))]
    Conflict {
        /// The key.
        key: Key,
        /// What was required.
        expected: Version,
        /// What it has.
        found: Version,
    },
    /// The file is damaged.
    #[error("{} is damaged: {reason}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What was noticed.
        reason: String,
    },
    /// The engine failed in a way that none of the others describes.
    #[error("{}: {reason}", path.display())]
    Engine {
        /// The file.
        path: PathBuf,
        /// What it said.
        reason: String,
    },
    /// Others have rights on a file or folder that must be this user's alone.
    #[error("{} is not this user's alone: {reason}", path.display())]
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// How so.
        reason: &'static str,
        /// The mode that it has to have, if the mode is what is wrong.
        mode: Option<u32>,
    },
    /// A file or folder could not be used.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// There is no room for what should be written. What was there is unchanged.
    #[error("{} cannot grow: {reason}", path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// What the engine said.
        reason: String,
    },
    /// Somebody else has the lease.
    #[error("`{name}` is held by {holder}")]
    Held {
        /// The lease.
        name: Key,
        /// Who has it.
        holder: Box<Holder>,
    },
    /// The text is not a key.
    #[error("`{text}` is not a key: {reason}")]
    Key {
        /// Its beginning.
        text: String,
        /// Why not.
        reason: &'static str,
    },
    /// The lease was taken over by somebody else. Nothing was changed.
    #[error("the lease of `{name}` was lost to somebody else")]
    LeaseLost {
        /// One of its names.
        name: Key,
    },
    /// The file lies where locks between processes cannot be trusted.
    #[error("{} is on a network file system", path.display())]
    NetworkFileSystem {
        /// The file.
        path: PathBuf,
    },
    /// A newer release wrote the file.
    #[error("{} has format {found}, and this release knows {known} at most", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// The file is something else.
    #[error("{} is not a state file: {reason}", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// The system does not say who this process is.
    #[error("cannot tell what process this is: {path}: {reason}")]
    Process {
        /// The file of `/proc`.
        path: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The system gave no random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// The file may not be written.
    #[error("{} cannot be written", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// The file of the master key does not hold one.
    #[error("{} is not a master key: {reason}", path.display())]
    MasterKey {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: &'static str,
    },
    /// More than a store takes.
    #[error("{what} of {size} is more than the {limit} that a store takes")]
    TooLarge {
        /// What, such as "a value".
        what: &'static str,
        /// How large it is: bytes of a value, entries of a transaction.
        size: usize,
        /// The limit, likewise.
        limit: usize,
    },
    /// A sealed value does not open: another key, another context, or changed bytes. Which of them
    /// cannot be told.
    #[error("the secret `{context}` does not open: {reason}")]
    Unseal {
        /// What it was to be.
        context: String,
        /// What is known.
        reason: &'static str,
    },
    /// A value is not what was expected under its key.
    #[error("the value of `{key}` cannot be {action}: {reason}")]
    Value {
        /// Its key.
        key: Key,
        /// `read` or `written`.
        action: &'static str,
        /// What is wrong, without any of the value.
        reason: String,
    },
}

fn versions(expected: Version, found: Version) -> String {
    match (expected, found) {
        (Version::ABSENT, _) => "it is there already".to_owned(),
        (_, Version::ABSENT) => "it is no longer there".to_owned(),
        _ => format!("version {expected} was expected, and it has {found}"),
    }
}

impl Error {
    /// What kind of failure it was.
    #[must_use]
    pub fn category(&self) -> Category {
        match self {
            Self::Conflict { expected: Version::ABSENT, .. } => Category::AlreadyExists,
            Self::Conflict { .. } | Self::LeaseLost { .. } => Category::Conflict,
            Self::Held { .. } => Category::InUse,
            Self::Key { .. } | Self::TooLarge { .. } => Category::InvalidRequest,
            Self::Busy { .. } | Self::File { .. } | Self::ReadOnly { .. } | Self::Random => {
                Category::Unavailable
            }
            Self::Full { .. } => Category::Capacity,
            Self::Exposed { .. } => Category::Forbidden,
            Self::NetworkFileSystem { .. } | Self::Newer { .. } | Self::Process { .. } => {
                Category::Unsupported
            }
            Self::Corrupt { .. } | Self::NotAStore { .. } | Self::MasterKey { .. } | Self::Unseal { .. } => {
                Category::Other
            }
            Self::Engine { .. } | Self::Value { .. } => Category::Internal,
        }
    }

    /// Who has to act on it.
    #[must_use]
    pub fn blame(&self) -> Blame {
        match self {
            Self::Engine { .. } | Self::Key { .. } | Self::TooLarge { .. } | Self::Value { .. } => {
                Blame::Host
            }
            _ => Blame::Operator,
        }
    }

    /// The error's own name, stable for scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Busy { .. } => "state-busy",
            Self::Conflict { .. } => "state-conflict",
            Self::Corrupt { .. } => "state-corrupt",
            Self::Engine { .. } => "state-engine",
            Self::Exposed { .. } => "state-exposed",
            Self::File { .. } => "state-file",
            Self::Full { .. } => "state-full",
            Self::Held { .. } => "lease-held",
            Self::Key { .. } => "state-key",
            Self::LeaseLost { .. } => "lease-lost",
            Self::NetworkFileSystem { .. } => "state-network-file-system",
            Self::Newer { .. } => "state-newer",
            Self::NotAStore { .. } => "state-not-a-store",
            Self::Process { .. } => "state-process",
            Self::Random => "state-random",
            Self::ReadOnly { .. } => "state-read-only",
            Self::MasterKey { .. } => "master-key",
            Self::TooLarge { .. } => "state-too-large",
            Self::Unseal { .. } => "state-unseal",
            Self::Value { .. } => "state-value",
        }
    }

    /// What can be done about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Busy { path, .. } => {
                format!("`fuser {}` names the processes; one may be stopped or hang", path.display())
            }
            Self::Conflict { .. } => "look again, then try again".to_owned(),
            Self::Corrupt { path, .. } => format!(
                "keep a copy of {0} with its -wal and -shm, then restore a backup or try `sqlite3 {0} .recover`",
                path.display()
            ),
            Self::Exposed { path, mode: Some(mode), .. } => format!("`chmod {mode:o} {}`", path.display()),
            Self::Exposed { .. } => "run as the user who owns it, or set SKYWRIGHT_HOME".to_owned(),
            Self::Full { .. } => "make room on the disk, or in the quota, and try again".to_owned(),
            Self::Held { .. } => "wait until it is done, or stop that process".to_owned(),
            Self::LeaseLost { .. } => "look at what the other did, then try again".to_owned(),
            Self::NetworkFileSystem { .. } => {
                "set SKYWRIGHT_HOME or XDG_STATE_HOME to a folder on a local disk".to_owned()
            }
            Self::Newer { .. } => "use the release that wrote it, or a newer one".to_owned(),
            Self::NotAStore { path, .. } => format!("move {} out of the way", path.display()),
            Self::ReadOnly { path } => {
                format!("make {} and its folder writable for this user", path.display())
            }
            Self::MasterKey { path, .. } => {
                format!("restore {} from a backup; without it, kept secrets are lost", path.display())
            }
            Self::Unseal { .. } => {
                "restore the master key that belongs to this state from a backup, or set the secret anew"
                    .to_owned()
            }
            _ => return None,
        };
        Some(hint)
    }
}

/// Says which file could not be used for what.
pub(crate) fn file_error(
    action: &'static str,
    path: impl Into<PathBuf>,
) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.into();
    move |source| Error::File { action, path, source }
}
