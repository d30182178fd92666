//! Why a publication was not admitted.

use skywright_contract::PackageError;

use crate::error::Error;
use crate::tuf::path::TargetPath;

/// Why a publication was not admitted. Nothing of it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The files are not those of a publication.
    #[error("{0}")]
    Layout(String),
    /// Nobody has the namespace.
    #[error("nothing is delegated to the namespace `{0}`")]
    NotDelegated(String),
    /// A role says something that it must not, or not in the way that all clients read.
    #[error("{role}: {reason}")]
    Role {
        /// The role.
        role: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Not enough of those who may sign have signed.
    #[error("{role}: {signed} of the keys that may sign it did, and {threshold} have to")]
    Threshold {
        /// The role.
        role: String,
        /// How many have.
        signed: u64,
        /// How many have to.
        threshold: u64,
    },
    /// A signature that is not good, or of somebody who may not sign.
    #[error("{role}: it has a signature of {key_id}, which may not sign it, or is not its signature")]
    ForeignKey {
        /// The role.
        role: String,
        /// The key that is named.
        key_id: String,
    },
    /// Not the version after the one that is published.
    #[error("{role}: it has version {found}, and version {expected} is due")]
    Version {
        /// The role.
        role: String,
        /// The one that is due.
        expected: u64,
        /// The one that it has.
        found: u64,
    },
    /// It ends too soon.
    #[error("{role}: it ends at {expires}; it has to last {min_days} days at least")]
    ExpiresTooSoon {
        /// The role.
        role: String,
        /// When it ends.
        expires: jiff::Timestamp,
        /// How long it has to last.
        min_days: i64,
    },
    /// A file of somebody else's.
    #[error("{path} is outside of the namespace")]
    OutsideNamespace {
        /// The file.
        path: TargetPath,
    },
    /// A version that was published is never changed.
    #[error("{path} was published before, and {what} differs")]
    Changed {
        /// The file.
        path: TargetPath,
        /// What about it: only `yanked` may change.
        what: &'static str,
    },
    /// A file with its bytes missing, or other bytes.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: TargetPath,
        /// What is wrong with it.
        reason: String,
    },
    /// A component that the host would not take.
    #[error("{path}: {source}")]
    Component {
        /// The file.
        path: TargetPath,
        /// What is wrong with it.
        #[source]
        source: PackageError,
    },
    /// What is signed about a component is not what is in it.
    #[error("{path}: the metadata's {fact} is not the manifest's")]
    Disagrees {
        /// The file.
        path: TargetPath,
        /// The first fact that differs.
        fact: &'static str,
    },
    /// A version without a readable list of what it was built of.
    #[error("{path}: {reason}")]
    Sbom {
        /// Where it should be.
        path: TargetPath,
        /// What is wrong with it.
        reason: String,
    },
    /// More than clients read.
    #[error("{what}: the limit is {limit}")]
    TooMuch {
        /// What there is too much of.
        what: String,
        /// How much there may be.
        limit: u64,
    },
    /// Everything looked right, and a client still would not take it.
    #[error("a new client would not accept it: {0}")]
    Client(#[source] Box<Error>),
}
