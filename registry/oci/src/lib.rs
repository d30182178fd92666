//! OCI registries as a mirror of plugin repositories and bundles.
//!
//! A mirror moves bytes and is trusted with nothing: signatures are those of the repository, and a file's
//! digest in its metadata is the digest of a blob. Below a prefix `oci://HOST/PREFIX` lie
//!
//! - `PREFIX/tuf-metadata:latest`: the repository's metadata, one layer a file, each titled with its name,
//! - `PREFIX/plugins/NAMESPACE/NAME:VERSION`: a plugin's files as a WebAssembly artifact (CNCF layout),
//! - `PREFIX/registry:latest`: the repository's own files,
//! - `PREFIX:TAG`: a bundle, one artifact whose layers are its index and its blobs.
//!
//! No referrers are asked for, and nothing is found by listing: tags and digests are enough.
//!
//! Errors are those of `skywright-registry`. Requests are made by `oci-client`, over rustls with ring.

mod artifact;
mod bundle;
mod connection;
mod location;
mod mirror;
mod push;

pub use bundle::{pull_bundle, push_bundle};
pub use connection::{Access, Credentials};
pub use location::Location;
pub use mirror::Mirror;
pub use push::{Pushed, push_repository};
