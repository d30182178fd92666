//! Where plugins are kept and how they are found. It reads plugins and never runs one.
//!
//! A [`Shelf`] is a folder of plugin files. Signatures, lock file and bundles are not there yet: a
//! plugin found here is as trustworthy as whoever may write to the folder, and every listing says
//! that it is unsigned.

pub mod advisory;
mod audit_log;
pub mod bundle;
mod content_store;
mod development;
mod error;
mod external_signer;
mod files;
mod installed;
mod installer;
mod key_file;
mod lock_file;
mod places;
pub mod policy;
mod repositories;
pub mod sbom;
mod shelf;
mod standing;
mod toml_text;
pub mod tuf;

pub use audit_log::{AuditLog, AuditRecord, Outcome, TimeSource, Verified};
pub use content_store::ContentStore;
pub use development::DevelopmentFolders;
pub use error::Error;
pub use external_signer::ExternalSigner;
pub use installed::{Installed, ListedFacts, ListedPlugin, Loaded, Trust};
pub use installer::{
    Change, Explained, ExplainedWord, Failure, Found as FoundPlugin, Installer, Options, Outdated, Plan,
    Reach, Refreshed, Request, Way, add_repository, remove,
};
pub use key_file::{KeyFile, Passphrase, openssh_line, read_public_key};
pub use lock_file::{LockFile, LockFileStore, LockSnapshot, LockedPlugin, LockedRepository};
pub use places::Places;
pub use repositories::{Repositories, Repository, RepositoryKind, RepositoryName};
pub use shelf::{Found, Listed, Shelf, read_plugin};
pub use standing::{Authorised, Standing};
