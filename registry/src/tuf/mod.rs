//! Repositories whose metadata is signed, after The Update Framework.

mod client;
pub mod document;
pub(crate) mod facts;
mod hex;
pub(crate) mod key;
mod library;
mod limits;
mod name;
pub mod operator;
mod outline;
pub(crate) mod path;
pub mod publisher;
mod revocation;
mod store;
mod strict;
pub(crate) mod target;
mod transport;
mod verifier;

pub use client::{Client, Layout};
pub use facts::{HexDigest, PluginFacts, Yanked};
pub use key::{KeyId, KeyPair, PublicKey, Signature, Signer};
pub use limits::Limits;
pub use name::Namespace;
pub use path::{PluginFile, TargetPath};
pub use revocation::{Revocations, RevokedPlugin, RevokedSubject};
pub use store::Store;
pub use target::{RoleTrust, Target, Versions};
pub use transport::{Folder, Http, Memory, Transport, transport_for};
pub use verifier::Verifier;
