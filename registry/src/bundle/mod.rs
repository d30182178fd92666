//! Bundles: what is carried to a place without a network.
//!
//! A bundle is an OCI image layout in one archive, `oci-layout`, `index.json` and `blobs/sha256/…`, that is
//! the same for the same contents. In it are
//!
//! - `upstream-metadata`: the signed metadata of the repository that the plugins are from, byte for byte,
//! - `site-metadata`: the signed metadata of a repository of the site's own, which lists what was vetted,
//! - `plugins/NAMESPACE/NAME:VERSION`: one WebAssembly artifact (CNCF layout) for each plugin, whose layers
//!   are the component, its bill of materials, and whatever else was published with it,
//! - `registry`: the repository's own files, such as what it revoked,
//! - anything else, such as the images and packages that a feature installs: kept, listed, and held against
//!   the digests by which the site names them.
//!
//! A plugin is taken from it if the publisher's repository and the site's name the same path, length and
//! digest ([`Policy::Vetted`]). Whether the publisher's metadata was fresh is judged as of the vetting, by
//! the time that the site signed; whether the site's is, by the clock inside.

mod archive;
mod contents;
mod inspect;
mod judge;
mod limits;
mod load;
mod oci;
mod problem;
mod record;
mod save;
mod site;
#[cfg(test)]
mod tests;
mod vet;
mod writer;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use skywright_contract::{Digest, PluginId};

use crate::tuf::TargetPath;

pub use contents::Bundle;
pub use inspect::{InspectedArtifact, InspectedFile, InspectedRole, Inspection};
pub use judge::{Policy, SiteWord, Trust, Verified, VerifiedFile, verify};
pub use limits::Limits;
pub use load::{Current, Loaded, Roots};
pub use problem::BundleProblem;
pub use record::Vetting;
pub use save::{Saved, SavedFile, Selection, Since, save};
pub use site::Validity;
pub use vet::{Desk, Vetted, renew, vet};
pub use writer::pack;

/// What an index says it is.
pub const ARTIFACT_TYPE: &str = "application/vnd.skywright.plugin-bundle.v1";
/// What an artifact that holds a repository's metadata says it is.
pub const METADATA_TYPE: &str = "application/vnd.skywright.tuf-metadata.v1";
/// What the artifact with a repository's own files says it is.
pub const REGISTRY_TYPE: &str = "application/vnd.skywright.registry-files.v1";
/// The annotation of an index that names the bundle whose blobs it leaves out.
const SINCE: &str = "skywright.bundle.since";

/// Whose word a repository is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// The repository that the plugins were published in.
    Upstream,
    /// The repository in which the site lists what it vetted.
    Site,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Upstream => "upstream",
            Self::Site => "site",
        })
    }
}

/// What an artifact of a bundle is, by its name and types.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactKind {
    /// A repository's metadata.
    Metadata(Side),
    /// A plugin's files.
    Plugin {
        /// Which.
        id: PluginId,
        /// In which version.
        version: semver::Version,
    },
    /// The repository's own files.
    Registry,
    /// Something that this program only carries.
    Other,
}

/// An artifact that a bundle lists.
#[derive(Debug, Clone)]
pub struct Artifact {
    /// Its name in the index.
    pub name: String,
    /// What it is.
    pub kind: ArtifactKind,
    /// Of its manifest.
    pub digest: Digest,
    /// Its files; of [`ArtifactKind::Other`], none is looked at.
    pub layers: Vec<Layer>,
    /// Every blob that it consists of, with its length in bytes.
    pub blobs: BTreeMap<Digest, u64>,
    descriptor: oci::Descriptor,
}

/// A file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// Its file name.
    pub title: String,
    /// Its path in the repository, if it is a target.
    pub path: Option<TargetPath>,
    /// As whoever wrote the bundle says.
    pub media_type: String,
    /// Of its bytes.
    pub digest: Digest,
    /// Of its bytes.
    pub length_bytes: u64,
}
